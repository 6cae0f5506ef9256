# SPDX-License-Identifier: GPL-2.0-or-later
"""TCP between the two ports, and what arrives there."""

import contextlib
import fcntl
import hashlib
import ipaddress
import random
import socket
import struct
import termios
import threading

from . import timescale, wait
from .cases import Failed
from .system import LOCAL, NETIF, REMOTE, REMOTE_NS, in_ns, ip, sysctl, with_sysctl

SECONDS = 40
# The route that comes with an address: the bits of its subnet, and what else it has.
LINK_ROUTE = {4: (24, "scope", "link", "src", LOCAL[4]), 6: (64, "metric", 256)}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
FIN_TIMEOUT = 5             # seconds, see forget_orphans()
SENT_TWICE = 100_000        # bytes that a slow machine's timeouts may cost
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
TCP_SEND_QUEUE, TCP_REPAIR_OFF_NO_WP = 2, -1
SIOCOUTQNSD = 0x894B
ESTABLISHED, TIME_WAIT, CLOSE, CLOSE_WAIT, LISTEN = 1, 6, 7, 8, 10     # enum tcp_state
TCP_INFO_TOTAL_RETRANS = 100    # offsets in struct tcp_info
TCP_INFO_BYTES_ACKED = 120
TCP_INFO_BYTES_SENT = 200
TCP_INFO_BYTES_RETRANS = 208
TCP_INFO_RCV_OOOPACK = 224


def data(seed, size):
    """Bytes that are the same for the same seed, and look like nothing else."""
    return random.Random(seed).randbytes(size)


def _socket(family, ns=None):
    """A blocking socket that gives up after a while. (Python's settimeout would make
    it non-blocking underneath, which sendfile and splice would notice.)"""
    with in_ns(ns):
        sock = socket.socket(FAMILY[family], socket.SOCK_STREAM)
    seconds = struct.pack("ll", round(timescale.scaled(SECONDS)), 0)
    for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, option, seconds)
    return sock


def begin_at(sock, sequence):
    """The first byte that this socket will send has that sequence. Before connect()."""
    for option, value in ((TCP_REPAIR, 1), (TCP_REPAIR_QUEUE, TCP_SEND_QUEUE),
                          (TCP_QUEUE_SEQ, (sequence - 1) & 0xffffffff),
                          (TCP_REPAIR, TCP_REPAIR_OFF_NO_WP)):
        sock.setsockopt(socket.IPPROTO_TCP, option, struct.pack("I", value & 0xffffffff))


def half_open(family=4, mss=None, to_remote=True, addresses=(LOCAL, REMOTE), sequence=None):
    """A connection that the far end has not taken yet; the pair (opener, listener).
    to_remote says which end opens it, sequence at what number that end begins."""
    near, far = addresses
    ends = [(None, near), (REMOTE_NS, far)]
    client, server = ends if to_remote else reversed(ends)
    listener = _socket(family, ns=server[0])
    opener = _socket(family, ns=client[0])
    for sock in (listener, opener):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if mss:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
    listener.bind((server[1][family], 0))
    listener.listen(1)
    if sequence is not None:
        begin_at(opener, sequence)
    opener.connect(listener.getsockname()[:2])
    return opener, listener


def connect(family=4, mss=None, to_remote=True, **options):
    """A connection between the ports; the pair (local socket, remote socket)."""
    opener, listener = half_open(family, mss, to_remote, **options)
    with listener:
        accepted, _ = listener.accept()         # inherits the listener's options
    return (opener, accepted) if to_remote else (accepted, opener)


def loopback():
    """A connection of this host with itself, whose ends send at once (opener, other)."""
    with _socket(4) as listener:
        opener = _socket(4)
        for sock in (listener, opener):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        opener.connect(listener.getsockname())
        accepted, _ = listener.accept()         # inherits the listener's options
    return opener, accepted


def patient(context, seconds=5):
    """New connections do not send anything again for that long, unless they know from
    acknowledgments that it is lost: no timeout, and no probe of the stream's tail."""
    with_sysctl(context, "net.ipv4.tcp_early_retrans", 0)
    for family, (bits, *rest) in LINK_ROUTE.items():
        subnet = ipaddress.ip_interface(f"{LOCAL[family]}/{bits}").network
        words = (f"-{family}", "route", "change", subnet, "dev", NETIF, "proto", "kernel", *rest)
        context.callback(ip, *words)
        ip(*words, "rto_min", f"{seconds}s")


def sent(sock):
    """Bytes that this socket has sent, those that it sent again included."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from("Q", info, TCP_INFO_BYTES_SENT)[0]


def segment_size(sock):
    """Payload of a full segment that this socket sends."""
    return struct.unpack_from("I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 64), 16)[0]


def retransmitted(sock):
    """(segments, bytes) that this socket has sent again."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return (struct.unpack_from("I", info, TCP_INFO_TOTAL_RETRANS)[0],
            struct.unpack_from("Q", info, TCP_INFO_BYTES_RETRANS)[0])


