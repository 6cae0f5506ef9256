# SPDX-License-Identifier: GPL-2.0-or-later
"""Counting the guest's instructions between two marks that COMMAND sets.

QEMU's plugin (tests/count/plugin.c) counts by address, vm-mark in the guest sets the
marks and sends the addresses of the symbols; here the one is told in words of the other.
"""

import bisect
import collections
import json
import re
import subprocess

from . import compiled, machine, paths, ui

SOURCES = paths.TOP / "tests/count"
MARK = "vm-mark"            # the program in the guest
# Time goes by instructions, 1 ns each; what the guest takes for random is the same each time.
# Without sleep=off, with which a guest that waits for its disk is at its next timeout at once.
REPEATABLE = ("-icount", "shift=0", "-seed", "1")
PORT = len(machine.PORTS) + 1
COUNTS = "counts"           # written by the plugin, in the directory of the run
SYMBOLS = "symbols"         # written by vm-mark
# A line of kallsyms that is about code, and not about data or an absolute value.
CODE = re.compile(r"^([0-9a-f]+) [tTwW] (\S+)(?:\s+\[(.+)\])?$", re.MULTILINE)
CLASSES = ("kernel", "tls", "driver", "modules", "user")
USER = 0                    # the plugin's address for all of user space


def guest_files():
    """What a guest is to have besides."""
    program = compiled.program(MARK, [SOURCES / "vm-mark.c", SOURCES / "mark.h"])
    return {MARK: program.read_bytes()}


def arguments(qemu, directory):
    """QEMU's: the plugin, a port for the symbols, and what makes a run repeatable."""
    glib = subprocess.run(["pkg-config", "--cflags", "glib-2.0"], stdout=subprocess.PIPE,
                          text=True, check=True).stdout.split()
    include = qemu.source / "include/qemu"
    plugin = compiled.library("count", [SOURCES / "plugin.c", SOURCES / "mark.h"],
                              "-Wno-unused-parameter", f"-I{include}", *glib)
    return [*REPEATABLE,
            "-plugin", f"file={machine.escaped(plugin)},"
                       f"out={machine.escaped(directory / COUNTS)}",
            *machine.file_port(PORT, SYMBOLS, directory / SYMBOLS)]


def write(directory, target, driver, symbols):
    """Write the counts of a run, by symbol too if wanted, to a file as JSON."""
    counts = directory / COUNTS
    if not counts.exists():
        raise ui.Failure(f"--count-instructions: COMMAND has not set two marks with "
                         f"\"{MARK} begin\" and \"{MARK} end\"")
    result = summary(counts.read_text(), (directory / SYMBOLS).read_text(), driver, symbols)
    with open(target, "w", encoding="utf-8") as handle:
        json.dump(result, handle, indent=2)
        handle.write("\n")


def summary(counts, kallsyms, driver, symbols):
    """The counts of each class; each symbol's below its class if wanted, most first."""
    intervals, *lines = counts.splitlines()
    resolve = _resolver(kallsyms, driver)
    found = {name: collections.Counter() for name in CLASSES}
    for line in lines:
        address, count = line.split()
        where, symbol = resolve(int(address, 16))
        found[where][symbol] += int(count)
    sums = {name: sum(counter.values()) for name, counter in found.items()}
    result = {"intervals": int(intervals.split()[1]),
              "instructions": {"total": sum(sums.values()), **sums}}
    if symbols:
        result["symbols"] = {name: dict(found[name].most_common())
                             for name in CLASSES if name != "user"}
    return result


def _resolver(kallsyms, driver):
    """A function: address -> class and symbol; a module's symbol is followed by its name."""
    table = sorted({int(address, 16): (name, module)
                    for address, name, module in CODE.findall(kallsyms)}.items())
    addresses = [address for address, _ in table]

    def resolve(address):
        place = bisect.bisect_right(addresses, address) - 1
        if address == USER:
            return "user", ""
        name, module = table[place][1] if place >= 0 else ("(unknown)", "")
        if module in ("tls", driver):
            return ("tls" if module == "tls" else "driver"), name
        return ("modules", f"{name} [{module}]") if module else ("kernel", name)
    return resolve
