"""The table that tells languages in Latin letters apart."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from overt.classify.grams import LONGEST, Table, packed, plain, shipped_table, unpacked

SMALL = Table(
    ("aa", "bb"),
    {b" x": 0, b"x": 1, b"yx": 2, b"y ": 3},
    np.asarray([[2, -2], [0, 0], [-3, 3], [1, -1]], np.int8),
    np.asarray([0.5, 1.0, 0.25, 2.0], np.float32),
    np.asarray([0.0, 0.5], np.float32),
)


def test_the_longest_gram_that_ends_at_a_place_counts() -> None:
    """In `` xyx yxy `` that is `` x`` once, ``yx`` twice (never ``x``), and ``y `` once."""
    first = 0.5 * 2 * np.log(2) - 0.25 * 3 * np.log(3) + 2.0 * 1 * np.log(2)
    logits = np.asarray([first, -first + 0.5]) / sqrt(len(" xyx yxy "))
    expected = np.exp(logits) / np.exp(logits).sum()
    assert SMALL.probabilities(["xyx", "yxy"]) == pytest.approx(expected, abs=1e-6)


def test_words_without_a_known_gram_leave_the_biases() -> None:
    first, second = SMALL.probabilities(["qq"]).tolist()
    assert first + second == pytest.approx(1.0)
    assert second / first == pytest.approx(np.exp(0.5 / sqrt(len(" qq "))), abs=1e-4)


def test_a_table_survives_its_file() -> None:
    again = unpacked(packed(SMALL))
    assert (again.languages, again.rows) == (SMALL.languages, SMALL.rows)
    assert again.weights.tolist() == SMALL.weights.tolist()
    assert again.steps.tolist() == SMALL.steps.tolist()
    assert again.bias.tolist() == SMALL.bias.tolist()


def test_the_shipped_table_is_whole() -> None:
    table = shipped_table()
    assert table.weights.shape == (len(table.rows), len(table.languages))
    assert table.steps.shape == (len(table.rows),)
    assert table.bias.shape == (len(table.languages),)
    assert max(map(len, table.rows)) <= LONGEST
    assert len(set(table.languages)) == len(table.languages)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Wie GEHT’s", "wie geht's"), ("İSTANBUL", "istanbul"), ("ÉTÉ", "été")],
    ids=["case and apostrophe", "dotted capital", "accents"],
)
def test_words_are_spelt_as_grams_are(text: str, expected: str) -> None:
    assert plain(text) == expected
