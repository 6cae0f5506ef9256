# SPDX-License-Identifier: GPL-2.0-or-later
"""A card that completes what nobody gave it: its doorbells are rung and the driver
knows nothing of it. It is reset, once, and no interrupt is taken from it until then.

Everything is done twice: the second reset comes a second after the first, and for so
long the card must be left alone."""

import contextlib
import os
import socket

from lib import kmsg, nic, regs, system, wait
from lib.cases import Registry, check, equal
from lib.system import REMOTE

registry = Registry()
INTERRUPTS = 100            # one or two are normal; a storm has thousands
DISCARD = 9
PCI_COMMAND = 4             # offset in configuration space, a byte
PCI_COMMAND_MEMORY = 2
SAID = "impossible command completion"


def interrupts():
    """How many the port has had, on all its vectors and all CPUs."""
    ours = {path.name for path in (system.pci_device() / "msi_irqs").iterdir()}
    with open("/proc/interrupts", encoding="ascii") as file:
        cpus = len(file.readline().split())
        lines = [line.split() for line in file]
    return sum(sum(map(int, line[1:cpus + 1])) for line in lines if line[0].rstrip(":") in ours)


def one_more(context, doorbell, complaint):
    """The card is given an entry that the driver did not write."""
    registers = regs.Registers()
    resets, count = nic.statistics()["resets"], interrupts()
    log = kmsg.Log()
    registers.write(doorbell, (registers.read(doorbell) + 1) % (1 << 32))
    wait.until(lambda: nic.statistics()["resets"] > resets, f"a reset after \"{complaint}\"")
    taken = interrupts() - count
    wait.until(nic.reachable, "the far port answers after the reset")
    context.note(f"{taken} interrupts until the reset")
    lines = log.new_lines()
    equal(sum(complaint in line for line in lines), 1, f"times that it said \"{complaint}\"")
    equal(nic.statistics()["resets"] - resets, 1, "resets")
    check(taken < INTERRUPTS, f"{taken} interrupts until the reset")


@registry.case("completion-of-no-command")
def command(context):
    nic.only_on_ktlsnic()
    for _ in range(2):
        one_more(context, regs.COMMANDS, "impossible command completion")


@registry.case("completion-of-no-frame")
def frame(context):
    """The entry is a frame from one round ago, which is sent again."""
    nic.only_on_ktlsnic()
    registers = regs.Registers()
    size = nic.ring_size("TX")
    for _ in range(2):
        before = registers.read(regs.SENT)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            while registers.read(regs.SENT) - before <= size:
                sock.sendto(b"a frame", (REMOTE[4], DISCARD))
        one_more(context, regs.SENT, "impossible TX completion")


@contextlib.contextmanager
def off_the_bus(device):
    """The card answers no access to its registers: all reads give ones."""
    config = os.open(device / "config", os.O_RDWR)
    before = os.pread(config, 1, PCI_COMMAND)[0]
    os.pwrite(config, bytes([before & ~PCI_COMMAND_MEMORY]), PCI_COMMAND)
    try:
        yield
    finally:
        now = os.pread(config, 1, PCI_COMMAND)[0]
        os.pwrite(config, bytes([now | PCI_COMMAND_MEMORY]), PCI_COMMAND)
        os.close(config)


class Said:
    """What the kernel has said so far."""

    def __init__(self):
        self.log = kmsg.Log()
        self.lines = []

    def times(self, text):
        self.lines += self.log.new_lines()
        return sum(text in line for line in self.lines)


def reset_twice(said):
    """The second reset is to come a second after the first; returns before it."""
    registers = regs.Registers()
    for number in (1, 2):
        resets = nic.statistics()["resets"]
        registers.write(regs.COMMANDS, (registers.read(regs.COMMANDS) + 1) % (1 << 32))
        wait.until(lambda: said.times(SAID) == number, f"the card is found out, time {number}")
        if number == 1:
            wait.until(lambda: nic.statistics()["resets"] > resets, "the first reset")
            wait.until(nic.reachable, "the far port answers after the first reset")


def recovers(context, said):
    """The card is there again, and a later recovery succeeds: the second reset that does."""
    wait.until(nic.reachable, "the far port answers after a later recovery", seconds=20)
    context.note(f"recoveries that failed: {said.times('recovery failed')}")
    equal(said.times("device was reset"), 2, "times that the device was reset")


@registry.case("recovery-is-tried-again")
def tried_again(context):
    """The card is not there when the driver resets it, and comes back later."""
    nic.only_on_ktlsnic()
    said = Said()
    reset_twice(said)
    with off_the_bus(system.pci_device()):
        wait.until(lambda: said.times("recovery failed"), "recovery has failed")
    recovers(context, said)


@registry.case("reset-that-is-lost")
def lost(context):
    """The card is not there when it is told to reset itself, and comes back at once: ready,
    and with its old rings. It is not taken for one that was reset."""
    nic.only_on_ktlsnic()
    said = Said()
    reset_twice(said)
    with off_the_bus(system.pci_device()):
        wait.until(lambda: said.times("does not answer") or said.times("reset does not end"),
                   "a reset fails")
    recovers(context, said)


@registry.case("recovery-is-given-up", seconds=150, every=True)
def given_up(context):
    """The card stays away: the interface goes down, so that everybody knows. Brought up
    when the card is there again, it works."""
    nic.only_on_ktlsnic()
    said = Said()
    reset_twice(said)
    with off_the_bus(system.pci_device()):
        wait.until(lambda: said.times("giving up"), "recovery is given up", seconds=100)
        wait.until(lambda: "UP" not in system.ip_json("link", "show", system.NETIF)[0]["flags"],
                   "the interface is down")
    equal(said.times("recovery failed"), 5, "recoveries that failed")
    context.note("brought up again")
    nic.up_again()
