# SPDX-License-Identifier: GPL-2.0-or-later
"""A card that completes what nobody gave it: its doorbells are rung and the driver
knows nothing of it. It is reset, once, and no interrupt is taken from it until then.

Everything is done twice: the second reset comes a second after the first, and for so
long the card must be left alone."""

import socket

from lib import kmsg, nic, regs, system, wait
from lib.cases import Registry, check, equal
from lib.system import REMOTE

registry = Registry()
INTERRUPTS = 100            # one or two are normal; a storm has thousands
DISCARD = 9


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
