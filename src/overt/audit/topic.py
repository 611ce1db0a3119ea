"""Did an endpoint change more on a topic than on a matched control? The whole audit, from rows.

1. Prompts that both sides answered are matched: within pairs where every prompt has one, else within strata.
2. Scores (`overt.audit.stats.did`) and texts (`text_did`) are compared; with both, one permutation test of the two
   decides (the smaller p-value, against its own permutations), so that two looks do not cost two chances.
3. "More on the topic" is said only if that test finds it, and the part of it that does is extreme among placebo topics,
   and the loss exceeds the margin (scores), or the topic itself changed and a loss above the margin is not excluded
   (texts).
4. It is not said where the control is no control: where topic and control are the two answers of one question, a
   model that leans to one answer loses on one and gains on the other. Ability and bias are reported apart, and so are
   refusals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.audit.rows import Answer, Prompt
from overt.audit.stats.did import ScoreDid, flipped, pair_did, reordered, score_did, studentised
from overt.audit.stats.placebo import FEWEST as FEWEST_PLACEBOS
from overt.audit.stats.placebo import placebo_p, placebos
from overt.audit.stats.refusals import RefusalSplit, reads_as_refusal, refusal_split
from overt.audit.stats.signal import SignalSplit, are_two_answers, signal_split, two_way
from overt.audit.stats.text_did import (
    Profiles,
    TextDid,
    Together,
    forms_of,
    prepare,
    profiles,
    remainder,
    summed,
    text_changed,
    together,
)
from overt.audit.topic_rows import (
    FEWEST,
    Asked,
    Compared,
    Profile,
    Refused,
    Sides,
    check_names,
    compare_rows,
    means_of,
    profiled,
    score_of,
    scores_of,
    side_by_side,
)
from overt.audit.verdict import Verdict

Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Ranks: TypeAlias = tuple[float | None, float]
"""Of scores and of texts among placebo topics."""

MOST_POOLED: Final = 1_200
"""Prompts that placebo topics are made of."""
MOST_TOLD: Final = 0.5
"""Of `TextDid.told`: above it, texts support no claim about the topic."""
GENERAL: Final = 0.2
"""The share of alpha at which "changed" is said: it is a second chance of a finding, and the topic is the first."""
TWO_WAY: Final = 0.8
"""The share of scored answers that say yes or no, from which questions count as having two answers."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TopicAudit:
    """What came of it. What could not be computed is None, never zero; `warnings` say what to think of before quoting.

    `p_value` is that of the test that decides: of scores and texts together, or of texts alone. `placebo_p` is that of
    the part with the smaller p-value. `p_change` asks whether anything changed at all, topic or not.
    """

    verdict: Verdict
    delta: float | None
    ci: tuple[float, float] | None
    p_value: float | None
    placebo_p: float | None
    p_change: float | None
    margin: float
    n_target: int
    n_control: int
    strata: int
    placebos: int
    score: ScoreDid | None
    text: TextDid | None
    signal: SignalSplit | None
    target_refusals: RefusalSplit | None
    control_refusals: RefusalSplit | None
    warnings: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The rows of both sides, and how they are read."""

    sides: Sides
    prompts: Sequence[Prompt]
    refused: Refused
    profile: Profile


def audit_topic(
    reference: Iterable[Answer],
    endpoint: Iterable[Answer],
    prompts: Sequence[Prompt],
    asked: Asked,
    *,
    refused: Refused = lambda answer: reads_as_refusal(answer.text),
    difficulty: Iterable[Answer] = (),
    profile: Profile = profiles,
) -> TopicAudit:
    """Audit a topic. ``refused`` is the provider's word where there is one; ``difficulty`` are others' scored answers.

    Deterministic: the same rows and the same seed give the same result.
    """
    check_names(prompts, asked)
    warnings: list[str] = []
    seen = Seen(sides=side_by_side(reference, endpoint, prompts), prompts=prompts, refused=refused, profile=profile)
    compared = compare_rows(seen.sides, prompts, asked, refused, list(difficulty), warnings)
    targets, controls = int(compared.on_topic.sum()), int((~compared.on_topic).sum())
    if min(targets, controls) < FEWEST:
        warnings.append(f"{targets} target and {controls} control prompts can be compared: {FEWEST} of each are needed")
        return _cannot_tell(compared, asked, warnings)
    return _audited(seen, compared, asked, warnings)


def _audited(seen: Seen, compared: Compared, asked: Asked, warnings: list[str]) -> TopicAudit:
    both = profiled(seen.sides, compared.pids, seen.profile)
    signal, instead = _signal(seen, compared, asked, warnings)
    found = together(
        prepare(*both), compared.deltas, compared.on_topic, strata=compared.strata, draws=asked.draws, seed=asked.seed
    )
    p_value, apart = _deciding(found, warnings)
    score = _score(compared, asked)
    ranks, count = _placebo(seen, compared, found, asked, warnings)
    p_change = _any_change(compared, both, asked)
    on_scores = _claims_loss(score, found, ranks, asked)
    on_texts = not apart and _claims_texts(score, found, ranks, asked) and _topic_changed(compared, both, asked)
    verdict = Verdict.CHANGED if p_change <= GENERAL * asked.alpha else Verdict.NO_CHANGE
    if p_value <= asked.alpha and (on_scores or on_texts):
        verdict = instead or Verdict.CHANGED_ON_TOPIC
        warnings += _cautions(compared, score, on_scores=on_scores)
    by_texts = found.score_p is None or (found.text.p_value < found.score_p and not apart)
    return TopicAudit(
        verdict=verdict,
        delta=None if score is None else score.delta,
        ci=None if score is None else (score.low, score.high),
        p_value=p_value,
        placebo_p=ranks[1] if by_texts else ranks[0],
        p_change=p_change,
        margin=asked.margin,
        n_target=int(compared.on_topic.sum()),
        n_control=int((~compared.on_topic).sum()),
        strata=len(np.unique(compared.strata)),
        placebos=count,
        score=score,
        text=found.text,
        signal=signal,
        target_refusals=_refusals(seen, compared, on_topic=True),
        control_refusals=_refusals(seen, compared, on_topic=False),
        warnings=tuple(warnings),
    )


def ability_and_bias(
    reference: Iterable[Answer], endpoint: Iterable[Answer], *, alpha: float = 0.05
) -> SignalSplit | None:
    """How d' and the criterion changed, over every answer that is scored 0 or 1 and says yes or no.

    None where the questions have not two answers, or where one side lacks a class.
    """
    before, after = _judged(reference), _judged(endpoint)
    if before is None or after is None:
        return None
    return signal_split(*before, *after, alpha=alpha)


# --- the tests -------------------------------------------------------------------------------------------------------


def _deciding(found: Together, warnings: list[str]) -> tuple[float, bool]:
    """The p-value that decides, and whether topic and control are too different in form for texts to be compared."""
    apart = found.text.told > MOST_TOLD
    if apart:
        warnings.append(
            f"the form of the reference's answers gives {found.text.told:.0%} of the topic away: topic and control are "
            "not matched in form, so their texts are not compared"
        )
    return (found.score_p if apart and found.score_p is not None else found.p_value), apart


def _score(compared: Compared, asked: Asked) -> ScoreDid | None:
    deltas, target = compared.deltas, compared.on_topic
    if deltas is None:
        return None
    if not compared.paired:
        return score_did(
            deltas, target, strata=compared.strata, margin=asked.margin, alpha=asked.alpha, seed=asked.seed
        )
    by_pair = np.argsort(compared.strata, kind="stable")
    ordered, sides = deltas[by_pair], target[by_pair]
    return pair_did(ordered[~sides] - ordered[sides], margin=asked.margin, alpha=asked.alpha, seed=asked.seed)


def _placebo(seen: Seen, compared: Compared, found: Together, asked: Asked, warnings: list[str]) -> tuple[Ranks, int]:
    """The ranks of the topic among placebo topics, and how many there were."""
    pool = _pool(seen, compared, asked)
    drawn = placebos([prompt.topic for prompt in pool], int(compared.on_topic.sum()), seed=asked.seed)
    if not drawn.names:
        warnings.append(
            f"placebo topics are {len(drawn.topics)} random draws of {drawn.size} other prompts, since fewer than "
            f"{FEWEST_PLACEBOS} other topics are that large: they cannot tell a topic that is special by its nature"
        )
    by_text = _placebo_texts(seen, [prompt.pid for prompt in pool], drawn.topics, found, asked)
    if found.score_strength is None:
        return (None, by_text), len(drawn.topics)
    before, after = means_of(seen.sides, pool, seen.refused)
    one = np.zeros(len(pool), dtype=np.intp)
    by_score = placebo_p(found.score_strength, studentised(after - before, drawn.topics, one))
    return (by_score, by_text), len(drawn.topics)


def _pool(seen: Seen, compared: Compared, asked: Asked) -> list[Prompt]:
    """Prompts that are not on the topic, with answers and, where scores are compared, scores of both sides."""
    others = [prompt for prompt in seen.prompts if prompt.pid in seen.sides and prompt.topic != asked.topic]
    if compared.before is not None:
        others = [prompt for prompt in others if scores_of(seen.sides[prompt.pid], seen.refused) is not None]
    if len(others) <= MOST_POOLED:
        return others
    chosen = np.random.default_rng([asked.seed, 3]).choice(len(others), size=MOST_POOLED, replace=False)
    return [others[place] for place in sorted(chosen)]


def _placebo_texts(seen: Seen, pids: Sequence[str], topics: Flags, found: Together, asked: Asked) -> float:
    prepared = prepare(*profiled(seen.sides, pids, seen.profile))
    rest = remainder(topics, prepared.directions)
    rng = np.random.default_rng([asked.seed, 5])
    orders = np.concatenate(list(reordered(np.zeros(len(pids), dtype=np.intp), len(topics), rng)))
    null = forms_of(prepared.kernels, np.take_along_axis(rest, orders, axis=1))
    return placebo_p(found.text.strength, summed(forms_of(prepared.kernels, rest), null))


def _any_change(compared: Compared, both: tuple[Profiles, Profiles], asked: Asked) -> float:
    """p of "nothing changed": texts and, where there are scores, scores either way; two looks are paid for."""
    by_text = text_changed(*both, draws=asked.draws, seed=asked.seed)
    if compared.before is None or compared.after is None:
        return by_text
    deltas = compared.after - compared.before
    fell, rose = (flipped(sign * deltas, asked.draws, np.random.default_rng([asked.seed, 4])) for sign in (-1.0, 1.0))
    return min(1.0, 2 * min(by_text, 2 * min(fell, rose)))


def _topic_changed(compared: Compared, both: tuple[Profiles, Profiles], asked: Asked) -> bool:
    """Whether the topic's own answers changed: else it is the control that did."""
    before, after = (tuple(family[compared.on_topic] for family in side) for side in both)
    return text_changed(before, after, draws=asked.draws, seed=asked.seed) <= asked.alpha


