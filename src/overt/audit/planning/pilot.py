"""A pilot: answers of both sides to some prompts, from which a planner learns how large a change like it looks.

It is read from two files of answers, as `overt audit test` reads them, and holds one pair per prompt: the first answer
of each side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from overt.audit.rows import Answer
from overt.audit.stats.paired import differences, grams
from overt.audit.stats.power import Floats, Grams
from overt.errors import BadRequest

MOST_PAIRS: Final = 2000
"""More pairs say little more, and their products take memory with their square."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Pilot:
    """Pairs of answers, in the order of their pids: texts (reference, endpoint), and the differences of scores (P,)
    where both sides are scored throughout."""

    pids: tuple[str, ...]
    texts: tuple[tuple[str, str], ...]
    differences: Floats | None


def pilot_of(reference: tuple[Answer, ...], endpoint: tuple[Answer, ...]) -> Pilot:
    """The pairs of two sides; `BadRequest` if they have no prompt in common."""
    before, after = _first(reference), _first(endpoint)
    pids = sorted(before.keys() & after.keys())[:MOST_PAIRS]
    if not pids:
        raise BadRequest("the two files of the pilot have no pid in common: give answers to the same prompts")
    pairs = [(before[pid], after[pid]) for pid in pids]
    scores = [(old.score, new.score) for old, new in pairs]
    known = [(old, new) for old, new in scores if old is not None and new is not None]
    return Pilot(
        pids=tuple(pids),
        texts=tuple((old.text, new.text) for old, new in pairs),
        differences=np.array([new - old for old, new in known]) if len(known) == len(pairs) else None,
    )


def grams_of(texts: tuple[tuple[str, str], ...]) -> Grams:
    """(K, P, P): the products of the pairs' differences under each kernel of the paired test."""
    reference, endpoint = zip(*texts, strict=True)
    return np.stack(list(grams(differences(reference, endpoint)).values())).astype(np.float32)


def _first(answers: tuple[Answer, ...]) -> dict[str, Answer]:
    """The first answer to each prompt; of several models there is no first."""
    models = sorted({answer.model for answer in answers})
    if len(models) > 1:
        raise BadRequest(
            f"a side of the pilot is one model's, found {', '.join(map(repr, models[:5]))}: split the file"
        )
    return {answer.pid: answer for answer in reversed(answers)}
