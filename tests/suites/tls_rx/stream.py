# SPDX-License-Identifier: GPL-2.0-or-later
"""Streams on a clean link, all sizes of records: everything is decrypted by the NIC."""

from lib import ktls, rx, tcp
from lib.cases import Registry, at_least
from lib.ktls import ALERT, HANDSHAKE, Control, Keys, Write
from .framing import COMBINATIONS

registry = Registry()
SIZES = (1, 2, 3, 5, 12, 13, 15, 16, 17, 28, 29, 31, 32, 33, 100, 255, 256, 257, 1000, 1399,
         1400, 1418, 1419, 1420, 1447, 1448, 1449, 2896, 4095, 4096, 4097, 8191, 9000, 16383,
         16384)
SCRIPTS = {
    "record-sizes": tuple(Write(size) for size in SIZES * 3),
    "one-big-write": (Write(2 << 20),),
    "many-tiny-records": tuple(Write(1 + i % 40) for i in range(1500)),
    "control-records": (Write(5000), Control(2, ALERT), Write(100), Control(300, HANDSHAKE),
                        Write(20_000), Control(1, ALERT)),
}
MSS = {"record-sizes": 1337, "many-tiny-records": 1001}


def content(script, seed):
    return tcp.data(seed, ktls.size_of(script))


def clean(context, script, mss, family, cipher):
    """On a clean link everything is decrypted by the NIC."""
    flow = rx.Flow(context, Keys(cipher), family, mss)
    flow.evidence.offloaded(flow.near)
    flow.sender.play(script, content(script, "clean"))
    again = flow.finish()
    flow.evidence.gone()
    if again[0]:        # a slow machine's timeout
        at_least(flow.evidence.share(), 0.5, "share that was decrypted")
        flow.evidence.no_errors()
        return
    sizes = rx.records_of(script)
    flow.evidence.all_decrypted(sum(sizes), rx.stream_size(sizes), len(sizes))


def record_numbers(context, family, cipher):
    """Record numbers that need all 64 bits, on the way there and in resyncs."""
    flow = rx.Flow(context, Keys(cipher, first=(1 << 63) + (1 << 32) - 3), family)
    script = (Write(200_000), Write(17))
    flow.sender.play(script, content(script, "numbers"))
    flow.finish()
    flow.evidence.gone()
    at_least(flow.evidence.share(), 0.99, "share that was decrypted")
    flow.evidence.no_errors()


for _family, _cipher in COMBINATIONS:
    _end = f"v{_family}/{_cipher.name[-3:]}"
    for _name, _script in SCRIPTS.items():
        registry.add(f"stream/{_name}/{_end}", clean, _script, MSS.get(_name), _family, _cipher)
    registry.add(f"stream/record-numbers/{_end}", record_numbers, _family, _cipher)
