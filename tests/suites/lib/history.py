# SPDX-License-Identifier: GPL-2.0-or-later
"""Which case ran when, for what is only found out at the end of the guest."""

import time

_begun = []                 # (CLOCK_MONOTONIC, name): seconds since the guest's boot


def begin(name):
    _begun.append((time.monotonic(), name))


def case_at(seconds):
    """The case that ran so long after boot."""
    found = "before the first case"
    for begun, name in _begun:
        if begun > seconds:
            break
        found = name
    return found
