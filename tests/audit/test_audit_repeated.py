"""Several answers per prompt: exactness, ties, unequal numbers, and the three kinds of change."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.audit.stats.draws import evidence_of, flips, p_of, ranks, shuffles, smallest_p
from overt.audit.stats.kernels import code_points
from overt.audit.stats.repeated import (
    arranged,
    hamming_test,
    pooled,
    repeated_size,
    repeated_test,
    same_places,
    strayed,
)
from overt.audit.stats.several import Combined, combine

Prompts = list[tuple[list[str], list[str]]]
NOUNS = [f"noun{number}" for number in range(60)]


def answer(rng: np.random.Generator, prompt: int, words: int = 12, shift: int = 0) -> str:
    """Words of a prompt's own distribution; another model prefers others."""
    chosen = (rng.geometric(0.15, words) + 7 * prompt + shift) % len(NOUNS)
    return " ".join(NOUNS[each] for each in chosen)


def unchanged(seed: int, *, prompts: int = 8, reference: int = 4, endpoint: int = 4) -> Prompts:
    """Both sides from one distribution per prompt."""
    rng = np.random.default_rng(seed)
    return [
        ([answer(rng, each) for _ in range(reference)], [answer(rng, each) for _ in range(endpoint)])
        for each in range(prompts)
    ]


def mixed(seed: int, share: float, *, prompts: int = 25, answers: int = 10) -> Prompts:
    """A share of the endpoint's answers from another model."""
    rng = np.random.default_rng(seed)
    return [
        (
            [answer(rng, each) for _ in range(answers)],
            [answer(rng, each, shift=25 if rng.random() < share else 0) for _ in range(answers)],
        )
        for each in range(prompts)
    ]


def outcome(prompts: Prompts, *, draws: int = 199, seed: int = 0) -> Combined:
    return repeated_test(pooled(*arranged(prompts)), draws=draws, seed=seed)


def test_shuffles_keep_the_numbers_of_each_side_and_begin_as_observed() -> None:
    first = True
    for (sides,) in shuffles(((5, 3, 2),), 1_500, 7):
        assert sides.shape[1:] == (5, 5)
        assert (sides.sum(axis=2) == 3).all()
        if first:
            assert (sides[0] == [True, True, True, False, False]).all()
        first = False


def test_every_arrangement_is_as_likely_as_any_other() -> None:
    sides = np.concatenate([each for (each,) in shuffles(((1, 2, 2),), 12_000, 3)])[1:, 0]
    found = [
        int((sides == [place in chosen for place in range(4)]).all(axis=1).sum())
        for chosen in itertools.combinations(range(4), 2)
    ]
    assert sum(found) == 12_000
    assert max(abs(each - 2_000) for each in found) < 200


def test_flips_begin_as_observed_and_number_one_more_than_the_draws() -> None:
    signs = np.concatenate(list(flips(6, 1_234, 0)))
    assert signs.shape == (1_235, 6)
    assert (signs[0] == 1).all()
    assert set(np.unique(signs)) == {-1.0, 1.0}


@pytest.mark.parametrize(
    ("statistics", "p_value"),
    [
        ([3.0, 1.0, 2.0], 1 / 3),
        ([2.0, 2.0, 1.0, 0.0], 0.5),
        ([0.0, 0.0, 0.0, 0.0], 1.0),
        ([1.0, 1.0 + 1e-13, 0.0], 2 / 3),
    ],
    ids=["largest", "a tie counts against", "all equal", "rounding is a tie"],
)
def test_p_counts_the_observed_one_and_ties(statistics: list[float], p_value: float) -> None:
    assert p_of(np.array(statistics)) == pytest.approx(p_value)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
@settings(deadline=None)
def test_ranks_are_shares_at_least_as_large(values: list[int]) -> None:
    found = ranks(np.array(values, np.float64))
    assert found.tolist() == [sum(other >= each for other in values) / len(values) for each in values]


def test_the_e_value_of_a_uniform_p_has_mean_one_at_most() -> None:
    grid = (np.arange(1_000_000) + 0.5) / 1_000_000
    assert np.mean(0.5 * grid**-0.5) <= 1.0
    assert evidence_of(0.0001) == pytest.approx(50.0)


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [(((5, 1, 1),), 2 / 32), (((1, 2, 2),), 2 / 6), (((1, 1, 1), (1, 2, 1)), 2 / 6), (((100, 5, 5),), 1 / 1000)],
    ids=["five pairs", "one prompt", "two shapes", "limited by draws"],
)
def test_the_smallest_p_is_known_before_any_answer(shapes: tuple[tuple[int, int, int], ...], expected: float) -> None:
    assert smallest_p(shapes, 999) == pytest.approx(expected)


def test_same_places_is_the_share_of_equal_characters() -> None:
    codes = code_points(["abcd", "abxx", "ab"], 4)[None]
    assert same_places(codes)[0].tolist() == [[1.0, 0.5, 0.5], [0.5, 1.0, 0.5], [0.5, 0.5, 1.0]]


