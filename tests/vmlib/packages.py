# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages of a Debian release, whatever the host runs, without touching /etc/apt.

apt-get is given a source list, list directory and cache of its own for each
release; packages are downloaded and unpacked, never installed.
"""

import contextlib
import os
import re
import subprocess
import time

from . import cache, host, paths, spawn, ui

MIRROR = os.environ.get("KTLSNIC_MIRROR", "http://deb.debian.org/debian")
SECURITY = os.environ.get("KTLSNIC_SECURITY_MIRROR", "http://deb.debian.org/debian-security")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
OLD_SECONDS = 24 * 3600     # after this the newest package is looked for anew
RETRY_SECONDS = 3600        # after this a mirror that could not be reached is asked again
# In the environment: what has been looked up holds, so that nothing changes during a run.
SETTLED = "KTLSNIC_SETTLED"
_fresh = set()              # releases whose indexes this process has fetched
_old = set()                # releases of which it has said that their indexes are old

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
            # Containers tell apt to keep no such file, and to read all indexes each time.
            "Dir::Cache::pkgcache": home / "cache/pkgcache.bin",
            "Dir::Cache::srcpkgcache": home / "cache/srcpkgcache.bin",
            "APT::Architecture": "amd64",
            "APT::Architectures": "amd64",
            "APT::Sandbox::User": "",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
        }
        return [f"-o{key}={value}" for key, value in settings.items()]

    def _locked(self):
        return cache.lock(paths.cache() / "apt" / f"{self.name}.lock")

    def _stamp(self):
        return self.home / f"updated-{cache.digest(source_list(self.name))}"

    def fetched(self):
        """When the package indexes were fetched, in whole seconds."""
        return int(self._stamp().stat().st_mtime)

    def update(self):
        """Fetch the package indexes if they are not there."""
        if not self._stamp().exists():
            self._fetch_indexes()

    def _fetch_indexes(self):
        host.require_packages()
        for directory in ("sources", "lists/partial", "cache/archives/partial"):
            (self.home / directory).mkdir(parents=True, exist_ok=True)
        (self.home / "sources/debian.sources").write_text(source_list(self.name))
        (self.home / "status").touch()
        with ui.step("packages", f"fetching the package indexes of {self.name}"):
            spawn.logged(["apt-get", *self._options(), "update", "--error-on=any"],
                         self.log, "packages", f"apt-get update for {self.name}")
        self._stamp().touch()
        _fresh.add(self.name)

    def with_fresh_indexes(self, work):
        """Call work(); if it fails with indexes of an earlier run, once more with new ones."""
        try:
            return work()
        except ui.Failure:
            if self.name in _fresh:
                raise
        with self._locked():
            self._fetch_indexes()
        return work()

    def refresh(self):
        """Fetch the indexes if they are not there or old; those we have do if the mirror is
        away."""
        with self._locked():
            self.update()
            tried = self.home / "tried"
            if os.environ.get(SETTLED) or seconds_since(self._stamp()) < OLD_SECONDS:
                return
            if seconds_since(tried) >= RETRY_SECONDS:
                tried.touch()
                with contextlib.suppress(ui.Failure):
                    self._fetch_indexes()
                    return
            if self.name not in _old:
                _old.add(self.name)
                ui.say("packages", f"no new indexes of {self.name} can be had; those fetched "
                                   f"{ui.ago(self.fetched())} must do")

    def point_release(self):
        """The number of the release's present state, as 13.2: what its main suite has
        changes with it alone."""
        self.refresh()
        for path in sorted((self.home / "lists").glob(f"*_dists_{self.name}_*Release")):
            found = re.search(r"^Version: (\S+)$", path.read_text(), re.MULTILINE)
            if found:
                return found[1]
        raise ui.Failure(f"packages: the indexes of {self.name} do not tell its version")

    def names(self, pattern):
        """All package names that match the regular expression."""
        with self._locked():
            self.update()
            found = spawn.output(["apt-cache", *self._options(), "pkgnames"]) or ""
        return [name for name in found.split() if re.fullmatch(pattern, name)]

    def depends(self, package):
        """The packages that a package depends on directly."""
        with self._locked():
            self.update()
            found = spawn.output(["apt-cache", *self._options(), "depends", package]) or ""
        return re.findall(r"^ *Depends: ([\w.+-]+)$", found, re.MULTILINE)

    def versions(self, kind, package):
        """The versions of a package ("Packages") or source ("Sources"), newest first."""
        with self._locked():
            self.update()
            found = spawn.output(["apt-cache", *self._options(), "madison", package]) or ""
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
            spawn.logged(["apt-get", *self._options(), *arguments], self.log, "packages",
                         f"downloading {arguments[-1]} from {self.name}", cwd=directory)


def seconds_since(path):
    """Since a file was touched; a lot if there is none."""
    return time.time() - path.stat().st_mtime if path.exists() else float("inf")


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
