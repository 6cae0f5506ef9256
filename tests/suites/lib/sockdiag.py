# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ss -i` says of kTLS on a socket, asked of the kernel directly (sock_diag)."""

import fcntl
import os
import socket
import struct
from typing import NamedTuple

from .cases import Failed
from .system import in_ns_of

NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY = 4, 20
NLMSG_ERROR, NLM_F_REQUEST = 2, 1
NO_COOKIE = 0xffffffff
SIOCGSKNS = 0x894C          # a descriptor of the namespace that a socket is in
HEADER, MESSAGE = 16, 72    # sizes of struct nlmsghdr and inet_diag_msg
INFO, ULP_INFO = 2, 19      # INET_DIAG_INFO, with which the other comes
ULP_TLS = 2                 # INET_ULP_INFO_TLS
VERSION, CIPHER, TXCONF, RXCONF = 1, 2, 3, 4
CONF = {1: "none", 2: "sw", 3: "hw", 4: "hw-record"}
CIPHERS = {51: "aes-gcm-128", 52: "aes-gcm-256", 53: "aes-ccm-128", 54: "chacha20-poly1305"}
VERSIONS = {0x0303: "1.2", 0x0304: "1.3"}


class Tls(NamedTuple):
    """In the words of `ss`. A socket without keys has no version and no cipher yet."""
    version: str
    cipher: str
    rxconf: str
    txconf: str


def _address(sock, name):
    address, port = name[:2]
    packed = socket.inet_pton(sock.family, address.partition("%")[0])
    return packed.ljust(16, b"\0"), struct.pack("!H", port)


def _request(sock):
    """A connected socket's own place in the kernel's table."""
    local, local_port = _address(sock, sock.getsockname())
    remote, remote_port = _address(sock, sock.getpeername())
    body = struct.pack("BBBxI", sock.family, socket.IPPROTO_TCP, 1 << INFO - 1,
                       0xffffffff)
    body += local_port + remote_port + local + remote
    body += struct.pack("III", 0, NO_COOKIE, NO_COOKIE)
    return struct.pack("IHHII", HEADER + len(body), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST,
                       1, 0) + body


def _attributes(data):
    """Type -> content of netlink's attributes."""
    found, at = {}, 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("HH", data, at)
        found[kind & 0x3fff] = data[at + 4:at + size]
        at += size + 3 & ~3
    return found


def tls(sock):
    """The Tls of a connected socket in whatever namespace; None if kTLS is not on it."""
    with in_ns_of(fcntl.ioctl(sock, SIOCGSKNS)), \
            socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as diag:
        diag.send(_request(sock))
        answer = diag.recv(1 << 16)
    kind, = struct.unpack_from("H", answer, 4)
    if kind == NLMSG_ERROR:
        error, = struct.unpack_from("i", answer, HEADER)
        raise Failed(f"sock_diag: {os.strerror(-error)}")
    ulp = _attributes(answer[HEADER + MESSAGE:]).get(ULP_INFO, b"")
    info = _attributes(ulp).get(ULP_TLS)
    if info is None:
        return None
    numbers = {kind: struct.unpack("H", data)[0] for kind, data in _attributes(info).items()
               if len(data) == 2}
    return Tls(VERSIONS.get(numbers.get(VERSION)), CIPHERS.get(numbers.get(CIPHER)),
               CONF[numbers[RXCONF]], CONF[numbers[TXCONF]])


def txconf(sock):
    """"hw", "sw" or "none": where this socket's TX is."""
    found = tls(sock)
    return found.txconf if found else "none"


def rxconf(sock):
    """"hw", "sw" or "none": where this socket's RX is."""
    found = tls(sock)
    return found.rxconf if found else "none"
