# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages this host needs, and getting them."""

import os
import platform
import subprocess
import threading

from . import paths, spawn, ui

LIST = paths.TOP / "tests/packages.txt"
EVERYTHING = "all"          # what to require: every section of the list, or one of them
APT_LOCK_SECONDS = 300      # for another apt-get to finish
RELEASES = ("bookworm", "trixie")
MACHINE = "x86_64"
_one_at_a_time = threading.Lock()
_complete = set()


def wanted(part=EVERYTHING):
    """The packages of a section of the list, or of all."""
    names, section = [], None
    for line in LIST.read_text().splitlines():
        line = line.partition("#")[0].strip()
        if line.startswith("["):
            section = line.strip("[]")
        elif line and part in (EVERYTHING, section):
            names.append(line)
    return names


def missing(part=EVERYTHING):
    """The wanted packages that dpkg does not call installed."""
    names = wanted(part)
    found = subprocess.run(["dpkg-query", "-W", "-f=${Package} ${db:Status-Status}\n", *names],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                           check=False).stdout
    installed = {line.split()[0] for line in found.splitlines() if line.endswith(" installed")}
    return [name for name in names if name not in installed]


def releases():
    """The Debian releases to take a kernel from: the host's own first."""
    own = platform.freedesktop_os_release().get("VERSION_CODENAME")
    return tuple(sorted(RELEASES, key=lambda name: (name != own, name != RELEASES[-1])))


def unfit():
    """Why this host cannot build and boot a guest, or None."""
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        system = {}
    if system.get("ID") == "debian" and system.get("VERSION_CODENAME") in RELEASES \
            and platform.machine() == MACHINE:
        return None
    name = system.get("PRETTY_NAME", platform.system())
    return f"this needs Debian 12 or 13 on {MACHINE}; here is {name} on {platform.machine()}"


def require_packages(part=EVERYTHING):
    """Install what is missing if root, else say what to type; once is enough.

    part is a section of tests/packages.txt: "unit" is what the native tests of the model
    need, which run on other systems as well: there it is for their Makefile to complain.
    """
    with _one_at_a_time:
        if not _complete & {part, EVERYTHING}:
            why = unfit()
            if why and part == EVERYTHING:
                raise ui.Failure(why, status=2)
            if not why:
                _install_missing(part)
            _complete.add(part)


def _install_missing(part):
    names = missing(part)
    if not names:
        return
    install = ["apt-get", "install", "--no-install-recommends", "-y", *names]
    if os.geteuid() != 0:
        raise ui.Failure("packages are missing; as root: " + " ".join(install), status=2)
    log = paths.BUILD / "log/apt-get.log"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    patient = f"-oDPkg::Lock::Timeout={APT_LOCK_SECONDS}"
    with ui.step("packages", f"installing {len(names)} packages with apt-get"):
        spawn.logged(["apt-get", patient, "update"], log, "packages", "apt-get update",
                     env=environment)
        spawn.logged([*install, patient], log, "packages", "apt-get install", env=environment)
