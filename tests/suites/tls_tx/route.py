# SPDX-License-Identifier: GPL-2.0-or-later
"""Case 20: the packets of an offloaded connection leave through something else than
what it was offloaded to: another port, a VLAN, a bond. Software encrypts whatever the
NIC cannot, and no byte differs."""

from lib import egress, ktls, monitor, netem, nic, offload, system, tcp, wait
from lib.cases import Failed, Registry, at_least, check, equal
from lib.evidence import txconf
from lib.ktls import Call, Control, Keys, Sendfile, Write
from lib.offload import SETTLED, Spec
from lib.system import NETIF, REMOTE_NS, ip, run
from . import ready
from .forged import START
from .stream import COMBINATIONS, combination_name

registry = Registry()
OTHER_MAC = "02:00:00:00:03:03"
BOND, VLAN_ID = "bond-tls", 7
DROPPED = "tx_tls_drop_bypass_req"
PART = (Write(40_000), Write(333, more=True), Sendfile(20_000), Control(9), Write(1447))


def other():
    """The third port, which has no address and is down between cases."""
    links = system.ip_json("link", "show")
    return next(link["ifname"] for link in links if link.get("address") == OTHER_MAC)


def length(family):
    return {4: 32, 6: 128}[family]


def route(family, netif):
    """Packets for the far end leave through that device from now on."""
    ip("route", "replace", f"{system.REMOTE[family]}/{length(family)}", "dev", netif,
       "src", system.LOCAL[family])


def back(family):
    ip("route", "del", f"{system.REMOTE[family]}/{length(family)}", check=False)


def third_port_up(context):
    """The third port takes part. Answers reach it as well, in vain."""
    netif = other()
    context.callback(ip, "link", "set", netif, "down")
    ip("link", "set", netif, "up")
    wait.until(lambda: nic.carrier(netif), "carrier of the third port")
    return netif


def vlan_on(context, lower):
    """A VLAN at both ends; the far end takes its addresses' packets on both."""
    name = f"{lower}.{VLAN_ID}"
    far = system.remote_netif()
    ip("link", "add", "link", lower, "name", name, "type", "vlan", "id", VLAN_ID)
    context.callback(ip, "link", "del", name, check=False)
    ip("link", "add", "link", far, "name", "far-vlan", "type", "vlan", "id", VLAN_ID, ns=REMOTE_NS)
    context.callback(ip, "link", "del", "far-vlan", ns=REMOTE_NS, check=False)
    ip("link", "set", "far-vlan", "up", ns=REMOTE_NS)
    ip("link", "set", name, "up")
    return name


def neighbour(context, family, netif):
    """Who the far end is, so that nobody has to ask through a device without address."""
    mac = system.ip_json("link", "show", system.remote_netif(), ns=REMOTE_NS)[0]["address"]
    ip("neigh", "replace", system.REMOTE[family], "lladdr", mac, "dev", netif)
    context.callback(ip, "neigh", "del", system.REMOTE[family], "dev", netif, check=False)


def elsewhere(context, through, family, cipher, tso):
    """To another device in mid-stream, and back. The core encrypts what leaves through
    the other; the NIC goes on when the route leads to it again."""
    ready(tso)
    netif = through(context)
    neighbour(context, family, netif)
    context.callback(back, family)
    spec = Spec(script=(*PART, SETTLED, Call(lambda _: route(family, netif)), *PART,
                        SETTLED, Call(note_software), Call(lambda _: back(family)), *PART,
                        Call(lambda _: route(family, netif)), *PART,
                        Call(lambda _: back(family)), *PART),
                keys=Keys(cipher), family=family, tso=tso, capture=True)
    run_ = offload.Run(context, spec)
    run_.install()
    run_.evidence.offloaded(run_.near)
    run_.play()
    equal(txconf(run_.near), "hw", "ss: txconf")
    result = run_.finish()
    context.note(result.evidence.tls_counters())
    check(result.stream == offload.software_stream(spec.script, spec.keys),
          "the wire is not what software kTLS sends")
    result.evidence.gone()
    result.evidence.no_errors(again=result.again[0])
    encrypted = result.evidence.moved("tx_tls_encrypted_bytes")
    size = ktls.size_of(PART)
    at_least(encrypted, 2 * size, "bytes that the NIC encrypted: the first part and the last")
    at_least(sum(record.encrypted for record in result.records) - encrypted, size,
             "bytes that were left to software")


