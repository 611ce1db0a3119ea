"""The cheapest track: log probabilities of one token, where an endpoint tells them (Chauvin et al. 2025, "LT").

A prompt of one letter is sent, one token is asked for, with its k likeliest alternatives. A fine-tuning step, another
precision or another model moves these numbers at once, long before it moves texts.

* `logprob_test`: two sets of calls. Statistic: for every prompt the mean over tokens of the absolute difference of the
  mean log probabilities, in nats, averaged over prompts. Null: the calls to a prompt are exchangeable between the sets;
  they are shuffled within prompts, and p = (1 + #{T_b >= T_0}) / (B + 1). Calls of one day share hardware and batches:
  between two days this test finds harmless differences too.
* `watch_logprobs`: days. Each gives one number, and only days are compared with days (`overt.audit.stats.days`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from overt.audit.stats.betting import Wealth
from overt.audit.stats.days import BLOCK, watch_blocks, watch_days
from overt.audit.stats.draws import evidence_of, p_of, shuffles, smallest_p
from overt.audit.stats.many import mean_process
from overt.errors import BadRequest

Floats = NDArray[np.float64]
Call: TypeAlias = Mapping[str, float]
"""The log probabilities of one call: token to nats, the k likeliest."""
Calls: TypeAlias = Mapping[str, Sequence[Call]]
"""Calls by prompt."""

LEAST_NATS: Final = 0.001
"""Added to the standard deviation of days: days that were all alike prove no certainty."""
FLOOR: Final = -100.0
"""Servers write -9999 or minus infinity for "not at all"."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LogprobTest:
    """What came of a test. ``statistic`` is in nats. ``smallest_p`` is what so few calls could have given at best."""

    p_value: float
    e_value: float
    statistic: float
    prompts: int
    reference: int
    """Calls of the reference."""
    endpoint: int
    draws: int
    smallest_p: float


def read_top_logprobs(body: str, place: int = 0) -> dict[str, float] | None:
    """The alternatives of the token at ``place`` in a chat completion's body as text; None where it tells none.

    Tokens with equal bytes are one token; the token that was chosen is always among them.
    """
    try:
        token = json.loads(body)["choices"][0]["logprobs"]["content"][place]
        alternatives = [*token.get("top_logprobs", ()), token]
        found = [(_name(each), each["logprob"]) for each in alternatives]
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None
    numbers = {name: max(float(value), FLOOR) for name, value in found if _is_number(value) and isinstance(name, str)}
    return numbers or None


def logprob_test(reference: Calls, endpoint: Calls, *, draws: int = 999, seed: int = 0) -> LogprobTest:
    """Are the calls of both sides draws of one thing? Over the prompts that both were asked."""
    shared = _shared(reference, endpoint)
    if draws < 1:
        raise BadRequest(f"a permutation test needs at least 1 draw, found {draws!r}")
    shapes = tuple((1, len(reference[prompt]), len(endpoint[prompt])) for prompt in shared)
    tables = [_centred(table([*reference[prompt], *endpoint[prompt]])) for prompt in shared]
    statistics = np.concatenate([_statistics(marks, tables) for marks in shuffles(shapes, draws, seed)])
    p_value = p_of(statistics)
    return LogprobTest(
        p_value=p_value,
        e_value=evidence_of(p_value),
        statistic=float(statistics[0]),
        prompts=len(shared),
        reference=sum(shape[1] for shape in shapes),
        endpoint=sum(shape[2] for shape in shapes),
        draws=draws,
        smallest_p=smallest_p(shapes, draws),
    )


def change_of_logprobs(reference: Calls, day: Calls) -> float:
    """The statistic of the test, in nats: 0 where both sides are alike on average."""
    shared = _shared(reference, day)
    found = []
    for prompt in shared:
        both = table([*reference[prompt], *day[prompt]])
        before = len(reference[prompt])
        found.append(float(np.abs(both[:before].mean(0) - both[before:].mean(0)).mean()))
    return float(np.mean(found))


def watch_logprobs(reference: Calls, days: Sequence[Calls], least_nats: float = LEAST_NATS) -> Wealth:
    """The day monitor on `change_of_logprobs`, by day and by blocks of three days: the mean of both.

    Every day must hold as many calls to every prompt as the first: a distance from fewer calls is larger by itself.
    """
    counts = [{prompt: len(calls) for prompt, calls in day.items()} for day in days]
    odd = [number for number, each in enumerate(counts) if each != counts[0]]
    if odd:
        raise BadRequest(f"day {odd[0]!r} has other prompts or numbers of calls than the first: leave it out")
    blocks = [_pooled(days[start : start + BLOCK]) for start in range(0, len(days) - BLOCK + 1, BLOCK)]
    by_day = np.array([change_of_logprobs(reference, day) for day in days])
    by_block = np.array([change_of_logprobs(reference, block) for block in blocks])
    return mean_process(
        [watch_days(by_day, least_nats), watch_blocks(by_block, BLOCK, len(days), least_nats)],
    )


def table(calls: Sequence[Call]) -> Floats:
    """(calls, tokens): every token that any call told; where a call did not, the smallest that this call told."""
    if not calls or not all(calls):
        raise BadRequest("a call without log probabilities cannot be compared: leave it out, and count such calls")
    tokens = sorted({token for call in calls for token in call})
    rows = [[call.get(token, smallest) for token in tokens] for call, smallest in _with_smallest(calls)]
    found = np.array(rows, dtype=np.float64)
    if not np.all(np.isfinite(found)):
        raise BadRequest(f"log probabilities must be finite numbers, found {found[~np.isfinite(found)][0]!r}")
    return found


def _with_smallest(calls: Sequence[Call]) -> Iterator[tuple[Call, float]]:
    return ((call, min(call.values())) for call in calls)


def _centred(both: Floats) -> Floats:
    return np.asarray(both - both.mean(0), dtype=np.float64)


def _statistics(marks: tuple[NDArray[np.bool_], ...], tables: Sequence[Floats]) -> Floats:
    """The statistic of every draw: marks say which calls are the reference's, (draws, 1, calls) for every prompt."""
    total = np.zeros(len(marks[0]))
    for mark, both in zip(marks, tables, strict=True):
        is_reference = mark[:, 0, :].astype(np.float64)
        before = is_reference.sum(1, keepdims=True)
        # Of centred columns the endpoint's sum is the reference's with the other sign.
        gap = np.abs(is_reference @ both) * (1 / before + 1 / (both.shape[0] - before))
        total += gap.mean(1)
    return total / len(tables)


def _shared(reference: Calls, endpoint: Calls) -> list[str]:
    shared = sorted(prompt for prompt in reference if reference[prompt] and endpoint.get(prompt))
    if not shared:
        raise BadRequest("no prompt has calls on both sides: send the same prompts to both")
    return shared


def _pooled(days: Sequence[Calls]) -> Calls:
    return {prompt: [call for day in days for call in day[prompt]] for prompt in days[0]}


def _name(entry: Mapping[str, Any]) -> Any:
    """Tokens are told apart by their bytes where a server gives them: pieces of one letter look alike as text."""
    raw = entry.get("bytes")
    if isinstance(raw, list) and all(isinstance(each, int) and 0 <= each < 256 for each in raw):
        return bytes(raw).hex()
    return entry["token"]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
