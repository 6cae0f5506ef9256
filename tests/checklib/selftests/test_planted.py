# SPDX-License-Identifier: GPL-2.0-or-later
"""What check-planted plants, and what it makes of the results."""

import fnmatch
import io
import pathlib
import re
import subprocess
import tempfile

from checklib.planted import blind, calls, mutants, mutate, patches, trees
from checklib.suites import complaint
from vmlib import ui


def test_planted_bugs_fit():
    """The code changes; the bugs must still be ones of it, and some case look for them."""
    assert patches.BUGS and patches.BLIND_RUNS
    for name in patches.BUGS:
        bug = patches.Bug(name)
        assert not bug.misfit(), (name, bug.misfit())
        assert bug.call.cases(), name
    for name in patches.BLIND_RUNS:
        patch = patches.blind(name)
        assert not patch.misfit(), (name, patch.misfit())
        assert complaint(patch.header("Suites").split()) is None, name
        names = [f"{suite}/{group.name}/{case.name}" for suite in patch.header("Suites").split()
                 for group in calls.plan.suite(suite) for case in group.cases()]
        for entry in blind.entries(blind.LIST.read_text(encoding="utf-8"), name):
            assert fnmatch.filter(names, entry.pattern), entry


def test_tests_of_planted_bugs_together():
    tests = ["--only a nic", "unit/tso", "--only b/ nic",
             "--debug --variant plain --only a --only c tls-rx", "nic/face", "unit/tso",
             "net-tls/calls"]
    assert calls.together(tests) == [
        "unit/tso", "nic/face", "net-tls/calls", "--only a --only b/ nic",
        "--debug --variant plain --only a --only c tls-rx"]


def test_blind_cases_are_named():
    results = {"tls-tx/stream/a": "passed", "tls-tx/stream/b/v4": "passed",
               "tls-tx/stream/c": "failed", "tls-tx/stream/d": "did not run"}
    text = ("# a comment\n\nrefused tls-tx/*/b/* software is asked for\n"
            "fallback tls-tx/*/a another run's\n")
    wrong = blind.judged(results, blind.entries(text, "blind-refused"))
    assert len(wrong) == 2 and wrong[0].endswith("tls-tx/stream/a"), wrong
    assert wrong[1].endswith("tls-tx/stream/d"), wrong
    for entry, complaint_of in (("refused */c x", "does not pass"), ("refused */e x", "no case")):
        wrong = blind.judged(results, blind.entries(text + entry, "blind-refused"))
        assert any(complaint_of in line for line in wrong), wrong
    for bad in ("refused */b/*", "refuse */b/* a run that there is not"):
        try:
            blind.entries(bad, "blind-refused")
        except ui.Failure:
            continue
        raise AssertionError(bad)


C_TEXT = '''#define X(a) ((a) < 3)
static const char *names[] = { "a < b" };
int f(int n)
{
	int sum = 0x10;

	/* if (n == 1) */
	if (n > 2 && !sum) {
		first(n,
		      sum);
		netdev_warn(dev, "n < %d", 3);
	}
	return (int)(n) * g(n);
}
'''


def test_mutants_are_of_code():
    got = [(mutation.what, mutation.line(C_TEXT), mutation.of(C_TEXT).splitlines())
           for mutation in mutate.mutations(C_TEXT)]
    assert [(what, line) for what, line, _ in got] == [
        ("constant moved by one", 5), ("condition negated", 8), ("comparison turned", 8),
        ("constant moved by one", 8), ("|| for &&", 8), ("statement dropped", 9)], got
    changed = [new[line - 1].strip() for _, line, new in got]
    assert changed == ["int sum = 0x11;", "if (!(n > 2 && !sum)) {", "if (n >= 2 && !sum) {",
                       "if (n > 3 && !sum) {", "if (n > 2 || !sum) {", ";"], changed
    assert all(len(new) == len(C_TEXT.splitlines()) for _, _, new in got)
    files = {"a.c": C_TEXT, "b.c": C_TEXT}
    assert mutate.sample(files, 5, 1) == mutate.sample(files, 5, 1)
    assert mutate.sample(files, 5, 1) != mutate.sample(files, 5, 2)


def test_every_file_has_tests_that_could_notice():
    for name in sorted({mutant.name for mutant in mutants.sample(10000, 1)}):
        for call in mutants.notice(name):
            assert call.cases(), (name, call.text)


def test_runs_that_need_not_end():
    """One that waits for ever: with a limit of time; when a failure is enough; and one that
    ends before it says what is waited for."""
    waits = "echo ok 1 a; echo '  not ok 2 b'; sleep 100"
    for script, seconds, until, status in (
            (waits, 0.5, None, None), (waits, 60, re.compile("not ok .*b"), 2),
            ("echo not ok 1 a; exit 3", 60, re.compile("not ok .*b"), 3)):
        said = io.StringIO()
        with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True,
                              start_new_session=True) as process:
            assert trees.follow(process, said, seconds, until, 2) == status, script
        assert "not ok" in said.getvalue(), said.getvalue()


def test_code_is_told_from_debugging_data():
    """A mutant that moves a line changes nothing; one that changes code does."""
    def compiled(source):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "a.c")
            path.write_text(source, encoding="ascii")
            subprocess.run(["cc", "-g", "-c", "-o", "a.o", "a.c"], cwd=directory, check=True)
            return mutants.without_debugging(path.with_suffix(".o"))
    original = compiled("int f(void) { return 1; }\n")
    assert original
    assert compiled("\n\nint f(void) { return 1; }\n") == original
    assert compiled("int f(void) { return 2; }\n") != original
