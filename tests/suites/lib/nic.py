# SPDX-License-Identifier: GPL-2.0-or-later
"""The port under test: features, counters, link, and how to put them back."""

import contextlib
import errno
import fnmatch
import os
import pathlib
import re
import socket

from . import counters, ethtool, system, timescale, wait
from .cases import Failed, check, skip
from .system import NETIF, REMOTE_NS, ip, run

TLS_TX_FLAG, TLS_RX_FLAG = "tls-hw-tx-offload", "tls-hw-rx-offload"
BYTE_LIMITS = "tx-*/byte_queue_limits"
FEW_BYTES, MANY_BYTES = "3000", str(16 << 20)
CLOSED = 4                  # a port on which nobody listens


def features(netif=None, ns=None):
    """The kernel's name of each feature -> (on, fixed)."""
    return ethtool.features(netif or NETIF, ns)


# The kernel's names of what `ethtool -K` knows by a short one.
_SHORT = {"tso": "tx-tcp*-segmentation", "sg": "tx-scatter-gather*", "tx": "tx-checksum-*",
          "rx": "rx-checksum", "gso": "tx-generic-segmentation", "gro": "rx-gro",
          "rxvlan": "rx-vlan-hw-parse", "txvlan": "tx-vlan-hw-insert"}


def tls_offload(on):
    """For Features: TLS offload in both directions."""
    return {TLS_TX_FLAG: on, TLS_RX_FLAG: on}


class Features:
    """Sets features and remembers what they were; one per port. Names are those that
    `ethtool -K` takes, with _ for - in keywords."""

    def __init__(self, netif, ns=None):
        self.netif = netif
        self.ns = ns

    def get(self, name):
        """(on, fixed) of a feature."""
        return features(self.netif, self.ns)[name]

    def _changes(self, table, wanted):
        """What to ask for; fails if it cannot be had. (A case that can do without looks
        first, or it would say nothing on a port that lost the feature.)"""
        changes = {}
        for name, on in wanted.items():
            name = name.replace("_", "-")
            family = fnmatch.filter(table, _SHORT.get(name, name))
            check(family, f"{self.netif} has no feature {name}")
            free = [full for full in family if not table[full][1]]
            check(free or any(table[full][0] for full in family) == on,
                  f"{self.netif}: {name} cannot be switched {'on' if on else 'off'}")
            changes.update(dict.fromkeys(free, on))
        return changes

    def set(self, **wanted):
        """set(tso=True, sg=False)"""
        table = features(self.netif, self.ns)
        ethtool.set_features(self.netif, self._changes(table, wanted), self.ns)

    @contextlib.contextmanager
    def with_(self, **wanted):
        """Within this block the features are so; afterwards as they were."""
        before = features(self.netif, self.ns)
        changes = self._changes(before, wanted)
        ethtool.set_features(self.netif, changes, self.ns)
        try:
            yield
        finally:
            self.restore(before)

    def restore(self, before):
        now = features(self.netif, self.ns)
        ethtool.set_features(self.netif, {
            name: on for name, (on, fixed) in before.items()
            if not fixed and now[name][0] != on}, self.ns)


def local():
    return Features(NETIF)


def remote():
    return Features(system.remote_netif(), REMOTE_NS)


def statistics(netif=None, ns=None):
    """`ethtool -S` as a dictionary."""
    return ethtool.statistics(netif or NETIF, ns)


def remote_statistics():
    return statistics(system.remote_netif(), REMOTE_NS)


# What /proc/net/dev shows of each direction: the kernel's struct rtnl_link_stats64.
_COLUMNS = ("rx_bytes", "rx_packets", "rx_errors", "rx_dropped", "rx_fifo", "rx_frame",
            "rx_compressed", "rx_multicast", "tx_bytes", "tx_packets", "tx_errors", "tx_dropped",
            "tx_fifo", "tx_collisions", "tx_carrier", "tx_compressed")


def stats64(netif=None, ns=None):
    """The counters of `ip -s link`: rx_packets, tx_bytes, ..."""
    with system.in_ns(ns), open("/proc/thread-self/net/dev", encoding="ascii") as file:
        for line in file:
            name, _, values = line.partition(":")
            if name.strip() == (netif or NETIF):
                return dict(zip(_COLUMNS, map(int, values.split())))
    raise Failed(f"there is no port {netif or NETIF}")


def change(before, after):
    """What moved between two readings of counters."""
    return counters.Moved(before, after)


def _limit_bytes(context, name, value):
    """Set a limit of the kernel's for the bytes in each TX ring, until the case ends."""
    limits = [*pathlib.Path("/sys/class/net", NETIF, "queues").glob(f"{BYTE_LIMITS}/{name}")]
    check(limits, "this kernel has no byte queue limits")
    for limit in limits:
        context.callback(limit.write_text, limit.read_text())
        limit.write_text(value)


def one_tx_ring(context):
    """Until the case ends all CPUs send through the first TX ring (XPS). What TCP sends again
    may otherwise leave from another CPU than the rest, and has to go through software while
    its connection has units in that one's ring (case 28)."""
    maps = sorted(pathlib.Path("/sys/class/net", NETIF, "queues").glob("tx-*/xps_cpus"))
    for number, file in enumerate(maps):
        context.callback(file.write_text, file.read_text())
        file.write_text("0" if number else f"{sum(1 << cpu for cpu in os.sched_getaffinity(0)):x}")


