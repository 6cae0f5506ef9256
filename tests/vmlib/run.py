# SPDX-License-Identifier: GPL-2.0-or-later
"""Running other programs: their output goes to a log, a failure names it."""

import subprocess

from . import ui

TAIL = 4096                 # bytes of a log that are looked at for its last lines


def logged(command, log, part, doing, **options):
    """Run a command, all output appended to the log; a failure shows what the log says."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as output_file:
        begin = output_file.tell()
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output_file,
                                       stderr=output_file, **options)
        except FileNotFoundError as error:
            raise ui.Failure(f"{part}: {doing}: {error.filename} not found") from None
    status = _wait_with_signs_of_life(process, log, part)
    if status:
        raise ui.Failure(f"{part}: {doing} failed (status {status}); the log is {log}\n"
                         + _what_went_wrong(log, begin))


def _wait_with_signs_of_life(process, log, part):
    """Wait for a process; now and then show the counter at the end of ninja's log."""
    while True:
        try:
            return process.wait(timeout=ui.REPORT_EVERY)
        except subprocess.TimeoutExpired:
            last = _lines(log)[-1:]
            if last and last[0].startswith("["):
                ui.say(part, last[0].partition(" ")[0])
        except BaseException:
            process.kill()
            process.wait()
            raise


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
    errors = [line for line in lines if "error:" in line or line.startswith("E: ")]
    return "\n".join("    " + line for line in (errors[:10] or lines[-10:]))
