# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages this host needs, and getting them."""

import os
import shutil
import subprocess
import threading

from . import paths, run, ui

LIST = paths.TOP / "tests/packages.txt"
APT_LOCK_SECONDS = 300      # for another apt-get to finish
_one_at_a_time = threading.Lock()
_complete = []


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


def require_packages():
    """Install what is missing if root, else say what to type; once is enough."""
    with _one_at_a_time:
        if not _complete:
            _install_missing()
            _complete.append(True)


def _install_missing():
    if not shutil.which("dpkg-query"):
        raise ui.Failure("this needs Debian 12 or 13: there is no dpkg-query here")
    names = missing()
    if not names:
        return
    install = ["apt-get", "install", "--no-install-recommends", "-y", *names]
    if os.geteuid() != 0:
        raise ui.Failure("packages are missing; as root: " + " ".join(install), status=2)
    log = paths.BUILD / "log/apt-get.log"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    patient = f"-oDPkg::Lock::Timeout={APT_LOCK_SECONDS}"
    with ui.step("packages", f"installing {len(names)} packages with apt-get"):
        run.logged(["apt-get", patient, "update"], log, "packages", "apt-get update",
                   env=environment)
        run.logged([*install, patient], log, "packages", "apt-get install", env=environment)
