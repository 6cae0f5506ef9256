# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames as they are on the wire, seen and sent at one of the two ports."""

import socket
import struct

from . import system, timescale
from .cases import Failed
from .packet import ETH_VLAN, Frame
from .system import SO_RCVBUFFORCE, in_ns

ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_STATISTICS, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 6, 8, 23
TP_STATUS_VLAN_VALID = 1 << 4
BUFFER = 64 << 20


class Capture:
    """Collects what arrives at a port from the moment it is made. The kernel
    keeps the frames; nothing runs meanwhile."""

    def __init__(self, remote=True, outgoing=False, netif=None):
        """netif: another device than the port, in the same namespace."""
        netif = netif or (system.remote_netif() if remote else system.NETIF)
        with in_ns(system.REMOTE_NS if remote else None):
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
            self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            self.sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 0 if outgoing else 1)
            self.sock.bind((netif, ETH_P_ALL))
        self.sock.setblocking(False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def frames(self):
        """What came since the last call; a tag that was stripped is put back."""
        found = []
        while True:
            try:
                raw, control, _, _ = self.sock.recvmsg(1 << 17, 256)
            except BlockingIOError:
                break
            found.append(Frame(_with_tag(raw, control)))
        drops = struct.unpack("II", self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        if drops:
            raise Failed(f"the capture lost {drops} frames")
        return found


def tag_of(control):
    """(tag, its protocol) of a received frame, which the kernel has taken out of it; or None."""
    for level, kind, value in control:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tag, protocol = struct.unpack_from("IIIHHHH", value)
            return (tag, protocol or ETH_VLAN) if status & TP_STATUS_VLAN_VALID else None
    return None


def _with_tag(raw, control):
    found = tag_of(control)
    if not found:
        return raw
    tag, protocol = found
    return raw[:12] + struct.pack("!HH", protocol, tag) + raw[12:]


class Injector:
    """Sends frames, byte by byte as given, from a port."""

    def __init__(self, remote=True):
        netif = system.remote_netif() if remote else system.NETIF
        with in_ns(system.REMOTE_NS if remote else None):
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.sock.bind((netif, 0))
        self.sock.settimeout(timescale.scaled(10))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, frame):
        self.sock.send(frame)


def mac_of(remote):
    if remote:
        return system.mac_address(system.remote_netif(), system.REMOTE_NS)
    return system.mac_address(system.NETIF)


class Stream:
    """One direction of a TCP connection, put together from captured frames. A
    byte that was sent twice must have been the same both times."""

    def __init__(self, port, first_seq=None):
        self.port = port                # source port of the direction
        self.first = first_seq
        self.pieces = {}
        self.segments = 0
        self.repeated = 0

    def take(self, frames):
        for frame in frames:
            if frame.protocol == 6 and not frame.fragment and frame.ports[0] == self.port:
                self._segment(frame)

    def _segment(self, frame):
        if not frame.l4_good():
            raise Failed(f"TCP checksum wrong on the wire, sequence {frame.tcp_seq}")
        if frame.segment[13] & 2:       # SYN
            self.first = (frame.tcp_seq + 1) & 0xffffffff
        if frame.payload:
            self.segments += 1
            self.pieces.setdefault(frame.tcp_seq, []).append(frame.payload)

    def bytes(self):
        """The stream from its first byte; fails on a hole or a contradiction."""
        if self.first is None:
            raise Failed("the capture does not show the start of the connection")
        whole = bytearray()
        ordered = sorted(self.pieces.items(),
                         key=lambda item: (item[0] - self.first) & 0xffffffff)
        for seq, copies in ordered:
            at = (seq - self.first) & 0xffffffff
            for copy in copies:
                if at > len(whole):
                    raise Failed(f"the capture misses bytes {len(whole)} to {at}")
                known = whole[at:at + len(copy)]
                if known != copy[:len(known)]:
                    raise Failed(f"bytes at {at} were sent again, and differently")
                self.repeated += len(known)
                whole += copy[len(known):]
        return bytes(whole)
