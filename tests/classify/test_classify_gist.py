"""What is asked, without the small talk around it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.classify.gist import (
    MOST_SENTENCES,
    SMALL_TALK,
    has_sentences,
    sentences,
    speaking,
    without_small_talk,
)
from overt.classify.text import normalise

PRINTED = st.text(st.sampled_from("ab .!?\n。é”"), max_size=80)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One thing only is asked here.", ["One thing only is asked here."]),
        ("I am tired today. How does soap work?", ["I am tired today. ", "How does soap work?"]),
        ("First of all lines\n\nsecond of all lines", ["First of all lines\n\n", "second of all lines"]),
        ("“Is it late now?” she asked me. Then we left.", ["“Is it late now?” ", "she asked me. ", "Then we left."]),
        ("昨日は雨でした。石鹸はどう働きますか。", ["昨日は雨でした。", "石鹸はどう働きますか。"]),
        ("Version 3.11 is not an end", ["Version 3.11 is not an end"]),
    ],
    ids=["one", "two", "lines", "quoted", "japanese", "numbers"],
)
def test_sentences_are_found(text: str, expected: list[str]) -> None:
    assert [text[low:high] for low, high in sentences(text)] == expected
    assert has_sentences(text) == (len(expected) > 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi! How does soap work?", ["Hi! How does soap work?"]),
        ("How does soap work? Thanks!", ["How does soap work? Thanks!"]),
        ("It rained again. How does soap work? Thanks!", ["It rained again. ", "How does soap work? Thanks!"]),
    ],
    ids=["before", "after", "last"],
)
def test_one_or_two_words_are_no_sentence_of_their_own(text: str, expected: list[str]) -> None:
    assert [text[low:high] for low, high in sentences(text)] == expected


@given(PRINTED)
def test_sentences_are_all_of_a_text_and_lie_one_after_the_other(text: str) -> None:
    assert "".join(text[low:high] for low, high in sentences(text)) == text


def test_a_text_of_very_many_sentences_is_read_to_its_end() -> None:
    text = "Here is one more. " * (MOST_SENTENCES * 2)
    found = sentences(text)
    assert len(found) == MOST_SENTENCES
    assert found[-1][1] == len(text)


@pytest.mark.parametrize(
    ("openings", "kept"),
    [
        ([0.0, SMALL_TALK], [False, True]),
        ([SMALL_TALK, SMALL_TALK], None),
        ([0.0, 0.1], None),
        ([], None),
    ],
    ids=["one speaks", "all speak", "none speaks", "nothing"],
)
def test_what_speaks_is_kept_unless_that_is_all_or_nothing(openings: list[float], kept: list[bool] | None) -> None:
    assert speaking(openings) == kept


def test_the_gist_points_into_what_was_sent() -> None:
    text = "It rained again. How does soap work? I must go."
    gist = without_small_talk(normalise(text), sentences(text), [False, True, False])
    assert gist.text.split() == ["How", "does", "soap", "work?"]
    place = gist.text.index("soap")
    low, high = gist.original(place, place + 4)
    assert text[low:high] == "soap"
