# SPDX-License-Identifier: GPL-2.0-or-later
"""Streams that lose their place on purpose."""

import itertools

from lib import tcp, wait
from lib.cases import check, equal
from lib.rxstream import Stream

PARTS = 3                   # segments of a record
SIZE = 3000
LARGE, LARGE_PARTS = 16_000, 12     # of records that are to be many bytes
MOST = 100                  # of them


def pieces(stream, size=SIZE, parts=PARTS, plain=None):
    """The segments of the next record; the first begins with its header."""
    plain = plain or tcp.data(f"record {len(stream.sizes)}", size)
    start, end = stream.record(plain)
    step = -(-(end - start) // parts)
    return list(itertools.pairwise([*range(start, end, step), end]))


def send(stream, *segments):
    for segment in segments:
        stream.put(*segment)


def one_by_one(stream, count):
    """So many records, each when the one before is acknowledged."""
    for _ in range(count):
        send(stream, *pieces(stream))
        stream.peer.wait_acked()


def asked_in_time(stream):
    """The NIC has asked, and answered the driver's question. If that took it longer than the
    driver waits (200 ms), the kernel will not tell it anything, and it asks again some way on
    (hw-model/SPEC.md, 9.12): how many records more that took."""
    stream.answered()
    more = 0
    while not any(stream.evidence.moved(f"rx_tls_resync_req_{how}") for how in ("end", "scan")):
        asked = stream.evidence.moved("rx_tls_resync_req_pkt")
        while stream.evidence.moved("rx_tls_resync_req_pkt") == asked:
            check(more < MOST, f"{more} records, and the NIC does not ask again")
            send(stream, *pieces(stream, LARGE, LARGE_PARTS))
            stream.peer.wait_acked()
            more += 1
        stream.answered(asked + 1)
    return more


def find_place(stream):
    """The NIC has asked: with the next record the kernel tells it its place, and it decrypts the
    last four records of the stream. How many records there were besides, see asked_in_time()."""
    more = asked_in_time(stream)
    one_by_one(stream, 1)
    stream.resynced()
    for _ in range(4):
        send(stream, *pieces(stream))
    stream.finish()
    equal(stream.trace.fates()[-4:], ["hw"] * 4, "what became of the last records")
    return more


class Lost(Stream):
    """After one record that is decrypted the headers of two are lost and come late, the
    second first: so the NIC does not close the gap by itself when it has seen them. Late
    ones are kept in `late`, to be sent when the case likes."""

    def __init__(self, context, *args, **options):
        super().__init__(context, *args, **options)
        before = self.evidence.moved("rx_tls_decrypted_packets")
        send(self, *pieces(self))
        self.peer.wait_acked()
        equal(self.evidence.moved("rx_tls_decrypted_packets") - before, PARTS,
              "rx_tls_decrypted_packets of the first record")
        first, second = pieces(self), pieces(self)
        send(self, *first[1:], *second[1:])
        self.late = [second[0], first[0]]
        self.wanted = ["hw", "mixed", "sw"]     # what becomes of these records

    def send_late(self):
        send(self, *self.late)
        self.late = []

    def requests(self, count=1):
        wait.until(lambda: self.evidence.moved("rx_tls_resync_req_pkt") >= count,
                   f"request {count} of the NIC")
