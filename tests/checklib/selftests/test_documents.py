# SPDX-License-Identifier: GPL-2.0-or-later
"""Documents and comments name what is there."""

import pathlib
import re
import subprocess

from vmlib import paths

DOCUMENT = re.compile(r"[\w./-]*\w\.md\b")
LINK = re.compile(r"\]\(([^)#:]+)\)")
# What a document calls a file of this tree: the path of one, or a directory with a slash.
PATH = re.compile(r"`((?:tests|drivers/net/ethernet/ktlsnic|hw-model|\.ci)/[\w./-]*"
                  r"|Documentation/[\w-]+\.md)`")
TARGET = re.compile(r"\bmake (?!-)([a-z][a-z_-]+)")
# Shorthand for documents that never were in the tree.
ELSEWHERE = re.compile(r"\bcontract,? (?:cases? )?\d[\d.]*", re.I)


def _files(*patterns):
    """Those that git has, and new ones; generated lists and planted patches are no comments."""
    listed = subprocess.run(["git", "-C", paths.TOP, "ls-files", "-co", "--exclude-standard",
                             "--", *patterns], check=True, stdout=subprocess.PIPE, text=True)
    return [path for name in listed.stdout.split()
            if (path := paths.TOP / name).is_file() and path != pathlib.Path(__file__)]


def _lines(path):
    return enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)


def _documents():
    return _files("*.md")


def _wrong(path, found, is_right):
    """`FILE:LINE: WHAT` for each thing found that is not right."""
    return [f"{path.relative_to(paths.TOP)}:{number}: {what}"
            for number, line in _lines(path) for what in found(line) if not is_right(what)]


def test_comments_name_documents_of_the_tree():
    there = {str(path.relative_to(paths.TOP)) for path in _documents()}
    names = there | {path.name for path in _documents()}
    wrong = []
    for path in _files("tests", "drivers", "hw-model", "Makefile", "Kbuild", ".ci", "*.md"):
        wrong += _wrong(path, DOCUMENT.findall, lambda name: (
            name in names or name.lstrip("./") in there))
        wrong += _wrong(path, ELSEWHERE.findall, lambda _: False)
    assert not wrong, "\n".join(wrong)


def test_links_and_paths_in_documents():
    wrong = []
    for path in _documents():
        wrong += _wrong(path, LINK.findall, lambda link, base=path.parent: (base / link).exists())
        wrong += _wrong(path, PATH.findall, lambda name: (
            "NAME" in name or (paths.TOP / name).exists()))
    assert not wrong, "\n".join(wrong)


def test_commands_in_documents():
    """What a document tells to type after make is a target."""
    makefile = (paths.TOP / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.M))
    wrong = []
    for path in _documents():
        code = [(number, word) for number, line in _lines(path)
                for part in [line] if line.startswith("    ") or "`make" in line
                for word in TARGET.findall(part)]
        wrong += [f"{path.relative_to(paths.TOP)}:{number}: make {word}"
                  for number, word in code if word not in targets]
    assert not wrong, "\n".join(wrong)
