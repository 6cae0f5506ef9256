# SPDX-License-Identifier: GPL-2.0-or-later
"""Waiting for a condition, never for a time."""

import time

from . import timescale
from .cases import Failed

POLL = 0.01


def until(condition, what, seconds=15):
    """Poll until condition() is true and return what it returned. What is waited for is a
    text, or a function that gives one when it did not happen."""
    seconds = timescale.scaled(seconds)
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            what = what() if callable(what) else what
            raise Failed(f"after {seconds:g} s still not: {what}")
        time.sleep(POLL)


def unchanged(read, what, seconds=0.3, limit=15):
    """Wait until read() has returned the same for a while, and return that."""
    limit = timescale.scaled(limit)
    deadline = time.monotonic() + limit
    value, since = read(), time.monotonic()
    while time.monotonic() - since < seconds:
        if time.monotonic() > deadline:
            raise Failed(f"after {limit:g} s still changing: {what}")
        time.sleep(POLL)
        now = read()
        if now != value:
            value, since = now, time.monotonic()
    return value
