# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's packages of the kernel's source: fetched and unpacked, the tree inside not."""

import re

from . import cache, packages, resolve, ui


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
