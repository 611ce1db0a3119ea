"""Many streams: e-BH for e-values of one time, and other functions for alarms that latch."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from overt.audit.stats.betting import Wealth
from overt.audit.stats.many import (
    EValue,
    Latched,
    adjusted,
    discoveries,
    from_p_value,
    latch,
    latched_alarms,
    latched_discoveries,
    mean_process,
    read_now,
)
from overt.errors import BadRequest


def values(*found: float) -> list[EValue]:
    return [EValue(stream=str(place), value=value) for place, value in enumerate(found)]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param((79.0, 1.0, 0.5, 0.0), set(), id="just below m/alpha"),
        pytest.param((80.0, 1.0, 0.5, 0.0), {"0"}, id="one"),
        pytest.param((41.0, 40.0, 0.5, 0.0), {"0", "1"}, id="two carry one another"),
        pytest.param((20.0, 20.0, 20.0, 20.0), {"0", "1", "2", "3"}, id="all"),
    ],
)
def test_e_bh_takes_the_largest_k_that_is_allowed(found: tuple[float, ...], expected: set[str]) -> None:
    assert discoveries(values(*found), 0.05) == expected


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=8))
def test_e_bh_is_the_largest_set_that_agrees_with_itself(found: list[float]) -> None:
    chosen = discoveries(values(*found), 0.05)
    sizes = [k for k in range(1, len(found) + 1) if sum(v >= len(found) / (0.05 * k) for v in found) >= k]
    assert len(chosen) == max(sizes, default=0)


def test_streams_of_nothing_but_noise_are_rarely_discovered() -> None:
    rng = np.random.default_rng(1)
    ever = [bool(discoveries(values(*from_uniform(rng.uniform(size=10))), 0.05)) for _ in range(2000)]
    assert sum(ever) <= 100


def from_uniform(p_values: NDArray[np.float64]) -> list[float]:
    return [from_p_value(float(p)) for p in p_values]


def test_running_maxima_overrun_a_mean_of_one_and_their_adjusted_values_do_not() -> None:
    rng = np.random.default_rng(2)
    maxima = np.exp(np.maximum(np.cumsum(np.log1p(0.5 * rng.choice([-1, 1], (4000, 400))), axis=1).max(axis=1), 0.0))
    assert maxima.mean() > 2
    assert np.mean([adjusted(float(each)) for each in maxima]) <= 1


@pytest.mark.parametrize(("highest", "expected"), [(0.5, 0.0), (1.0, 0.5), (1 + 1e-6, 0.5), (math.e, math.e - 2)])
def test_adjusted_values_have_the_limits_of_the_paper(highest: float, expected: float) -> None:
    assert adjusted(highest) == pytest.approx(expected, abs=1e-5)


def test_latched_alarms_need_m_over_alpha_and_latched_discoveries_more_than_e_bh() -> None:
    alarms = [Latched(stream="a", highest=90.0), Latched(stream="b", highest=10.0)]
    assert latched_alarms(alarms, 0.05) == {"a"}
    assert latched_discoveries(alarms, 0.05) == set()
    assert latched_discoveries([Latched(stream="a", highest=5000.0), alarms[1]], 0.05) == {"a"}


def test_the_mean_of_processes_is_taken_before_it_is_watched() -> None:
    first, second = Wealth(log_wealth=np.log([30.0, 0.1])), Wealth(log_wealth=np.log([0.1, 30.0]))
    mean = mean_process([first, second])
    assert np.exp(mean.log_wealth) == pytest.approx([15.05, 15.05])
    assert mean.e_max < (first.e_max + second.e_max) / 2
    assert read_now("a", first).value == pytest.approx(0.1)
    assert latch("a", first).highest == pytest.approx(30.0)


def test_a_calibrated_uniform_p_value_has_a_mean_of_at_most_one() -> None:
    p_values = (np.arange(100_000) + 1) / 100_000
    assert np.mean(0.5 * p_values**-0.5) <= 1
    assert from_p_value(0.01) == pytest.approx(5.0)


@pytest.mark.parametrize("p", [0.0, -0.1, 1.1, float("nan")])
def test_a_p_value_of_nothing_is_refused(p: float) -> None:
    with pytest.raises(BadRequest, match="p-value"):
        from_p_value(p)


def test_two_streams_of_one_name_are_refused() -> None:
    with pytest.raises(BadRequest, match="name of its own"):
        discoveries([EValue(stream="a", value=1.0), EValue(stream="a", value=2.0)], 0.05)


def test_no_number_is_no_e_value() -> None:
    with pytest.raises(BadRequest, match="e-value"):
        EValue(stream="a", value=float("nan"))
