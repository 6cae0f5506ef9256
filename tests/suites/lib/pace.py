# SPDX-License-Identifier: GPL-2.0-or-later
"""Limits of time on a kernel that may be slow: `tests/check --debug` gives a factor."""

import os

from .cases import skip

FACTOR = float(os.environ.get("KTLSNIC_TIME_SCALE") or 1)


def scaled(seconds):
    """A limit of time as it is for this kernel."""
    return seconds * FACTOR


def shorter(size, least=0):
    """A long stream's size, so that it takes about as long on this kernel as on another:
    limits have room to spare, what they limit is slower than their factor says."""
    return size if FACTOR == 1 else max(round(size / FACTOR / 2), least)


def speeds_count():
    """For cases that compare times: what a kernel full of checks takes is not what
    they ask about."""
    if FACTOR != 1:
        skip(f"compares times, and this kernel is slow (limits are {FACTOR:g} times as long)")