# --- what may be said ------------------------------------------------------------------------------------------------


def _claims_loss(score: ScoreDid | None, found: Together, ranks: Ranks, asked: Asked) -> bool:
    if score is None or found.score_p is None or ranks[0] is None:
        return False
    return found.score_p <= asked.alpha and ranks[0] <= asked.alpha and score.delta > asked.margin


def _claims_texts(score: ScoreDid | None, found: Together, ranks: Ranks, asked: Asked) -> bool:
    """Scores that point the other way, or exclude a loss above the margin, overrule texts."""
    if score is not None and (score.delta <= 0 or score.high <= asked.margin):
        return False
    return found.text.p_value <= asked.alpha and ranks[1] <= asked.alpha


def _cautions(compared: Compared, score: ScoreDid | None, *, on_scores: bool) -> list[str]:
    if score is None or compared.before is None or compared.after is None:
        return []
    if not on_scores:
        return [f"the texts changed more on the topic; a loss of score above the margin of {score.margin} is not shown"]
    deltas = compared.after - compared.before
    if deltas[compared.on_topic].mean() >= 0:
        return ["the topic itself did not lose: the control gained more"]
    return [] if score.low > 0 else ["the interval of the loss reaches 0"]


def _signal(
    seen: Seen, compared: Compared, asked: Asked, warnings: list[str]
) -> tuple[SignalSplit | None, Verdict | None]:
    """Ability and bias, and what must be said instead of "more on the topic" where the control is none."""
    target, control = (
        [pid for pid, on in zip(compared.pids, compared.on_topic, strict=True) if bool(on) is side]
        for side in (True, False)
    )
    judged = [_judged(answer for pid in (*target, *control) for answer in seen.sides[pid][place]) for place in (0, 1)]
    if judged[0] is None or judged[1] is None:
        return None, None
    truths = [_judged([answer for pid in side for answer in seen.sides[pid][0]]) for side in (target, control)]
    split = signal_split(*judged[0], *judged[1], alpha=asked.alpha)
    if split is None:
        warnings.append("every question has the same right answer: ability and a leaning to that answer look alike")
        return None, Verdict.CANNOT_TELL
    if truths[0] is not None and truths[1] is not None and are_two_answers(truths[0][0], truths[1][0]):
        warnings.append(
            "topic and control are the two right answers of one question, so the control is wrong: a model that leans "
            f"to one answer loses on one and gains on the other (d' changed by {split.sensitivity:+.2f}, the criterion "
            f"by {split.criterion:+.2f})"
        )
        return split, Verdict.CHANGED
    if split.is_mostly_bias and abs(split.criterion) > split.criterion_high - split.criterion:
        warnings.append(
            f"the readiness to say yes moved further than the ability to tell (criterion {split.criterion:+.2f}, "
            f"d' {split.sensitivity:+.2f})"
        )
    return split, None


