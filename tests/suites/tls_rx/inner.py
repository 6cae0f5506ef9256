# SPDX-License-Identifier: GPL-2.0-or-later
"""What TLS 1.3 has inside its records, after the content: its type, and padding. Only our
tls.ko gives a NIC such records."""

import itertools

from lib import ktls, tcp
from lib.cases import Registry, equal
from lib.ktls import (ALERT, DATA, FAMILIES, HANDSHAKE, OURS, OURS_1_3, SOL_TLS,
                      TLS_RX_EXPECT_NO_PAD, Keys)
from lib.rxstream import Stream
from .framing import fate, finish
from .lost import Lost, find_place, one_by_one, pieces, send
from .resync import show_false_headers

registry = Registry()
PADS = (0, 1, 100)
NEW_SESSION_TICKET = 4          # of a handshake message


def expect_no_pad(stream, on):
    stream.peer.sock.setsockopt(SOL_TLS, TLS_RX_EXPECT_NO_PAD, int(on))


def halves(stream, flags, plain, **how):
    """The next record, in two segments, each of which comes decrypted or not."""
    start, end = stream.record(plain, **how)
    middle = (start + end) // 2
    for (left, right), plainly in zip(((start, middle), (middle, end)), flags):
        stream.put(left, right, plainly)
    stream.peer.wait_acked()


def padded(context, no_pad, family, cipher):
    """Padding is decrypted like the content, and the reader sees none of it. Who expects none
    gets his data as well: software has to decrypt such a record a second time, and counts
    that; of what the NIC decrypted it sees the padding at once."""
    stream = Stream(context, Keys(cipher), family)
    expect_no_pad(stream, no_pad)
    stream.put(*stream.record(b"first"))
    wanted, packets, twice = ["hw"], 1, 0
    for pad, size, flags in itertools.product(PADS, (1, 40, 2000),
                                              itertools.product((True, False), repeat=2)):
        halves(stream, flags, tcp.data(f"{pad} {size} {flags}", size), pad=pad)
        stream.reader.wait_for(len(stream.sent))
        wanted.append(fate(flags))
        packets += sum(flags)
        twice += no_pad and pad > 0 and not all(flags)
    finish(stream, wanted, packets)
    moved = stream.evidence.kernel_moved()
    equal((moved["TlsRxNoPadViolation"], moved["TlsDecryptRetry"]), (twice, twice),
          "TlsRxNoPadViolation, TlsDecryptRetry")


def nothing_but_padding(context, family, cipher):
    """Records without content, and the longest that there may be."""
    stream = Stream(context, Keys(cipher), family)
    sizes = ((0, 0), (0, 1), (0, 300), (16384, 0), (1, 16383), (16000, 384))
    for size, pad in sizes:
        start, end = stream.record(tcp.data(f"{size} {pad}", size), pad=pad)
        stream.peer.send(start, stream.stream[start:end])
        stream.peer.wait_acked()
    stream.finish()
    equal(set(stream.trace.fates()), {"hw"}, "what became of the records")
    stream.evidence.all_decrypted(stream.encrypted, len(stream.stream), len(sizes))


def control(context, family, cipher):
    """Records of other types, decrypted by the NIC, by software and half by each: the reader
    learns the type, and gets them one by one."""
    stream = Stream(context, Keys(cipher), family)
    ticket = bytes([NEW_SESSION_TICKET]) + tcp.data("ticket", 200)
    wanted, packets, kinds = [], 0, []
    for flags, pad in itertools.product(itertools.product((True, False), repeat=2), PADS):
        for kind, plain in ((DATA, tcp.data(f"{flags} {pad}", 500)), (HANDSHAKE, ticket),
                            (HANDSHAKE, ticket), (ALERT, b"\1\0")):
            stream.put(*stream.record(b"in between"))
            halves(stream, flags, plain, kind=kind, pad=pad)
            wanted += ["hw", fate(flags)]
            packets += 1 + sum(flags)
            ktls.join(kinds, DATA, len(b"in between"))
            ktls.join(kinds, kind, len(plain))
    finish(stream, wanted, packets)
    equal(stream.reader.kinds, kinds, "content types")


def without_type(context, family, cipher):
    """A record that is authentic and has no content type, only zeros: the NIC decrypts it, and
    it is fatal for the connection."""
    stream = Stream(context, Keys(cipher), family)
    stream.put(*stream.record(b"good"))
    good = bytes(stream.sent)
    stream.peer.wait_acked()
    stream.put(*stream.record(bytes(50), kind=0, pad=20))
    equal(stream.reader.fails(), good, "what was read before")
    equal(stream.evidence.moved("rx_tls_decrypted_packets"), 2, "rx_tls_decrypted_packets")
    equal(stream.evidence.moved("hw_tls_rx_auth_failed"), 0, "hw_tls_rx_auth_failed")
    stream.peer.sock.close()
    stream.evidence.gone()


for _cipher in OURS_1_3:
    for _family in FAMILIES:
        _end = f"v{_family}/{_cipher.label}"
        registry.add(f"padding/{_end}", padded, False, _family, _cipher)
        registry.add(f"padding-not-expected/{_end}", padded, True, _family, _cipher)
        registry.add(f"padding-alone/{_end}", nothing_but_padding, _family, _cipher)
        registry.add(f"control-records-by-hand/{_end}", control, _family, _cipher)
        registry.add(f"no-content-type/{_end}", without_type, _family, _cipher)


def other_type(context, cipher):
    """While the NIC searches, the ciphertext shows what would be headers of handshake records.
    In TLS 1.3 all headers say application data: it is not taken in by them, and asks about
    the first true one."""
    stream = Lost(context, Keys(cipher))
    show_false_headers(stream, (2000, 3100), HANDSHAKE)
    for _ in range(3):
        send(stream, *pieces(stream))
    stream.requests()
    stream.send_late()
    one_by_one(stream, 4)
    find_place(stream)
    equal(stream.evidence.moved("hw_tls_rx_false_headers"), 0 if cipher.inner else 1,
          "hw_tls_rx_false_headers")
    equal(stream.evidence.moved("rx_tls_resync_req_pkt"), 1 if cipher.inner else 2,
          "rx_tls_resync_req_pkt")
    equal(stream.evidence.moved("rx_tls_resync_res_ok"), 1, "rx_tls_resync_res_ok")
    stream.evidence.no_errors()


for _cipher in OURS:
    registry.add(f"case-36-false-header/of-another-type/{_cipher.label}", other_type, _cipher)
