"""When the time of a change is unknown: share the first wealth among bettors who wait, and enter one after another.

M_t = sum over j <= t of w_j E_t^(j) + the wealth of those who still wait, where E^(j) bets from time j on. As the w_j
sum to at most 1 and every E^(j) is an e-process, M is one: an alarm at M >= 1/alpha is false in at most alpha of all
streams, however long (Shin, Ramdas and Rinaldo 2023 on e-detectors). Quiet years cost nothing to a bettor that waits.

`shiryaev_roberts` and `cusum` forget instead. They react sooner and have NO such guarantee: they raise a false alarm
sooner or later, on average no sooner than their level (average run length). They are a second, labelled mode.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from overt.audit.stats.betting import Wealth
from overt.errors import BadRequest

Floats = NDArray[np.float64]

HASTE: Final = 0.02
"""The rate at which half of the waiting wealth enters: half of it within the first 35 times."""
PATIENCE: Final = 10
"""The number of times within which half of the other half enters; the rest comes ever more slowly."""


def entry_shares(times: int) -> Floats:
    """The shares w_0, w_1, …: half geometric (soon), half falling as the square (however late). Sum below 1."""
    place = np.arange(times, dtype=np.float64)
    late = PATIENCE / ((place + PATIENCE) * (place + PATIENCE + 1))
    return 0.5 * HASTE * (1 - HASTE) ** place + 0.5 * late


def slow_shares(times: int) -> Floats:
    """w_j = 1/((j+1)(j+2)) alone."""
    place = np.arange(times, dtype=np.float64)
    return 1 / ((place + 1) * (place + 2))


def with_restarts(log_steps: Floats, shares: Floats | None = None, most_growth: float = math.inf) -> Wealth:
    """The mixture over times of entry of bettors that all take the same steps once they are in.

    ``log_steps`` (bettors, T) or (T,): log of the factor by which a bettor's wealth grows at each time; bettors have
    equal shares. ``shares`` (T,): w_0 to w_(T-1), `entry_shares` where None. Wealth beyond ``most_growth`` times the
    total of the time before is given away (which costs power, never validity), so that no one time decides alone.
    """
    if not most_growth > 1:
        raise BadRequest(f"the most growth must be above 1, found {most_growth!r}")
    steps = np.atleast_2d(log_steps)
    entering = _checked(shares, steps.shape[1])
    log_entering, log_waiting = _log(entering), _log(1 - np.cumsum(entering))
    playing, path, total = np.full(steps.shape[0], -np.inf), np.zeros(steps.shape[1]), 0.0
    for time in range(steps.shape[1]):
        playing = np.logaddexp(playing, log_entering[time]) + steps[:, time]
        mean = float(np.logaddexp.reduce(playing)) - math.log(len(playing))
        room = math.log(most_growth) + total
        room += math.log1p(-math.exp(float(log_waiting[time]) - room))
        if mean > room:
            playing, mean = playing - (mean - room), room
        total = path[time] = float(np.logaddexp(mean, log_waiting[time]))
    return Wealth(log_wealth=path)


def over_starts(log_wealth: Floats, shares: Floats | None = None) -> Wealth:
    """The mixture over bettors that learn only from their own start: row j (J, T) is E^(j), and 0 before time j."""
    starts, times = log_wealth.shape
    entering = _checked(shares, times)[:starts]
    if starts > times or np.any(np.tril(log_wealth, -1) != 0):
        raise BadRequest("row j must be 0 before time j: a bettor that has not entered has bet nothing")
    waiting = _log(np.array([1 - entering.sum()]))
    parts = np.vstack([log_wealth + _log(entering)[:, None], np.full((1, times), waiting)])
    return Wealth(log_wealth=np.logaddexp.reduce(parts, axis=0))


def shiryaev_roberts(log_steps: Floats) -> Floats:
    """log R_t, R_t = (R_(t-1) + 1) f_t, averaged over bettors. Average time to a false alarm at R >= A: at least A."""
    steps = np.atleast_2d(log_steps)
    level, path = np.full(steps.shape[0], -np.inf), np.zeros(steps.shape[1])
    for time in range(steps.shape[1]):
        level = np.logaddexp(level, 0.0) + steps[:, time]
        path[time] = np.logaddexp.reduce(level) - np.log(len(level))
    return path


def cusum(log_steps: Floats) -> Floats:
    """log C_t, C_t = max(C_(t-1), 1) f_t, averaged over bettors: never above Shiryaev and Roberts' statistic."""
    steps = np.atleast_2d(log_steps)
    level, path = np.zeros(steps.shape[0]), np.zeros(steps.shape[1])
    for time in range(steps.shape[1]):
        level = np.maximum(level, 0.0) + steps[:, time]
        path[time] = np.logaddexp.reduce(level) - np.log(len(level))
    return path


def _checked(shares: Floats | None, times: int) -> Floats:
    found = entry_shares(times) if shares is None else shares
    if found.shape != (times,) or np.any(found < 0) or found.sum() > 1 + 1e-12:
        raise BadRequest(
            f"shares must be {times!r} numbers from 0 on whose sum is at most 1, found sum {found.sum()!r}"
        )
    return found


def _log(shares: Floats) -> Floats:
    """The logarithm, held above that of the smallest number there is: nothing becomes next to nothing."""
    return np.asarray(np.log(np.maximum(shares, np.finfo(np.float64).tiny)), dtype=np.float64)
