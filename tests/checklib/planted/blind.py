# SPDX-License-Identifier: GPL-2.0-or-later
"""Blind runs: whole suites while the driver or the device leaves all work to software. A
case that passes cannot tell offload from software, and so every case must fail, but for
those in tests/planted/blind/software, which says for each why software is its subject.

A line of that list is

    RUN,...  SUITE/GROUP/CASE  REASON

where the second word is a pattern: * stands for anything, slashes included. An entry
without a case, or whose cases all fail, is wrong as well; so is a case that did not run."""

import fnmatch
import xml.etree.ElementTree as xml
from dataclasses import dataclass

from vmlib import ui

from . import calls, patches
from .steps import Outcome, Step, summary

LIST = patches.BLIND / "software"
PASSED, FAILED, SKIPPED, LOST = "passed", "failed", "skipped", "did not run"


@dataclass(frozen=True)
class Entry:
    runs: tuple
    pattern: str
    reason: str


def entries(text, run):
    """The entries of a list that are for this run."""
    found = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split(maxsplit=2)
        if len(words) < 3:
            raise ui.Failure(f"{LIST.name}: not RUN,... SUITE/GROUP/CASE REASON: {line}")
        entry = Entry(tuple(words[0].split(",")), *words[1:])
        unknown = {f"blind-{name}" for name in entry.runs} - set(patches.BLIND_RUNS)
        if unknown:
            raise ui.Failure(f"{LIST.name}: there is no {' '.join(sorted(unknown))}: {line}")
        if run.removeprefix("blind-") in entry.runs:
            found.append(entry)
    return found


def judged(results, allowed):
    """What is wrong with the results of a run (name -> verdict), one line each."""
    def listed(name):
        return any(fnmatch.fnmatchcase(name, entry.pattern) for entry in allowed)

    wrong = [f"passes, though software does the work: {name}"
             for name, verdict in results.items()
             if verdict == PASSED and not listed(name)]
    wrong += [f"did not run: {name}" for name, verdict in results.items() if verdict == LOST]
    for entry in allowed:
        verdicts = {verdict for name, verdict in results.items()
                    if fnmatch.fnmatchcase(name, entry.pattern)}
        if not verdicts:
            wrong.append(f"{LIST.name}: no case is called like {entry.pattern}")
        elif PASSED not in verdicts:
            wrong.append(f"{LIST.name}: does not pass: {entry.pattern}")
    return wrong


def results_of(path):
    """Name -> verdict of each case in a JUnit file."""
    return {f"{case.get('classname')}/{case.get('name')}": _verdict(case)
            for case in xml.parse(path).getroot().iter("testcase")}


def _verdict(case):
    failure = case.find("failure")
    if failure is not None:
        lost = LOST in failure.get("message", "") or LOST in case.get("name")
        return LOST if lost else FAILED
    return SKIPPED if case.find("skipped") is not None else PASSED


def step(name):
    """All cases of its suites, with the patch in the tree."""
    patch = patches.blind(name)
    call = calls.Call(patch.header("Suites"))

    def run(tree):
        with tree.planted(patch):
            said = tree.run(call, name)
        if said.status not in (0, call.failed):
            return Outcome(f"something else happened: {summary(said)}", [said.took])
        results = results_of(tree.top / "build/check/junit.xml")
        wrong = judged(results, entries(LIST.read_text(encoding="utf-8"), name))
        passed = sum(verdict == PASSED for verdict in results.values())
        notes = [patch.what, f"{passed} of {len(results)} cases pass", said.took, *wrong]
        return Outcome(f"{len(wrong)} cases or entries are wrong" if wrong else None, notes)
    return Step(name, run)
