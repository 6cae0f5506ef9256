# SPDX-License-Identifier: GPL-2.0-or-later
"""The port comes and goes: down, reset, unbound, its driver unloaded."""

import threading

from lib import capture, monitor, nic, system, tcp, wait
from lib.cases import Registry, check, skip
from lib.system import NETIF, REMOTE, REMOTE_NS, give_to_remote, ip, run, write

registry = Registry()


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


@registry.case("far-end-down-and-up")
def far_end(context):
    """The far port stops and starts again; here frames pile up nowhere."""
    netif = system.remote_netif()
    address = REMOTE[6]

    def restore():
        ip("link", "set", netif, "up", ns=REMOTE_NS)
        ip("address", "replace", f"{address}/64", "dev", netif, "nodad", ns=REMOTE_NS)
        wait.until(nic.reachable, "the far port answers again")
    context.callback(restore)
    ip("link", "set", netif, "down", ns=REMOTE_NS)
    check(not system.succeeds("ping", "-c", "2", "-i", "0.2", "-W", "1", REMOTE[4]),
          "an answer from a port that is down")


@registry.case("link-loss-and-return")
def link_loss(context):
    """The cable is pulled and plugged in: the driver hears of both, what is sent
    meanwhile is discarded and counted, and a connection goes on afterwards."""
    near, far = tcp.connect(4)
    context.enter_context(tcp.closing(near, far))
    reader = tcp.Reader(far)
    content = tcp.data("cable", 300_000)
    near.sendall(content[:1000])
    for _ in range(3):
        context.callback(monitor.set_link, True)
        monitor.set_link(False)
        wait.until(lambda: not nic.carrier(), "no carrier without a cable")
        check("Link detected: no" in run("ethtool", NETIF), "ethtool: link detected")
        monitor.set_link(True)
        wait.until(nic.carrier, "carrier with the cable back")
    near.sendall(content[1000:])
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
    """A reset through sysfs with the port up: it comes back by itself or with up."""
    path = system.pci_device() / "reset"
    if not path.exists():
        skip("this device has no reset in sysfs")
    for _ in range(2):
        ip("link", "set", NETIF, "down")
        write(path, "1")
        nic.up_again()
    write(path, "1")
    ip("link", "set", NETIF, "down")
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
        run("modprobe", "ktlsnic")
        wait.until(exists, "the port is back")
        give_to_remote(far)
        nic.up_again()
    works()
