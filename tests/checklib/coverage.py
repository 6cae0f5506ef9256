#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which tests cover which case of Documentation/contract.md.

A test says by its name which case it is about: its name, or a part of it between
slashes, begins with `case-NN-` or `case-NNx-`, x being the case's letter;
`case-NN-MM-` is about two. Each case needs a test that runs in a guest, or a reason
in the contract why it has none. `coverage.py --write` writes Documentation/coverage.md;
without an option the program says what is wrong, and fails if anything is."""

import pathlib
import re
import sys
from dataclasses import dataclass

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(TOP / "tests"), str(TOP / "tests/suites")]

import plan                                                     # noqa: E402

CONTRACT = TOP / "Documentation/contract.md"
TABLE = TOP / "Documentation/coverage.md"
EXEMPT_HEADING = "### Cases without a test"
HEAD = """<!-- SPDX-License-Identifier: GPL-2.0-or-later -->
<!-- Written by tests/checklib/coverage.py --write. -->
# Which tests cover which case

The cases are those of [contract.md](contract.md). Suites other than `unit` run in a
guest; names are without address family, cipher and the like (`v4/128/tso`), and in
`faults` run under `tests/check --debug` only. One case: `tests/check --only NAME SUITE`.

| case | suite | tests |
|---|---|---|
"""

ROW = re.compile(r"^\| (\d\d[a-z]?) \| (.*) \|$", re.M)
NAMED = re.compile(r"case-(\d\d[a-z]?)(?:-(\d\d))?-[a-z0-9]")
NUMBERED = re.compile(r"(?:case-?)?\d+[a-z]?-")         # what looks like one of these names
UNIT_TEST = re.compile(r'\bg_test_add\w*\(\s*"(/[^"]+)"')


@dataclass(frozen=True)
class Contract:
    """What contract.md says."""
    cases: tuple
    exempt: dict                # case -> why it has no test

    @classmethod
    def parse(cls, text):
        text, _, exempt = text.partition(EXEMPT_HEADING)
        return cls(tuple(row[1] for row in ROW.finditer(text)),
                   {row[1]: row[2] for row in ROW.finditer(exempt)})


def tests():
    """(suite, name) of each test once, whatever it is run with."""
    found = {}
    for suite in (*plan.SUITES, *plan.DEBUG_SUITES):
        for group in plan.suite(suite):
            for case in group.cases(plan.EVERYTHING):
                found[suite, base(case.name)] = True
    for source in sorted((TOP / "tests/unit").glob("test_*.c")):
        for name in UNIT_TEST.findall(source.read_text(encoding="utf-8")):
            found["unit", name] = True
    return list(found)


def base(name):
    """A case's name without what it is run with."""
    return "/".join(part for part in name.split("/") if not plan.PARAMETER.fullmatch(part))


def numbers(name):
    """The cases that a test's name says it is about."""
    matches = filter(None, (NAMED.match(part) for part in name.split("/")))
    return [number for match in matches for number in match.groups() if number]


def misnamed(name):
    """Whether a name has a number in another form than this one."""
    return bool(NUMBERED.match(name)) and not NAMED.match(name)


def covered(found):
    """case -> suite -> names of tests."""
    table = {}
    for suite, name in found:
        for number in numbers(name):
            table.setdefault(number, {}).setdefault(suite, []).append(name)
    return table


def document(contract, found):
    """The text of coverage.md."""
    table = covered(found)
    rows = []
    for case in contract.cases:
        rows += [f"| {case} | {suite} | {', '.join(f'`{name}`' for name in names)} |"
                 for suite, names in table.get(case, {}).items()]
        if case in contract.exempt:
            rows.append(f"| {case} | - | none: {contract.exempt[case]} |")
    return HEAD + "\n".join(rows) + "\n"


def problems(contract, found):
    """What is wrong with the tests' names, one line each."""
    table = covered(found)
    wrong = [f"{suite}: {name} is not named case-NN-words" for suite, name in found
             if misnamed(name)]
    wrong += [f"{suite}: {name}: the contract has no case {number}" for suite, name in found
              for number in numbers(name) if number not in contract.cases]
    # The model's own tests say nothing of the driver. A family is covered by its letters.
    in_guest = [number for number, suites in table.items() if set(suites) - {"unit"}]
    for case in contract.cases:
        tested = any(number.startswith(case) for number in in_guest)
        if not tested and case not in contract.exempt:
            wrong.append(f"case {case} has no test, and no reason why not")
        if tested and case in contract.exempt:
            wrong.append(f"case {case} is said to have no test, but has one")
    wrong += [f"the contract has no case {case}, which is said to have no test"
              for case in contract.exempt if case not in contract.cases]
    return wrong


def stale(contract, found):
    """The same for the table in the tree."""
    if TABLE.exists() and TABLE.read_text(encoding="utf-8") == document(contract, found):
        return []
    return [f"{TABLE.relative_to(TOP)} is out of date: run tests/checklib/coverage.py --write"]


def main(arguments):
    contract = Contract.parse(CONTRACT.read_text(encoding="utf-8"))
    found = tests()
    if arguments == ["--write"]:
        TABLE.write_text(document(contract, found), encoding="utf-8")
    elif arguments:
        print("usage: coverage.py [--write]", file=sys.stderr)
        return 2
    wrong = problems(contract, found) + stale(contract, found)
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
