"""Many e-values at once: which streams changed, and did any change? With the trap of running maxima typed away.

An `EValue` stands at one time that is common to all streams. A `Latched` is the running maximum of an e-process, which
is no e-value: its mean under the null is unbounded. e-BH takes the first kind alone; `latched_discoveries` and
`latched_alarms` take the second. (Wang and Ramdas 2022; on the trap: Tavyrikov, Goeman and de Heide 2025.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from overt.audit.stats.betting import Wealth
from overt.errors import BadRequest

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class EValue:
    """The e-value of one stream at the time at which all streams are read. Its mean under the null is at most 1."""

    stream: str
    value: float

    def __post_init__(self) -> None:
        _check(self.value)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Latched:
    """The largest e-value that a stream ever had. NOT an e-value: P(highest >= 1/a) <= a is all that is known of it."""

    stream: str
    highest: float

    def __post_init__(self) -> None:
        _check(self.highest)


def read_now(stream: str, wealth: Wealth) -> EValue:
    """The stream as it stands. Read all streams at one time, chosen without looking at one of them alone."""
    return EValue(stream=stream, value=wealth.e_now)


def latch(stream: str, wealth: Wealth) -> Latched:
    """The stream's running maximum, for alarms that stay on."""
    return Latched(stream=stream, highest=wealth.e_max)


def discoveries(values: Sequence[EValue], alpha: float) -> frozenset[str]:
    """e-BH: the streams with the k largest e-values, k the largest with e_(k) >= m / (alpha k).

    The expected share of false ones among them is at most alpha, under any dependence between streams.
    """
    return _e_bh([(each.stream, each.value) for each in values], alpha)


def latched_discoveries(alarms: Sequence[Latched], alpha: float) -> frozenset[str]:
    """e-BH on `adjusted` maxima: the same guarantee for alarms that latch at different times."""
    return _e_bh([(each.stream, adjusted(each.highest)) for each in alarms], alpha)


def latched_alarms(alarms: Sequence[Latched], alpha: float) -> frozenset[str]:
    """Bonferroni: streams that ever reached m / alpha. Probability of a single false one, ever: at most alpha."""
    _check_alpha(alpha)
    _check_names([each.stream for each in alarms])
    return frozenset(each.stream for each in alarms if each.highest >= len(alarms) / alpha)


def adjusted(highest: float) -> float:
    """A(e) = (e - 1 - log e) / (log e)^2 above 1, 1/2 at 1, 0 below: turns a running maximum into an e-value."""
    _check(highest)
    if highest < 1:
        return 0.0
    log = math.log(highest)
    if log < 1e-4:
        return 0.5 + log / 6
    return (highest - 1 - log) / log**2


def mean_process(processes: Sequence[Wealth]) -> Wealth:
    """The mean of e-processes over streams that are read together: an e-process for "no stream changed".

    Take the mean first and watch it then. The mean of the maxima would be no e-value.
    """
    if not processes or len({len(each.log_wealth) for each in processes}) != 1:
        raise BadRequest("the mean needs at least one process, and all read at the same times")
    stacked = np.array([each.log_wealth for each in processes])
    return Wealth(log_wealth=np.logaddexp.reduce(stacked, axis=0) - math.log(len(processes)))


def from_p_value(p: float, kappa: float = 0.5) -> float:
    """kappa p^(kappa - 1): the e-value of a p-value (Vovk and Wang 2021). p = 0 is refused: no finite test has it."""
    if not 0 < p <= 1:
        raise BadRequest(f"a p-value lies above 0 and is at most 1, found {p!r}: use (1 + count) / (B + 1)")
    if not 0 < kappa < 1:
        raise BadRequest(f"kappa must lie between 0 and 1, found {kappa!r}")
    return float(kappa * p ** (kappa - 1))


def _e_bh(values: Sequence[tuple[str, float]], alpha: float) -> frozenset[str]:
    _check_alpha(alpha)
    _check_names([stream for stream, _ in values])
    ordered = sorted(values, key=lambda each: -each[1])
    enough = [rank for rank, (_, value) in enumerate(ordered, 1) if value >= len(ordered) / (alpha * rank)]
    return frozenset(stream for stream, _ in ordered[: max(enough, default=0)])


def _check(value: float) -> None:
    if math.isnan(value) or value < 0:
        raise BadRequest(f"an e-value is a number from 0 on, found {value!r}")


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise BadRequest(f"alpha must lie between 0 and 1, found {alpha!r}")


def _check_names(streams: Sequence[str]) -> None:
    if len(set(streams)) != len(streams):
        raise BadRequest("every stream needs a name of its own")
