# SPDX-License-Identifier: GPL-2.0-or-later
"""How a kernel's log looks when the kernel has found something wrong with itself. Used on
the console's log by the host, and on the log of each case in the guest."""

import re

SPLAT = re.compile(
    r"BUG: |WARNING: |Oops: |Call Trace:|Kernel panic|general protection fault|"
    r"[Uu]nable to handle|NETDEV WATCHDOG|unregister_netdevice: waiting|"
    r"INFO: (possible |rcu_|task .* blocked|suspicious |trying to register)|"
    r"blocked for more than|soft lockup|hard LOCKUP|"
    r"UBSAN: |KASAN: |KCSAN: |KMSAN: |KFENCE: |refcount_t: |ODEBUG: |ref_tracker: |"
    r"list_(add|del) corruption|inconsistent lock state|invalid wait context|"
    r"possible (circular|recursive) locking|suspicious RCU usage|"
    r"kmemleak: (?!Kernel memory leak detector initialized|Automatic memory scanning)|"
    r"DMA-API: (?!preallocated|debugging enabled)|"
    r"DMAR: (\[DMA|\[INTR|DRHD: handling fault)")

# A CPU does nothing any more; the kernel says so again and again.
STUCK = re.compile(r"rcu: INFO: rcu_\w+ (self-)?detected (expedited )?stall|soft lockup|hard LOCKUP")
