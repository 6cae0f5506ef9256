#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the test tools themselves: each function test_* of selftests/test_*.py.
KTAP on stdout; words on the command line choose those whose name holds one of them."""

import importlib
import pathlib
import sys
import traceback

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent
sys.path[:0] = [str(TESTS), str(TESTS / "suites"), str(HERE / "selftests")]


def cases():
    """Name -> function, as written, module after module."""
    found = {}
    for path in sorted((HERE / "selftests").glob("test_*.py")):
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
    wanted = {name: function for name, function in cases().items()
              if not sys.argv[1:] or any(word in name for word in sys.argv[1:])}
    print("KTAP version 1", f"1..{len(wanted)}", sep="\n")
    good = True
    for number, (name, function) in enumerate(wanted.items(), 1):
        passed = _passes(function)
        good = good and passed
        print(f"{'ok' if passed else 'not ok'} {number} {name}", flush=True)
    return 0 if wanted and good else 1


if __name__ == "__main__":
    sys.exit(main())
