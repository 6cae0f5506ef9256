# SPDX-License-Identifier: GPL-2.0-or-later
"""Directories of the host in the guest: one virtiofsd for each.

Debian's kernel for clouds has virtiofs, not 9p.  virtiofsd is Debian 13's,
unpacked with the libraries it needs, so that it runs on Debian 12 as well.
"""

import os

from . import cache, host, packages, ui

RELEASE = "trixie"
PACKAGES = ("virtiofsd", "libc6", "libgcc-s1", "libseccomp2", "libcap-ng0")
LIBRARIES = "usr/lib/x86_64-linux-gnu"


def daemon(directory, socket):
    """The command that serves a directory on a socket."""
    root = fetched()
    libraries = root / LIBRARIES
    command = [libraries / "ld-linux-x86-64.so.2", "--library-path", libraries,
               root / "usr/libexec/virtiofsd", "--socket-path", socket,
               "--shared-dir", directory, "--sandbox", "none", "--cache", "auto",
               "--log-level", "error"]
    if os.geteuid() != 0:
        command += _everybody_is_us("uid", os.geteuid()) + _everybody_is_us("gid", os.getegid())
    return [str(word) for word in command]


def _everybody_is_us(kind, number):
    """Not root: the guest's root is the user, and so is whoever else writes there."""
    return [f"--translate-{kind}=map:0:{number}:1",
            f"--translate-{kind}=squash-guest:1:{number}:4294967294"]


def fetched():
    """The directory that virtiofsd and its libraries are unpacked in."""
    return entry().get()


def entry():
    return cache.Entry("virtiofsd", (RELEASE, PACKAGES), _fetch)


def _fetch(directory):
    host.require_packages()
    with ui.step("share", "fetching virtiofsd"):
        packages.Release(RELEASE).download(PACKAGES, directory / "deb")
        packages.unpack(directory / "deb", directory)
    cache.remove_tree(directory / "deb")
