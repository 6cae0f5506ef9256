# SPDX-License-Identifier: GPL-2.0-or-later
"""Names that one module of the suites takes from another are there. A case that runs
rarely, or last, would tell only then."""

import ast
import importlib
import types

from checklib import coverage                       # noqa: F401  (finds the suites)
from vmlib import paths

SUITES = paths.TOP / "tests/suites"


def _modules():
    for path in sorted(SUITES.rglob("*.py")):
        name = ".".join(path.relative_to(SUITES).with_suffix("").parts)
        if "." in name:
            yield path, name.removesuffix(".__init__")


def _is_ours(module):
    """Others' may be newer in the guest than here."""
    return str(getattr(module, "__file__", "")).startswith(str(SUITES))


def _missing(path, module):
    """`FILE:LINE: NAME.ATTRIBUTE` for each attribute of an imported module that it lacks."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bound = {node.id for node in ast.walk(tree)
             if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
            continue
        name = node.value.id
        value = getattr(module, name, None)
        if name not in bound and isinstance(value, types.ModuleType) and _is_ours(value) \
                and not hasattr(value, node.attr):
            yield f"{path.relative_to(paths.TOP)}:{node.lineno}: {name}.{node.attr}"


def test_names_of_other_modules_are_there():
    missing = []
    for path, name in _modules():
        missing += _missing(path, importlib.import_module(name))
    assert not missing, "\n".join(missing)
