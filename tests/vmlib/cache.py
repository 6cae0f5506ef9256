# SPDX-License-Identifier: GPL-2.0-or-later
"""The cache of what is downloaded or built from other people's sources.

An entry is a directory named after what is in it, its version, and a hash of its inputs.
It is filled under another name and renamed when complete, so that an entry that exists is
whole; a lock keeps two runs from filling the same one.
"""

import ast
import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import tempfile

from . import paths, spawn

LOCK = ".lock"              # what follows an entry's name in that of its lock
PARTIAL = ".partial-"       # and in that of a directory in which it is being filled


def digest(*inputs):
    """A short hash of strings, bytes and lists of them."""
    state = hashlib.sha256()
    for item in inputs:
        data = item if isinstance(item, bytes) else repr(item).encode()
        state.update(b"%d:" % len(data) + data)
    return state.hexdigest()[:12]


@contextlib.contextmanager
def lock(path):
    """Hold an exclusive lock on a file; it ends with the process at the latest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="ascii") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def recipe(*modules):
    """What these modules of vmlib do, as an input: their code, whatever comments say."""
    files = [pathlib.Path(__file__).with_name(f"{name}.py") for name in modules]
    return [ast.dump(ast.parse(path.read_text(encoding="utf-8"))) for path in files]


class Entry:
    """An entry, be it there or not; fill(directory) puts the content in place."""

    def __init__(self, name, inputs, fill):
        self.path = paths.cache() / f"{name}-{digest(*inputs)}"
        self._fill = fill

    def get(self):
        """The directory, filled first if it is not there; if that fails, nothing remains."""
        if not self.path.is_dir():
            with lock(self.path.with_name(self.path.name + LOCK)):
                if not self.path.is_dir():
                    spawn.check_stopped()
                    _fill_and_rename(self.path, self._fill)
        return self.path


def _fill_and_rename(final, fill):
    for stale in final.parent.glob(f"{final.name}{PARTIAL}*"):
        shutil.rmtree(stale, ignore_errors=True)
    partial = pathlib.Path(tempfile.mkdtemp(prefix=final.name + PARTIAL, dir=final.parent))
    partial.chmod(0o755)
    try:
        fill(partial)
        os.rename(partial, final)
    finally:
        # What fill() ran may still be cleaning up there itself.
        shutil.rmtree(partial, ignore_errors=True)


def remove_tree(path):
    if path.is_dir():
        shutil.rmtree(path)
