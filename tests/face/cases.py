# SPDX-License-Identifier: GPL-2.0-or-later
"""What the cases of the QEMU face have in common."""

import subprocess

from qtest import Port, Qemu


class Cases(list):
    """Those of one file, in order: functions that are given a Machine."""

    def add(self, function):
        self.append(function)
        return function


def name_of(case):
    return case.__name__.replace("_", "-")


def equal(found, wanted, what):
    assert found == wanted, f"{what}: {found!r} instead of {wanted!r}"


class Machine:
    """QEMU and its port; arguments are added to the device's properties."""

    def __init__(self, program, firmware):
        self.program, self.firmware = program, firmware

    def start(self, incoming=None, properties="", other=()):
        *before, device = Port.ARGUMENTS
        return Qemu(self.program, self.firmware, (*before, device + properties, *other),
                    incoming)

    def refused(self, properties):
        """Return what QEMU says about properties, which must be one line."""
        *before, device = Port.ARGUMENTS
        done = subprocess.run(
            [self.program, "-L", self.firmware, "-M", "q35", "-display", "none", "-vga",
             "none", "-nodefaults", "-S", *before, f"{device},{properties}"],
            capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 1, f"{properties}: status {done.returncode}"
        said = done.stderr.strip().splitlines()
        equal(len(said), 1, f"{properties}: lines of {said}")
        return said[0]

    def help(self):
        done = subprocess.run([self.program, "-device", "ktlsnic,help"], capture_output=True,
                              text=True, timeout=20, check=True)
        return done.stdout
