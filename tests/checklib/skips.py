# SPDX-License-Identifier: GPL-2.0-or-later
"""Which cases may skip, and where: tests/skips.txt. A skip that is not on that list fails
the run, since a case that asks nothing looks just like one that found nothing.

An entry is a line of three columns, apart by two spaces or more:

    WHEN  CASE  REASON

WHEN: `always`, or conditions joined by commas, all of which must hold: `kernel<6.5`,
`kernel>=7.0` (the booted kernel's release), `tls=stock`, `accelerator=tcg`, `debug`
(a kernel that checks itself), `iommu`, `not-root`.
CASE: SUITE/GROUP/NAME, with * as in a shell.
REASON: what the case says, with * as in a shell."""

import fnmatch
import os
import re
from dataclasses import dataclass, field

from vmlib import paths, ui

LIST = paths.TOP / "tests/skips.txt"
CONDITION = re.compile(r"(kernel)(<|>=)(\d+\.\d+)|(tls|accelerator)=(\w+)|always|debug|iommu"
                       r"|not-root")


@dataclass(eq=False)
class Entry:
    number: int                 # its line
    when: tuple
    case: str
    reason: str
    skipped: list = field(default_factory=list)
    ran: list = field(default_factory=list)


class Skips:
    """The list, while a run uses it. flags: those of `debug` and `iommu` that hold by job."""

    def __init__(self, text=None):
        text = LIST.read_text(encoding="utf-8") if text is None else text
        self.entries = [_entry(number, line) for number, line in enumerate(text.splitlines(), 1)
                        if line.strip() and not line.startswith("#")]

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
            result.reason = f"skipped, which tests/skips.txt does not expect: {result.reason}"

    def obsolete(self):
        """A line for each entry whose cases all ran."""
        return [f"tests/skips.txt:{entry.number}: {entry.case} does not skip any more"
                for entry in self.entries if entry.ran and not entry.skipped]


def _entry(number, line):
    columns = re.split(r" {2,}", line.strip(), maxsplit=2)
    if len(columns) != 3:
        raise ui.Failure(f"tests/skips.txt:{number}: not WHEN, CASE and REASON")
    when = tuple(columns[0].split(","))
    for condition in when:
        if not CONDITION.fullmatch(condition):
            raise ui.Failure(f"tests/skips.txt:{number}: no condition {condition}")
    return Entry(number, when, *columns[1:])


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
