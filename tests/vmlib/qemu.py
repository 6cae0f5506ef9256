# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU with the ktlsnic model in it: fetched, built, rebuilt when the model changes.

The unpacked source and the build directory live in the cache, shared by all
checkouts; each checkout's model is copied in before ninja runs and the program
is copied out to build/qemu.  A changed model costs the compilation of what
changed and a link.
"""

import os
import pathlib
import shutil
import subprocess

from . import cache, host, packages, paths, resolve, spawn, ui

RELEASE = "trixie"
VERSION = "10.0"
NAME = f"qemu-{VERSION}"
BUILD_LOCK = "build.lock"   # beside the builds in a source's entry
PROGRAM = "qemu-system-x86_64"
CONFIGURE = (
    "--python=/usr/bin/python3",
    "--target-list=x86_64-softmmu",
    "--with-devices-x86_64=ktlsnic",
    "--without-default-devices",
    "--without-default-features",
    "--disable-debug-info",
    "--disable-download",
    "--disable-fdt",
    "--disable-install-blobs",
    "--enable-kvm",
    "--enable-plugins",
    "--enable-tcg",
    "--enable-vhost-user",
)
# Firmware is not in the source package; these come from Debian's binary packages.
FIRMWARE_PACKAGES = ("seabios", "qemu-system-data")
FIRMWARE = ("bios-256k.bin", "kvmvapic.bin", "linuxboot_dma.bin", "pvh.bin")
OUT = paths.BUILD / "qemu"
LOG = paths.BUILD / "log/qemu.log"


class Qemu:
    """A program, the directory of its firmware, and the source it is built from."""

    def __init__(self, program, firmware, source):
        self.program = program
        self.firmware = firmware
        self.source = source


def prepare():
    """Return a Qemu whose model is that of this tree."""
    firmware = firmware_entry().get()
    own_tree = os.environ.get("QEMU_SRC")
    program, source = _build_users_tree(own_tree) if own_tree else _build_cached_tree()
    return Qemu(program, firmware, source)


def firmware_entry():
    return cache.Entry("firmware", (RELEASE, FIRMWARE), _fetch_firmware)


def meson_entry():
    return cache.Entry("meson", (RELEASE,), _fetch_meson)


def source_entry(version):
    """The cache's entry for a version of QEMU: its source, and what is built of it."""
    return cache.Entry(f"qemu-{version.partition(':')[2]}", (RELEASE,),
                       lambda directory: _fetch_source(version, directory))


def build_name():
    """The directory below a source's entry that QEMU is built in."""
    return f"build-{cache.digest(CONFIGURE)}"


def _fetch_firmware(directory):
    host.require_packages()
    release = packages.Release(RELEASE)
    with ui.step("qemu", "fetching firmware"):
        release.download(FIRMWARE_PACKAGES, directory / "deb")
    packages.unpack(directory / "deb", directory / "root")
    for name in FIRMWARE:
        found = [path for path in (directory / "root").rglob(name) if path.is_file()]
        if not found:
            raise ui.Failure(f"qemu: {name} is in none of {' '.join(FIRMWARE_PACKAGES)}")
        shutil.copyfile(found[0], directory / name)
    cache.remove_tree(directory / "root")
    cache.remove_tree(directory / "deb")


def _fetch_meson(directory):
    """A meson that is new enough for QEMU 10, wherever we run."""
    packages.Release(RELEASE).download(("meson",), directory / "deb")
    packages.unpack(directory / "deb", directory)
    cache.remove_tree(directory / "deb")


def _fetch_source(version, directory):
    with ui.step("qemu", f"fetching and unpacking QEMU {version}"):
        packages.Release(RELEASE).download_source(f"qemu={version}", directory / "download")
        description, = (directory / "download").glob("qemu_*.dsc")
        spawn.logged(["dpkg-source", "--no-check", "--no-copy", "-x", description,
                      directory / "source"], LOG, "qemu", "unpacking the source")
    cache.remove_tree(directory / "download")


def _source():
    """The entry's directory for the newest version there is."""
    release = packages.Release(RELEASE)
    return resolve.newest(release, NAME,
                          lambda: [version for version in release.versions("Sources", "qemu")
                                   if version.startswith(f"1:{VERSION}.")],
                          lambda version: source_entry(version).get())


def _model_digest():
    """A hash of everything that the overlay puts into QEMU's tree."""
    files = sorted(path for path in paths.MODEL.glob("*/*") if path.is_file())
    files.append(paths.TOP / "drivers/net/ethernet/ktlsnic/ktlsnic_hw.h")
    return cache.digest(*(item for path in files if path.exists()
                          for item in (str(path.relative_to(paths.TOP)), path.read_bytes())))


def _build_cached_tree():
    source = _source()
    build = source / build_name()
    stamp = OUT / "stamp"
    wanted = f"{build} {_model_digest()}\n"
    program = OUT / PROGRAM
    if not (program.exists() and stamp.exists() and stamp.read_text() == wanted):
        host.require_packages()
        with cache.lock(source / BUILD_LOCK):
            _overlay(source / "source")
            _build(source / "source", build, LOG)
            _install(build / PROGRAM, program)
        stamp.write_text(wanted)
    return program, source / "source"


def _build_users_tree(tree):
    """QEMU_SRC: always ask ninja, since that tree is not ours to know."""
    tree = pathlib.Path(tree).resolve()
    if not (tree / "hw/net/meson.build").is_file():
        raise ui.Failure(f"QEMU_SRC={tree} is not a QEMU source tree")
    host.require_packages()
    build = paths.BUILD / f"qemu-{cache.digest(str(tree), CONFIGURE)}"
    with cache.lock(build.with_suffix(".lock")):
        _overlay(tree)
        _build(tree, build, LOG.with_name("qemu-src.log"))
    return build / PROGRAM, tree


def _overlay(tree):
    done = subprocess.run([paths.MODEL / "qemu/overlay", tree], stderr=subprocess.PIPE,
                          text=True, check=False)
    if done.returncode:
        raise ui.Failure(done.stderr.strip())


def _build(source, build, log):
    meson = meson_entry().get()
    environment = {**os.environ, "PYTHONPATH": str(meson / "usr/lib/python3/dist-packages")}
    log.unlink(missing_ok=True)
    configured = build / "ktlsnic-configured"
    if not configured.exists():
        cache.remove_tree(build)
        build.mkdir(parents=True)
        with ui.step("qemu", "configuring"):
            spawn.logged([source / "configure", *CONFIGURE], log, "qemu", "configuring",
                         cwd=build, env=environment)
        configured.touch()
    with ui.step("qemu", "building"):
        spawn.logged(["ninja", "-k", "0", PROGRAM], log, "qemu", "building",
                     cwd=build, env=environment)


def _install(built, program):
    """Copy the program out; a guest may be running the old one."""
    program.parent.mkdir(parents=True, exist_ok=True)
    partial = program.with_suffix(".partial")
    shutil.copy2(built, partial)
    os.replace(partial, program)
