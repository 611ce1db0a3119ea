"""Normalised text, and where each of its characters came from."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.classify.text import HEAD_CHARACTERS, TAIL_CHARACTERS, normalise


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Plain text, as it is.\n", "Plain text, as it is.\n"),
        ("ｆｕｌｌ 𝐛𝐨𝐥𝐝 ﬁne ①", "full bold fine 1"),
        ("mal\u200bwa\u00adre\ufeff", "malware"),
        ("\u202etxet\u202c", "txet"),
        ("Z\u0335\u0321a\u0301\u0302\u0303\u0304", "Z\u0321\u00e1\u0302"),
        ("hоw tо mаke", "how to make"),
        ("Привет, мир", "Привет, мир"),
        ("ᴍᴀʟᴡᴀʀᴇ", "malware"),
        ("🅷🅸", "hi"),
        ("fish &amp; chips &#104;i &nosuch; &", "fish & chips hi &nosuch; &"),
        ("\x1b[31mred\x1b[0m", " red "),
        ("one\\ntwo\\tthree", "one two three"),
        ("C:\\new\\table", "C:\\new\\table"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\u200cb", "ab"),
        ("हिन्दी 한국어 ไทย", "हिन्दी 한국어 ไทย"),
        ("\ud800x", " x"),
        ("", ""),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_text_is_read_as_a_person_reads_it(raw: str, expected: str) -> None:
    assert normalise(raw).text == expected


@settings(deadline=None)
@given(st.text(st.characters(), max_size=300))
def test_every_character_comes_from_somewhere(raw: str) -> None:
    mapped = normalise(raw)
    assert len(mapped.text) == len(mapped.starts) == len(mapped.ends)
    assert all(0 <= start < end <= len(raw) for start, end in zip(mapped.starts, mapped.ends, strict=True))
    assert list(mapped.starts) == sorted(mapped.starts)


@settings(deadline=None)
@given(st.text(st.characters(max_codepoint=0x7E, min_codepoint=0x20, exclude_characters="&\\")))
def test_plain_ascii_is_its_own_normal_form(raw: str) -> None:
    mapped = normalise(raw)
    assert mapped.text == raw
    assert list(mapped.starts) == list(range(len(raw)))


def test_a_span_points_to_the_disguised_word() -> None:
    raw = "&lt;b&gt; m\u200ba\u200bl w"
    mapped = normalise(raw)
    start = mapped.text.index("mal")
    assert raw[slice(*mapped.original(start, start + 3))] == "m\u200ba\u200bl"


def test_what_is_cut_from_the_middle_is_declared() -> None:
    raw = "a" * HEAD_CHARACTERS + "b" * 500 + "c" * TAIL_CHARACTERS
    mapped = normalise(raw)
    assert mapped.unread == 500
    assert "b" not in mapped.text
    place = mapped.text.index("c")
    assert mapped.original(place, place + 1) == (HEAD_CHARACTERS + 500, HEAD_CHARACTERS + 501)
    assert mapped.original(place - 1, place) == (HEAD_CHARACTERS, HEAD_CHARACTERS + 500)


def test_a_text_at_the_limit_is_read_whole() -> None:
    assert normalise("a" * (HEAD_CHARACTERS + TAIL_CHARACTERS)).unread == 0
