# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's trace points: what the stack gives to the driver."""

import pathlib
import re

from .system import NETIF, run, write

TRACEFS = pathlib.Path("/sys/kernel/tracing")
EVENT = "events/net/net_dev_start_xmit"


def ready():
    """Trace points can be used. The names of tasks are not recorded: for them the kernel would
    rewrite its scheduler, while it runs, each time that an event is enabled or disabled. That
    takes long in a guest, and where QEMU emulates the CPUs one of them can keep executing what
    the other has replaced: the guest then dies of an int3 that nobody set."""
    if not (TRACEFS / "trace").exists():
        run("mount", "-t", "tracefs", "tracefs", TRACEFS)
    write(TRACEFS / "options/record-cmd", "0")


class Sent:
    """The length of each skb that goes to the local port between start and stop."""

    def __init__(self):
        self.lengths = []

    def start(self, *_):
        ready()
        write(TRACEFS / "buffer_size_kb", "8192")
        write(TRACEFS / "trace", "0")
        write(TRACEFS / EVENT / "filter", f'name == "{NETIF}"')
        write(TRACEFS / EVENT / "enable", "1")

    def stop(self, *_):
        write(TRACEFS / EVENT / "enable", "0")
        self.lengths = [int(length) for length in
                        re.findall(r"net_dev_start_xmit: .* len=(\d+) ",
                                   (TRACEFS / "trace").read_text(encoding="ascii"))]
