# SPDX-License-Identifier: GPL-2.0-or-later
"""Segments cut by hand: headers in pieces, records of which only a part was
decrypted. A segment that repeats one byte of what came before is delivered as it
came, though the NIC loses nothing by it: so any segment can be made to come
undecrypted."""

import itertools

from lib import tcp, wait
from lib.cases import Registry, check, equal
from lib.ktls import FAMILIES, HEADER, OURS, Keys
from lib.rxstream import Stream

registry = Registry()
COMBINATIONS = [(family, cipher) for cipher in OURS for family in FAMILIES]


def fate(flags):
    """What the kernel makes of a record whose segments are decrypted or not."""
    return "hw" if all(flags) else "mixed" if any(flags) else "sw"


def finish(stream, fates, packets):
    """The stream ends: this became of its records, and so many packets were decrypted."""
    stream.finish()
    equal(stream.trace.fates(), fates, "what became of the records")
    equal(stream.evidence.moved("rx_tls_decrypted_packets"), packets,
          "rx_tls_decrypted_packets")
    stream.evidence.no_errors()


def header_split(context, pieces, family, cipher):
    """The header is cut at every choice of places, and every choice of its segments
    comes decrypted. In order: no place is lost, no resync is needed."""
    stream = Stream(context, Keys(cipher), family)
    wanted, packets = [], 0
    stream.put(*stream.record(b"first"))
    for cuts in itertools.combinations(range(1, HEADER), pieces - 1):
        for flags in itertools.product((True, False), repeat=pieces):
            start, end = stream.record(tcp.data(f"{cuts} {flags}", 40 + len(wanted) % 90))
            bounds = [start, *(start + cut for cut in cuts), end]
            for (left, right), plainly in zip(itertools.pairwise(bounds), flags):
                stream.put(left, right, plainly)
            wanted.append(fate(flags))
            packets += sum(flags)
        stream.peer.wait_acked()
    finish(stream, ["hw", *wanted], packets + 1)
    equal(stream.evidence.moved("hw_tls_rx_records"), len(stream.sizes), "hw_tls_rx_records")
    equal(stream.evidence.resync_counters(), {}, "resyncs")


def split_anywhere(context, family, cipher, timestamps):
    """A record in two segments, cut at every place: in header, explicit nonce, content, its
    type and tag; the first, the second or none of them comes undecrypted."""
    stream = Stream(context, Keys(cipher), family, timestamps=timestamps)
    wanted, packets = [], 0
    stream.put(*stream.record(b"first"))
    for cut_at in range(1, 40 + cipher.over):
        for flags in ((True, True), (True, False), (False, True)):
            start, end = stream.record(tcp.data(f"{cut_at} {flags}", 40))
            stream.put(start, start + cut_at, flags[0])
            stream.put(start + cut_at, end, flags[1])
            wanted.append(fate(flags))
            packets += sum(flags)
        stream.peer.wait_acked()
    finish(stream, ["hw", *wanted], packets + 1)
    equal(stream.evidence.moved("hw_tls_rx_records"), len(stream.sizes), "hw_tls_rx_records")


for _family, _cipher in COMBINATIONS:
    registry.add(f"case-29-split-anywhere/v{_family}/{_cipher.label}", split_anywhere, _family,
                 _cipher, _family == 6)
for _pieces in range(2, 6):
    for _family, _cipher in COMBINATIONS:
        registry.add(f"case-29-header-split/{_pieces}-segments/v{_family}/{_cipher.label}",
                     header_split, _pieces, _family, _cipher)


