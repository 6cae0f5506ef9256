# SPDX-License-Identifier: GPL-2.0-or-later
"""What is written here as KTAP, read by the kernel's own parser."""

import contextlib
import functools
import io
import pathlib
import subprocess
import tempfile
import unittest.mock

from checklib import kunit
from checklib.jobs import Job, Runner
from checklib.suites import TESTS
from lib import cases, runner

BROKEN = {
    "no KTAP": "hello",
    "version lower": "KTAP version 0/1..1/ok 1 a",
    "no plan": "KTAP version 1/ok 1 a",
    "main/a: no plan": "KTAP version 1/1..1/  KTAP version 1/  # Subtest: a/  ok 1 x/ok 1 a",
    "missing expected subtest": "KTAP version 1/1..2/ok 1 a",
    "missing subtest result": "KTAP version 1/1..1/  KTAP version 1/  # Subtest: a/  1..1/  ok 1 x",
    "Expected test number": "KTAP version 1/1..2/ok 1 a/ok 3 b",
    "0 tests run": "KTAP version 1/1..1/  KTAP version 1/  # Subtest: a/  1..0/ok 1 a",
    "beyond the plan": "KTAP version 1/1..1/ok 1 a/ok 2 b",
    "No more test results": "KTAP version 1/1..1/# Subtest: a/    KTAP version 1/    1..1/"
                            "    ok 1 x/ok 1 a",
}
# What a program says -> how many of its cases passed, failed and were skipped.
PROGRAMS = {
    "echo KTAP version 1; echo 1..3; echo ok 1 a; echo '# why'; echo not ok 2 b; "
    "echo 'ok 3 c # SKIP so'; exit 1": (1, 1, 1),
    "echo TAP version 13; echo 1..1; echo noise; echo ok 1 - a": (1, 0, 0),
    "echo KTAP version 1; echo 1..2; echo '  KTAP version 1'; echo '  1..2'; echo '  ok 1 /a/b';"
    "echo '  not ok 2 /a/c'; echo 'not ok 1 x # exit status 1'; echo ok 2 y; exit 1": (2, 1, 0),
    "echo KTAP version 1; echo 1..3; echo ok 1 a; exit 3": (1, 2, 0),
    "echo KTAP version 1; echo 1..2; echo '  KTAP version 1'; echo '  1..2'; echo '  ok 1 a'; "
    "exit 3": (1, 2, 0),
    "exit 0": (0, 1, 0),
    "echo KTAP version 1; echo 1..1; echo Bail out! no NIC; exit 1": (0, 1, 0),
    "echo KTAP version 1; echo 1..2; echo ok 1 a; sleep 100": (1, 1, 0),
}


@functools.lru_cache
def _parser():
    return kunit.Parser()


def _read(text):
    """(passed, failed, skipped) of a text of which the parser must not complain."""
    test, wrong = _parser().read(text.splitlines())
    assert not wrong, "\n".join([text, *wrong])
    return test.counts.passed, test.counts.failed, test.counts.skipped


def test_complaints_are_heard():
    for complaint, text in BROKEN.items():
        _, wrong = _parser().read(text.split("/"))
        assert complaint in "\n".join(wrong) or (complaint == "no KTAP" and wrong), (text, wrong)


def test_runs_of_jobs():
    """What tests/check shows, and each job's file; of programs that die, too."""
    shown = io.StringIO()
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(shown):
        Runner(pathlib.Path(name)).run(
            [Job(f"suite/{number}", ("sh", "-c", program), 2)
             for number, program in enumerate(PROGRAMS)], at_once=len(PROGRAMS))
        for number, wanted in enumerate(PROGRAMS.values()):
            kept = pathlib.Path(name) / f"suite-{number}.ktap"
            got = _read(kept.read_text(encoding="utf-8"))
            assert got == wanted, (list(PROGRAMS)[number], got)
    assert _read(shown.getvalue()) == tuple(map(sum, zip(*PROGRAMS.values()))), shown.getvalue()


def test_native_programs():
    """What tests/unit/run makes of their TAP."""
    programs = ("echo TAP version 13; echo 1..2; echo ok 1 /a/b; echo 'ok 2 /a/c # SKIP so'",
                "echo TAP version 13; echo 1..3; echo ok 1 /a/b; exit 134", "exit 1")
    with tempfile.TemporaryDirectory() as name:
        paths = [pathlib.Path(name) / f"test_{number}" for number in range(len(programs))]
        for path, program in zip(paths, programs):
            path.write_text(f"#!/bin/sh\n{program}\n", encoding="utf-8")
            path.chmod(0o755)
        done = subprocess.run([TESTS / "unit/run", *paths], stdout=subprocess.PIPE, text=True,
                              check=False)
    assert _read(done.stdout) == (2, 3, 1), done.stdout


def test_cases_of_a_guest():
    """What the runner in a guest writes."""
    def fails(_context):
        cases.equal(1, 2, "one")

    def skips(_context):
        cases.skip("not here")

    registry = cases.Registry()
    registry.add("case-01-good/v4", lambda context: context.note("seen # and noted"))
    registry.add("case-02-bad/v4", fails)
    registry.add("case-03-not-here/v4", skips)
    shown = io.StringIO()
    quiet = {"return_value.new_lines.return_value": []}
    with contextlib.redirect_stdout(shown), \
            unittest.mock.patch.object(runner.kmsg, "Log", **quiet):
        runner.run(registry.cases, lambda: None, lambda: None)
    assert _read(shown.getvalue()) == (1, 1, 1), shown.getvalue()
