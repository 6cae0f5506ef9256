# SPDX-License-Identifier: GPL-2.0-or-later
"""Counters: what stands still is 0, what is not there fails."""

from lib.cases import Failed
from lib.counters import Moved


def test_moved_still_and_missing():
    moved = Moved({"a": 1, "b": 2}, {"a": 1, "b": 5, "new": 7})
    assert (moved["a"], moved["b"], moved["new"]) == (0, 3, 7)
    assert dict(moved.items()) == {"b": 3, "new": 7}
    assert "b" in moved and "a" not in moved
    for ask in (lambda: moved["c"], lambda: "c" in moved, lambda: moved.get("c", 0)):
        try:
            ask()
        except Failed as reason:
            assert "no counter c" in str(reason)
            continue
        raise AssertionError("a counter that is not there was taken for 0")
