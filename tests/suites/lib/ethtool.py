# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ethtool` prints and sets, asked of the kernel directly: counters and features are
read so often that starting a program for each time would take longer than most cases, and
some requests are not understood by kernels older than the program."""

import array
import contextlib
import errno
import fcntl
import functools
import socket
import struct
from typing import NamedTuple

from .system import in_ns

SIOCETHTOOL = 0x8946
GLINK, GRINGPARAM, GSTRINGS, GSTATS, GSSET_INFO = 0x0a, 0x10, 0x1b, 0x1d, 0x37
GRXFHINDIR, SRXFHINDIR = 0x38, 0x39
GFEATURES, SFEATURES, GCHANNELS = 0x3a, 0x3b, 0x3c
SS_STATS, SS_FEATURES = 1, 4
NAME = 32                   # bytes of a name
BLOCK = 32                  # features in each block of bits


class Range(NamedTuple):
    """A number that can be set, up to the most."""
    most: int
    now: int


class _Port:
    """A socket of the namespace that a port is in."""

    def __init__(self, sock, netif):
        self.sock = sock
        self.netif = netif.encode()

    def ask(self, request, room=0):
        """One ioctl, with that much room for the answer; what the kernel makes of it."""
        memory = array.array("B", request + bytes(room))
        address, _ = memory.buffer_info()
        fcntl.ioctl(self.sock, SIOCETHTOOL, struct.pack("16sP16x", self.netif, address))
        return memory.tobytes()

    def names(self, kind):
        answer = self.ask(struct.pack("IIQ", GSSET_INFO, 0, 1 << kind), 4)
        count = struct.unpack_from("I", answer, 16)[0]
        return _decoded(self.ask(struct.pack("III", GSTRINGS, kind, count), NAME * count)[12:])


@functools.lru_cache
def _decoded(names):
    """A string set, which is asked for often and seldom another one."""
    return tuple(names[at:at + NAME].split(b"\0")[0].decode().strip()
                 for at in range(0, len(names), NAME))


@contextlib.contextmanager
def _port(netif, ns):
    with in_ns(ns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        yield _Port(sock, netif)


def statistics(netif, ns=None):
    """Names and values; nothing if there is no such port, or none that counts."""
    with _port(netif, ns) as port:
        try:
            names = port.names(SS_STATS)
            values = port.ask(struct.pack("II", GSTATS, len(names)), 8 * len(names))[8:]
        except OSError:
            return {}
    return {name: value for name, (value,) in zip(names, struct.iter_unpack("Q", values))}


def features(netif, ns=None):
    """The kernel's name of each feature -> (on, fixed)."""
    with _port(netif, ns) as port:
        names = port.names(SS_FEATURES)
        blocks = -(-len(names) // BLOCK)
        answer = port.ask(struct.pack("II", GFEATURES, blocks), 16 * blocks)
    table = {}
    for number, name in enumerate(names):
        changeable, _wanted, active, never_changed = (
            words >> number % BLOCK & 1
            for words in struct.unpack_from("4I", answer, 8 + 16 * (number // BLOCK)))
        if name:
            table[name] = bool(active), not changeable or bool(never_changed)
    return table


def set_features(netif, wanted, ns=None):
    """Ask for features, {"tx-nocache-copy": True}. Those that depend on others may not be as
    they were asked for afterwards, as with `ethtool -K`."""
    with _port(netif, ns) as port:
        names = port.names(SS_FEATURES)
        blocks = [[0, 0] for _ in range(-(-len(names) // BLOCK))]
        for name, on in wanted.items():
            number = names.index(name)
            blocks[number // BLOCK][0] |= 1 << number % BLOCK
            blocks[number // BLOCK][1] |= on << number % BLOCK
        port.ask(struct.pack("II", SFEATURES, len(blocks))
                 + b"".join(struct.pack("II", *block) for block in blocks))


def link(netif, ns=None):
    """Whether the port is up and has a carrier; one that its driver has taken away, as in
    the middle of a reset, has none."""
    with _port(netif, ns) as port:
        try:
            return bool(struct.unpack("II", port.ask(struct.pack("I", GLINK), 4))[1])
        except OSError as error:
            if error.errno == errno.ENODEV:
                return False
            raise


def rings(netif, ns=None):
    """The entries of the rings: {"rx": Range, "tx": Range}."""
    with _port(netif, ns) as port:
        answer = struct.unpack("9I", port.ask(struct.pack("I", GRINGPARAM), 32))
    return {"rx": Range(answer[1], answer[5]), "tx": Range(answer[4], answer[8])}


def channels(netif, ns=None):
    """The combined channels, that is queue pairs, as a Range."""
    with _port(netif, ns) as port:
        answer = struct.unpack("9I", port.ask(struct.pack("I", GCHANNELS), 32))
    return Range(answer[4], answer[8])


def steer_to(netif, queue):
    """Every entry of the indirection table names this queue. (`ethtool -X` sets input_xfrm,
    a byte that must be 0 where the kernel does not know it.)"""
    with _port(netif, None) as port:
        answer = port.ask(struct.pack("II", GRXFHINDIR, 0))
        size = struct.unpack_from("I", answer, 4)[0]
        entries = struct.pack(f"{size}I", *[queue] * size)
        port.ask(struct.pack("II", SRXFHINDIR, size) + entries)
