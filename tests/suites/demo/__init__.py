# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's part of `make demo`. Each step prints lines of JSON: what, text, ok."""

import json


def show(what, text, good=None):
    """One line of the demo; good None is information and can not fail."""
    line = " ".join(text.splitlines())
    print(json.dumps({"what": what, "text": line, "ok": good}), flush=True)
