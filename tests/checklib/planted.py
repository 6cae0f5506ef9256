# SPDX-License-Identifier: GPL-2.0-or-later
"""Planted bugs: patches of the driver, and the tests that are to notice them.

Each tests/planted/*.patch begins with what is wrong, and then two lines:

    Test: how to call tests/check, see TEST
    Seen: a regular expression that what the tests say must match

so that a build that fails, or a guest that does not boot, notices nothing."""

import filecmp
import os
import re
import shutil
import subprocess
import time

from vmlib import paths, ui

from .suites import plan

DIRECTORY = paths.TOP / "tests/planted"
NAMES = tuple(sorted(path.stem for path in DIRECTORY.glob("*.patch")))
OUTPUT = paths.BUILD / "planted"
TREE = OUTPUT / "tree"              # its build/ stays, so that little is built again
NOT_COPIED = {".git", "build", "__pycache__"}
TEST = r"((?:--debug --variant \w+ )?)((?:--only \S+ )+)([\w-]+)"
SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)
FAILED = 1                          # tests/check's status if tests failed


class Bug:
    """One patch."""

    def __init__(self, name):
        self.name = name
        self.patch = DIRECTORY / f"{name}.patch"
        text = self.patch.read_text(encoding="utf-8")
        self.test = self._header(text, "Test")
        _, self.patterns, self.suite = parts(self.test)
        self.seen = re.compile(self._header(text, "Seen"))

    def patched(self, tree, *how):
        """Call patch on a tree; why it could not be done, or empty."""
        done = subprocess.run(["patch", "-p1", "--fuzz=0", "--batch", *how, "-i", self.patch],
                              cwd=tree, stdout=subprocess.PIPE, text=True, check=False)
        return f"{self.patch.name} does not fit: {done.stdout.strip()}" if done.returncode else ""

    def misfit(self):
        """Why the patch cannot be applied to the tree as it is; empty if it can."""
        return self.patched(paths.TOP, "--forward", "--dry-run")

    def cases(self):
        """The names of the cases that are to notice it."""
        choice = plan.Choice(self.patterns)
        return [case.name for group in plan.suite(self.suite) for case in group.cases(choice)]

    def _header(self, text, key):
        found = re.search(rf"^{key}: (.+)$", text, re.M)
        if not found:
            raise ui.Failure(f"{self.patch.name} has no line \"{key}: ...\"")
        return found[1]


class Copy:
    """A copy of the tree, to plant bugs in. Nothing is ever changed in the tree itself."""

    def __init__(self):
        TREE.mkdir(parents=True, exist_ok=True)
        wanted = set(_files(paths.TOP))
        for name in set(_files(TREE)) - wanted:
            (TREE / name).unlink()
        for name in wanted:
            _copy_if_other(paths.TOP / name, TREE / name)

    def is_quiet(self, test):
        """Whether the tests pass without a bug: (problem or None, notes)."""
        status, text, took = self._check(test, "without" + "-debug" * ("--debug" in test))
        return None if status == 0 else _summary(status, text), [took]

    def notices(self, bug):
        """Whether the tests find the bug, and call it by its name."""
        self._patch(bug, "--forward")
        try:
            status, text, took = self._check(bug.test, bug.name)
        finally:
            self._patch(bug, "--reverse")
        match = next(filter(None, map(bug.seen.search, text.splitlines())), None)
        notes = [f"tests/check {bug.test}", took]
        if status == 0:
            return "nobody noticed", notes
        if status != FAILED or not match:
            return f"something else happened: {_summary(status, text)}", notes
        return None, [*notes, match.string.lstrip(" #")]

    @staticmethod
    def _patch(bug, direction):
        misfit = bug.patched(TREE, direction)
        if misfit:
            raise ui.Failure(misfit)

    @staticmethod
    def _check(test, name):
        """Run tests/check in the copy: its status, all it said, and how long it took."""
        begin = time.monotonic()
        log = OUTPUT / f"{name}.log"
        with ui.step("planted", name), open(log, "w", encoding="utf-8") as file:
            status = subprocess.run([TREE / "tests/check", *test.split()],
                                    stdin=subprocess.DEVNULL, stdout=file,
                                    stderr=subprocess.STDOUT, check=False).returncode
        return (status, log.read_text(encoding="utf-8", errors="replace"),
                f"{time.monotonic() - begin:.0f} seconds")


def parts(test):
    """(flags, patterns, suite) of a call of tests/check."""
    found = re.fullmatch(TEST, test)
    if not found:
        raise ui.Failure(f"planted: \"Test: {test}\" is not like {TEST}")
    flags, patterns, suite = found.groups()
    return flags, tuple(patterns.split()[1::2]), suite


def together(tests):
    """Fewer calls of tests/check that run all that these do: one for each kernel."""
    merged = {}
    for test in dict.fromkeys(tests):
        flags, patterns, suite = parts(test)
        words, names = merged.setdefault(flags, ([], []))
        words += [word for word in patterns if word not in words]
        names += [suite] if suite not in names else []
    return [flags + " ".join([f"--only {word}" for word in words] + names)
            for flags, (words, names) in merged.items()]


def _files(top):
    """What a tree consists of, as paths below its top."""
    for directory, subdirectories, names in os.walk(top):
        subdirectories[:] = set(subdirectories) - NOT_COPIED
        for name in names:
            yield os.path.relpath(os.path.join(directory, name), top)


def _copy_if_other(source, target):
    """A copied file is new, whatever the age of its source: what was built from another
    content, with a bug in it, must be built again. What is the same stays as old as it is."""
    if not (target.exists() and filecmp.cmp(source, target, shallow=False)):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def _summary(status, text):
    """What there is to say of a run that did not go as it should."""
    found = SUMMARY.search(text)
    failed = [line.strip(" #") for line in text.splitlines() if line.startswith("# failed:")]
    return "; ".join([found[0] if found else f"status {status}", *failed[:3]])
