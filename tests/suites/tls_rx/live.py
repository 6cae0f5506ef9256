# SPDX-License-Identifier: GPL-2.0-or-later
"""Segments that are not the next ones, look-alikes, and things that happen to the NIC
while it decrypts."""

import itertools
import threading

from lib import evidence, ktls, netem, nic, rawpeer, rx, system, tcp, wait
from lib.cases import Registry, at_least, check, equal
from lib.ktls import ALERT, GCM128, GCM256, Control, Keys, Write
from lib.rxstream import Stream
from lib.system import NETIF, REMOTE_NS, ip, run, write
from .framing import COMBINATIONS, fate
from .lost import pieces, send

registry = Registry()


# ---- 39: keys that come when data is there already

def install_late(context, family, cipher, queued):
    """Records are queued, or on their way, when the keys are installed: those are for
    software, then the NIC finds its place, and nothing is lost."""
    stream = Stream(context, Keys(cipher), family, install=False)
    before = list(itertools.chain.from_iterable(pieces(stream) for _ in range(3)))
    for piece in before[:queued]:
        send(stream, piece)
    stream.peer.wait_acked()
    stream.install(check=False)
    equal(rx.rxconf(stream.peer.sock), "hw", "ss: rxconf")
    send(stream, *before[queued:])
    for _ in range(4):
        send(stream, *pieces(stream))
        stream.peer.wait_acked()
    stream.resynced()
    for _ in range(4):
        send(stream, *pieces(stream))
    stream.finish()
    fates = stream.trace.fates()
    equal(len(fates), 11, "records")
    equal(fates[-4:], ["hw"] * 4, "what became of the last records")
    stream.evidence.no_errors()


def install_in_flight(context, family, cipher):
    """The far kernel sends while the near one installs its keys."""
    flow = rx.Flow(context, Keys(cipher), family, install=False)
    ktls.install(flow.far, flow.keys, ktls.TLS_TX)
    script = tuple(Write(5000 + 100 * i) for i in range(400))
    content = tcp.data("in flight", ktls.size_of(script))
    sender = threading.Thread(target=flow.sender.play, args=(script, content))
    sender.start()
    wait.until(lambda: tcp.queued(flow.near) > 20_000, "bytes arrived before the keys")
    ktls.install(flow.near, flow.keys, ktls.TLS_RX)
    flow.reader = rx.Reader(flow.near)
    sender.join(tcp.SECONDS)
    flow.finish()
    flow.evidence.gone()
    context.note(f"{100 * flow.evidence.share():.1f} % of what the NIC saw was decrypted, "
                 f"{flow.evidence.resync_counters()}")
    at_least(flow.evidence.share(), 0.5, "share of what the NIC saw that was decrypted")
    flow.evidence.no_errors()


for _family, _cipher in COMBINATIONS:
    _end = f"v{_family}/{_cipher.name[-3:]}"
    for _queued in (1, 2, 3, 4, 8):
        registry.add(f"39-data-before-keys/{_queued}-segments/{_end}", install_late,
                     _family, _cipher, _queued)
    registry.add(f"39-data-before-keys/in-flight/{_end}", install_in_flight, _family, _cipher)


# ---- 40: what the stack may put together, and checksums

