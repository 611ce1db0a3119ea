"""Small changes of wording: what they keep, and that reading takes the invisible ones back."""

from __future__ import annotations

import pytest

from overt.classify.features import words
from overt.classify.text import normalise
from overt.learn.variants import VARIANTS, mistyped, padded

TEXT = "Please explain the password policy of our office to a new colleague"


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_every_variant_changes_the_text(name: str) -> None:
    assert VARIANTS[name](TEXT) != TEXT


@pytest.mark.parametrize("name", ["capitals", "zero-width characters", "look-alike letters", "line breaks"])
def test_a_variant_that_only_disguises_is_read_as_the_same_words(name: str) -> None:
    assert words(normalise(VARIANTS[name](TEXT)).text) == words(TEXT)


def test_padding_keeps_the_request_whole() -> None:
    assert TEXT in padded(TEXT)


def test_a_typing_error_exchanges_two_letters_inside_a_word() -> None:
    assert mistyped("Please explain it").split(" ")[0] == "Pelase"
    assert mistyped("one two") == "one two"
