# SPDX-License-Identifier: GPL-2.0-or-later
"""The last cases of a guest, after all others: `tests/check --debug` adds them.

They find what no single case can see: memory and mappings that were not given
back, references that are still held, and checks that had switched themselves
off on the way."""

import contextlib
import os
import pathlib
import re

from vmlib import environ

from . import kallsyms, kmemleak, nic, pageowner, system, wait
from .cases import Failed, Registry, check, equal, skip
from .system import DEBUGFS, NETIF, run

registry = Registry()
MODULES = ("ktlsnic", "tls")
TASK_FRAG_PAGES = 8         # SKB_FRAG_PAGE_ORDER
_symbols = []


def after(cases):
    """These, and then those of here if whoever boots the guest wants them."""
    return cases + (registry.cases if os.environ.get(environ.ENDING) else [])


@registry.case("driver-unload")
def driver_unload(_context):
    """The driver can go: nothing holds its ports, and no DMA mapping is left (the
    kernel tells of those when the driver lets go of the device). So can tls.ko."""
    nic.only_on_ktlsnic()
    _symbols.append(kallsyms.Resolver(MODULES))
    run("rmmod", "ktlsnic")
    check(not system.succeeds("ip", "link", "show", NETIF), "the port outlived its driver")
    if _loaded("tls") is not None:
        for user in pathlib.Path("/sys/module/tls/holders").iterdir():      # bonding
            run("rmmod", user.name)
        wait.until(lambda: _loaded("tls") == 0, "no socket holds tls.ko")
        run("rmmod", "tls")


def _loaded(module):
    """How many hold a module; None if it is not loaded, or built in."""
    path = pathlib.Path("/sys/module", module, "refcnt")
    return int(path.read_text(encoding="ascii")) if path.exists() else None


@registry.case("pages-freed")
def pages(context):
    """Of the pages that the driver took for its rings, and tls.ko for records, none is
    left but the one piece that this process keeps for its next record."""
    if not pageowner.exists():
        skip("this kernel does not say who owns a page")
    check(_symbols, "the driver was not unloaded")
    system.free_deferred()
    for module, spare in (("ktlsnic", 0), ("tls", TASK_FRAG_PAGES)):
        found = _held_for_good(module, spare)
        for number, stack in found[:3]:
            context.note(f"{number} pages:")
            for line in stack.splitlines():
                context.note(line)
        check(_sum(found) <= spare, f"{_sum(found)} pages that {module} took were not given back")


def _sum(found):
    return sum(number for number, _ in found)


def _held_for_good(module, spare):
    """What the page owner says, once it is not too much. A page pool that is gone frees what
    comes back late once a second, if that was on another CPU's list when the driver went."""
    found = []

    def few():
        found[:] = pageowner.held(module, _symbols[0])
        return _sum(found) <= spare
    with contextlib.suppress(Failed):
        wait.until(few, "few enough")
    return found


@registry.case("kmemleak", seconds=300)
def leaks(context):
    if not kmemleak.exists():
        skip("this kernel has no kmemleak")
    symbols = _symbols[0] if _symbols else None
    found = [kmemleak.born(report, symbols) for report in kmemleak.leaks()]
    for report in found[:10]:
        for line in report.splitlines():
            context.note(line)
    if found:
        raise Failed(f"{len(found)} leaked: the first was {found[0].splitlines()[0]}")


@registry.case("checks-still-on")
def checks(_context):
    """Lockdep stops at its first complaint, DMA-API debug when it runs out of entries,
    kmemleak when memory is short: then what came later was not looked at."""
    lockdep = pathlib.Path("/proc/lockdep_stats")
    if lockdep.exists():
        equal(int(re.search(r"debug_locks:\s*(\d)", lockdep.read_text(encoding="ascii"))[1]),
              1, "debug_locks")
    disabled = DEBUGFS / "dma-api/disabled"
    if disabled.exists():
        equal(disabled.read_text(encoding="ascii").strip(), "N", "dma-api/disabled")