def _judged(answers: Iterable[Answer]) -> tuple[Flags, Flags] | None:
    """Of yes-or-no answers that are right or wrong: whether yes was right, whether it was said."""
    scored = [answer for answer in answers if answer.score in (0.0, 1.0)]
    said = [(found, answer.score == 1.0) for answer in scored if (found := two_way(answer.text)) is not None]
    if not said or len(said) < TWO_WAY * len(scored):
        return None
    yes = np.array([found for found, _ in said], dtype=np.bool_)
    right = np.array([good for _, good in said], dtype=np.bool_)
    return yes == right, yes


def _refusals(seen: Seen, compared: Compared, *, on_topic: bool) -> RefusalSplit | None:
    """Over answers that are scored or refused; None without scores."""
    if compared.before is None:
        return None
    pids = [pid for pid, on in zip(compared.pids, compared.on_topic, strict=True) if bool(on) is on_topic]
    parts: list[tuple[Doubles, Flags]] = []
    for place in (0, 1):
        known = [
            (score, seen.refused(answer))
            for pid in pids
            for answer in seen.sides[pid][place]
            if (score := score_of(answer, seen.refused)) is not None
        ]
        parts.append((np.array([score for score, _ in known]), np.array([no for _, no in known], dtype=np.bool_)))
    return refusal_split(*parts[0], *parts[1])


def _cannot_tell(compared: Compared, asked: Asked, warnings: Sequence[str]) -> TopicAudit:
    return TopicAudit(
        verdict=Verdict.CANNOT_TELL,
        delta=None,
        ci=None,
        p_value=None,
        placebo_p=None,
        p_change=None,
        margin=asked.margin,
        n_target=int(compared.on_topic.sum()),
        n_control=int((~compared.on_topic).sum()),
        strata=len(np.unique(compared.strata)),
        placebos=0,
        score=None,
        text=None,
        signal=None,
        target_refusals=None,
        control_refusals=None,
        warnings=tuple(warnings),
    )
