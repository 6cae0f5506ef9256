# SPDX-License-Identifier: GPL-2.0-or-later
"""The ways to call tests, as the patches and the map of the mutants name them:

    unit/PROGRAM                            a native program: tests/unit/test_PROGRAM.c
    nic/face                                QEMU's side of the device, without a guest
    net-tls/PROGRAM                         kTLS in a guest: a program of suite net-tls
    [--debug --variant NAME | --tls ours] [--only PATTERN]... SUITE
                                            guests: arguments of tests/check"""

import re
from dataclasses import dataclass

from vmlib import paths, ui

from ..suites import NET_TLS_EVERY, plan

GUEST = re.compile(r"((?:--debug --variant \w+ |--tls ours )?)((?:--only \S+ )*)([\w-]+)")
FACE = "nic/face"
UNIT = "unit/"
NET_TLS = "net-tls/"
MAKE_FAILED = 2


@dataclass(frozen=True)
class Call:
    """One of them."""
    text: str

    @property
    def native(self):
        """Whether it boots no guest."""
        return self.text == FACE or self.text.startswith(UNIT)

    @property
    def program(self):
        """The words of the program of suite net-tls that it is, or None."""
        name = self.text.removeprefix(NET_TLS)
        return NET_TLS_EVERY.get(name) if name != self.text else None

    @property
    def whole(self):
        """Whether it is a program of its own, not a choice of cases of tests/check."""
        return self.native or bool(self.program)

    @property
    def failed(self):
        """The exit status with which it says that tests failed."""
        return MAKE_FAILED if self.text.startswith(UNIT) else 1

    def command(self, top):
        """What to run, in a tree with this top. Several run at a time as it is, so that each
        has one guest at a time."""
        if self.text == FACE:
            return (top / "tests/face/run",)
        if self.text.startswith(UNIT):
            return ("make", "-s", "--no-print-directory", "-C", top / "tests/unit", "check",
                    f"T={self.text.removeprefix(UNIT)}")
        if self.program:
            name, *words = self.program
            return (top / "tests/net-tls" / name, *words)
        return (top / "tests/check", "--jobs", "1", *self.text.split())

    def cases(self):
        """The names of what it runs, as far as they are known beforehand."""
        if self.text == FACE or self.program:
            return [self.text]
        if self.text.startswith(UNIT):
            name = self.text.removeprefix(UNIT)
            return [path.stem for path in (paths.TOP / "tests/unit").glob(f"test_{name}.c")]
        _, patterns, suite = parts(self.text)
        choice = plan.Choice(patterns)
        return [case.name for group in plan.suite(suite) for case in group.cases(choice)]


def parse(text):
    call = Call(text)
    if not call.whole:
        parts(text)
    return call


def parts(text):
    """(flags, patterns, suite) of a call of tests/check."""
    found = GUEST.fullmatch(text)
    if not found:
        raise ui.Failure(f"planted: \"{text}\" is not one of the ways to call tests:\n{__doc__}")
    flags, patterns, suite = found.groups()
    return flags, tuple(patterns.split()[1::2]), suite


def together(texts):
    """Fewer calls that run all that these do: those of tests/check become one for each kernel."""
    merged, whole = {}, []
    for text in dict.fromkeys(texts):
        if parse(text).whole:
            whole.append(text)
            continue
        flags, patterns, suite = parts(text)
        words, names = merged.setdefault(flags, ([], []))
        words += [word for word in patterns if word not in words]
        names += [suite] if suite not in names else []
    return whole + [flags + " ".join([f"--only {word}" for word in words] + names)
                     for flags, (words, names) in merged.items()]
