# SPDX-License-Identifier: GPL-2.0-or-later
"""Expected skips: the list, and what becomes of a skip that is not on it."""

import contextlib
import io
import pathlib
import tempfile

from checklib import skips
from checklib.jobs import Group, Job, Runner
from checklib.ktap import Result
from vmlib.ui import Failure

TEXT = """# comment

kernel<6.5,tls=stock  tls-tx/stream/case-9*  no splice_eof*
debug                 nic/*                  *
"""


def _skips(text):
    with tempfile.TemporaryDirectory() as name:
        path = pathlib.Path(name, "skips.txt")
        path.write_text(text, encoding="utf-8")
        return skips.Skips(path)


def _judged(skip, case="case-9/v4", reason="no splice_eof here", job="6.1/tls-tx/stream",
            **facts):
    result = Result(case, "skipped", reason)
    skip.judge(Group(job, facts=facts), result)
    return result


def test_conditions():
    old = {"kernel": "6.1.0-56", "tls": "stock"}
    assert _judged(_skips(TEXT), **old).verdict == "skipped"
    for other in ({"kernel": "6.12.1"}, {"tls": "ours"}, {"kernel": ""}):
        assert _judged(_skips(TEXT), **{**old, **other}).verdict == "failed"
    assert _judged(_skips(TEXT), case="other", **old).verdict == "failed"
    result = _judged(_skips(TEXT), reason="no monitor", **old)
    assert result.verdict == "failed" and "no monitor" in result.reason
    assert _judged(_skips(TEXT), job="plain/nic/x", debug=True).verdict == "skipped"
    assert _judged(_skips(TEXT), job="nic/x").verdict == "failed"


def test_entries_that_no_longer_skip():
    expected = _skips(TEXT)
    group = Group("tls-tx/stream", facts={"kernel": "6.1", "tls": "stock"})
    expected.judge(group, Result("case-9/v4", "failed"))
    assert not expected.obsolete()
    expected.judge(group, Result("case-9/v4", "passed"))
    assert expected.obsolete() == [
        "skips.txt:3: tls-tx/stream/case-9* does not skip any more"]
    expected.judge(group, Result("case-9/v6", "skipped", "no splice_eof"))
    assert not expected.obsolete()


def test_lists_that_make_no_sense():
    for text in ("kernel<6  a  b", "always  a", "sometimes  a  b"):
        try:
            _skips(text)
        except Failure as failure:
            assert "skips.txt:1" in str(failure)
            continue
        raise AssertionError(text)


def test_the_list_in_the_tree():
    assert skips.Skips(skips.LIST).entries


def test_an_unexpected_skip_is_shown_as_a_failure():
    shown = io.StringIO()
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(shown):
        runner = Runner(pathlib.Path(name), _skips(TEXT).judge)
        runner.run([Job("j", ("sh", "-c", "echo 'ok 1 a # SKIP no link'"), 20)])
    assert runner.groups[0].results[0].verdict == "failed"
    lines = shown.getvalue().splitlines()
    assert "  not ok 1 a" in lines and lines[-1] == "not ok 1 j", lines
    assert any(line.startswith("  # skipped, which") and "no link" in line for line in lines)
