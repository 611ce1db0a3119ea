"""Can the question be answered, and for how much? Power against pairs of answers, from the best basis that there is.

1. A pilot: its texts or its differences of scores are resampled (`overt.audit.stats.power`), with an interval.
2. An effect in points of score, where answers are graded: the closed form, for pass rates of one half (the worst case)
   or those of recorded scores, and for answers of the two sides that share nothing.
3. A named change: what was measured with it on real answers (`overt.audit.planning.assumed`).

2 and 3 are assumptions, and ``basis`` says so. Where a prompt is answered more than once, a text test sees more than is
predicted here for one answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias, final

import numpy as np

from overt.audit.plan import Plan, Question
from overt.audit.planning.assumed import ASSUMED, assumed_power
from overt.audit.planning.pilot import Pilot, grams_of
from overt.audit.rows import Answer
from overt.audit.stats.power import (
    Power,
    did_error,
    did_power,
    e_process_pairs,
    mean_power,
    score_power,
    score_variance,
    text_alarm_pairs,
    text_power,
    topic_text_power,
)
from overt.errors import BadRequest

UNKNOWN_RATE: Final = 0.5
LARGEST: Final = 12_800
"""Beyond this many pairs nothing is predicted."""

Predict: TypeAlias = Callable[[int], Power]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one wants to see: ``effect`` in points of score (0.10), or the ``name`` of a measured change."""

    effect: float | None = None
    name: str | None = None
    share: float = 1.0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Power at some numbers of pairs (for a topic: of pairs of target and control); one is the plan's own.

    ``needed``: the fewest pairs for the wanted power, None where no number that was looked at has it. ``alarm``: after
    how many pairs a watch that looks after every pair typically says so, None where that is not known.
    """

    basis: str
    planned: Power
    rows: tuple[Power, ...]
    needed: int | None
    alarm: int | None


def pairs_of(plan: Plan) -> int:
    """The pairs that a plan has: prompts, and for a topic the smaller of target and control."""
    if plan.question is Question.CHANGE:
        return len(plan.prompts)
    topics = [prompt.topic for prompt in plan.prompts]
    return min(topics.count(str(plan.topic)), topics.count(str(plan.control)))


def forecast(
    plan: Plan,
    change: Change,
    *,
    wanted: float,
    pilot: Pilot | None = None,
    recorded: Iterable[Answer] = (),
    affordable: int | None = None,
) -> Forecast | None:
    """What the plan will see; None where there is nothing to predict it from: topics of texts without a pilot.

    ``affordable`` pairs get a row of their own.
    """
    if pilot is not None:
        basis, predict, alarm = _from_pilot(plan, pilot, change)
    elif change.effect is not None:
        basis, predict, alarm = _from_effect(plan, change.effect, change.share, tuple(recorded))
    elif plan.question is Question.CHANGE and change.name is not None:
        basis, predict, alarm = _from_name(plan, change.name, change.share)
    else:
        return None
    pairs = pairs_of(plan)
    sizes = {25, 50, 100, 200, 400, 800, pairs, *(() if affordable is None else (affordable,))}
    rows = {size: predict(size) for size in sorted(sizes) if 2 <= size <= LARGEST}
    if pairs not in rows:
        rows[pairs] = predict(pairs)
    needed = _needed(predict, rows, wanted)
    return Forecast(
        basis=basis, planned=rows[pairs], rows=tuple(rows[size] for size in sorted(rows)), needed=needed, alarm=alarm
    )


def _needed(predict: Predict, rows: dict[int, Power], wanted: float) -> int | None:
    """The fewest pairs with the wanted power, to a tenth: between two sizes that were looked at, or by doubling."""
    enough = [size for size in sorted(rows) if rows[size].power >= wanted]
    high = enough[0] if enough else None
    low = max((size for size in rows if high is None or size < high), default=2)
    while high is None and low * 2 <= LARGEST:
        low, high = (low, low * 2) if predict(low * 2).power >= wanted else (low * 2, None)
    if high is None:
        return None
    while high - low > max(1, low // 10):
        middle = (low + high) // 2
        low, high = (low, middle) if predict(middle).power >= wanted else (middle, high)
    return high


# --- the three bases -------------------------------------------------------------------------------------------------


def _from_pilot(plan: Plan, pilot: Pilot, change: Change) -> tuple[str, Predict, int | None]:
    count = f"a pilot of {len(pilot.pids)} pairs"
    if plan.question is Question.TOPIC:
        if change.share != 1:
            raise BadRequest(
                f"a share of {change.share!r} cannot be predicted from a topic's pilot: let it show the share"
            )
        return _from_topic_pilot(plan, pilot, count)
    if plan.checkers is not None and pilot.differences is not None:
        differences = pilot.differences * change.share
        effect, variance = abs(float(differences.mean())), float(differences.var(ddof=1))
        alarm = e_process_pairs(effect=effect, variance=variance, alpha=plan.alpha)
        return f"{count}, by scores", _by_scores(plan, differences), alarm
    grams = grams_of(pilot.texts)

    def predict(pairs: int) -> Power:
        return text_power(grams, pairs, alpha=plan.alpha, seed=plan.seed, share=change.share)

    alarm = text_alarm_pairs(grams, alpha=plan.alpha, seed=plan.seed) if change.share == 1 else None
    return f"{count}, by texts", predict, alarm


def _by_scores(plan: Plan, differences: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Predict:
    return lambda pairs: score_power(differences, pairs, alpha=plan.alpha, seed=plan.seed)


def _from_topic_pilot(plan: Plan, pilot: Pilot, count: str) -> tuple[str, Predict, int | None]:
    topics = {prompt.pid: prompt.topic for prompt in plan.prompts}
    kinds = np.array([topics.get(pid, "") for pid in pilot.pids])
    of_topic, of_control = kinds == plan.topic, kinds == plan.control
    if not of_topic.any() or not of_control.any():
        raise BadRequest(
            f"the pilot has no pair for the topic {plan.topic!r} or for the control {plan.control!r}: "
            "give answers to prompts of the plan"
        )
    if plan.checkers is not None and (scored := pilot.differences) is not None:

        def by_scores(pairs: int) -> Power:
            return did_power(
                scored[of_topic],
                scored[of_control],
                targets=pairs,
                controls=pairs,
                alpha=plan.alpha,
                margin=plan.margin,
                seed=plan.seed,
            )

        return f"{count}, by scores", by_scores, None
    kept = np.flatnonzero(of_topic | of_control)
    grams = grams_of(tuple(pilot.texts[place] for place in kept))

    def by_texts(pairs: int) -> Power:
        return topic_text_power(grams, of_topic[kept], targets=pairs, controls=pairs, alpha=plan.alpha, seed=plan.seed)

    return f"{count}, by texts", by_texts, None


def _from_effect(
    plan: Plan, effect: float, share: float, recorded: tuple[Answer, ...]
) -> tuple[str, Predict, int | None]:
    if plan.checkers is None:
        raise BadRequest(
            f'an effect of {effect!r} is in points of score, and the plan grades nothing: add checkers = "…" to it, '
            f"or name a change, one of {', '.join(ASSUMED)}"
        )
    scores = [answer.score for answer in recorded if answer.score is not None]
    rate = sum(scores) / len(scores) if scores else UNKNOWN_RATE
    one = score_variance(rate, samples=plan.samples)
    about_topic = plan.question is Question.TOPIC
    least = plan.margin if about_topic else 0.0

    def predict(pairs: int) -> Power:
        error = (
            did_error(target_variance=one, control_variance=one, targets=pairs, controls=pairs)
            if about_topic
            else (one / pairs) ** 0.5
        )
        power = mean_power(effect=effect * share, error=error, alpha=plan.alpha, two_sided=not about_topic, least=least)
        return Power(pairs=pairs, power=power, low=power, high=power)

    where = f"recorded scores ({rate:.2f})" if scores else f"an assumed pass rate of {rate}"
    above = f" (to be said above {least:g})" if about_topic else ""
    basis = f"an assumed effect of {effect * share:.3f}{above} and {where}"
    # A watch bets on what is lost beyond the margin.
    alarm = e_process_pairs(effect=effect * share - least, variance=2 * one if about_topic else one, alpha=plan.alpha)
    return basis, predict, alarm


def _from_name(plan: Plan, name: str, share: float) -> tuple[str, Predict, int | None]:
    def predict(pairs: int) -> Power:
        power = assumed_power(name, pairs, alpha=plan.alpha, share=share)
        return Power(pairs=pairs, power=power, low=power, high=power)

    predict(2)  # refuses a name that is not known
    return f"an assumption: a change like {ASSUMED[name][0]}", predict, None
