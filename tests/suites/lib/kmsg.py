# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's log: what a case made it say, and which of it is a splat."""

import errno
import os
import re

SPLAT = re.compile(
    r"BUG:|WARNING:|Oops|general protection|Call Trace|kernel panic|"
    r"unable to handle|UBSAN:|KASAN:|KMSAN:|KFENCE:|kmemleak:|DMA-API|refcount_t:|"
    r"rcu:.*(stall|detected)|blocked for more than|soft lockup|"
    r"NETDEV WATCHDOG|unregister_netdevice: waiting|list_(add|del) corruption|"
    r"possible (circular|recursive) locking|suspicious RCU|sleeping function|"
    r"inconsistent lock state|invalid wait context|ODEBUG:|ref_tracker:|"
    r"DMAR: (\[DMA|\[INTR|DRHD: handling fault)",
    re.IGNORECASE)


class Log:
    """Follows /dev/kmsg from the moment it is made."""

    def __init__(self):
        self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.fd, 0, os.SEEK_END)

    def new_lines(self):
        lines = []
        while True:
            try:
                record = os.read(self.fd, 8192)
            except BlockingIOError:
                return lines
            except OSError as error:
                if error.errno == errno.EPIPE:      # older lines were overwritten
                    lines.append("BUG: the kernel's log overflowed during the case")
                    continue
                raise
            head, _, text = record.decode(errors="replace").partition(";")
            if head:
                lines.append(text.splitlines()[0] if text else "")


def splats(lines, expected=()):
    """Those of the lines that no healthy kernel writes."""
    return [line for line in lines if SPLAT.search(line)
            and not any(re.search(pattern, line) for pattern in expected)]
