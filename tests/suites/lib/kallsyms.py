# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's functions and variables, and those of its modules."""

import bisect
import pathlib
import re

PATH = pathlib.Path("/proc/kallsyms")
FAR = 1 << 16               # bytes after a symbol that can still be its own


def symbols():
    """(address, kind, name, module or None) of all of them; kinds are those of nm."""
    for line in PATH.read_text(encoding="ascii").splitlines():
        address, kind, name, *owner = line.split()
        yield int(address, 16), kind, name, owner[0].strip("[]") if owner else None


def has(name):
    """Is there one of that name?"""
    return bool(re.search(rf" {re.escape(name)}[\t\n]", PATH.read_text(encoding="ascii")))


class Resolver:
    """What addresses in modules mean, kept for the time when they are unloaded."""

    def __init__(self, modules):
        self.table = sorted((address, name, f"[{module}]")
                            for address, _, name, module in symbols() if module in modules)

    def resolved(self, text):
        """The text with the names of bare addresses in it."""
        return re.sub(r"(?<=^ )( *)0x([0-9a-f]{16})$", self._name, text, flags=re.M)

    def _name(self, match):
        address = int(match[2], 16)
        place = bisect.bisect_right(self.table, (address, "\xff")) - 1
        if place < 0 or address - self.table[place][0] > FAR:
            return match[0]
        start, name, module = self.table[place]
        return f"{match[1]}{name}+{address - start:#x} {module}"
