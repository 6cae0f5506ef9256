# SPDX-License-Identifier: GPL-2.0-or-later
"""Another Debian release's compiler and libraries, to build in what belongs to it.

The programs in a kernel's headers are linked against the libraries of their release,
and expect its compiler; on an older host they do not even start. So there is a small
root of that release, and bubblewrap to enter it, which needs no privilege.
"""

import os

from . import cache, host, packages, paths, resolve, spawn, ui, userland

LOG = paths.BUILD / "log/toolroot.log"
ALWAYS = ("binutils", "make")
# Never used by a compiler, and devices cannot be unpacked without being root.
LEFT_OUT = ("./dev", "./var")


def get(release, wanted):
    """The directory of a root of that release in which these packages are installed."""
    debian = packages.Release(release)
    return resolve.newest(debian, f"tools-{release}", lambda: [debian.point_release()],
                          lambda version: entry(release, version, wanted).get()) / "root"


def entry(release, version, wanted):
    """The cache's entry for a state of the release."""
    wanted = sorted({*ALWAYS, *wanted})
    return cache.Entry(f"tools-{release}-{version}", (wanted, userland.DROP, LEFT_OUT),
                       lambda directory: make(release, wanted, directory))


def make(release, wanted, directory):
    """Put such a root into directory/root."""
    host.require_packages()
    tar = directory / "root.tar"
    root = directory / "root"
    root.mkdir()
    with ui.step("tools", f"making a root of Debian {release} to build in"):
        userland.make(release, wanted, tar, "tools", LOG, variant="essential")
        spawn.logged(["tar", "-C", root, "--no-same-owner",
                      *(f"--exclude={name}" for name in LEFT_OUT), "-xf", tar],
                   LOG, "tools", "unpacking the root")
    tar.unlink()


def inside(root, command, binds=(), as_root=False):
    """The command to run in that root, where our tree and cache are where they are here, and
    more directories elsewhere: binds, as (here, there). as_root: for a program that insists.

    The root becomes read-only last: only then are there directories to mount these on.
    """
    more = [word for here, there in binds for word in ("--bind", here, there)]
    who = ["--unshare-user", "--uid", "0", "--gid", "0"] if as_root and os.geteuid() else []
    return ["bwrap", *who, "--bind", root, "/", "--dev", "/dev", "--proc", "/proc",
            "--tmpfs", "/tmp", "--ro-bind", paths.cache(), paths.cache(),
            "--bind", paths.TOP, paths.TOP, *more, "--remount-ro", "/", "--die-with-parent",
            *command]
