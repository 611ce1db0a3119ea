"""One answer per prompt: exactness, ties, power, size, and scores."""

from __future__ import annotations

import itertools
from math import comb

import numpy as np
import pytest

from overt.audit.stats.graded import graded, mcnemar
from overt.audit.stats.paired import KERNELS, differences, grams, paired_size, paired_test, paired_test_of

NOUNS = [f"noun{number}" for number in range(80)]


def answers(seed: int, prompts: int, *, habit: str = "") -> list[str]:
    """One answer to each prompt, about its own things; a habit begins or ends every other one."""
    rng = np.random.default_rng(seed)
    found = []
    for prompt in range(prompts):
        chosen = (rng.geometric(0.1, 20) + 5 * prompt) % len(NOUNS)
        text = " ".join(NOUNS[each] for each in chosen)
        found.append(f"{habit}{text}" if habit and rng.random() < 0.5 else text)
    return found


def p_value(first: list[str], second: list[str], *, draws: int, seed: int) -> float:
    return paired_test(differences(first, second), draws=draws, seed=seed).p_value


def test_the_rate_of_false_alarms_is_the_level() -> None:
    runs = 60
    pool = differences(answers(1, 80), answers(2, 80))
    rng = np.random.default_rng(0)
    hits = 0
    for run in range(runs):
        chosen = rng.choice(80, 12, replace=False)
        hits += paired_test({name: rows[chosen] for name, rows in pool.items()}, draws=99, seed=run).p_value <= 0.05
    assert hits / runs <= 0.15


@pytest.mark.parametrize("habit", ["Sure! ", "- ", "# Answer\n\n", "Certainly, here it is: "])
def test_a_habit_of_every_other_answer_is_found(habit: str) -> None:
    assert p_value(answers(1, 30), answers(2, 30, habit=habit), draws=199, seed=0) <= 0.05


def test_equal_texts_give_p_one_and_nothing_seen() -> None:
    texts = answers(1, 12)
    found = paired_test(differences(texts, texts), draws=99, seed=0)
    assert found.p_value == 1.0
    assert all(seen.p_value == 1.0 and seen.standardised == 0.0 for seen in found.kernels)


@pytest.mark.parametrize("pairs", [1, 2, 3])
def test_few_pairs_never_give_less_than_their_arrangements_allow(pairs: int) -> None:
    found = p_value(answers(1, pairs), ["entirely different"] * pairs, draws=199, seed=0)
    assert found >= 0.5 ** (pairs - 1) * 0.7


def test_one_pair_gives_p_one() -> None:
    assert p_value(["one"], ["two"], draws=99, seed=0) == 1.0


def test_p_is_that_of_all_flips() -> None:
    rng = np.random.default_rng(4)
    rows = rng.normal(0.4, 1.0, (8, 5))
    products = rows @ rows.T
    np.fill_diagonal(products, 0.0)
    signs = np.array(list(itertools.product((1.0, -1.0), repeat=8)))
    every = ((signs @ products) * signs).sum(axis=1)
    exact = float(np.mean(every >= every[0] - 1e-9))
    assert paired_test_of({"plain": rows @ rows.T}, draws=9_999, seed=1).p_value == pytest.approx(exact, abs=0.02)


def test_flipping_a_pair_flips_its_row_and_column_in_every_kernel() -> None:
    first, second = answers(1, 9), answers(2, 9)
    turned = differences([second[0], *first[1:]], [first[0], *second[1:]])
    sign = np.diag([-1.0, *[1.0] * 8])
    before, after = grams(differences(first, second)), grams(turned)
    assert tuple(before) == KERNELS
    for name in KERNELS:
        assert np.allclose(sign @ before[name] @ sign, after[name], atol=1e-5)


def test_the_size_is_around_zero_unchanged_and_above_it_changed() -> None:
    still = paired_size(differences(answers(1, 30), answers(2, 30)), alpha=0.05, resamples=200, seed=0)
    moved = paired_size(
        differences(answers(1, 30), [f"{each} in summary" for each in answers(2, 30)]),
        alpha=0.05,
        resamples=200,
        seed=0,
    )
    assert still.low < 0.005
    assert 0 < moved.low <= moved.value <= moved.high
    assert moved.told_apart is not None
    assert moved.told_apart > 0.95


def test_equal_texts_have_no_size_and_are_told_apart_by_chance() -> None:
    size = paired_size(differences(["same"] * 5, ["same"] * 5), alpha=0.05, resamples=50, seed=0)
    assert (size.value, size.low, size.high, size.told_apart) == (0.0, 0.0, 0.0, 0.5)


@pytest.mark.parametrize(
    ("lost", "gained", "expected"), [(0, 0, 1.0), (5, 5, 1.0), (0, 6, 2 / 64), (23, 2, 1.94e-5), (476, 0, 2 / 2**476)]
)
def test_mcnemar_is_exact(lost: int, gained: int, expected: float) -> None:
    assert mcnemar(lost, gained) == pytest.approx(expected, rel=0.01)
    assert mcnemar(gained, lost) == mcnemar(lost, gained)


def test_right_and_wrong_answers_are_counted_and_tested() -> None:
    found = graded([([1.0], [0.0])] * 8 + [([0.0], [1.0])] + [([1.0], [1.0])] * 11, alpha=0.05, draws=99, seed=0)
    assert found is not None
    assert (found.prompts, found.lost, found.gained, found.test) == (20, 8, 1, "exact McNemar")
    assert found.difference == pytest.approx(-0.35)
    assert found.low < -0.35 < found.high < 0
    assert found.p_value == pytest.approx(2 * (1 + 9) / 2**9)


def test_other_scores_are_dealt_within_prompts() -> None:
    found = graded([([0.9, 0.8], [0.1, 0.2, 0.3])] * 4, alpha=0.05, draws=1_999, seed=0)
    assert found is not None
    assert found.test == "permutation within prompts"
    assert found.p_value == pytest.approx(1 / comb(5, 2) ** 4, abs=0.003)


def test_equal_scores_give_p_one() -> None:
    found = graded([([0.5], [0.5])] * 4, alpha=0.05, draws=99, seed=0)
    assert found is not None
    assert (found.p_value, found.low, found.high) == (1.0, 0.0, 0.0)


def test_one_scored_prompt_says_nothing() -> None:
    assert graded([([1.0], [0.0])], alpha=0.05, draws=99, seed=0) is None
