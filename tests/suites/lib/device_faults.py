# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands of the card that fail or take long, and TX rings that are stuck, because a case
wants it: the properties fault-* and command-latency of the QEMU device, set through the
monitor."""

import contextlib

from . import monitor

TX_ADD, TX_DEL, TX_RESYNC, RX_ADD, RX_DEL, RX_RESYNC, RX_QUERY = range(1, 8)  # ktlsnic_cmd_op
OK, BAD_PARAM = 0, 2                        # enum ktlsnic_cmd_status
HANG = 0xffff                               # never answered, until the card is reset
FOR_EVER = 0xffffffff
ALL_RINGS = 0xffffffff
PATH = "/machine/peripheral/nic0"
LATENCY = "command-latency"


def _set(name, value):
    monitor.command("qom-set", path=PATH, property=name, value=value)


def left():
    """How many commands are still to fail."""
    return monitor.command("qom-get", path=PATH, property="fault-count")


def stop():
    _set("fault-count", 0)


@contextlib.contextmanager
def command(number, status=BAD_PARAM, count=1):
    """In this block the next count commands of that number fail with that status. With OK
    they are said to be done, and are not."""
    _set("fault-command", number)
    _set("fault-status", status)
    _set("fault-count", count)
    try:
        yield
    finally:
        stop()


@contextlib.contextmanager
def command_latency(microseconds):
    """In this block the card takes so long to do a command; several are under way at a time.
    Those that are when the block ends still take it."""
    before = monitor.command("qom-get", path=PATH, property=LATENCY)
    _set(LATENCY, microseconds)
    try:
        yield
    finally:
        _set(LATENCY, before)


def stick_tx_rings(rings=ALL_RINGS):
    """From now on these TX rings, a bit each, and no others take no frames; a reset of the
    card ends it."""
    _set("fault-tx-stuck", rings)


def stuck_tx_rings():
    return monitor.command("qom-get", path=PATH, property="fault-tx-stuck")
