"""Is the endpoint another than the reference? From answers to the same prompts to one of three verdicts.

1. Keep the prompts that both sides answered; say how many were dropped.
2. Choose the design: *paired* where every prompt has one answer a side, else *repeated*. Both are exact for the prompts
   that were asked, so the false-alarm rate is at most alpha.
3. Where no answers at all could have given p <= alpha, the verdict is "cannot tell", never "no change".
4. With an A/A baseline (the reference against itself on another day) a change counts only where it is larger than the
   baseline's upper bound: hosts and batches differ a little from day to day.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias, final

from overt.audit.rows import Answer, Prompt
from overt.audit.stats.draws import evidence_of, smallest_p
from overt.audit.stats.graded import Graded, graded
from overt.audit.stats.paired import Size, differences, paired_size, paired_test
from overt.audit.stats.repeated import arranged, pooled, repeated_size, repeated_test
from overt.audit.stats.several import Combined, Seen
from overt.audit.verdict import Verdict
from overt.errors import BadRequest

DRAWS: Final = 4_999
MANY: Final = 2_000
"""Answers above which fewer relabellings are drawn: their cost grows with the square of the answers."""
DRAWS_OF_MANY: Final = 1_999
RESAMPLES: Final = 1_000
"""Of prompts, for the interval of the size."""

Matched: TypeAlias = Mapping[str, tuple[Sequence[Answer], Sequence[Answer]]]


class Design(StrEnum):
    """How the answers are compared."""

    PAIRED = "paired"
    """One answer per prompt and side: sign flips (`overt.audit.stats.paired`)."""
    REPEATED = "repeated"
    """Several answers to some prompts: permutation within prompts (`overt.audit.stats.repeated`)."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was compared and what came of it. ``statistic`` and ``kernels``: see `overt.audit.stats.several`.

    ``scores`` is about grades, where both sides have them; it is reported beside the verdict and does not enter it.
    ``baseline`` is the A/A comparison, where one was given.
    """

    verdict: Verdict
    p_value: float
    e_value: float
    statistic: float
    kernels: tuple[Seen, ...]
    design: Design
    n_prompts: int
    n_reference: int
    n_endpoint: int
    alpha: float
    seed: int
    draws: int
    effect: Size | None
    scores: Graded | None
    warnings: tuple[str, ...]
    baseline: Comparison | None = None


def compare(
    reference: Sequence[Answer],
    endpoint: Sequence[Answer],
    *,
    prompts: Sequence[Prompt] | None = None,
    alpha: float = 0.05,
    seed: int = 0,
    draws: int | None = None,
    e_value: float | None = None,
    again: Sequence[Answer] | None = None,
) -> Comparison:
    """Compare answers of one model a side. ``prompts`` restricts to theirs; ``again`` is the reference once more (A/A).

    ``e_value``, where a sequential test has one, replaces that worked out from the p-value.
    """
    if not 0 < alpha < 1:
        raise BadRequest(f"alpha {alpha!r} must be above 0 and below 1; 0.05 is usual")
    matched, warnings = match(reference, endpoint, prompts)
    warnings = (*named(reference, "reference"), *named(endpoint, "endpoint"), *warnings)
    found = _compared(matched, warnings, alpha=alpha, seed=seed, draws=draws)
    if e_value is not None:
        found = replace(found, e_value=e_value)
    if again is None:
        return found
    same, more = match(reference, again, prompts)
    return _against(found, _compared(same, more, alpha=alpha, seed=seed, draws=draws))


def of_model(answers: Sequence[Answer], model: str | None, side: str) -> tuple[Answer, ...]:
    """The answers of one model; `BadRequest` names the models where it is missing, or not the only one unnamed.

    Unnamed answers of several models are one side where no prompt was answered twice under the same number: a side
    that is served by several models, as it says itself.
    """
    models = sorted({answer.model for answer in answers})
    if model is None and len(models) > 1 and len({(each.pid, each.rep) for each in answers}) < len(answers):
        raise BadRequest(
            f"the {side} has answers of {len(models)} models to the same prompts: {', '.join(map(repr, models))}; "
            f"choose one with --model-{side}"
        )
    if model is not None and model not in models:
        raise BadRequest(f"the {side} has no answer of model {model!r}; there are {', '.join(map(repr, models))}")
    return tuple(answer for answer in answers if model is None or answer.model == model)


def named(answers: Sequence[Answer], side: str) -> tuple[str, ...]:
    """What to say where one side is of several models, by their own word."""
    models = sorted({answer.model for answer in answers})
    if len(models) < 2:
        return ()
    return (f"the answers of the {side} say that they are of {len(models)} models: {', '.join(map(repr, models))}",)


def match(
    reference: Sequence[Answer], endpoint: Sequence[Answer], prompts: Sequence[Prompt] | None
) -> tuple[Matched, tuple[str, ...]]:
    """The answers of both sides to each prompt that both answered, by pid, and what was left out."""
    first, second = _by_prompt(reference), _by_prompt(endpoint)
    asked = first.keys() | second.keys() if prompts is None else {prompt.pid for prompt in prompts}
    both = sorted(first.keys() & second.keys() & asked)
    if not both:
        raise BadRequest(
            f"no prompt was answered by both sides: the reference has {_some(first)}, the endpoint {_some(second)}; "
            "ask both the same prompts and give these the same pid"
        )
    warnings = [
        f"{count} of {len(side)} prompts of the {name} dropped: {why}"
        for name, side, other in (("reference", first, second), ("endpoint", second, first))
        for count, why in (
            (len(side.keys() - other.keys()), "the other side did not answer them"),
            (len((side.keys() & other.keys()) - asked), "they are not among the prompts given"),
        )
        if count
    ]
    if prompts is not None and (unanswered := len(asked - first.keys() - second.keys())):
        warnings.append(f"{unanswered} of {len(asked)} prompts given were answered by neither side")
    return {pid: (first[pid], second[pid]) for pid in both}, tuple(warnings)


def _by_prompt(answers: Sequence[Answer]) -> Mapping[str, Sequence[Answer]]:
    found: dict[str, list[Answer]] = {}
    for answer in sorted(answers, key=lambda each: (each.pid, each.rep, each.date or "", each.text)):
        found.setdefault(answer.pid, []).append(answer)
    return found


def _some(found: Mapping[str, object]) -> str:
    return ", ".join(map(repr, sorted(found)[:3])) + (", …" if len(found) > 3 else "")


def _compared(matched: Matched, warnings: tuple[str, ...], *, alpha: float, seed: int, draws: int | None) -> Comparison:
    shapes = [(len(first), len(second)) for first, second in matched.values()]
    design = Design.PAIRED if all(shape == (1, 1) for shape in shapes) else Design.REPEATED
    number = draws if draws is not None else _draws(sum(map(sum, shapes)), alpha)
    combined, size = _tested(matched, design, alpha=alpha, draws=number, seed=seed)
    least = smallest_p(tuple((1, *shape) for shape in shapes), number)
    more: list[str] = []
    if least > alpha:
        more.append(
            f"{_prompts(len(matched))} with so few answers cannot give a p-value below {least:.3g} whatever they say: "
            f"ask more prompts for alpha {alpha:g}"
        )
    if design is Design.REPEATED and (single := shapes.count((1, 1))):
        more.append(f"{_prompts(single)} had one answer a side and count only in the common direction of change")
    return Comparison(
        verdict=_verdict(combined.p_value, least, alpha),
        p_value=combined.p_value,
        e_value=evidence_of(combined.p_value),
        statistic=combined.statistic,
        kernels=combined.kernels,
        design=design,
        n_prompts=len(matched),
        n_reference=sum(m for m, _ in shapes),
        n_endpoint=sum(n for _, n in shapes),
        alpha=alpha,
        seed=seed,
        draws=number,
        effect=size,
        scores=graded(_scores(matched), alpha=alpha, draws=number, seed=seed),
        warnings=(*warnings, *more),
    )


def _tested(matched: Matched, design: Design, *, alpha: float, draws: int, seed: int) -> tuple[Combined, Size | None]:
    texts = [([each.text for each in first], [each.text for each in second]) for first, second in matched.values()]
    if design is Design.PAIRED:
        found = differences([first for (first,), _ in texts], [second for _, (second,) in texts])
        size = paired_size(found, alpha=alpha, resamples=RESAMPLES, seed=seed) if len(texts) > 1 else None
        return paired_test(found, draws=draws, seed=seed), size
    pool = pooled(*arranged(texts))
    size = repeated_size(pool, alpha=alpha, resamples=RESAMPLES, seed=seed)
    return repeated_test(pool, draws=draws, seed=seed), size


def _draws(answers: int, alpha: float) -> int:
    return max(DRAWS if answers <= MANY else DRAWS_OF_MANY, math.ceil(20 / alpha) - 1)


def _verdict(p_value: float, least: float, alpha: float) -> Verdict:
    if p_value <= alpha:
        return Verdict.CHANGED
    return Verdict.CANNOT_TELL if least > alpha else Verdict.NO_CHANGE


def _scores(matched: Matched) -> list[tuple[list[float], list[float]]]:
    pairs = [
        tuple([each.score for each in side if each.score is not None] for side in sides) for sides in matched.values()
    ]
    return [(first, second) for first, second in pairs if first and second]


def _against(found: Comparison, baseline: Comparison) -> Comparison:
    """The claim that allows for what the reference differs from itself."""
    warnings = [*found.warnings, *(f"baseline: {warning}" for warning in baseline.warnings)]
    if baseline.verdict is Verdict.CHANGED:
        warnings.append(f"the reference differs from itself between its two recordings (p = {baseline.p_value:.3g})")
    verdict = found.verdict
    if verdict is Verdict.CHANGED and found.effect is not None and baseline.effect is not None:
        tolerance = max(0.0, baseline.effect.high)
        if found.effect.value <= tolerance:
            verdict = Verdict.NO_CHANGE
            warnings.append(
                f"the sides differ (p = {found.p_value:.3g}) by {found.effect.value:.4f}, which is no more than the "
                f"reference may differ from itself ({tolerance:.4f})"
            )
    elif verdict is Verdict.CHANGED:
        warnings.append("no size could be estimated, so the baseline was not used")
    return replace(found, verdict=verdict, warnings=tuple(warnings), baseline=baseline)


def _prompts(count: int) -> str:
    return "1 prompt" if count == 1 else f"{count} prompts"
