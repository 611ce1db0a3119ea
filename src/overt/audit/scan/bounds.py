"""What the requested model would have scored, where it did not give every answer.

With O the samples it answered, F those of another model, X refusals, U unknown ones, N all of them and scores in
[0, 1]: between sum_O y / N and (sum_O y + |F| + |X| + |U|) / N, whatever the missing ones would have been. The
interval covers the score itself, not the bounds (Imbens and Manski 2004, Econometrica 72(6), eq. 6 and 7), with
standard errors from a bootstrap of tasks: repeated samples of a task are drawn together. Nothing is assumed about why
samples are missing, except where a figure says so (``monotone``, ``stratified``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from overt.audit.scan.sample import Sample, Standing

Array: TypeAlias = NDArray[np.float64]

DRAWS: Final = 1000
_AT_ONCE: Final = 50
_NONE: Final = 1e-9
_FEWEST: Final = 2
"""Tasks; with one there is no spread between tasks."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """From ``lower`` to ``upper``, both on the scale 0 to 1."""

    lower: float
    upper: float

    @property
    def width(self) -> float:
        """How far apart they are."""
        return self.upper - self.lower


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Stratified:
    """Each stratum's own mean, weighted by its size; within a stratum what is missing is taken to be like the rest.

    ``estimate`` is an interval where a stratum has no own answer (there its bounds stand). ``sensitive`` lets the
    missing answers of every stratum differ from its own by up to ``delta``.
    """

    strata: int
    without_own: int
    estimate: Interval
    sensitive: Interval
    delta: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """The score of one run. ``reported`` is the mean of everything that has a score, refusals counted 0.

    ``own_only`` is selected: what was handed over or refused is not a random part. ``interval`` is the 95 % interval
    of Imbens and Manski, None with fewer than two tasks. ``monotone`` assumes that the requested model scores at least
    what the other one did on the same item; only its lower end is another.
    """

    number: int
    tasks: int
    own: int
    other: int
    refused: int
    unknown: int
    reported: float | None
    own_only: float | None
    bounds: Interval
    interval: Interval | None
    monotone: float
    stratified: Stratified | None


def corrected(samples: Sequence[Sample], *, scale: tuple[float, float], delta: float, seed: int) -> Corrected | None:
    """The corrected score of samples, None if none of them has a score. ``scale``: the worst and the best score.

    An own answer without a score is missing like the others. Scores outside the scale raise ValueError.
    """
    scored = [sample for sample in samples if sample.score is not None]
    if not scored:
        return None
    counted = [_missing_or_own(sample) for sample in samples]
    score = np.array([_scaled(sample, scale) for sample in samples])
    own = np.array([standing is Standing.OWN for standing in counted])
    other = np.array([standing is Standing.OTHER for standing in counted])
    low, high = np.where(own, score, 0.0), np.where(own, score, 1.0)
    tasks = _numbered([sample.task for sample in samples])
    number = len(samples)
    bounds = Interval(lower=float(low.mean()), upper=float(high.mean()))
    reported = [value for value, sample in zip(score.tolist(), samples, strict=True) if sample.score is not None] + [
        0.0 for sample in samples if sample.score is None and sample.standing is Standing.REFUSED
    ]
    return Corrected(
        number=number,
        tasks=int(tasks.max()) + 1,
        own=int(own.sum()),
        other=int(other.sum()),
        refused=sum(standing is Standing.REFUSED for standing in counted),
        unknown=sum(standing is Standing.UNKNOWN for standing in counted),
        reported=math.fsum(reported) / len(reported),
        own_only=float(score[own].mean()) if own.any() else None,
        bounds=bounds,
        interval=_interval(low, high, tasks, bounds, seed),
        monotone=float(np.where(own | other, score, 0.0).mean()),
        stratified=_stratified(samples, score, own, delta),
    )


def _missing_or_own(sample: Sample) -> Standing:
    """Its standing; an own answer that nobody scored tells as little as an unknown one."""
    unscored = sample.standing is Standing.OWN and sample.score is None
    return Standing.UNKNOWN if unscored else sample.standing


def _scaled(sample: Sample, scale: tuple[float, float]) -> float:
    if sample.score is None:
        return 0.0
    worst, best = scale
    value = (sample.score - worst) / (best - worst)
    if not 0 <= value <= 1:
        raise ValueError(f"sample {sample.id!r} has the score {sample.score!r}, outside {worst:g} to {best:g}")
    return value


def _numbered(names: Sequence[str]) -> NDArray[np.intp]:
    """Each name as a number from 0 on, in the order of first sight."""
    known = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([known[name] for name in names], dtype=np.intp)


# --- The interval -----------------------------------------------------------------------------------------------------


def _interval(low: Array, high: Array, tasks: NDArray[np.intp], bounds: Interval, seed: int) -> Interval | None:
    sums = np.stack([np.bincount(tasks, low), np.bincount(tasks, high), np.bincount(tasks).astype(float)], axis=1)
    if len(sums) < _FEWEST:
        return None
    drawn = _bootstrap(sums, np.random.default_rng(seed))
    spread_low, spread_high = (
        _spread(drawn[:, 0], bounds.lower, len(sums)),
        _spread(drawn[:, 1], bounds.upper, len(sums)),
    )
    factor = imbens_manski(bounds.width / max(spread_low, spread_high))
    return Interval(
        lower=max(0.0, bounds.lower - factor * spread_low), upper=min(1.0, bounds.upper + factor * spread_high)
    )


def _bootstrap(sums: Array, draw: np.random.Generator) -> Array:
    """Both bounds for each draw of tasks with replacement, (DRAWS, 2).

    Tasks of one kind are drawn as one, by how often each kind comes up: the same distribution, and few numbers.
    """
    kinds, counts = np.unique(sums, axis=0, return_counts=True)
    blocks = []
    for _ in range(DRAWS // _AT_ONCE):
        taken = draw.multinomial(len(sums), counts / len(sums), size=_AT_ONCE) @ kinds
        blocks.append(taken[:, :2] / taken[:, 2:])
    return np.concatenate(blocks)


def _spread(drawn: Array, share: float, tasks: int) -> float:
    """The standard error of a bound. Tasks that all agree show none, which says little where there are few: then that
    of a share after two tasks more of each kind (Agresti and Coull 1998)."""
    spread = float(drawn.std(ddof=1))
    if spread > _NONE:
        return spread
    middle = (share * tasks + 2) / (tasks + 4)
    return math.sqrt(middle * (1 - middle) / (tasks + 4))


def imbens_manski(width: float, level: float = 0.95) -> float:
    """c with Phi(c + width) - Phi(-c) = level, ``width`` in standard errors: 1.96 for none, 1.645 for a wide one."""
    normal = NormalDist()
    below, above = 0.0, 10.0
    for _ in range(60):
        middle = (below + above) / 2
        if normal.cdf(middle + width) - normal.cdf(-middle) < level:
            below = middle
        else:
            above = middle
    return above


# --- Strata -----------------------------------------------------------------------------------------------------------


def _stratified(samples: Sequence[Sample], score: Array, own: NDArray[np.bool_], delta: float) -> Stratified | None:
    names = [sample.stratum for sample in samples]
    if all(name is None for name in names):
        return None
    strata = _numbered(["without a stratum" if name is None else f"= {name}" for name in names])
    estimate, sensitive, without = np.zeros(2), np.zeros(2), 0
    for number in range(int(strata.max()) + 1):
        inside = strata == number
        weight, answered = float(inside.mean()), inside & own
        if not answered.any():
            without += 1
            estimate += (0.0, weight)
            sensitive += (0.0, weight)
            continue
        mean, missing = float(score[answered].mean()), 1 - float(answered.sum() / inside.sum())
        estimate += weight * mean
        others = np.clip([mean - delta, mean + delta], 0, 1)
        sensitive += weight * (mean * (1 - missing) + missing * others)
    return Stratified(
        strata=int(strata.max()) + 1,
        without_own=without,
        estimate=Interval(lower=float(estimate[0]), upper=float(estimate[1])),
        sensitive=Interval(lower=float(sensitive[0]), upper=float(sensitive[1])),
        delta=delta,
    )
