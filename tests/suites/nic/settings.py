# SPDX-License-Identifier: GPL-2.0-or-later
"""What ethtool and ip can set and show, with traffic going on."""

import contextlib
import os
import pathlib
import re
import struct
import threading

from lib import ethtool, kernel_features, nic, regs, system, tcp, wait
from lib.cases import Failed, Registry, at_least, check, equal
from lib.system import LOCAL, NETIF, REMOTE, REMOTE_NS, ip, ip_json, run

registry = Registry()
PERM_MAC = 19               # word of the dump


@contextlib.contextmanager
def traffic():
    """Bulk both ways for as long as the block lasts; it has to arrive whole."""
    stop, errors, rounds = threading.Event(), [], [0, 0]

    def work(upward):
        content = tcp.data("background", 300_000)
        while not stop.is_set():
            try:
                tcp.transfer(content, upward=upward, clean=False)
                rounds[upward] += 1
            except Exception as error:          # pylint: disable=broad-except
                errors.append(error)
                return
    threads = [threading.Thread(target=work, args=(up,)) for up in (True, False)]
    for thread in threads:
        thread.start()
    try:
        wait.until(lambda: all(rounds), "traffic flows both ways")
        yield
        now = list(rounds)
        wait.until(lambda: errors or all(a > b for a, b in zip(rounds, now)),
                   "traffic goes on both ways", seconds=40)
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    if errors:
        raise Failed(f"traffic broke: {errors[0]}")


def mtu_ping(mtu):
    for family, headers in ((4, 28), (6, 48)):
        nic.ping(REMOTE[family], mtu - headers, whole=True, count=2)


@registry.case("mtu-sizes")
def mtu_sizes(context):
    """Each MTU carries packets of exactly its size, and a stream."""
    context.enter_context(nic.with_mtu(1500))
    for mtu in (1280, 1499, 1501, 2047, 4096, 4097, 9000):
        nic.set_mtu(mtu)
        mtu_ping(mtu)
        tcp.transfer(tcp.data("mtu", 400_000))
        tcp.transfer(tcp.data("mtu", 400_000), upward=False)


@registry.case("mtu-limits")
def mtu_limits(_context):
    link = ip_json("link", "show", NETIF)[0]
    for bad in (link["max_mtu"] + 1, link["min_mtu"] - 1):
        check(not system.succeeds("ip", "link", "set", NETIF, "mtu", bad),
              f"MTU {bad} was accepted")
    at_least(link["max_mtu"], 9000, "largest MTU")
    equal(ip_json("link", "show", NETIF)[0]["mtu"], link["mtu"], "MTU")


@registry.case("too-long-frames-are-dropped")
def too_long(context):
    """The far end sends jumbo frames, this one takes 1500 bytes: dropped and counted."""
    nic.only_on_ktlsnic()
    netif = system.remote_netif()
    context.callback(ip, "link", "set", netif, "mtu", 1500, ns=REMOTE_NS)
    ip("link", "set", netif, "mtu", 4000, ns=REMOTE_NS)
    before, link = nic.statistics(), nic.stats64()
    run("ping", "-c", "3", "-i", "0.01", "-W", "1", "-M", "do", "-s", 3000, LOCAL[4],
        ns=REMOTE_NS, check=False)
    wait.until(lambda: nic.change(before, nic.statistics())["hw_rx_too_long"] == 3,
               "hw_rx_too_long moved by 3")
    moved = nic.change(link, nic.stats64())
    equal((moved["rx_errors"], moved["rx_frame"]), (3, 3), "errors, and errors of length")


@registry.case("mtu-change-under-traffic", seconds=120)
def mtu_traffic(context):
    context.enter_context(nic.with_mtu(1500))
    with traffic():
        for mtu in (9000, 1400, 3000, 1500):
            nic.set_mtu(mtu)
            wait.until(nic.reachable, f"answers with MTU {mtu}")


def rings():
    """(most, current) of the RX and TX rings."""
    sizes = ethtool.rings(NETIF)
    return tuple([getattr(sizes[name], what) for name in ("rx", "tx")] for what in ("most", "now"))


def set_rings(rx, tx):
    run("ethtool", "-G", NETIF, "rx", rx, "tx", tx)


