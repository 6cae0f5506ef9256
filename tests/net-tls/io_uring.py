# SPDX-License-Identifier: GPL-2.0-or-later
"""Socket calls by io_uring over kTLS, and what must come of them; runs in the guest. At the far
end records are taken apart, or made, in user space."""

import errno
import os
import pathlib
import socket
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "suites"), str(HERE.parent)]

from lib import (evidence, ktls, nic, records, runner, rx, seal, system, tcp, uring,  # noqa: E402
                 wait)
from lib.cases import Registry, check, equal            # noqa: E402
from lib.ktls import ALERT, DATA, HANDSHAKE, MAX_RECORD, TLS_RX, Keys      # noqa: E402

registry = Registry()
CIPHERS = {"1.2": ktls.GCM128, "1.3": ktls.GCM128_1_3}
SIZES = (1, 100, MAX_RECORD, MAX_RECORD + 1, 50_000)
# How a call is made: at once if it can be, when the socket says so, or by a worker.
HOW = ({}, {"poll_first": True}, {"punt": True})
PIPE_BYTES = 1 << 16
SMALL_BUFFER = 1 << 15
BIG = 250_000


def conf(offload, cipher):
    """Who encrypts or decrypts then."""
    return "hw" if offload and cipher in ktls.offered() else "sw"


class Sending:
    """One end has keys for sending; at the other end the records are taken apart."""

    def __init__(self, context, version, offload=False, held=False):
        """held: buffers are small, and nobody reads before may_read is set."""
        self.keys = Keys(CIPHERS[version])
        self.where = conf(offload, self.keys.cipher)
        context.enter_context(nic.local().with_(**{nic.TLS_TX_FLAG: offload}))
        self.ring = uring.Ring(context)
        self.evidence = evidence.Evidence()
        self.sock, far = tcp.connect()
        context.enter_context(tcp.closing(self.sock, far))
        self.may_read = threading.Event()
        if held:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)
            far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        else:
            self.may_read.set()
        self.reader = tcp.Reader(far, pause=self.may_read)
        ktls.install(self.sock, self.keys)
        equal(evidence.txconf(self.sock), self.where, "ss: txconf")

    def does(self, name, *arguments, **how):
        """One call, which is done now; what it returned."""
        return self.ring.wait(getattr(self.ring, name)(self.sock, *arguments, **how))

    def arrived(self):
        """All records, once the stream has ended."""
        tcp.settled(self.sock)
        again = tcp.retransmitted(self.sock)[0]
        self.sock.close()
        stream = bytes(self.reader.finish())
        found = records.decrypt(stream, self.keys)
        if self.where == "hw":
            self.evidence.by_the_nic(len(stream), again)
        return found

    def sent(self, *expected):
        """These are all records, as (type, content)."""
        records.are(self.arrived(), *expected)

    def sent_data(self, content):
        """All records are data, and this is in them."""
        records.are_data(self.arrived(), content)


class Receiving:
    """One end has keys for receiving; at the other end the records are made."""

    def __init__(self, context, version, offload=False):
        self.keys = Keys(CIPHERS[version])
        self.where = conf(offload, self.keys.cipher)
        context.enter_context(nic.local().with_(**{rx.FLAG: offload}))
        self.ring = uring.Ring(context)
        self.evidence = rx.Evidence()
        self.sock, self.far = tcp.connect()
        context.enter_context(tcp.closing(self.sock, self.far))
        self.far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sealer = seal.Sealer(self.keys)
        ktls.install(self.sock, self.keys, TLS_RX)
        equal(rx.rxconf(self.sock), self.where, "ss: rxconf")

    def comes(self, content, kind=DATA):
        """A record comes, and is here whole."""
        self.far.sendall(self.sealer.seal(content, kind=kind))
        tcp.settled(self.far)

    def stream(self, content):
        """The content as records, each as large as may be."""
        return b"".join(self.sealer.seal(content[at:at + MAX_RECORD])
                        for at in range(0, len(content), MAX_RECORD))

    def gets(self, name, size, flags=0, **how):
        """One call, which is done now; the bytes."""
        call = getattr(self.ring, name)(self.sock, size, flags, **how)
        self.ring.wait(call)
        return call.received()

    def by_whom(self):
        """The NIC has decrypted all that it was to."""
        if self.where == "hw":
            equal(self.evidence.moved("hw_tls_rx_records"), self.sealer.number,
                  "hw_tls_rx_records")
            self.evidence.no_errors()
        else:
            equal(self.evidence.moved("rx_tls_ctx"), 0, "rx_tls_ctx")