def reset(sock):
    """Break the connection off: close() sends a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def forget_orphans():
    """In both namespaces a closed socket waits some seconds for its peer's FIN, not a minute. TCP
    soon puts a small one in its place; but one whose own FIN is acknowledged while close()
    still has it locked waits for all that time itself, with its context, and with tls.ko."""
    for ns in (None, REMOTE_NS):
        sysctl("net.ipv4.tcp_fin_timeout", FIN_TIMEOUT, ns)


def end_first(fars):
    """These ends finish sending first: the others are gone as soon as their FIN is acknowledged
    (see forget_orphans())."""
    for far in fars:
        far.shutdown(socket.SHUT_WR)
        ports = far.getpeername()[1], far.getsockname()[1]
        wait.until(lambda ports=ports: states(*ports) == [CLOSE_WAIT],
                   lambda ports=ports: f"CLOSE_WAIT, and nothing but {states(*ports)}")


def acknowledged(sock):
    """Bytes that the peer has acknowledged, of a socket that opened the connection (whose
    SYN counts as well)."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from("Q", info, TCP_INFO_BYTES_ACKED)[0] - 1


def out_of_order(sock):
    """Segments that this socket received ahead of their turn."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from("I", info, TCP_INFO_RCV_OOOPACK)[0]


def _bytes(sock, request):
    """The number of bytes that an ioctl tells."""
    buffer = bytearray(4)
    fcntl.ioctl(sock, request, buffer)
    return struct.unpack("i", buffer)[0]


def unacknowledged(sock):
    """Bytes that the peer has not acknowledged (SIOCOUTQ)."""
    return _bytes(sock, termios.TIOCOUTQ)


def settled(sock):
    """Wait until all that was written is acknowledged."""
    wait.until(lambda: unacknowledged(sock) == 0,
               lambda: f"all data is acknowledged: {unacknowledged(sock)} bytes are not",
               seconds=SECONDS)


def unsent(sock):
    """Bytes that wait here to be sent for the first time."""
    return _bytes(sock, SIOCOUTQNSD)


def queued(sock):
    """Bytes that have arrived and are not read (SIOCINQ)."""
    return _bytes(sock, termios.FIONREAD)


def state(sock):
    """The state (enum tcp_state) of this socket."""
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


def states(port, far=None):
    """The states (enum tcp_state) of the sockets here that have this local port, and that port at
    the far end. The local one alone belongs to no single connection: one of the other family may
    have it as well, or one in TIME_WAIT."""
    found = []
    for table in ("tcp", "tcp6"):
        with open(f"/proc/thread-self/net/{table}", encoding="ascii") as file:
            rows = [line.split() for line in file][1:]
        for row in rows:
            local, remote = (int(row[field].rpartition(":")[2], 16) for field in (1, 2))
            if local == port and far in (None, remote):
                found.append(int(row[3], 16))
    return found


class Untaken:
    """The far end of a half-open connection, taken when somebody reads from it."""

    def __init__(self, listener):
        self.listener = listener
        self.sock = None

    def recv_into(self, buffer):
        if not self.sock:
            self.sock, _ = self.listener.accept()
        return self.sock.recv_into(buffer)

    def close(self):
        self.listener.close()
        if self.sock:
            self.sock.close()


class Reader(threading.Thread):
    """Reads a socket to its end in the background."""

    def __init__(self, sock, keep=True, pause=None):
        super().__init__(daemon=True)
        self.sock = sock
        self.keep = keep
        self.pause = pause          # an Event: read only while it is set
        self.bytes = bytearray()
        self.count = 0
        self.sha = hashlib.sha256()
        self.error = None
        self.start()

    def run(self):
        buffer = memoryview(bytearray(1 << 18))
        try:
            while True:
                if self.pause:
                    self.pause.wait()
                got = self.sock.recv_into(buffer)
                if not got:
                    return
                self.count += got
                if self.keep:
                    self.bytes += buffer[:got]
                else:
                    self.sha.update(buffer[:got])
        except OSError as error:
            self.error = error

    def finish(self, seconds=SECONDS):
        """Wait for the end of the stream; what came."""
        seconds = timescale.scaled(seconds)
        self.join(seconds)
        if self.is_alive():
            raise Failed(f"the stream had no end after {seconds:g} s, {self.count} bytes")
        if self.error:
            raise Failed(f"reading: {self.error}")
        return self.bytes

    def digest(self):
        self.finish()
        return (hashlib.sha256(self.bytes) if self.keep else self.sha).hexdigest()


@contextlib.contextmanager
def closing(*sockets):
    try:
        yield
    finally:
        for sock in sockets:
            sock.close()


def transfer(content, family=4, upward=True, clean=True, **options):
    """Send content over a new connection, upward is from the local port."""
    carry(connect(family, **options), content, upward, clean)


def carry(connection, content, upward=True, clean=True):
    """Send content over this connection and close it. Fails unless it arrives whole
    and, on a clean link, unless nearly nothing was sent twice: TCP hides a NIC that
    loses or spoils frames."""
    sender, receiver = connection if upward else reversed(connection)
    with closing(*connection):
        reader = Reader(receiver, keep=False)
        sender.sendall(content)
        sender.shutdown(socket.SHUT_WR)
        got = reader.digest()
        again = retransmitted(sender)[1]
    want = hashlib.sha256(content).hexdigest()
    if got != want:
        raise Failed(f"SHA-256 differs, {reader.count} of {len(content)} bytes")
    if clean and again > SENT_TWICE + len(content) // 20:
        raise Failed(f"{again} of {len(content)} bytes were sent twice on a clean link")
