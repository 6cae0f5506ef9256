# SPDX-License-Identifier: GPL-2.0-or-later
"""Which frames the port takes: its address, others given to it, groups, all."""

import socket
import struct

from lib import capture, nic, packet, system, wait
from lib.cases import Registry, check, equal
from lib.system import NETIF, REMOTE_NS, ip, run

registry = Registry()
STRANGER = "02:00:00:aa:bb:01"
GROUP = "01:00:5e:01:02:03"
ALL_NODES = "33:33:00:00:00:01"         # of IPv6: everybody is in that group
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_MULTICAST = 263, 1, 0


def arrives(target):
    """Whether a frame to that address gets in. A frame to the port itself follows
    it; once that is there, the first has been taken or filtered."""
    source, own = capture.mac_of(True), capture.mac_of(False)
    with capture.Capture(remote=False) as seen, capture.Injector(remote=True) as port:
        port.send(packet.ethernet(target, source, packet.ETH_TEST, b"probe".ljust(50)))
        port.send(packet.ethernet(own, source, packet.ETH_TEST, b"fence".ljust(50)))
        bodies = []

        def fence():
            bodies.extend(frame.raw[14:19] for frame in seen.frames()
                          if frame.type == packet.ETH_TEST)
            return b"fence" in bodies
        wait.until(fence, "the frame to the port's own address", seconds=5)
    return b"probe" in bodies


@registry.case("foreign-unicast-is-filtered")
def foreign(_context):
    before = nic.statistics()
    check(not arrives(STRANGER), "a frame to a stranger got in")
    if system.driver() == "ktlsnic":
        equal(nic.change(before, nic.statistics())["hw_rx_filtered"], 1, "hw_rx_filtered")


@registry.case("broadcast-gets-in")
def broadcast(_context):
    check(arrives("ff:ff:ff:ff:ff:ff"), "broadcast was filtered")


@registry.case("promiscuous")
def promiscuous(context):
    context.callback(ip, "link", "set", NETIF, "promisc", "off")
    ip("link", "set", NETIF, "promisc", "on")
    check(arrives(STRANGER), "promiscuous, and yet filtered")
    ip("link", "set", NETIF, "promisc", "off")
    check(not arrives(STRANGER), "no longer promiscuous, and yet not filtered")


@registry.case("multicast-group")
def group(_context):
    check(not arrives(GROUP), "a frame to a group that nobody joined got in")
    index = socket.if_nametoindex(NETIF)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP,
                        struct.pack("iHH8s", index, PACKET_MR_MULTICAST, 6, packet.mac(GROUP)))
        check(arrives(GROUP), "a frame to a joined group was filtered")
    check(not arrives(GROUP), "a frame to a group that was left got in")


@registry.case("multicast-is-counted")
def multicast_counted(_context):
    """The interface counts frames to groups as the card does."""
    nic.only_on_ktlsnic()
    before = nic.stats64(), nic.statistics()
    check(arrives(ALL_NODES), "a frame to all nodes was filtered")

    def counted():
        link, card = (nic.change(*pair) for pair in zip(before, (nic.stats64(), nic.statistics())))
        return link["rx_multicast"] == card["hw_rx_multicast"] > 0
    wait.until(counted, "the interface has counted as many as the card")


@registry.case("many-multicast-groups")
def many_groups(_context):
    """More groups than the NIC has filters: all still get in."""
    index = socket.if_nametoindex(NETIF)
    addresses = [f"01:00:5e:02:{i:02x}:01" for i in range(80)]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        for address in addresses:
            sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, struct.pack(
                "iHH8s", index, PACKET_MR_MULTICAST, 6, packet.mac(address)))
        for address in (addresses[0], addresses[33], addresses[79]):
            check(arrives(address), f"{address} was filtered")
    check(not arrives(addresses[0]), "a frame to a group that was left got in")


@registry.case("all-multicast")
def all_multicast(context):
    context.callback(ip, "link", "set", NETIF, "allmulticast", "off")
    ip("link", "set", NETIF, "allmulticast", "on")
    check(arrives(GROUP), "allmulticast, and yet filtered")
    check(not arrives(STRANGER), "allmulticast let a unicast frame in")


@registry.case("second-unicast-address")
def second_unicast(context):
    """A macvlan's address is in the filter, not promiscuous mode."""
    run("modprobe", "macvlan")
    context.callback(ip, "link", "del", "mv0", check=False)
    ip("link", "add", "link", NETIF, "name", "mv0", "address", STRANGER, "type", "macvlan",
       "mode", "bridge")
    ip("link", "set", "mv0", "up")
    check(arrives(STRANGER), "a frame to the macvlan's address was filtered")
    check(not arrives("02:00:00:aa:bb:02"), "a frame to a stranger got in: promiscuous?")
    ip("link", "del", "mv0")
    check(not arrives(STRANGER), "the macvlan is gone, its address is not")


@registry.case("macvlan-carries-traffic")
def macvlan(context):
    run("modprobe", "macvlan")
    context.callback(ip, "link", "del", "mv0", check=False)
    ip("link", "add", "link", NETIF, "name", "mv0", "type", "macvlan", "mode", "bridge")
    ip("address", "add", "192.0.20.1/24", "dev", "mv0")
    ip("link", "set", "mv0", "up")
    netif = system.remote_netif()
    ip("address", "add", "192.0.20.2/24", "dev", netif, ns=REMOTE_NS)
    context.callback(ip, "address", "del", "192.0.20.2/24", "dev", netif, ns=REMOTE_NS,
                     check=False)
    nic.ping("192.0.20.2", count=2)


@registry.case("mac-change")
def mac_change(context):
    """A new station address, on a port that is up: the new gets in, the old does not."""
    old, new = capture.mac_of(False), "02:00:00:cc:dd:01"
    context.callback(nic.reachable)
    context.callback(ip, "link", "set", NETIF, "address", old)
    ip("link", "set", NETIF, "address", new)
    equal(capture.mac_of(False), new, "address")
    check(not arrives(old), "the old address still gets in")
    check(nic.reachable(), "no answer with the new address")
    permanent = run("ethtool", "-P", NETIF).split()[-1]
    equal(permanent, old, "permanent address")


@registry.case("bad-mac-refused")
def bad_mac(_context):
    old = capture.mac_of(False)
    for bad in ("01:00:00:00:00:01", "00:00:00:00:00:00"):
        check(not system.succeeds("ip", "link", "set", NETIF, "address", bad),
              f"address {bad} was accepted")
    equal(capture.mac_of(False), old, "address")