@registry.case("ring-sizes-under-traffic", seconds=120)
def ring_sizes(context):
    """What is not in the rings is not lost: the kernel is not told that the link went."""
    most, before = rings()
    context.callback(set_rings, *before)
    changes = nic.carrier_changes()
    with traffic():
        for rx, tx in ((64, 64), (most[0], most[1]), (256, 128)):
            if (rx, tx) != tuple(rings()[1]):
                set_rings(rx, tx)
            equal(rings()[1], [rx, tx], "ring sizes")
            wait.until(nic.reachable, f"answers with rings {rx}, {tx}")
    equal(nic.carrier_changes(), changes, "changes of the carrier")


def interrupt(queue):
    """The directory of a queue pair's interrupt in /proc/irq."""
    with open("/proc/interrupts", encoding="ascii") as file:
        number = next(line.split(":")[0].strip() for line in file
                      if line.split()[-1] == f"{NETIF}-TxRx-{queue}")
    return pathlib.Path("/proc/irq", number)


def placement(queues):
    """Where each of so many queue pairs is served, and whose packets the stack sends there."""
    return [((interrupt(queue) / "smp_affinity_list").read_text().strip(),
             xps(queue).read_text().strip()) for queue in range(queues)]


def xps(queue):
    return pathlib.Path("/sys/class/net", NETIF, "queues", f"tx-{queue}", "xps_cpus")


def place(queue, cpu):
    system.write(interrupt(queue) / "smp_affinity_list", str(cpu))
    system.write(xps(queue), f"{1 << cpu:x}")


def down_and_up():
    ip("link", "set", NETIF, "down")
    nic.up_again()


def reset():
    system.write(system.pci_device() / "reset", "1")
    wait.until(nic.reachable, "the far port answers after the reset")


@registry.case("affinity-and-xps-are-kept")
def kept(context):
    """Where the user wants a queue to be served is left alone, whatever becomes of its rings.
    (XPS of a queue that goes with -L is forgotten by the kernel.)"""
    nic.only_on_ktlsnic()
    most, before = rings()
    channels, cpus = nic.channels().now, sorted(os.sched_getaffinity(0))
    equal((channels >= 2, len(cpus) >= 2), (True, True), "two queues, two CPUs")
    for queue in range(2):
        context.callback(place, queue, cpus[queue])
        place(queue, cpus[1 - queue])
    context.callback(run, "ethtool", "-L", NETIF, "combined", channels, check=False)
    context.callback(set_rings, *before)
    wanted = placement(2)
    check(wanted[0] != wanted[1], f"both queues are served alike: {wanted}")
    for what, change, queues in (
            ("other rings", lambda: set_rings(64, most[1]), 2),
            ("down and up", down_and_up, 2),
            ("a reset", reset, 2),
            ("one channel", lambda: run("ethtool", "-L", NETIF, "combined", 1), 1)):
        change()
        equal(placement(queues), wanted[:queues], f"affinity and XPS after {what}")
    run("ethtool", "-L", NETIF, "combined", 2)
    equal(placement(2)[1][0], wanted[1][0], "affinity of a channel that is back")
    check(int(xps(1).read_text().replace(",", ""), 16), "XPS of a channel that is back")


@registry.case("bad-ring-sizes-refused")
def bad_rings(_context):
    most, before = rings()
    for rx, tx in ((most[0] * 2, before[1]), (before[0], most[1] * 2)):
        check(not system.succeeds("ethtool", "-G", NETIF, "rx", rx, "tx", tx),
              f"rings {rx}, {tx} were accepted")
    equal(rings()[1], before, "ring sizes")


@registry.case("channels-under-traffic", seconds=120)
def channel_count(context):
    most, before = nic.channels()
    at_least(most, 2, "queue pairs")
    context.callback(run, "ethtool", "-L", NETIF, "combined", before, check=False)
    changes = nic.carrier_changes()
    with traffic():
        for count in (1, most, 1, before):
            if count != nic.channels().now:
                run("ethtool", "-L", NETIF, "combined", count)
            equal(nic.channels().now, count, "channels")
            wait.until(nic.reachable, f"answers with {count} channels")
    equal(nic.carrier_changes(), changes, "changes of the carrier")


@registry.case("bad-channels-refused")
def bad_channels(_context):
    most, before = nic.channels()
    for bad in (0, most + 1):
        check(not system.succeeds("ethtool", "-L", NETIF, "combined", bad),
              f"{bad} channels were accepted")
    equal(nic.channels().now, before, "channels")


