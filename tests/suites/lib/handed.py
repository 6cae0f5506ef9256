# SPDX-License-Identifier: GPL-2.0-or-later
"""What the stack hands to the driver, packet by packet, and what that must cost.

A capture in front of the driver shows each packet as the driver gets it: before
segmentation, in plaintext, in its order. From that alone follows how often the
driver has to move the connection's context, and how much of a record it has to
read again for it."""

import bisect
from dataclasses import dataclass

from . import capture
from .cases import Failed, equal

HEADER, FRONT, TAG = 5, 5 + 8, 16


def signed(number):
    """A difference of TCP sequences as the number it means."""
    return (number + (1 << 31) & (1 << 32) - 1) - (1 << 31)


@dataclass(frozen=True)
class Unit:
    """One packet with payload: where it begins in the encrypted stream, and how long
    it is."""
    at: int
    size: int

    @property
    def end(self):
        return self.at + self.size


class Handed:
    """Made before the connection; sees what the local port's driver is given."""

    def __init__(self, context):
        self.capture = context.enter_context(capture.Capture(remote=False, outgoing=True))
        self.first = None

    def units(self, port, preamble=0):
        """All packets with payload of the connection from that port, since the last
        call; places count from behind the bytes that went out before the keys."""
        found = []
        for frame in self.capture.frames():
            if frame.protocol != 6 or frame.ports[0] != port:
                continue
            if frame.segment[13] & 2:           # SYN
                self.first = frame.tcp_seq + 1
            if self.first is None:
                raise Failed("the capture does not show the start of the connection")
            if frame.payload:
                at = signed(frame.tcp_seq - self.first) - preamble
                found.append(Unit(at, len(frame.payload)))
        return found


@dataclass
class Cost:
    """What the driver's and the NIC's counters must show."""
    ooo: int = 0
    resync: int = 0
    resync_bytes: int = 0
    skipped: int = 0            # packets from before the keys
    bytes: int = 0              # TCP payload that the NIC encrypts
    payload: int = 0            # and what of it is the records' own content


class Layout:
    """Where the records of a stream begin, TLS 1.2 and AES-GCM."""

    def __init__(self, stream):
        self.starts = [0]
        while self.starts[-1] < len(stream):
            at = self.starts[-1]
            self.starts.append(at + HEADER + int.from_bytes(stream[at + 3:at + 5], "big"))
        equal(self.starts[-1], len(stream), "the end of the last record")

    def start_of(self, place):
        """The start of the record in which that byte is."""
        return self.starts[bisect.bisect_right(self.starts, place) - 1]

    def payload(self, unit):
        """How many of its bytes are a record's content."""
        begin = bisect.bisect_right(self.starts, unit.at) - 1
        end = bisect.bisect_left(self.starts, unit.end)
        return sum(max(0, min(unit.end, after - TAG) - max(unit.at, start + FRONT))
                   for start, after in zip(self.starts[begin:end], self.starts[begin + 1:end + 1]))


def cost(units, stream):
    """Each unit that does not begin where the one before ended costs one resync, whose
    prefix is what its record has before it. A unit from before the keys costs none,
    and leaves the context where it is."""
    layout, total, expected = Layout(stream), Cost(), 0
    for unit in units:
        total.ooo += unit.at != expected
        if unit.at < 0:
            total.skipped += 1
            continue
        if unit.at != expected:
            total.resync += 1
            total.resync_bytes += unit.at - layout.start_of(unit.at)
        total.bytes += unit.size
        total.payload += layout.payload(unit)
        expected = unit.end
    return total


def repeated(units):
    """The units that begin before the furthest byte that had been handed over: what
    was sent again, as (first byte, byte behind the last)."""
    furthest, found = 0, []
    for unit in units:
        if 0 <= unit.at < furthest:
            found.append((unit.at, unit.end))
        furthest = max(furthest, unit.end)
    return found


def paid(counters, units, stream):
    """The counters show exactly what these units cost, and nothing went to software
    (first, for that would explain why others are too small)."""
    want = cost(units, stream)
    for name, value in (("tx_tls_fallback", 0),
                        ("tx_tls_ooo", want.ooo), ("tx_tls_resync", want.resync),
                        ("tx_tls_resync_bytes", want.resync_bytes),
                        ("tx_tls_skip_no_sync_data", want.skipped),
                        ("hw_tls_tx_bytes", want.bytes),
                        ("tx_tls_encrypted_bytes", want.payload)):
        equal(counters[name], value, name)
    return want
