# SPDX-License-Identifier: GPL-2.0-or-later
"""The first record numbers, and the last."""

import errno
import socket

from lib import accounted, evidence, ktls, link, records, system, tcp, wait
from lib.cases import Registry, check, equal
from lib.ktls import Keys, Write
from lib.offload import SETTLED, Spec
from . import ready
from .retransmit import M, whole
from .stream import COMBINATIONS, combination_name

registry = Registry()
LAST = (1 << 64) - 1


def until_refused(sock, pieces):
    """Write one record after another until the kernel refuses; what it said."""
    for piece in pieces:
        try:
            sock.sendall(piece)
        except OSError as error:
            return error.errno
    return 0


def last_numbers(context, first, family, cipher, tso):
    """After 2^64 - 1 there is no number. The core then fails the write with EBADMSG in
    software; with a device it forgets to (6.12's tls_push_data returns the bytes that
    it took, and sock_error() has eaten the error) and goes on with 0. What such a
    record would be sealed with has been used before, so it must not leave."""
    ready(tso)
    keys = Keys(cipher, first=first)
    pieces = [tcp.data(f"record {i}", 1000 + i) for i in range(5)]
    state = evidence.Evidence()
    near, far = tcp.connect(family)
    context.enter_context(tcp.closing(near, far))
    reader = tcp.Reader(far)
    # One packet for each record: one that has a record without a number is dropped whole.
    near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    system.with_sysctl(context, "net.ipv4.tcp_autocorking", 0)
    ktls.install(near, keys)
    state.offloaded(near)
    said = until_refused(near, pieces)
    want = (0, errno.EBADMSG) if system.stock_tls() else (errno.EBADMSG,)
    check(said in want, f"errno {said} of the write that has no number")
    if not said:
        wait.until(lambda: state.moved("tx_tls_drop_no_sync_data"),
                   "a record without a number is dropped")
    numbered = pieces[:LAST - first + 1]
    size = cipher.stream([len(piece) for piece in numbered])
    wait.until(lambda: reader.count >= size,
               lambda: f"each record with a number arrived ({reader.count} bytes)")
    tcp.reset(near)
    reader.join(tcp.SECONDS)
    found = records.decrypt(bytes(reader.bytes), keys)
    equal([bytes(record.plain) for record in found], numbered, "the records")
    context.note(f"{len(found)} records from number 2^64 - {LAST + 1 - first}, "
                 f"errno of the write after them {said}")
    state.gone()
    state.by_the_nic(size)


def segment_again(context, spec, number):
    """That segment of M bytes is lost on the wire; it alone is sent again, and is right."""
    spoiled = number * M + 3
    context.enter_context(link.Link(rules=f"corrupt conn 1 tx byte {spoiled}"))
    run = accounted.Run(context, spec, (spoiled,))
    run.start()
    run.play()
    result = run.finish()
    equal(result.wire.spoiled, 1, "segments that the link spoiled")
    accounted.exactly(context, run, result)
    accounted.sent_again(run, result, number * M, (number + 1) * M)


def last_again(context, part, family, cipher, tso):
    """A record whose number has few after it is sent again from its first byte, or from the
    middle: its packets have more bytes than there are numbers."""
    ready(tso)
    spec = Spec(script=(whole(2, cipher), whole(4, cipher)), keys=Keys(cipher, first=LAST - 2),
                family=family, tso=tso, mss=M + 12, capture=True)
    segment_again(context, spec, 2 + part)


def first_record_again(context, part, family, cipher, tso):
    """Record 0, of which the number before is 2^64 - 1 in the core's books, is sent
    again from its first byte, or from the middle."""
    ready(tso)
    spec = Spec(script=(Write(4 * M), SETTLED, Write(600)),
                keys=Keys(cipher, first=0), family=family, tso=tso, mss=M + 12, capture=True)
    segment_again(context, spec, part)


for _combination in COMBINATIONS:
    _end = combination_name(*_combination)
    registry.add(f"case-25-last-two-numbers/{_end}", last_numbers, LAST - 1, *_combination)
    registry.add(f"case-25-last-number/{_end}", last_numbers, LAST, *_combination)
    registry.add(f"case-25-nearly-last-number-sent-again/{_end}", last_again, 0, *_combination)
    registry.add(f"case-25-nearly-last-number-sent-again-mid-record/{_end}", last_again, 2,
                 *_combination)
    registry.add(f"case-25-record-0-sent-again/{_end}", first_record_again, 0, *_combination)
    registry.add(f"case-25-record-0-sent-again-mid-record/{_end}", first_record_again, 2,
                 *_combination)
