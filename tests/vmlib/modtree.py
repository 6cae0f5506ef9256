# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel's module tree as a disk image, and the few modules needed before it."""

import pathlib
import shutil
import subprocess

from . import cache, ui

# Loaded by the guest's init so that it can mount its root; others are found by modprobe.
EARLY = ("virtio_pci", "virtio_console", "virtio_blk", "crc32c_generic",
         "ext4", "overlay")
SPACE = 16 << 20            # what a file system needs besides its files


def make_image(root, release):
    """Turn root/lib/modules/RELEASE into root/modules.img and root/early/NN-name.ko."""
    tree = root / "lib/modules" / release
    for name in ("build", "source"):
        (tree / name).unlink(missing_ok=True)
    _decompress(tree)
    subprocess.run(["depmod", "-b", root, release], check=True, stderr=subprocess.DEVNULL)
    early = root / "early"
    early.mkdir()
    for number, path in enumerate(_early_modules(tree)):
        shutil.copyfile(path, early / f"{number:02}-{path.name}")
    _file_system(root / "lib/modules", root / "modules.img")
    cache.remove_tree(root / "lib")


def _decompress(tree):
    packed = sorted(tree.rglob("*.ko.xz"))
    if packed:
        subprocess.run(["xz", "-d", "-T0", "--", *packed], check=True)


def _early_modules(tree):
    """The early modules that are not built in, each after those it depends on."""
    needs = {}
    for line in (tree / "modules.dep").read_text().splitlines():
        path, _, depends = line.partition(":")
        needs[pathlib.Path(path).stem.replace("-", "_")] = (path, depends.split())
    ordered = []
    for name in EARLY:
        path, depends = needs.get(name, (None, []))
        for one in [*reversed(depends), path]:
            if one and one not in ordered:
                ordered.append(one)
    return [tree / path for path in ordered]


def _file_system(directory, image):
    """An ext4 image of a directory, without mounting anything."""
    size = SPACE + sum((path.stat().st_size + 4095) & ~4095
                       for path in directory.rglob("*") if path.is_file())
    try:
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-m", "0",
                        "-d", directory, image, f"{size >> 10}k"],
                       check=True, stdout=subprocess.DEVNULL)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise ui.Failure(f"kernel: cannot make {image}: {error}") from None
