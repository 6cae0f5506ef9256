# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver that is called late: the kernel looks at what was received and at what was sent
when a timer says so, and not when the port raises an interrupt."""

import contextlib
import pathlib

from .system import NETIF

MANY = 1000                     # polls that find nothing before interrupts count again


@contextlib.contextmanager
def late(seconds):
    """Within this block, from the first interrupt on, so much time is between two polls of a
    queue: what was sent stays in the ring, and mapped, until then."""
    port = pathlib.Path("/sys/class/net", NETIF)
    files = port / "napi_defer_hard_irqs", port / "gro_flush_timeout"
    for file, value in zip(files, (MANY, round(seconds * 1e9))):
        file.write_text(str(value))
    try:
        yield
    finally:
        for file in files:
            file.write_text("0")
