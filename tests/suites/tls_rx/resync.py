# SPDX-License-Identifier: GPL-2.0-or-later
"""Contexts that lose their place and find it: for the modes in which the NIC asks (async, scan)."""

from lib import records, tcp
from lib.cases import Registry, at_least, equal
from lib.ktls import DATA, GCM128, HEADER, OURS, Keys
from lib.rxstream import Stream
from .framing import COMBINATIONS
from .lost import SIZE, Lost, find_place, one_by_one, pieces, send

registry = Registry()


def reorder_in_record(context, family, cipher):
    """Two segments of a record change places, and no header is in them: the rest of
    that record is for software, and nothing else."""
    stream = Stream(context, Keys(cipher), family)
    packets = 0
    for place in range(1, 10):
        parts = pieces(stream, 14_000, 12)
        parts[place], parts[place + 1] = parts[place + 1], parts[place]
        send(stream, *parts)
        packets += place
        send(stream, *pieces(stream))
        packets += 3
        stream.peer.wait_acked()
    stream.finish()
    equal(stream.trace.fates(), ["mixed", "hw"] * 9, "what became of the records")
    equal(stream.evidence.moved("rx_tls_decrypted_packets"), packets, "rx_tls_decrypted_packets")
    equal(stream.evidence.resync_counters(), {}, "resyncs")
    stream.evidence.no_errors()


def reorder_of_headers(context, family, cipher):
    """Two records of a segment each change places: the NIC waits for the first, and
    closes the gap by itself when it comes."""
    stream = Stream(context, Keys(cipher), family)
    for _ in range(10):
        first, second = (stream.record(tcp.data("swap", 500)) for _ in range(2))
        send(stream, second, first)
        send(stream, *pieces(stream))
        stream.peer.wait_acked()
    stream.finish()
    equal(stream.trace.fates(), ["hw", "sw", "hw"] * 10, "what became of the records")
    equal(stream.evidence.moved("rx_tls_resync_res_ok"), 0, "rx_tls_resync_res_ok")
    stream.evidence.no_errors()


def header_loss(context, family, cipher):
    """Headers are lost: the NIC finds others, the kernel numbers one, and from the
    next record on all is decrypted again."""
    stream = Lost(context, Keys(cipher), family)
    follow = [pieces(stream) for _ in range(2)]
    for parts in follow:
        send(stream, *parts)
    stream.requests()
    stream.send_late()
    stream.peer.wait_acked()
    stream.answered()
    while stream.evidence.moved("rx_tls_resync_res_ok") == 0:
        # what is asked about may be a header that has not come yet (scan)
        send(stream, *pieces(stream))
        stream.peer.wait_acked()
        if len(stream.sizes) > 7:
            break
    stream.resynced()
    numbered = len(stream.sizes)
    before = stream.evidence.moved("rx_tls_decrypted_packets")
    for _ in range(10):
        send(stream, *pieces(stream))
    stream.finish()
    fates = stream.trace.fates()
    equal(fates[:3], stream.wanted, "what became of the first records")
    equal("mixed" in fates[3:], False, f"a part of a record is decrypted: {fates}")
    equal(fates[numbered:], ["hw"] * 10, "what became of the records after the resync")
    equal(stream.evidence.moved("rx_tls_decrypted_packets") - before, 30,
          "rx_tls_decrypted_packets after the resync")
    equal(stream.evidence.moved("rx_tls_resync_res_ok"), 1, "rx_tls_resync_res_ok")
    equal(stream.evidence.moved("rx_tls_resync_req_pkt"), 1, "rx_tls_resync_req_pkt")
    equal(stream.evidence.kernel_moved()["TlsRxDeviceResync"], 1, "TlsRxDeviceResync")
    stream.evidence.no_errors()


def header_loss_at_wrap(context, family, cipher):
    """The same around the end of the sequence numbers."""
    for isn in range((1 << 32) - 14_000, 1 << 32, 2000):
        stream = Lost(context, Keys(cipher), family, isn=isn, alone=False)
        for _ in range(2):
            send(stream, *pieces(stream))
        stream.requests()
        stream.send_late()
        stream.answered()
        one_by_one(stream, 6)
        stream.resynced()
        stream.finish()
        equal(stream.trace.fates()[-2:], ["hw"] * 2, "what became of the last records")
        stream.evidence.no_errors()


for _family, _cipher in COMBINATIONS:
    _end = f"v{_family}/{_cipher.label}"
    registry.add(f"case-34-reorder/in-record/{_end}", reorder_in_record, _family, _cipher)
    registry.add(f"case-34-reorder/of-headers/{_end}", reorder_of_headers, _family, _cipher)
    registry.add(f"case-35-header-loss/{_end}", header_loss, _family, _cipher)
registry.add("case-35-header-loss/sequence-wraps", header_loss_at_wrap, 4, GCM128)


# ---- false headers

def false_plain(stream, size, chain, kind=DATA):
    """Payload whose ciphertext shows record headers at these places of the record,
    each pointing at the next, the last one into the void."""
    wanted, front = {}, stream.keys.cipher.front
    for place, following in zip(chain, [*chain[1:], chain[-1] + 1100]):
        wanted[place - front] = records.header(kind, following - place - HEADER)
    return stream.sealer.plain_for(size, wanted)


def show_false_headers(stream, chain, kind=DATA):
    """Send a record whose ciphertext shows headers at these places, but for its own header,
    which comes late."""
    bad = pieces(stream, 9000, 9, false_plain(stream, 9000, chain, kind))
    send(stream, *bad[1:])
    stream.late.insert(0, bad[0])


def false_headers(context, cipher, count):
    """While the NIC searches, the ciphertext shows count headers that are none, each
    at the end of the one before. It may ask about one; the kernel never confirms it."""
    stream = Lost(context, Keys(cipher))
    chain = [2000 + 1100 * i for i in range(count)]     # each in another segment
    show_false_headers(stream, chain)
    for _ in range(3):
        send(stream, *pieces(stream))
    stream.requests(1 + (count > 1))
    stream.send_late()
    one_by_one(stream, 8)
    find_place(stream)
    at_least(stream.evidence.moved("hw_tls_rx_false_headers"), 1, "hw_tls_rx_false_headers")
    equal(stream.evidence.moved("rx_tls_resync_res_ok"), 1, "rx_tls_resync_res_ok")
    stream.evidence.no_errors()


for _cipher in OURS:
    for _count in (1, 2, 3, 5):
        registry.add(f"case-36-false-header/{_count}-in-a-row/{_cipher.label}",
                     false_headers, _cipher, _count)


@registry.case("case-35-header-loss/every-record", seconds=200)
def again_and_again(context):
    """Twenty times in one connection: counters stay consistent."""
    stream = Stream(context)
    for turn in range(1, 21):
        first, second = pieces(stream), pieces(stream)
        send(stream, *first[1:], *second[1:])
        for _ in range(2):
            send(stream, *pieces(stream))
        stream.answered(turn)
        send(stream, second[0], first[0])
        stream.peer.wait_acked()
        one_by_one(stream, 3)
        stream.resynced(turn)
        send(stream, *pieces(stream))
    stream.finish()
    fates = stream.trace.fates()
    equal(stream.evidence.moved("rx_tls_resync_res_ok"), 20, "rx_tls_resync_res_ok")
    equal([fates[i] for i in range(7, len(fates), 8)], ["hw"] * 20,
          "what became of the last record of each turn")
    context.note(f"{stream.evidence.resync_counters()}, record size {SIZE}")
    stream.evidence.no_errors()

