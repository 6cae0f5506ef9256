# SPDX-License-Identifier: GPL-2.0-or-later
"""KTAP in, verdicts out; jobs that die."""

import contextlib
import io
import pathlib
import re
import subprocess
import tempfile

from checklib import ktap
from checklib.jobs import Job, Runner
from checklib.suites import TESTS


def _verdicts(text):
    reader = ktap.Reader()
    for line in text.splitlines():
        reader.feed(line)
    reader.end()
    return [(result.name, result.verdict) for result in reader.results]


def _run_job(script, seconds=20, expected=()):
    """What becomes of a job that runs this shell script."""
    with tempfile.TemporaryDirectory() as directory, \
            contextlib.redirect_stdout(io.StringIO()):
        runner = Runner(pathlib.Path(directory))
        runner.run([Job("job", ("sh", "-c", script), seconds, expected)])
    return [(result.name, result.verdict) for result in runner.groups[0].results]


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
    verdicts = [result.verdict for group in runner.groups for result in group.results]
    assert verdicts == ["passed"] * 3, shown.getvalue()
    assert re.findall(r"^  ok 1 (.)$", shown.getvalue(), re.M) == ["a", "b", "c"]


def test_bail_out():
    got = _run_job("echo 1..2; echo 'Bail out! no NIC'; exit 1", expected=("a", "b"))
    assert got == [("a", "failed"), ("b", "failed")], got


def test_why_a_job_ended_early():
    """What it said on stderr is a note, and the last of it the reason."""
    script = ("echo 1..1; echo 'x: a trifle' >&2; echo 'vm: the kernel hangs; it said:' >&2;"
              "echo '  BUG: a splat' >&2; echo more >&2; exit 1")
    shown = io.StringIO()
    with tempfile.TemporaryDirectory() as directory, contextlib.redirect_stdout(shown):
        runner = Runner(pathlib.Path(directory))
        runner.run([Job("job", ("sh", "-c", script), 20, ("a",))])
    reason = runner.groups[0].results[0].reason
    assert reason.endswith("status 1: vm: the kernel hangs; it said: BUG: a splat"), reason
    assert "\n  # more\n" in shown.getvalue(), shown.getvalue()


def test_job_that_hangs():
    got = _run_job("echo ok 1 a; sleep 100", seconds=1, expected=("a", "b"))
    assert got == [("a", "passed"), ("b", "failed")], got


def test_job_that_is_silent():
    assert _run_job("exit 0") == [("job as a whole", "failed")]


def test_job_that_fails_without_a_case():
    got = _run_job("echo ok 1 a; exit 70", expected=("a",))
    assert got == [("a", "passed"), ("job as a whole", "failed")], got


def test_subtests_by_version_line_alone():
    """KTAP: two spaces a level, a plan is optional; TAP 14: four spaces."""
    text = ("KTAP version 1\n1..2\n  KTAP version 1\n  1..1\n    KTAP version 1\n    1..2\n"
            "    ok 1 a\n    not ok 2 b\n  not ok 1 both\nnot ok 1 all\n"
            "    # Subtest: old\n    1..1\n    ok 1 c\nok 2 old\n")
    assert _verdicts(text) == [("a", "passed"), ("b", "failed"), ("c", "passed")]


def test_directives():
    text = ("not ok 1 a # SKIP no NIC\nok 2 b # XFAIL known\nnot ok 3 c # TODO\n"
            "ok 4 d # TIMEOUT 45 s\nnot ok 5 e # ERROR setup\n")
    assert [verdict for _, verdict in _verdicts(text)] == [
        "skipped", "skipped", "skipped", "failed", "failed"]


def test_reason_of_a_failure_is_its_last_note():
    reader = ktap.Reader()
    for line in ("# x: 1, expected 2 (a.py:3)", "# kernel: noise", "# time: 2.50 s",
                 "not ok 1 case"):
        result = reader.feed(line)
    assert result.reason == "x: 1, expected 2 (a.py:3)", result.reason
    assert result.seconds == 2.5, "the time that the program told"


def test_time_begins_with_the_job():
    """A job that waits for others must not be charged for it."""
    with tempfile.TemporaryDirectory() as directory, \
            contextlib.redirect_stdout(io.StringIO()):
        runner = Runner(pathlib.Path(directory))
        runner.run([Job("first", ("sh", "-c", "sleep 0.6; echo ok 1 a"), 20),
                    Job("second", ("sh", "-c", "echo ok 1 b"), 20)])
    first, second = runner.groups
    assert first.results[0].seconds >= 0.6 > 0.5 > second.results[0].seconds
    assert first.seconds >= 0.6 > 0.5 > second.seconds and second.begin > first.begin


