# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages that nobody gave back: the kernel's page owner knows who took each."""

import os
import pathlib
import re

STACKS = pathlib.Path("/sys/kernel/debug/page_owner_stacks/show_stacks")
# Taken below a module's functions, but kept by the kernel for others to use: slabs
# (kmemleak knows what is in them), what remains of a page that small buffers are cut
# from, page tables, also the IOMMU's, a process's own memory, which is there when it is
# first read into, and the books of the kernel's own checks.
KEPT = re.compile(r"^ (allocate_slab|new_slab|___slab_alloc|"
                  r"napi_alloc_skb|(__)?page_frag_alloc\w*|"
                  r"pfn_to_dma_pte|__pte_alloc_kernel|__p[mu4]d_alloc|handle_mm_fault|"
                  r"(__)?stack_depot\w*|(__)?kasan_\w+|fill_pool)\b", re.M)


def exists():
    """Whether the kernel has it, and was told on its command line to use it."""
    return STACKS.exists() and os.access(STACKS, os.R_OK)


def held(module, symbols):
    """(pages, stack) of what was allocated below a module's functions and is not free;
    most first."""
    text = symbols.resolved(STACKS.read_text(encoding="ascii", errors="replace"))
    found = []
    for stack, pages in re.findall(r"((?:^ .*\n)+)nr_base_pages: (\d+)", text, re.M):
        if f"[{module}]" in stack and not KEPT.search(stack):
            found.append((int(pages), stack))
    return sorted(found, reverse=True)
