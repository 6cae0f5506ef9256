# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ethtool` prints and sets, asked of the kernel directly: counters are read so often
that starting a program for each time would take longer than most cases, and some
requests are not understood by kernels older than the program."""

import array
import fcntl
import socket
import struct

from .system import in_ns

SIOCETHTOOL = 0x8946
GSTRINGS, GSTATS, GSSET_INFO = 0x1b, 0x1d, 0x37
GRXFHINDIR, SRXFHINDIR = 0x38, 0x39
SS_STATS = 1
NAME = 32                   # bytes of a name


def _ask(sock, netif, command):
    """One ioctl; command is filled in by the kernel."""
    address, _ = command.buffer_info()
    fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("16sP16x", netif.encode(), address))
    return command.tobytes()


def _command(text, room):
    return array.array("B", text + bytes(room))


def statistics(netif, ns=None):
    """Names and values; nothing if there is no such port, or none that counts."""
    with in_ns(ns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            answer = _ask(sock, netif, _command(
                struct.pack("IIQ", GSSET_INFO, 0, 1 << SS_STATS), 4))
            count = struct.unpack_from("I", answer, 16)[0]
            names = _ask(sock, netif, _command(struct.pack("III", GSTRINGS, SS_STATS, count),
                                               NAME * count))
            values = _ask(sock, netif, _command(struct.pack("II", GSTATS, count), 8 * count))
        except OSError:
            return {}
    return {names[12 + NAME * i:][:NAME].rstrip(b"\0").decode().strip(): value
            for i, (value,) in enumerate(struct.iter_unpack("Q", values[8:8 + 8 * count]))}


def steer_to(netif, queue):
    """Every entry of the indirection table names this queue. (`ethtool -X` sets input_xfrm,
    a byte that must be 0 where the kernel does not know it.)"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        answer = _ask(sock, netif, _command(struct.pack("II", GRXFHINDIR, 0), 0))
        size = struct.unpack_from("I", answer, 4)[0]
        entries = struct.pack(f"{size}I", *[queue] * size)
        _ask(sock, netif, _command(struct.pack("II", SRXFHINDIR, size) + entries, 0))
