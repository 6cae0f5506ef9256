# SPDX-License-Identifier: GPL-2.0-or-later
"""Single socket calls over kTLS in software, and what must come of them; runs in the guest."""

import errno
import mmap
import pathlib
import socket
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "suites"), str(HERE.parent)]

from lib import (counters, evidence, ktls, netem, nic, records, runner, system,    # noqa: E402
                 tcp, wait)
from lib.cases import Failed, Registry, check, equal, skip      # noqa: E402
from lib.ktls import ALERT, DATA, HANDSHAKE, MAX_RECORD, MSG_MORE, TLS_RX, Keys    # noqa: E402

registry = Registry()
VERSIONS = {"1.2": ktls.GCM128, "1.3": ktls.GCM128_1_3}
# Memory that cannot be read.
BAD = mmap.mmap(-1, 1 << 16, prot=0)
SMALL_BUFFER = 2048                     # bytes: has room for two segments
RECORDS = 20                            # that go through it


class Sender:
    """One end has keys for sending; at the other end the records are taken apart."""

    def __init__(self, context, version):
        self.keys = Keys(VERSIONS[version])
        self.sock, far = tcp.connect()
        context.enter_context(tcp.closing(self.sock, far))
        self.reader = tcp.Reader(far)
        ktls.install(self.sock, self.keys)

    def send(self, *parts, more=False, kind=None):
        message = [] if kind is None else \
            [(ktls.SOL_TLS, ktls.TLS_SET_RECORD_TYPE, bytes([kind]))]
        return self.sock.sendmsg(parts, message, MSG_MORE if more else 0)

    def fault(self, *parts, may_take_nothing=False, **how):
        """The message goes on in memory that cannot be read: the call takes none of it."""
        try:
            sent = self.send(*parts, BAD, **how)
        except OSError as error:
            equal(error.errno, errno.EFAULT, "errno of a send from memory that cannot be read")
        else:
            check(may_take_nothing and sent == 0,
                  f"a send from memory that cannot be read took {sent} bytes")

    def sent(self, *expected):
        """These are all records, as (type, content)."""
        self.sock.close()
        records.are(records.decrypt(bytes(self.reader.finish()), self.keys), *expected)


def open_record(context, version):
    """A send that faults leaves the record that is open as it was, whether the send's memory
    would have been copied or pinned, and whether the record would have been closed."""
    sender = Sender(context, version)
    first, lost, last = (tcp.data(name, size) for name, size in
                         (("first", 100), ("lost", 8000), ("last", 10)))
    equal(sender.send(first, more=True), len(first), "bytes taken")
    sender.fault(lost)
    sender.fault(lost[:50])
    sender.fault(lost, more=True)
    equal(sender.send(last), len(last), "bytes taken")
    sender.sent((DATA, first + last))


def after_a_record(context, version):
    """A send that faults behind a whole record has sent that one, and no more."""
    sender = Sender(context, version)
    content = tcp.data("content", MAX_RECORD + 3000)
    equal(sender.send(content, BAD), MAX_RECORD, "bytes taken")
    equal(sender.send(b"last"), 4, "bytes taken")
    sender.sent((DATA, content[:MAX_RECORD]), (DATA, b"last"))


def control(context, version):
    """Of a record that is not data nothing is sent if the send faults, and what comes next is
    of its own type."""
    sender = Sender(context, version)
    sender.fault(tcp.data("control", 3000), kind=HANDSHAKE)
    equal(sender.send(b"data"), 4, "bytes taken")
    sender.fault(more=True)
    equal(sender.send(b"alert", kind=ALERT), 5, "bytes taken")
    sender.fault(kind=ALERT)
    equal(sender.send(b"last"), 4, "bytes taken")
    sender.sent((DATA, b"data"), (ALERT, b"alert"), (DATA, b"last"))


for _version in VERSIONS:
    registry.add(f"fault-and-an-open-record/{_version}", open_record, _version)
    registry.add(f"fault-behind-a-whole-record/{_version}", after_a_record, _version)
    registry.add(f"fault-and-the-type-of-a-record/{_version}", control, _version)


@registry.case("fault-and-an-open-record/device")
def device(context):
    """A device's record that is open is closed and sent when a send faults, but for one that
    has more to come. The kernel's own tls.ko then forgets to say that it has faulted."""
    context.enter_context(nic.local().with_(**{nic.TLS_TX_FLAG: True}))
    sender = Sender(context, "1.2")
    equal(evidence.txconf(sender.sock), "hw", "ss: txconf")
    equal(sender.send(b"first", more=True), 5, "bytes taken")
    sender.fault(more=True)
    sender.fault(may_take_nothing=system.stock_tls())
    equal(sender.send(b"last"), 4, "bytes taken")
    sender.sent((DATA, b"first"), (DATA, b"last"))


