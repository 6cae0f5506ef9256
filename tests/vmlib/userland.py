# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian root file system made of chosen packages, as a tar file."""

import os

from . import packages, spawn

DROP = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")


def make(release, wanted, tar, part, log, variant="custom", hooks=()):
    """Install packages of a release; hooks are shell, with the root's path as $1.

    mmdebstrap finds a way to do it that the user may use: nobody has to be root.
    """
    command = ["mmdebstrap", f"--variant={variant}", "--skip=cleanup/apt/lists",
               "--include=" + ",".join(wanted),
               '--aptopt=Acquire::Languages "none"', "--dpkgopt=force-unsafe-io"]
    command += [f"--customize-hook={hook}" for hook in hooks]
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in DROP]
    spawn.logged([*command, release, tar, packages.MIRROR], log, part, "mmdebstrap",
                 env={**os.environ, "TMPDIR": str(tar.parent)})
