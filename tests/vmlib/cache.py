# SPDX-License-Identifier: GPL-2.0-or-later
"""The cache of what is downloaded or built from other people's sources.

An entry is a directory named after a hash of its inputs.  It is filled under
another name and renamed when complete, so that an entry that exists is whole;
a lock keeps two runs from filling the same one.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import tempfile

from . import paths, run


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


def entry(name, inputs, fill):
    """Return the directory of the entry, filling it first if it is not there.

    fill(directory) puts the content in place; if it fails, nothing remains.
    """
    final = paths.cache() / f"{name}-{digest(*inputs)}"
    if final.is_dir():
        return final
    with lock(final.with_name(final.name + ".lock")):
        if not final.is_dir():
            run.check_stopped()
            _fill_and_rename(final, fill)
    return final


def _fill_and_rename(final, fill):
    for stale in final.parent.glob(final.name + ".partial-*"):
        shutil.rmtree(stale, ignore_errors=True)
    partial = pathlib.Path(tempfile.mkdtemp(prefix=final.name + ".partial-", dir=final.parent))
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
