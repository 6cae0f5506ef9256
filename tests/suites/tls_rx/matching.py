# SPDX-License-Identifier: GPL-2.0-or-later
"""Which packets are a connection's, and which only look like it."""

from lib import packet, rawpeer, system, tcp
from lib.cases import Registry, equal
from lib.ktls import OURS, Keys
from lib.rxstream import Stream
from lib.system import NETIF, ip, run
from .framing import COMBINATIONS
from .lost import pieces, send

registry = Registry()


def options(context, family, cipher, how):
    """IP options, extension headers, TCP timestamps, sockets for both families: all of it is
    decrypted."""
    put, connect = {}, {}
    if how == "timestamps":
        connect["timestamps"] = True
    elif how == "v4-mapped":
        connect["v4_mapped"] = True
    elif family == 4:
        put["ip_options"] = b"\1\1\1\0"
    else:
        put["extensions"] = b"\6\0\1\4\0\0\0\0"
    stream = Stream(context, Keys(cipher), family, **connect)
    for _ in range(5):
        for piece in pieces(stream):
            stream.put(*piece, **put)
        stream.peer.wait_acked()
    stream.finish()
    equal(stream.trace.fates(), ["hw"] * 5, "what became of the records")
    stream.evidence.all_decrypted(stream.encrypted, len(stream.stream), 5)


for _family, _cipher in COMBINATIONS:
    _end = f"v{_family}/{_cipher.label}"
    registry.add(f"case-42-tuple/ip-options/{_end}", options, _family, _cipher, "ip")
    registry.add(f"case-42-tuple/timestamps/{_end}", options, _family, _cipher, "timestamps")
for _cipher in OURS:
    registry.add(f"case-42-tuple/v4-mapped/{_cipher.label}", options, 4, _cipher,
                 "v4-mapped")


# ---- another connection with the same addresses and ports

TWIN_NS, VLAN = "ns-twin", 7
PORTS = {"port": 38_000, "near_port": 38_001}
IPIP, IPV6_IN_IPV4 = 4, 41      # IP protocols
TUNNELS = {4: "ipip", 6: "sit"}


class Peer(rawpeer.Peer):
    """Takes only what comes from the port's own address."""

    @property
    def station(self):
        return packet.mac(self.near_mac)

    def _take(self, raw, tag):
        if raw[6:12] == self.station:
            super()._take(raw, tag)


class Tunnelled(Peer):
    """Its packets come in IPv4 packets between the same two ends."""

    def frame(self, *args, **how):
        inner = super().frame(*args, **how)[14:]
        return packet.ethernet(self.near_mac, self.far_mac, packet.ETH_IP, packet.ipv4(
            rawpeer.ADDRESS[4], system.LOCAL[4], IPIP if self.family == 4 else IPV6_IN_IPV4,
            inner))

    def _take(self, raw, tag):
        if packet.Frame(raw).protocol in (IPIP, IPV6_IN_IPV4):
            kind = packet.ETH_IP if self.family == 4 else packet.ETH_IP6
            super()._take(raw[:12] + kind.to_bytes(2, "big") + raw[34:], tag)


MACVLAN_MAC = "02:00:00:00:42:42"


class OnMacvlan(Peer):
    """Its packets go to the address of the interface that stands on the port."""

    station = packet.mac(MACVLAN_MAC)

    def frame(self, *args, **how):
        return self.station + super().frame(*args, **how)[6:]


def on_vlan(_family):
    ip("link", "add", "link", NETIF, "name", "twin", "type", "vlan", "id", VLAN)


def in_tunnel(family):
    ip("link", "add", "twin", "type", TUNNELS[family], "local",
       system.LOCAL[4], "remote", rawpeer.ADDRESS[4])


def on_macvlan(_family):
    ip("link", "add", "link", NETIF, "name", "twin", "address", MACVLAN_MAC, "type", "macvlan",
       "mode", "bridge")


WAYS = {
    "vlan": (on_vlan, Peer, {"tag": VLAN}),
    "tunnel": (in_tunnel, Tunnelled, {}),
    "other-interface": (on_macvlan, OnMacvlan, {}),
}


def second_interface(context, make, family):
    """An interface above the port, in a namespace where it has the port's own address."""
    ip("netns", "add", TWIN_NS)
    context.callback(ip, "netns", "del", TWIN_NS, check=False)
    make(family)
    context.callback(ip, "link", "del", "twin", check=False)
    ip("link", "set", "twin", "netns", TWIN_NS)
    length = 24 if family == 4 else 64
    ip("address", "add", f"{system.LOCAL[family]}/{length}", "dev", "twin",
       *(["nodad"] if family == 6 else []), ns=TWIN_NS)
    ip("link", "set", "twin", "up", ns=TWIN_NS)


def twins(context, family, how):
    """On an interface above the port there is another connection with the same addresses,
    ports and sequence numbers, and it is plain TCP. It must come through as it is."""
    make, kind, options_ = WAYS[how]
    if how == "tunnel":         # the module makes an interface of its own in each namespace
        context.callback(run, "modprobe", "-r", TUNNELS[family])
    second_interface(context, make, family)
    stream = Stream(context, family=family, peer=Peer, **PORTS)
    mac = stream.peer.far_mac
    if how == "tunnel":         # its outer packets are this namespace's
        ip("neighbor", "replace", rawpeer.ADDRESS[4], "lladdr", mac, "dev", NETIF)
    else:
        ip("neighbor", "replace", rawpeer.ADDRESS[family], "lladdr", mac, "dev", "twin",
           ns=TWIN_NS)
    twin = kind(context, family, ns=TWIN_NS, **PORTS, **options_)
    plain = tcp.Reader(twin.sock)
    content = tcp.data("plain", 9000)
    for at in range(0, len(content), 1000):
        twin.put(at, content[at:at + 1000])         # before the NIC has seen that place
        twin.wait_acked()
        if at % 3000 == 0:
            send(stream, *pieces(stream))
            stream.peer.wait_acked()
    twin.fin()
    equal(bytes(plain.finish()) == content, True, "what the other connection was sent")
    stream.finish()
    equal(stream.trace.fates(), ["hw"] * 3, "what became of the records")
    stream.evidence.all_decrypted(stream.encrypted, len(stream.stream), 3)


for _how in WAYS:
    for _family in (4, 6):
        registry.add(f"case-42-tuple/{_how}/v{_family}", twins, _family, _how)
