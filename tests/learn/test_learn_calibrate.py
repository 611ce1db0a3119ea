"""Acting points keep what they promise, on the negatives that they were set on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.core.domain import BANDS, DOMAINS, Band, Domain
from overt.learn.bounds import capped_threshold, ltt_threshold
from overt.learn.calibrate import (
    ALPHA,
    DELTA,
    FLOOR,
    IN_DOMAIN_CAP,
    MOST_PER_SOURCE,
    acting_points,
    fit_platt,
    general_negatives,
)
from overt.learn.corpus import Row
from overt.learn.exact import interval, upper_bound
from overt.learn.sources import NOWHERE, Label, topics_of


def row(number: int, domain: str = "none", source: str = "clinc150") -> Row:
    topics = NOWHERE if domain == "none" else topics_of(Domain(domain))
    return Row(
        id=str(number),
        text="words",
        source=source,
        group=str(number),
        domain=domain,
        intent="benign",
        label=Label(topics, ceiling=0),
        kind="request",
        lang="en",
    )


def world(
    general: int, inside: int, seed: int = 0
) -> tuple[list[Row], np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    rows = [row(n, source=f"s{n % 8}") for n in range(general)] + [row(n, "cyber", "cse_soc") for n in range(inside)]
    numbers = np.random.default_rng(seed)
    single = np.concatenate([numbers.beta(0.3, 6, general), numbers.beta(2, 2, inside)])
    return rows, np.broadcast_to(single[:, None, None], (len(rows), len(DOMAINS), len(BANDS)))


@pytest.mark.parametrize("band", [Band.LOW_DUAL, Band.HIGH_DUAL, Band.PROHIBITED])
def test_an_acting_point_holds_the_bound_the_cap_and_the_floor(band: Band) -> None:
    rows, scores = world(9_000, 300)
    point = next(p for p in acting_points(rows, scores) if p.domain is Domain.CYBER and p.band is band)
    general, inside = scores[:9_000, 0, 0], scores[9_000:, 0, 0]
    hits = int((general >= point.threshold).sum())
    assert upper_bound(hits, len(general), DELTA / 4) <= ALPHA[band]
    assert (inside >= point.threshold).mean() <= IN_DOMAIN_CAP[band]
    assert point.threshold >= FLOOR.get(band, 0.0)


def test_too_few_negatives_earn_no_acting_point() -> None:
    rows, scores = world(500, 100)
    assert not [p for p in acting_points(rows, scores) if p.band in (Band.HIGH_DUAL, Band.PROHIBITED)]


def test_frontier_llm_has_no_prohibited_acting_point() -> None:
    rows, scores = world(9_000, 0)
    points = {(p.domain, p.band) for p in acting_points(rows, scores)}
    assert (Domain.FRONTIER_LLM, Band.HIGH_DUAL) in points
    assert (Domain.FRONTIER_LLM, Band.PROHIBITED) not in points


def test_no_source_fills_the_guarantee_by_itself() -> None:
    rows = [row(n) for n in range(MOST_PER_SOURCE + 7)] + [row(n, source="other") for n in range(3)]
    assert int(general_negatives(rows).sum()) == MOST_PER_SOURCE + 3


@given(st.lists(st.floats(0, 1), min_size=60, max_size=150), st.sampled_from([0.05, 0.1, 0.3]))
def test_a_tested_threshold_never_breaks_its_bound(scores: list[float], alpha: float) -> None:
    found = ltt_threshold(np.asarray(scores), alpha=alpha, delta=0.05)
    if found is not None:
        hits = sum(score >= found for score in scores)
        assert upper_bound(hits, len(scores), 0.05) <= alpha


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_a_capped_threshold_keeps_the_mean_rate_over_groups(left: list[float], right: list[float]) -> None:
    groups = [np.asarray(left), np.asarray(right)]
    found = capped_threshold(groups, cap=0.2)
    if found < 1.0:
        assert np.mean([(group >= found).mean() for group in groups]) <= 0.2 + 1e-9


def test_the_interval_is_that_of_clopper_and_pearson() -> None:
    low, high = interval(0, 10)
    assert low == 0.0
    assert high == pytest.approx(1 - 0.025 ** (1 / 10))


def test_platt_scaling_recovers_a_known_slope_and_intercept() -> None:
    numbers = np.random.default_rng(1)
    logits = numbers.normal(0, 2, 20_000)
    positive = numbers.random(20_000) < 1 / (1 + np.exp(-(1.7 * logits - 0.8)))
    slope, intercept = fit_platt(logits, positive, np.ones(20_000))
    assert slope == pytest.approx(1.7, abs=0.1)
    assert intercept == pytest.approx(-0.8, abs=0.1)
