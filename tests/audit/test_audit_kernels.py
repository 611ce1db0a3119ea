"""Texts as numbers: what an inner product of two texts says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.audit.stats.kernels import (
    LONGEST,
    NAMES,
    character_grams,
    characters,
    code_points,
    columns,
    first_words,
    layout,
    log_length,
    opening,
    words,
)

TEXTS = st.lists(st.text(max_size=40), min_size=1, max_size=5)


def plain_grams(text: str, longest: int) -> dict[str, int]:
    """All runs of 1 … ``longest`` characters, counted one by one."""
    found: dict[str, int] = {}
    for size in range(1, longest + 1):
        for start in range(len(text) - size + 1):
            found[text[start : start + size]] = found.get(text[start : start + size], 0) + 1
    return found


def test_code_points_are_cut_and_padded_with_zeros() -> None:
    assert code_points(["ab", "", "𝄞xyz"], 3).tolist() == [[97, 98, 0], [0, 0, 0], [0x1D11E, 120, 121]]


@given(TEXTS)
@settings(deadline=None, max_examples=40)
def test_character_grams_are_those_counted_one_by_one(texts: list[str]) -> None:
    found = character_grams(texts, 3)
    for row, text in enumerate(texts):
        expected = plain_grams(text, 3)
        assert found.counts[found.rows == row].sum() == sum(expected.values())
        # Two grams may share one of 2^18 buckets, never the other way round.
        assert (found.rows == row).sum() <= len(expected)


def test_grams_do_not_reach_over_the_end_of_a_text() -> None:
    together, apart = character_grams(["ab", "cd"], 2), character_grams(["ab"], 2)
    assert together.buckets[together.rows == 0].tolist() == apart.buckets.tolist()


def test_many_texts_are_counted_as_few_are() -> None:
    many = character_grams([f"text {number}" for number in range(600)])
    one = character_grams(["text 599"])
    assert many.buckets[many.rows == 599].tolist() == one.buckets.tolist()


def test_the_product_of_sketches_is_that_of_the_counts() -> None:
    texts = ["the quick brown fox jumps over the dog", "the quick red fox jumps over the cat", "nothing alike, 12345!"]
    plain = [plain_grams(text, 5) for text in texts]
    logs = [{gram: np.log1p(count) for gram, count in each.items()} for each in plain]
    lengths = [np.sqrt(sum(value**2 for value in each.values())) for each in logs]
    found = characters(texts, columns(len(texts)))
    for first in range(3):
        for second in range(3):
            shared = sum(value * logs[second].get(gram, 0.0) for gram, value in logs[first].items())
            expected = shared / (lengths[first] * lengths[second])
            assert float(found[first] @ found[second]) == pytest.approx(expected, abs=0.04)


@given(TEXTS)
@settings(deadline=None, max_examples=40)
def test_normed_rows_have_length_one_or_are_empty(texts: list[str]) -> None:
    for found in (characters(texts, 1 << 16), words(texts, 1 << 16)[0], opening(texts, 1 << 16)):
        lengths = np.linalg.norm(found, axis=1)
        # Two grams of opposite sign in one column take something off.
        assert ((lengths == 0) | (np.abs(lengths - 1) < 0.1)).all()


@given(TEXTS)
@settings(deadline=None, max_examples=40)
def test_what_a_text_becomes_does_not_depend_on_its_neighbours(texts: list[str]) -> None:
    together = words(texts, 1 << 13)[1]
    alone = np.concatenate([words([text], 1 << 13)[1] for text in texts])
    assert np.array_equal(together, alone)


def test_words_ignore_case_and_know_the_order_of_two() -> None:
    normed, _ = words(["The cat sat", "the CAT sat", "sat cat the"], 1 << 13)
    assert float(normed[0] @ normed[1]) == pytest.approx(1.0)
    assert float(normed[0] @ normed[2]) < 0.9


def test_first_words_name_one_two_three_and_four() -> None:
    found = first_words(["Sure, here is one", "Sure, here it is", "Certainly", ""])
    assert found.shape == (4, NAMES)
    assert found.sum(axis=1).tolist() == [4.0, 4.0, 1.0, 0.0]
    assert float(found[0] @ found[1]) == 3.0


def test_layout_counts_marks_of_form() -> None:
    found = np.expm1(layout(["# Title\n\n- one\n- two\n1. three\n**bold** `code`:", ""]))
    assert found[0].round().tolist() == [2, 1, 1, 2, 0, 1, 3, 1, 2]
    assert not found[1].any()


def test_length_is_a_logarithm_and_nothing_is_zero() -> None:
    assert log_length(["", "a" * 99]).ravel().tolist() == pytest.approx([0.0, np.log(100)])


@pytest.mark.parametrize(
    "text", ["", " ", "\ud800 alone", "\x00", "é" * 10, "x" * (LONGEST + 10)], ids=lambda each: repr(each)[:12]
)
def test_any_text_can_be_read(text: str) -> None:
    for found in (characters([text], 1 << 12), *words([text], 1 << 12), opening([text], 1 << 12), layout([text])):
        assert np.isfinite(found).all()
