# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames as bytes: taking them apart, checking their checksums, making them."""

import functools
import ipaddress
import struct

ETH_IP, ETH_IP6, ETH_VLAN, ETH_TEST = 0x0800, 0x86dd, 0x8100, 0x88b5
TCP, UDP = 6, 17
_EXTENSIONS = {0, 43, 60}           # hop-by-hop, routing, destination options


def sum16(data):
    """The Internet checksum's one's-complement sum, folded to 16 bits: the data as one number,
    modulo 2^16 - 1, but that only zeros have the sum 0."""
    number = int.from_bytes(data if len(data) % 2 == 0 else bytes(data) + b"\0", "big")
    return number % 0xffff or (0xffff if number else 0)


@functools.cache
def packed(address):
    """An IP address as bytes."""
    return ipaddress.ip_address(address).packed


class Frame:
    """A parsed frame; fields that it has not are None."""

    def __init__(self, raw):
        self.raw = raw
        self.tag = self.protocol = self.l4 = self.segment = None
        self.source = self.target = None
        self.l3_good = None
        self.fragment = False
        self.type = struct.unpack_from("!H", raw, 12)[0]
        self.l3 = 14
        if self.type == ETH_VLAN:
            self.tag, self.type = struct.unpack_from("!HH", raw, 14)
            self.l3 = 18
        if self.type == ETH_IP:
            self._ipv4()
        elif self.type == ETH_IP6:
            self._ipv6()

    def _ipv4(self):
        raw, at = self.raw, self.l3
        header = (raw[at] & 15) * 4
        total = struct.unpack_from("!H", raw, at + 2)[0]
        self.fragment = bool(struct.unpack_from("!H", raw, at + 6)[0] & 0x3fff)
        self.protocol = raw[at + 9]
        self.source, self.target = raw[at + 12:at + 16], raw[at + 16:at + 20]
        self.l3_good = sum16(raw[at:at + header]) == 0xffff
        self.l4 = at + header
        self.segment = raw[self.l4:at + total]

    def _ipv6(self):
        raw, at = self.raw, self.l3
        total = struct.unpack_from("!H", raw, at + 4)[0]
        following = raw[at + 6]
        self.source, self.target = raw[at + 8:at + 24], raw[at + 24:at + 40]
        self.l4 = at + 40
        while following in _EXTENSIONS:
            following, self.l4 = raw[self.l4], self.l4 + (raw[self.l4 + 1] + 1) * 8
        if following == 44:
            self.fragment = True
            following = raw[self.l4]
            self.l4 += 8
        self.protocol = following
        self.segment = raw[self.l4:at + 40 + total]

    def l4_good(self):
        """Whether the TCP, UDP or ICMPv6 checksum is right."""
        pseudo = (self.source + self.target
                  + struct.pack("!IHBB", len(self.segment), 0, 0, self.protocol))
        return sum16(pseudo + self.segment) == 0xffff

    @property
    def ports(self):
        return struct.unpack_from("!HH", self.segment) if self.protocol in (TCP, UDP) else None

    @property
    def tcp_seq(self):
        return struct.unpack_from("!I", self.segment, 4)[0]

    @property
    def payload(self):
        """What the TCP or UDP segment carries."""
        if self.protocol == TCP:
            return self.segment[(self.segment[12] >> 4) * 4:]
        return self.segment[8:]


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def ethernet(target, source, kind, body):
    return mac(target) + mac(source) + struct.pack("!H", kind) + body


def ipv4(source, target, protocol, body, options=b"", ident=1):
    source, target = packed(source), packed(target)
    header = bytearray(struct.pack(
        "!BBHHHBBH4s4s", 0x45 + len(options) // 4, 0, 20 + len(options) + len(body),
        ident, 0, 64, protocol, 0, source, target) + options)
    struct.pack_into("!H", header, 10, 0xffff - sum16(header))
    return bytes(header) + body


def ipv6(source, target, protocol, body, extensions=b""):
    """protocol is that of the first header after the fixed one."""
    source, target = packed(source), packed(target)
    return struct.pack("!IHBB16s16s", 6 << 28, len(extensions) + len(body),
                       protocol, 64, source, target) + extensions + body


def udp(source, target, ports, payload, flip=0):
    """A UDP datagram whose checksum is right, or wrong by flip."""
    source, target = packed(source), packed(target)
    length = 8 + len(payload)
    header = struct.pack("!HHHH", *ports, length, 0)
    pseudo = source + target + struct.pack("!IHBB", length, 0, 0, UDP)
    value = (0xffff - sum16(pseudo + header + payload)) or 0xffff
    return struct.pack("!HHHH", *ports, length, value ^ flip) + payload
