# SPDX-License-Identifier: GPL-2.0-or-later
"""Which cases may skip, and where: tests/skips.txt. A skip that is not on that list fails
the run, since a case that asks nothing looks just like one that found nothing.

An entry is a line of three columns, apart by two spaces or more:

    WHEN  CASE  REASON

WHEN: `always`, or conditions joined by commas, all of which must hold: `kernel<6.5`,
`kernel>=7.0` (the booted kernel's release), `tls=stock`, `backend=mailbox`,
`accelerator=tcg`, `debug`
(a kernel that checks itself), `iommu`, `not-root`.
CASE: SUITE/GROUP/NAME, with * as in a shell.
REASON: what the case says, with * as in a shell."""

import fnmatch
import os
import pathlib
import re
from dataclasses import dataclass, field

from vmlib import paths, ui

NAME = "tests/skips.txt"
LIST = paths.TOP / NAME
CONDITION = re.compile(r"(kernel)(<|>=)(\d+\.\d+)|(tls|backend|accelerator)=(\w+)|always|debug|iommu"
                       r"|not-root")


@dataclass(eq=False)
class Entry:
    place: str                  # FILE:LINE
    when: tuple
    case: str
    reason: str
    skipped: list = field(default_factory=list)
    ran: list = field(default_factory=list)


class Skips:
    """The lists, while a run uses them."""

    def __init__(self, *paths_of_lists):
        self.entries = [entry for path in paths_of_lists for entry in _read(pathlib.Path(path))]

    def judge(self, group, result):
        """A skip that is not expected is a failure. (What did not get so far as to skip
        says nothing about an entry.)"""
        if result.verdict == "failed":
            return
        case = f"{group.name}/{result.name}"
        for entry in self.entries:
            if not (_matches(entry.case, case) and _holds(entry.when, group)):
                continue
            if result.verdict == "passed":
                entry.ran.append(case)
            elif fnmatch.fnmatchcase(result.reason, entry.reason):
                entry.skipped.append(case)
                return
        if result.verdict == "skipped":
            result.verdict = "failed"
            result.reason = f"skipped, which {NAME} does not expect: {result.reason}"

    def obsolete(self):
        """A line for each entry whose cases all ran."""
        return [f"{entry.place}: {entry.case} does not skip any more"
                for entry in self.entries if entry.ran and not entry.skipped]


def _read(path):
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ui.Failure(f"{path}: {error.strerror}", status=2) from None
    return [_entry(f"{path.name}:{number}", line)
            for number, line in enumerate(text.splitlines(), 1)
            if line.strip() and not line.startswith("#")]


def _entry(place, line):
    columns = re.split(r" {2,}", line.strip(), maxsplit=2)
    if len(columns) != 3:
        raise ui.Failure(f"{place}: not WHEN, CASE and REASON", status=2)
    when = tuple(columns[0].split(","))
    for condition in when:
        if not CONDITION.fullmatch(condition):
            raise ui.Failure(f"{place}: no condition {condition}", status=2)
    return Entry(place, when, *columns[1:])


def _matches(pattern, case):
    """A job's name may have labels before the suite's: a kernel line, a variant."""
    return fnmatch.fnmatchcase(case, pattern) or fnmatch.fnmatchcase(case, f"*/{pattern}")


def _holds(when, group):
    return all(_condition_holds(condition, group.facts) for condition in when)


def _condition_holds(condition, facts):
    if condition == "always":
        return True
    if condition == "not-root":
        return os.geteuid() != 0
    if condition in ("debug", "iommu"):
        return bool(facts.get(condition))
    kernel, compare, version, name, value = CONDITION.fullmatch(condition).groups()
    if kernel:
        release = re.match(r"(\d+)\.(\d+)", facts.get("kernel", ""))
        if not release:
            return False
        older = tuple(map(int, release.groups())) < tuple(map(int, version.split(".")))
        return older == (compare == "<")
    return facts.get(name) == value
