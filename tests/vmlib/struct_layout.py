# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the members of a C structure are, as pahole tells of debugging information or BTF."""

import re
import subprocess

MEMBER = re.compile(r"\b(\w+)(?::\d+)?(?:\[\d*\])*(?: __attribute__.*)?;"
                    r"\s+/\*\s*(\d+)(?::\s*(\d+))?")


def places(text):
    """Name -> (offset, bit) of the members in pahole's description of a structure."""
    return {name: (int(offset), int(bit or 0)) for name, offset, bit in MEMBER.findall(text)}


def of(struct, file, *options):
    """The same of a structure that a file tells of; nothing if it does not."""
    done = subprocess.run(["pahole", *map(str, options), "-C", struct, file],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=False)
    return places(done.stdout)


def difference(stock, ours, members):
    """The first of these members that is not at the same place, in words; or nothing."""
    for member in members:
        for whose, found in (("the kernel's own", stock), ("ours", ours)):
            if member not in found:
                return f"{whose} has no {member}"
        if stock[member] != ours[member]:
            return f"{member} is at {stock[member]} in the kernel's own, at {ours[member]} in ours"
    return ""
