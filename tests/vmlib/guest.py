# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's userland: a Debian root file system as a read-only disk image."""

from . import cache, host, packages, paths, resolve, spawn, ui, userland

SUITE = "trixie"
NAME = f"guest-{SUITE}"
LIST = paths.GUEST_FILES / "packages.txt"
LOG = paths.BUILD / "log/guest.log"
SPARE = 64 << 20            # room for directories and inodes
# The guest answers to nobody but its twin in --topology pair: one key for both ends.
SSH_KEYS = """
rm -f "$1"/etc/ssh/ssh_host_*
ssh-keygen -q -t ed25519 -N '' -f "$1/etc/ssh/ssh_host_ed25519_key"
install -d -m 700 "$1/root/.ssh"
ssh-keygen -q -t ed25519 -N '' -f "$1/root/.ssh/id_ed25519"
cp "$1/root/.ssh/id_ed25519.pub" "$1/root/.ssh/authorized_keys"
printf 'Host *\\n  StrictHostKeyChecking no\\n  UserKnownHostsFile /dev/null\\n  LogLevel ERROR\\n' \
    > "$1/root/.ssh/config"
"""
FINISH = """
echo 'ktlsnic' > "$1/etc/hostname"
rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*
install -d "$1/share"
"""


def wanted_packages():
    lines = (line.partition("#")[0].strip() for line in LIST.read_text().splitlines())
    return [line for line in lines if line]


def get():
    """The image of the guest's root file system."""
    return resolve.newest(release(), NAME, lambda: [release().point_release()],
                          lambda version: entry(version).get()) / "root.img"


def release():
    return packages.Release(SUITE)


def entry(version):
    """The cache's entry for a state of the release."""
    inputs = (SUITE, wanted_packages(), userland.DROP, SSH_KEYS, FINISH)
    return cache.Entry(f"{NAME}-{version}", inputs, _make)


def _make(directory):
    host.require_packages()
    tar = directory / "root.tar"
    with ui.step("guest", f"making a Debian {SUITE} userland"):
        userland.make(SUITE, wanted_packages(), tar, "guest", LOG, hooks=(SSH_KEYS, FINISH))
        _image_of_tar(tar, directory / "root.img")
    tar.unlink()


def _image_of_tar(tar, image):
    """genext2fs reads the tar, so that owners are right without being root."""
    blocks = (tar.stat().st_size + SPARE) // 4096
    spawn.logged(["genext2fs", "--block-size", "4096", "--size-in-blocks", str(blocks),
                  "--number-of-inodes", "40000", "--allow-holes", "--tarball", str(tar),
                  str(image)], LOG, "guest", "genext2fs")
