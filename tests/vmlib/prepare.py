# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything a run needs, the independent parts at the same time."""

import concurrent.futures
import os
import pathlib

from . import debian_kernel, guest, kernel as kernels, modules, nics, qemu


class Parts:
    """What a guest is booted from."""

    def __init__(self, built_qemu, kernel, root, driver):
        self.qemu = built_qemu
        self.kernel = kernel
        self.root = root            # image of the root file system
        self.driver = driver        # files of our driver for the initramfs


def kernel_of(name, nic="ktlsnic"):
    """A kernel from what --kernel says: a tree of the user's, or a Debian version."""
    if os.sep in name or pathlib.Path(name).is_dir():
        return kernels.users_tree(name)
    return debian_kernel.get(name, nics.DRIVERS[nic][1])


def everything(options):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        built_qemu = pool.submit(qemu.prepare)
        root = pool.submit(guest.get)
        kernel = pool.submit(kernel_of, options.kernel, options.nic)
        driver = {}
        if options.nic == "ktlsnic":
            driver = modules.files_for_guest(kernel.result())
        return Parts(built_qemu.result(), kernel.result(), root.result(), driver)