def note_software(sender):
    """Still the NIC's connection, as far as the kernel is concerned."""
    equal(txconf(sender.sock), "hw", "ss: txconf while software encrypts")


def vlan_on_the_port(context):
    return vlan_on(context, NETIF)


FIRST, SECOND = 2000, 400       # bytes of the first two records


def partly_acknowledged(context, family, cipher, tso):
    """Case 14: software is to encrypt a packet that begins in a record that is acknowledged
    and ends in one that is not. (TCP sends one in a race alone, so traffic control makes it.)
    The core no longer has the first record, drops the packet and counts it; TCP sends the
    second record again as it is."""
    ready(tso)
    netif = third_port_up(context)
    neighbour(context, family, netif)
    context.callback(back, family)
    spec = Spec(script=(Write(FIRST), Write(SECOND), *PART), keys=Keys(cipher), family=family,
                tso=tso, capture=True, sequence=START)
    run_ = offload.Run(context, spec)
    run_.install()
    run_.evidence.offloaded(run_.near)
    run_.sender.play(spec.script[:1], spec.content())
    run_.settled()
    route(family, netif)
    egress.renumber(context, family, START + FIRST + cipher.over - 100, netif=netif)
    before = nic.stats64(netif)["tx_dropped"]
    with egress.marked(run_.near):
        run_.sender.play(spec.script[1:2], spec.content()[FIRST:])
        wait.until(lambda: nic.stats64(netif)["tx_dropped"] > before, "the core drops the packet")
    run_.settled()
    equal(nic.stats64(netif)["tx_dropped"] - before, 1, "packets that the core dropped")
    equal(run_.evidence.moved("tx_tls_encrypted_bytes"), cipher.encrypted([FIRST]),
          "tx_tls_encrypted_bytes")
    back(family)
    run_.sender.play(PART, spec.content()[FIRST + SECOND:])
    result = run_.finish()
    at_least(result.again[0], 1, "segments that TCP sent again")
    check(result.stream == offload.software_stream(spec.script, spec.keys),
          "the wire is what software kTLS sends")
    result.evidence.gone()
    result.evidence.no_errors(again=result.again[0])
    result.evidence.by_the_nic(len(result.stream) - SECOND - cipher.over)


def deleted_while_packets_wait(context, family, cipher):
    """Packets wait in traffic control while their route is deleted, which takes its device
    from them. Without scatter-gather they are linear, as those are that the core has
    encrypted on a device above. The driver cannot tell and drops them; TCP sends them again."""
    ready(tso=False)
    context.enter_context(nic.local().with_(sg=False))
    route(family, NETIF)
    context.callback(back, family)
    spec = Spec(script=(*PART, SETTLED, Call(lambda _: netem.held_before_the_nic(context)),
                        Write(3000), Call(lambda _: let_go_without_route(family)), SETTLED, *PART),
                keys=Keys(cipher), family=family, tso=False, capture=True)
    run_ = offload.Run(context, spec)
    run_.install()
    run_.evidence.offloaded(run_.near)
    run_.play()
    result = run_.finish()
    check(result.stream == offload.software_stream(spec.script, spec.keys),
          "the wire is not what software kTLS sends")
    result.evidence.gone()
    at_least(result.evidence.moved(DROPPED), 1, DROPPED)
    result.evidence.by_the_nic(len(result.stream))
    result.evidence.no_errors(but=(DROPPED,), again=result.again[0])


def let_go_without_route(family):
    wait.until(lambda: netem.held() >= 3000, "the packets wait")
    back(family)
    system.rcu_barrier()            # only then is the device taken from the route's entry
    netem.let_go()


