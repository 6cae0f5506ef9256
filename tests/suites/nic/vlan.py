# SPDX-License-Identifier: GPL-2.0-or-later
"""802.1Q tags, put in and taken out by the NIC or by the stack."""

import contextlib

from lib import capture, nic, system, tcp
from lib.cases import Registry, at_least, check, equal
from lib.system import NETIF, REMOTE_NS, ip, run

registry = Registry()
TAG = 10
SIZE = 400_000
LOCAL = {4: "192.0.10.1", 6: "2001:db8:10::1"}
REMOTE = {4: "192.0.10.2", 6: "2001:db8:10::2"}


@contextlib.contextmanager
def vlans(tag=TAG, extra=()):
    """A VLAN port on both ends; the names are vlan0 at each."""
    run("modprobe", "8021q")
    ends = ((NETIF, None, LOCAL), (system.remote_netif(), REMOTE_NS, REMOTE))
    try:
        for netif, ns, address in ends:
            ip("link", "add", "link", netif, "name", "vlan0", "type", "vlan", "id", tag,
               *extra, ns=ns)
            ip("link", "set", "vlan0", "up", ns=ns)
            ip("address", "add", f"{address[4]}/24", "dev", "vlan0", ns=ns)
            ip("address", "add", f"{address[6]}/64", "dev", "vlan0", "nodad", ns=ns)
        yield
    finally:
        for _, ns, _ in ends:
            ip("link", "del", "vlan0", ns=ns, check=False)


def tagged_traffic(context, family, inserted, stripped):
    """Bulk both ways; on the wire each frame has the tag and right checksums."""
    context.enter_context(nic.remote().with_(gro=False))
    for port in (nic.local(), nic.remote()):
        context.enter_context(port.with_(rxvlan=stripped, txvlan=inserted))
    context.enter_context(vlans())
    nic.ping(REMOTE[family])
    with capture.Capture() as seen:
        tcp.transfer(tcp.data("vlan", SIZE), family, True, addresses=(LOCAL, REMOTE))
        frames = [frame for frame in seen.frames() if frame.protocol == 6]
    tcp.transfer(tcp.data("vlan", SIZE), family, False, addresses=(LOCAL, REMOTE))
    at_least(len(frames), SIZE // 1500, "TCP frames")
    for frame in frames:
        equal(frame.tag, TAG, "tag on the wire")
        check(frame.l4_good(), "a TCP checksum is wrong in a tagged frame")


for _family in (4, 6):
    for _inserted in (True, False):
        for _stripped in (True, False):
            registry.add(
                f"tagged/v{_family}/insert-by-{'nic' if _inserted else 'stack'}/"
                f"strip-by-{'nic' if _stripped else 'stack'}",
                tagged_traffic, _family, _inserted, _stripped)


@registry.case("full-size-frames")
def full_size(_context):
    """The tag does not count against the MTU: 1500 bytes of IP go through unfragmented."""
    with vlans():
        for family, size in ((4, 1472), (6, 1452)):
            nic.ping(REMOTE[family], size, whole=True, count=2)


@registry.case("priority-bits")
def priority(_context):
    """The whole tag control field crosses, not only the VLAN's number."""
    with vlans(tag=4094, extra=("egress-qos-map", "0:5")):
        with capture.Capture() as seen:
            nic.ping(REMOTE[4])
            tags = {frame.tag for frame in seen.frames() if frame.protocol == 1}
    equal(tags, {5 << 13 | 4094}, "tag control on the wire")


@registry.case("stacked-tags")
def stacked(_context):
    """A VLAN in a VLAN."""
    with vlans():
        ends = ((None, "192.0.11.1"), (REMOTE_NS, "192.0.11.2"))
        for ns, address in ends:
            ip("link", "add", "link", "vlan0", "name", "vlan1", "type", "vlan", "id", 20, ns=ns)
            ip("link", "set", "vlan1", "up", ns=ns)
            ip("address", "add", f"{address}/24", "dev", "vlan1", ns=ns)
        tcp.transfer(tcp.data("qinq", 500_000),
                     addresses=({4: ends[0][1]}, {4: ends[1][1]}))


@registry.case("unknown-tag-is-not-for-us")
def unknown(_context):
    """Frames of another VLAN reach no socket of ours, and do no harm."""
    with vlans():
        ip("link", "set", "vlan0", "down")
        check("0 received" in run("ping", "-c", "1", "-W", "1", LOCAL[4], ns=REMOTE_NS,
                                  check=False), "an answer from a VLAN that is down")
    check(nic.reachable(), "untagged traffic stopped")
