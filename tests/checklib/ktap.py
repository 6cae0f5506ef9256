# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads KTAP version 1 (and TAP 12 to 14) while it is being written."""

import re
import time
from dataclasses import dataclass, field

RESULT = re.compile(r"^( *)(ok|not ok)(?: (\d+))?(?: -)? ?([^#]*?) *(?:# *(.*))?$")
PLAN = re.compile(r"^( *)1\.\.(\d+)")
VERSION = re.compile(r"^( *)K?TAP version \d+")
BAIL = re.compile(r"^ *Bail out! *(.*)$")
TIME = re.compile(r"^time: ([0-9.]+) s$")
# The directives of KTAP and TAP; any other word after the # is a note.
DIRECTIVE = re.compile(r"^(SKIP|TODO|XFAIL|TIMEOUT|ERROR)\w*:? *(.*)$", re.I)
NOTE = re.compile(r"^ *#")
BACKGROUND = ("time:", "kernel:")       # notes that never are a reason


def known(line):
    """Whether the line is KTAP at all, and not something else that a program says."""
    return any(form.match(line) for form in (RESULT, PLAN, VERSION, BAIL, NOTE))


@dataclass
class Result:
    name: str
    verdict: str                        # passed, failed or skipped
    reason: str = ""
    seconds: float = 0.0
    notes: list = field(default_factory=list)


@dataclass
class _Level:
    """One document: the outermost, or the subtests of a result to come."""
    indent: int
    planned: int = None                 # results that its plan promises
    results: int = 0
    failed: int = 0


class Reader:
    """Fed line by line, from the moment at which the program starts. Only leaves count: a
    result above subtests is their sum, and counts by itself only if it failed though none
    of them did."""

    def __init__(self):
        self.results = []
        self.bailed = ""
        self.notes = []
        self.levels = [_Level(0)]
        self.last = time.monotonic()

    def feed(self, line):
        """The Result that this line brought, or None."""
        if match := BAIL.match(line):
            self.bailed = match[1] or "without a reason"
        elif match := VERSION.match(line):
            self._begin(len(match[1]))
        elif match := PLAN.match(line):
            self._begin(len(match[1])).planned = int(match[2])
        elif match := RESULT.match(line):
            return self._result(*match.groups())
        elif NOTE.match(line):
            self.notes.append(line.lstrip()[1:].strip())
        return None

    def end(self, named=()):
        """The program has ended: what its plan still promises did not run, but for what
        is known by name."""
        while len(self.levels) > 1:
            self._close()
        if not named:
            self._promised(self.levels[0])

    def _begin(self, indent):
        """The document of that indentation, new if it is a deeper one."""
        while len(self.levels) > 1 and indent < self.levels[-1].indent:
            self._close()
        if indent > self.levels[-1].indent:
            self.levels.append(_Level(indent))
        return self.levels[-1]

    def _close(self):
        """Subtests are over: those that did not come have failed."""
        level = self.levels.pop()
        self._promised(level)
        return level

    def _promised(self, level):
        left = (level.planned or 0) - level.results
        level.failed += max(0, left)
        self.results += [Result(f"planned case {i + 1} of {left} that did not run", "failed",
                                "the program ended before it") for i in range(left)]

    def _result(self, indent, word, _number, name, directive):
        family = None
        while len(self.levels) > 1 and len(indent) < self.levels[-1].indent:
            family = self._close()
        level = self._begin(len(indent))
        verdict, reason = self._verdict(word == "not ok", directive or "")
        level.results += 1
        level.failed += verdict == "failed"
        if family and (verdict != "failed" or family.failed):
            self.notes.clear()
            return None
        result = Result(name.strip() or "unnamed", verdict, reason, self._seconds(),
                        list(self.notes))
        self.notes.clear()
        self.results.append(result)
        return result

    def _verdict(self, failed, text):
        """What does not count as failed although it did is no success either: TODO and
        XFAIL are reported as skipped, with what was expected of them."""
        match = DIRECTIVE.match(text)
        kind, told = (match[1].upper(), match[2]) if match else ("", text)
        if kind == "SKIP":
            return "skipped", told
        if kind in ("TODO", "XFAIL"):
            return "skipped", f"{kind}: {told}" if told else kind
        if failed or kind in ("TIMEOUT", "ERROR"):
            return "failed", text if match else told or self._last_note()
        return "passed", ""

    def _last_note(self):
        told = [note for note in self.notes if not note.startswith(BACKGROUND)]
        return told[-1] if told else ""

    def _seconds(self):
        """As the program says, else what has passed since the last result."""
        now = time.monotonic()
        lap, self.last = now - self.last, now
        said = [match[1] for match in map(TIME.match, self.notes) if match]
        return float(said[-1]) if said else lap
