# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's own kernels: image and headers unpacked into the cache, ready to use."""

import functools
import re

from . import cache, debian_unpack, host, kernel_tree, packages, resolve, toolroot, ui

DEFAULT = "6.12"
LATEST = "latest"           # the newest kernel of the newest release, or of its backports
NEWEST_RELEASE = "trixie"
CLOUD = "cloud-amd64"
VERSION = r"\d+(\.\d+)*([.+~-][\w.+~-]*)?"
SUBVERSION = r"([.+~][\w.+~]*)?(-\d+)?"    # what may follow the version that was asked for
RECIPE = ("debian_unpack", "bzimage", "modtree")        # what makes an entry
TRIES = 3                   # versions that are tried: a mirror may have lost the newest


def is_version(name):
    """Could this be one that Debian has?"""
    return name == LATEST or bool(re.fullmatch(VERSION, name))


def exact(version, flavour=CLOUD):
    """What "latest" is at the moment; any other version as it is."""
    if version != LATEST:
        return version
    directory = _newest((NEWEST_RELEASE,), version, flavour)
    return _release_of(directory).removesuffix(f"-{flavour}")


def get(version, flavour=CLOUD):
    """A Kernel of this version (6.12, or more digits), from the host's own release first."""
    if not is_version(version):
        raise ui.Failure(f"kernel: \"{version}\" is neither a version, nor \"{LATEST}\", nor a "
                         "kernel tree")
    directory = _newest((NEWEST_RELEASE,) if version == LATEST else host.releases(), version,
                        flavour)
    release = _release_of(directory)
    vmlinux = directory / "vmlinux"
    image = vmlinux if vmlinux.exists() else directory / f"boot/vmlinuz-{release}"
    return kernel_tree.Kernel(release, image,
                              directory / "usr/src" / f"linux-headers-{release}",
                              directory / "modules.img", sorted((directory / "early").glob("*.ko")),
                              _tools(directory / debian_unpack.TOOLS))


def entry(release, name, version):
    """The cache's entry of an image package (its name without linux-image-) and version."""
    flavour = CLOUD if name.endswith(CLOUD) else name.rpartition("-")[2]
    return cache.Entry(f"linux-{version}-{flavour}",
                       (release, host.releases()[0], name, cache.recipe(*RECIPE)),
                       lambda target: debian_unpack.make(packages.Release(release), name,
                                                         version, target))


def _newest(releases, version, flavour):
    """The directory of the newest kernel, of the first of these releases that has one."""
    pattern = r"\d+\.\d+" if version == LATEST else re.escape(version)
    for release in map(packages.Release, releases):
        directory = resolve.newest(
            release, f"linux-{version}-{flavour}",
            functools.partial(_candidates, release, pattern, flavour),
            lambda one, release=release: entry(release.name, *one.split("=")).get())
        if directory:
            return directory
    raise ui.Failure(f"kernel: Debian ({', '.join(releases)}) has no {flavour} kernel "
                     f"{version}; give another version, or the path of a kernel tree")


def _release_of(directory):
    """What uname -r says of an entry's kernel."""
    image, = (directory / "boot").glob("vmlinuz-*")
    return image.name.removeprefix("vmlinuz-")


def _tools(listed):
    """The root to build modules in, or None if the host will do."""
    if not listed.exists():
        return None
    release, *wanted = listed.read_text().split()
    return toolroot.get(release, wanted)


def _candidates(release, version, flavour):
    """What has both image and headers, as NAME=VERSION of the package, newest first."""
    tail = rf"({version}{SUBVERSION})-{flavour}"
    found = [{re.fullmatch(f"linux-{kind}-{tail}", name)[1]
              for name in release.names(f"linux-{kind}-{tail}")}
             for kind in ("image", "headers")]
    return [f"{one}-{flavour}={release.versions('Packages', f'linux-image-{one}-{flavour}')[0]}"
            for one in packages.sort_versions(found[0] & found[1])[:TRIES]]
