"""Where in a TOML text each key and table stands: `tomllib` does not say.

The text must already have been read by `tomllib` without an error. This scanner therefore checks nothing: it walks
over headers, keys and values, and notes the line of each path. A path is a tuple of key names, and of positions (from
0) in lists.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_STRING = re.compile(
    r'"""(?:[^\\]|\\[\s\S])*?"{3,5}'
    r"|'''[\s\S]*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
)
_SCALAR = re.compile(r"[^,\]}#\n]+")


def find_lines(text: str) -> Mapping[Path, int]:
    """The line, from 1, on which each path of a valid TOML text first stands."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


class _Scanner:
    """A position in the text, and what was found up to there."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self.lengths: dict[Path, int] = {}
        self.newlines = [match.start() for match in re.finditer("\n", text)]

    def document(self) -> None:
        """Walk over the whole text."""
        table: Path = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)
            self.skip(_BLANK)

    def header(self) -> Path:
        """``[a.b]`` or ``[[a.b]]``: the path of the table that begins here."""
        line = self.line()
        double = self.text.startswith("[[", self.at)
        self.at += 2 if double else 1
        path: Path = ()
        for name in self.names():
            path = self.inside((*path, name), line)
        self.at = self.text.index("]", self.at) + (2 if double else 1)
        if not double:
            return path
        named = path[:-1] if path and isinstance(path[-1], int) else path
        position = self.lengths.get(named, 0)
        self.lengths[named] = position + 1
        self.lines[(*named, position)] = line
        return (*named, position)

    def inside(self, path: Path, line: int) -> Path:
        """The path itself, or that of the last table of the list that it names."""
        self.lines.setdefault(path, line)
        length = self.lengths.get(path)
        return path if length is None else (*path, length - 1)

    def pair(self, table: Path) -> None:
        """``a.b = value``."""
        line = self.line()
        path = table
        for name in self.names():
            path = (*path, name)
            self.lines.setdefault(path, line)
        self.at = self.text.index("=", self.at) + 1
        self.value(path)

    def names(self) -> list[str]:
        """The parts of a dotted key."""
        names: list[str] = []
        while True:
            self.skip(_BLANK)
            names.append(_plain(self.skip(_KEY)))
            self.skip(_BLANK)
            if not self.text.startswith(".", self.at):
                return names
            self.at += 1

    def value(self, path: Path) -> None:
        """Any value; the keys of inline tables are noted too."""
        self.skip(_BLANK)
        start = self.text[self.at]
        if start == "[":
            self.listed(path)
        elif start == "{":
            self.inline(path)
        elif start in "\"'":
            self.skip(_STRING)
        else:
            self.skip(_SCALAR)

    def listed(self, path: Path) -> None:
        """``[value, value]``."""
        position = 0
        while not self.closed("]"):
            self.lines.setdefault((*path, position), self.line())
            self.value((*path, position))
            position += 1

    def inline(self, path: Path) -> None:
        """``{key = value, key = value}``."""
        while not self.closed("}"):
            self.pair(path)

    def closed(self, bracket: str) -> bool:
        """Step over an opening bracket or a comma; whether the closing bracket follows, which is stepped over too."""
        if self.text[self.at] in "[{,":
            self.at += 1
        self.skip(_BLANK)
        if self.text[self.at] == ",":
            self.at += 1
            self.skip(_BLANK)
        if self.text[self.at] == bracket:
            self.at += 1
            return True
        return False

    def line(self) -> int:
        """The line of the present position, from 1."""
        return bisect_right(self.newlines, self.at - 1) + 1

    def skip(self, pattern: re.Pattern[str]) -> str:
        """Step over what the pattern matches here."""
        match = pattern.match(self.text, self.at)
        found = match.group() if match else ""
        self.at += len(found)
        return found


def _plain(key: str) -> str:
    """A key without its quotes and escapes."""
    if key.startswith('"'):
        return str(tomllib.loads(f"key = {key}")["key"])
    return key.strip("'")
