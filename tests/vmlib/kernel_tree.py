# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel for the guest with the tree that modules are built against, and the user's own."""

import os
import pathlib
import re

from . import cache, modtree, paths, spawn, ui

# What a guest cannot do without; early modules are loaded before the root disk is there.
NEEDED = ("VIRTIO_PCI", "VIRTIO_BLK", "VIRTIO_CONSOLE", "EXT4_FS", "OVERLAY_FS", "TMPFS",
          "DEVTMPFS", "BLK_DEV_INITRD", "SERIAL_8250_CONSOLE", "PCI_MSI", "NET_NS", "PAGE_POOL")
# Options that cannot be chosen, and one to choose that selects them.
SELECTED_BY = {"PAGE_POOL": "VETH"}
LOG = paths.BUILD / "log/kernel.log"


class Kernel:
    """A kernel that can boot a guest and that modules can be built against."""

    def __init__(self, release, image, kdir, module_image, early, tools=None):
        self.release = release              # what uname -r says
        self.image = image                  # bzImage
        self.kdir = kdir                    # for make -C KDIR M=...
        self.module_image = module_image    # file system for /lib/modules, or None
        self.early = early                  # module files to load before the root disk
        self.tools = tools                  # root to build modules in, see toolroot; or None

    def timer_hz(self):
        """How often its timer ticks, in a second."""
        config = (self.kdir / "include/config/auto.conf").read_text()
        return int(re.search(r"^CONFIG_HZ=(\d+)$", config, re.MULTILINE).group(1))


def users_tree(directory):
    """A Kernel from a kernel tree that the user has built (KDIR)."""
    kdir = pathlib.Path(directory).resolve()
    release = _check_tree(directory, kdir)
    stage = paths.BUILD / "kernel" / cache.digest(str(kdir))
    with cache.lock(stage.with_suffix(".lock")):
        if (kdir / "modules.order").exists():
            _install_modules(kdir, release, stage)
    image = stage / "modules.img"
    return Kernel(release, kdir / "arch/x86/boot/bzImage", kdir,
                  image if image.exists() else None, sorted((stage / "early").glob("*.ko")))


def _check_tree(name, kdir):
    """Return the release of a tree that will do; say what is wrong with one that won't."""
    release = kdir / "include/config/kernel.release"
    if not kdir.is_dir():
        raise ui.Failure(f"kernel: there is no directory {name}")
    if not (kdir / ".config").exists() or not release.exists():
        raise ui.Failure(f"kernel: {name} is not a configured and built kernel tree; "
                         "build it with make first")
    check_config(name, (kdir / ".config").read_text())
    if not (kdir / "arch/x86/boot/bzImage").exists():
        raise ui.Failure(f"kernel: {name} has no arch/x86/boot/bzImage; build it with make first")
    return release.read_text().strip()


def check_config(name, text):
    """A kernel must have TLS offload, and what a guest needs to boot."""
    config = dict(re.findall(r"^CONFIG_(\w+)=(.*)$", text, re.MULTILINE))
    if config.get("TLS_DEVICE") != "y":
        raise ui.Failure(f"kernel: {name} is built without CONFIG_TLS_DEVICE; "
                         "enable CONFIG_TLS and CONFIG_TLS_DEVICE and build it again")
    lacking = [option for option in NEEDED if config.get(option) not in ("y", "m")]
    if lacking:
        raise ui.Failure(f"kernel: {name} cannot run the guest; enable "
                         + " ".join(f"CONFIG_{SELECTED_BY.get(option, option)}"
                                    for option in lacking) + " and build it again")


def _install_modules(kdir, release, stage):
    """Stage the tree's modules and make an image of them, if they are newer."""
    stamp = stage / "stamp"
    wanted = f"{release} {_newest_module(kdir)}\n"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    cache.remove_tree(stage)
    with ui.step("kernel", f"installing the modules of {release}"):
        spawn.logged(["make", "-C", str(kdir), "modules_install", f"INSTALL_MOD_PATH={stage}",
                      "INSTALL_MOD_STRIP=1", "DEPMOD=true"], LOG, "kernel", "make modules_install",
                   env=clean_environment())
        modtree.make_image(stage, release)
    stamp.write_text(wanted)


def _newest_module(kdir):
    """When the tree's modules were last built."""
    names = (kdir / "modules.order").read_text().split()
    files = [kdir / re.sub(r"\.o$", ".ko", name) for name in names]
    return max((path.stat().st_mtime_ns for path in files if path.exists()), default=0)


def clean_environment():
    """The environment for a make of its own: not that of the make that called us."""
    drop = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "KDIR")
    return {name: value for name, value in os.environ.items() if name not in drop}


