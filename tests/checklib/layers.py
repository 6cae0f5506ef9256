# SPDX-License-Identifier: GPL-2.0-or-later
"""Layers of C files: what a README lists, lowest first, against what the sources do.

The section "... lowest layer first" of a README has a table. The first column of a row
names files: with their suffix, without it (`a` is a.c and a.h), or a whole directory
(`d/`). What is in a row may use what is in its own and in rows above it. A file uses
another when it includes it, or when code of it, a macro and a table of functions too,
names a function or a variable that the other defines.

What is not so yet is a row `FILE` -> `FILE` with its reason, anywhere in the README."""

import collections
import re

SECTION = re.compile(r"^##[^\n]*lowest layer first\n(.*?)(?=^## |\Z)", re.M | re.S)
ROW = re.compile(r"^\| (`[^`|]+`(?:, `[^`|]+`)*) \|", re.M)
KNOWN = re.compile(r"^\| `([^`|]+)` -> `([^`|]+)` \| *(\S[^|]*?) *\|$", re.M)

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.M)
COMMENT_OR_TEXT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)
DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(\w+)((?:\\\n|[^\n])*)", re.M)
# Neither a member, which follows a dot or an arrow, nor the name of a type.
NAME = re.compile(r"(?<!\.)(?<!->)(?<!\bstruct )(?<!\bunion )(?<!\benum )\b[A-Za-z_]\w*")
ATTRIBUTE = re.compile(r"\b__\w+\b(?:\s*\([^)]*\))?")
FUNCTION = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
VARIABLE = re.compile(r"\b([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)*$")
TYPE = re.compile(r"(?:struct|union|enum)\s+\w+")
# EXPORT_SYMBOL(name); and its like
CALL = re.compile(r"\w+\s*\((.*)\)", re.S)


class Layers:
    """What a README says."""

    def __init__(self, readme):
        section = SECTION.search(readme)
        rows = [re.findall(r"`([^`]+)`", row) for row in ROW.findall(section[1] if section else "")]
        self.row = {name: number for number, names in enumerate(rows) for name in names}
        self.known = {(user, used): why for user, used, why in KNOWN.findall(readme)}

    def name(self, path):
        """The name by which a file is listed, or None."""
        directories = [f"{path[:i]}/" for i, c in enumerate(path) if c == "/"]
        for name in (path, path.rpartition(".")[0], *reversed(directories)):
            if name in self.row:
                return name
        return None

    def of(self, path):
        return self.row.get(self.name(path), -1)


def _chunks(text):
    """(head, body) of what a file says at its top level, without comments, strings and
    directives: a body is what is in braces, or None where a semicolon ends it."""
    head, depth, start = 0, 0, 0
    for match in re.finditer(r"[{};]", text):
        if match[0] == "{":
            if depth == 0:
                start = match.end()
            depth += 1
        elif match[0] == "}":
            depth -= 1
            if depth == 0:
                yield text[head:start - 1].strip(), text[start:match.start()]
                head = match.end()
        elif depth == 0:
            if text[head:match.start()].strip():
                yield text[head:match.start()].strip(), None
            head = match.end()
    if depth:
        raise ValueError(f"braces that do not match, from {text[head:head + 60].strip()!r} on")


class Source:
    """What a file defines for others, and what it names."""

    def __init__(self, text):
        self.includes = INCLUDE.findall(text)
        text = COMMENT_OR_TEXT.sub(" ", text)
        macros = [body for kind, body in DIRECTIVE.findall(text) if kind == "define"]
        self.defines, self.own, self.names = set(), set(), set()
        for head, body in _chunks(DIRECTIVE.sub("", text)):
            self._take(head, body)
        for body in macros:
            self.names |= set(NAME.findall(body))
        self.names -= self.own | self.defines

    def _take(self, head, body):
        head, assigned, value = ATTRIBUTE.sub("", head).strip().partition("=")
        self.names |= set(NAME.findall(value))
        call = CALL.fullmatch(head)
        if call and body is None:
            self.names |= set(NAME.findall(call[1]))
            return
        function = FUNCTION.search(head) if not assigned else None
        words = set(re.findall(r"\w+", head.partition("(")[0]))
        if body is None and (function or words & {"extern", "typedef"} or TYPE.fullmatch(head)):
            return                              # declares only
        if body is not None and not function and not assigned:
            return                              # the members of a type
        self.names |= set(NAME.findall(body or ""))
        name = function or VARIABLE.search(head)
        if name:
            (self.own if "static" in words else self.defines).add(name[1])


def uses(files):
    """files: path -> text. (user, used) -> how, for all that one file uses of another, and
    a list of (user, what) for what it includes that is not there."""
    sources = {path: Source(text) for path, text in files.items()}
    where = {name: path for path, source in sources.items() for name in source.defines
             if path.endswith(".c")}
    edges, missing = {}, []
    for path, source in sources.items():
        for included in source.includes:
            beside = f"{path.rpartition('/')[0]}/{included}".lstrip("/")
            used = next((name for name in (beside, included) if name in files), None)
            if used is None:
                missing.append((path, included))
            else:
                edges[path, used] = f"includes {used}"
        for name in sorted(source.names & where.keys()):
            if where[name] != path:
                edges.setdefault((path, where[name]), f"uses {name} of {where[name]}")
    return edges, missing


def circles(edges):
    """Sets of files of which each uses, over some others, each other."""
    follows = collections.defaultdict(set)
    for user, used in edges:
        follows[user].add(used)

    def reach(start):
        seen, todo = set(), [start]
        while todo:
            for used in follows.get(todo.pop(), ()):
                if used not in seen:
                    seen.add(used)
                    todo.append(used)
        return seen

    reached = {path: reach(path) for path in list(follows)}
    found = {frozenset(other for other in reached[path] if path in reached.get(other, ()))
             for path in reached if path in reached[path]}
    return sorted(sorted(circle) for circle in found)


def complaints(readme, files, elsewhere=lambda path, included: False, others=()):
    """What is wrong, a line each. elsewhere() tells of includes that are none of ours,
    others are paths that may be listed and are no C files."""
    layers = Layers(readme)
    edges, missing = uses(files)
    wrong = [f"{path} is in no row" for path in files if layers.name(path) is None]
    listed = {layers.name(path) for path in files} | set(others)
    wrong += [f"`{name}` is in a row, but there is no such file"
              for name in layers.row if name not in listed]
    wrong += [f"{path} includes {included}, which is not there"
              for path, included in missing if not elsewhere(path, included)]
    up = {edge: how for edge, how in edges.items()
          if layers.of(edge[1]) > layers.of(edge[0])}
    wrong += [f"{edge[0]} {how}, which is in a higher row"
              for edge, how in up.items() if edge not in layers.known]
    wrong += [f"`{user}` -> `{used}` is listed as known, but is not so: {why}"
              for (user, used), why in layers.known.items() if (user, used) not in up]
    # a header belongs to its file
    rest = [(user, used) for user, used in edges if (user, used) not in layers.known and
            user.rpartition(".")[0] != used.rpartition(".")[0]]
    return wrong + ["a circle: " + ", ".join(circle) for circle in circles(rest)]
