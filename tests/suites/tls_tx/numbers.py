# SPDX-License-Identifier: GPL-2.0-or-later
"""The first record numbers, and the last."""

import errno
import socket
import struct

from lib import evidence, faulted, ktls, link, records, system, tcp, wait
from lib.cases import Registry, check, equal
from lib.ktls import Call, Keys, Write
from lib.offload import Spec
from . import ready
from .retransmit import M
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
    """Behind 2^64 - 1 there is no number. The core then fails the write with EBADMSG in
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
    ktls.install(near, keys)
    equal(state.kernel_moved()["TlsTxDevice"], 1, "TlsTxDevice")
    said = until_refused(near, pieces)
    want = (0, errno.EBADMSG) if system.stock_tls() else (errno.EBADMSG,)
    check(said in want, f"errno {said} of the write that has no number")
    if not said:
        wait.until(lambda: state.nic_moved("tx_tls_drop_no_sync_data"),
                   "a record without a number is dropped")
    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    near.close()
    reader.join(tcp.SECONDS)
    found = records.decrypt(whole_records(bytes(reader.bytes)), keys)
    equal([bytes(record.plain) for record in found], pieces[:len(found)], "the records")
    check(len(found) <= LAST - first + 1, f"{len(found)} records, one with a number used again")
    context.note(f"{len(found)} records from number 2^64 - {LAST + 1 - first}, "
                 f"errno of the write behind them {said}")
    state.gone()
    equal(state.nic_moved("tx_tls_fallback"), 0, "tx_tls_fallback")


def whole_records(stream):
    """Without the record that a reset may have cut."""
    at = 0
    while at + 5 <= len(stream):
        end = at + 5 + int.from_bytes(stream[at + 3:at + 5], "big")
        if end > len(stream):
            break
        at = end
    return stream[:at]


def first_record_again(context, part, family, cipher, tso):
    """Record 0, of which the number before is 2^64 - 1 in the core's books, is sent
    again from its first byte, or from the middle."""
    ready(tso)
    spoiled = part * M + 3
    context.enter_context(link.Link(rules=f"corrupt conn 1 tx byte {spoiled}"))
    spec = Spec(script=(Write(4 * M), Call(lambda _: run.settled()), Write(600)),
                keys=Keys(cipher, first=0), family=family, tso=tso, mss=M + 12, capture=True)
    run = faulted.Run(context, spec, (spoiled,))
    run.start()
    run.play()
    result = run.finish()
    equal(result.wire.spoiled, 1, "segments that the link spoiled")
    faulted.exactly(context, run, result)
    faulted.sent_again(run, result, part * M, part * M + M)


for _combination in COMBINATIONS:
    _end = combination_name(*_combination)
    registry.add(f"case-25-last-two-numbers/{_end}", last_numbers, LAST - 1, *_combination)
    registry.add(f"case-25-last-number/{_end}", last_numbers, LAST, *_combination)
    registry.add(f"case-25-record-0-sent-again/{_end}", first_record_again, 0, *_combination)
    registry.add(f"case-25-record-0-sent-again-mid-record/{_end}", first_record_again, 2,
                 *_combination)
