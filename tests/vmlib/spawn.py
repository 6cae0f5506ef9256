# SPDX-License-Identifier: GPL-2.0-or-later
"""Running other programs: their output goes to a log, a failure names it."""

import os
import signal
import subprocess
import threading

from . import ui

STOP_SECONDS = 10           # for a process to end by itself once it is told to
TAIL = 4096                 # bytes of a log that are looked at for its last lines


class Stopped(Exception):
    """stop_all() was called: something else has failed, and says so."""


_running = set()
_stopping = threading.Event()


def dying_with_us(command, with_signal):
    """The command such that, whatever happens to us, it does not outlive us."""
    return ["setpriv", "--pdeathsig", with_signal, "--", *map(str, command)]


def stop_all():
    """End every program that other threads run: nobody waits for it any more."""
    _stopping.set()
    for process in list(_running):
        try:
            os.killpg(process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass


def check_stopped():
    """Raise Stopped if nothing more is to be begun."""
    if _stopping.is_set():
        raise Stopped


def logged(command, log, part, doing, **options):
    """Run a command, all output appended to the log; a failure shows what the log says."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as output_file:
        begin = output_file.tell()
        process = subprocess.Popen(dying_with_us(command, "TERM"), stdin=subprocess.DEVNULL,
                                   stdout=output_file, stderr=output_file,
                                   start_new_session=True, **options)
    status = _wait_with_signs_of_life(process, log, part)
    check_stopped()
    if status:
        raise ui.Failure(f"{part}: {doing} failed (status {status}); the log is {log}\n"
                         + _what_went_wrong(log, begin))


def _wait_with_signs_of_life(process, log, part):
    """Wait for a process; now and then show the counter at the end of ninja's log."""
    _running.add(process)
    try:
        if _stopping.is_set():
            os.killpg(process.pid, signal.SIGTERM)
        while True:
            try:
                return process.wait(timeout=ui.REPORT_EVERY)
            except subprocess.TimeoutExpired:
                last = _lines(log)[-1:]
                if last and last[0].startswith("["):
                    ui.say(part, last[0].partition(" ")[0])
    finally:
        _running.discard(process)
        _end(process)


def _end(process):
    """Make sure that a process is gone; it may have to clean up after itself."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def output(command, **options):
    """Return what a command prints, or None if it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False, **options)
    return done.stdout if done.returncode == 0 else None


def _lines(log, begin=None):
    with open(log, "rb") as handle:
        size = handle.seek(0, 2)
        handle.seek(max(0, size - TAIL) if begin is None else begin)
        return handle.read().decode(errors="replace").splitlines()


def _what_went_wrong(log, begin):
    """The compiler's errors if there are any, else the end of the log."""
    lines = _lines(log, begin)
    errors = [line for line in lines if "error:" in line or line.startswith(("E: ", "setpriv: "))]
    return "\n".join("    " + line for line in (errors[:10] or lines[-10:]))
