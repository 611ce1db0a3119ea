"""Drift: each check against a known answer, its false alarms on equal traffic, and what it finds on shifted traffic."""

from __future__ import annotations

import subprocess
import sys
from itertools import product
from math import sqrt
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import kolmogorov as scipy_kolmogorov
from scipy.stats import chi2, ks_2samp

from overt.learn.drift import (
    ALPHA,
    BINS,
    FEWEST,
    KS_LOOK,
    KS_SMALLEST,
    PSI_LOOK,
    TAIL,
    Chart,
    Distance,
    Level,
    Stability,
    TooLittle,
    Wealth,
    chart,
    distance,
    kolmogorov,
    stability,
    wealth,
)
from overt.learn.drift_plot import HEIGHT, WIDTH, picture

Doubles = npt.NDArray[np.float64]
RUNS = 300


def scores(draw: np.random.Generator, count: int, *, shifted: bool = False) -> Doubles:
    """Scores as a classifier gives them to mostly harmless traffic."""
    drawn: Doubles = draw.beta(0.8, 6.0, count) if shifted else draw.beta(0.5, 8.0, count)
    return np.round(drawn, 6)


def stable(reference: Doubles, current: Doubles) -> Stability:
    """An index that could be computed."""
    found = stability(reference, current)
    assert isinstance(found, Stability)
    return found


def distant(reference: Doubles, current: Doubles) -> Distance:
    """A distance that could be computed."""
    found = distance(reference, current)
    assert isinstance(found, Distance)
    return found


def charted(draw: np.random.Generator, before: float, now: float, *, points: int, reference: int) -> Chart:
    """A chart of flags at one rate against a reference at another."""
    count = round(points * 10 / before)
    found = chart(draw.random(reference) < before, draw.random(count) < now)
    assert isinstance(found, Chart)
    return found


def gambled(overturned: list[bool], promised: float, alpha: float = ALPHA) -> Wealth:
    """The wealth after some appeals."""
    found = wealth(overturned, promised, alpha)
    assert isinstance(found, Wealth)
    return found


def test_the_index_of_two_tables_is_that_of_the_formula() -> None:
    reference = np.repeat(np.arange(10) / 10, 100)
    current = np.repeat(np.arange(10) / 10, [200, 0, *[100] * 8])
    before = np.full(10, 100.5) / 1_005
    now = np.asarray([200.5, 0.5, *[100.5] * 8]) / 1_005
    found = stable(reference, current)
    assert found.index == pytest.approx(float(((now - before) * np.log(now / before)).sum()))
    assert found.level is Level.GATE


def test_equal_scores_are_steady_even_where_all_are_tied() -> None:
    for tied in (np.zeros(500), np.ones(500), np.repeat([0.0, 1.0], 250)):
        found = stable(tied, tied)
        assert found.index == pytest.approx(0.0)
        assert found.level is Level.STEADY
        assert distant(tied, tied).level is Level.STEADY


def test_the_tail_is_that_of_chi_squared_for_as_many_bins_as_there_can_be() -> None:
    assert pytest.approx(chi2.ppf(0.999, range(1, BINS)), abs=1e-3) == TAIL


@pytest.mark.parametrize("count", [150, 400, 1_000])
def test_equal_populations_are_seldom_told_apart_by_the_index(count: int) -> None:
    draw = np.random.default_rng(count)
    found = [stable(scores(draw, count), scores(draw, count)) for _ in range(RUNS)]
    assert sum(each.level > Level.STEADY for each in found) <= 3


def test_the_usual_limit_alone_would_often_cry_wolf_on_little_traffic() -> None:
    draw = np.random.default_rng(150)
    found = [stable(scores(draw, 150), scores(draw, 150)) for _ in range(RUNS)]
    assert sum(each.index > PSI_LOOK for each in found) > RUNS / 4


def test_a_planted_shift_of_scores_is_found_by_the_index_and_by_the_distance() -> None:
    draw = np.random.default_rng(5)
    pairs = [(scores(draw, 400), scores(draw, 400, shifted=True)) for _ in range(50)]
    assert sum(stable(*pair).level is Level.GATE for pair in pairs) >= 49
    assert sum(distant(*pair).level is Level.LOOK for pair in pairs) >= 49


