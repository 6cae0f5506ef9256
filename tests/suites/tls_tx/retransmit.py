# SPDX-License-Identifier: GPL-2.0-or-later
"""One segment is lost, chosen to the byte. What is sent again is the ciphertext of
the first time, and costs exactly one move of the context and one back.

The link does not drop the segment but flips a bit of it: TCP does not take it, and
yet the capture has both copies."""

from lib import accounted, link, tcp
from lib.cases import Registry, equal
from lib.ktls import TAG, Keys, Write
from lib.offload import SETTLED, Spec
from . import ready
from .stream import COMBINATIONS, combination_name

registry = Registry()
M = 588                         # payload of a segment: 600 less TCP's timestamps


def whole(segments, cipher):
    """A record that fills exactly so many segments."""
    return Write(segments * M - cipher.over)


def with_tag_at(place, cipher):
    """A record whose tag begins at that byte."""
    return Write(place + TAG - cipher.over)


def faults(cipher):
    """Case: script, first and last byte of the segment that is lost. New data follows in
    any case, first after the loss and then when all is repaired."""
    first, second = (whole(segments, cipher) for segments in (2, 3))
    return {
        "case-04-retransmit-mid-record": ((Write(7 * M + 100),), 2 * M, 3 * M),
        "case-05-retransmit-tag":
            ((with_tag_at(3 * M, cipher), second), 3 * M, 3 * M + TAG),
        "case-05-retransmit-part-of-tag":
            ((with_tag_at(3 * M - 7, cipher), second), 3 * M, 3 * M + TAG - 7),
        "case-05-retransmit-last-block-and-tag":
            ((with_tag_at(3 * M + 5, cipher), second), 3 * M, 3 * M + 5 + TAG),
        "case-06-retransmit-record-start": ((first, first, second), 2 * M, 3 * M),
        "case-07-retransmit-end-and-start": ((Write(20_000),), 27 * M, 28 * M),
    }


def lost(context, script, first, last, family, cipher, tso):
    ready(tso)
    spoiled = first + 3
    faults = context.enter_context(link.Link(rules=f"corrupt conn 1 tx byte {spoiled}"))
    spec = Spec(script=(*script, SETTLED, Write(3 * M)),
                keys=Keys(cipher), family=family, tso=tso, mss=M + 12, capture=True)
    run = accounted.Run(context, spec, (spoiled,))
    run.near.setsockopt(tcp.socket.IPPROTO_TCP, tcp.socket.TCP_NODELAY, 1)
    equal(tcp.segment_size(run.near), M, "payload of a segment")
    run.start()
    run.play()
    result = run.finish()
    equal((faults.hits(), result.wire.spoiled), (1, 1), "segments that the link spoiled")
    accounted.exactly(context, run, result)
    accounted.sent_again(run, result, first, last)


for _combination in COMBINATIONS:
    for _name, _fault in faults(_combination[1]).items():
        registry.add(f"{_name}/{combination_name(*_combination)}", lost, *_fault,
                     *_combination)
