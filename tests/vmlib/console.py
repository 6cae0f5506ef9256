# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guest's kernel said on its console."""

from .splats import SPLAT, STUCK

AROUND = 40                 # lines shown of a splat
TAIL = 15


def lines(log):
    try:
        return log.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []


def splat(log):
    """The first splat with what follows it, or nothing."""
    found = lines(log)
    for number, line in enumerate(found):
        if SPLAT.search(line):
            return "\n".join(found[number:number + AROUND])
    return ""


def stuck(log):
    """Has the kernel said twice that a CPU hangs? Once it can be the host's."""
    return sum(bool(STUCK.search(line)) for line in lines(log)) > 1


def tail(log):
    return "\n".join("    " + line for line in lines(log)[-TAIL:])
