"""The corrected score: what it says where answers are missing, and that it holds the truth."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.audit.scan.bounds import Corrected, corrected, imbens_manski
from overt.audit.scan.sample import Kind, Sample, Standing

OWN, OTHER, REFUSED, UNKNOWN = Standing.OWN, Standing.OTHER, Standing.REFUSED, Standing.UNKNOWN


def made(standing: Standing, score: float | None, task: str, stratum: str | None = None) -> Sample:
    """A sample of which only these matter."""
    return Sample(
        file="",
        id=task,
        epoch=1,
        group="",
        task=task,
        requested=None,
        served=None,
        kind=Kind.OWN,
        standing=standing,
        turns=1,
        others=0,
        score=score,
        stratum=stratum,
        evidence=(),
    )


def run(*parts: tuple[Standing, float | None]) -> list[Sample]:
    """Samples, each of its own task."""
    return [made(standing, score, str(number)) for number, (standing, score) in enumerate(parts)]


def score(samples: Sequence[Sample], **options: object) -> Corrected:
    """The corrected score of samples that have one."""
    found = corrected(samples, **({"scale": (0.0, 1.0), "delta": 0.1, "seed": 1} | options))  # type: ignore[arg-type]
    assert found is not None
    return found


def test_the_public_example_has_bounds_75_points_wide() -> None:
    found = score(run(*[(OWN, 1.0)] * 3, *[(OTHER, 0.0)] * 9))
    assert found.bounds.lower == pytest.approx(0.25)
    assert found.bounds.upper == pytest.approx(1.0)
    assert (found.reported, found.own_only) == (0.25, 1.0)


def test_every_figure_of_a_small_run_by_hand() -> None:
    found = score(run((OWN, 1.0), (OWN, 0.0), (OTHER, 1.0), (REFUSED, None), (UNKNOWN, 1.0)))
    assert found.reported == pytest.approx(3 / 5)
    assert found.own_only == pytest.approx(1 / 2)
    assert (found.bounds.lower, found.bounds.upper) == pytest.approx((1 / 5, 4 / 5))
    assert found.monotone == pytest.approx(2 / 5)
    assert (found.own, found.other, found.refused, found.unknown) == (2, 1, 1, 1)


def test_an_own_answer_without_a_score_is_missing() -> None:
    found = score(run((OWN, 1.0), (OWN, None)))
    assert (found.bounds.lower, found.bounds.upper) == pytest.approx((0.5, 1.0))
    assert (found.own, found.unknown, found.reported) == (1, 1, 1.0)


def test_without_any_score_there_is_nothing_to_correct() -> None:
    assert corrected(run((OWN, None), (REFUSED, None)), scale=(0, 1), delta=0.1, seed=0) is None


def test_another_scale_is_read_and_a_score_outside_it_is_named() -> None:
    assert score(run((OWN, 75.0), (OWN, 25.0)), scale=(0.0, 100.0)).own_only == pytest.approx(0.5)
    assert score(run((OWN, 3.0), (OWN, 3.0)), scale=(5.0, 1.0)).own_only == pytest.approx(0.5)
    with pytest.raises(ValueError, match=r"'0' has the score 75\.0"):
        score(run((OWN, 75.0)))


def test_strata_weight_by_their_size_and_fall_back_to_bounds_where_empty() -> None:
    samples = [made(OWN, 1.0, "0", "a"), made(OTHER, 0.0, "1", "a"), made(OWN, 0.0, "2", "b"), made(OWN, 0.0, "3", "b")]
    found = score(samples).stratified
    assert found is not None
    assert (found.estimate.lower, found.estimate.upper) == pytest.approx((0.5, 0.5))
    assert (found.sensitive.lower, found.sensitive.upper) == pytest.approx((0.475, 0.5))
    empty = score([*samples, made(REFUSED, 0.0, "4", "c")]).stratified
    assert empty is not None
    assert empty.without_own == 1
    assert (empty.estimate.lower, empty.estimate.upper) == pytest.approx((0.4, 0.6))


@pytest.mark.parametrize("width", [0.0, 0.5, 2.0, 8.0, 1e9])
def test_the_factor_of_imbens_and_manski_solves_its_equation(width: float) -> None:
    normal, factor = NormalDist(), imbens_manski(width)
    assert normal.cdf(factor + width) - normal.cdf(-factor) == pytest.approx(0.95, abs=1e-9)
    assert 1.6448 < factor < 1.9600


def test_repeated_samples_of_a_task_are_drawn_together() -> None:
    apart = [made(OWN, float(number % 2), str(number)) for number in range(200)]
    together = [made(OWN, float(number % 2), str(number % 20)) for number in range(200)]
    wide, narrow = score(together).interval, score(apart).interval
    assert wide is not None
    assert narrow is not None
    assert wide.width > 2 * narrow.width


def test_a_whole_run_that_agrees_has_no_interval_of_no_width_and_one_task_has_none() -> None:
    found = score(run(*[(OWN, 1.0)] * 20))
    assert found.interval is not None
    assert found.interval.lower < 0.95
    assert score([made(OWN, 1.0, "a"), made(OWN, 0.0, "a")]).interval is None


@given(st.lists(st.tuples(st.sampled_from(list(Standing)), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40))
def test_the_bounds_hold_whatever_the_missing_answers_would_have_been(
    parts: list[tuple[Standing, float, float]],
) -> None:
    found = score(run(*[(standing, value) for standing, value, _ in parts]))
    truth = sum(value if standing is OWN else missing for standing, value, missing in parts) / len(parts)
    assert found.bounds.lower - 1e-9 <= truth <= found.bounds.upper + 1e-9
    assert found.bounds.lower - 1e-9 <= found.monotone <= found.bounds.upper + 1e-9
    assert found.interval is None or found.interval.lower <= found.bounds.lower + 1e-9


def test_bounds_hold_the_true_score_where_the_naive_mean_does_not() -> None:
    """G10, small: the harder a task, the likelier it is handed over. The bench runs a thousand."""
    draw = np.random.default_rng(7)
    runs, held, covered, naive = 120, 0, 0, 0
    for _ in range(runs):
        ability = draw.beta(2, 1.5, 150)
        own = (draw.random(150) < ability).astype(float)
        lost = draw.random(150) < 1 / (1 + np.exp(4 * (ability - 0.5)))
        given_by_other = (draw.random(150) < np.clip(ability - 0.3, 0, 1)).astype(float)
        parts = [(OTHER, b) if gone else (OWN, a) for a, b, gone in zip(own, given_by_other, lost, strict=True)]
        found = score(run(*parts))
        assert found.interval is not None
        assert found.reported is not None
        spread = 1.96 * (found.reported * (1 - found.reported) / 150) ** 0.5
        held += found.bounds.lower <= own.mean() <= found.bounds.upper
        covered += found.interval.lower <= 2 / 3.5 <= found.interval.upper
        naive += abs(found.reported - 2 / 3.5) <= spread
    assert held == runs
    assert covered >= 0.95 * runs
    assert naive < 0.5 * runs


def test_the_interval_covers_at_its_level_where_nothing_is_missing() -> None:
    draw, runs = np.random.default_rng(11), 400
    hits = 0
    for _ in range(runs):
        found = score(run(*[(OWN, float(value)) for value in draw.random(80) < 0.7])).interval
        assert found is not None
        hits += found.lower <= 0.7 <= found.upper
    assert 0.92 <= hits / runs <= 0.98
