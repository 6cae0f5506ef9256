# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages of a Debian release, whatever the host runs, without touching /etc/apt.

apt-get is given a source list, list directory and cache of its own for each
release; packages are downloaded and unpacked, never installed.
"""

import os
import re
import subprocess
import time

from . import cache, paths, run, ui

MIRROR = os.environ.get("KTLSNIC_MIRROR", "http://deb.debian.org/debian")
SECURITY = os.environ.get("KTLSNIC_SECURITY_MIRROR", "http://deb.debian.org/debian-security")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
OLD_SECONDS = 24 * 3600     # after this the newest package is looked for anew
_fresh = set()              # releases whose indexes this process has fetched

SUITES = {
    "bookworm": (("bookworm", "bookworm-updates", "bookworm-backports"), "bookworm-security"),
    "trixie": (("trixie", "trixie-updates", "trixie-backports"), "trixie-security"),
}


def source_list(release):
    """The release's source list, in deb822 form; sources only where QEMU needs them."""
    suites, security = SUITES[release]
    types = "deb deb-src" if release == "trixie" else "deb"
    return "\n\n".join(
        f"Types: {types}\nURIs: {uri}\nSuites: {' '.join(names)}\n"
        f"Components: main\nSigned-By: {KEYRING}\n"
        for uri, names in ((MIRROR, suites), (SECURITY, (security,))))


class Release:
    """The packages of one Debian release."""

    def __init__(self, name):
        self.name = name
        self.home = paths.cache() / "apt" / name
        self.log = self.home / "apt.log"

    def _options(self):
        home = self.home
        settings = {
            "Dir::Etc::SourceList": "/dev/null",
            "Dir::Etc::SourceParts": home / "sources",
            "Dir::Etc::Preferences": "/dev/null",
            "Dir::Etc::PreferencesParts": "/dev/null",
            "Dir::State": home,
            "Dir::State::Lists": home / "lists",
            "Dir::State::status": home / "status",
            "Dir::Cache": home / "cache",
            "APT::Architecture": "amd64",
            "APT::Architectures": "amd64",
            "APT::Sandbox::User": "",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
        }
        return [f"-o{key}={value}" for key, value in settings.items()]

    def _locked(self):
        return cache.lock(paths.cache() / "apt" / f"{self.name}.lock")

    def update(self):
        """Fetch the package indexes if they are not there."""
        done = self.home / f"updated-{cache.digest(source_list(self.name))}"
        if done.exists():
            return
        for directory in ("sources", "lists/partial", "cache/archives/partial"):
            (self.home / directory).mkdir(parents=True, exist_ok=True)
        (self.home / "sources/debian.sources").write_text(source_list(self.name))
        (self.home / "status").touch()
        with ui.step("packages", f"fetching the package indexes of {self.name}"):
            run.logged(["apt-get", *self._options(), "update", "--error-on=any"],
                       self.log, "packages", f"apt-get update for {self.name}")
        done.touch()
        _fresh.add(self.name)

    def with_fresh_indexes(self, work):
        """Call work(); if it fails with indexes of an earlier run, once more with new ones."""
        try:
            return work()
        except ui.Failure:
            if self.name in _fresh:
                raise
        for stamp in self.home.glob("updated-*"):
            stamp.unlink()
        return work()

    def look_anew(self):
        """Fetch the indexes again if they are old; those we have do if the mirror is away."""
        stamps = list(self.home.glob("updated-*"))
        if not any(time.time() - stamp.stat().st_mtime > OLD_SECONDS for stamp in stamps):
            return
        for stamp in stamps:
            stamp.unlink()
        try:
            with self._locked():
                self.update()
        except ui.Failure:
            ui.say("packages", f"no new indexes of {self.name} to be had; the old ones must do")
            for stamp in stamps:
                stamp.touch()

    def names(self, pattern):
        """All package names that match the regular expression."""
        with self._locked():
            self.update()
            found = run.output(["apt-cache", *self._options(), "pkgnames"]) or ""
        return [name for name in found.split() if re.fullmatch(pattern, name)]

    def depends(self, package):
        """The packages that a package depends on directly."""
        with self._locked():
            self.update()
            found = run.output(["apt-cache", *self._options(), "depends", package]) or ""
        return re.findall(r"^ *Depends: ([\w.+-]+)$", found, re.MULTILINE)

    def versions(self, kind, package):
        """The versions of a package ("Packages") or source ("Sources"), newest first."""
        with self._locked():
            self.update()
            found = run.output(["apt-cache", *self._options(), "madison", package]) or ""
        rows = [[cell.strip() for cell in line.split("|")] for line in found.splitlines()]
        versions = {row[1] for row in rows if row[2].endswith(kind)}
        return sort_versions(versions)

    def download(self, packages, directory):
        """Download the newest of each package into the directory."""
        self.with_fresh_indexes(lambda: self.download_exactly(packages, directory))

    def download_exactly(self, packages, directory):
        """Download what the indexes we have name, or fail."""
        self._download(["download", *packages], directory)

    def download_source(self, package, directory):
        """Download a source package (name=version) into the directory."""
        self._download(["source", "--download-only", "--only-source", package], directory)

    def _download(self, arguments, directory):
        directory.mkdir(parents=True, exist_ok=True)
        with self._locked():
            self.update()
            run.logged(["apt-get", *self._options(), *arguments], self.log, "packages",
                       f"downloading {arguments[-1]} from {self.name}", cwd=directory)


def sort_versions(versions):
    """Newest first, as dpkg compares them."""
    result = []
    for version in versions:
        place = 0
        while place < len(result) and _newer(result[place], version):
            place += 1
        result.insert(place, version)
    return result


def _newer(one, other):
    return subprocess.run(["dpkg", "--compare-versions", one, "gt", other],
                          check=False).returncode == 0


def first_that_downloads(release, candidates, attempt):
    """Call attempt(candidate) until one succeeds; mirrors do lose files.

    candidates() lists them, newest first.
    """
    def try_all():
        failure = None
        for candidate in candidates():
            try:
                return attempt(candidate)
            except ui.Failure as error:
                failure = error
                ui.say("packages", f"{candidate} cannot be had; trying another")
        raise failure or ui.Failure(f"packages: {release.name} has nothing that fits")

    return release.with_fresh_indexes(try_all)


def unpack(directory, target):
    """Unpack all .deb files of the directory below the target."""
    for package in sorted(directory.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", package, target], check=True)
