# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run consists of: steps, each with a copy of the tree for itself."""

import concurrent.futures
import re
from dataclasses import dataclass, field

from vmlib import ui

from . import calls

SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)


@dataclass
class Outcome:
    """What a step came to; without a problem it has passed."""
    problem: str = None
    notes: list = field(default_factory=list)


@dataclass
class Step:
    name: str
    run: object                 # gets a tree, returns an Outcome


def in_order(steps, pool, jobs):
    """Run so many at a time; yield (step, outcome) in their order."""
    def one(step):
        with pool.tree() as tree, ui.step("planted", step.name):
            return step.run(tree)

    with concurrent.futures.ThreadPoolExecutor(jobs) as threads:
        futures = [threads.submit(one, step) for step in steps]
        try:
            for step, future in zip(steps, futures):
                yield step, future.result()
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            pool.stop()
            raise


def quiet(text):
    """Whether the tests pass without a bug."""
    call = calls.Call(text)

    def run(tree):
        said = tree.run(call, "without-" + re.sub(r"\W+", "-", text)[:80])
        return Outcome(None if said.status == 0 else summary(said), [said.took])
    return Step(f"no bug: {text}", run)


def bug(patch):
    """Whether the tests find the bug, and call it by its name."""
    def run(tree):
        with tree.planted(patch):
            said = tree.run(patch.call, patch.name, until=patch.seen)
        match = next(filter(None, map(patch.seen.search, said.text.splitlines())), None)
        notes = [patch.what, patch.call.text, said.took]
        if said.status == 0:
            return Outcome("nobody noticed", notes)
        if said.status != patch.call.failed or not match:
            return Outcome(f"something else happened: {summary(said)}", notes)
        return Outcome(None, [*notes, match.string.lstrip(" #")])
    return Step(patch.name, run)


def summary(said):
    """What there is to say of a run that did not go as it should."""
    found = SUMMARY.search(said.text)
    lines = said.text.splitlines()
    failed = [line.strip(" #") for line in lines
              if line.startswith("# failed:")] or [line.strip() for line in lines
                                                   if line.lstrip().startswith("not ok")]
    return "; ".join([found[0] if found else f"status {said.status}", *failed[:3]])
