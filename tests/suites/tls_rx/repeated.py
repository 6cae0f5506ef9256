# SPDX-License-Identifier: GPL-2.0-or-later
"""Segments that are not the next ones: what has been there already, and what is far ahead."""

from lib import rawpeer, tcp
from lib.cases import Registry, equal
from lib.ktls import Keys
from lib.rxstream import Stream
from .framing import COMBINATIONS
from .lost import pieces, send

registry = Registry()


def old_segments(context, family, cipher):
    """Duplicates, overlaps and keepalives: the NIC passes them on and stays where it
    is, in the middle of a record as well."""
    stream = Stream(context, Keys(cipher), family)
    parts = []
    for _ in range(6):
        parts += pieces(stream)
    for i, (start, end) in enumerate(parts):
        stream.put(start, end)
        stream.peer.wait_acked()
        stream.put(start, end)                      # again
        stream.put(max(0, start - 300), end - 1)    # most of it, and more before it
        stream.peer.put(end - 1, b"\xff")           # a keepalive with a byte of garbage
        stream.peer.put(end - 1, b"", flags=rawpeer.ACK)
        if i % 2:
            stream.put(max(0, start - 1200), start - 100)
    stream.finish()
    equal(stream.trace.fates(), ["hw"] * 6, "what became of the records")
    stream.evidence.decrypted(len(parts), stream.encrypted, len(stream.stream))
    equal(stream.evidence.resync_counters(), {}, "resyncs")
    stream.evidence.no_errors()


def far_ahead(context, family, cipher):
    """Somebody sends segments far ahead of the stream, and out of its window: the stream
    is decrypted all the same, and no number from the kernel is needed."""
    stream = Stream(context, Keys(cipher), family)
    for distance in (100_000, 1 << 20, 1 << 28):
        send(stream, *pieces(stream))
        stream.peer.wait_acked()
        stream.peer._put(stream.peer.seq(len(stream.stream) + distance), rawpeer.ACK,
                         tcp.data("far", 1000))
        send(stream, *pieces(stream))
        stream.peer.wait_acked()
    stream.finish()
    equal(stream.trace.fates(), ["hw"] * 6, "what became of the records")
    stream.evidence.no_errors()


for _family, _cipher in COMBINATIONS:
    _end = f"v{_family}/{_cipher.label}"
    registry.add(f"case-41-old-segments/{_end}", old_segments, _family, _cipher)
    registry.add(f"case-41-far-ahead/{_end}", far_ahead, _family, _cipher)
