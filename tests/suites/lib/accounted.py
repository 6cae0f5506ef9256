# SPDX-License-Identifier: GPL-2.0-or-later
"""A kTLS stream with both ends of the driver in view, what it was given and what came out of
it, so that each packet is accounted for. The link may damage chosen places of the stream."""

from . import capture, nic, offload
from .cases import check, equal
from .driver_input import DriverInput, Layout, check_counters, repeated, signed
from .packet import Frame


class Mended(capture.Stream):
    """A stream of which the link has spoiled single bytes, each by its lowest bit. Both
    the spoiled segment and its repetition are seen, so that they can be compared."""

    def __init__(self, port, places):
        super().__init__(port)
        self.places = places            # bytes of the stream, as rules count them
        self.spoiled = 0
        self.fin_payload = None         # what the segment with the FIN carries

    def _segment(self, frame):
        if not frame.l4_good() and frame.payload:
            frame = self._mend(frame)
            self.spoiled += 1
        if frame.segment[13] & 1:       # FIN
            self.fin_payload = len(frame.payload)
        super()._segment(frame)

    def _mend(self, frame):
        at = signed(frame.tcp_seq - self.first)
        raw, payload = bytearray(frame.raw), len(frame.raw) - len(frame.payload)
        for place in self.places:
            if at <= place < at + len(frame.payload):
                raw[payload + place - at] ^= 1
                break
        return Frame(bytes(raw))


class Run(offload.Run):
    """An offload.Run whose driver is watched. spoiled: the bytes of the stream that the
    link's rules corrupt. one_ring: all of it goes through one ring."""

    def __init__(self, context, spec, spoiled=(), before_data=None, one_ring=True):
        if one_ring:
            nic.one_tx_ring(context)
        self.driver_input = DriverInput(context)
        self.spoiled = spoiled
        super().__init__(context, spec, before_data)
        self.port = self.near.getsockname()[1]
        self.units = None

    def start(self):
        """Put the keys in. What the driver was given before does not count."""
        self.driver_input.units(self.port, self.spec.preamble)
        self.install()
        self.evidence.offloaded(self.near)

    def closed(self, port, again=(0, 0)):
        result = super().closed(port, again)
        result.evidence.gone()
        self.units = self.driver_input.units(self.port, self.spec.preamble)
        return result

    def _captured(self, result, port, raw):
        wire = Mended(port, self.spoiled)
        wire.take(self.capture.frames())
        equal(wire.bytes() == raw, True, "the captured stream is the received one")
        result.wire, result.segments = wire, wire.segments

    def repeated(self):
        return repeated(self.units)


def as_software(result, spec):
    equal(result.stream == offload.software_stream(spec.script, spec.keys), True,
          "the wire is what software kTLS sends")


def exactly(context, run, result):
    """Everything that holds of a stream that the NIC encrypted from its first byte to
    its last: software's bytes, and counters that show what the driver was given."""
    as_software(result, run.spec)
    return counters_fit(context, run, result)


def counters_fit(context, run, result):
    """The same where software would cut the records elsewhere."""
    counters = result.evidence.counters()
    result.evidence.no_errors(counters, again=len(run.repeated()))
    want = check_counters(counters, run.units, Layout(result.stream, run.spec.keys.cipher))
    equal(counters["hw_tls_tx_packets"], counters["tx_tls_encrypted_packets"],
          "hw_tls_tx_packets")
    again = sum(end - at for at, end in run.repeated())
    if again:
        context.note(f"sent again: {run.repeated()}; ooo {want.ooo}, resync {want.resync}, "
                     f"{want.resync_bytes} bytes read again for them, "
                     f"ratio {want.resync_bytes / again:.2f}")
    return want


def sent_again(run, result, first, last):
    """Exactly those bytes of the stream were lost, so that range was sent again, and it
    was the same on the wire both times."""
    check((first, last) in run.repeated(),
          f"sent again: {run.repeated()}, expected ({first}, {last})")
    check(result.wire.repeated >= last - first,
          f"only {result.wire.repeated} bytes were captured twice")
