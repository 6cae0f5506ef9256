# SPDX-License-Identifier: GPL-2.0-or-later
"""What the user sees: progress lines on stderr, and failures as one clear line."""

import contextlib
import signal
import sys
import threading
import time

STARTED = time.monotonic()
REPORT_EVERY = 15           # seconds between the signs of life of a long step

_lock = threading.Lock()


class Failure(Exception):
    """Something the user can act on: one line, and the exit status to end with."""

    def __init__(self, message, status=1):
        super().__init__(message)
        self.status = status


def program(name, function):
    """Run a program's body; return the exit status, having said what failed."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        return function()
    except Failure as failure:
        print(f"{name}: {failure}", file=sys.stderr)
        return failure.status
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def elapsed():
    return time.monotonic() - STARTED


def ago(moment):
    """How long that time is ago, in words."""
    passed = max(0, time.time() - moment)
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if passed >= 2 * size:
            return f"{passed // size:.0f} {name} ago"
    return f"{passed:.0f} seconds ago"


def say(part, text):
    """One aligned progress line: since the start, which part, what happens."""
    with _lock:
        print(f"{elapsed():7.1f} s  {part:<8} {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(part, text):
    """Report a step when it starts and how long it took when it is done."""
    say(part, f"{text} ...")
    begin = time.monotonic()
    yield
    say(part, f"{text}: {time.monotonic() - begin:.1f} s")
