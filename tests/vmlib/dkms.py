# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian with DKMS in it, and the modules as that one's dkms builds them.

They are built here, where it takes a minute or two, and not the tenfold in a guest; what
dkms has made of them is then installed and removed there.
"""

import re
import shutil

from . import cache, host, modules, packages, paths, resolve, spawn, toolroot, ui, userland

WANTED = (*toolroot.ALWAYS, "dkms", "gcc", "initramfs-tools", "libdw-dev", "openssl", "xz-utils",
          "zstd")
CONF = "dkms.conf"
# Not what the modules are built from, and so what dkms must not take for it.
MORE_SOURCES = ("Makefile",)
IMAGE_SIZE = "1G"           # the root takes a third; what is not used takes no room on the disk
# In the directory of a build, and where Debian has it.
TREE, SOURCE = ("dkms", "/var/lib/dkms"), ("src", "/usr/src")
MODULES = ("modules", "/usr/lib/modules")


class Debian:
    """A root to build in, and the same as an image for a guest: there programs that came
    through a share would start ten times as slowly."""

    def __init__(self, directory):
        self.root = directory / "root"
        self.image = directory / "dkms.img"


def debian(kernel):
    """The Debian that the kernel is of."""
    release = packages.Release(_release_of(kernel))
    return resolve.newest(release, request(release.name), lambda: [release.point_release()],
                          lambda version: Debian(entry(release.name, version).get()))


def request(release):
    """What it is remembered under."""
    return f"dkms-{release}"


def entry(release, version):
    """The cache's entry for a state of the release."""
    return cache.Entry(f"dkms-{release}-{version}", (WANTED, userland.DROP, toolroot.LEFT_OUT),
                       lambda directory: _make(release, directory))


def _make(release, directory):
    toolroot.make(release, WANTED, directory)
    found = Debian(directory)
    spawn.logged(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-m", "0",
                  "-d", found.root, found.image, IMAGE_SIZE], toolroot.LOG, "dkms", "mke2fs")


def _release_of(kernel):
    package = re.escape(f"linux-headers-{kernel.release}")
    for name in host.releases():
        if packages.Release(name).names(package):
            return name
    raise ui.Failure(f"dkms: {kernel.release} is no kernel of Debian")


def module():
    """Name and version, as dkms.conf has them."""
    text = (paths.TOP / CONF).read_text()
    return tuple(re.search(rf'^PACKAGE_{key}="(.+)"$', text, re.MULTILINE)[1]
                 for key in ("NAME", "VERSION"))


def build(kernel, root):
    """dkms add, dkms build; the directory in which TREE and SOURCE are."""
    directory = paths.BUILD / "dkms" / kernel.release
    with cache.lock(directory.with_name(directory.name + ".lock")):
        stamp = directory / "stamp"
        wanted = cache.digest(str(root), modules.identity(kernel),
                              *(item for name, path in _sources().items()
                                for item in (name, path.read_bytes())))
        if not (stamp.exists() and stamp.read_text() == wanted):
            cache.remove_tree(directory)
            _build(kernel, root, directory)
            stamp.write_text(wanted)
    return directory


def _sources():
    """The files of a checkout that matter to dkms."""
    return {name: paths.TOP / name for name in (*MORE_SOURCES, *modules.sources_of_tree())}


def _build(kernel, root, directory):
    checkout = directory / "checkout"
    for name, path in _sources().items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, checkout / name)
    for name, _ in (TREE, SOURCE):
        (directory / name).mkdir()
    headers = directory / MODULES[0] / kernel.release / "build"
    headers.parent.mkdir(parents=True)
    headers.symlink_to(kernel.kdir)
    log = paths.BUILD / f"log/dkms-{kernel.release}.log"
    log.unlink(missing_ok=True)
    with ui.step("dkms", f"building for {kernel.release}"):
        _dkms(root, directory, log, "add", checkout)
        _dkms(root, directory, log, "build", "/".join(module()), "-k", kernel.release)


def _dkms(root, directory, log, *words):
    binds = [(directory / here, there) for here, there in (TREE, SOURCE, MODULES)]
    spawn.logged(toolroot.inside(root, ["dkms", *words], binds, as_root=True), log, "dkms",
                 f"dkms {words[0]}")
