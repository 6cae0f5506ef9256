# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are: the source tree, its build directory, the user's cache."""

import os
import pathlib

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = TOP / "build"
MODEL = TOP / "hw-model"
GUEST_FILES = TOP / "tests/guest"


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(base) / "ktlsnic"
