# SPDX-License-Identifier: GPL-2.0-or-later
"""Loss, reordering and delay by the kernel's netem, before or after the wire."""

import functools
import json

from . import nic, system
from .system import NETIF, REMOTE_NS, ip, run

IFB = "ifb-loss"


def before_the_nic(context, *impairment):
    """Impair what the stack sends, before it reaches the driver."""
    run("tc", "qdisc", "replace", "dev", NETIF, "root", "netem", *impairment)
    context.callback(run, "tc", "qdisc", "del", "dev", NETIF, "root", check=False)


def seeded():
    """Does the netem that is in place take a seed? Older kernels throw the dice anew each
    time, and do not say that they have ignored it."""
    return any("seed" in one.get("options", ()) for ns in (None, REMOTE_NS)
               for one in json.loads(run("tc", "-j", "qdisc", "show", ns=ns)))


def after_the_wire(context, *impairment):
    """Impair what arrives at the far port. Receive offload is off meanwhile, so
    that single segments are lost."""
    netif = system.remote_netif()
    context.enter_context(nic.remote().with_(gro=False))
    run("modprobe", "ifb", "numifbs=0")
    ip("link", "add", IFB, "type", "ifb", ns=REMOTE_NS)
    context.callback(ip, "link", "del", IFB, ns=REMOTE_NS, check=False)
    ip("link", "set", IFB, "up", ns=REMOTE_NS)
    run("tc", "qdisc", "add", "dev", netif, "clsact", ns=REMOTE_NS)
    context.callback(run, "tc", "qdisc", "del", "dev", netif, "clsact", ns=REMOTE_NS,
                     check=False)
    run("tc", "filter", "add", "dev", netif, "ingress", "matchall", "action",
        "mirred", "egress", "redirect", "dev", IFB, ns=REMOTE_NS)
    run("tc", "qdisc", "add", "dev", IFB, "root", "netem", *impairment, ns=REMOTE_NS)


def before_the_wire(context, *impairment):
    """Impair what the far end sends. Its segmentation offload is off meanwhile, so that
    single segments are lost."""
    netif = system.remote_netif()
    context.enter_context(nic.remote().with_(tso=False, gso=False))
    run("tc", "qdisc", "replace", "dev", netif, "root", "netem", "limit", 100_000, *impairment,
        ns=REMOTE_NS)
    context.callback(run, "tc", "qdisc", "del", "dev", netif, "root", ns=REMOTE_NS, check=False)


def change_before_the_wire(*impairment):
    """Another impairment of what the far end sends."""
    run("tc", "qdisc", "change", "dev", system.remote_netif(), "root", "netem", "limit", 100_000,
        *impairment, ns=REMOTE_NS)


def change(*impairment):
    """Another impairment after the wire."""
    run("tc", "qdisc", "change", "dev", IFB, "root", "netem", *impairment, ns=REMOTE_NS)


def _count(what, netif, ns, kind="netem"):
    table = json.loads(run("tc", "-s", "-j", "qdisc", "show", "dev", netif, ns=ns))
    return sum(qdisc[what] for qdisc in table if qdisc["kind"] == kind)


def sent(netif, ns=None):
    """Packets that have passed the netem at that port."""
    return _count("packets", netif, ns)


def dropped(netif, ns=None):
    """Packets that the netem at that port has lost."""
    return _count("drops", netif, ns)


@functools.cache
def _plug():
    """tc does not load it by itself."""
    run("modprobe", "sch_plug")


def hold(netif):
    """Packets wait before the driver of that port, in their order. Their sockets stay with them,
    which netem's delay does not allow."""
    _plug()
    run("tc", "qdisc", "replace", "dev", netif, "root", "plug", "limit", 1 << 20)


def drop_held(netif):
    """None waits any more; those that did are lost."""
    run("tc", "qdisc", "del", "dev", netif, "root", check=False)


def held_before_the_nic(context):
    """Packets wait before the driver of the local port until let_go()."""
    hold(NETIF)
    context.callback(drop_held, NETIF)


def held(netif=NETIF):
    """Bytes that wait before the driver."""
    return _count("backlog", netif, None, "plug")


def let_go():
    run("tc", "qdisc", "change", "dev", NETIF, "root", "plug", "release_indefinite")
