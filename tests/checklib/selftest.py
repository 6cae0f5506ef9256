#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the test tools themselves: each function test_* of selftests/test_*.py.
KTAP on stdout."""

import argparse
import importlib
import pathlib
import sys
import traceback

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent
OWN = HERE / "selftests"
UPSTREAM = OWN / "upstream"
sys.path[:0] = [str(TESTS), str(TESTS / "suites"), str(OWN), str(UPSTREAM)]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upstream", action="store_true",
                        help="those that the kernel's own programs have a part in, instead; "
                             "they are fetched if they are not in the cache")
    parser.add_argument("word", nargs="*", help="only those whose name holds one of these")
    return parser.parse_args()


def cases(directory):
    """Name -> function, as written, module after module."""
    found = {}
    for path in sorted(directory.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        for name, function in vars(module).items():
            if name.startswith("test_"):
                found[f"{path.stem.removeprefix('test_')}/{name.removeprefix('test_')}"] = function
    return found


def _passes(function):
    """Run one; what went wrong goes to stdout, its last line last."""
    try:
        function()
        return True
    except Exception:                               # pylint: disable=broad-except
        for line in traceback.format_exc().rstrip().splitlines():
            print(f"# {line}")
        return False


def main():
    options = arguments()
    found = cases(UPSTREAM if options.upstream else OWN)
    wanted = {name: function for name, function in found.items()
              if not options.word or any(word in name for word in options.word)}
    print("KTAP version 1", f"1..{len(wanted)}", sep="\n")
    good = True
    for number, (name, function) in enumerate(wanted.items(), 1):
        passed = _passes(function)
        good = good and passed
        print(f"{'ok' if passed else 'not ok'} {number} {name}", flush=True)
    return 0 if wanted and good else 1


if __name__ == "__main__":
    sys.exit(main())
