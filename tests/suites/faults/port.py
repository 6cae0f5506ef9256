# SPDX-License-Identifier: GPL-2.0-or-later
"""The port is opened, changed and bound while allocations of its driver fail."""

import errno
import pathlib

from lib import alloc_failures, nic, system, tcp, wait
from lib.cases import Registry, at_least, check, equal
from lib.system import NETIF, ip, run, write

registry = Registry()
DRIVER = "ktlsnic"
WANTED = 60                 # failures that a case wants to see
ROUNDS = 120
# What the kernel says when it cannot note down whose a region of addresses is, has no memory
# for the interrupts' domain, or has none for a port's name (netdev_register_kobject() goes on
# without, and device_add() calls that invalid).
DISGUISED = (errno.EBUSY, errno.ENODEV, errno.EINVAL)
# unregister_irq_proc() expects the files of /proc/irq that there was no memory for.
IRQ_FILES = r"WARNING: CPU: \d+ PID: \d+ at fs/proc/generic\.c:\d+ remove_proc_entry"
REFUSED = ("Cannot allocate memory", "No buffer space", "Out of memory")


def attempt(*command):
    """A command that may be refused, but then for want of memory; whether it was done."""
    said = run(*command, check=False)
    check(not said.strip() or any(reason in said for reason in REFUSED),
          f"{' '.join(map(str, command))}: {said.strip()[-200:]}")
    return not said.strip()


def is_up():
    return "UP" in system.ip_json("link", "show", NETIF)[0]["flags"]


def untouched(changes):
    """The port is up, and its link has not changed since then."""
    check(is_up() and nic.carrier(), "the port is not up any more")
    equal(nic.carrier_changes(), changes, "changes of the carrier")


def works():
    nic.up_again()
    for upward in (True, False):
        tcp.transfer(tcp.data("after", 300_000), upward=upward, clean=False)


def again_and_again(context, step, percent, restore=lambda: None):
    """Call step(round) until enough has failed; then the port works as ever."""
    done = rounds = 0
    try:
        with alloc_failures.below(DRIVER, percent) as failures:
            while rounds < ROUNDS and failures() < WANTED:
                rounds += 1
                done += bool(step(rounds))
            count = failures()
    finally:
        restore()
    context.note(f"{count} allocations failed in {rounds} rounds: {done} done, "
                 f"{rounds - done} refused")
    at_least(count, WANTED, "failed allocations")
    works()


@registry.case("open-and-close", seconds=200, splats=alloc_failures.SPLATS)
def open_close(context):
    def step(_round):
        ip("link", "set", NETIF, "down")
        return attempt("ip", "link", "set", NETIF, "up")
    again_and_again(context, step, 3)


@registry.case("open-without-buffers", seconds=200, splats=alloc_failures.SPLATS)
def no_buffers(context):
    """The port opens while no page can be had for frames to come. No interrupt tells
    when that is over: each queue must find out by itself."""
    for _ in range(4):
        ip("link", "set", NETIF, "down")
        with alloc_failures.below(DRIVER, 100, ("fail_page_alloc",), "ktlsnic_rx_fill") as failures:
            ip("link", "set", NETIF, "up")
            count = failures()
        at_least(count, 2, "failed allocations")
        nic.up_again()
        for number in range(6):
            tcp.transfer(tcp.data(f"queue {number}", 50_000), upward=False, clean=False)
    context.note(f"{count} allocations failed at the last time")


@registry.case("ring-sizes", seconds=200, splats=alloc_failures.SPLATS)
def rings(context):
    """A change that is refused leaves the rings, and the port, as they were: nothing is
    given up before all that takes its place is there."""
    changes = nic.carrier_changes()
    before = {name: nic.ring_size(name) for name in ("TX", "RX")}
    context.callback(run, "ethtool", "-G", NETIF, "tx", before["TX"], "rx", before["RX"],
                     check=False)

    def step(number):
        was = nic.ring_size("TX"), nic.ring_size("RX")
        size = (128, 256, 512, 1024)[number % 4]
        done = attempt("ethtool", "-G", NETIF, "tx", size, "rx", size)
        now = nic.ring_size("TX"), nic.ring_size("RX")
        check(now == ((size, size) if done else was), f"rings {was} -> {now}, done {done}")
        untouched(changes)
        return done
    again_and_again(context, step, 2)


@registry.case("channels", seconds=200, splats=alloc_failures.SPLATS)
def channels(context):
    most, changes = nic.channels().now, nic.carrier_changes()
    context.callback(run, "ethtool", "-L", NETIF, "combined", most, check=False)

    def step(_round):
        was = nic.channels().now
        wanted = 1 if was > 1 else 2
        done = attempt("ethtool", "-L", NETIF, "combined", wanted)
        check(nic.channels().now == (wanted if done else was), "the number of channels")
        untouched(changes)
        return done
    again_and_again(context, step, 2)


@registry.case("unbind-and-bind", seconds=300, splats=(*alloc_failures.SPLATS, IRQ_FILES))
def bind(context):
    """Probing fails or not; what it had got so far is given back."""
    device = system.pci_device().name
    driver = pathlib.Path("/sys/bus/pci/drivers", DRIVER)

    def bound():
        return (driver / device).exists()

    def step(_round):
        if bound():
            write(driver / "unbind", device)
        try:
            write(driver / "bind", device)
        except OSError as error:
            check(error.errno in (errno.ENOMEM, errno.ENOSPC, *DISGUISED), f"bind: {error}")
        return bound()

    def restore():
        if not bound():
            write(driver / "bind", device)
        wait.until(lambda: system.succeeds("ip", "link", "show", NETIF), "the port is back")
    again_and_again(context, step, 2, restore)
