# SPDX-License-Identifier: GPL-2.0-or-later
"""Streams and datagrams in both directions, their content checked by SHA-256."""

import hashlib
import socket
import threading

from lib import nic, regs, system, tcp, wait
from lib.cases import Registry, at_least, check, equal
from lib.system import LOCAL, NETIF, REMOTE, REMOTE_NS, SO_RCVBUFFORCE, SO_SNDBUFFORCE, in_ns, run

registry = Registry()
BULK = 3 << 20
FLOW = 200                  # datagrams
RING = 64                   # buffers, the least there can be
BURST, BURSTS = 2 * RING, 30        # datagrams

# Features that are switched off, at both ends, for a run.
VARIANTS = {"all-offloads": {}, "no-tso": {"tso": False}, "no-tx-checksum": {"tx": False},
            "no-rx-checksum": {"rx": False}, "no-gro": {"gro": False},
            "no-sg": {"sg": False}, "no-gso": {"gso": False, "tso": False}}


def bulk(context, family, upward, features):
    for port in (nic.local(), nic.remote()):
        if features:
            context.enter_context(port.with_(**features))
    tcp.transfer(tcp.data("bulk", BULK), family, upward)


for _name, _features in VARIANTS.items():
    for _family in (4, 6):
        for _upward in (True, False):
            registry.add(f"tcp/{_name}/v{_family}/{'to' if _upward else 'from'}-remote",
                         bulk, _family, _upward, _features)


