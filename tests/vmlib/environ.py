# SPDX-License-Identifier: GPL-2.0-or-later
"""Environment variables that say how to test; they are passed on to guests."""

import os

SCALE = "KTLSNIC_TIME_SCALE"    # every limit of time is multiplied with it
ENDING = "KTLSNIC_ENDING"       # if set, each guest ends with the cases of lib/ending.py


def scaled(seconds):
    """A limit of time, for the kernel that is tested."""
    return round(seconds * float(os.environ.get(SCALE) or 1))


def for_guest():
    """The variables that a guest is to have as well."""
    return {name: os.environ[name] for name in (SCALE, ENDING) if os.environ.get(name)}
