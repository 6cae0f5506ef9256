#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads KTAP with the kernel's own parser, tools/testing/kunit/kunit_parser.py of Debian's
newest linux-source package, and fails if that has anything to complain about.

    tests/checklib/kunit.py [FILE...]       default: all that is in build/check/

That a test has failed is no complaint."""

import collections
import importlib
import io
import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent)]

from vmlib import paths, ui, upstream                           # noqa: E402

OUTPUT = paths.BUILD / "check"
DIRECTORY = "tools/testing/kunit"
COMPLAINT = re.compile(r"^\[[0-9:]+\] (\[ERROR\].*)$", re.M)


class Parser:
    """The parser of a kernel tree, which is fetched if none is given."""

    def __init__(self, tree=None):
        sys.path.insert(0, str((tree or upstream.TREE.get()) / DIRECTORY))
        self.parser = importlib.import_module("kunit_parser")
        self.printer = importlib.import_module("kunit_printer").Printer

    def read(self, lines):
        """(the Test that the parser makes of these lines, what is wrong with them)"""
        said = io.StringIO()
        test = self.parser.parse_run_tests(iter(lines), self.printer(output=said))
        told = COMPLAINT.findall(said.getvalue())
        return test, told + self._untold(test, lines, len(told))

    def _untold(self, test, lines, told):
        """What it counts without a word, or does not mind though it should."""
        parts = list(_all(test))
        wrong = [f"{path}: no plan" for path, part in parts
                 if part.subtests and part.expected_count is None]
        if test.counts.errors > told:
            wrong.append(f"{test.counts.errors} errors, of which {told} are shown")
        if test.counts.crashed:
            wrong.append(f"{test.counts.crashed} tests crashed")
        surplus = sum(map(bool, map(self.parser.TEST_RESULT.match, lines))) - (len(parts) - 1)
        if surplus > 0:
            wrong.append(f"{surplus} results beyond the plan")
        return wrong


def _all(test, path=""):
    """(path, test) of a test and of all below it."""
    path = f"{path}/{test.name}" if path else test.name
    yield path, test
    for part in test.subtests:
        yield from _all(part, path)


def main():
    files = [pathlib.Path(name) for name in sys.argv[1:]] or sorted(OUTPUT.glob("*.ktap"))
    if not files:
        raise ui.Failure(f"there is no KTAP in {OUTPUT}", status=2)
    parser = Parser()
    bad = False
    for path in files:
        test, wrong = parser.read(path.read_text(encoding="utf-8", errors="replace").splitlines())
        print(f"{path}: {test.counts}", *(f"{count} times: {what}" for what, count
                                          in collections.Counter(wrong).items()), sep="\n  ")
        bad = bad or bool(wrong)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(ui.program("kunit", main))
