# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys that come when data is there already."""

import contextlib
import itertools
import threading

from lib import ktls, regs, rx, tcp, wait
from lib.cases import Registry, at_least, equal
from lib.ktls import Keys, Write
from lib.rxstream import Stream
from .bulk import decrypts_again
from .framing import COMBINATIONS
from .lost import find_place, one_by_one, pieces, send

registry = Registry()


def install_late(context, family, cipher, queued, meanwhile=contextlib.nullcontext):
    """Records are queued, or on their way, when the keys are installed: those are for
    software, then the NIC finds its place, and nothing is lost. meanwhile() is around what
    comes until the NIC has asked."""
    stream = Stream(context, Keys(cipher), family, install=False)
    before = list(itertools.chain.from_iterable(pieces(stream) for _ in range(3)))
    for piece in before[:queued]:
        send(stream, piece)
    stream.peer.wait_acked()
    stream.install(alone=False)
    with meanwhile():
        send(stream, *before[queued:])
        one_by_one(stream, 4)
        stream.answered()
    more = find_place(stream)
    equal(len(stream.trace.fates()), 12 + more, "records")
    stream.evidence.no_errors()
    return more


@registry.case("case-39-data-before-keys/answer-too-late")
def too_late(context):
    """The NIC answers no question before the driver gives up waiting for it."""
    more = install_late(context, 4, ktls.GCM128, 3, regs.Registers().silent_admin)
    at_least(more, 1, "records until the NIC asked again")


def install_in_flight(context, family, cipher):
    """The far kernel sends while the near one installs its keys: once the NIC has its place,
    everything is decrypted."""
    flow = rx.Flow(context, Keys(cipher), family, install=False)
    ktls.install(flow.far, flow.keys, ktls.TLS_TX)
    script = tuple(Write(5000 + 100 * i) for i in range(100))
    size = ktls.size_of(script)
    sender = threading.Thread(target=flow.play, args=(script,))
    sender.start()
    wait.until(lambda: tcp.queued(flow.near) > 20_000, "bytes arrived before the keys")
    ktls.install(flow.near, flow.keys, ktls.TLS_RX)
    flow.evidence.offloaded(flow.near)
    flow.reader = rx.Reader(flow.near)
    sender.join(tcp.SECONDS)
    flow.reader.wait_for(size)
    took = decrypts_again(flow)
    context.note(f"after {size} bytes on the way {took} bytes until all is decrypted; "
                 f"{flow.evidence.resync_counters()}")
    flow.finish()
    flow.evidence.gone()
    at_least(flow.evidence.moved("rx_tls_resync_res_ok"), 1, "rx_tls_resync_res_ok")
    flow.evidence.no_errors()


for _family, _cipher in COMBINATIONS:
    _end = f"v{_family}/{_cipher.label}"
    for _queued in (1, 2, 3, 4, 8):
        registry.add(f"case-39-data-before-keys/{_queued}-segments/{_end}", install_late,
                     _family, _cipher, _queued)
    registry.add(f"case-39-data-before-keys/in-flight/{_end}", install_in_flight, _family, _cipher)
