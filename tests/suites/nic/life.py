# SPDX-License-Identifier: GPL-2.0-or-later
"""The port comes and goes: down, reset, unbound, its driver unloaded."""

import socket
import threading

from lib import capture, device_faults, monitor, nic, system, tcp, wait
from lib.cases import Registry, check, equal, skip
from lib.system import NETIF, REMOTE, REMOTE_NS, in_ns, ip, run, write

registry = Registry()
PORT = 5011
PIECE = 10_000              # bytes that a socket takes without a single acknowledgment


def exists():
    return system.succeeds("ip", "link", "show", NETIF)


def works():
    nic.up_again()
    tcp.transfer(tcp.data("life", 500_000))
    tcp.transfer(tcp.data("life", 500_000), 6, upward=False)


@registry.case("down-up-loop")
def down_up(_context):
    for _ in range(8):
        ip("link", "set", NETIF, "down")
        check(not nic.carrier(), "carrier of a port that is down")
        ip("link", "set", NETIF, "up")
        wait.until(nic.carrier, "carrier after link up")
    works()


@registry.case("down-up-under-traffic", seconds=120)
def down_up_traffic(_context):
    """Both directions are busy while the port goes down and up; TCP survives. (To
    connect at such a moment would fail at once: there is no route.)"""
    errors = []

    def one(connection, upward):
        try:
            tcp.carry(connection, tcp.data("down", 4 << 20), upward, clean=False)
        except Exception as error:              # pylint: disable=broad-except
            errors.append(error)
    threads = [threading.Thread(target=one, args=(tcp.connect(), up)) for up in (True, False)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        ip("link", "set", NETIF, "down")
        nic.up_again()
    for thread in threads:
        thread.join(60)
    check(not errors and not any(thread.is_alive() for thread in threads),
          f"transfers broke: {errors or 'not finished'}")


def datagrams(count):
    """Send so many small datagrams to the far port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for number in range(count):
            sock.sendto(b"datagram %04d" % number, (REMOTE[4], PORT))


@registry.case("far-end-down-and-up")
def far_end(context):
    """The far port stops and starts again. Here frames pile up nowhere: more than fill
    the rings are all sent meanwhile."""
    netif = system.remote_netif()
    neighbour = ("neighbour", "replace", REMOTE[4], "lladdr", capture.mac_of(remote=True),
                 "dev", NETIF, "nud")

    def restore():
        ip("link", "set", netif, "up", ns=REMOTE_NS)
        ip("address", "replace", f"{REMOTE[6]}/64", "dev", netif, "nodad", ns=REMOTE_NS)
        ip(*neighbour, "reachable")
        wait.until(nic.reachable, "the far port answers again")
    context.callback(restore)
    ip(*neighbour, "permanent")
    ip("link", "set", netif, "down", ns=REMOTE_NS)
    check(not system.succeeds("ping", "-c", "2", "-i", "0.2", "-W", "1", REMOTE[4]),
          "an answer from a port that is down")
    count, before = 2 * nic.ring_size("TX"), nic.stats64()
    datagrams(count)
    wait.until(lambda: nic.change(before, nic.stats64())["tx_packets"] >= count,
               f"{count} frames were sent to a port that is down")
    equal(nic.change(before, nic.stats64())["tx_errors"], 0, "tx_errors")


def cable_pulled(context, count):
    """The card has so many frames that it has not sent when the cable is pulled."""
    context.callback(device_faults.stick_tx_rings, 0)
    context.callback(monitor.set_link, True)
    before = nic.statistics()
    device_faults.stick_tx_rings()
    datagrams(count)
    monitor.set_link(False)
    wait.until(lambda: not nic.carrier(), "no carrier without a cable")
    device_faults.stick_tx_rings(0)
    wait.until(lambda: nic.change(before, nic.statistics())["hw_tx_no_carrier"] >= count,
               f"the card has discarded {count} frames")


@registry.case("link-loss-and-return")
def link_loss(context):
    """The cable is pulled and plugged in: the driver sees both, frames that the card
    has are discarded and counted, and a connection goes on with what it was given
    meanwhile."""
    nic.only_on_ktlsnic()
    nic.without_byte_limits(context)
    near, far = tcp.connect(4)
    context.enter_context(tcp.closing(near, far))
    reader = tcp.Reader(far)
    content = tcp.data("cable", 3 * PIECE)
    with in_ns(REMOTE_NS):
        listener = context.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    listener.bind((REMOTE[4], PORT))
    for turn in range(3):
        cable_pulled(context, 40)
        check("Link detected: no" in run("ethtool", NETIF), "ethtool: link detected")
        near.sendall(content[PIECE * turn:][:PIECE])
        monitor.set_link(True)
        wait.until(nic.carrier, "carrier with the cable back")
        wait.until(lambda turn=turn: reader.count >= PIECE * (turn + 1),
                   "what was written without a cable arrives", seconds=tcp.SECONDS)
        equal(tcp.queued(listener), 0, "bytes of datagrams that were discarded")
    near.close()
    check(reader.finish() == content, "the content differs")
    works()


@registry.case("unbind-bind", seconds=120)
def unbind(_context):
    device = system.pci_device().name
    driver = f"/sys/bus/pci/drivers/{system.driver()}"
    for _ in range(3):
        write(f"{driver}/unbind", device)
        check(not exists(), "the port outlived its driver")
        write(f"{driver}/bind", device)
        wait.until(exists, "the port is back")
    works()


@registry.case("unbind-under-traffic")
def unbind_traffic(_context):
    """Senders are in the middle of it; the connection may break, nothing else."""
    device = system.pci_device().name
    driver = f"/sys/bus/pci/drivers/{system.driver()}"
    near, far = tcp.connect(4)
    stop = threading.Event()

    def flood():
        near.settimeout(0.2)
        while not stop.is_set():
            try:
                near.send(b"x" * 65536)
            except OSError:
                pass
    with tcp.closing(near, far):
        tcp.Reader(far, keep=False)
        thread = threading.Thread(target=flood)
        thread.start()
        write(f"{driver}/unbind", device)
        write(f"{driver}/bind", device)
        stop.set()
        thread.join(20)
    wait.until(exists, "the port is back")
    works()


@registry.case("function-level-reset")
def reset(_context):
    """A reset through sysfs. A port that is up comes back by itself, one that is down
    stays down; a stuck ring, which only a reset helps, shows that there was one."""
    nic.only_on_ktlsnic()
    device = system.pci_device()
    equal((device / "reset_method").read_text().split()[:1], ["flr"], "first way to reset")
    write(device / "reset_method", "flr")
    for up in (True, False, True):
        ip("link", "set", NETIF, "up" if up else "down")
        if up:
            nic.up_again()
        device_faults.stick_tx_rings()
        write(device / "reset", "1")
        equal(device_faults.stuck_tx_rings(), 0, "TX rings that are stuck after the reset")
        if up:
            wait.until(nic.reachable, "the far port answers after the reset")
        check(nic.carrier() == up, f"carrier {not up} after the reset of a port that is "
              f"{'up' if up else 'down'}")
    works()


@registry.case("module-unload-load", seconds=120)
def modules(_context):
    """The driver goes, with the far port as well, and comes back with all it needs."""
    name = system.driver()
    if name != "ktlsnic":
        skip(f"unloads ktlsnic; this port's driver is {name}")
    far = capture.mac_of(remote=True)
    for _ in range(2):
        run("rmmod", "ktlsnic")
        check(not exists(), "the port outlived its driver")
        nic.driver_is_back(far)
    works()
