# SPDX-License-Identifier: GPL-2.0-or-later
"""A directory for each run, build/vm/NAME; old ones go."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import tempfile
import time

from . import paths

KEEP = 20
RUNS = paths.BUILD / "vm"


@contextlib.contextmanager
def create():
    """A new run's directory, in use until the end; the console's log stays after."""
    RUNS.mkdir(parents=True, exist_ok=True)
    prefix = time.strftime("%m%d-%H%M%S-")
    directory = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=RUNS))
    with open(directory / "in-use", "w", encoding="ascii") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        _prune()
        _point_latest_at(directory)
        try:
            yield directory
        finally:
            for path in directory.rglob("initramfs"):
                path.unlink()


def below(directory, name):
    path = directory / name
    path.mkdir()
    return path


def _point_latest_at(directory):
    link = directory / "latest"
    link.symlink_to(directory.name)
    os.replace(link, RUNS / "latest")


def _prune():
    """Remove all but the newest runs, unless they are still going on."""
    runs = sorted(path for path in RUNS.iterdir() if path.is_dir() and not path.is_symlink())
    for path in runs[:-KEEP]:
        if not _in_use(path):
            # Another run may be removing it at this moment.
            shutil.rmtree(path, ignore_errors=True)


def _in_use(directory):
    try:
        with open(directory / "in-use", "r", encoding="ascii") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except FileNotFoundError:
        return False            # its creator has not got so far, or it is being removed
    except BlockingIOError:
        return True
