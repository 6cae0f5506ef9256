# SPDX-License-Identifier: GPL-2.0-or-later
"""Counters between two readings. A check of a counter that is not there proves nothing,
so asking for one fails."""

from collections.abc import Mapping

from .cases import Failed


class Moved(Mapping):
    """By how much each counter moved from one reading (name -> value) to a later one.
    A counter that stood still is 0; one that the later reading does not have fails.
    Goes through the names of those that moved."""

    def __init__(self, before, after):
        self._names = after.keys()
        self._moved = {name: value - before.get(name, 0) for name, value in after.items()
                       if value != before.get(name, 0)}

    def __getitem__(self, name):
        if name not in self._names:
            raise Failed(f"there is no counter {name}")
        return self._moved.get(name, 0)

    def __contains__(self, name):
        return self[name] != 0

    def __iter__(self):
        return iter(self._moved)

    def __len__(self):
        return len(self._moved)
