# SPDX-License-Identifier: GPL-2.0-or-later
"""What is planted: tests/planted/*.patch, of driver, model or kTLS. Each begins with
what is wrong, and then two lines:

    Test: how to call tests that are to notice it, see calls.py
    Seen: a regular expression that a line of what they say must match

so that a build that fails, or a guest that does not boot, notices nothing. Patches in
tests/planted/blind/ have the line `Suites: NAME ...` instead, see blind.py."""

import re
import subprocess

from vmlib import paths, ui

from . import calls

DIRECTORY = paths.TOP / "tests/planted"
BLIND = DIRECTORY / "blind"


class Patch:
    def __init__(self, name, path):
        self.name = name
        self.path = path
        self.text = path.read_text(encoding="utf-8")

    @property
    def what(self):
        """What is wrong."""
        return self.text.split("\n\n")[1]

    def patched(self, tree, *how):
        """Call patch on a tree; why it could not be done, or empty."""
        done = subprocess.run(["patch", "-p1", "--fuzz=0", "--batch", *how, "-i", self.path],
                              cwd=tree, stdout=subprocess.PIPE, text=True, check=False)
        return f"{self.path.name} does not fit: {done.stdout.strip()}" if done.returncode else ""

    def misfit(self):
        """Why the patch cannot be applied to the tree as it is; empty if it can."""
        return self.patched(paths.TOP, "--forward", "--dry-run")

    def header(self, key):
        found = re.search(rf"^{key}: (.+)$", self.text, re.M)
        if not found:
            raise ui.Failure(f"{self.path.name} has no line \"{key}: ...\"")
        return found[1]


class Bug(Patch):
    def __init__(self, name):
        super().__init__(name, DIRECTORY / f"{name}.patch")
        self.call = calls.parse(self.header("Test"))
        self.seen = re.compile(self.header("Seen"))


BUGS = tuple(sorted(path.stem for path in DIRECTORY.glob("*.patch")))
BLIND_RUNS = tuple(sorted(f"blind-{path.stem}" for path in BLIND.glob("*.patch")))


def blind(name):
    return Patch(name, BLIND / f"{name.removeprefix('blind-')}.patch")
