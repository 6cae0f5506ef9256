# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's leak detector: memory that nothing points to any more."""

import bisect
import gzip
import os
import pathlib
import re
import time

from . import history

CONTROL = pathlib.Path("/sys/kernel/debug/kmemleak")
CONFIG = pathlib.Path("/proc/config.gz")
SYMBOLS = pathlib.Path("/proc/kallsyms")
AGE_SECONDS = 5             # MSECS_MIN_AGE: what is younger is not reported
SCANS = 3                   # the first only sees checksums that the second compares


def exists():
    """Whether the kernel has it, and it has not given up."""
    return CONTROL.exists() and os.access(CONTROL, os.R_OK)


def leaks():
    """Reports of what is leaked, one text each; empty if there are none."""
    for number in range(SCANS):
        if number:
            time.sleep(AGE_SECONDS + 1)     # the detector's own rule, nothing to poll for
        CONTROL.write_text("scan", encoding="ascii")
    text = CONTROL.read_text(encoding="ascii", errors="replace")
    return re.findall(r"^unreferenced object .*(?:\n .*)*", text, re.M)


def born(report, symbols=None):
    """The report with the case in which the memory was allocated."""
    jiffies = int(re.search(r"jiffies (\d+)", report)[1])
    seconds = _uptime(jiffies, _hz())
    text = f"allocated {seconds:.1f} s after boot: {history.case_at(seconds)}\n{report}"
    return symbols.resolved(text) if symbols else text


def _hz():
    """Ticks in a second, as the kernel was configured."""
    with gzip.open(CONFIG, "rt") as file:
        return int(re.search(r"^CONFIG_HZ=(\d+)$", file.read(), re.M)[1])


def _uptime(jiffies, hz):
    """Jiffies begin five minutes before they overflow 32 bits."""
    return (jiffies - (1 << 32)) / hz + 300


class Symbols:
    """What addresses in modules mean, kept for the time when they are unloaded."""

    def __init__(self, modules):
        self.table = []
        for line in SYMBOLS.read_text(encoding="ascii").splitlines():
            address, _, name, *module = line.split()
            if module and module[0].strip("[]") in modules:
                self.table.append((int(address, 16), name, module[0]))
        self.table.sort()

    def resolved(self, text):
        """The text with the names of bare addresses in it."""
        return re.sub(r"(?<=^ )( *)0x([0-9a-f]{16})$", self._name, text, flags=re.M)

    def _name(self, match):
        address = int(match[2], 16)
        place = bisect.bisect_right(self.table, (address, "\xff")) - 1
        if place < 0 or address - self.table[place][0] > 1 << 16:
            return match[0]
        start, name, module = self.table[place]
        return f"{match[1]}{name}+{address - start:#x} {module}"
