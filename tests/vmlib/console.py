# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guest's kernel said on its console."""

import re

SPLAT = re.compile(
    r"WARNING: |BUG: |Oops: |Call Trace:|Kernel panic|general protection fault|"
    r"INFO: (possible |rcu_|task .* blocked|suspicious |trying to register)|"
    r"UBSAN: |KASAN: |KCSAN: |DMA-API: (?!preallocated|debugging enabled)|NETDEV WATCHDOG|refcount_t: |"
    r"inconsistent lock state|invalid wait context|ODEBUG: |ref_tracker: |"
    r"DMAR: (\[DMA|\[INTR|DRHD: handling fault)|"
    r"suspicious RCU usage|kmemleak: \d+ new|soft lockup|hard LOCKUP|list_(add|del) corruption")
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


def tail(log):
    return "\n".join("    " + line for line in lines(log)[-TAIL:])
