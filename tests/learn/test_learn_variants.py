"""Small changes of wording and obfuscations: what they keep, and which of them reading takes back."""

from __future__ import annotations

import base64
import codecs
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.classify.features import words
from overt.classify.text import normalise
from overt.classify.views import views
from overt.learn.variants import (
    ASKED,
    EVERYDAY,
    OBFUSCATIONS,
    VARIANTS,
    badly_mistyped,
    in_base64,
    in_hex,
    in_homoglyphs,
    in_leet,
    in_percent,
    mistyped,
    padded,
    spaced,
)

TEXT = "Please explain the password policy of our office to a new colleague"
EVERYTHING = {**VARIANTS, **OBFUSCATIONS}
ENCODED = ("base64", "hexadecimal", "percent-encoding")
PARAGRAPHS = ("everyday paragraph before", "everyday paragraph after", "everyday paragraph around")


def test_no_variant_is_also_an_obfuscation() -> None:
    assert len(EVERYTHING) == len(VARIANTS) + len(OBFUSCATIONS)


@pytest.mark.parametrize("name", sorted(EVERYTHING))
def test_every_change_changes_the_text(name: str) -> None:
    assert EVERYTHING[name](TEXT) != TEXT


@given(text=st.text(st.characters(codec="utf-8"), max_size=60))
def test_a_change_gives_the_same_text_each_time_and_bears_any_text(text: str) -> None:
    assert [change(text) for change in EVERYTHING.values()] == [change(text) for change in EVERYTHING.values()]


def test_no_two_changes_are_the_same() -> None:
    assert len({change(TEXT) for change in EVERYTHING.values()}) == len(EVERYTHING)


@pytest.mark.parametrize(
    "name", ["capitals", "lower case", "zero-width characters", "look-alike letters", "line breaks"]
)
def test_a_variant_that_only_disguises_is_read_as_the_same_words(name: str) -> None:
    assert words(normalise(VARIANTS[name](TEXT)).text) == words(TEXT)


def test_padding_keeps_the_request_whole() -> None:
    assert TEXT in padded(TEXT)


@pytest.mark.parametrize("name", PARAGRAPHS)
def test_an_everyday_paragraph_is_long_and_keeps_the_request_whole(name: str) -> None:
    changed = VARIANTS[name](TEXT)
    assert TEXT in changed
    assert changed.replace(TEXT, "").split() == EVERYDAY.split()
    assert len(EVERYDAY.split()) > 5 * len(TEXT.split())


@pytest.mark.parametrize(
    ("name", "starts", "ends"),
    [
        ("everyday paragraph before", False, True),
        ("everyday paragraph after", True, False),
        ("everyday paragraph around", False, False),
    ],
)
def test_an_everyday_paragraph_stands_where_its_name_says(name: str, starts: bool, ends: bool) -> None:
    changed = VARIANTS[name](TEXT)
    assert (changed.startswith(TEXT), changed.endswith(TEXT)) == (starts, ends)


def test_a_typing_error_exchanges_two_letters_inside_a_word() -> None:
    assert mistyped("Please explain it").split(" ")[0] == "Pelase"
    assert mistyped("one two") == "one two"


def test_bad_typing_slips_in_four_ways_in_turn() -> None:
    assert badly_mistyped("Please a explain a policy a office") == "Pelase a exlain a poolicy a ofgice"


def test_bad_typing_hits_more_words_than_a_few_errors_do() -> None:
    few, many = (
        sum(old != new for old, new in zip(TEXT.split(), change(TEXT).split(), strict=True))
        for change in (mistyped, badly_mistyped)
    )
    assert 0 < few < many


@given(text=st.text(st.characters(codec="utf-8"), max_size=60))
def test_an_encoding_can_be_decoded(text: str) -> None:
    assert base64.b64decode(in_base64(text)).decode() == text
    assert bytes.fromhex(in_hex(text)).decode() == text
    assert unquote(in_percent(text)) == text


@pytest.mark.parametrize("name", ENCODED)
def test_an_encoding_comes_bare_and_behind_a_plain_instruction(name: str) -> None:
    assert OBFUSCATIONS[f"{name}, asked to decode"](TEXT) == f"{ASKED}{OBFUSCATIONS[name](TEXT)}"


@pytest.mark.parametrize("name", ["reversed", "rot13"])
def test_turning_twice_gives_the_text_back(name: str) -> None:
    assert OBFUSCATIONS[name](OBFUSCATIONS[name](TEXT)) == TEXT


def test_the_characters_of_an_obfuscation_are_the_ones_named() -> None:
    assert codecs.decode(OBFUSCATIONS["rot13"](TEXT), "rot13") == TEXT
    assert in_leet("Policies") == "P0l1c135"
    assert in_homoglyphs("space").isalpha()
    assert not in_homoglyphs("space").isascii()
    assert spaced("of  our") == "o f   o u r"
    assert {*OBFUSCATIONS["zero-width between all characters"](TEXT)} - {*TEXT} == {"\u200b", "\u200c", "\u200d"}


@pytest.mark.parametrize("name", sorted(OBFUSCATIONS))
def test_some_reading_of_an_obfuscated_request_has_most_of_its_words(name: str) -> None:
    wanted = set(words(TEXT))
    seen = [wanted & set(words(view.mapped.text)) for view in views(OBFUSCATIONS[name](TEXT))]
    assert max(len(each) for each in seen) > len(wanted) / 2