def test_alone_means_alone():
    """A job that measures runs last, and nothing beside it."""
    with tempfile.TemporaryDirectory() as name:
        script = f"mkdir {name}/busy && sleep 0.2; rmdir {name}/busy && echo ok 1 a"
        other = f"test -d {name}/busy || sleep 0.3; echo ok 1 b"
        with contextlib.redirect_stdout(io.StringIO()):
            runner = Runner(pathlib.Path(name))
            runner.run([Job("alone", ("sh", "-c", script), 20, alone=True),
                        Job("other", ("sh", "-c", other), 20)], at_once=2)
    assert [group.name for group in runner.groups] == ["other", "alone"]
    assert runner.groups[1].begin.timestamp() >= (runner.groups[0].begin.timestamp()
                                                  + runner.groups[0].seconds)


def test_stop_at_first_failure():
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(io.StringIO()):
        runner = Runner(pathlib.Path(name), stop_at_failure=True)
        runner.run([Job("a", ("sh", "-c", "echo not ok 1 a; sleep 100"), 20, ("a", "later")),
                    Job("b", ("sh", "-c", "echo ok 1 b"), 20)])
    assert [result.name for group in runner.groups for result in group.results] == ["a"]


def _shown(job):
    """What the Runner shows of one job, without the frame of the whole; and its file."""
    shown = io.StringIO()
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(shown):
        Runner(pathlib.Path(name)).run([job])
        kept = (pathlib.Path(name) / f"{job.name}.ktap").read_text(encoding="utf-8")
    lines = shown.getvalue().splitlines()
    assert lines[:4] == ["KTAP version 1", "1..1", "  KTAP version 1", f"  # Subtest: {job.name}"]
    assert kept.splitlines() == ["KTAP version 1", *(line[2:] for line in lines[4:-1])], kept
    return lines[4:]


def test_what_is_shown_is_ktap():
    script = "echo KTAP version 1; echo 1..1; echo noise; echo ok 1 a"
    assert _shown(Job("j", ("sh", "-c", script), 20)) == [
        "  1..1", "  # noise", "  ok 1 a", "ok 1 j"]


def test_plans_are_kept_when_a_program_dies():
    """A result for each that is planned, at each level, and none beyond."""
    def results(script, expected=()):
        lines = _shown(Job("j", ("sh", "-c", script), 20, expected))
        return [line for line in lines if not line.startswith("  # did not run")]

    assert results("exit 0") == ["  1..1", "  not ok 1 j as a whole", "not ok 1 j"]
    assert results("exit 3", ("a", "b")) == [
        "  1..2", "  not ok 1 a", "  not ok 2 b", "not ok 1 j"]
    assert results("echo 1..1; echo ok 1 a; exit 3") == [
        "  1..1", "  ok 1 a", "  # not ok: j as a whole", "not ok 1 j"]
    assert results("echo 1..2; echo '  1..2'; echo '  ok 1 a'; exit 3") == [
        "  1..2", "    1..2", "    ok 1 a", "    not ok 2 planned case that did not run",
        "  not ok 1 planned case that did not run", "  not ok 2 planned case that did not run",
        "not ok 1 j"]


def test_native_programs_that_die():
    """tests/unit/run: the same for each of them."""
    programs = {"dies": "echo 1..2; echo ok 1 /a; exit 134", "silent": "exit 1",
                "good": "echo TAP version 13; echo 1..1; echo ok 1 /b"}
    with tempfile.TemporaryDirectory() as name:
        paths = [pathlib.Path(name) / program for program in programs]
        for path in paths:
            path.write_text(f"#!/bin/sh\n{programs[path.name]}\n", encoding="utf-8")
            path.chmod(0o755)
        done = subprocess.run([TESTS / "unit/run", *paths], stdout=subprocess.PIPE, text=True,
                              check=False)
    said = [line for line in done.stdout.splitlines() if not line.startswith("  #")]
    assert done.returncode == 1 and said == [
        "KTAP version 1", "1..3",
        "  KTAP version 1", "  1..2", "  ok 1 /a", "  not ok 2 planned case that did not run",
        "not ok 1 dies # exit status 134",
        "  KTAP version 1", "  1..1", "  not ok 1 planned case that did not run",
        "not ok 2 silent # exit status 1",
        "  KTAP version 1", "  1..1", "  ok 1 /b", "ok 3 good"], done.stdout