def without_byte_limits(context):
    """The TX rings alone limit what is on its way: the kernel's own limit of bytes adapts
    itself to a fast machine, so that a ring would never be full. What is set counts after a
    queue's next completion."""
    _limit_bytes(context, "limit_min", MANY_BYTES)
    before = statistics()
    wait.until(lambda: _sent_through_each(before), "each TX queue has sent a frame")


def _sent_through_each(before):
    """Send frames from each CPU; whether by now each queue has sent one."""
    def send():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"", (system.REMOTE[4], CLOSED))
    system.on_each_cpu(send)
    moved = change(before, statistics())
    return all(moved[f"tx_queue_{queue}_packets"] for queue in range(channels().now))


def small_byte_limits(context):
    """The stack stops a queue with two full frames on their way. Of what TCP keeps in a ring
    it may not stop at all, and its watchdog looks after queues that are stopped."""
    _limit_bytes(context, "limit_max", FEW_BYTES)


def only_on_ktlsnic():
    if system.driver() != "ktlsnic":
        skip(f"is about ktlsnic's own counters; this port is {system.driver()}")


def carrier(netif=None, ns=None):
    return ethtool.link(netif or NETIF, ns)


def carrier_changes():
    """How often the port has lost or got its carrier, as far as the kernel was told."""
    return int(pathlib.Path("/sys/class/net", NETIF, "carrier_changes").read_text())


def up_again():
    """After the local port was down: give it its addresses back and wait for it."""
    ip("link", "set", NETIF, "up")
    for family, length in ((4, 24), (6, 64)):
        ip("address", "replace", f"{system.LOCAL[family]}/{length}", "dev", NETIF,
           *(["nodad"] if family == 6 else []))
    wait.until(reachable, "both addresses of the far end answer after link up")


def driver_is_back(far_mac):
    """Load the driver again, with what it needs; the far port, which has that address, is where
    it was."""
    run("modprobe", "ktlsnic")
    wait.until(lambda: system.succeeds("ip", "link", "show", NETIF), "the port is back")
    system.give_to_remote(far_mac)
    up_again()


def recover():
    """Whatever state a case left: both ports up, with their addresses and MTU."""
    far = system.remote_netif()
    run("tc", "qdisc", "del", "dev", NETIF, "root", check=False)
    run("tc", "qdisc", "del", "dev", far, "clsact", ns=REMOTE_NS, check=False)
    ip("link", "set", far, "up", ns=REMOTE_NS)
    ip("address", "replace", f"{system.REMOTE[6]}/64", "dev", far, "nodad", ns=REMOTE_NS)
    ip("link", "set", NETIF, "up")
    set_mtu(1500)
    up_again()


def ping(target, size=56, whole=False, ns=None, count=1):
    """Fails unless each of count requests is answered, with the bytes that were sent.
    One at a time: ping gives the last of many only a few round trips."""
    for _ in range(count):
        out = run("ping", "-c", "1", "-W", "5", "-s", size, "-p", "a5c3",
                  *(["-M", "do"] if whole else []), target, ns=ns, check=False)
        if "1 received" not in out or "wrong data" in out:
            raise Failed(f"ping {target} with {size} bytes: {out.strip()[-300:]}")


def reachable():
    """Whether both addresses of the far end answer: TCP's refusal is an answer, and costs
    no process."""
    return all(_answers(family) for family in (4, 6))


def _answers(family):
    kind = {4: socket.AF_INET, 6: socket.AF_INET6}[family]
    with socket.socket(kind, socket.SOCK_STREAM) as sock:
        sock.settimeout(timescale.scaled(1))
        return sock.connect_ex((system.REMOTE[family], CLOSED)) == errno.ECONNREFUSED


def ring_size(name):
    """Entries of the rings "TX" or "RX" as they are now."""
    return ethtool.rings(NETIF)[name.lower()].now


def channels():
    """Queue pairs: the most there can be, and how many there are now."""
    return ethtool.channels(NETIF)


def route_with(context, address, netif, *attributes, ns=None):
    """Until the case ends a route to that address has these attributes."""
    ip("route", "add", address, "dev", netif, *attributes, ns=ns)
    context.callback(ip, "route", "del", address, "dev", netif, ns=ns)


def moderation():
    """Least microseconds between two interrupts for reception, and for transmission."""
    text = run("ethtool", "-c", NETIF)
    return tuple(int(re.search(rf"^{name}-usecs:\s+(\d+)$", text, re.M)[1])
                 for name in ("rx", "tx"))


def moderate(rx, tx):
    """A queue pair has one vector: the shorter of the two times holds."""
    run("ethtool", "-C", NETIF, "rx-usecs", rx, "tx-usecs", tx)


def set_mtu(mtu):
    """At both ends; some NICs lose their link for a while when it changes."""
    ip("link", "set", NETIF, "mtu", mtu)
    ip("link", "set", system.remote_netif(), "mtu", mtu, ns=REMOTE_NS)
    wait.until(lambda: carrier() and carrier(system.remote_netif(), REMOTE_NS),
               f"carrier after the change of the MTU to {mtu}")


@contextlib.contextmanager
def with_mtu(mtu):
    before = system.ip_json("link", "show", NETIF)[0]["mtu"]
    set_mtu(mtu)
    try:
        yield
    finally:
        set_mtu(before)
