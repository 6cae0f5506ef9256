# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads KTAP (and TAP) while it is being written."""

import re
import time
from dataclasses import dataclass, field

RESULT = re.compile(r"^( *)(ok|not ok)(?: (\d+))?(?: -)? ?([^#]*?) *(?:# *(.*))?$")
PLAN = re.compile(r"^( *)1\.\.(\d+)")
BAIL = re.compile(r"^ *Bail out! *(.*)$")
INDENT = 4


@dataclass
class Result:
    name: str
    verdict: str                        # passed, failed or skipped
    reason: str = ""
    seconds: float = 0.0
    notes: list = field(default_factory=list)


class Reader:
    """Fed line by line. Only leaves count: a result above subtests is their sum,
    and counts by itself only if it failed though none of them did."""

    def __init__(self):
        self.results = []
        self.bailed = ""
        self.plans = {}                 # level -> cases that are still to come
        self.children = {}              # level -> [results, of these failed] of its subtests
        self.notes = []
        self.last = time.monotonic()

    def feed(self, line):
        """The Result that this line brought, or None."""
        if match := BAIL.match(line):
            self.bailed = match[1] or "without a reason"
        elif match := PLAN.match(line):
            self.plans[len(match[1]) // INDENT] = int(match[2])
        elif match := RESULT.match(line):
            return self._result(*match.groups())
        elif line.lstrip().startswith("#"):
            self.notes.append(line.lstrip()[1:].strip())
        return None

    def _result(self, indent, word, _number, name, directive):
        level = len(indent) // INDENT
        if level in self.plans:
            self.plans[level] -= 1
        self._missing_below(level)
        family = self.children.pop(level, None)
        failed = word == "not ok"
        if family and (not failed or family[1]):
            self._count_for_parent(level, failed)
            self.notes.clear()
            return None
        skipped = (directive or "").upper().startswith("SKIP")
        reason = re.sub(r"(?i)^skip\w*:? *", "", directive or "") if skipped else directive or ""
        verdict = "failed" if failed else "skipped" if skipped else "passed"
        result = Result(name.strip() or "unnamed", verdict, reason or self._last_note(failed),
                        self._lap(), list(self.notes))
        self.notes.clear()
        self.results.append(result)
        self._count_for_parent(level, failed)
        return result

    def _missing_below(self, level):
        """The subtests of this result have ended: those that did not come have failed."""
        left = self.plans.pop(level + 1, 0)
        if left <= 0:
            return
        counted = self.children.setdefault(level, [0, 0])
        counted[1] += left
        self.results += [Result(f"planned case {i + 1} of {left} that did not run", "failed",
                                "the program ended before it") for i in range(left)]

    def _count_for_parent(self, level, failed):
        if level:
            counted = self.children.setdefault(level - 1, [0, 0])
            counted[0] += 1
            counted[1] += failed

    def _last_note(self, failed):
        told = [note for note in self.notes if not note.startswith(("time:", "kernel:"))]
        return told[-1] if failed and told else ""

    def _lap(self):
        now = time.monotonic()
        lap, self.last = now - self.last, now
        return lap
