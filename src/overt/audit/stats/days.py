"""Monitors whose unit is the day, for endpoints that differ a little from day to day all by themselves.

Calls of one day share its hardware, batching and routing, so they are not independent draws, and tests that treat them
so raise false alarms (29 to 100 % of unchanged runs of 60 days, measured). Here each day gives one number, its distance
from the reference, and only days are compared with days:

- `conformal_days` assumes that unchanged days are exchangeable. Nothing else. It is slow: a day's p-value is never
  below 1/t on day t.
- `watch_days` assumes also that the numbers of unchanged days are about normal, mean and variance unknown (they are
  means over prompts, so the more prompts the better this holds). Then the t statistic of every day against all days
  before has Student's distribution, independent of those before (recursive residuals: Brown, Durbin and Evans 1975),
  and a change by many of the days' own standard deviations shows at once. Tails are taken heavier than that, and no day
  may multiply the wealth by more than `MOST_GROWTH`: one odd day among ordinary ones raises no alarm.

Both are e-processes under their assumption: an alarm at 1/alpha is false in at most alpha of all streams of any length.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from overt.audit.stats.betting import Wealth
from overt.audit.stats.many import mean_process
from overt.audit.stats.restart import entry_shares, with_restarts
from overt.audit.stats.voice import letters, voices
from overt.errors import BadRequest

Floats = NDArray[np.float64]
Day = Mapping[str, Sequence[str]]
"""The answers of one day (or of the reference), by prompt."""
Means = Mapping[str, Floats]
View = Callable[[Sequence[str]], Floats]

SLOW_POWERS: Final = (0.1, 0.2, 0.3, 0.5, 0.7)
QUICK_POWERS: Final = (0.05, 0.15, 0.3)
FIRST_DAYS: Final = 6
"""Days that only teach: no bet before there are so many to compare with."""
BLOCK: Final = 3
"""Days in a block."""
ENOUGH: Final = 0.8
"""The share of its prompts that a day must hold. Blocks of days with gaps hold at least two fifths."""
MOST_FREEDOM: Final = 8
"""Degrees of freedom are held to this many: room for days whose numbers have heavier tails than the normal law."""
SMALLEST_P: Final = 1e-4
MOST_GROWTH: Final = 12.0
"""The most by which the wealth may grow on one day."""
LEAST_SPREAD: Final = 0.01
"""Added to the standard deviation of days (of distances from 0 to 1): days that were all alike prove no certainty."""


def watch_days(distances: Floats, least_spread: float = LEAST_SPREAD) -> Wealth:
    """The quick monitor: T distances of days in time order, larger = further from the reference; see the assumptions.

    Index t of the wealth is day t. Bettors on p^(k - 1) wait and enter as in `restart.with_restarts`.
    """
    return watch_blocks(distances, 1, len(distances), least_spread)


def watch_blocks(distances: Floats, length: int, days: int, least_spread: float = LEAST_SPREAD) -> Wealth:
    """The same on blocks of ``length`` days: distances of the answers of whole blocks, from day 0 on.

    The wealth has an entry for each of ``days`` days, and moves on the last day of a block. Blocks of three days
    answer later than days and see changes of half the size: noise that differs between days averages out in them.
    """
    if len(distances) != days // length:
        raise BadRequest(f"{days!r} days hold {days // length!r} whole blocks of {length!r}, found {len(distances)!r}")
    ends = np.arange(1, len(distances) + 1) * length - 1
    steps, shares = np.zeros((len(QUICK_POWERS), days)), np.zeros(days)
    steps[:, ends] = _log_bets(day_p_values(distances, least_spread), QUICK_POWERS)
    shares[ends[FIRST_DAYS:]] = entry_shares(max(len(ends) - FIRST_DAYS, 0))
    return with_restarts(steps, shares, MOST_GROWTH)


def conformal_days(distances: Floats, rng: np.random.Generator) -> Wealth:
    """The slow monitor: p_t = (#{s < t: S_s > S_t} + U #{s <= t: S_s = S_t}) / t, all bets from the first day on.

    Vovk, Nouretdinov and Gammerman 2003 (plug-in power martingales). U breaks ties and comes from ``rng``.
    """
    p_values = [
        (float(np.sum(distances[:day] > now)) + rng.uniform() * (1 + float(np.sum(distances[:day] == now)))) / (day + 1)
        for day, now in enumerate(_one_row(distances))
    ]
    bets = np.cumsum(_log_bets(np.maximum(np.array(p_values), 1e-12), SLOW_POWERS), axis=1)
    return Wealth(log_wealth=np.logaddexp.reduce(bets, axis=0) - math.log(len(SLOW_POWERS)))


def day_p_values(distances: Floats, least_spread: float = LEAST_SPREAD) -> Floats:
    """One-sided p-values of days against all days before; NaN for the first days, on which nothing is bet."""
    if not least_spread > 0:
        raise BadRequest(f"the least spread must be above 0, found {least_spread!r}")
    found = np.full(len(_one_row(distances)), np.nan)
    for day in range(FIRST_DAYS, len(distances)):
        past = distances[:day]
        spread = math.sqrt((float(past.var(ddof=1)) + least_spread**2) * (1 + 1 / day))
        t = (float(distances[day]) - float(past.mean())) / spread
        found[day] = max(student_tail(t, min(day - 1, MOST_FREEDOM)), SMALLEST_P)
    return found


def student_tail(t: float, freedom: int) -> float:
    """P(T >= t) of Student's distribution with a whole number of degrees of freedom; the finite sums of its integral.

    Abramowitz and Stegun 1964, 26.7.3 and 26.7.4.
    """
    if freedom < 1:
        raise BadRequest(f"degrees of freedom start at 1, found {freedom!r}")
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for step in range(1 + odd, freedom, 2):
        total += term
        term *= cosine**2 * step / (step + 1)
    inside = (2 / math.pi) * (angle + sine * total) if odd else sine * total
    return min(max((1 - inside) / 2, 0.0), 1.0)


def change_of_texts(reference: Day, day: Day) -> float:
    """Mean over prompts of the total variation distance between the texts of the day and those of the reference.

    For short answers asked several times (border inputs): 0 equal frequencies, 1 no text in common.
    """
    return float(np.mean([_variation(reference[prompt], day[prompt]) for prompt in _shared(reference, day)]))


def change_of_letters(reference: Day, day: Day) -> float:
    """Mean over prompts of the distance between the mean letter features of the day and of the reference, 0 to 1."""
    _shared(reference, day)
    return _letters_apart(_means(letters, reference), _means(letters, day))


def change_of_voice(reference: Day, day: Day) -> float:
    """Length of the mean difference in voice over prompts: what changes in one direction on all of them.

    For one answer per prompt and day: differences of content cancel, a change of format or wording adds up.
    """
    _shared(reference, day)
    return _voice_apart(_means(voices, reference), _means(voices, day))


def watch_texts_by_day(reference: Day, days: Sequence[Day]) -> Wealth:
    """The quick monitor on texts, letters and voice, by day and by blocks of three days, together: their mean.

    Days must come from `settled`: a distance from fewer answers to a prompt is larger by itself.
    """
    texts_by_day = np.array([change_of_texts(_only(reference, day), day) for day in days])
    blocks = [pooled(days[start : start + BLOCK]) for start in range(0, len(days) - BLOCK + 1, BLOCK)]
    texts_by_block = np.array([change_of_texts(_only(reference, block), block) for block in blocks])
    distances = [
        (texts_by_day, texts_by_block),
        _by_view(reference, days, letters, _letters_apart),
        _by_view(reference, days, voices, _voice_apart),
    ]
    quick = [watch_days(by_day) for by_day, _ in distances]
    small = [watch_blocks(by_block, BLOCK, len(days)) for _, by_block in distances]
    return mean_process([*quick, *small])


def pooled(days: Sequence[Day]) -> Day:
    """All answers of several days as those of one, to the prompts that all of them hold."""
    shared = [prompt for prompt in days[0] if all(prompt in day for day in days)]
    return {prompt: tuple(text for day in days for text in day[prompt]) for prompt in shared}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Days made comparable. ``kept`` are the indices of ``days`` among all days that were given."""

    reference: Day
    days: tuple[Day, ...]
    kept: tuple[int, ...]


def settled(reference: Day, days: Sequence[Day]) -> Settled:
    """Days cut down to one set of prompts with one number of answers to each.

    Both are settled by the reference and the first `FIRST_DAYS` days, on which nothing is bet, so that no later answer
    can change what was said of a day before it. A later prompt with fewer answers is missing on its day, and a day that
    lacks more than a fifth of the prompts is left out.
    """
    teaching = days[:FIRST_DAYS]
    if not teaching:
        raise BadRequest("no day to watch: expected answers with a date")
    shared = sorted(prompt for prompt in reference if reference[prompt] and all(day.get(prompt) for day in teaching))
    if not shared:
        raise BadRequest(f"no prompt has a reference and an answer on each of the first {len(teaching)} days")
    least = {prompt: min(len(day[prompt]) for day in teaching) for prompt in shared}
    cut = [
        {prompt: tuple(day[prompt][:count]) for prompt, count in least.items() if len(day.get(prompt, ())) >= count}
        for day in days
    ]
    kept = tuple(number for number, day in enumerate(cut) if len(day) >= ENOUGH * len(shared))
    chosen = {prompt: tuple(reference[prompt]) for prompt in shared}
    return Settled(reference=chosen, days=tuple(cut[number] for number in kept), kept=kept)


def _log_bets(p_values: Floats, powers: Sequence[float]) -> Floats:
    """log(k p^(k - 1)) for every power k: (powers, T); 0, no bet, where p is NaN."""
    power = np.array(powers)[:, None]
    known = np.where(np.isnan(p_values), 1.0, p_values)
    return np.asarray(np.where(np.isnan(p_values), 0.0, np.log(power) + (power - 1) * np.log(known)), dtype=np.float64)


def _by_view(
    reference: Day, days: Sequence[Day], view: View, apart: Callable[[Means, Means], float]
) -> tuple[Floats, Floats]:
    """Distances by day and by block in one view. Every text is read once; means of three days are held at a time."""
    known, recent = _means(view, reference), list[Means]()
    by_day, by_block = list[float](), list[float]()
    for number, day in enumerate(days, 1):
        recent = [*recent[-(BLOCK - 1) :], _means(view, day)]
        by_day.append(apart(known, recent[-1]))
        if number % BLOCK == 0:
            shared = [prompt for prompt in recent[0] if all(prompt in each for each in recent)]
            block = {prompt: np.mean([each[prompt] for each in recent], axis=0) for prompt in shared}
            by_block.append(apart(known, block))
    return np.array(by_day), np.array(by_block)


def _means(view: View, day: Day) -> Means:
    return {prompt: view(answers).mean(0) for prompt, answers in day.items()}


def _letters_apart(reference: Means, day: Means) -> float:
    apart = [float(np.linalg.norm(day[prompt] - reference[prompt])) for prompt in day]
    return float(np.mean(apart)) / math.sqrt(2)


def _voice_apart(reference: Means, day: Means) -> float:
    return float(np.linalg.norm(np.mean([day[prompt] - reference[prompt] for prompt in day], axis=0)))


def _variation(reference: Sequence[str], day: Sequence[str]) -> float:
    before, now = Counter(reference), Counter(day)
    return sum(abs(before[text] / len(reference) - now[text] / len(day)) for text in before.keys() | now.keys()) / 2


def _shared(reference: Day, day: Day) -> list[str]:
    missing = sorted(prompt for prompt in reference if not day.get(prompt) or not reference[prompt])
    if missing or not reference:
        raise BadRequest(f"the day has no answer to {missing[:3]!r}: use settled() to keep comparable prompts")
    return sorted(reference)


def _only(reference: Day, day: Day) -> Day:
    return {prompt: reference[prompt] for prompt in day}


def _one_row(distances: Floats) -> Floats:
    if distances.ndim != 1 or not np.all(np.isfinite(distances)):
        raise BadRequest("distances of days must be one row of finite numbers")
    return distances
