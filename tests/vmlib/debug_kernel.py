# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel of `make check-debug`: Debian's source, built with what finds bugs.

It has only the drivers that a guest needs, so that building it takes minutes.
tests/debug/kernel.config says what is in it; an option that Kconfig drops for
some reason of its own would leave a check out silently, so each is looked for.
"""

import os
import pathlib
import re
import shutil

from . import cache, host, kernel_tree, linux_source, modtree, paths, spawn, ui

NAME = "debug"              # what --kernel calls it
SERIES = "6.12"
PACKAGE = f"linux-source-{SERIES}"
CONFIG = paths.TOP / "tests/debug/kernel.config"
RECIPE = ("debug_kernel", "modtree")        # what makes an entry
LOG = paths.BUILD / "log/debug-kernel.log"
# What remains of the tree: what building modules against it takes, and net/tls.
KEPT = ("arch/x86", "include", "net/tls", "scripts", "tools/objtool", "tools/include")


def get():
    """The Kernel, built if it is not there yet."""
    directory = linux_source.newest(PACKAGE, host.releases()[0],
                                    lambda version: entry(version).get())
    kdir = directory / "linux"
    release = (kdir / "include/config/kernel.release").read_text().strip()
    return kernel_tree.Kernel(release, directory / "vmlinux", kdir, directory / "modules.img",
                              sorted((directory / "early").glob("*.ko")))


def entry(version):
    """The cache's entry of the kernel that is built from that version of the package."""
    inputs = (host.releases()[0], cache.recipe(*RECIPE), CONFIG.read_bytes())
    return cache.Entry(f"linux-{version}-{NAME}", inputs,
                       lambda directory: _make(version, directory))


def _make(version, directory):
    source = linux_source.entry(PACKAGE, host.releases()[0], version).get()
    archive, = source.glob("usr/src/linux-source-*.tar.xz")
    tree = directory / "linux"
    tree.mkdir()
    with ui.step("kernel", "unpacking the source of the debug kernel"):
        spawn.logged(["tar", "-C", tree, "--strip-components=1", "-xf", archive], LOG, "kernel",
                     "unpacking the source")
    _configure(tree)
    with ui.step("kernel", "building the debug kernel"):
        _make_target(tree, f"-j{os.cpu_count()}", "vmlinux", "modules")
        _make_target(tree, "modules_install", f"INSTALL_MOD_PATH={directory}",
                     "INSTALL_MOD_STRIP=1", "DEPMOD=true")
    release = (tree / "include/config/kernel.release").read_text().strip()
    (tree / "vmlinux").rename(directory / "vmlinux")
    modtree.make_image(directory, release)
    _prune(tree)


def _make_target(tree, *words):
    spawn.logged(["make", "-C", str(tree), *words], LOG, "kernel", f"make {words[0]}",
                 env=kernel_tree.clean_environment())


def _configure(tree):
    _make_target(tree, "allnoconfig", f"KCONFIG_ALLCONFIG={CONFIG}")
    final = (tree / ".config").read_text()
    lost = dropped(CONFIG.read_text(), final)
    if lost:
        raise ui.Failure(f"kernel: the debug kernel would be without {' '.join(lost)}: what "
                         f"{CONFIG.relative_to(paths.TOP)} asks for does not go together")
    kernel_tree.check_config("the debug kernel", final)


def dropped(wanted, final):
    """The options of a wanted configuration that a final one does not have as they are."""
    lines = set(final.splitlines())
    return [line.partition("=")[0] for line in wanted.splitlines()
            if re.match(r"CONFIG_\w+=", line) and line not in lines]


def _prune(tree):
    """Leave what modules are built against: a tenth of the tree."""
    kept = tree.with_name("kept")
    for name in KEPT:
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).rename(kept / name)
    for path in tree.iterdir():
        if path.is_file():
            path.rename(kept / path.name)
    shutil.rmtree(tree)
    for path in kept.rglob("*.o"):
        if not _is_tool(path.relative_to(kept)):
            path.unlink()
    kept.rename(tree)


def _is_tool(path):
    return pathlib.PurePath(path).parts[0] in ("scripts", "tools")
