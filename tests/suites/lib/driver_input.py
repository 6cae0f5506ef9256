# SPDX-License-Identifier: GPL-2.0-or-later
"""What the driver is given by the stack, packet by packet, and what that must cost.

A capture in front of the driver shows each packet as the driver gets it: before
segmentation, in plaintext, in its order. From that alone follows how often the
driver has to move the connection's context, and how much of a record it has to
read again for it; or, without replay, what software has to encrypt."""

import bisect
import itertools
from dataclasses import dataclass

from . import capture, system
from .cases import Failed, at_least, check, equal
from .ktls import HEADER, TAG

MOST_LATE = 2                   # units that come too late for the driver, in one stream


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


class DriverInput:
    """Made before the connection; sees what the local port's driver is given."""

    def __init__(self, context):
        self.capture = context.enter_context(capture.Capture(remote=False, outgoing=True))
        self.first = None

    def units(self, port, preamble=0):
        """All packets with payload of the connection from that port, since the last
        call; places count from the first byte after those that went out before the keys."""
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

    def bytes(self, ports):
        """All payload of the connections from these ports since the last call."""
        return sum(len(frame.payload) for frame in self.capture.frames()
                   if frame.protocol == 6 and frame.ports[0] in ports)


@dataclass
class Cost:
    """What the driver's and the NIC's counters must show."""
    ooo: int = 0
    resync: int = 0
    resync_bytes: int = 0
    skipped: int = 0            # packets from before the keys
    software: int = 0           # packets that software encrypts
    jump: bool = False          # it is that of the units before the first that jumps ahead
    bytes: int = 0              # TCP payload that the NIC encrypts
    payload: int = 0            # and what of it is encrypted


class Layout:
    """Where the records of a stream begin."""

    def __init__(self, stream, cipher):
        self.front = cipher.front
        self.starts = [0]
        while self.starts[-1] < len(stream):
            at = self.starts[-1]
            self.starts.append(at + HEADER + int.from_bytes(stream[at + 3:at + 5], "big"))
        equal(self.starts[-1], len(stream), "the end of the last record")

    def start_of(self, place):
        """The start of the record in which that byte is."""
        return self.starts[bisect.bisect_right(self.starts, place) - 1]

    def payload(self, unit):
        """How many of its bytes are encrypted."""
        begin = bisect.bisect_right(self.starts, unit.at) - 1
        end = bisect.bisect_left(self.starts, unit.end)
        return sum(max(0, min(unit.end, after - TAG) - max(unit.at, start + self.front))
                   for start, after in zip(self.starts[begin:end], self.starts[begin + 1:end + 1]))


def cost(units, layout, late=()):
    """Each unit that does not begin where the one before ended costs one resync, whose
    prefix is what its record has before it. A unit from before the keys costs none,
    and leaves the context where it is; so do those that are dropped since they came too
    late, of which the numbers are given."""
    total, expected = Cost(), 0
    for number, unit in enumerate(units):
        total.ooo += unit.at != expected
        if unit.at < 0:
            total.skipped += 1
            continue
        if number in late:
            continue
        if unit.at != expected:
            total.resync += 1
            total.resync_bytes += unit.at - layout.start_of(unit.at)
        total.bytes += unit.size
        total.payload += layout.payload(unit)
        expected = unit.end
    return total


def cost_without_replay(units, layout, late=()):
    """A unit that lies before the context's place is software's, and leaves the context where
    it is; the others are as for cost(). One that lies ahead makes the driver ask the core,
    and when that answers does not follow from the units."""
    total, expected = Cost(), 0
    for number, unit in enumerate(units):
        total.ooo += unit.at != expected
        if unit.at > expected:
            total.jump = True
            break
        if unit.at < 0:
            total.skipped += 1
        elif number in late:
            pass
        elif unit.at < expected:
            total.software += 1
        else:
            total.bytes += unit.size
            total.payload += layout.payload(unit)
            expected = unit.end
    return total


def _numbers_of_repeated(units):
    """Those units that begin before the furthest byte that the driver had been given."""
    furthest, found = 0, []
    for number, unit in enumerate(units):
        if 0 <= unit.at < furthest:
            found.append(number)
        furthest = max(furthest, unit.end)
    return found


def repeated(units):
    """What was sent again, as (first byte, byte after the last)."""
    return [(units[number].at, units[number].end) for number in _numbers_of_repeated(units)]


def _names(want):
    """The counters that show a cost (what went to software first, for that would explain
    why others are too small)."""
    return {"tx_tls_fallback": want.software, "tx_tls_ooo": want.ooo, "tx_tls_resync": want.resync,
            "tx_tls_resync_bytes": want.resync_bytes, "tx_tls_skip_no_sync_data": want.skipped,
            "hw_tls_tx_bytes": want.bytes, "tx_tls_encrypted_bytes": want.payload}


def check_counters(counters, units, layout):
    """The counters show exactly what these units cost, and nothing went to software that need
    not.

    A unit that is sent again can be acknowledged, and its record forgotten, on its way from
    TCP to the driver, which drops it then and counts that (case 13). So many of the units
    that were sent again may be missing, whichever they are, if the rest is what the counters
    show."""
    again = _numbers_of_repeated(units)
    dropped = counters["tx_tls_drop_no_sync_data"]
    check(dropped <= MOST_LATE and dropped <= len(again),
          f"{dropped} packets had no record, of {len(again)} that were sent again")
    of = cost if system.REPLAYS else cost_without_replay
    lates = list(itertools.combinations(again, dropped))
    costs = [of(units, layout, late) for late in lates]
    if costs[0].jump:
        _check_jumped(counters, units, costs[0], lates)
        return costs[0]
    for want in costs:
        if all(counters[name] == value for name, value in _names(want).items()):
            return want
    for name, value in _names(costs[0]).items():
        equal(counters[name], value, name)
    return costs[0]


def _check_jumped(counters, units, before, lates):
    """The context was not moved into a record: the core was asked, and each unit was encrypted
    by the NIC or in software, the former at least until the jump. lates: which units may be
    those that were dropped, too late."""
    equal(counters["tx_tls_resync"], 0, "tx_tls_resync")
    at_least(counters["tx_tls_resync_req"], 1, "tx_tls_resync_req")
    at_least(counters["hw_tls_tx_bytes"], before.bytes, "hw_tls_tx_bytes")
    done = counters["hw_tls_tx_bytes"] + counters["tx_tls_fallback_bytes"]
    wanted = {sum(unit.size for number, unit in enumerate(units)
                  if unit.at >= 0 and number not in late) for late in lates}
    check(done in wanted, f"hw_tls_tx_bytes and tx_tls_fallback_bytes: {done}, "
                          f"none of {sorted(wanted)}")