@registry.case("packets-that-wait-for-software-together")
def together(context):
    """A device has gone down, and what it should have encrypted software encrypts. Packets of
    a connection come out of the qdisc several at a time, in a list."""
    context.enter_context(nic.local().with_(**{nic.TLS_TX_FLAG: True}))
    sender = Sender(context, "1.2")
    sender.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    equal(evidence.txconf(sender.sock), "hw", "ss: txconf")
    system.ip("link", "set", system.NETIF, "down")
    nic.up_again()
    netem.before_the_nic(context, "slot", "30ms")
    pieces = [tcp.data(f"piece {number}", 500) for number in range(40)]
    for piece in pieces:
        sender.send(piece)
    sender.sent(*((DATA, piece) for piece in pieces))


def connection_gone(context, flag, where):
    """The far end has broken off, and the application has been told: nothing that it writes is
    taken any more."""
    context.enter_context(nic.local().with_(**{nic.TLS_TX_FLAG: flag}))
    near, far = tcp.connect()
    context.enter_context(tcp.closing(near, far))
    ktls.install(near, Keys())
    equal(evidence.txconf(near), where, "ss: txconf")
    equal(near.send(b"first"), 5, "bytes taken")
    tcp.settled(near)
    tcp.reset(far)
    wait.until(lambda: tcp.state(near) == tcp.CLOSE, "the reset arrived")
    equal(near.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), errno.ECONNRESET, "SO_ERROR")
    if system.stock_tls():
        skip("defect of the kernel's own tls.ko: it takes what cannot be sent")
    for _ in range(3):
        try:
            taken = near.send(b"last")
        except OSError as error:
            equal(error.errno, errno.EPIPE, "errno of a write")
        else:
            raise Failed(f"a write took {taken} bytes")


registry.add("no-write-after-a-reset/software", connection_gone, False, "sw")
registry.add("no-write-after-a-reset/device", connection_gone, True, "hw")


def tcp_counters():
    """TCP's counters of this namespace."""
    lines = pathlib.Path("/proc/net/netstat").read_text(encoding="ascii").splitlines()
    names, values = (line.split()[1:] for line in lines if line.startswith("TcpExt:"))
    return dict(zip(names, map(int, values)))


def over_loopback(context):
    """A connection whose receiver has a small buffer, on one host: what the receiver says is
    answered before it goes on. The pair (sender, receiver)."""
    listener, near = (socket.socket() for _ in range(2))
    context.enter_context(tcp.closing(listener, near))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, RECORDS * 2 * MAX_RECORD)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    near.connect(listener.getsockname())
    far, _ = listener.accept()
    context.enter_context(tcp.closing(far))
    return near, far


def shut_down(context, version):
    """shutdown() sends what MSG_MORE left open, as it does over TCP alone."""
    sender = Sender(context, version)
    sender.send(b"a" * 1000, more=True)
    sender.sock.shutdown(socket.SHUT_WR)
    if system.stock_tls():
        sender.sent()
        skip("defect of the kernel's own tls.ko: it drops what is open")
    sender.sent((DATA, b"a" * 1000))


for _version in VERSIONS:
    registry.add(f"shutdown-with-an-open-record/{_version}", shut_down, _version)


@registry.case("window-of-a-small-buffer-opens")
def small_window(context):
    """A receiver whose buffer has no room for a record tells the sender when there is room
    again. A sender that finds out by a timer of its own, with a probe, does so where the reader
    was kept from reading for so long, but not for each record."""
    near, far = over_loopback(context)
    ktls.install(near, Keys())
    ktls.install(far, Keys(), TLS_RX)
    content = tcp.data("content", RECORDS * MAX_RECORD)
    before = tcp_counters()
    writer = threading.Thread(target=near.sendall, args=(content,), daemon=True)
    writer.start()
    got = bytearray()
    while len(got) < len(content):
        got += far.recv(1 << 16)
    writer.join()
    equal(got == content, True, "what arrived is what was sent")
    probes = counters.Moved(before, tcp_counters())["TCPWinProbe"]
    context.note(f"{probes} probes")
    check(probes < RECORDS // 2, f"the sender probed the window {probes} times")


def setup():
    system.ip("link", "set", "lo", "up")
    system.run("modprobe", "tls")


if __name__ == "__main__":
    sys.exit(0 if runner.run(registry.cases, setup, nic.recover) else 1)
