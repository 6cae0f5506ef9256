# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages this host needs, and getting them."""

import functools
import os
import subprocess

from . import paths, run, ui

LIST = paths.TOP / "tests/packages.txt"


def wanted():
    lines = (line.partition("#")[0].strip() for line in LIST.read_text().splitlines())
    return [line for line in lines if line]


def missing():
    """The wanted packages that dpkg does not call installed."""
    found = subprocess.run(["dpkg-query", "-W", "-f=${Package} ${db:Status-Status}\n", *wanted()],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                           check=False).stdout
    installed = {line.split()[0] for line in found.splitlines() if line.endswith(" installed")}
    return [name for name in wanted() if name not in installed]


def releases():
    """The Debian releases to take a kernel from: the host's own first."""
    with open("/etc/os-release", encoding="utf-8") as handle:
        bookworm = "VERSION_CODENAME=bookworm" in handle.read()
    return ("bookworm", "trixie") if bookworm else ("trixie", "bookworm")


@functools.cache
def require_packages():
    """Install what is missing if root, else say what to type."""
    names = missing()
    if not names:
        return
    install = ["apt-get", "install", "--no-install-recommends", "-y", *names]
    if os.geteuid() != 0:
        raise ui.Failure("packages are missing; as root: " + " ".join(install), status=2)
    log = paths.BUILD / "log/apt-get.log"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with ui.step("packages", f"installing {len(names)} packages with apt-get"):
        run.logged(["apt-get", "update"], log, "packages", "apt-get update", env=environment)
        run.logged(install, log, "packages", "apt-get install", env=environment)
