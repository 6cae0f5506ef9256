# SPDX-License-Identifier: GPL-2.0-or-later
"""Which jobs and cases run: suites, kernel lines, combinations."""

import itertools
import os
import unittest.mock

from checklib import lines, suites
from checklib.suites import complaint
import plan
from lib import ktls
from lib.cases import Case


def test_one_of_each_combination():
    cases = [Case(f"{base}/{end}", None, (), 1, ()) for base in ("one/part", "two")
             for end in ("v4/128/tso", "v4/128/no-tso", "v6/128/tso", "v6/128/no-tso")]
    cases.append(Case("single", None, (), 1, ()))
    turns = [[case.name for case in plan.Choice(turn=turn).of(cases)] for turn in (0, 1)]
    assert [len(turn) for turn in turns] == [3, 3] and turns[0] != turns[1], turns
    assert set(turns[0]) & set(turns[1]) == {"single"}, turns
    halves = [[case.name for case in plan.Choice(turn=turn).of(cases, alternate=True)]
              for turn in (0, 1)]
    assert [name.split("/")[0] for half in halves for name in half] == ["one", "single", "two"]
    singles = [Case(name, None, (), 1, ()) for name in "abc"]
    for turn, names in ((0, "ac"), (1, "b")):
        chosen = plan.Choice(turn=turn).of(singles, alternate=True)
        assert [case.name for case in chosen] == list(names), chosen
    singles[2] = Case("c", both=True)
    assert plan.Choice(turn=1).of(singles, alternate=True) == singles[1:]
    assert plan.Choice(("b",), turn=0).of(singles, alternate=True) == singles[1:2]
    assert plan.Choice(("sing", "*part*nothing")).of(cases) == cases[-1:]
    assert plan.Choice(("one",)).of(cases) == cases[:4]


def test_pairs():
    """Of three parameters of two values 4 of 8, which meet all pairs; of two, all."""
    values = (("v4", "v6"), ("128", "256"), ("tso", "no-tso"))
    for base in ("a", "some/thing", "z"):
        cases = [Case("/".join((base, *end))) for end in itertools.product(*values)]
        chosen = [case.name.split("/")[-3:] for case in plan.DEFAULT.of(cases)]
        assert len(chosen) == 4, chosen
        for one, two in itertools.combinations(range(3), 2):
            met = {(parts[one], parts[two]) for parts in chosen}
            assert met == set(itertools.product(values[one], values[two])), (base, met)
        assert plan.EVERYTHING.of(cases) == cases
        assert plan.Choice((base,)).of(cases) == cases, "asked for by name"
    cases = [Case("/".join(("b", *end))) for end in itertools.product(*values[:2])]
    assert plan.DEFAULT.of(cases) == cases
    one = [Case("single"), Case("long", every=True)]
    assert plan.DEFAULT.of(one) == one[:1] and plan.EVERYTHING.of(one) == one
    assert plan.Choice(("long",)).of(one) == one[1:]


def test_versions_and_ciphers():
    """Eight of 32 meet all pairs, for version and cipher are two parameters; the stock tls.ko
    gets none of those that are for ours, and the other way round."""
    cases = [Case(f"a/v{family}/{cipher.label}/{tso}", args=(cipher,))
             for tso in ("tso", "no-tso") for cipher in ktls.OURS for family in ktls.FAMILIES]
    chosen = plan.Choice(tls="ours").of(cases)
    assert len(chosen) == len(ktls.OURS) == len({case.args for case in chosen}), chosen
    for family, tso, version in itertools.product(("v4", "v6"), ("tso", "no-tso"), (0x303, 0x304)):
        for words in ((family, tso), (family, version), (tso, version)):
            assert any(set(words) <= {*case.name.split("/"), case.args[0].version}
                       for case in chosen), words
    assert plan.Choice(every=True).of(cases) == [case for case in cases
                                                 if case.args[0] in ktls.STOCK]
    assert plan.Choice(("a/",), tls="ours").of(cases) == plan.EVERYTHING.of(cases) == cases
    other = [Case("software", args=(ktls.CHACHA,), tls="stock"), Case("any")]
    assert plan.DEFAULT.of(other) == other and plan.Choice(tls="ours").of(other) == other[1:]
    group = plan.group("tls-tx", "rekey")       # whose guest has ours in any run
    assert group.cases(plan.DEFAULT) == group.cases(plan.Choice(tls="ours"))


def test_more_cases_have_more_time():
    group = plan.group("tls-tx", "stream")
    limits = [group.limit(choice) for choice in (
        plan.DEFAULT, plan.Choice(every=True), plan.Choice(("case-01",), tls="ours"),
        plan.Choice(every=True, tls="ours"))]
    assert limits == [group.seconds * times for times in (1, 1, 1, 4)], limits


def test_shards():
    jobs = suites.jobs(["unit", "nic", "tls-tx"])
    parts = [suites.shard(jobs, (number, 3)) for number in (1, 2, 3)]
    assert all(parts) and sorted(sum(parts, []), key=jobs.index) == jobs
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_unknown_and_later_suites():
    assert "no suite nope" in complaint(["unit", "nope"])
    assert "later" in complaint(["hostile"])
    assert complaint(["nic", "unit"]) is None


def test_kernel_lines_that_make_no_sense():
    with unittest.mock.patch.dict(os.environ):
        os.environ.pop("KDIR", None)
        assert lines.complaint(["6.1", "6.12.9+deb13", "latest"], False, []) is None
        assert "newest" in lines.complaint(["6.1", "newest"], False, [])
        assert "--debug" in lines.complaint(["6.1"], True, [])
        assert "--vm" in lines.complaint(["6.1"], False, ["--kernel=6.12"])
        assert lines.complaint([], False, [])
        os.environ["KDIR"] = "/linux"
        assert "KDIR" in lines.complaint(["6.1"], False, [])


def test_what_needs_no_kernel_runs_once():
    jobs = lines.jobs(["unit", "nic"], [], {"6.1": "6.1", "latest": "9.9+deb99"})
    names = [job.name for job in jobs]
    assert names == ["unit/tools", "unit/model", "nic/face", *(
        f"{kernel}/nic/{group.name}" for kernel in ("6.1", "latest")
        for group in plan.suite("nic"))], names
    assert jobs[-1].command[1:3] == ("--kernel", "9.9+deb99"), jobs[-1].command
