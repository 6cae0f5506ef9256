# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own tests of drivers, from the newest source that Debian has.

Nothing of them is in this tree, and nothing in them is changed: they are taken out of the
package when they are first wanted.
"""

from . import cache, host, linux_source, packages, paths, resolve, spawn, ui

RELEASE = "trixie"          # with its backports
NAME = "linux-selftests"    # of the request, and of the entry in the cache
LOG = paths.BUILD / "log/upstream.log"
SELFTESTS = "tools/testing/selftests"
# The tests, the libraries that they import, and the descriptions of netlink families.
PARTS = (f"{SELFTESTS}/drivers/net", f"{SELFTESTS}/net/lib", "tools/testing/kunit",
         "tools/net/ynl", "Documentation/netlink")
# The BPF programs that the tests we run load.  GCC does for these; others want clang.
PROGRAMS = (f"{SELFTESTS}/net/lib/xdp_dummy.bpf.c",)
COMPILE = ("bpf-gcc", "-O2")
INCLUDE = ("-I/usr/include", "-I/usr/include/x86_64-linux-gnu")


def get():
    """The top of a kernel tree with the tests in it."""
    release = packages.Release(RELEASE)
    return resolve.newest(release, NAME, lambda: linux_source.versions(release),
                          lambda version: entry(version).get())


def entry(version):
    """The cache's entry for a package=version of the source."""
    return cache.Entry(f"{NAME}-{version.partition('=')[2]}", (RELEASE, PARTS, COMPILE),
                       lambda directory: _make(version, directory))


def _make(version, directory):
    host.require_packages()
    archive = linux_source.fetch(RELEASE, version, directory)
    with ui.step("upstream", "unpacking the kernel's tests"):
        spawn.logged(["tar", "-C", directory, "--strip-components=1", "--wildcards", "-xf", archive,
                      *(f"*/{part}" for part in PARTS)], LOG, "upstream", "unpacking the tests")
    cache.remove_tree(directory / "usr")
    for name in PROGRAMS:
        spawn.logged([*COMPILE, *INCLUDE, "-c", directory / name, "-o",
                      (directory / name).with_suffix(".o")], LOG, "upstream", f"compiling {name}")
