# SPDX-License-Identifier: GPL-2.0-or-later
"""Checksums: those on the wire are right, and wrong ones are not let in."""

import socket

from lib import capture, nic, packet, system, tcp
from lib.cases import Registry, at_least, check, equal
from lib.system import LOCAL, REMOTE, REMOTE_NS, in_ns

registry = Registry()
FAMILIES = (4, 6)
MSS = 1111                  # with TCP's options
HEADERS = {4: 14 + 20 + 20, 6: 14 + 40 + 20}    # Ethernet, IP, TCP


def on_the_wire(context, family, kind, features):
    """Look at every frame of a transfer as the far port gets it."""
    context.enter_context(nic.remote().with_(gro=False))
    if features:
        context.enter_context(nic.local().with_(**features))
    with capture.Capture() as seen:
        if kind == "tcp":
            tcp.transfer(tcp.data("sum", 300_000), family, mss=MSS)
        else:
            _datagrams(family)
        frames = [frame for frame in seen.frames() if frame.protocol in (6, 17)]
    at_least(len(frames), 20, "frames with TCP or UDP")
    if kind == "tcp":
        equal(max(len(frame.raw) for frame in frames), HEADERS[family] + MSS,
              "bytes of the longest frame")
    for frame in frames:
        check(frame.l3_good in (True, None), "an IPv4 header checksum is wrong")
        check(frame.fragment or frame.l4_good(), f"a {kind} checksum is wrong: "
              f"{frame.raw[:80].hex()}")


def _datagrams(family):
    with in_ns(REMOTE_NS):
        far = socket.socket(tcp.FAMILY[family], socket.SOCK_DGRAM)
    near = socket.socket(tcp.FAMILY[family], socket.SOCK_DGRAM)
    with tcp.closing(near, far):
        far.bind((REMOTE[family], 0))
        far.settimeout(5)
        for size in (0, 1, 2, 3, 16, 17, 18, 19, *range(20, 1400, 61)):
            near.sendto(tcp.data(size, size), far.getsockname()[:2])
            equal(far.recv(2000) == tcp.data(size, size), True, f"{size} bytes")


for _family in FAMILIES:
    for _kind in ("tcp", "udp"):
        for _name, _features in (("on", {}), ("off", {"tx": False}),
                                 ("on-no-tso", {"tso": False})):
            if _kind == "tcp" or _name != "on-no-tso":
                registry.add(f"right-on-the-wire/{_kind}/v{_family}/tx-checksum-{_name}",
                             on_the_wire, _family, _kind, _features)


def _errors(family):
    """The stack's count of UDP datagrams with a wrong checksum."""
    if family == 6:
        with open("/proc/thread-self/net/snmp6", encoding="ascii") as file:
            table = dict(line.split() for line in file)
        return int(table["Udp6InCsumErrors"])
    with open("/proc/thread-self/net/snmp", encoding="ascii") as file:
        names, values = [line.split() for line in file if line.startswith("Udp:")]
    return int(values[names.index("InCsumErrors")])


def _datagram(family, payload, flip=0):
    source, target = REMOTE[family], LOCAL[family]
    body = packet.udp(source, target, (4004, 5005), payload, flip)
    if family == 4:
        inner, kind = packet.ipv4(source, target, packet.UDP, body), packet.ETH_IP
    else:
        inner, kind = packet.ipv6(source, target, packet.UDP, body), packet.ETH_IP6
    return packet.ethernet(capture.mac_of(False), capture.mac_of(True), kind, inner)


def wrong_is_dropped(context, family, rx):
    """A good datagram after each bad one shows that the bad one did not get in."""
    context.enter_context(nic.local().with_(rx=rx))
    before, counted = nic.statistics(), _errors(family)
    with socket.socket(tcp.FAMILY[family], socket.SOCK_DGRAM) as sock, \
            capture.Injector(remote=True) as port:
        sock.bind((LOCAL[family], 5005))
        sock.settimeout(5)
        for i, flip in enumerate((1, 0x8000, 0x0100, 0x00ff)):
            port.send(_datagram(family, b"bad %d" % i, flip))
            port.send(_datagram(family, b"good %d" % i))
            equal(sock.recv(100), b"good %d" % i, "what came after a bad checksum")
    equal(_errors(family) - counted, 4, "InCsumErrors")
    if system.driver() == "ktlsnic":
        equal(nic.change(before, nic.statistics())["hw_rx_csum_bad"], 4,
              "hw_rx_csum_bad")


for _family in FAMILIES:
    for _rx in (True, False):
        registry.add(f"wrong-is-dropped/v{_family}/rx-checksum-{'on' if _rx else 'off'}",
                     wrong_is_dropped, _family, _rx)


@registry.case("padding-is-in-no-checksum")
def padding(_context):
    """Bytes after the IP packet, zero or not, do not matter."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, \
            capture.Injector(remote=True) as port:
        sock.bind((LOCAL[4], 5005))
        sock.settimeout(5)
        for extra in (b"", b"\0" * 9, b"\xff" * 13, b"\x5a" * 100):
            port.send(_datagram(4, b"padded") + extra)
            equal(sock.recv(100), b"padded", f"datagram with {len(extra)} bytes of padding")


@registry.case("wrong-ipv4-header-is-dropped")
def bad_header(_context):
    frame = bytearray(_datagram(4, b"bad header"))
    frame[14 + 10] ^= 0x40
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, \
            capture.Injector(remote=True) as port:
        sock.bind((LOCAL[4], 5005))
        sock.settimeout(5)
        port.send(bytes(frame))
        port.send(_datagram(4, b"good"))
        equal(sock.recv(100), b"good", "what came after a bad IPv4 header")