def both_ways(_context, family):
    """Eight connections, four each way, at the same time."""
    content = tcp.data("parallel", 2 << 20)
    failures = []

    def one(upward):
        try:
            tcp.transfer(content, family, upward)
        except Exception as error:              # pylint: disable=broad-except
            failures.append(error)
    threads = [threading.Thread(target=one, args=(i % 2 == 0,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(failures, [], "failures")


registry.add("tcp-parallel-both-ways/v4", both_ways, 4)
registry.add("tcp-parallel-both-ways/v6", both_ways, 6)


def odd_writes(_context, family):
    """Scatter-gather of many odd pieces, and of pages by sendfile."""
    near, far = tcp.connect(family, mss=999)
    content = tcp.data("odd", 300_000)
    with tcp.closing(near, far):
        reader = tcp.Reader(far)
        at = 0
        for i in range(600):
            size = 1 + i * 37 % 991
            near.sendmsg([content[at + k:at + min(k + 61, size)] for k in range(0, size, 61)])
            at += size
        near.shutdown(socket.SHUT_WR)
        equal(reader.digest(), hashlib.sha256(content[:at]).hexdigest(), "SHA-256")


registry.add("tcp-odd-writes/v4", odd_writes, 4)
registry.add("tcp-odd-writes/v6", odd_writes, 6)


def udp(_context, family, upward):
    """Datagrams of every size class, each acknowledged by the count that came."""
    with in_ns(REMOTE_NS):
        far = socket.socket(tcp.FAMILY[family], socket.SOCK_DGRAM)
    near = socket.socket(tcp.FAMILY[family], socket.SOCK_DGRAM)
    sender, receiver = (near, far) if upward else (far, near)
    with tcp.closing(near, far):
        near.bind((LOCAL[family], 0))
        far.bind((REMOTE[family], 0))
        receiver.settimeout(5)
        to = receiver.getsockname()[:2]
        for i in range(500):
            payload = tcp.data(i, 1 + i * 13 % 1452)
            sender.sendto(payload, to)
            equal(receiver.recv(2000) == payload, True, f"datagram {i}")


for _family in (4, 6):
    for _upward in (True, False):
        registry.add(f"udp/v{_family}/{'to' if _upward else 'from'}-remote", udp, _family,
                     _upward)


def _queues(counters, side):
    """The packets of each queue."""
    return {name: value for name, value in counters.items()
            if name.startswith(f"{side}_queue_") and name.endswith("_packets")}


def _views():
    """All counters at one moment: no frame came by while they were read one by one."""
    ends = lambda: (nic.stats64(), nic.remote_statistics())         # noqa: E731

    def read():
        before = wait.unchanged(ends, "counters of a silent link")
        views = nic.stats64(), nic.statistics(), nic.remote_statistics()
        return views if ends() == before else None
    return wait.until(read, "no frame while the counters are read")


@registry.case("stats64-and-ethtool-agree")
def counters(_context):
    """One transfer: every view of it counts the same, and the far end's what was sent."""
    nic.only_on_ktlsnic()
    before = _views()
    tcp.transfer(tcp.data("count", 1 << 20))
    link, own, far = (nic.change(*pair) for pair in zip(before, _views()))
    at_least(link["tx_bytes"], 1 << 20, "tx_bytes")
    equal(own["hw_tx_packets"], far["hw_rx_packets"] + far["hw_rx_filtered"],
          "frames sent, and received or filtered")
    equal(link["tx_packets"], own["hw_tx_packets"], "tx_packets: stats64 and NIC")
    equal(link["rx_packets"], own["hw_rx_packets"], "rx_packets: stats64 and NIC")
    equal(link["tx_bytes"], own["hw_tx_bytes"], "tx_bytes: stats64 and NIC")
    equal(sum(_queues(own, "tx").values()), link["tx_packets"],
          "tx_packets: sum of the queues")


@registry.case("frames-for-a-closed-queue-are-missed")
def missed(context):
    """The card sends frames to a queue that is not open: the interface counts them."""
    nic.only_on_ktlsnic()
    context.callback(run, "ethtool", "-L", NETIF, "combined", nic.channels().now, check=False)
    run("ethtool", "-L", NETIF, "combined", 1)
    registers, before = regs.Registers(), (nic.stats64(), nic.statistics())
    for word in range(regs.RSS_WORDS):
        registers.write(regs.RSS_TABLE + 4 * word, 0x01010101)
    with in_ns(REMOTE_NS), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _ in range(FLOW):
            sock.sendto(b"nobody takes it", (LOCAL[4], nic.CLOSED))
    wait.until(lambda: nic.change(before[1], nic.statistics())["hw_rx_no_queue"] >= FLOW,
               "the card has dropped the datagrams")
    at_least(nic.change(before[0], nic.stats64())["rx_dropped"], FLOW, "missed frames")


@registry.case("tso-is-done-by-the-nic")
def tso(_context):
    nic.only_on_ktlsnic()
    before = nic.statistics()
    tcp.transfer(tcp.data("tso", 1 << 20))
    at_least(nic.change(before, nic.statistics())["hw_tx_tso_units"], 10,
             "hw_tx_tso_units")
    with nic.local().with_(tso=False):
        before = nic.statistics()
        tcp.transfer(tcp.data("tso", 1 << 20))
        equal(nic.change(before, nic.statistics())["hw_tx_tso_units"], 0,
              "hw_tx_tso_units with TSO off")


@registry.case("rss-spreads-flows")
def rss(_context):
    """Many flows reach more than one receive queue; one flow stays in one."""
    nic.only_on_ktlsnic()
    at_least(nic.channels().now, 2, "queue pairs")
    before = nic.statistics()
    for i in range(24):
        tcp.transfer(tcp.data(i, 4000), 4 if i % 2 else 6, upward=False)
    used = _queues(nic.change(before, nic.statistics()), "rx")
    at_least(len([v for v in used.values() if v > 20]), 2, f"receive queues used ({used})")
    for port in range(5020, 5024):
        before = nic.statistics()
        _one_flow(port, FLOW)
        used = _queues(nic.change(before, nic.statistics()), "rx")
        at_least(max(used.values(), default=0), FLOW,
                 f"datagrams of one flow in one queue ({used})")


def _one_flow(port, count):
    """Datagrams to this port from the far port's same one, which all arrive."""
    with in_ns(REMOTE_NS):
        far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with tcp.closing(near, far):
        near.bind((LOCAL[4], port))
        near.settimeout(5)
        far.bind((REMOTE[4], port))
        for number in range(count):
            far.sendto(b"%d" % number, (LOCAL[4], port))
            equal(near.recv(100), b"%d" % number, "datagram")


@registry.case("receive-ring-runs-dry")
def exhaustion(context):
    """Bursts of twice the ring, whose interrupt comes only when the card has paused the wire:
    nothing is lost or overtaken, and traffic goes on."""
    nic.only_on_ktlsnic()
    context.callback(run, "ethtool", "-G", NETIF, "rx", nic.ring_size("RX"))
    run("ethtool", "-G", NETIF, "rx", RING)
    before, registers = nic.statistics(), regs.Registers()
    with in_ns(REMOTE_NS):
        far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with tcp.closing(near, far):
        near.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        far.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 8 << 20)
        near.bind((LOCAL[4], 5009))
        near.settimeout(0.5)
        far.connect((LOCAL[4], 5009))       # keeps the socket on one transmit queue
        for burst in range(BURSTS):
            with registers.silent_queues():
                for i in range(BURST):
                    far.send(b"%08d" % (burst * BURST + i) * 100)
                wait.until(lambda: _pauses(before) > burst,
                           lambda: f"the wire is paused a {burst + 1}. time: "
                           f"{nic.change(before, nic.statistics())}")
        numbers = _numbers(near)
    moved = nic.change(before, nic.statistics())
    context.note(f"{moved['hw_rx_pauses']} pauses")
    equal(moved["hw_rx_no_queue"], 0, "hw_rx_no_queue")
    equal(len(numbers), BURSTS * BURST, "datagrams that got through")
    backward = [(a, b) for a, b in zip(numbers, numbers[1:]) if b <= a]
    equal(backward[:5], [], f"{len(backward)} times a datagram followed one that overtook it")
    check(nic.reachable(), "the port is deaf after the burst")
    tcp.transfer(tcp.data("after", 1 << 20), upward=False)


def _pauses(before):
    """Times that the wire was paused for want of a buffer."""
    return nic.change(before, nic.statistics())["hw_rx_pauses"]


def _numbers(sock):
    """The numbers of the datagrams that are there, until none comes any more."""
    numbers = []
    try:
        while True:
            numbers.append(int(sock.recv(2000)[:8]))
    except TimeoutError:
        return numbers


@registry.case("iperf3-runs")
def iperf(_context):
    """The tool that everybody reaches for first."""
    from subprocess import Popen, DEVNULL
    with Popen(["ip", "netns", "exec", REMOTE_NS, "iperf3", "-s", "-1"],
               stdout=DEVNULL, stderr=DEVNULL) as server:
        wait.until(lambda: ":5201" in system.run("ss", "-ltn", ns=REMOTE_NS),
                   "iperf3 listens")
        out = run("iperf3", "-c", REMOTE[4], "-n", "8M", "-P", "2")
        server.wait(20)
    check("receiver" in out, out)
