# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of net/tls include headers of lower layers only: its README lists them, lowest
first."""

import re

from vmlib import paths

DIRECTORY = paths.TOP / "net/tls"
ROW = re.compile(r"\| (`.*?`(?:, `.*?`)*) \|")
INCLUDE = re.compile(r'^#include "(\w+)\.h"', re.M)
GENERATED = "ktls_conftest"


def _layers(readme):
    """Name of a file without what follows the dot -> number of its row."""
    rows = [re.findall(r"`(\w+)", match[1]) for match in map(ROW.match, readme.splitlines())
            if match]
    return {name: number for number, row in enumerate(rows) for name in row}


def _wrong(layers, files):
    """files: name -> text. Each include that leads upwards, and each file without a row."""
    wrong = [f"{name} is not listed" for name in files if name.split(".")[0] not in layers]
    return wrong + [f"{name} includes {header}.h" for name, text in files.items()
                    for header in INCLUDE.findall(text) if header != GENERATED
                    and layers.get(header, len(layers)) > layers.get(name.split(".")[0], -1)]


def test_no_include_of_net_tls_leads_upwards():
    files = {path.name: path.read_text() for path in DIRECTORY.glob("*.[ch]")
             if not path.name.endswith(".mod.c") and path.stem != GENERATED}
    wrong = _wrong(_layers((DIRECTORY / "README.md").read_text()), files)
    assert files and not wrong, "\n".join(wrong)


def test_an_include_that_leads_upwards_is_found():
    layers = _layers("| `low` | a |\n| `high`, `beside.c` | b |\n")
    assert _wrong(layers, {"high.c": '#include "low.h"\n#include "beside.h"\n'}) == []
    assert _wrong(layers, {"low.h": '#include "high.h"\n'}) == ["low.h includes high.h"]
    assert _wrong(layers, {"low.c": '#include "nowhere.h"\n'}) == ["low.c includes nowhere.h"]
    assert _wrong(layers, {"new.c": ""}) == ["new.c is not listed"]
