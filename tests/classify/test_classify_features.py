"""The features that training and serving share. A change that breaks one of these breaks every released weight."""

from __future__ import annotations

from itertools import pairwise
from math import isclose

import pytest
from classify_samples import wordpiece
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.classify.features import (
    FORMAT,
    HASHES,
    LONGEST_RUN,
    STRIDE,
    WINDOW,
    Extractor,
    gram_ids,
    pair_id,
    term_id,
    tokens,
    windows,
    words,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("... !? —", []),
        ("Don't panic", ["don", "t", "panic"]),
        ("snake_case and kebab-case", ["snake", "case", "and", "kebab", "case"]),
        ("getUserById()", ["get", "user", "by", "id"]),
        ("HTTPServer PowerShell mRNA RNAseq pH", ["httpserver", "powershell", "mrna", "rnaseq", "ph"]),
        ("mAlWaRe MaLwArEs", ["malware", "malwares"]),
        ("CVE-2021-44228 H1N1 C6H12O6", ["cve", "2021", "44228", "h1n1", "c6h12o6"]),
        ("naïve Straße ÅNGSTRÖM", ["naive", "strasse", "angstrom"]),
        ("食品のラベル", ["食", "品", "のラベル"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("Привет", ["привет"]),
        ("\u0301", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_a_run_without_spaces_is_cut_into_bearable_words() -> None:
    assert [len(word) for word in words("x" * 100)] == [LONGEST_RUN, LONGEST_RUN, 20]


@settings(deadline=None)
@given(st.text())
def test_words_stand_where_their_places_say(text: str) -> None:
    found = tokens(text)
    assert all(found.words)
    assert sorted(found.starts) == found.starts
    for start, end in zip(found.starts, found.ends, strict=True):
        assert 0 <= start < end <= len(text)


@settings(deadline=None)
@given(st.integers(0, 2_000))
def test_windows_cover_every_word_and_overlap_by_a_stride(count: int) -> None:
    ranges = windows(count)
    covered = {place for low, high in ranges for place in range(low, high)}
    assert covered == set(range(count))
    assert all(high - low <= WINDOW for low, high in ranges)
    assert all(later[0] - earlier[0] == STRIDE for earlier, later in pairwise(ranges))


def test_the_hashes_of_format_1_do_not_move() -> None:
    assert FORMAT == 1
    assert (term_id("malware"), pair_id("nerve", "agent")) == (132323, 261845)
    assert gram_ids("ab") == [70616, 122919, 66003]


def test_a_window_counts_each_word_and_each_pair_once() -> None:
    extractor = Extractor(wordpiece())
    once, often = extractor.features(["big", "cat"]), extractor.features(["big", "cat"] * 20)
    assert (once.pieces, once.grams) == (often.pieces, often.grams)
    assert often.terms == [term_id("big"), term_id("cat"), pair_id("big", "cat"), pair_id("cat", "big")]


@settings(deadline=None)
@given(st.lists(st.text("abcdefg", min_size=1), min_size=1, max_size=WINDOW))
def test_terms_and_grams_have_one_weight_each(window: list[str]) -> None:
    features = Extractor(wordpiece()).features(window)
    assert len(features.hashed) == len(features.values)
    assert all(0 <= number < HASHES for number in features.hashed)
    terms, grams = features.values[: len(features.terms)], features.values[len(features.terms) :]
    assert isclose(sum(v * v for v in terms), 1)
    assert isclose(sum(v * v for v in grams), 1)


def test_of_text_gives_one_entry_per_window() -> None:
    extractor = Extractor(wordpiece())
    assert len(extractor.of_text("word " * 200)) == len(windows(200))
    assert extractor.of_text("") == []
