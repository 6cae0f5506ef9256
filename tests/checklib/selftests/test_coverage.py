# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of coverage.py: cases of the contract, and the tests that name them."""

import subprocess

from checklib import coverage
from vmlib import paths


def test_cases_of_the_contract():
    """Each number of contract.md's tables is read, once, and in order."""
    contract = coverage.Contract.parse(coverage.CONTRACT.read_text(encoding="utf-8"))
    assert list(contract.cases) == sorted(set(contract.cases)), contract.cases
    whole = [case for case in contract.cases if case.isdigit()]
    assert whole == [f"{number:02}" for number in range(1, 45)], whole
    assert {"31a", "31c", "37a", "37f", "43a", "43e"} < set(contract.cases)


def test_names_that_say_which_case():
    for name, numbers in (("case-04-retransmit/v4", ["04"]), ("case-37e-same-ports", ["37e"]),
                          ("case-09-10-asked", ["09", "10"]), ("/flow-rx/case-29-split", ["29"]),
                          ("case-17-linear-64k", ["17"]), ("ping/v4", []), ("case-4-x", [])):
        assert coverage.numbers(name) == numbers, name
    for name, wrong in (("37e-same-ports", True), ("case37-x", True), ("case-4-x", True),
                        ("case-04-x", False), ("ping-4-x", False)):
        assert coverage.misnamed(name) is wrong, name


def test_holes_of_the_coverage():
    text = ("| case | why |\n| 01 | a | b | c |\n| 02 | a | b | c |\n| 02a | a | b | c |\n"
            f"{coverage.EXEMPT_HEADING}\n| 01 | no way |\n")
    contract = coverage.Contract.parse(text)
    good = [("tls-tx", "case-02a-x"), ("unit", "/a/case-01-x")]
    assert coverage.problems(contract, good) == []
    for found, word in (([*good, ("nic", "case-03-x")], "no case 03"),
                        ([("tls-tx", "case-02-x")], "case 02a has no test"),
                        ([("unit", "/a/case-02a-x")], "case 02a has no test"),
                        ([*good, ("tls-tx", "case-01-x")], "but has one"),
                        ([*good, ("tls-tx", "02-x")], "not named")):
        wrong = coverage.problems(contract, found)
        assert any(word in line for line in wrong), (found, wrong)
    assert "no case 07" in coverage.problems(
        coverage.Contract.parse(text + "| 07 | gone |\n"), good)[0]
    table = coverage.document(contract, good)
    assert "| 02a | tls-tx | `case-02a-x` |" in table and "none: no way" in table, table


def test_coverage_of_the_tree():
    """Each case has a test or a reason, each test a case, and the table is up to date."""
    done = subprocess.run([paths.TOP / "tests/checklib/coverage.py"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_goes_to_a_device():
    """The table in net/tls/README.md is up to date, and each line has its tests."""
    done = subprocess.run([paths.TOP / "tests/checklib/offload_table.py"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
