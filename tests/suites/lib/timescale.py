# SPDX-License-Identifier: GPL-2.0-or-later
"""Timeouts and stream sizes, scaled for a slow kernel: `tests/check --debug` sets a factor."""

import os

FACTOR = float(os.environ.get("KTLSNIC_TIME_SCALE") or 1)


def scaled(seconds):
    """A limit of time as it is for this kernel."""
    return seconds * FACTOR


def shorter(size):
    """A long stream's size, so that it takes about as long on this kernel as on another.
    Streams suffer more than FACTOR, which limits with room to spare can do with: the soak
    was 12 times as slow at 4."""
    return size if FACTOR == 1 else round(size / (2 * FACTOR))
