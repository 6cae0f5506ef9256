# SPDX-License-Identifier: GPL-2.0-or-later
"""Allocations that fail, below the functions of one module, and how many did."""

import contextlib

from . import kallsyms
from .cases import skip
from .system import DEBUGFS, write

WAYS = ("failslab", "fail_page_alloc")
MANY = 1_000_000_000
DEPTH = 14                  # frames: from the allocator to the module, not to its callers' callers
TEXT_SPARE = 64             # the last function's symbol is its start
# The kernel's own message when pages cannot be had, and the trace below it; and the
# books of CONFIG_NET_DEV_REFCNT_TRACKER and kmemleak, which have a gap then.
SPLATS = (r"page allocation failure", r"Call Trace", r"ref_tracker: memory allocation failure",
          r"kmemleak: Cannot allocate a scan area")
# DMA-API debug allocates in the driver's name, and switches itself off if it cannot.
BOOKKEEPING = ("add_dma_entry", "debug_dma_alloc_coherent", "debug_dma_map_page",
               "debug_dma_map_sg", "debug_dma_unmap_page")

hits = {}                   # module -> failures so far


def needed():
    """For the suite's setup: none of this is in a distribution's kernel."""
    for way in WAYS:
        if not (DEBUGFS / way / "require-start").exists():
            skip(f"this kernel has no {way} with a stack trace filter")


def _functions():
    """(address, name, module or None) of all functions."""
    return ((address, name, module) for address, kind, name, module in kallsyms.symbols()
            if kind in "tT")


def text_of(module, function=None):
    """(start, end) of a module's functions, or of one of them."""
    found = sorted((address, name) for address, name, owner in _functions() if owner == module)
    ends = [address for address, _ in found[1:]] + [found[-1][0] + TEXT_SPARE]
    if function is None:
        return found[0][0], ends[-1]
    place = [name for _, name in found].index(function)
    return found[place][0], ends[place]


def _bookkeeping():
    addresses = [address for address, name, _ in _functions() if name in BOOKKEEPING]
    return min(addresses), max(addresses) + 1024


def _set(way, **values):
    for name, value in values.items():
        write(DEBUGFS / way / name.replace("_", "-"), str(value))


def _count(way):
    return MANY - int((DEBUGFS / way / "times").read_text(encoding="ascii"))


@contextlib.contextmanager
def below(module, percent, ways=WAYS, function=None):
    """In this block that many of the module's allocations fail, or of those of one of
    its functions. Gives a function that says how many have."""
    start, end = text_of(module, function)
    reject = _bookkeeping()
    for way in ways:
        _set(way, verbose=0, interval=1, space=0, times=MANY, ignore_gfp_wait="N",
             stacktrace_depth=DEPTH, require_start=start, require_end=end,
             reject_start=reject[0], reject_end=reject[1])
    _set("fail_page_alloc", ignore_gfp_highmem="N", min_order=0)
    for way in ways:
        _set(way, probability=percent)
    try:
        yield lambda: sum(_count(way) for way in ways)
    finally:
        for way in ways:
            _set(way, probability=0)
        hits[module] = hits.get(module, 0) + sum(_count(way) for way in ways)


@contextlib.contextmanager
def paused():
    """In this block nothing fails."""
    before = {way: (DEBUGFS / way / "probability").read_text(encoding="ascii") for way in WAYS}
    for way in WAYS:
        _set(way, probability=0)
    try:
        yield
    finally:
        for way, percent in before.items():
            _set(way, probability=percent.strip())
