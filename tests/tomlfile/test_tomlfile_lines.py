"""Where keys and tables stand, whatever stands between them."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.tomlfile.lines import Path, find_lines

TEXT = '''# a comment with = and [brackets]
first = 1
"quoted key" = "a # is no comment" # but this is
dotted.inner = 2
long = """
third = no key
""""
list = [
    "a, ]", # ]
    { inside = 'x', more = [1, 2] },
]
date = 1979-05-27 07:32:00

[table]
literal = \'\'\'
[[rules]]
\'\'\'

[[rules]]
id = "a"
  [rules.sub]
  deep = true

[[rules]]

id = "b"
[[rules.parts]]
name = "p"
[[rules.parts]]
name = "q"
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("first",), 2),
        (("quoted key",), 3),
        (("dotted", "inner"), 4),
        (("long",), 5),
        (("list",), 8),
        (("list", 0), 9),
        (("list", 1, "more"), 10),
        (("date",), 12),
        (("table", "literal"), 15),
        (("rules", 0), 19),
        (("rules", 0, "sub", "deep"), 22),
        (("rules", 1), 24),
        (("rules", 1, "id"), 26),
        (("rules", 1, "parts", 0, "name"), 28),
        (("rules", 1, "parts", 1, "name"), 30),
    ],
    ids=str,
)
def test_each_path_has_the_line_on_which_it_first_stands(path: Path, line: int) -> None:
    assert find_lines(TEXT)[path] == line


def test_nothing_inside_a_long_text_is_taken_for_a_key() -> None:
    assert ("third",) not in find_lines(TEXT)


def test_windows_line_ends_count_once() -> None:
    assert find_lines(TEXT.replace("\n", "\r\n")) == find_lines(TEXT)


_BARE = st.text("abz09_-", min_size=1, max_size=5)
_QUOTED = st.text(
    st.characters(codec="ascii", exclude_characters="\"'\\", min_codepoint=32, max_codepoint=126), max_size=6
)
_VALUES = st.sampled_from(
    (
        "1",
        "true",
        '"x"',
        "'y'",
        '""',
        "1979-05-27",
        "[]",
        "[1, 2]",
        '[\n  "]", # ]\n]',
        '"""a\n[b]\nc = 1"""',
        "{ k = 1 }",
    )
)


@given(st.dictionaries(st.one_of(_BARE, _QUOTED), _VALUES, max_size=12), st.integers(0, 3))
def test_generated_documents_have_every_key_on_the_line_on_which_it_was_written(
    pairs: dict[str, str], blank_lines: int
) -> None:
    text, expected = "", {}
    for key, value in pairs.items():
        text += "\n" * blank_lines + "# [not] = a header\n" * (blank_lines % 2)
        expected[key] = text.count("\n") + 1
        text += f"'{key}' = {value}\n"
    tomllib.loads(text)
    lines = find_lines(text)
    assert {key: lines[(key,)] for key in pairs} == expected


def _paths(value: object, path: Path = ()) -> set[Path]:
    """Every path of key names and positions in a document."""
    if isinstance(value, dict):
        return {path} | {deeper for key, inner in value.items() for deeper in _paths(inner, (*path, key))}
    if isinstance(value, list):
        return {path} | {deeper for place, inner in enumerate(value) for deeper in _paths(inner, (*path, place))}
    return {path}


def test_every_path_of_a_document_is_found() -> None:
    assert set(find_lines(TEXT)) == _paths(tomllib.loads(TEXT)) - {()}
