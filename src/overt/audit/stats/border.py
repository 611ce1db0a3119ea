"""Border inputs: one-token prompts on whose first token a model cannot decide (Chauvin et al. 2026, "B3IT").

At temperature 0 most prompts have one answer. A few stand on a border between two, and there the smallest change of a
model, its precision or its template moves how often either comes. Finding them costs calls once; watching them is cheap
and needs no log probabilities. It fails on reasoning models and where temperature cannot be set.

1. `on_the_border`: of many one-token prompts, 3 calls each, keep those with two different answers or more.
2. Ask each of them 100 times: the reference.
3. `most_balanced`: keep the 20 whose second answer is most nearly as common as the first.
4. Every day 10 calls each. `watch_border` compares days with days and never takes calls of one day for independent
   draws: endpoints differ from day to day by themselves, and tests that ignore it accuse unchanged ones.

Choosing by the reference biases its frequencies by the same for all days, so days stay comparable with each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from overt.audit.stats.betting import Wealth
from overt.audit.stats.days import BLOCK, Day, Settled, change_of_texts, pooled, settled, watch_blocks, watch_days
from overt.audit.stats.many import mean_process
from overt.errors import BadRequest

Floats = NDArray[np.float64]

TRIES: Final = 3
"""Calls for each prompt at discovery."""
REFERENCE_DRAWS: Final = 100
KEPT: Final = 20
DAILY_DRAWS: Final = 10


def on_the_border(answers: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The prompts, in order, to which at least two different first tokens came."""
    return tuple(prompt for prompt, tokens in answers.items() if len(set(tokens)) >= 2)


def balance(tokens: Sequence[str]) -> float:
    """How often the second commonest answer came for once of the commonest: 0 never, 1 as often."""
    if not tokens:
        raise BadRequest("a prompt without an answer has no balance: ask it again, or leave it out")
    counts = [count for _, count in Counter(tokens).most_common(2)]
    return counts[1] / counts[0] if len(counts) == 2 else 0.0


def most_balanced(reference: Day, most: int = KEPT) -> Day:
    """The reference of the ``most`` most balanced prompts; of equal ones those that come first by name."""
    ranked = sorted(reference, key=lambda prompt: (-balance(reference[prompt]), prompt))
    kept = [prompt for prompt in ranked[:most] if balance(reference[prompt]) > 0]
    if not kept:
        raise BadRequest("no prompt has two answers: ask more one-token prompts at temperature 0, or use another track")
    return {prompt: tuple(reference[prompt]) for prompt in kept}


def distances(reference: Day, days: Sequence[Day]) -> Floats:
    """S_t for every day: the mean over its prompts of the total variation between its answers and the reference's."""
    found = [change_of_texts({prompt: reference[prompt] for prompt in day}, day) for day in days]
    return np.array(found, dtype=np.float64)


def watch_border(reference: Day, days: Sequence[Day]) -> Wealth:
    """The e-process of days in time order, by day and by blocks of three days: the mean of both.

    Null: days are exchangeable, their distances about normal (`overt.audit.stats.days`). Days must come from
    `days.settled`, as `watch_first_tokens` has it: a distance from fewer answers is larger by itself.
    """
    blocks = [pooled(days[start : start + BLOCK]) for start in range(0, len(days) - BLOCK + 1, BLOCK)]
    by_block = watch_blocks(distances(reference, blocks), BLOCK, len(days))
    return mean_process([watch_days(distances(reference, days)), by_block])


def watch_first_tokens(reference: Day, days: Sequence[Day]) -> tuple[Settled, Wealth]:
    """Steps 3 and 4 on what was collected: the days and prompts that can be compared, and the e-process on them."""
    chosen = settled(most_balanced(reference), days)
    return chosen, watch_border(chosen.reference, chosen.days)