# ---- sending

def send(context, version, offload):
    """Sends of all sizes around the limits of records; each takes all of its bytes."""
    sender = Sending(context, version, offload)
    content = b""
    for how in HOW:
        for size in SIZES:
            piece = tcp.data(f"{how} {size}", size)
            taken = 0
            while taken < size:
                got = sender.does("send", piece[taken:], **how)
                check(got > 0, f"send of {size - taken} bytes: {uring.name_of(got)}")
                taken += got
            content += piece
    sender.sent_data(content)


def more_to_come(context, version, offload):
    """MSG_MORE leaves the record open; each type has records of its own."""
    sender = Sending(context, version, offload)
    first, second = tcp.data("first", 1000), tcp.data("second", 5000)
    equal(sender.does("send", first, ktls.MSG_MORE), len(first), "bytes taken")
    equal(sender.does("sendmsg", second), len(second), "bytes taken")
    expected = [(DATA, first + second)]
    for kind in (ALERT, HANDSHAKE, DATA):
        for how in HOW:
            body = tcp.data(f"{kind} {how}", 2 if kind == ALERT else 3000)
            equal(sender.does("sendmsg", body, kind, **how), len(body), "bytes taken")
            expected.append((kind, body))
    equal(sender.does("sendmsg", b"type and more", ALERT, ktls.MSG_MORE), -errno.EINVAL,
          "a record type with MSG_MORE")
    sender.sent(*expected)


def splice_in(context, version, offload):
    """From a file through a pipe to the socket, as a chain of two for each pipe that is full."""
    sender = Sending(context, version, offload)
    content = tcp.data("file", BIG)
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        out, into = pipe(context)
        for at in range(0, BIG, PIPE_BYTES):
            size = min(PIPE_BYTES, BIG - at)
            calls = (sender.ring.splice(file.fileno(), into, size, offset=at, link=True),
                     sender.ring.splice(out, sender.sock.fileno(), size))
            sender.ring.wait(*calls)
            equal([call.result for call in calls], [size, size], "bytes of both splices")
    sender.sent_data(content)


def pipe(context):
    """(the end to read from, the end to write to)"""
    ends = os.pipe()
    for end in ends:
        context.callback(os.close, end)
    return ends


def chain(context, version, offload):
    """Linked sends are in their order; after one that fails none is made."""
    sender = Sending(context, version, offload)
    pieces = [tcp.data(f"piece {number}", 500 + number) for number in range(20)]
    kinds = [ALERT if number % 7 == 3 else DATA for number in range(20)]
    calls = [sender.ring.sendmsg(sender.sock, piece, kind, link=number < 19,
                                 punt=number % 3 == 1)
             for number, (piece, kind) in enumerate(zip(pieces, kinds))]
    sender.ring.wait(*calls)
    equal([call.result for call in calls], [len(piece) for piece in pieces], "bytes taken")
    calls = (sender.ring.send(sender.sock, b"before", link=True),
             sender.ring.send_from(sender.sock, 0, 100, link=True),
             sender.ring.send(sender.sock, b"never", link=True),
             sender.ring.send(sender.sock, b"neither"))
    sender.ring.wait(*calls)
    equal([call.result for call in calls],
          [6, -errno.EFAULT, -errno.ECANCELED, -errno.ECANCELED], "results")
    equal(sender.does("send", b"last"), 4, "bytes taken")
    sender.sent(*zip(kinds, pieces), (DATA, b"before"), (DATA, b"last"))


def larger_than_the_buffer(context, version, offload):
    """Nobody reads, and the send buffer is full before all is taken: a send with MSG_WAITALL ends
    when all is taken, and not before. The kernel's own tls.ko takes no such send."""
    sender = Sending(context, version, offload, held=True)
    if system.stock_tls():
        sender.may_read.set()
        equal(sender.does("send", b"all", socket.MSG_WAITALL), -errno.EOPNOTSUPP, "MSG_WAITALL")
        equal(sender.does("send", b"all"), 3, "bytes taken")
        sender.sent((DATA, b"all"))
        return
    content = tcp.data("big", BIG)
    calls = (sender.ring.send(sender.sock, content, socket.MSG_WAITALL, link=True),
             sender.ring.send(sender.sock, b"and more", socket.MSG_WAITALL))
    sender.ring.submit()
    wait.unchanged(lambda: tcp.unacknowledged(sender.sock), "bytes that wait")
    check(not sender.ring.done(calls[0]),
          f"a send of {BIG} bytes that nobody reads: {calls[0].result}")
    sender.may_read.set()
    sender.ring.wait(*calls)
    equal([call.result for call in calls], [BIG, 8], "bytes taken")
    sender.sent_data(content + b"and more")


