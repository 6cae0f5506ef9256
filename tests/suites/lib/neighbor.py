# SPDX-License-Identifier: GPL-2.0-or-later
"""Who a neighbor is, told without starting a program: each connection by hand needs that."""

import ipaddress
import os
import socket
import struct

from . import packet

NETLINK_ROUTE, RTM_NEWNEIGH, NLMSG_ERROR = 0, 28, 2
FLAGS = 0x1 | 0x4 | 0x100 | 0x400       # NLM_F_REQUEST, ACK, REPLACE, CREATE
NUD_PERMANENT = 0x80
NDA_DST, NDA_LLADDR = 1, 2


def _attribute(kind, value):
    return struct.pack("HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def replace(address, hardware, netif):
    """`ip neighbor replace ADDRESS lladdr HARDWARE dev NETIF`."""
    address = ipaddress.ip_address(address)
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    message = (struct.pack("BxxxiHBB", family, socket.if_nametoindex(netif), NUD_PERMANENT, 0, 0)
               + _attribute(NDA_DST, address.packed) + _attribute(NDA_LLADDR, packet.mac(hardware)))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE) as netlink:
        netlink.send(struct.pack("IHHII", 16 + len(message), RTM_NEWNEIGH, FLAGS, 1, 0) + message)
        kind, error = struct.unpack_from("4xH10xi", netlink.recv(4096))
    if kind != NLMSG_ERROR or error:
        raise OSError(-error, f"neighbor {address}: {os.strerror(-error)}")