for _family, _cipher in zip(ktls.FAMILIES * len(ktls.OURS), ktls.OURS):
    registry.add(f"case-20-route-deleted-while-packets-wait/v{_family}/{_cipher.label}",
                 deleted_while_packets_wait, _family, _cipher)
for _combination in COMBINATIONS:
    _end = combination_name(*_combination)
    registry.add(f"case-14-partly-acknowledged-to-software/{_end}", partly_acknowledged,
                 *_combination)
    for _name, _through in (("another-port", third_port_up),
                            ("vlan-on-the-port", vlan_on_the_port)):
        registry.add(f"case-20-route-to-{_name}/{_end}", elsewhere, _through, *_combination)


class Bond:
    """Both ports below one device, which has the local port's addresses. On a hub both
    receive every frame; only one is to listen."""

    def __init__(self, context, *mode):
        run("modprobe", "bonding", "max_bonds=0")
        self.other = other()
        context.callback(self.undo)
        ip("link", "add", BOND, "type", "bond", "miimon", 20, *mode)
        for netif in (NETIF, self.other):
            ip("link", "set", netif, "down")
            ip("address", "flush", "dev", netif)
            run("tc", "qdisc", "add", "dev", netif, "clsact")
            ip("link", "set", netif, "master", BOND)
        ip("link", "set", BOND, "up")
        for family, bits in ((4, 24), (6, 64)):
            ip("address", "add", f"{system.LOCAL[family]}/{bits}", "dev", BOND,
               *(["nodad"] if family == 6 else []))
        self.listen(NETIF)
        wait.until(nic.reachable, "both addresses of the far end answer through the bond")

    def listen(self, netif):
        for each in (NETIF, self.other):
            run("tc", "filter", "del", "dev", each, "ingress", check=False)
            if each != netif:
                run("tc", "filter", "add", "dev", each, "ingress", "matchall", "action", "drop")

    def undo(self):
        ip("link", "del", BOND, check=False)
        for netif in (NETIF, self.other):
            run("tc", "qdisc", "del", "dev", netif, "clsact", check=False)
        ip("link", "set", self.other, "down")
        nic.up_again()


def through_bond(context, spec):
    """A connection that the bond gives to the local port: a hash of its ports decides."""
    for _ in range(30):
        run_ = offload.Run(context, spec)
        run_.install()
        if run_.evidence.moved("tx_tls_ctx"):
            run_.evidence.offloaded(run_.near)
            return run_
        run_.near.close()
        run_.reader.sock.close()
        run_.evidence.gone()
    raise Failed("the bond gives no connection to the local port")


def bonded(context, family, cipher, tso, script, *mode):
    """Offload must be on at both ports; what software sends must be known before."""
    ready(tso)
    run("ethtool", "-K", other(), nic.TLS_TX_FLAG, "on", "tso", "on" if tso else "off")
    spec = Spec(script=script, keys=Keys(cipher), family=family, tso=tso, capture=True)
    software = offload.software_stream(spec.script, spec.keys)
    return spec, software, Bond(context, "mode", *mode)


XOR = ("balance-xor", "xmit_hash_policy", "layer3+4")


def through_a_bond(context, family, cipher, tso):
    """A bond that binds connections to ports is looked through. A cable that is pulled is
    no reason to leave the port: what is lost is sent again when it is back."""
    def pull(_sender):
        monitor.set_link(False)
        wait.until(lambda: not nic.carrier(), "the cable is out")

    def plug(_sender):
        monitor.set_link(True)
        wait.until(nic.carrier, "the cable is in")
    context.callback(monitor.set_link, True)
    script = (*PART, SETTLED, Call(pull), Write(3000), Call(plug), SETTLED, *PART)
    spec, software, _bond = bonded(context, family, cipher, tso, script, *XOR)
    run_ = through_bond(context, spec)
    run_.play()
    equal(txconf(run_.near), "hw", "ss: txconf")
    result = run_.finish()
    check(result.stream == software, "the wire is not what software kTLS sends")
    result.evidence.gone()
    result.evidence.no_errors(again=result.again[0])
    equal(result.evidence.moved("tx_tls_fallback"), 0, "tx_tls_fallback")
    at_least(result.evidence.moved("tx_tls_encrypted_bytes"), ktls.size_of(PART) * 2,
             "tx_tls_encrypted_bytes")


