# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's leak detector: memory that nothing points to any more."""

import gzip
import os
import pathlib
import re
import time

from . import history

CONTROL = pathlib.Path("/sys/kernel/debug/kmemleak")
CONFIG = pathlib.Path("/proc/config.gz")
AGE_SECONDS = 5             # MSECS_MIN_AGE: what is younger is not reported


def exists():
    """Whether the kernel has it, and it has not given up."""
    return CONTROL.exists() and os.access(CONTROL, os.R_OK)


def leaks():
    """Reports of what is leaked, one text each; empty if there are none. The first scan
    takes the checksums that the second compares; what the second reports might have been
    pointed to from a register, so that a third one decides."""
    began = time.monotonic()
    _scan()
    # the detector's own rule, nothing to poll for
    time.sleep(max(0, began + AGE_SECONDS + 1 - time.monotonic()))
    _scan()
    if not _reports():
        return []
    _scan()
    return _reports()


def _scan():
    CONTROL.write_text("scan", encoding="ascii")


def _reports():
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
