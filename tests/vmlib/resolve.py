# SPDX-License-Identifier: GPL-2.0-or-later
"""Which version a request means: "6.12" is whatever the package indexes have newest.

An entry of the cache is named after the version.  What a request was resolved to is
remembered for as long as the indexes are the same, which is a day: a run of that day
looks at no index, and one that is offline goes on with the old ones.
"""

import contextlib
import dataclasses
import os

from . import cache, packages, paths, ui


@dataclasses.dataclass(frozen=True)
class Resolution:
    """What is remembered: in a file that is named after release and request."""
    release: str
    request: str
    version: str                # "" if the release has none
    indexes: int                # when these were fetched, in seconds
    used: float                 # when it was last asked for


def newest(release, request, candidates, make):
    """make(version), for the newest version that the release has and that can be had; None
    if it has none.  candidates() lists the versions, newest first."""
    release.refresh()
    with cache.lock(_path(release.name, request).with_suffix(".lock")):
        known = _read(_path(release.name, request))
        if known and known.indexes == release.fetched():
            os.utime(_path(release.name, request))
            with contextlib.suppress(ui.Failure):       # it comes again if it is not the mirror's
                return make(known.version) if known.version else None
        version, made = _first(release, candidates, make)
        _path(release.name, request).write_text(f"{version} {release.fetched()}\n")
    if version and not (known and known.version == version):
        ui.say("packages", f"{request} of {release.name} is {version}")
    return made


def _first(release, candidates, make):
    """The first version that can be had, and what make() made of it."""
    if not candidates():
        return "", None
    return packages.first_that_downloads(release, candidates,
                                         lambda version: (version, make(version)))


def all_known():
    """Every Resolution that is remembered."""
    found = map(_read, sorted(_path("*", "*").parent.parent.glob("*/*")))
    return [one for one in found if one]


def forget(resolution):
    """Remember it no more."""
    _path(resolution.release, resolution.request).unlink(missing_ok=True)


def _path(release, request):
    return paths.cache() / "resolved" / release / request


def _read(path):
    """The Resolution in a file, or None."""
    try:
        words = path.read_text().split(" ")
        used = path.stat().st_mtime
    except FileNotFoundError:
        return None
    if len(words) != 2:
        return None             # a lock
    return Resolution(path.parent.name, path.name, words[0], int(words[1]), used)
