# SPDX-License-Identifier: GPL-2.0-or-later
"""The rate of the host's time stamp counter, which is the guest's under TCG."""

import pathlib
import subprocess

from . import compiled

SOURCE = pathlib.Path(__file__).with_name("tsc.c")


def khz():
    """The rate in kHz, measured now."""
    program = compiled.program("tsc", [SOURCE])
    return int(subprocess.run([program], stdout=subprocess.PIPE, check=True).stdout)