def alternating(context, family, cipher, gro, rxcsum):
    """Segments that come decrypted and not in turns, with GRO and without, and when
    the user wants no checksums from the NIC any more."""
    before = nic.features()
    context.callback(nic.local().restore, before)
    nic.local().set(gro=gro)
    stream = Stream(context, Keys(cipher), family)
    nic.local().set(rx=rxcsum)
    wanted, packets = [], 0
    errors = in_errors()
    for turn in range(24):
        flags = [(turn >> i & 1) == 0 for i in range(5)]
        start, end = stream.record(tcp.data(f"{turn}", 6000))
        step = -(-(end - start) // 5)
        bounds = itertools.pairwise([*range(start, end, step), end])
        for piece, plainly in zip(bounds, flags):
            stream.put(*piece, plainly)
        wanted.append(fate(flags))
        packets += sum(flags)
        stream.peer.wait_acked()
    stream.finish()
    equal(stream.trace.fates(), wanted, "what became of the records")
    equal(stream.evidence.moved("rx_tls_decrypted_packets"), packets, "rx_tls_decrypted_packets")
    equal(in_errors(), errors, "TCP checksum errors")
    stream.evidence.no_errors()


def in_errors():
    with open("/proc/thread-self/net/snmp", encoding="ascii") as file:
        names, values = (line.split() for line in file if line.startswith("Tcp:"))
    return int(values[names.index("InCsumErrors")])


for _family, _cipher in COMBINATIONS:
    _end = f"v{_family}/{_cipher.name[-3:]}"
    registry.add(f"40-gro/on/{_end}", alternating, _family, _cipher, True, True)
    registry.add(f"40-gro/off/{_end}", alternating, _family, _cipher, False, True)
    registry.add(f"40-rxcsum-off-later/gro/{_end}", alternating, _family, _cipher, True, False)
    registry.add(f"40-rxcsum-off-later/no-gro/{_end}", alternating, _family, _cipher, False,
                 False)


# ---- 41: what has been there already

def old_segments(context, family, cipher):
    """Duplicates, overlaps and keepalives: the NIC passes them on and stays where it
    is, in the middle of a record as well."""
    stream = Stream(context, Keys(cipher), family)
    parts = []
    for _ in range(6):
        parts += pieces(stream)
    for i, (start, end) in enumerate(parts):
        stream.put(start, end)
        stream.peer.wait_acked()
        stream.put(start, end)                      # again
        stream.put(max(0, start - 300), end - 1)    # most of it, and more before it
        stream.peer.put(end - 1, b"\xff")           # a keepalive with a byte of garbage
        stream.peer.put(end - 1, b"", flags=rawpeer.ACK)
        if i % 2:
            stream.put(max(0, start - 1200), start - 100)
    stream.finish()
    equal(stream.trace.fates(), ["hw"] * 6, "what became of the records")
    stream.evidence.decrypted(len(parts), len(stream.sent), len(stream.stream))
    equal(stream.evidence.resync_counters(), {}, "resyncs")
    stream.evidence.no_errors()


def far_ahead(context, family, cipher):
    """Somebody sends segments far ahead of the stream, and out of its window: the stream
    is decrypted all the same, and no number from the kernel is needed."""
    stream = Stream(context, Keys(cipher), family)
    for distance in (100_000, 1 << 20, 1 << 28):
        send(stream, *pieces(stream))
        stream.peer.wait_acked()
        stream.peer._put(stream.peer.seq(len(stream.stream) + distance), rawpeer.ACK,
                         tcp.data("far", 1000))
        send(stream, *pieces(stream))
        stream.peer.wait_acked()
    stream.finish()
    equal(stream.trace.fates(), ["hw"] * 6, "what became of the records")
    stream.evidence.no_errors()


for _family, _cipher in COMBINATIONS:
    _end = f"v{_family}/{_cipher.name[-3:]}"
    registry.add(f"41-old-segments/{_end}", old_segments, _family, _cipher)
    registry.add(f"41-far-ahead/{_end}", far_ahead, _family, _cipher)


# ---- 42: which packets are the connection's

def options(context, family, cipher, how):
    """IP options, extension headers, TCP timestamps, sockets for both families."""
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
    stream.evidence.all_decrypted(len(stream.sent), len(stream.stream), 5)


for _family, _cipher in COMBINATIONS:
    _end = f"v{_family}/{_cipher.name[-3:]}"
    registry.add(f"42-tuple/ip-options/{_end}", options, _family, _cipher, "ip")
    registry.add(f"42-tuple/timestamps/{_end}", options, _family, _cipher, "timestamps")
for _cipher in (GCM128, GCM256):
    registry.add(f"42-tuple/v4-mapped/{_cipher.name[-3:]}", options, 4, _cipher, "v4-mapped")


VLAN, VLAN_NS = 7, "ns-vlan"


def vlan(context, family):
    """Behind a VLAN tag there is another connection with the same addresses, ports and
    sequence numbers, and it is plain TCP. It must come through as it is."""
    name = f"{NETIF}.{VLAN}"
    ip("netns", "add", VLAN_NS)
    context.callback(ip, "netns", "del", VLAN_NS, check=False)
    ip("link", "add", "link", NETIF, "name", name, "type", "vlan", "id", VLAN)
    context.callback(ip, "link", "del", name, check=False)
    ip("link", "set", name, "netns", VLAN_NS)
    length = 24 if family == 4 else 64
    ip("address", "add", f"{system.LOCAL[family]}/{length}", "dev", name,
       *(["nodad"] if family == 6 else []), ns=VLAN_NS)
    ip("link", "set", name, "up", ns=VLAN_NS)
    stream = Stream(context, family=family, port=38_000, near_port=38_001)
    mac = system.ip_json("link", "show", system.remote_netif(), ns=REMOTE_NS)[0]["address"]
    ip("neighbor", "replace", rawpeer.ADDRESS[family], "lladdr", mac, "dev", name, ns=VLAN_NS)
    twin = rawpeer.Peer(context, family, port=38_000, near_port=38_001, tag=VLAN, ns=VLAN_NS)
    plain = tcp.Reader(twin.sock)
    content = tcp.data("plain", 9000)
    for at in range(0, len(content), 1000):
        twin.put(at, content[at:at + 1000])         # before the NIC has seen that place
        twin.wait_acked()
        if at % 3000 == 0:
            send(stream, *pieces(stream))
            stream.peer.wait_acked()
    twin.fin()
    equal(bytes(plain.finish()) == content, True, "what came behind the tag")
    stream.finish()
    equal(stream.trace.fates(), ["hw"] * 3, "what became of the records")
    stream.evidence.all_decrypted(len(stream.sent), len(stream.stream), 3)


for _family in (4, 6):
    registry.add(f"42-tuple/vlan/v{_family}", vlan, _family)


# ---- the life of contexts

SCRIPT = tuple(step for i in range(20) for step in
               (Write(16384), Write(1 + 700 * i), Control(2, ALERT), Write(5000)))


def play(flow, script=SCRIPT, seed="live"):
    flow.sender.play(script, tcp.data(seed, ktls.size_of(script)))


def orders(context, order, family, cipher):
    """Both directions offloaded, installed in this order; the one that goes first
    leaves the other alone."""
    rx.ready()
    run("ethtool", "-K", NETIF, nic.TLS_TX_FLAG, "on")
    context.callback(run, "ethtool", "-K", NETIF, nic.TLS_TX_FLAG, "off")
    flow = rx.Flow(context, Keys(cipher), family, install=False)
    back = Keys(cipher, seed="the other direction")
    keys = {ktls.TLS_TX: back, ktls.TLS_RX: flow.keys}
    ktls.install(flow.near, keys[order[0]], order[0])
    ktls.install_more(flow.near, keys[order[1]], order[1])
    ktls.install(flow.far, flow.keys, ktls.TLS_TX)
    ktls.install_more(flow.far, back, ktls.TLS_RX)
    flow.evidence.offloaded(flow.near)
    equal(evidence.txconf(flow.near), "hw", "ss: txconf")
    flow.reader = rx.Reader(flow.near)
    echo = rx.Reader(flow.far)
    content = tcp.data("back", 300_000)
    other = threading.Thread(target=flow.near.sendall, args=(content,))
    other.start()
    play(flow)
    other.join(tcp.SECONDS)
    wait.until(lambda: len(echo.bytes) == len(content), "what was sent back arrived")
    equal(rx.sha(echo.bytes), rx.sha(content), "SHA-256 of what was sent back")
    sizes = rx.records_of(SCRIPT)
    again = flow.finish()
    flow.evidence.gone()
    if not again[0]:
        flow.evidence.all_decrypted(sum(sizes), rx.stream_size(sizes), len(sizes))
    at_least(flow.evidence.moved("hw_tls_tx_bytes"), 300_000, "hw_tls_tx_bytes")


for _family, _cipher in COMBINATIONS:
    _end = f"v{_family}/{_cipher.name[-3:]}"
    registry.add(f"43-both-directions/rx-first/{_end}", orders, (ktls.TLS_RX, ktls.TLS_TX),
                 _family, _cipher)
    registry.add(f"43-both-directions/tx-first/{_end}", orders, (ktls.TLS_TX, ktls.TLS_RX),
                 _family, _cipher)


@registry.case("43-down-up")
def down_up(context):
    """The interface goes down in mid-record: the connection goes on in software, its
    context is deleted once, and new connections are offloaded."""
    flow = rx.Flow(context)
    flow.evidence.offloaded(flow.near)
    play(flow, (*SCRIPT, Write(9000, more=True)), "before")
    flow.reader.wait_for(ktls.size_of(SCRIPT))
    ip("link", "set", NETIF, "down")
    equal(flow.evidence.moved("rx_tls_del"), 1, "rx_tls_del after link down")
    nic.up_again()
    rx.ready()
    play(flow, (Write(100), *SCRIPT), "after")
    flow.finish()
    equal(flow.evidence.moved("rx_tls_ctx"), 1, "rx_tls_ctx: not offloaded again")
    flow.evidence.gone()
    flow.evidence.no_errors()
    again = rx.Flow(context, Keys(seed="again"))
    again.evidence.offloaded(again.near)
    play(again)
    again.finish()
    again.evidence.gone()


@registry.case("43-down-under-traffic", seconds=200)
def down_under_traffic(context):
    """Eight connections receive, some close, while the port goes down; four times."""
    state = rx.Evidence()
    for turn in range(4):
        flows = [rx.Flow(context, Keys(seed=f"{turn} {i}")) for i in range(8)]
        threads = [threading.Thread(target=play, args=(flow, SCRIPT * 3)) for flow in flows]
        for thread in threads:
            thread.start()
        wait.until(lambda flows=flows: all(len(flow.reader.bytes) > 50_000 for flow in flows),
                   "all receive")
        ip("link", "set", NETIF, "down")
        nic.up_again()
        for thread in threads:
            thread.join(tcp.SECONDS)
        for flow in flows:
            flow.finish()
        equal(state.moved("rx_tls_ctx"), 8 * (turn + 1), "rx_tls_ctx")
        state.gone()
    state.no_errors()


@registry.case("43-flag-off-and-on")
def flag(context):
    """Old connections stay, new ones follow the flag."""
    flow = rx.Flow(context)
    flow.evidence.offloaded(flow.near)
    rx.ready(False)
    context.callback(rx.ready)
    other = rx.Flow(context, Keys(seed="off"))
    equal(rx.rxconf(other.near), "sw", "ss: rxconf of a new connection")
    play(flow)
    play(other)
    other.finish()
    flow.finish()
    flow.evidence.gone()
    sizes = rx.records_of(SCRIPT)
    flow.evidence.all_decrypted(sum(sizes), rx.stream_size(sizes), len(sizes))


def resets(_flow):
    device = system.pci_device()
    write(f"{device}/reset", "1")


def rings(_flow):
    run("ethtool", "-G", NETIF, "rx", 128)
    run("ethtool", "-G", NETIF, "rx", 512)


def channels(_flow):
    run("ethtool", "-L", NETIF, "combined", 1)
    run("ethtool", "-L", NETIF, "combined", 2)


def nearly_all(script):
    return ktls.size_of(script) * 9 // 10


def disturbed(context, disturb, family, cipher):
    """The core is not told. Contexts survive, or come back without their place and
    find it: the data is right, and is decrypted again."""
    def decrypted():
        return flow.evidence.moved("rx_tls_decrypted_bytes")
    flow = rx.Flow(context, Keys(cipher), family)
    flow.evidence.offloaded(flow.near)
    play(flow, (*SCRIPT, Write(9000)))
    flow.reader.wait_for(ktls.size_of(SCRIPT))
    disturb(flow)
    wait.until(lambda: nic.carrier(), "carrier")
    equal(rx.rxconf(flow.near), "hw", "ss: rxconf")
    for turn in range(40):
        before = decrypted()
        play(flow, SCRIPT, f"{turn}")
        flow.reader.wait_for(len(flow.sender.sent))
        if decrypted() - before >= nearly_all(SCRIPT):
            break
    before = decrypted()
    play(flow, SCRIPT * 2, "last")
    flow.finish()
    flow.evidence.gone()
    context.note(f"restored {flow.evidence.moved('rx_tls_restored')}, "
                 f"{flow.evidence.resync_counters()}")
    at_least(decrypted() - before, nearly_all(SCRIPT * 2),
             "rx_tls_decrypted_bytes of the last part")
    flow.evidence.no_errors()


for _family, _cipher in ((4, GCM128), (6, GCM256)):
    _end = f"v{_family}/{_cipher.name[-3:]}"
    registry.add(f"31-function-level-reset/{_end}", disturbed, resets, _family, _cipher)
    registry.add(f"31-ring-sizes/{_end}", disturbed, rings, _family, _cipher)
    registry.add(f"31-channels/{_end}", disturbed, channels, _family, _cipher)


@registry.case("31-reset-before-the-first-byte")
def reset_first(context):
    """Nothing had come: the context is put back where it was, and nothing is lost."""
    flow = rx.Flow(context)
    resets(flow)
    wait.until(lambda: nic.carrier(), "carrier")
    play(flow)
    flow.finish()
    flow.evidence.gone()
    equal(flow.evidence.moved("rx_tls_restored"), 1, "rx_tls_restored")
    sizes = rx.records_of(SCRIPT)
    equal(flow.evidence.moved("rx_tls_decrypted_bytes"), sum(sizes), "rx_tls_decrypted_bytes")
    flow.evidence.no_errors()


@registry.case("43-unbind-with-live-connections")
def unbind(context):
    device = system.pci_device().name
    driver = "/sys/bus/pci/drivers/ktlsnic"
    flow = rx.Flow(context)
    play(flow)
    flow.reader.wait_for(ktls.size_of(SCRIPT))
    write(f"{driver}/unbind", device)
    write(f"{driver}/bind", device)
    wait.until(lambda: system.succeeds("ip", "link", "show", NETIF), "the port is back")
    nic.up_again()
    play(flow, SCRIPT, "after")
    flow.finish()
    wait.until(lambda: evidence.tls_stat()["TlsCurrRxDevice"] == 0, "TlsCurrRxDevice 0")
    rx.ready()
    again = rx.Flow(context, Keys(seed="again"))
    again.evidence.offloaded(again.near)
    play(again)
    again.finish()


@registry.case("43-moved-to-another-namespace")
def moved(context):
    """The port goes to another network namespace and comes back: the connection goes on
    in software."""
    ip("netns", "add", "ns-moved")
    context.callback(ip, "netns", "del", "ns-moved", check=False)
    flow = rx.Flow(context)
    play(flow)
    flow.reader.wait_for(ktls.size_of(SCRIPT))
    ip("link", "set", NETIF, "netns", "ns-moved")
    equal(flow.evidence.kernel_moved()["TlsRxDevice"], 1, "TlsRxDevice")
    ip("link", "set", NETIF, "netns", "1", ns="ns-moved")
    nic.up_again()
    play(flow, SCRIPT, "after")
    flow.finish()
    flow.evidence.gone()
    equal(flow.evidence.moved("rx_tls_ctx"), 1, "rx_tls_ctx: not offloaded again")
    flow.evidence.no_errors()


@registry.case("43-close-with-data-coming")
def close_early(context):
    """close() while the far end goes on sending: the context goes, the rest is refused."""
    state = rx.Evidence()
    for turn in range(6):
        flow = rx.Flow(context, Keys(seed=f"{turn}"), install=False)
        ktls.install(flow.near, flow.keys, ktls.TLS_RX)
        ktls.install(flow.far, flow.keys, ktls.TLS_TX)
        sender = threading.Thread(target=broken_pipe, args=(flow.far,))
        sender.start()
        got = flow.near.recv(10_000)
        check(got == tcp.data("pipe", 1 << 16)[:len(got)], "what was read before")
        flow.near.close()
        sender.join(tcp.SECONDS)
        flow.far.close()
    state.gone()
    equal(state.moved("rx_tls_ctx"), 6, "rx_tls_ctx")
    state.no_errors()


def broken_pipe(sock):
    try:
        while True:
            sock.sendall(tcp.data("pipe", 1 << 16))
    except OSError:
        pass


@registry.case("33-corruption-behind-the-wire")
def corrupted(context):
    """Every fiftieth segment has a wrong bit, and so a wrong checksum."""
    netem.before_the_wire(context, "corrupt", "2%", "seed", 9)
    flow = rx.Flow(context)
    play(flow, SCRIPT * 3)
    flow.finish()
    flow.evidence.gone()
    at_least(flow.evidence.moved("hw_rx_csum_bad"), 1, "hw_rx_csum_bad")
    at_least(flow.evidence.share(), 0.3, "share that was decrypted")
    flow.evidence.no_errors()

