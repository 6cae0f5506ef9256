# SPDX-License-Identifier: GPL-2.0-or-later
"""Streams on a clean link, all sizes of records: everything is decrypted by the NIC."""

from lib import rx
from lib.cases import Registry
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
LONG_NUMBER = (1 << 63) + (1 << 32) - 3     # needs all 64 bits, and carries into the upper half


def clean(context, script, mss, family, cipher, first=0):
    """On a clean link everything is decrypted by the NIC."""
    flow = rx.Flow(context, Keys(cipher, first=first), family, mss)
    flow.evidence.offloaded(flow.near)
    flow.play(script)
    again = flow.finish()
    flow.evidence.gone()
    flow.evidence.script_decrypted(script, again[1], cipher=cipher)


for _family, _cipher in COMBINATIONS:
    _end = f"v{_family}/{_cipher.label}"
    for _name, _script in SCRIPTS.items():
        registry.add(f"stream/{_name}/{_end}", clean, _script, MSS.get(_name), _family, _cipher)
    registry.add(f"stream/record-numbers/{_end}", clean, (Write(200_000), Write(17)), None,
                 _family, _cipher, LONG_NUMBER)
