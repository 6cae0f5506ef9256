# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs cases one after another and writes KTAP."""

import signal
import time
import traceback

from . import history, kmsg, timescale
from .cases import Context, Failed, Skipped


RECOVERY_SECONDS = 40
LONGEST_LINE = 600


class TimedOut(BaseException):
    """Not an Exception: no handler of a case may swallow it."""


def _on_alarm(_signal, _frame):
    raise TimedOut()


def _attempt(case, context, settle):
    """Run the case, and wait until nothing of it is left; the pair (verdict, reason)."""
    seconds = round(timescale.scaled(case.seconds))
    signal.alarm(seconds)
    try:
        with context:
            case.function(context, *case.args)
        settle()
        return "ok", ""
    except Skipped as reason:
        return "skip", str(reason)
    except Failed as reason:
        return "not ok", f"{reason}{_where(reason)}"
    except TimedOut as alarm:
        return "not ok", f"not done after {seconds} s{_where(alarm)}"
    except Exception as error:                      # pylint: disable=broad-except
        context.note(traceback.format_exc())
        return "not ok", f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)


def _where(error):
    """The line of the case (not of the library) at which a check failed."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if "/lib/" not in frame.filename]
    if not frames:
        return ""
    last = frames[-1]
    return f" ({last.filename.rsplit('/', 1)[-1]}:{last.lineno})"


def _say(text):
    print(text, flush=True)


def _diagnose(text):
    for line in text.rstrip().splitlines():
        _say(f"# {line[:LONGEST_LINE]}")


def _run_one(number, case, log, settle):
    context = Context(case.name)
    history.begin(case.name)
    begin = time.monotonic()
    verdict, reason = _attempt(case, context, settle)
    lines = log.new_lines()
    bad = kmsg.splats(lines, case.splats)
    if bad and verdict != "not ok":
        verdict, reason = "not ok", f"the kernel says: {bad[0]}"
    for note in context.notes:
        _diagnose(note)
    if verdict == "not ok":
        _diagnose(reason)
        for line in lines[-40:]:
            _diagnose(f"kernel: {line}")
    _diagnose(f"time: {time.monotonic() - begin:.2f} s")
    if verdict == "skip":
        _say(f"ok {number} {case.name} # SKIP {reason}")
    else:
        _say(f"{verdict} {number} {case.name}")
    return verdict != "not ok"


def _set_up(setup):
    """Why the guest cannot run the cases; empty if it can."""
    try:
        setup()
        return ""
    except (Failed, Skipped) as reason:
        return str(reason)


def _recover(recover, settle, log):
    signal.alarm(round(timescale.scaled(RECOVERY_SECONDS)))
    try:
        recover()
        settle()
    except (Exception, TimedOut) as error:          # pylint: disable=broad-except
        _diagnose(f"the guest could not be put right: {error!r}")
    finally:
        signal.alarm(0)
        log.new_lines()


def run(cases, setup, recover, settle=lambda: None):
    """Run them all; true if none failed. After a failure recover() puts the guest
    right, so that one failure does not become many. settle() waits until nothing is left of a
    case."""
    signal.signal(signal.SIGALRM, _on_alarm)
    log = kmsg.Log()
    _say("KTAP version 1")
    _say(f"1..{len(cases)}")
    reason = _set_up(setup)
    if reason:
        _say(f"Bail out! {reason}")
        return False
    good = True
    for number, case in enumerate(cases, 1):
        if not _run_one(number, case, log, settle):
            good = False
            _recover(recover, settle, log)
    return good
