# SPDX-License-Identifier: GPL-2.0-or-later
"""Small C programs of ours, compiled once for each version of their sources."""

import subprocess

from . import cache, host, paths, ui

COMPILE = ("gcc", "-Wall", "-Wextra", "-Werror")
PROGRAM = ("-static", "-Os")
LIBRARY = ("-shared", "-fPIC", "-O2")


def program(name, sources):
    """The program made of these files; headers among them only count as input."""
    return _made(name, sources, PROGRAM)


def library(name, sources, *flags):
    """A library to be loaded, compiled with further flags."""
    return _made(name, sources, LIBRARY + flags)


def _made(name, sources, flags):
    sources = sorted(sources)
    key = cache.digest(COMPILE, flags, *(path.read_bytes() for path in sources))
    result = paths.BUILD / "guest" / f"{name}-{key}"
    if not result.exists():
        host.require_packages()
        with cache.lock(result.with_suffix(".lock")):
            _compile([path for path in sources if path.suffix == ".c"], flags, result)
    return result


def _compile(sources, flags, result):
    partial = result.with_suffix(".partial")
    done = subprocess.run([*COMPILE, *flags, "-o", partial, *sources], stderr=subprocess.PIPE,
                          text=True, check=False)
    if done.returncode:
        raise ui.Failure(f"compiling {result.name} failed:\n{done.stderr}")
    partial.replace(result)