@pytest.mark.parametrize("scaled", [0.0, 0.1, 0.2, 0.21, 0.3, 0.5, 0.828, 1.0, 1.36, 1.63, 2.0, 4.0, 9.0])
def test_the_asymptotic_tail_is_that_of_kolmogorov(scaled: float) -> None:
    assert kolmogorov(scaled) == pytest.approx(float(scipy_kolmogorov(scaled)), abs=1e-8)


def test_the_distance_is_the_one_that_scipy_finds() -> None:
    draw = np.random.default_rng(2)
    reference, current = scores(draw, 300), scores(draw, 170, shifted=True)
    found = distant(reference, current)
    assert found.distance == pytest.approx(float(ks_2samp(reference, current).statistic))
    assert found.p == pytest.approx(float(scipy_kolmogorov(found.distance * sqrt(300 * 170 / 470))))


@pytest.mark.parametrize("level", [0.05, 0.2])
def test_p_values_of_equal_populations_are_small_no_more_often_than_they_say(level: float) -> None:
    draw = np.random.default_rng(7)
    low = sum(distant(scores(draw, 400), scores(draw, 300)).p < level for _ in range(RUNS))
    spread = sqrt(RUNS * level * (1 - level))
    assert RUNS * level * 0.7 - 3 * spread < low < RUNS * level + 3 * spread


def test_a_distance_that_is_sure_and_tiny_is_steady() -> None:
    assert Distance(KS_SMALLEST / 2, 1e-9).level is Level.STEADY
    assert Distance(KS_SMALLEST, KS_LOOK / 2).level is Level.LOOK


def test_a_chart_of_the_reference_rate_stays_on_its_centre() -> None:
    reference = np.arange(1_000) % 100 < 1
    found = chart(np.tile(reference, 10), np.tile(reference, 10))
    assert isinstance(found, Chart)
    assert (found.centre, found.batch, len(found.rates)) == (0.01, 1_000, 10)
    assert found.averages == pytest.approx([0.01] * 10)
    assert found.level is Level.STEADY


def test_the_average_and_its_limits_are_those_of_the_formula() -> None:
    found = chart(np.arange(10_000) % 10 == 0, np.repeat([False, True, False, True], [95, 5, 80, 20]))
    assert isinstance(found, Chart)
    assert (found.batch, found.rates) == (100, [0.05, 0.20])
    assert found.averages == pytest.approx([0.2 * 0.05 + 0.8 * 0.1, 0.2 * 0.2 + 0.8 * 0.09])
    assert found.reach[0] == pytest.approx(3 * sqrt(0.09 * (0.04 / 100 + 0.04 / 10_000)))
    assert found.reach[1] == pytest.approx(3 * sqrt(0.09 * ((0.04 + 0.0256) / 100 + 0.36**2 / 10_000)))


def test_a_chart_of_an_unchanged_rate_seldom_leaves_its_limits() -> None:
    """One point in 560 is outside where the rates are normal: of 15 points, 2.6 % of charts have one or more."""
    draw = np.random.default_rng(9)
    found = [charted(draw, 0.05, 0.05, points=15, reference=5_000) for _ in range(RUNS)]
    assert sum(each.level > Level.STEADY for each in found) <= 0.026 * RUNS + 3 * sqrt(0.026 * RUNS)
    assert sum(each.level is Level.GATE for each in found) <= 0.0027 * RUNS + 3 * sqrt(0.0027 * RUNS)


def test_a_doubled_rate_leaves_the_limits_and_so_does_a_halved_one_in_time() -> None:
    draw = np.random.default_rng(10)
    doubled = [charted(draw, 0.05, 0.10, points=15, reference=5_000) for _ in range(50)]
    halved = [charted(draw, 0.05, 0.02, points=25, reference=5_000) for _ in range(50)]
    assert sum(each.level is Level.GATE for each in doubled) >= 49
    assert sum(each.level is Level.GATE for each in halved) >= 45


def test_a_chart_that_came_back_is_worth_a_look() -> None:
    found = Chart(centre=0.1, batch=100, rates=(0.5, 0.1), averages=(0.2, 0.1), reach=(0.05, 0.05))
    assert (found.outside, found.level) == ((True, False), Level.LOOK)