def part_of_the_message(context, version, offload):
    """Without MSG_WAITALL a send ends when the send buffer is full, with what it has taken; the
    next one waits for room."""
    sender = Sending(context, version, offload, held=True)
    content = tcp.data("big", BIG)
    taken = sender.does("send", content)
    check(0 < taken < BIG, f"a send of {BIG} bytes that nobody reads: {uring.name_of(taken)}")
    while taken < BIG:
        call = sender.ring.send(sender.sock, content[taken:])
        sender.ring.submit()
        sender.may_read.set()
        got = sender.ring.wait(call)
        check(got > 0, f"send of {BIG - taken} bytes: {uring.name_of(got)}")
        taken += got
    sender.sent_data(content)


def type_of_all(context, version, offload):
    """io_uring gives the type of a record to the first of the calls that it makes for a message
    with MSG_WAITALL, and what the others take would be data: there is no such message."""
    sender = Sending(context, version, offload)
    equal(sender.does("sendmsg", b"handshake", HANDSHAKE, socket.MSG_WAITALL),
          -errno.EOPNOTSUPP, "a record type with MSG_WAITALL")
    equal(sender.does("sendmsg", b"handshake", HANDSHAKE), 9, "bytes taken")
    sender.sent((HANDSHAKE, b"handshake"))


def zero_copy(context, version, offload):
    """SEND_ZC is refused, as MSG_ZEROCOPY is: what the socket has is ciphertext."""
    sender = Sending(context, version, offload)
    equal(sender.does("send_zc", b"zero copy"), -errno.EOPNOTSUPP, "SEND_ZC")
    equal(sender.does("send", b"a copy"), 6, "bytes taken")
    sender.sent((DATA, b"a copy"))


# ---- receiving

