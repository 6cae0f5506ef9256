# SPDX-License-Identifier: GPL-2.0-or-later
"""The suites: what each runs, and which names there will be later."""

import os
import pathlib
import sys
from dataclasses import dataclass

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
TESTS = TOP / "tests"
GUEST_TESTS = "/mnt/tests"              # where a guest sees the directory tests/
SPARE_SECONDS = 60                      # a guest's boot, beyond what its cases may take

sys.path.insert(0, str(TESTS / "suites"))
import plan                                                     # noqa: E402

LATER = ("lifecycle", "net-tls", "apps", "upstream", "traffic", "hostile")
NAMES = ("unit", *plan.SUITES)


@dataclass(frozen=True)
class Job:
    """One program whose output is KTAP."""
    name: str
    command: tuple
    seconds: int
    expected: tuple = ()                # names of its cases, if they are known beforehand


def _unit():
    return [Job("unit/tools", ("/usr/bin/python3", str(TESTS / "checklib/selftest.py")), 60),
            Job("unit/model", ("make", "--no-print-directory", "-s", "-C", str(TESTS / "unit"),
                         "check"), 900)]


def _face():
    """The QEMU side of the card, without a guest."""
    return Job("nic/face", ("/usr/bin/python3", str(TESTS / "face/run")), 300)


def _guest(suite, group, vm_options):
    own = (option.replace("{run}", str(os.getpid())) for option in group.vm)
    command = (str(TESTS / "vm"), *vm_options, *own,
               "--share", f"{TESTS}:{GUEST_TESTS}", "--timeout", str(group.seconds), "--",
               "/usr/bin/python3", "-B", f"{GUEST_TESTS}/suites/run.py", suite, group.name)
    return Job(f"{suite}/{group.name}", command, group.seconds + SPARE_SECONDS,
               tuple(case.name for case in group.cases()))


def jobs(names, vm_options=()):
    found = []
    for name in names:
        if name == "unit":
            found += _unit()
            continue
        if name == "nic":
            found.append(_face())
        found += [_guest(name, group, vm_options) for group in plan.SUITES[name]]
    return found


def complaint(names):
    """One line about the first name that cannot be run, or None."""
    for name in names:
        if name in LATER:
            return (f"suite {name} comes with a later version; there are now: "
                    f"{' '.join(NAMES)}")
        if name not in NAMES:
            return f"no suite {name}; there are: {' '.join(NAMES)}"
    return None
