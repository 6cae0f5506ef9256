# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver's second hardware half: the list of cases that cannot apply to it."""

import contextlib
import io
import pathlib
import tempfile

import plan
from checklib import backends, ktap
from checklib.jobs import Group, Job, Runner
from checklib.ktap import Result
from vmlib.ui import Failure

TEXT = """# comment
tls-tx/stream/case-9*  tx_tls_resync: 0, *  no replay
"""
SHARE = 5                   # of so many cases of a suite one may be listed


def _limits(text):
    with tempfile.TemporaryDirectory() as name:
        path = pathlib.Path(name, "mailbox.txt")
        path.write_text(text, encoding="utf-8")
        return backends.Limits(path)


def _judged(verdict, reason="", name="case-9/v4", job="tls-tx/stream", backend="mailbox"):
    result = Result(name, verdict, reason)
    _limits(TEXT).judge(Group(job, facts={"backend": backend}), result)
    return result.verdict, result.reason


def test_a_listed_case_must_fail_as_it_is_listed():
    says = "tx_tls_resync: 0, expected 1 (x.py:3)"
    assert _judged("failed", says) == ("skipped", "no replay")
    assert _judged("failed", says, job="6.1/tls-tx/stream") == ("skipped", "no replay")
    verdict, reason = _judged("failed", "the stream had no end")
    assert verdict == "failed" and "mailbox.txt:2 says" in reason
    verdict, reason = _judged("passed")
    assert verdict == "failed" and "mailbox.txt:2 says that it cannot" in reason
    assert _judged("skipped", "no such kernel") == ("skipped", "no such kernel")


def test_the_list_is_for_one_backend_and_its_cases():
    says = "tx_tls_resync: 0, expected 1"
    for other in ({"backend": "ring"}, {"name": "case-8/v4"}, {"job": "tls-rx/async"}):
        assert _judged("failed", says, **other) == ("failed", says)
        assert _judged("passed", **other) == ("passed", "")


def test_an_expected_failure_fails_nothing():
    limits = _limits("j/a  no replay *  it has none\n")
    shown = io.StringIO()
    program = "echo '1..2'; echo '# no replay here'; echo 'not ok 1 a'; echo 'ok 2 b'; exit 1"
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(shown):
        pathlib.Path(name, "facts").write_text('{"backend": "mailbox"}', encoding="utf-8")
        runner = Runner(pathlib.Path(name), limits.judge)
        runner.run([Job("j", ("sh", "-c", program), 20, expected=("a", "b"), facts="facts")])
        written = pathlib.Path(name, "j.ktap").read_text(encoding="utf-8")
    verdicts = [result.verdict for result in runner.groups[0].results]
    assert verdicts == ["skipped", "passed"], (verdicts, shown.getvalue())
    assert "  ok 1 a # XFAIL it has none" in shown.getvalue().splitlines()
    reader = ktap.Reader()
    again = [result.verdict for line in written.splitlines() if (result := reader.feed(line))]
    assert again == ["skipped", "passed"], written


def test_a_case_may_fail_in_several_ways():
    limits = _limits("j/a  one *  first\nj/*  two *  second\n")
    for reason, why in (("one x", "first"), ("two x", "second")):
        result = Result("a", "failed", reason)
        limits.judge(Group("j", facts={"backend": "mailbox"}), result)
        assert (result.verdict, result.reason) == ("skipped", why)


def test_lines_that_make_no_sense():
    try:
        _limits("tls-tx/stream/a  why\n")
    except Failure as failure:
        assert "mailbox.txt:1" in str(failure)
    else:
        raise AssertionError("a line of two columns")


def test_the_list_in_the_tree_is_short_and_names_cases():
    limits = backends.Limits()
    listed, used = {}, set()
    for suite in ("tls-tx", "tls-rx"):
        names = [f"{suite}/{group.name}/{case.name}"
                 for group in plan.suite(suite) for case in group.cases()]
        found = [entries for name in names if (entries := limits.of(name))]
        listed[suite] = (len(found), len(names))
        used |= {entry for entries in found for entry in entries}
    for suite, (count, of) in listed.items():
        assert count * SHARE <= of, f"{count} of {of} cases of {suite} are listed"
    unused = [entry.place for entry in limits.entries if entry not in used]
    assert not unused, f"no case of {', '.join(unused)}"