@pytest.mark.parametrize("promised", [0.05, 0.3, 0.5, 0.9])
def test_while_the_promise_holds_a_gamblers_mean_wealth_is_the_stake(promised: float) -> None:
    """Exactly, over all ten appeals in every order; and how often it ever reaches a height is at most one in it."""
    mean, reached = 0.0, 0.0
    for outcomes in product((False, True), repeat=10):
        chance = promised ** sum(outcomes) * (1 - promised) ** (10 - sum(outcomes))
        found = gambled(list(outcomes), promised)
        mean += chance * found.after[-1]
        reached += chance * (found.highest >= 4)
    assert mean == pytest.approx(1.0)
    assert reached <= 1 / 4


def test_appeals_that_keep_the_promise_fire_no_more_often_than_alpha_whenever_one_looks() -> None:
    draw, alpha = np.random.default_rng(12), 0.1
    fired = sum(gambled((draw.random(200) < 0.3).tolist(), 0.3, alpha).level is Level.GATE for _ in range(RUNS))
    assert fired <= alpha * RUNS


def test_appeals_that_break_the_promise_are_found_out() -> None:
    draw = np.random.default_rng(13)
    fired = sum(gambled((draw.random(100) < 0.6).tolist(), 0.3).level is Level.GATE for _ in range(50))
    assert fired >= 48


def test_a_promise_that_is_kept_well_is_never_bet_against() -> None:
    assert max(gambled([False] * 500, 0.3).after) <= 0.5 / 0.3


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.floats(0.01, 0.99))
def test_wealth_is_never_negative_and_its_height_never_falls(overturned: list[bool], promised: float) -> None:
    found = gambled(overturned, promised)
    assert min(found.after) >= 0
    assert found.highest >= gambled(overturned[: len(overturned) // 2 + 1], promised).highest - 1e-12
    assert found.overturned == sum(overturned)


def test_what_is_too_little_to_judge_by_has_no_level() -> None:
    few, flags = np.zeros(FEWEST - 1), np.zeros(5_000, bool)
    assert isinstance(stability(few, np.zeros(500)), TooLittle)
    assert isinstance(distance(np.zeros(500), few), TooLittle)
    assert isinstance(chart(flags, flags), TooLittle)
    assert isinstance(chart(~flags, flags), TooLittle)
    assert isinstance(chart(np.arange(5_000) % 100 == 0, flags[:1_500]), TooLittle)
    assert isinstance(wealth([], 0.3), TooLittle)


def test_levels_are_the_exit_statuses() -> None:
    assert {level.word: int(level) for level in Level} == {"steady": 0, "look": 1, "gate": 2}


def shown(level: Level | None, *, shifted: bool, points: int) -> str:
    """A picture of drawn traffic."""
    draw = np.random.default_rng(3)
    return picture(
        "bio & more",
        level,
        stable(scores(draw, 400), scores(draw, 400, shifted=shifted)),
        charted(draw, 0.05, 0.15 if shifted else 0.05, points=points, reference=5_000),
    )


PICTURES = {
    "steady": shown(Level.STEADY, shifted=False, points=9),
    "gate": shown(Level.GATE, shifted=True, points=40),
    "of nothing": picture("bio", None, TooLittle("3 and 4 scores; give more of each"), TooLittle("no <turns>")),
    "of flat lines": picture(
        "bio",
        Level.STEADY,
        stable(np.zeros(200), np.zeros(200)),
        Chart(centre=0.5, batch=20, rates=(0.5,), averages=(0.5,), reach=(0.0,)),
    ),
}


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_a_picture_is_xml_with_a_title_and_stays_in_its_frame(name: str) -> None:
    root = ElementTree.fromstring(PICTURES[name])
    title = root.find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert (title.text or "").startswith("bio")
    for element in root.iter():
        for key, most in (("x", WIDTH), ("cx", WIDTH), ("y", HEIGHT), ("cy", HEIGHT)):
            assert 0 <= float(element.get(key, 0)) <= most
        for pair in element.get("points", "").split():
            x, y = (float(part) for part in pair.split(","))
            assert 0 <= x <= WIDTH
            assert 0 <= y <= HEIGHT


def test_a_picture_says_its_level_and_why_there_is_none() -> None:
    assert "bio &amp; more: gate" in PICTURES["gate"]
    assert "bio: not measured" in PICTURES["of nothing"]
    assert "3 and 4 scores; give more" in PICTURES["of nothing"]


def test_drift_needs_no_more_than_a_gateway_does() -> None:
    """The extra for training (scipy, scikit-learn) is not needed where only the gateway is installed."""
    program = "import sys, overt.cli.drift; print(sorted({'scipy', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
