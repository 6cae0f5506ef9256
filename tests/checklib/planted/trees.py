# SPDX-License-Identifier: GPL-2.0-or-later
"""Copies of the source tree, to plant in. Nothing is ever changed in the tree itself.

A copy's build/ stays, so that little is built again. QEMU is built in the cache, by one
copy after the other, and each keeps the program that it got: only a change of the model
that tests of a guest are to notice costs a build there."""

import contextlib
import fcntl
import filecmp
import os
import queue
import re
import shutil
import signal
import subprocess
import threading
import time

from vmlib import paths, ui

OUTPUT = paths.BUILD / "planted"
NOT_COPIED = {".git", "build", "__pycache__"}
NOT_OK = re.compile(r"^\s*not ok ")
# A change that makes the compiler warn is to be noticed by tests all the same.
ENVIRONMENT = {**os.environ, "WERROR": ""}
FOR_EVER = 24 * 3600
KILL_AFTER = 30             # seconds that a call has to end after it was asked to


@contextlib.contextmanager
def alone():
    """All copies are this run's: another would take its bugs for ours, or away."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with open(OUTPUT / "lock", "w", encoding="ascii") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ui.Failure(f"another check-planted runs in {OUTPUT}") from None
        yield


class Said:
    """What a call of tests came to."""

    def __init__(self, status, text, seconds):
        self.status = status
        self.text = text
        self.seconds = seconds

    @property
    def took(self):
        return f"{self.seconds:.0f} seconds"


class Tree:
    """One copy, as the source tree is now."""

    def __init__(self, number):
        self.digests = {}           # of what is built from it unchanged, see mutants.py
        self.top = OUTPUT / f"tree-{number}"
        self.process = None         # the tests that run in it
        self.top.mkdir(parents=True, exist_ok=True)
        wanted = set(_files(paths.TOP))
        for name in set(_files(self.top)) - wanted:
            (self.top / name).unlink()
        for name in wanted:
            _copy_if_other(paths.TOP / name, self.top / name)

    @contextlib.contextmanager
    def planted(self, patch):
        """With this patch in it."""
        self._patch(patch, "--forward")
        try:
            yield
        finally:
            self._patch(patch, "--reverse")

    @contextlib.contextmanager
    def changed(self, name, text):
        """With another content of one file."""
        path = self.top / name
        before = path.read_bytes()
        path.write_text(text, encoding="utf-8")
        try:
            yield
        finally:
            path.write_bytes(before)

    def run(self, call, log, seconds=None, until=None):
        """Call tests; what they say goes to a log, too. With a limit of time the status of
        those that exceed it is None. until: a line like this is enough to know that they fail;
        then they are ended."""
        begin = time.monotonic()
        path = OUTPUT / f"{log}.log"
        with open(path, "w", encoding="utf-8") as file, \
                subprocess.Popen(call.command(self.top), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 errors="replace", start_new_session=True,
                                 env=ENVIRONMENT) as process:
            self.process = process
            status = follow(process, file, seconds, until, call.failed)
        return Said(status, path.read_text(encoding="utf-8"), time.monotonic() - begin)

    def stop(self):
        """End the tests that run in it, if there are any."""
        if self.process:
            _stop(self.process)

    def build(self, words):
        """Whether this command, which begins at the top, builds what it is to."""
        return subprocess.run([word.format(top=self.top) for word in words], cwd=self.top,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, env=ENVIRONMENT,
                              check=False).returncode == 0

    def _patch(self, patch, direction):
        misfit = patch.patched(self.top, direction)
        if misfit:
            raise ui.Failure(misfit)


class Pool:
    """So many copies, each used by one thread at a time."""

    def __init__(self, number):
        self.trees = [Tree(i + 1) for i in range(number)]
        self.free = queue.SimpleQueue()
        for tree in self.trees:
            self.free.put(tree)

    @contextlib.contextmanager
    def tree(self):
        tree = self.free.get()
        try:
            yield tree
        finally:
            self.free.put(tree)

    def stop(self):
        """End whatever tests run."""
        for tree in self.trees:
            tree.stop()


def follow(process, file, seconds, until, failed):
    """Take in what it says, to its end or until it has had its time; the exit status. until:
    a line like this ends it, with the status of tests that failed."""
    timed_out = threading.Event()

    def end():
        timed_out.set()
        _stop(process)

    timer = threading.Timer(seconds or FOR_EVER, end)
    timer.start()
    try:
        for line in process.stdout:
            file.write(line)
            if until and until.search(line):
                _stop(process)
                return failed
        status = process.wait()
        return None if timed_out.is_set() else status
    finally:
        timer.cancel()
        _stop(process)


def _stop(process):
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(KILL_AFTER)


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
