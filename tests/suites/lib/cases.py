# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases: how a module names them, and what a running case is given."""

import contextlib

CASE_SECONDS = 100


class Failed(Exception):
    """The case found something wrong."""


class Skipped(Exception):
    """The case cannot say anything here; the message says why."""


class Case:
    def __init__(self, name, function=None, args=(), seconds=CASE_SECONDS, splats=(), every=False,
                 both=False, tls=None):
        self.name = name
        self.function = function
        self.args = args
        self.seconds = seconds
        self.splats = splats        # messages of the kernel that this case provokes
        self.every = every          # runs only where all is asked for, or by name
        self.both = both            # takes no turns: runs plain and behind the IOMMU
        # Which tls.ko it is for, "stock" or "ours", if not for both; an argument may tell.
        self.tls = tls or next(filter(None, (getattr(arg, "tls", None) for arg in args)), None)


class Registry:
    """The cases of one module, in the order in which they are written."""

    def __init__(self):
        self.cases = []

    def add(self, name, function, *args, **options):
        if any(case.name == name for case in self.cases):
            raise ValueError(f"case {name} is there twice")
        self.cases.append(Case(name, function, args, **options))

    def case(self, name, **options):
        def register(function):
            self.add(name, function, **options)
            return function
        return register


class Context(contextlib.ExitStack):
    """Given to each case. Whatever it registers (callback, enter_context) is
    undone when the case ends, however it ends."""

    def __init__(self, name):
        super().__init__()
        self.name = name
        self.notes = []

    def note(self, text):
        """A line of diagnosis that goes under the result."""
        self.notes.append(str(text))


def check(condition, message):
    if not condition:
        raise Failed(message)


def equal(got, want, what):
    if got != want:
        raise Failed(f"{what}: {got!r}, expected {want!r}")


def at_least(got, least, what):
    if got < least:
        raise Failed(f"{what}: {got!r}, expected at least {least!r}")


def must_fail(what, function, *args):
    """A check that is made with the offload off does not pass."""
    try:
        function(*args)
    except Failed:
        return
    raise Failed(f"{what} passed, though the offload was off")


def skip(reason):
    raise Skipped(reason)
