# SPDX-License-Identifier: GPL-2.0-or-later
"""Mutants: mechanical changes of driver and model, a seeded sample of all that there are,
and the tests that could notice each.

Which these are tests/planted/mutants.map says, of which a line is

    NAME = CALL             a call of tests, see calls.py
    FILES: NAME ...         for a mutant of such a file; the first line that fits counts

The calls follow each other until one notices. A mutant that does not build, or whose
object code is that of the original, is none."""

import fnmatch
import hashlib
import pathlib
import subprocess
import tempfile
from dataclasses import dataclass

from vmlib import paths, ui

from . import calls, mutate, patches, trees
from .steps import Outcome, Step

MAP = patches.DIRECTORY / "mutants.map"
SOURCES = ("drivers/net/ethernet/ktlsnic/*.[ch]", "hw-model/*/*.[ch]")
# Both sides are made of the first, so that what changes there changes for both; nothing
# runs the second, and the others run with `--backend mailbox` only.
NONE_OF = ("drivers/net/ethernet/ktlsnic/ktlsnic_hw.h",
           "drivers/net/ethernet/ktlsnic/ktlsnic_tls_stub.c",
           "drivers/net/ethernet/ktlsnic/ktlsnic_mbox.c",
           "drivers/net/ethernet/ktlsnic/ktlsnic_mbox_fw.c",
           "drivers/net/ethernet/ktlsnic/ktlsnic_mbox_fw.h")
# More than any call takes, with guests or without: a mutant may loop for ever.
SECONDS, NATIVE_SECONDS = 1200, 400

LEAST = 0.8                 # share of the mutants that must be noticed

NOTICED, SURVIVED, UNBUILT, SAME = "noticed", "survived", "do not build", "change nothing"


@dataclass(frozen=True)
class Mutant:
    name: str                   # of the file
    text: str                   # of it, unchanged
    mutation: mutate.Mutation

    @property
    def title(self):
        return f"{self.name}:{self.mutation.line(self.text)}: {self.mutation.what}"


@dataclass
class Kind:
    """What is built of a file: how, and where the object code is."""
    build: tuple
    objects: str                # below the top of a tree
    strip: bool = False         # debugging data knows more than the code does


MODEL = Kind(("make", "-s", "-C", "hw-model", "CFLAGS=-O2", "BUILD={top}/build/mutants"),
             "build/mutants/native/**/*.o")
FACE = Kind(("tests/prepare", "qemu"), "build/qemu/qemu-system-*")
DRIVER = Kind(("tests/prepare", "modules"), "build/modules/*/drivers/**/ktlsnic_*.o", strip=True)


def kind(name):
    if not name.startswith("hw-model/"):
        return DRIVER
    return FACE if name.startswith("hw-model/qemu/") else MODEL


def sample(number, seed, files="*"):
    """So many mutants of the files whose names match."""
    texts = {str(path.relative_to(paths.TOP)): path.read_text(encoding="utf-8")
             for pattern in SOURCES for path in paths.TOP.glob(pattern)}
    texts = {name: text for name, text in texts.items()
             if name not in NONE_OF and fnmatch.fnmatchcase(name, files)}
    return [Mutant(name, texts[name], mutation)
            for name, mutation in mutate.sample(texts, number, seed)]


def notice(name, text=None):
    """The calls that could notice a mutant of this file, in their order."""
    named = {}
    for line in (text or MAP.read_text(encoding="utf-8")).splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if " = " in line:
            key, call = line.split(" = ", 1)
            named[key.strip()] = calls.parse(call.strip())
            continue
        files, _, names = line.partition(":")
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in files.split()):
            return [named[key] for key in names.split()]
    raise ui.Failure(f"{MAP.name} says nothing of {name}")


def step(mutant, found):
    """found: verdict -> mutants, for the shares at the end."""
    def run(tree):
        verdict, notes = _judge(tree, mutant)
        found.setdefault(verdict, []).append(mutant)
        return Outcome(None, [*mutant.mutation.difference(mutant.text), verdict, *notes])
    return Step(mutant.title, run)


def noticed(verdicts):
    """How many were, and of how many."""
    part = len(verdicts.get(NOTICED, ()))
    return part, part + len(verdicts.get(SURVIVED, ()))


def too_few(verdicts):
    """What is wrong if too many survived, or None."""
    part, whole = noticed(verdicts)
    if not whole:
        return "there was no mutant that builds and changes something"
    return f"less than {LEAST:.0%} noticed" if part < LEAST * whole else None


def _judge(tree, mutant):
    what = kind(mutant.name)
    before = _original(tree, what)
    with tree.changed(mutant.name, mutant.mutation.of(mutant.text)):
        if not tree.build(what.build):
            return UNBUILT, []
        if _digest(tree, what) == before:
            return SAME, []
        for call in notice(mutant.name):
            log = "mutant-" + mutant.title.split(": ")[0].replace("/", "-").replace(":", "-")
            seconds = NATIVE_SECONDS if call.native else SECONDS
            said = tree.run(call, log, seconds, until=trees.NOT_OK)
            if said.status != 0:
                return NOTICED, [f"{call.text}: {_reason(said)}", said.took]
    return SURVIVED, []


def _original(tree, what):
    """The digest of what is built without a change."""
    if what.objects not in tree.digests:
        if not tree.build(what.build):
            raise ui.Failure(f"{' '.join(what.build)} fails without any mutant")
        tree.digests[what.objects] = _digest(tree, what)
    return tree.digests[what.objects]


def _digest(tree, what):
    state = hashlib.sha256()
    found = sorted(tree.top.glob(what.objects))
    if not found:
        raise ui.Failure(f"{' '.join(what.build)} made no {what.objects}")
    for path in found:
        code = without_debugging(path) if what.strip else path.read_bytes()
        state.update(f"{path.name} {len(code)}\n".encode() + code)
    return state.hexdigest()


def without_debugging(path):
    # objcopy replaces its output: never a device
    with tempfile.TemporaryDirectory() as directory:
        stripped = pathlib.Path(directory, path.name)
        subprocess.run(["objcopy", "--strip-debug", path, stripped], check=True)
        return stripped.read_bytes()


def _reason(said):
    if said.status is None:
        return f"not done after {said.took}"
    found = [line.strip() for line in said.text.splitlines()
             if line.lstrip().startswith("not ok")]
    return found[0] if found else f"status {said.status}"