def recv(context, version, offload):
    """Records of all sizes, each here before the call, and read in one or in parts."""
    receiver = Receiving(context, version, offload)
    for how in HOW:
        for size in SIZES:
            content = tcp.data(f"{how} {size}", size)
            writer = threading.Thread(target=receiver.far.sendall,
                                      args=(receiver.stream(content),), daemon=True)
            writer.start()
            got = b""
            while len(got) < size:
                more = receiver.gets(("recv", "recvmsg")[size % 2], (size + 1) // 2, **how)
                check(more, f"the stream has ended after {len(got)} of {size} bytes")
                got += more
            check(got == content, f"what was read is not what was sent: {how}, {size} bytes")
            writer.join()
    receiver.by_whom()


def types(context, version, offload):
    """The type of a record comes by control message; a call that has no room for it cannot have
    a record that is not data, which stays for one that has."""
    receiver = Receiving(context, version, offload)
    for how in HOW:
        for kind in (DATA, ALERT, HANDSHAKE, DATA):
            body = tcp.data(f"{kind} {how}", 2 if kind == ALERT else 500)
            receiver.comes(body, kind)
            call = receiver.ring.recvmsg(receiver.sock, 1000, **how)
            receiver.ring.wait(call)
            equal(call.received(), body, f"what is in a record of type {kind}")
            equal(call.kind(), kind, "its type")
    receiver.comes(b"\1\0", ALERT)
    call = receiver.ring.recv(receiver.sock, 1000)
    equal(receiver.ring.wait(call), -errno.EIO, "recv of an alert")
    call = receiver.ring.recvmsg(receiver.sock, 1000)
    receiver.ring.wait(call)
    equal((call.received(), call.kind()), (b"\1\0", ALERT), "the alert")
    receiver.by_whom()


def part_of_a_record(context, version, offload):
    """A record is read in parts, and no call gives bytes of two types."""
    receiver = Receiving(context, version, offload)
    body = tcp.data("body", 5000)
    for content, kind in ((body, DATA), (b"\1\0", ALERT), (body[:700], HANDSHAKE)):
        receiver.comes(content, kind)
    found = []
    for size in (100, 4000, 8000, 8000, 300, 8000):
        call = receiver.ring.recvmsg(receiver.sock, size)
        receiver.ring.wait(call)
        found.append((call.kind(), call.received()))
    equal([(kind, len(content)) for kind, content in found],
          [(DATA, 100), (DATA, 4000), (DATA, 900), (ALERT, 2), (HANDSHAKE, 300),
           (HANDSHAKE, 400)], "types and sizes")
    equal(b"".join(content for _kind, content in found), body + b"\1\0" + body[:700],
          "what was read")
    receiver.by_whom()


def before_the_record(context, version, offload):
    """A call that is there before the record ends with it: not with a part of the record, and
    not before."""
    receiver = Receiving(context, version, offload)
    for name in ("recv", "recvmsg"):
        for how in HOW:
            body = tcp.data(f"{name} {how}", 4000)
            sealed = receiver.sealer.seal(body)
            call = getattr(receiver.ring, name)(receiver.sock, 8000, **how)
            receiver.ring.submit()
            for piece in (sealed[:3], sealed[3:2000], sealed[2000:-1]):
                receiver.far.sendall(piece)
                tcp.settled(receiver.far)
                check(not receiver.ring.done(call),
                      f"{name} before the record is here: {call.result}")
            receiver.far.sendall(sealed[-1:])
            receiver.ring.wait(call)
            equal(call.received(), body, "what was read")
    calls = [receiver.ring.recvmsg(receiver.sock, 8000, **how) for how in HOW]
    receiver.ring.submit()
    receiver.far.shutdown(socket.SHUT_WR)
    receiver.ring.wait(*calls)
    equal([call.result for call in calls], [0, 0, 0], "calls at the end of the stream")
    receiver.by_whom()


def all_of_it(context, version, offload):
    """A call with MSG_WAITALL goes on until all its memory is full, over many records that come
    one after another; the rest is for the next."""
    receiver = Receiving(context, version, offload)
    content = tcp.data("all", 40_000)
    for how in HOW:
        call = receiver.ring.recv(receiver.sock, 35_000, socket.MSG_WAITALL, **how)
        receiver.ring.submit()
        for at in range(0, 30_000, 10_000):
            receiver.comes(content[at:at + 10_000])
            check(not receiver.ring.done(call), f"a part is enough: {call.result}")
        receiver.comes(content[30_000:])
        receiver.ring.wait(call)
        check(call.received() == content[:35_000], "what was read is not what was sent")
        equal(receiver.gets("recv", 9000), content[35_000:], "the rest")
    receiver.by_whom()


def splice_out(context, version, offload):
    """From the socket through a pipe to a file, before and after the records come."""
    receiver = Receiving(context, version, offload)
    content = tcp.data("splice", BIG)
    out, into = pipe(context)
    call = receiver.ring.splice(receiver.sock.fileno(), into, PIPE_BYTES)
    receiver.ring.submit()
    writer = threading.Thread(target=receiver.far.sendall, args=(receiver.stream(content),),
                              daemon=True)
    writer.start()
    got = 0
    with tempfile.TemporaryFile() as file:
        while got < BIG:
            size = receiver.ring.wait(call)
            check(size > 0, f"splice after {got} bytes: {uring.name_of(size)}")
            equal(receiver.ring.wait(receiver.ring.splice(out, file.fileno(), size)), size,
                  "bytes spliced to the file")
            got += size
            if got < BIG:
                call = receiver.ring.splice(receiver.sock.fileno(), into, PIPE_BYTES)
        file.seek(0)
        check(file.read() == content, "what is in the file is not what was sent")
    writer.join()
    receiver.comes(b"\1\0", ALERT)
    equal(receiver.ring.wait(receiver.ring.splice(receiver.sock.fileno(), into, 100)),
          -errno.EINVAL, "splice of an alert")
    receiver.by_whom()


def wrong_tag(context, version):
    """A record that is not authentic ends the call that waits for it with EBADMSG, however it
    waits."""
    for how in HOW:
        receiver = Receiving(context, version)
        call = receiver.ring.recv(receiver.sock, 1000, **how)
        receiver.ring.submit()
        receiver.far.sendall(receiver.sealer.seal(b"forged", forge=True))
        equal(receiver.ring.wait(call), -errno.EBADMSG, f"recv, {how}")


for _function in (send, more_to_come, splice_in, chain, larger_than_the_buffer,
                  part_of_the_message, type_of_all, zero_copy, recv, types, part_of_a_record,
                  before_the_record, all_of_it, splice_out):
    for _version in CIPHERS:
        for _where in ("software", "device"):
            registry.add(f"{_function.__name__.replace('_', '-')}/{_where}/{_version}", _function,
                         _version, _where == "device")
for _version in CIPHERS:
    registry.add(f"wrong-tag/{_version}", wrong_tag, _version)


def setup():
    system.run("modprobe", "tls")


if __name__ == "__main__":
    sys.exit(0 if runner.run(registry.cases, setup, nic.recover) else 1)
