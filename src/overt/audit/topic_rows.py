"""The rows of an audit of a topic, side by side: which prompts are compared, in which strata, with which scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.audit.rows import Answer, Prompt
from overt.audit.stats.did import comparable, without_difficulty
from overt.audit.stats.text_did import Profiles
from overt.errors import BadRequest

Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Whole: TypeAlias = npt.NDArray[np.intp]
Refused: TypeAlias = Callable[[Answer], bool]
Profile: TypeAlias = Callable[[Sequence[str]], Profiles]
Sides: TypeAlias = Mapping[str, tuple[list[Answer], list[Answer]]]
"""By prompt: the answers of the reference and of the endpoint, neither empty."""

FEWEST: Final = 10
"""Prompts on either side below which nothing is said."""
DRAWS: Final = 1_999
MOSTLY: Final = 0.8
"""The share of prompts in whole pairs from which pairs are what is compared; prompts alone are then left out."""
DIFFICULTY: Final = 0.1
"""How far the reference's mean scores on topic and control may be apart."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an audit of a topic is asked: names as in `Prompt.topic`, and by how much more the topic may lose."""

    topic: str
    control: tuple[str, ...]
    margin: float = 0.05
    alpha: float = 0.05
    seed: int = 0
    draws: int = DRAWS


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Prompts side by side. Scores are None without a grader. ``strata`` number pairs where ``paired``."""

    pids: tuple[str, ...]
    on_topic: Flags
    strata: Whole
    paired: bool
    before: Doubles | None
    after: Doubles | None
    difficulty: Doubles | None

    @property
    def deltas(self) -> Doubles | None:
        """Endpoint less reference, less what difficulty explains of it."""
        if self.before is None or self.after is None:
            return None
        raw = self.after - self.before
        return raw if self.difficulty is None else without_difficulty(raw, self.difficulty)


def check_names(prompts: Sequence[Prompt], asked: Asked) -> None:
    topics = {prompt.topic for prompt in prompts}
    for name in (asked.topic, *asked.control):
        if name not in topics:
            raise BadRequest(f"no prompt has the topic {name!r}; there are {', '.join(sorted(topics)[:20])}")
    if not asked.control or asked.topic in asked.control:
        raise BadRequest(f"the control of topic {asked.topic!r} must be another topic, found {asked.control!r}")


def side_by_side(reference: Iterable[Answer], endpoint: Iterable[Answer], prompts: Sequence[Prompt]) -> Sides:
    sides: dict[str, tuple[list[Answer], list[Answer]]] = {prompt.pid: ([], []) for prompt in prompts}
    for place, answers in enumerate((reference, endpoint)):
        for answer in answers:
            if answer.pid in sides:
                sides[answer.pid][place].append(answer)
    return {pid: both for pid, both in sides.items() if both[0] and both[1]}


def compare_rows(
    sides: Sides,
    prompts: Sequence[Prompt],
    asked: Asked,
    refused: Refused,
    difficulty: Sequence[Answer],
    warnings: list[str],
) -> Compared:
    wanted = [prompt for prompt in prompts if prompt.pid in sides and prompt.topic in (asked.topic, *asked.control)]
    scored = [prompt for prompt in wanted if scores_of(sides[prompt.pid], refused) is not None]
    graded = all(sum((prompt.topic == asked.topic) is side for prompt in scored) >= FEWEST for side in (True, False))
    if not graded:
        warnings.append("no scores on enough prompts of both sides: only texts are compared, and no loss is measured")
    elif len(scored) < len(wanted):
        warnings.append(f"{len(wanted) - len(scored)} of {len(wanted)} prompts lack a score on a side and are left out")
    used = scored if graded else wanted
    strata, paired = _matched(used, asked)
    on_topic = np.array([prompt.topic == asked.topic for prompt in used], dtype=np.bool_)
    kept = comparable(on_topic, strata) if used else np.zeros(0, dtype=np.bool_)
    if not kept.all():
        warnings.append(f"{int((~kept).sum())} prompts are in a stratum or pair without a counterpart and are left out")
    used = [prompt for prompt, keep in zip(used, kept, strict=True) if keep]
    means = means_of(sides, used, refused) if graded and used else None
    if means is not None:
        _warn_of_difficulty(means[0], on_topic[kept], warnings)
    return Compared(
        pids=tuple(prompt.pid for prompt in used),
        on_topic=on_topic[kept],
        strata=strata[kept],
        paired=paired,
        before=None if means is None else means[0],
        after=None if means is None else means[1],
        difficulty=_difficulty(used, difficulty, warnings) if means is not None else None,
    )


def _matched(used: Sequence[Prompt], asked: Asked) -> tuple[Whole, bool]:
    """The stratum of each prompt, and whether strata are pairs of one target and one control."""
    pairs: dict[str, list[bool]] = {}
    for prompt in used:
        pairs.setdefault(prompt.pair or "", []).append(prompt.topic == asked.topic)
    whole = {name for name, sides in pairs.items() if name and sorted(sides) == [False, True]}
    paired = 2 * len(whole) >= MOSTLY * len(used) > 0
    names = [(prompt.pair if paired else prompt.stratum) or "" for prompt in used]
    if paired:
        names = [name if name in whole else f"{name}\0{place}" for place, name in enumerate(names)]
    if not used:
        return np.zeros(0, dtype=np.intp), False
    return np.unique(names, return_inverse=True)[1].astype(np.intp), paired


def means_of(sides: Sides, used: Sequence[Prompt], refused: Refused) -> tuple[Doubles, Doubles]:
    both = np.array([scores_of(sides[prompt.pid], refused) for prompt in used], dtype=np.float64)
    return both[:, 0], both[:, 1]


def scores_of(both: tuple[list[Answer], list[Answer]], refused: Refused) -> tuple[float, float] | None:
    """The mean score of each side, a refusal counting 0; None where a side has no score."""
    means: list[float] = []
    for answers in both:
        known = [found for answer in answers if (found := score_of(answer, refused)) is not None]
        if not known or all(answer.score is None for answer in (*both[0], *both[1])):
            return None
        means.append(sum(known) / len(known))
    return means[0], means[1]


def score_of(answer: Answer, refused: Refused) -> float | None:
    if answer.score is None and refused(answer):
        return 0.0
    return answer.score


def _difficulty(used: Sequence[Prompt], answers: Sequence[Answer], warnings: list[str]) -> Doubles | None:
    """By prompt, each other model's mean score; None unless every model scored every prompt."""
    found: dict[tuple[str, str], list[float]] = {}
    for answer in answers:
        if answer.score is not None:
            found.setdefault((answer.pid, answer.model), []).append(answer.score)
    models = sorted({model for _, model in found})
    whole = [model for model in models if all((prompt.pid, model) in found for prompt in used)]
    if len(whole) < len(models):
        warnings.append(
            f"{', '.join(set(models) - set(whole))}: not every prompt is scored, so no measure of difficulty"
        )
    if not whole:
        return None
    return np.array([[float(np.mean(found[prompt.pid, model])) for model in whole] for prompt in used])


def _warn_of_difficulty(before: Doubles, on_topic: Flags, warnings: list[str]) -> None:
    target, control = float(before[on_topic].mean()), float(before[~on_topic].mean())
    if abs(target - control) > DIFFICULTY:
        warnings.append(
            f"the control is not as hard as the topic: the reference scores {target:.2f} on the topic and "
            f"{control:.2f} on the control; match them to within {DIFFICULTY}"
        )


def profiled(sides: Sides, pids: Sequence[str], profile: Profile) -> tuple[Profiles, Profiles]:
    """Each prompt's mean profiles (P, F) per family, of the reference and of the endpoint."""
    before, after = (_side_profiles([sides[pid][place] for pid in pids], profile) for place in (0, 1))
    return before, after


def _side_profiles(answered: Sequence[Sequence[Answer]], profile: Profile) -> Profiles:
    counts = np.array([len(own) for own in answered], dtype=np.float64)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.intp)
    every = profile([answer.text for own in answered for answer in own])
    return tuple(np.add.reduceat(family, starts, axis=0) / counts[:, None] for family in every)
