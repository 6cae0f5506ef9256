# SPDX-License-Identifier: GPL-2.0-or-later
"""Mechanical changes of C, one at a time: a comparison turned, a constant moved by one, a
statement dropped, a condition negated, `&&` for `||`.

No parser: tokens are enough to tell code from comments, strings, directives of the
preprocessor and what only logs or asserts. What does not compile is for the compiler to
say. Lines stay where they are, so that a change is a change of one line, or of the lines
of one statement."""

import random
import re
from dataclasses import dataclass

TOKEN = re.compile(r"""
      (?P<skip>    /\*.*?\*/ | //[^\n]* | \s+ | ^[ \t]*\#(?:[^\n]*\\\n)*[^\n]* )
    | (?P<text>    "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' )
    | (?P<number>  (?:0[xX][0-9a-fA-F]+ | \d+) [uUlL]* \b )
    | (?P<word>    [A-Za-z_]\w* )
    | (?P<sign>    <<=|>>=|\.\.\.|->|\+\+|--|&&|\|\||<<|>>|<=|>=|==|!=|[-+*/%&|^]=|. )
    """, re.X | re.S | re.M)

TURNED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
OTHER = {"&&": "||", "||": "&&"}

# What a call of these says or asserts is not what the code does.
TELLING = re.compile(r"(netdev|dev|net|pr|pci)_(err|warn|info|dbg|notice)|net_ratelimit|.*trace.*|"
                     r"g_assert\w*|assert\w*|error_\w+|BUILD_BUG_ON|WARN_ON\w*|ASSERT_RTNL|"
                     r"lockdep_\w+|might_sleep|MODULE_\w+|VMSTATE_\w+|NL_SET_ERR_MSG")
KEYWORDS = {"return", "if", "else", "for", "while", "do", "switch", "case", "default", "break",
            "continue", "goto", "static", "const", "struct", "enum", "union", "typedef",
            "extern", "inline", "sizeof", "void", "bool", "int", "unsigned"}
BEFORE_STATEMENT = {";", "{", "}", ")", "else"}
AFTER_FIRST_WORD = {"(", "=", "->", ".", "[", "++", "--", "+=", "-=", "*=", "/=", "%=", "&=",
                    "|=", "^=", "<<=", ">>="}


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int

    @property
    def end(self):
        return self.start + len(self.text)


@dataclass(frozen=True)
class Mutation:
    """In a text: what is between two places becomes another text."""
    what: str
    start: int
    end: int
    new: str

    def of(self, text):
        return text[:self.start] + self.new + text[self.end:]

    def line(self, text):
        return text.count("\n", 0, self.start) + 1

    def difference(self, text):
        """The first line that changes, before and after."""
        number = self.line(text) - 1
        return [f"- {text.splitlines()[number].strip()}",
                f"+ {self.of(text).splitlines()[number].strip()}"]


def tokens(text):
    """The tokens of code, without those that only tell something."""
    found = [Token(match.lastgroup, match.group(), match.start())
             for match in TOKEN.finditer(text) if match.lastgroup != "skip"]
    kept, at = [], 0
    while at < len(found):
        token = found[at]
        if token.kind == "word" and TELLING.fullmatch(token.text) and \
                at + 1 < len(found) and found[at + 1].text == "(":
            at = _closing(found, at + 1)
        else:
            kept.append(token)
        at += 1
    return kept


def mutations(text):
    """All that can be made of a file, in the order of their places."""
    found = tokens(text)
    depth = 0
    for at, token in enumerate(found):
        depth += (token.text == "{") - (token.text == "}")
        if depth > 0:
            yield from _at(text, found, at)


def sample(files, number, seed):
    """So many mutations of these files (name -> text), each line as likely as any
    other: (name, mutation). The same seed gives the same ones."""
    lines = {}
    for name in sorted(files):
        for mutation in mutations(files[name]):
            lines.setdefault((name, mutation.line(files[name])), []).append(mutation)
    dice = random.Random(seed)
    chosen = dice.sample(sorted(lines), min(number, len(lines)))
    return [(name, dice.choice(lines[name, line])) for name, line in chosen]


def _at(text, found, at):
    token = found[at]
    if token.text in TURNED:
        yield Mutation("comparison turned", token.start, token.end, TURNED[token.text])
    elif token.text in OTHER:
        yield Mutation(f"{OTHER[token.text]} for {token.text}", token.start, token.end,
                       OTHER[token.text])
    elif token.kind == "number":
        yield Mutation("constant moved by one", token.start, token.end, _moved(token.text))
    elif token.text == "if" and found[at + 1].text == "(":
        start, end = found[at + 1], found[_closing(found, at + 1)]
        condition = text[start.end:end.start]
        yield Mutation("condition negated", start.end, end.start, f"!({condition})")
    elif _begins_statement(text, found, at):
        end = _end_of_statement(found, at)
        if end:
            dropped = text[token.start:end.end]
            yield Mutation("statement dropped", token.start, end.end,
                           ";" + "\n" * dropped.count("\n"))


def _moved(number):
    digits, suffix = re.fullmatch(r"(0[xX][0-9a-fA-F]+|\d+)(\w*)", number).groups()
    if digits.lower().startswith("0x"):
        return f"{int(digits, 16) + 1:#x}{suffix}"
    base = 8 if digits.startswith("0") and digits != "0" else 10
    return f"{int(digits, base) + 1}{suffix}"


def _begins_statement(text, found, at):
    token, before = found[at], found[at - 1].text if at else ""
    return (token.kind == "word" and token.text not in KEYWORDS and
            before in BEFORE_STATEMENT and _first_of_line(text, token) and
            at + 1 < len(found) and found[at + 1].text in AFTER_FIRST_WORD)


def _first_of_line(text, token):
    """A cast ends with a bracket as well, but a statement begins its line."""
    return not text[text.rfind("\n", 0, token.start) + 1:token.start].strip()


def _end_of_statement(found, at):
    """Its semicolon; None if it is something else that begins so."""
    depth = 0
    for token in found[at:]:
        depth += (token.text in "([") - (token.text in ")]")
        if token.text in ("{", "}") or depth < 0:
            return None
        if token.text == ";" and depth == 0:
            return token
    return None


def _closing(found, at):
    """Where the bracket that opens here is closed."""
    depth = 0
    for place in range(at, len(found)):
        depth += (found[place].text == "(") - (found[place].text == ")")
        if depth == 0:
            return place
    return len(found) - 1
