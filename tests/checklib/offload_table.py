#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which versions and ciphers go to a device: the table in net/tls/README.md.

`offload_table.py --write` writes it; without an option the program says what is wrong.
What the kernel's own module and the series under review do is known from their sources and
stands here; what ours does, two tests show for each line: they are looked up by name."""

import pathlib
import sys

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(TOP / "tests"), str(TOP / "tests/suites")]

import plan                                                     # noqa: E402
from lib import ktls                                            # noqa: E402

README = TOP / "net/tls/README.md"
BEGIN = "<!-- Written by tests/checklib/offload_table.py --write. -->\n"
END = "<!-- The table ends here. -->\n"
HEAD = """
| Version and cipher | Direction | Linux 6.12, 7.3 | Series under review | Ours | Shown by |
|---|---|---|---|---|---|
"""
# A test of whole records; one of a new key is added for TLS 1.3.
STREAMS = {"sending": ("tls-tx", "case-01-record-sizes"),
           "receiving": ("tls-rx", "case-29-split-anywhere")}
GCM = {ktls.GCM128.kind, ktls.GCM256.kind}


def stock(cipher, direction):
    """The kernel's own module."""
    if cipher.version == ktls.TLS_1_3:
        return "no"
    if cipher.kind in GCM:
        return "yes"
    return "asked" if direction == "receiving" else "no"


def review(cipher, _direction):
    """TLS 1.3 device offload with KeyUpdate."""
    if cipher.kind in GCM:
        return "yes, KeyUpdate too" if cipher.version == ktls.TLS_1_3 else "yes"
    return "no"


def version(cipher):
    return "1.3" if cipher.version == ktls.TLS_1_3 else "1.2"


def tests(cipher, direction):
    """Names of those that show it, without address family and the like; what is not there."""
    suite, base = STREAMS[direction]
    wanted = [base] + (["rekey-once"] if cipher.version == ktls.TLS_1_3 else [])
    names = [case.name.split("/") for group in plan.suite(suite)
             for case in group.cases(plan.EVERYTHING)]
    missing = [name for name in wanted
               if not any(parts[0] == name and cipher.label in parts for parts in names)]
    return suite, wanted, missing


def row(cipher, direction):
    suite, names, _ = tests(cipher, direction)
    ours = "yes, KeyUpdate too" if cipher.version == ktls.TLS_1_3 else "yes"
    shown = ", ".join(f"`{name}`" for name in names)
    return (f"| {version(cipher)} {cipher.name} | {direction} | {stock(cipher, direction)} "
            f"| {review(cipher, direction)} | {ours} | {suite}: {shown} |\n")


def table():
    ciphers = sorted(ktls.OURS, key=lambda cipher: (cipher.version, cipher.kind))
    return HEAD + "".join(row(cipher, direction) for cipher in ciphers for direction in STREAMS)


def parts():
    """The README before the table, the table, and what follows."""
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    inside, _, after = rest.partition(END)
    return before, inside, after


def problems():
    wrong = [f"no case of {tests(cipher, direction)[0]} is called {name} for {cipher.label}"
             for cipher in ktls.OURS for direction in STREAMS
             for name in tests(cipher, direction)[2]]
    if parts()[1] != table() + "\n":
        wrong.append(f"{README.relative_to(TOP)} is out of date: "
                     "run tests/checklib/offload_table.py --write")
    return wrong


def main(arguments):
    if arguments == ["--write"]:
        before, _, after = parts()
        README.write_text(before + BEGIN + table() + "\n" + END + after, encoding="utf-8")
    elif arguments:
        print("usage: offload_table.py [--write]", file=sys.stderr)
        return 2
    wrong = problems()
    print("\n".join(wrong), end="\n" if wrong else "")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
