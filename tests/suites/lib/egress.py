# SPDX-License-Identifier: GPL-2.0-or-later
"""Between the stack and the driver: traffic control does something to the packets
that one socket sends while it is marked, and to no others."""

import contextlib
import json
import socket

from . import wait
from .system import NETIF, run

# A mark that every kernel's u32 can see (that of SO_MARK takes CONFIG_CLS_U32_MARK, and
# without it is taken for a match of everything).
DSCP = 0x28
MASK = 0xfc                                 # not the bits of ECN
MATCH = {4: ("ip", "tos"), 6: ("ip6", "priority")}
SEQUENCE = {4: 20 + 4, 6: 40 + 4}           # TCP's sequence, from the network header on
PROTOCOL = {4: "ip", 6: "ipv6"}


class Egress:
    """In place until the case ends. The action is in tc's words. sequence: only packets
    that begin there."""

    def __init__(self, context, family, *action, sequence=None, netif=NETIF):
        self.netif = netif
        which = () if sequence is None else (
            "match", "u32", f"0x{sequence & 0xffffffff:08x}", "0xffffffff",
            "at", SEQUENCE[family])
        run("tc", "qdisc", "add", "dev", netif, "clsact")
        context.callback(run, "tc", "qdisc", "del", "dev", netif, "clsact")
        run("tc", "filter", "add", "dev", netif, "egress", "protocol", PROTOCOL[family],
            "u32", "match", *MATCH[family], f"{DSCP:#x}", f"{MASK:#x}", *which, "action", *action)

    def hits(self):
        """How many segments had it done to them."""
        table = json.loads(run("tc", "-s", "-j", "filter", "show", "dev", self.netif, "egress"))
        return sum(action["stats"]["packets"] for entry in table
                   for action in entry.get("options", {}).get("actions", ()))

    def happened(self):
        wait.until(self.hits, "a packet of the socket came by")


def renumber(context, family, sequence, only=None, netif=NETIF):
    """Give the packets another TCP sequence: the driver sees one that the stack never
    sends in that state. (The NIC fills in the checksum.)"""
    return Egress(context, family, "pedit", "munge", "offset", SEQUENCE[family],
                  "u32", "set", f"0x{sequence & 0xffffffff:08x}", sequence=only, netif=netif)


def lose(context, family, sequence=None):
    """Take the packets away in silence: the stack believes that they were sent."""
    return Egress(context, family, "trap", sequence=sequence)


def two_queues(context, family):
    """Marked packets go through TX queue 1, all others through queue 0."""
    marked_ones = Egress(context, family, "skbedit", "queue_mapping", 1)
    run("tc", "filter", "add", "dev", NETIF, "egress", "protocol", PROTOCOL[family], "pref", 65000,
        "matchall", "action", "skbedit", "queue_mapping", 0)
    return marked_ones


def small_units(context, segments=2):
    """New connections hand over no more than so many segments at once."""
    run("ip", "link", "set", NETIF, "gso_max_segs", segments)
    context.callback(run, "ip", "link", "set", NETIF, "gso_max_segs", 65535)


def mark(sock, on=True):
    level, option = ((socket.IPPROTO_IPV6, socket.IPV6_TCLASS)
                     if sock.family == socket.AF_INET6 else (socket.IPPROTO_IP, socket.IP_TOS))
    sock.setsockopt(level, option, DSCP if on else 0)


@contextlib.contextmanager
def marked(sock):
    """What the socket sends within this block is marked; repetitions later are not."""
    mark(sock)
    try:
        yield
    finally:
        mark(sock, False)
