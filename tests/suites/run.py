#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the cases of one group in the guest. `tests/check` starts it; by hand:

    tests/vm --share tests:/mnt -- /mnt/suites/run.py tls-tx stream --only cut-anywhere
"""

import argparse
import os
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))    # for vmlib

import plan                     # noqa: E402
from lib import evidence, nic, runner, tcp     # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description="Run test cases; KTAP on stdout.")
    parser.add_argument("suite", choices=sorted((*plan.SUITES, *plan.DEBUG_SUITES)))
    parser.add_argument("group", nargs="?", help="one boot of the suite (default: its first)")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("--only", metavar="PATTERN", action="append", default=[],
                        help="only cases whose name holds this (or matches it, with *)")
    parser.add_argument("--turn", metavar="NUMBER", type=int,
                        help="of cases that differ in address family, cipher, TSO or rate of "
                             "loss alone run one, and if others take turns only every second "
                             "of these; which depends on the number")
    parser.add_argument("--every", action="store_true",
                        help="all combinations of address family, cipher and TSO (default: as "
                             "many as it takes for all pairs), and what takes long")
    options = parser.parse_args()
    names = [group.name for group in plan.suite(options.suite)]
    if options.group not in (None, *names):
        parser.error(f"suite {options.suite} has no group {options.group}: {', '.join(names)}")
    return options


def main():
    options = arguments()
    group = plan.group(options.suite, options.group or plan.suite(options.suite)[0].name)
    cases = group.cases(plan.Choice(tuple(options.only), options.turn, options.every,
                                    os.environ["KTLSNIC_TLS"]))
    if options.list:
        print(*(case.name for case in cases), sep="\n")
        return 0
    if not cases:
        print(f"run.py: no case matches {' '.join(options.only)}", file=sys.stderr)
        return 2
    tcp.forget_orphans()
    good = runner.run(cases, group.setup(), nic.recover, evidence.nothing_left)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
