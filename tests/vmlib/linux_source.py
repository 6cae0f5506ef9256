# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's packages of the kernel's source: fetched and unpacked, the tree inside not, or
only parts of it."""

import re

from . import cache, host, packages, paths, resolve, spawn, ui

NEWEST_RELEASE = "trixie"   # with its backports


class Parts:
    """Parts of the newest kernel source that Debian has, and programs compiled from them:
    programs(directory) gives the compiler's arguments for each."""

    def __init__(self, name, parts, compiler, programs):
        self.name = name            # of the request, and of the entry in the cache
        self.parts = parts
        self.compiler = compiler
        self._programs = programs
        self.log = paths.BUILD / f"log/{name}.log"

    def get(self):
        """The top of a kernel tree with these parts in it."""
        release = packages.Release(NEWEST_RELEASE)
        return resolve.newest(release, self.name, lambda: versions(release),
                              lambda version: self.entry(version).get())

    def entry(self, version):
        """The cache's entry for a PACKAGE=VERSION of the source."""
        return cache.Entry(f"{self.name}-{version.partition('=')[2]}",
                           (NEWEST_RELEASE, self.parts, self.compiler),
                           lambda directory: self._make(version, directory))

    def _make(self, version, directory):
        host.require_packages()
        archive = fetch(NEWEST_RELEASE, version, directory)
        with ui.step(self.name, "unpacking and compiling the kernel's tests"):
            spawn.logged(["tar", "-C", directory, "--strip-components=1", "--wildcards", "-xf",
                          archive, *(f"*/{part}" for part in self.parts)],
                         self.log, self.name, "unpacking the tests")
            for arguments in self._programs(directory):
                spawn.logged([*self.compiler, *arguments], self.log, self.name,
                             f"compiling {arguments[-1]}")
        cache.remove_tree(directory / "usr")


def newest(package, release, make):
    """make(version) for the newest version of a package that a release has."""
    debian = packages.Release(release)
    return resolve.newest(debian, package, lambda: debian.versions("Packages", package), make)


def entry(package, release, version):
    """The cache's entry: its usr/src/ has a tar file."""
    return cache.Entry(f"{package}-{version}", (release,),
                       lambda directory: fetch(release, f"{package}={version}", directory))


def versions(release):
    """The newest kernel's source that a release has, as PACKAGE=VERSION, newest first."""
    names = release.names(r"linux-source-\d+\.\d+")
    newest_name = max(names, key=lambda name: [int(word) for word in re.findall(r"\d+", name)])
    return [f"{newest_name}={version}" for version in release.versions("Packages", newest_name)]


def fetch(release, version, directory):
    """Unpack a PACKAGE=VERSION below the directory; return the archive that is in it."""
    with ui.step("kernel", f"fetching {version} of {release}"):
        packages.Release(release).download_exactly([version], directory / "deb")
    packages.unpack(directory / "deb", directory)
    cache.remove_tree(directory / "deb")
    archive, = directory.glob("usr/src/linux-source-*.tar.xz")
    return archive