def active_backup(context, family, cipher, tso):
    """A bond that does not bind connections to ports gets no offload; the connection
    follows it to the other port and back. Without the bond the port offloads as ever."""
    def to(port_of):
        def do(_sender):
            netif = port_of()
            ip("link", "set", BOND, "type", "bond", "active_slave", netif)
            bond.listen(netif)
        return Call(do)
    script = (*PART, to(lambda: bond.other), *PART, SETTLED, to(lambda: NETIF), *PART)
    spec, software, bond = bonded(context, family, cipher, tso, script, "active-backup")
    run_ = offload.Run(context, spec)
    run_.install()
    run_.evidence.in_software(run_.near)
    run_.play()
    result = run_.finish()
    check(result.stream == software, "the wire is not what software kTLS sends")
    result.evidence.gone()
    equal(result.evidence.moved("tx_tls_encrypted_bytes"), 0, "tx_tls_encrypted_bytes")
    bond.undo()
    offload.offloaded(context, Spec(script=PART, keys=Keys(cipher), family=family, tso=tso))


def dropped(netif):
    return nic.statistics(netif)["tx_tls_drop_bypass_req"]


def encrypted_on_the_way(sender, netif, before):
    """What passes two devices that are not the connection's own: the kernel's own tls.ko
    has both encrypt it, which makes plaintext of it, and the driver drops that. Ours
    encrypts it once, and it arrives."""
    if system.stock_tls():
        wait.until(lambda: dropped(netif) > before, "what is plaintext is dropped")
    else:
        tcp.settled(sender.sock)
        equal(dropped(netif), before, "tx_tls_drop_bypass_req")


def port_down_in_a_bond(context, family, cipher, tso):
    """The connection's port goes down below a bond: the bond and its other port are devices
    that are not the connection's own. Without the bond it goes on where it was."""
    state = {}

    def fail(sender):
        tcp.settled(sender.sock)
        run_.evidence.by_the_nic(ktls.size_of(PART))
        state["dropped"] = dropped(bond.other)
        ip("link", "set", NETIF, "down")
        bond.listen(bond.other)

    def leave(sender):
        encrypted_on_the_way(sender, bond.other, state["dropped"])
        bond.undo()
    script = (*PART, Call(fail), Write(3000), Call(leave), *PART)
    spec, software, bond = bonded(context, family, cipher, tso, script, *XOR)
    run_ = through_bond(context, spec)
    run_.play()
    result = run_.finish()
    check(result.stream == software, "the wire is not what software kTLS sends")
    result.evidence.gone()


def double(context, family, cipher, tso):
    """A VLAN on another port: both are devices that are not the connection's own."""
    ready(tso)
    lower = third_port_up(context)
    netif = vlan_on(context, lower)
    neighbour(context, family, netif)
    context.callback(back, family)
    before = dropped(lower)

    def leave(sender):
        encrypted_on_the_way(sender, lower, before)
        back(family)
    spec = Spec(script=(*PART, SETTLED, Call(lambda _: route(family, netif)), Write(3000),
                        Call(leave), *PART),
                keys=Keys(cipher), family=family, tso=tso, capture=True)
    result = offload.exact(context, spec)
    equal(result.evidence.moved("tx_tls_fallback"), 0, "tx_tls_fallback")
    result.evidence.no_errors(again=result.again[0])


for _combination in COMBINATIONS:
    _end = combination_name(*_combination)
    registry.add(f"case-20-route-to-vlan-on-another-port/{_end}", double, *_combination)
    registry.add(f"case-20-through-a-bond/{_end}", through_a_bond, *_combination)
    registry.add(f"case-20-active-backup-is-software/{_end}", active_backup, *_combination)
    registry.add(f"case-20-port-down-in-a-bond/{_end}", port_down_in_a_bond, *_combination)
