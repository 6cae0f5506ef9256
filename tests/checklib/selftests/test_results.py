# SPDX-License-Identifier: GPL-2.0-or-later
"""KTAP in, verdicts out; jobs that die."""

import contextlib
import io
import pathlib
import re
import tempfile

from checklib.ktap import Reader
from checklib.run import Runner
from checklib.suites import Job


def _verdicts(text):
    reader = Reader()
    for line in text.splitlines():
        reader.feed(line)
    return [(result.name, result.verdict) for result in reader.results]


def _run_job(script, seconds=20, expected=()):
    """What becomes of a job that runs this shell script."""
    with tempfile.TemporaryDirectory() as directory, \
            contextlib.redirect_stdout(io.StringIO()):
        runner = Runner(pathlib.Path(directory))
        runner.run([Job("job", ("sh", "-c", script), seconds, expected)])
    return [(result.name, result.verdict) for result in runner.groups["job"]]


def test_flat_results():
    text = "KTAP version 1\n1..3\nok 1 a\nnot ok 2 - b # exit status 1\nok 3 c # SKIP why\n"
    assert _verdicts(text) == [("a", "passed"), ("b", "failed"), ("c", "skipped")]


def test_only_leaves_count():
    text = "1..1\n    1..2\n    ok 1 a\n    not ok 2 b\nnot ok 1 both\n"
    assert _verdicts(text) == [("a", "passed"), ("b", "failed")]


def test_parent_that_fails_alone():
    text = "1..1\n    1..1\n    ok 1 a\nnot ok 1 crashed afterwards\n"
    assert _verdicts(text)[-1] == ("crashed afterwards", "failed")


def test_planned_subtests_that_are_missing():
    text = "1..1\n    1..3\n    ok 1 a\nnot ok 1 program\n"
    assert [verdict for _, verdict in _verdicts(text)] == ["passed", "failed", "failed"]


def test_planned_cases_that_are_missing():
    got = _run_job("echo 1..2; echo ok 1 a; exit 3", expected=("a", "b"))
    assert got == [("a", "passed"), ("b", "failed")], got


def test_jobs_at_once():
    """Two jobs that wait for each other, and one more; shown in their order."""
    with tempfile.TemporaryDirectory() as name:
        scripts = [f"touch {name}/{mine}; for i in $(seq 99); do test -e {name}/{other} && break; "
                   f"sleep 0.1; done; test -e {name}/{other} && echo ok 1 {mine}"
                   for mine, other in (("a", "b"), ("b", "a"))] + ["echo ok 1 c"]
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            runner = Runner(pathlib.Path(name))
            runner.run([Job(f"job{number}", ("sh", "-c", script), 20, ())
                        for number, script in enumerate(scripts)], at_once=2)
    assert runner.count("passed") == 3, shown.getvalue()
    assert re.findall(r"^    ok 1 (.)$", shown.getvalue(), re.M) == ["a", "b", "c"]


def test_bail_out():
    got = _run_job("echo 1..2; echo 'Bail out! no NIC'; exit 1", expected=("a", "b"))
    assert got == [("a", "failed"), ("b", "failed")], got


def test_job_that_hangs():
    got = _run_job("echo ok 1 a; sleep 100", seconds=1, expected=("a", "b"))
    assert got == [("a", "passed"), ("b", "failed")], got


def test_job_that_is_silent():
    assert _run_job("exit 0") == [("job as a whole", "failed")]


def test_job_that_fails_without_a_case():
    got = _run_job("echo ok 1 a; exit 70", expected=("a",))
    assert got == [("a", "passed"), ("job as a whole", "failed")], got
