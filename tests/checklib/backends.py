# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases that ask of the hardware what the driver's second hardware half is not: the list
tests/mailbox.txt, for `--backend mailbox`. They run, and must fail, just as the list says.

An entry is a line of three columns, apart by two spaces or more:

    CASE  SAYS  WHY

CASE: SUITE/GROUP/NAME, with * as in a shell.
SAYS: how the case fails, with * as in a shell. If it can fail in several ways, as time goes,
it has several lines.
WHY: why it cannot be otherwise."""

import fnmatch
import pathlib
import re
from dataclasses import dataclass

from vmlib import modules, paths, ui

NAME = "tests/mailbox.txt"
LIST = paths.TOP / NAME


@dataclass(frozen=True)
class Entry:
    place: str                  # FILE:LINE
    case: str
    says: str
    why: str

    def matches(self, case):
        """A job's name may have labels before the suite's: a kernel line, a variant."""
        return any(fnmatch.fnmatchcase(case, pattern) for pattern in (self.case, f"*/{self.case}"))


class Limits:
    """The list, while a run uses it."""

    def __init__(self, path=LIST):
        self.entries = _read(pathlib.Path(path))

    def of(self, case):
        """The entries for a case SUITE/GROUP/NAME."""
        return [entry for entry in self.entries if entry.matches(case)]

    def judge(self, group, result):
        """A listed case is expected to fail, in the way that is listed, and in no other; one
        that passes is listed wrongly."""
        if group.facts.get("backend") != modules.MAILBOX:
            return
        entries = self.of(f"{group.name}/{result.name}")
        if not entries:
            return
        place = entries[0].place
        if result.verdict == "passed":
            result.verdict = "failed"
            result.reason = f"it passes, but {place} says that it cannot: {entries[0].why}"
        elif result.verdict == "failed":
            why = next((entry.why for entry in entries
                        if fnmatch.fnmatchcase(result.reason, entry.says)), None)
            if why:
                result.verdict, result.reason = "skipped", why
            else:
                result.reason += f" ({place} says: {entries[0].says})"


def _read(path):
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ui.Failure(f"{path}: {error.strerror}", status=2) from None
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            columns = re.split(r" {2,}", line.strip(), maxsplit=2)
            if len(columns) != 3:
                raise ui.Failure(f"{path.name}:{number}: not CASE, SAYS and WHY", status=2)
            entries.append(Entry(f"{path.name}:{number}", *columns))
    return entries
