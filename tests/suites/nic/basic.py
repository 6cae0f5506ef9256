# SPDX-License-Identifier: GPL-2.0-or-later
"""Link, ping, and frames of every size."""

import socket

from lib import capture, nic, packet, system, tcp, wait
from lib.cases import Registry, check, equal
from lib.system import LOCAL, NETIF, REMOTE, REMOTE_NS, in_ns, ip_json, run

registry = Registry()


@registry.case("link-and-carrier")
def link(_context):
    for netif, ns in ((NETIF, None), (system.remote_netif(), REMOTE_NS)):
        check(nic.carrier(netif, ns), f"{netif} has no carrier")
        equal(ip_json("link", "show", netif, ns=ns)[0]["operstate"], "UP", "operstate")
    check("Link detected: yes" in run("ethtool", NETIF), "ethtool: no link")


def ping(_context, family, upward):
    target, ns = (REMOTE[family], None) if upward else (LOCAL[family], REMOTE_NS)
    nic.ping(target, ns=ns, count=5)


def ping_sizes(_context, family):
    """Payloads around every limit of an Ethernet frame, and far beyond it."""
    for size in (0, 1, 2, 3, 17, 18, 19, 63, 64, 65, 1399, 1451, 1452, 1453, 1471, 1472,
                 1473, 1474, 2999, 8001, 20_011, 60_000):
        nic.ping(REMOTE[family], size)


for _family in (4, 6):
    for _upward in (True, False):
        registry.add(f"ping/v{_family}/{'to' if _upward else 'from'}-remote", ping,
                     _family, _upward)
    registry.add(f"ping-sizes/v{_family}", ping_sizes, _family)


def frame_sizes(_context, upward):
    """Every frame length from a bare header to the MTU, whatever is in it. Short
    frames are padded with zeros. Sent on one CPU: each has a ring of its own, and between
    rings there is no order."""
    source, target = capture.mac_of(not upward), capture.mac_of(upward)
    with capture.Capture(remote=upward) as seen, capture.Injector(remote=not upward) as port:
        with system.only_cpu(0):
            for size in range(0, 1501):
                port.send(packet.ethernet(target, source, packet.ETH_TEST, tcp.data(size, size)))
        bodies = []

        def all_there():
            bodies.extend(frame.raw[14:] for frame in seen.frames()
                          if frame.type == packet.ETH_TEST)
            return len(bodies) >= 1501
        wait.until(all_there, f"1501 frames, so far {len(bodies)}")
    for size, body in enumerate(bodies):
        want = tcp.data(size, size)
        check(body[:size] == want, f"frame {size} differs or is out of order")
        check(not any(body[size:]), f"frame {size}: padding is not zero")
        check(len(body) in (size, 46), f"frame {size} has {len(body)} bytes")


registry.add("frames-of-every-size/to-remote", frame_sizes, True)
registry.add("frames-of-every-size/from-remote", frame_sizes, False)


def fragments(_context, family):
    """UDP datagrams that IP cuts, both ways; the checksum covers all fragments."""
    with in_ns(REMOTE_NS):
        far = socket.socket(tcp.FAMILY[family], socket.SOCK_DGRAM)
    near = socket.socket(tcp.FAMILY[family], socket.SOCK_DGRAM)
    with tcp.closing(near, far):
        near.bind((LOCAL[family], 0))
        far.bind((REMOTE[family], 0))
        for sender, receiver in ((near, far), (far, near)):
            receiver.settimeout(5)
            for size in (1473, 3000, 9001, 32_768, 65_000):
                sender.sendto(tcp.data(size, size), receiver.getsockname()[:2])
                equal(receiver.recv(70_000) == tcp.data(size, size), True,
                      f"datagram of {size} bytes")


registry.add("ip-fragments/v4", fragments, 4)
registry.add("ip-fragments/v6", fragments, 6)


def _hear(family, frame, netif_remote=False):
    """Inject a frame at the far port; what a UDP socket here got of it."""
    with socket.socket(tcp.FAMILY[family], socket.SOCK_DGRAM) as sock:
        sock.bind((LOCAL[family], 5005))
        sock.settimeout(3)
        with capture.Injector(remote=not netif_remote) as port:
            port.send(frame)
        try:
            return sock.recv(2000)
        except TimeoutError:
            return None


def _extension(following, length=0):
    """A hop-by-hop or destination options header of 8 (length + 1) bytes, with one
    option that is for experiments and to be skipped by whoever does not know it."""
    size = 8 * (length + 1) - 4
    return bytes([following, length, 0x1e, size]) + bytes(size)


@registry.case("ipv6-extension-headers")
def extensions(_context):
    """UDP after options headers reaches its socket, checksum verified."""
    source, target = REMOTE[6], LOCAL[6]
    macs = (capture.mac_of(False), capture.mac_of(True))
    for payload in (b"one", tcp.data("ext", 999)):
        body = packet.udp(source, target, (4004, 5005), payload)
        for first, chain in ((60, _extension(17)), (0, _extension(60) + _extension(17, 2))):
            frame = packet.ethernet(*macs, packet.ETH_IP6,
                                    packet.ipv6(source, target, first, body, chain))
            equal(_hear(6, frame), payload, "datagram after extension headers")


@registry.case("ipv4-options")
def options(_context):
    """UDP after an IPv4 header with options (no-operations) reaches its socket."""
    source, target = REMOTE[4], LOCAL[4]
    body = packet.udp(source, target, (4004, 5005), b"options")
    for count in (4, 16, 40):
        frame = packet.ethernet(capture.mac_of(False), capture.mac_of(True), packet.ETH_IP,
                                packet.ipv4(source, target, 17, body, b"\x01" * count))
        equal(_hear(4, frame), b"options", f"datagram after {count} bytes of options")


@registry.case("arp-and-neighbours")
def neighbours(_context):
    """Both protocols find the far end's address afresh."""
    for family in (4, 6):
        run("ip", f"-{family}", "neighbour", "flush", "dev", NETIF)
        nic.ping(REMOTE[family])
