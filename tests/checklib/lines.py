# SPDX-License-Identifier: GPL-2.0-or-later
"""What `make check KERNELS="6.1 6.12 latest"` runs: the guest's suites on each of these
kernel lines, and once what no kernel has a part in."""

import functools
import os

from vmlib import debian_kernel, modules, options as vm_options, prepare, shares

from . import suites


def complaint(lines, debug, vm):
    """One line about what is wrong, or does not go together; or None."""
    if debug:
        return "--kernels and --debug do not go together: that kernel is one of its own"
    if os.environ.get("KDIR"):
        return "--kernels and KDIR do not go together: the one is Debian's kernels, the other yours"
    if any(word.partition("=")[0] == "--kernel" for word in vm):
        return "--kernels and --vm's --kernel do not go together"
    for line in lines:
        if not debian_kernel.is_version(line):
            return f"--kernels: \"{line}\" is neither a version nor \"{debian_kernel.LATEST}\""
    return None if lines else "--kernels: no version is given"


def exact(lines):
    """Line -> version: what is the latest must not change while the suites run."""
    return {line: debian_kernel.exact(line) for line in lines}


def build(versions, vm):
    """Get and build it all; a driver that does not build without a warning has failed."""
    prepare.together(*(functools.partial(debian_kernel.get, version)
                       for version in versions.values()), shares.fetched)
    for version in versions.values():
        options = vm_options.alone(_options(version, vm))
        modules.require_no_warnings(prepare.everything(options).kernel, options.backend)


def jobs(names, vm, versions, choice=suites.plan.DEFAULT):
    """The names of a line's jobs begin with the line."""
    return suites.host_jobs(names, choice) + [
        job for line, version in versions.items()
        for job in suites.guest_jobs(names, _options(version, vm), f"{line}/", choice)]


def _options(version, vm):
    return ["--kernel", version, *vm]
