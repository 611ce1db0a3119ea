"""Strict JSON, and editing that touches nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.errors import BadRequest
from overt.wire.json import embed, encode, member, parse, read, shown, splice

REFUSED = {
    "empty": (b"", "not JSON: Expecting value at line 1 column 1"),
    "cut": (b'{"a": [1, 2', r"not JSON: .*character 11"),
    "two values": (b"{} {}", r"not JSON: Extra data .*character 3"),
    "control character": (b'{"a": "x\ny"}', "Invalid control character"),
    "not UTF-8": (b'{"a": "\xff"}', "not UTF-8 at byte 7"),
    "encoded surrogate": (b'{"a": "\xed\xa0\x80"}', "not UTF-8 at byte 7"),
    "byte order mark": (b"\xef\xbb\xbf{}", "byte order mark at byte 0"),
    "NaN": (b'{"a": "NaN", "b": NaN}', "'NaN' at character 18"),
    "Infinity": (b"[Infinity]", "'Infinity' at character 1"),
    "-Infinity": (b"[-Infinity]", "'-Infinity' at character 1"),
    "too large": (b"[1, 1e999]", "'1e999' at character 4"),
    "too small": (b"[-1e999]", "'-1e999' at character 1"),
    "a long integer": (b"[" + b"9" * 5000 + b"]", r"999\.\.\. at character 1"),
    "repeated name": (b'{"a": {"messages": 1}, "messages": [], "messages": []}', "'messages' twice .*character 39"),
    "repeated name in disguise": (b'{"messages": [], "m\\u0065ssages": []}', "'messages' twice .*character 17"),
    "repeated name inside": (b'{"a": [{"b": 1, "b": 2}]}', "'b' twice .*character 16"),
    "lone surrogate": (b'{"a": "x", "b": "\\ud800"}', "lone surrogate in the string at character 16"),
    "lone low surrogate": (b'["\\uDC00\\ud800"]', "lone surrogate in the string at character 1"),
    "lone surrogate in a name": (b'{"\\ud83d": 1}', "lone surrogate in the string at character 1"),
    "deep": (b"[" * 65 + b"]" * 65, "deeper than 64 levels at byte 64"),
    "very deep": (b"[" * 1_000_000, "deeper than 64 levels at byte 64"),
    "very deep objects": (b'{"a":' * 1_000_000, "deeper than 64 levels at byte 320"),
    "deep behind strings": (b'["[[[\\"[[", ' + b"[" * 65, "deeper than 64 levels at byte 75"),
    "unterminated string of escapes": (b'["' + b'\\"' * 100_000, "not JSON: Unterminated string"),
}


@pytest.mark.parametrize(("body", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_two_parsers_could_read_differently_is_refused_with_its_place(body: bytes, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        parse(body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 64 + b"]" * 64,
        b'"' + b"[" * 100 + b'"',
        b'"\\ud83d\\ude42"',
        b'"\\\\ud800"',
        b'{"a": {"a": {"a": "a"}}, "b": "a"}',
        b'[1e308, -0, 1.5, "NaN"]',
        b" \r\n\t{} ",
    ],
    ids=["64 levels", "brackets in a string", "a pair", "an escaped backslash", "same name apart", "numbers", "blanks"],
)
def test_what_is_sound_is_read_as_the_standard_library_reads_it(body: bytes) -> None:
    assert parse(body) == json.loads(body)


scalars = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
text = st.text(st.characters(codec="utf-8"))
values = st.recursive(
    scalars | text, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4), max_leaves=20
)
objects = st.dictionaries(text, values, max_size=6)
layouts = st.sampled_from([None, 0, 1, 4])


@given(values, layouts, st.booleans())
def test_any_value_survives_any_layout(value: object, indent: int | None, ascii_only: bool) -> None:
    assert parse(json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        value = parse(body)
    except BadRequest:
        return
    assert value == json.loads(body)


@given(objects, st.dictionaries(text, values | st.none(), max_size=4), layouts, st.booleans(), st.data())
def test_splice_changes_what_is_named_and_leaves_every_other_byte(
    original: dict[str, Any], new: dict[str, Any], indent: int | None, ascii_only: bool, data: st.DataObject
) -> None:
    raw = json.dumps(original, indent=indent, ensure_ascii=ascii_only).encode()
    dropped = data.draw(st.sets(st.sampled_from(sorted(original)))) if original else set()
    changes: dict[str, bytes | None] = {name: encode(value) for name, value in new.items()}
    changes |= dict.fromkeys(dropped)
    spliced = splice(raw, changes)
    expected = {name: value for name, value in original.items() if name not in dropped}
    expected |= {name: value for name, value in new.items() if name not in dropped}
    assert parse(spliced) == expected
    assert [name for name in json.loads(spliced) if name in original] == [n for n in original if n not in dropped]
    for name in original:
        if name not in changes:
            assert member(spliced, name) == member(raw, name)
    if not changes:
        assert spliced == raw


def test_splice_keeps_layout_odd_numbers_and_escapes() -> None:
    raw = b' {"a" : 1.50e+2 ,\n  "model":"x", "b":"\\u00e9\\/" } \n'
    assert splice(raw, {"model": b'"yy"'}) == b' {"a" : 1.50e+2 ,\n  "model":"yy", "b":"\\u00e9\\/" } \n'
    assert splice(raw, {"a": None}) == b' {"model":"x", "b":"\\u00e9\\/" } \n'
    assert splice(raw, {"b": None}) == b' {"a" : 1.50e+2 ,\n  "model":"x" } \n'
    assert splice(raw, {"a": None, "model": None, "b": None}) == b" { } \n"
    assert splice(b"{}", {"a": b"1", "b": b"2"}) == b'{"a":1,"b":2}'
    assert splice(b'{"a":1}', {"a": None, "b": b"2"}) == b'{"b":2}'


def test_a_name_that_a_provider_sent_twice_is_changed_twice() -> None:
    assert splice(b'{"a":1,"b":2,"a":3}', {"a": b"0"}) == b'{"a":0,"b":2,"a":0}'
    assert splice(b'{"a":1,"b":2,"a":3}', {"a": None}) == b'{"b":2}'
    assert member(b'{"a":1,"a":3}', "a") == b"3"


def test_embed_adds_a_member() -> None:
    assert embed(b'{"a":1}', "overt", {"x": None}) == b'{"a":1,"overt":{"x":null}}'


def test_only_an_object_can_be_spliced() -> None:
    with pytest.raises(BadRequest, match="expected a JSON object"):
        splice(b"[1]", {})


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b"\xef\xbb\xbf{}"])
def test_what_a_provider_wrote_is_an_object_or_nothing(raw: bytes) -> None:
    assert read(raw) is None


def test_a_long_value_is_quoted_in_part() -> None:
    assert shown("x" * 200) == "'" + "x" * 76 + "..."
