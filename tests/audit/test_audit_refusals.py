"""Refusals apart from ability: the two parts add up, and plain refusals are recognised."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.audit.stats.refusals import reads_as_refusal, refusal_split

SIDE = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't assist with that.",
        "Sorry, but I can't assist with that.",
        "I cannot help with this request.",
        "I can’t provide instructions for that.",
        "As an AI language model, I cannot generate such content.",
        "I must decline.",
        "Thank you for asking. I'm unable to help with that.",
        "I won't write that.",
    ],
)
def test_refusals_are_recognised(text: str) -> None:
    assert reads_as_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A transformer cannot attend to what is masked.",
        "Sorry about the typo; here is the fixed code.",
        "I can help. First, install the package.",
        "The answer is [No].",
        "I cannot overstate how useful this is.",
    ],
)
def test_answers_are_not_refusals(text: str) -> None:
    assert not reads_as_refusal(text)


@given(SIDE, SIDE)
def test_the_parts_add_up_to_the_change(one: list[tuple[float, bool]], other: list[tuple[float, bool]]) -> None:
    sides = [(np.array([s for s, _ in rows]), np.array([r for _, r in rows])) for rows in (one, other)]
    split = refusal_split(*sides[0], *sides[1])
    assert split is not None
    before, after = (float(np.where(refused, 0.0, score).mean()) for score, refused in sides)
    assert split.change == pytest.approx(after - before, abs=1e-9)
    if split.by_refusing is not None and split.by_answering is not None:
        assert split.by_refusing + split.by_answering == pytest.approx(split.change, abs=1e-9)


def test_refusing_half_with_answers_as_good_is_all_refusal() -> None:
    none, half = np.zeros(10, dtype=np.bool_), np.arange(10) < 5
    split = refusal_split(np.ones(10), none, np.where(half, 0.0, 1.0), half)
    assert split is not None
    assert (split.change, split.by_refusing, split.by_answering) == (-0.5, -0.5, 0.0)


def test_a_side_that_answers_nothing_leaves_the_parts_unknown() -> None:
    split = refusal_split(np.ones(4), np.zeros(4, dtype=np.bool_), np.zeros(4), np.ones(4, dtype=np.bool_))
    assert split is not None
    assert (split.change, split.by_refusing, split.by_answering) == (-1.0, None, None)
    assert refusal_split(np.ones(0), np.ones(0, dtype=np.bool_), np.ones(1), np.ones(1, dtype=np.bool_)) is None
