# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything a run needs, the independent parts at the same time."""

import concurrent.futures
import os
import pathlib

from . import debian_kernel, debug_kernel, guest, kernel_tree, modules, nics, qemu, spawn


class Parts:
    """What a guest is booted from."""

    def __init__(self, built_qemu, kernel, root, driver):
        self.qemu = built_qemu
        self.kernel = kernel
        self.root = root            # image of the root file system
        self.driver = driver        # files of our driver for the initramfs


def kernel_of(name, nic="ktlsnic"):
    """A kernel from what --kernel says: a tree of the user's, a Debian version, the latest
    of these, or the debug kernel."""
    if name == debug_kernel.NAME:
        return debug_kernel.get()
    if os.sep in name or pathlib.Path(name).is_dir():
        return kernel_tree.users_tree(name)
    return debian_kernel.get(name, nics.DRIVERS[nic][1])


def files_for_guest(kernel, options):
    """Our modules as the options want them in the guest."""
    backend = options.backend
    files = modules.files_for_guest(kernel, backend) if options.nic == "ktlsnic" else {}
    if options.tls == "ours":
        files.update(modules.tls_for_guest(kernel, backend))
    return files


def everything(options):
    """All parts of a run."""
    def kernel_and_driver():
        kernel = kernel_of(options.kernel, options.nic)
        return kernel, files_for_guest(kernel, options)

    built_qemu, root, (kernel, driver) = together(qemu.prepare, guest.get, kernel_and_driver)
    return Parts(built_qemu, kernel, root, driver)


def together(*functions):
    """Call the functions at the same time; the first failure ends them all."""
    with concurrent.futures.ThreadPoolExecutor(len(functions)) as pool:
        futures = [pool.submit(function) for function in functions]
        try:
            for future in concurrent.futures.as_completed(futures):
                future.result()
        except BaseException:
            spawn.stop_all()
            raise
        return [future.result() for future in futures]