def late_segment(context, family, cipher):
    """Of a long record the segment after the first k is lost and comes last. What
    follows is decrypted again, each time, and never is a resync needed."""
    stream = Stream(context, Keys(cipher), family)
    wanted, packets = [], 0
    mss = stream.peer.mss
    count = -(-(16384 + cipher.over) // mss)
    for late in range(count):
        pieces = cut(*stream.record(tcp.data(f"late {late}", 16384)), mss)
        for piece in pieces[:late] + pieces[late + 1:]:
            stream.put(*piece)
        stream.peer.wait_acked(pieces[late][0])
        stream.put(*pieces[late])
        stream.peer.wait_acked()
        # Without its header the NIC waits for it, and then knows where the next one
        # is. The last segment is late for nobody.
        packets += max(late, 1) + (late == count - 1)
        wanted += ["hw" if late == count - 1 else "mixed", "hw"]
        stream.put(*stream.record(tcp.data(f"after {late}", 700)))
        packets += 1
        stream.peer.wait_acked()
    finish(stream, wanted, packets)


def cut(start, end, size):
    """[(from, to), ...]: the pieces of that size between start and end."""
    return list(itertools.pairwise([*range(start, end, size), end]))


def mixed_every_way(context, family, cipher):
    """A record of five segments, in order, of which every choice comes decrypted; in
    small records and in those of the largest size."""
    stream = Stream(context, Keys(cipher), family)
    wanted, packets = [], 0
    for flags in itertools.product((True, False), repeat=5):
        for size in (200, 6 * 1024):
            start, end = stream.record(tcp.data(f"{flags}", size))
            for piece, plainly in zip(cut(start, end, -(-(size + cipher.over) // 5)), flags):
                stream.put(*piece, plainly)
            wanted.append(fate(flags))
            packets += sum(flags)
            stream.peer.wait_acked()
    finish(stream, wanted, packets)


SMALL_BUFFER = 4096         # the kernel doubles it


def above_rcvbuf(context, family, cipher):
    """Records that do not fit into the receive buffer: the kernel copies them out as
    they come, decrypted, not and mixed."""
    stream = Stream(context, Keys(cipher), family, rcvbuf=SMALL_BUFFER)
    wanted, size = [], 400
    for flags in ((True, True), (False, False), (True, False), (False, True)):
        start, end = stream.record(tcp.data(f"{flags}", 16384))
        for i, piece in enumerate(cut(start, end, size)):
            plainly = flags[i * 2 * size >= end - start]
            stream.peer.until_window(size)
            stream.put(*piece, plainly)
        wanted.append(fate(flags))
    stream.finish()
    equal(stream.trace.fates(), wanted, "what became of the records")
    stream.evidence.no_errors()


for _family, _cipher in COMBINATIONS:
    _end = f"v{_family}/{_cipher.label}"
    registry.add(f"case-30-mixed-record/late-segment/{_end}", late_segment, _family, _cipher)
    registry.add(f"case-30-mixed-record/every-way/{_end}", mixed_every_way, _family, _cipher)
    registry.add(f"case-30-mixed-record/above-rcvbuf/{_end}", above_rcvbuf, _family, _cipher)


# ---- records and segments that are not right

def forged(context, family, cipher, long):
    """A wrong tag, in a record of one segment or in the last one of a long record:
    delivered as it came, found by the kernel, fatal for this connection alone."""
    other = Stream(context, Keys(cipher, seed="other"), family, alone=False)
    stream = Stream(context, Keys(cipher), family, alone=False)
    stream.put(*stream.record(b"good one"))
    stream.put(*stream.record(b"good two"))
    good = bytes(stream.sent)
    pieces = cut(*stream.record(tcp.data("bad", 9000 if long else 100), forge=True),
                 stream.peer.mss)
    for piece in pieces:
        stream.put(*piece)
    equal(stream.reader.fails(), good, "what was read before")
    # A read that had good bytes to return leaves the error to the next, which tries again.
    check(stream.evidence.kernel_moved()["TlsDecryptError"] in (1, 2), "TlsDecryptError")
    equal(stream.evidence.moved("hw_tls_rx_auth_failed"), 1, "hw_tls_rx_auth_failed")
    equal(stream.evidence.moved("rx_tls_err"), 1, "rx_tls_err")
    equal(stream.evidence.moved("rx_tls_decrypted_packets"), 2 + len(pieces) - 1,
          "rx_tls_decrypted_packets")
    stream.peer.sock.close()
    other.put(*other.record(b"goes on"))
    other.finish()
    equal(other.evidence.moved("rx_tls_decrypted_packets"), 3 + len(pieces) - 1,
          "rx_tls_decrypted_packets with the other connection's")
    other.evidence.no_errors(("TlsDecryptError", "hw_tls_rx_auth_failed", "rx_tls_err"))


def bad_checksum(context, family, cipher):
    """A segment whose checksum is wrong is taken by neither NIC nor stack."""
    stream = Stream(context, Keys(cipher), family)
    stream.put(*stream.record(b"before"))
    stream.peer.wait_acked()
    for size in (30, 1000):
        start, end = stream.record(tcp.data("bad checksum", size))
        bad = bytes(byte ^ 0x55 for byte in stream.stream[start:end])
        before = stream.evidence.moved("hw_rx_csum_bad")
        for payload in (bad, stream.stream[start:end]):
            stream.peer.put(start, payload, flip=0x0101)
        wait.until(lambda want=before + 2: stream.evidence.moved("hw_rx_csum_bad") == want,
                   "both were received")
        stream.peer.look()
        equal(stream.peer.acked, start, "bytes acknowledged")
        stream.put(start, end)
        stream.peer.wait_acked()
    stream.finish()
    equal(stream.trace.fates(), ["hw"] * 3, "what became of the records")
    stream.evidence.all_decrypted(stream.encrypted, len(stream.stream), 3)


for _family, _cipher in COMBINATIONS:
    _end = f"v{_family}/{_cipher.label}"
    registry.add(f"case-32-tag-failure/one-segment/{_end}", forged, _family, _cipher, False)
    registry.add(f"case-32-tag-failure/last-segment/{_end}", forged, _family, _cipher, True)
    registry.add(f"case-33-bad-checksum/{_end}", bad_checksum, _family, _cipher)
