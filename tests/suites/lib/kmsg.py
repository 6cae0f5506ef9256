# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's log: what a case made it say, and which of it is a splat."""

import errno
import os
import re

from vmlib.splats import SPLAT

from .cases import equal
from .system import NETIF

# What Linux 6.1 says of a port that has come up, up to a second after that.
LINK = f"IPv6: ADDRCONF(NETDEV_CHANGE): {NETIF}: link becomes ready"

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

    def is_silent(self):
        """A connection that is not offloaded is no event for the log."""
        equal([line for line in self.new_lines() if ("tls" in line or NETIF in line)
               and not line.startswith(LINK)], [],
              "lines about TLS and the port in the kernel's log")


def splats(lines, expected=()):
    """Those of the lines that no healthy kernel writes."""
    return [line for line in lines if SPLAT.search(line)
            and not any(re.search(pattern, line) for pattern in expected)]