@registry.case("coalescing")
def coalesce(context):
    """What is set is read back, the shorter of the two times reaches the vector of each queue,
    and traffic goes on at both ends of the range."""
    nic.only_on_ktlsnic()
    registers, queues = regs.Registers(), nic.channels().now
    at_least(queues, 2, "queue pairs")
    context.callback(nic.moderate, *nic.moderation())
    for rx, tx in ((1, 1), (50, 1000), (1000, 50), (1000, 1000)):
        nic.moderate(rx, tx)
        equal(nic.moderation(), (rx, tx), "rx-usecs, tx-usecs")
        equal(registers.moderation(queues), [min(rx, tx)] * queues, "IVEC_ITR of each queue")
        tcp.transfer(tcp.data("coalesce", 500_000), upward=False)
    check(not system.succeeds("ethtool", "-C", NETIF, "rx-usecs", 1 << 20),
          "rx-usecs beyond the register was accepted")


@registry.case("driver-information")
def information(_context):
    text = run("ethtool", "-i", NETIF)
    equal(re.search(r"^driver: (\S+)", text, re.M)[1], system.driver(), "driver")
    equal(re.search(r"^bus-info: (\S+)", text, re.M)[1], system.pci_device().name, "bus-info")
    text = run("ethtool", NETIF)
    check("Link detected: yes" in text, "no link")
    check(re.search(r"Speed: \d+Mb/s", text), "no speed")
    check("Duplex: Full" in text, "not full duplex")


def dump():
    """The words of `ethtool -d`."""
    lines = re.findall(r"^0x[0-9a-f]+:\s+((?:[0-9a-f]{2} ?)+)", run("ethtool", "-d", NETIF), re.M)
    return [word for word, in struct.iter_unpack("<I", bytes.fromhex("".join(lines)))]


def dumps():
    """Two in a row between which no frame came by; nothing if there was one."""
    before = nic.stats64(), nic.remote_statistics()
    two = dump(), dump()
    return two if (nic.stats64(), nic.remote_statistics()) == before else None


@registry.case("register-dump")
def registers(_context):
    """The dump begins with the device's registers, has its address, and shows the same
    twice."""
    nic.only_on_ktlsnic()
    first, second = wait.until(dumps, "no frame while the registers are read")
    equal([hex(word) for word in first[:4]], ["0x4b544c53", "0x10002", "0x0", "0x3"],
          "ID, VERSION, CTRL, STATUS")
    address = bytes.fromhex(run("ethtool", "-P", NETIF).split()[-1].replace(":", ""))
    equal(struct.pack("<II", *first[PERM_MAC:][:2])[:6], address, "factory address")
    changed = {4 * at: (was, now) for at, (was, now) in enumerate(zip(first, second)) if was != now}
    equal(changed, {}, "words that changed")


@registry.case("rss-table")
def rss_table(context):
    """The indirection table can be set, whole, and steers what arrives."""
    nic.only_on_ktlsnic()
    registers, count = regs.Registers(), nic.channels().now
    at_least(count, 2, "queue pairs")
    context.callback(run, "ethtool", "-X", NETIF, "default", check=False)
    for queue in range(count):
        if kernel_features.lacks_field("input_xfrm"):
            ethtool.steer_to(NETIF, queue)
        else:
            weights = ["1" if i == queue else "0" for i in range(count)]
            run("ethtool", "-X", NETIF, "weight", *weights)
        table = registers.rss_table()
        equal(table, [queue] * len(table), "entries of the indirection table")
        before = nic.statistics()
        for i in range(6):
            tcp.transfer(tcp.data(i, 5000), 4 if i % 2 else 6, upward=False)
        moved = nic.change(before, nic.statistics())
        own = f"rx_queue_{queue}_packets"
        others = {name: value for name, value in moved.items()
                  if re.fullmatch(r"rx_queue_\d+_packets", name) and name != own}
        at_least(moved[own], 30, own)
        check(sum(others.values()) < 10, f"TCP went elsewhere too: {others}")


@registry.case("statistics-have-names-once")
def names_once(_context):
    names = re.findall(r"^\s+(\S[^:]*):", run("ethtool", "-S", NETIF), re.M)
    equal(len(names), len(set(names)), "names in ethtool -S")
    at_least(len(names), 10, "statistics")


@registry.case("unknown-settings-refused")
def refused(_context):
    """What the port cannot do it says, and goes on working."""
    check(not system.succeeds("ethtool", "-s", NETIF, "speed", "7"), "speed 7 was accepted")
    check(nic.reachable(), "deaf after a refused setting")
