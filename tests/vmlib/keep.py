# SPDX-License-Identifier: GPL-2.0-or-later
"""What the cache holds, and which of it this tree still uses: tests/prepare --list, --prune."""

import fcntl
import shutil
import time

from . import cache, debian_kernel, debian_unpack, debug_kernel, dkms, guest, linux_source
from . import net_tls, paths, qemu, resolve, shares, toolroot, ui, upstream

NOT_ENTRIES = ("apt", "kvm", "resolved")
UNUSED_SECONDS = 30 * 24 * 3600     # a request that nobody has made for that long is forgotten
TOOLS_PREFIX = "tools-"
BUILD = "build-"            # below an entry of QEMU's source


def in_use():
    """The paths of all entries, and builds in them, that a remembered request means."""
    known = resolve.all_known()
    fixed = [shares.entry(), qemu.firmware_entry(), qemu.meson_entry()]
    found = {one.path for one in (*fixed, *(each for one in known if one.version
                                            for each in _entries(one)))}
    found |= {each.path for path in sorted(found) for each in _tools(path, known)}
    return found | {path / qemu.build_name() for path in found}


def _entries(known):
    """The entries that a Resolution leads to; what it takes to build modules comes later."""
    if known.request == guest.NAME:
        return [guest.entry(known.version)]
    if known.request == qemu.NAME:
        return [qemu.source_entry(known.version)]
    for tree in (upstream.TREE, net_tls.TREE):
        if known.request == tree.name:
            return [tree.entry(known.version)]
    if known.request == debug_kernel.PACKAGE:
        return [linux_source.entry(known.request, known.release, known.version),
                debug_kernel.entry(known.version)]
    if known.request == dkms.request(known.release):
        return [dkms.entry(known.release, known.version)]
    if known.request.startswith(TOOLS_PREFIX):
        return []
    return [debian_kernel.entry(known.release, *known.version.split("="))]


def _tools(path, known):
    """The root that modules for an entry's kernel are built in, if it is one of its own."""
    listed = path / debian_unpack.TOOLS
    if not listed.is_file():        # in the kernel's own tests it is a directory
        return []
    release, *wanted = listed.read_text().split()
    return [toolroot.entry(release, one.version, wanted) for one in known
            if one.request == TOOLS_PREFIX + release]


def show():
    """Print what was resolved to what, and the entries with age and size."""
    for one in resolve.all_known():
        print(f"{one.request} of {one.release} is {one.version or 'not there'}; "
              f"looked for {ui.ago(one.indexes)}")
    used = in_use()
    for path in _directories(used):
        print(f"{_size(path) >> 20:6} MB  {ui.ago(path.stat().st_mtime):16} "
              f"{'' if path in used else 'unused '}{path.relative_to(paths.cache())}")


def prune():
    """Remove what no request means any more; say what that freed."""
    for one in resolve.all_known():
        if time.time() - one.used > UNUSED_SECONDS:
            resolve.forget(one)
    used = in_use()
    freed = sum(_removed(path) for path in _directories(used) if path not in used)
    print(f"{freed >> 20:6} MB freed")


def _removed(path):
    """The size of a directory that is no more; 0 if somebody is filling it."""
    is_build = path.name.startswith(BUILD)
    name = qemu.BUILD_LOCK if is_build else path.name.partition(cache.PARTIAL)[0] + cache.LOCK
    with open(path.with_name(name), "w", encoding="ascii") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0
        size = _size(path)
        shutil.rmtree(path, ignore_errors=True)
    print(f"{size >> 20:6} MB  {path.relative_to(paths.cache())}")
    return size


def _directories(used):
    """Every entry, be it whole or not, and every build in one that is used."""
    for path in sorted(paths.cache().iterdir()):
        if path.is_dir() and not path.is_symlink() and path.name not in NOT_ENTRIES:
            yield path
            if path in used:
                yield from sorted(path.glob(f"{BUILD}*"))


def _size(path):
    """What a directory takes on the disk."""
    return sum(one.lstat().st_blocks * 512 for one in path.rglob("*"))
