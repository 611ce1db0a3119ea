"""Placebo topics: is the topic's change extreme among changes of topics that nobody has any reason to treat otherwise?

An honest update is better at some things and worse at others, so a small p-value for one topic is not enough. A placebo
topic is as many other prompts, held against the rest; with K of them p = (1 + #{at least as extreme})/(K + 1). Topics
that have names are what a real update is uneven about, and are used where there are at least `FEWEST` of the topic's
size. Otherwise prompts are drawn at random, which guards only against an unlucky reference distribution: that is to be
said with the result. The rule is a second condition, so it can only lower the rate of false claims.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.audit.stats.did import ROUNDING

Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

FEWEST: Final = 19
"""Below, no rank can be extreme at 5 %."""
DRAWN: Final = 199


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Placebos:
    """Topics (K, P) among P prompts that are not the topic's, of one size. `names` is empty where they are drawn."""

    topics: Flags
    size: int
    names: tuple[str, ...]


def placebos(topics: Sequence[str], size: int, *, drawn: int = DRAWN, seed: int = 0) -> Placebos:
    """Placebo topics of `size` prompts, or of half the prompts where there are not twice as many.

    ``topics`` (P,) name the topic of each prompt that is not the target's.
    """
    rng = np.random.default_rng(seed)
    number = len(topics)
    size = min(size, number // 2)
    named = np.asarray(topics, dtype=np.str_)
    names, counts = np.unique(named, return_counts=True)
    large = tuple(str(name) for name, count in zip(names, counts, strict=True) if size <= count <= number - size)
    if len(large) >= FEWEST:
        return Placebos(topics=np.array([_some(named == name, size, rng) for name in large]), size=size, names=large)
    anyone = np.ones(number, dtype=np.bool_)
    return Placebos(topics=np.array([_some(anyone, size, rng) for _ in range(drawn)]), size=size, names=())


def placebo_p(observed: float, found: Doubles) -> float:
    """The topic's statistic among those (K,) of the placebos; ties count against it."""
    return float((1 + (found >= observed - ROUNDING).sum()) / (len(found) + 1))


def _some(members: Flags, size: int, rng: np.random.Generator) -> Flags:
    chosen = np.zeros(len(members), dtype=np.bool_)
    chosen[rng.choice(np.flatnonzero(members), size=size, replace=False)] = True
    return chosen