def test_an_answer_unlike_its_pool_strays_and_equal_ones_do_not() -> None:
    products = np.ones((2, 5, 5), np.float32)
    products[0, 4, :4] = products[0, :4, 4] = 0.1
    found = strayed(products)
    assert found[0].argmax() == 4
    assert not found[1].any()


def test_the_rate_of_false_alarms_is_the_level() -> None:
    runs = 120
    hits = sum(outcome(unchanged(run, prompts=4), draws=99, seed=run).p_value <= 0.05 for run in range(runs))
    assert 0.005 <= hits / runs <= 0.11


def test_the_rate_holds_for_unequal_numbers() -> None:
    runs = 80
    found = [
        outcome(
            [*unchanged(run, reference=1, endpoint=5), *unchanged(run + 1_000, reference=3, endpoint=2, prompts=3)],
            draws=99,
            seed=run,
        ).p_value
        for run in range(runs)
    ]
    assert 0.0 < np.mean(np.array(found) <= 0.05) <= 0.125


def test_a_tenth_of_swapped_answers_is_found() -> None:
    assert sum(outcome(mixed(run, 0.1), seed=run).p_value <= 0.05 for run in range(4)) >= 3


def test_other_words_are_found() -> None:
    assert outcome(mixed(1, 1.0, prompts=6, answers=3)).p_value == 1 / 200


def test_equal_texts_everywhere_give_p_one() -> None:
    found = outcome([(["same"] * 3, ["same"] * 3), (["other"] * 2, ["other"] * 4)])
    assert found.p_value == 1.0
    assert all(seen.p_value == 1.0 and seen.standardised == 0.0 for seen in found.kernels)


def test_empty_answers_are_answers() -> None:
    assert outcome([(["", "", ""], ["", "", ""])]).p_value == 1.0
    assert outcome([(["", ""], ["words here", "words there"])] * 6).p_value < 0.05


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(0, 50))
@settings(max_examples=15, deadline=None)
def test_p_is_a_number_above_zero_in_any_design(reference: int, endpoint: int, prompts: int, seed: int) -> None:
    found = outcome(unchanged(seed, prompts=prompts, reference=reference, endpoint=endpoint), draws=19)
    assert 1 / 20 <= found.p_value <= 1.0
    assert all(np.isfinite(seen.standardised) and 0 < seen.p_value <= 1 for seen in found.kernels)


def test_one_seed_gives_one_result() -> None:
    assert outcome(unchanged(4), seed=9) == outcome(unchanged(4), seed=9)


def test_the_sides_can_be_exchanged() -> None:
    prompts = mixed(3, 0.4, prompts=6)
    found, turned = outcome(prompts, draws=999), outcome([(second, first) for first, second in prompts], draws=999)
    for one, other in zip(found.kernels, turned.kernels, strict=True):
        assert one.standardised == pytest.approx(other.standardised, rel=0.1, abs=0.3)


def test_the_size_is_around_zero_unchanged_and_above_it_changed() -> None:
    still = repeated_size(pooled(*arranged(unchanged(2, prompts=20))), alpha=0.05, resamples=200, seed=0)
    moved = repeated_size(pooled(*arranged(mixed(2, 1.0))), alpha=0.05, resamples=200, seed=0)
    assert still is not None
    assert moved is not None
    assert still.low < 0 < still.high
    assert 0 < moved.low < moved.value < moved.high


def test_there_is_no_size_without_two_answers_a_side() -> None:
    assert repeated_size(pooled(*arranged(unchanged(2, reference=1))), alpha=0.05, resamples=20, seed=0) is None


def test_the_hamming_test_is_that_of_a_plain_loop() -> None:
    prompts = mixed(5, 0.5, prompts=2, answers=3)
    texts, (shape,) = arranged(prompts)
    products = same_places(code_points(texts, 300)[shape.texts])
    sums: list[float] = []
    for choice in itertools.product(itertools.combinations(range(6), 3), repeat=2):
        total = 0.0
        for each, first in zip(products, choice, strict=True):
            second = [place for place in range(6) if place not in first]
            total += float(
                each[np.ix_(first, first)].sum()
                + each[np.ix_(second, second)].sum()
                - 2 * each[np.ix_(first, second)].sum()
            )
        sums.append(total)
    exact = float(np.mean(np.array(sums) >= sums[0] - 1e-5))
    assert hamming_test(texts, (shape,), draws=9_999, seed=0).p_value == pytest.approx(exact, abs=0.015)


def test_one_strong_statistic_among_blind_ones_is_found() -> None:
    rng = np.random.default_rng(0)
    blind = {f"blind {number}": np.r_[0.0, rng.normal(size=999)] for number in range(6)}
    found = combine({**blind, "strong": np.r_[50.0, rng.normal(size=999)]})
    assert found.p_value == 0.001
    assert found.kernels[-1].p_value == 0.001
