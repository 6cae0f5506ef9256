# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own test of kTLS, unmodified, from the newest source that Debian has.

Nothing of it is in this tree: it is taken out of the package and compiled when it is first
wanted.
"""

from . import cache, host, linux_source, packages, paths, resolve, spawn, ui

RELEASE = "trixie"          # with its backports
NAME = "linux-net-tls"      # of the request, and of the entry in the cache
LOG = paths.BUILD / "log/net-tls.log"
SELFTESTS = "tools/testing/selftests"
UAPI = "include/uapi"
TEST = f"{SELFTESTS}/net/tls.c"
PARTS = (TEST, f"{SELFTESTS}/kselftest.h", f"{SELFTESTS}/kselftest_harness.h",
         f"{UAPI}/linux/tls.h")
COMPILE = ("gcc", "-O2", "-static")


def directory():
    """Where the program is: it is called tls there."""
    release = packages.Release(RELEASE)
    return resolve.newest(release, NAME, lambda: linux_source.versions(release),
                          lambda version: entry(version).get())


def entry(version):
    """The cache's entry for a package=version of the source."""
    return cache.Entry(f"{NAME}-{version.partition('=')[2]}", (RELEASE, PARTS, COMPILE),
                       lambda target: _make(version, target))


def _make(version, target):
    host.require_packages()
    archive = linux_source.fetch(RELEASE, version, target)
    with ui.step("net-tls", "unpacking and compiling the kernel's test"):
        spawn.logged(["tar", "-C", target, "--strip-components=1", "--wildcards", "-xf", archive,
                      *(f"*/{part}" for part in PARTS)], LOG, "net-tls", "unpacking the test")
        spawn.logged([*COMPILE, f"-I{target / SELFTESTS}", f"-I{target / UAPI}",
                      "-o", target / "tls", target / TEST], LOG, "net-tls", "compiling the test")
    cache.remove_tree(target / "usr")
