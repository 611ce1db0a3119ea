"""The e-process over the pairs in the order in which the plan asks them: what somebody would have seen who looked
after every pair (`overt.audit.stats.betting`, `scores`). It may be stopped or read at any pair: a wealth of 1/alpha or
more is reached by chance in at most a share alpha of audits in which nothing changed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from overt.audit.collect.order import units_of
from overt.audit.plan import Plan, Question
from overt.audit.report.sides import Side
from overt.audit.rows import Prompt
from overt.audit.stats.betting import Wealth, bet_on_texts
from overt.audit.stats.refusals import reads_as_refusal
from overt.audit.stats.scores import bet_on_payoffs, topic_payoffs

FEWEST: Final = 2
TEXTS: Final = "texts: which of the two answers is the reference's"
SCORES: Final = "scores: that the topic lost more than its control, beyond the margin"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """``log10_wealth`` after each pair, from a first wealth of 1. ``alarm_at`` counts pairs from 1, None: never."""

    bets_on: str
    pairs: int
    e_now: float
    e_max: float
    alarm_at: int | None
    log10_wealth: tuple[float, ...]


def path_of(plan: Plan, reference: Side, endpoint: Side, alpha: float) -> Path | None:
    """The path for a plan's question; None where fewer than two pairs are whole."""
    if plan.question is Question.TOPIC and (payoffs := _payoffs(plan, reference, endpoint)):
        told = topic_payoffs(
            np.array([topic for topic, _ in payoffs]), np.array([control for _, control in payoffs]), plan.margin
        )
        return _path(SCORES, bet_on_payoffs(told), alpha)
    places = [(unit.prompt.pid, unit.rep) for unit in units_of(plan)]
    both = [place for place in places if place in reference.answers and place in endpoint.answers]
    if len(both) < FEWEST:
        return None
    before, after = ([side.answers[place].text for place in both] for side in (reference, endpoint))
    return _path(TEXTS, bet_on_texts(before, after), alpha)


def _path(bets_on: str, wealth: Wealth, alpha: float) -> Path:
    alarm = wealth.alarm_at(alpha)
    return Path(
        bets_on=bets_on,
        pairs=len(wealth.log_wealth),
        e_now=wealth.e_now,
        e_max=wealth.e_max,
        alarm_at=None if alarm is None else alarm + 1,
        log10_wealth=tuple(float(each) / math.log(10) for each in wealth.log_wealth),
    )


def _payoffs(plan: Plan, reference: Side, endpoint: Side) -> list[tuple[float, float]]:
    """Changes of the mean score of target and control, pair by pair in the plan's order; empty with fewer than two."""
    changes = {
        prompt.pid: change
        for prompt in plan.prompts
        if (change := _change(prompt.pid, plan.samples, reference, endpoint)) is not None
    }
    found = [
        (changes[target.pid], changes[control.pid])
        for target, control in _matched(plan).values()
        if target.pid in changes and control.pid in changes
    ]
    return found if len(found) >= FEWEST else []


def _matched(plan: Plan) -> Mapping[str, tuple[Prompt, Prompt]]:
    """The pairs of one target and one control, in the order in which both have been asked once."""
    seen: dict[str, dict[str, Prompt]] = {}
    whole: dict[str, tuple[Prompt, Prompt]] = {}
    for unit in units_of(plan):
        prompt = unit.prompt
        if prompt.pair is None or prompt.topic not in (plan.topic, plan.control):
            continue
        sides = seen.setdefault(prompt.pair, {})
        sides.setdefault(prompt.topic, prompt)
        if len(sides) == 2 and prompt.pair not in whole:
            whole[prompt.pair] = (sides[str(plan.topic)], sides[str(plan.control)])
    return whole


def _change(pid: str, samples: int, reference: Side, endpoint: Side) -> float | None:
    means = [_mean(side, pid, samples) for side in (reference, endpoint)]
    return None if means[0] is None or means[1] is None else means[1] - means[0]


def _mean(side: Side, pid: str, samples: int) -> float | None:
    """The mean score of a prompt's answers; what is declined counts 0."""
    scores: list[float] = []
    for rep in range(samples):
        answer = side.answers.get((pid, rep))
        if answer is None:
            continue
        if answer.score is not None:
            scores.append(answer.score)
        elif side.refused((pid, rep)) or reads_as_refusal(answer.text):
            scores.append(0.0)
    return sum(scores) / len(scores) if scores else None
