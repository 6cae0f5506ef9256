# SPDX-License-Identifier: GPL-2.0-or-later
"""A TCP peer made of raw frames, at the far port: the case says which segments
come, in which order, with which bytes. It has addresses that nobody else has, so
that no kernel answers in its place."""

import ctypes
import select
import socket
import struct
import time

from . import neighbor, packet, system, tcp, timescale
from .capture import ETH_P_ALL, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING, SOL_PACKET, tag_of
from .cases import Failed
from .system import LOCAL, NETIF, REMOTE_NS, SO_RCVBUFFORCE, in_ns

ADDRESS = {4: "192.0.3.77", 6: "2001:db8:1::77"}
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
WINDOW = 65535
MASK = 0xffffffff
SECONDS = timescale.scaled(10)
SO_ATTACH_FILTER = 26
# Where the port may be in what the near end sends: IPv4, with a tag, IPv6 or IPv4 in IPv4,
# with a tag, IPv6 in IPv4.
PORT_PLACES = (36, 40, 56, 60, 76)
LOAD_HALF, JUMP_IF_EQUAL, RETURN = 0x28, 0x15, 0x06     # of the kernel's packet filter


def only_with_port(sock, port):
    """Let the kernel drop frames that are not for this port: each raw socket sees those of all
    peers, and taking them in costs more than all else that a peer does."""
    code, count = b"", len(PORT_PLACES)
    for number, place in enumerate(PORT_PLACES):
        code += struct.pack("HBBI", LOAD_HALF, 0, 0, place)
        code += struct.pack("HBBI", JUMP_IF_EQUAL, 2 * (count - number) - 1, 0, port)
    code += struct.pack("HBBI", RETURN, 0, 0, 0) + struct.pack("HBBI", RETURN, 0, 0, 1 << 16)
    buffer = ctypes.create_string_buffer(code)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                    struct.pack("HL", len(code) // 8, ctypes.addressof(buffer)))


class Peer:
    """One connection from the peer to a listener at the local port."""

    ports = iter(range(40000, 60000))

    def __init__(self, context, family=4, isn=1_000_000, timestamps=False, rcvbuf=None,
                 v4_mapped=False, port=None, near_port=0, tag=None,
                 ns=None):
        self.family = family
        self.isn = isn
        self.mss = 1448 if family == 4 else 1428
        self.timestamps = timestamps
        self.port = port or next(self.ports)
        self.near_port = near_port
        self.near_mac = system.mac_address(NETIF)
        self.far_mac = system.mac_address(system.remote_netif(), REMOTE_NS)
        self.tag = tag
        self.ns = ns                # where the listener is, if not here
        if not ns:
            neighbor.replace(ADDRESS[family], self.far_mac, NETIF)
        with in_ns(REMOTE_NS):
            self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.raw.bind((system.remote_netif(), ETH_P_ALL))
        only_with_port(self.raw, self.port)
        self.raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 23)
        self.raw.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.raw.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        context.callback(self.raw.close)
        self.acked = 0              # bytes of our stream that the near end has
        self.window = WINDOW
        self.scale = 0
        self.near_next = 0          # what we acknowledge
        self.near_fin = False
        self.sent = 0               # up to where the stream has been sent
        self.sock = self._connect(context, rcvbuf, v4_mapped)

    def _listen(self, rcvbuf, v4_mapped):
        with in_ns(self.ns):
            listener = socket.socket(socket.AF_INET6 if v4_mapped else tcp.FAMILY[self.family],
                                     socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if rcvbuf:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            listener.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", tcp.SECONDS, 0))
        if v4_mapped:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listener.bind(("::ffff:" + LOCAL[4], self.near_port))
        else:
            listener.bind((LOCAL[self.family], self.near_port))
        listener.listen(1)
        return listener

    def _connect(self, context, rcvbuf, v4_mapped):
        with self._listen(rcvbuf, v4_mapped) as listener:
            self.near_port = listener.getsockname()[1]
            self._put(self.isn, SYN, b"")
            self._until(lambda: self.near_next, "a SYN-ACK")
            self._put((self.isn + 1) & MASK, ACK, b"")
            sock, _ = listener.accept()
        context.callback(self.reset)
        context.callback(sock.close)
        return sock

    # ---- frames

    def _options(self, flags):
        options = b""
        if flags & SYN:
            options += struct.pack("!BBH", 2, 4, self.mss) + b"\1\3\3\0"
        if self.timestamps:
            now = int(time.monotonic() * 1000) & MASK
            options += b"\1\1" + struct.pack("!BBII", 8, 10, now, getattr(self, "echo", 0))
        return options

    def frame(self, seq, flags, payload, flip=0, ip_options=b"", extensions=b""):
        """A frame of the connection. flip spoils the TCP checksum."""
        source, target = ADDRESS[self.family], LOCAL[self.family]
        options = self._options(flags)
        header = struct.pack("!HHIIBBHHH", self.port, self.near_port, seq & MASK,
                             self.near_next, (20 + len(options)) << 2, flags, WINDOW, 0, 0)
        segment = header + options + payload
        pseudo = (packet.packed(source) + packet.packed(target)
                  + struct.pack("!IHBB", len(segment), 0, 0, packet.TCP))
        value = (0xffff - packet.sum16(pseudo + segment)) ^ flip
        segment = segment[:16] + struct.pack("!H", value) + segment[18:]
        if self.family == 4:
            kind, body = packet.ETH_IP, packet.ipv4(source, target, packet.TCP, segment,
                                                    ip_options)
        else:
            kind, body = packet.ETH_IP6, packet.ipv6(
                source, target, 60 if extensions else packet.TCP, segment, extensions)
        if self.tag is not None:
            kind, body = packet.ETH_VLAN, struct.pack("!HH", self.tag, kind) + body
        return packet.ethernet(self.near_mac, self.far_mac, kind, body)

    def _put(self, seq, flags, payload, **how):
        self.raw.send(self.frame(seq, flags, payload, **how))

    def put(self, at, payload, flags=ACK | PSH, **how):
        """Send a segment whose first byte is byte at of our stream."""
        self._put(self.isn + 1 + at, flags, payload, **how)
        self.sent = max(self.sent, at + len(payload))

    def seq(self, at):
        return (self.isn + 1 + at) & MASK

    # ---- what comes back

    def _take(self, raw, tag):
        frame = packet.Frame(raw)
        if tag != self.tag or frame.protocol != packet.TCP:
            return
        if frame.ports != (self.near_port, self.port):
            return
        segment = frame.segment
        seq, ack = struct.unpack_from("!II", segment, 4)
        flags, window = segment[13], struct.unpack_from("!H", segment, 14)[0]
        if flags & SYN:
            self._take_options(segment)
            self.near_next = (seq + 1) & MASK
        if flags & FIN:
            self.near_fin = True
        if flags & ACK:
            self.acked = max(self.acked, (ack - self.isn - 1) & MASK
                             if (ack - self.isn - 1) & MASK < 1 << 31 else 0)
            self.window = window << (0 if flags & SYN else self.scale)
        if self.timestamps:
            self._take_echo(segment)

    def _take_options(self, segment):
        options = segment[20:(segment[12] >> 4) * 4]
        at = 0
        while at < len(options) and options[at]:
            if options[at] == 1:
                at += 1
                continue
            if options[at] == 3:
                self.scale = options[at + 2]
            at += options[at + 1]

    def _take_echo(self, segment):
        options = segment[20:(segment[12] >> 4) * 4]
        at = options.find(b"\x08\x0a")
        if at >= 0:
            self.echo = struct.unpack_from("!I", options, at + 2)[0]

    def look(self, seconds=0):
        """Take in what has arrived."""
        while select.select([self.raw], [], [], seconds)[0]:
            raw, control, _flags, source = self.raw.recvmsg(1 << 16, 64)
            if source[2] != socket.PACKET_OUTGOING:
                tag = tag_of(control)
                self._take(raw, tag and tag[0])
            seconds = 0

    def _until(self, condition, what):
        deadline = time.monotonic() + SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise Failed(f"the raw peer saw no {what} in {SECONDS:g} s")
            self.look(0.05)

    def wait_acked(self, at=None):
        """Until the near end has everything, or everything before byte at."""
        at = self.sent if at is None else at
        self._until(lambda: self.acked >= at, f"acknowledgment of byte {at} "
                    f"(there is one of {self.acked})")

    def until_window(self, size):
        """Until the near end has room for that many bytes more."""
        self._until(lambda: self.sent + size <= self.acked + self.window, "window")

    def send(self, at, data, size=None, **how):
        """In-order segments of that size, as far as the near end's window lets us."""
        size = size or self.mss
        for place in range(0, len(data), size):
            piece = data[place:place + size]
            self.until_window(size)
            self.put(at + place, piece, **how)

    def wait_fin(self):
        """Until the near end has closed; that is acknowledged from now on."""
        self._until(lambda: self.near_fin, "FIN")
        self.near_next = (self.near_next + 1) & MASK

    def near_states(self):
        """The states (enum tcp_state) of the sockets that are the near end of this connection."""
        return tcp.states(self.near_port, self.port)

    def fin(self):
        self._put(self.isn + 1 + self.sent, FIN | ACK, b"")

    def reset(self):
        self._put(self.isn + 1 + self.acked, RST | ACK, b"")
