"""In which order a plan's calls are made: decided by its seed alone, so that anybody can work it out again.

1. A *unit* is one prompt at one repetition. It asks all routes at the same time, in an order drawn for the unit: what
   is compared was asked in the same minute, and no route is always the first.
2. Repetitions are rounds: every prompt is asked once before any is asked again, so a run that ends early has all
   prompts.
3. In a round, a prompt and its matched control (a ``pair``) are neighbours, and the topics are spread evenly: each
   part of the round holds every topic in its share of the whole. A slow change of an endpoint meets all topics alike.

The draws are SHA-256 of what they are about: the same on every machine and in every version of Python.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from overt.audit.plan import Plan
from overt.audit.rows import Prompt
from overt.proof import canonical

SPAN: Final = 2**64

Together: TypeAlias = tuple[Prompt, ...]
"""Prompts that are asked as neighbours."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One prompt at one repetition, and its routes in the order in which they are asked."""

    prompt: Prompt
    rep: int
    routes: tuple[str, ...]


def units_of(plan: Plan) -> tuple[Unit, ...]:
    """Every call of a plan, as units in their order."""
    neighbours = _neighbours(plan.prompts)
    names = [route.name for route in plan.routes]
    return tuple(
        Unit(prompt=prompt, rep=rep, routes=tuple(_shuffled(names, plan.seed, rep, "routes", prompt.pid)))
        for rep in range(plan.samples)
        for prompt in _round(neighbours, plan.seed, rep)
    )


def _neighbours(prompts: Sequence[Prompt]) -> list[Together]:
    found: dict[tuple[str, str], list[Prompt]] = defaultdict(list)
    for prompt in prompts:
        found["prompt" if prompt.pair is None else "pair", prompt.pair or prompt.pid].append(prompt)
    return [tuple(together) for together in found.values()]


def _round(neighbours: Sequence[Together], seed: int, rep: int) -> Iterator[Prompt]:
    """One repetition: the n-th of m neighbours of one kind stands somewhere in the n-th of m parts of the round."""
    kinds: dict[tuple[str, ...], list[Together]] = defaultdict(list)
    for together in neighbours:
        kinds[tuple(sorted(prompt.topic for prompt in together))].append(together)
    placed: list[tuple[float, int, Together]] = []
    for kind in kinds.values():
        drawn = sorted(kind, key=lambda each: _draw(seed, rep, "rank", each[0].pid))
        for rank, together in enumerate(drawn):
            place = _draw(seed, rep, "place", together[0].pid)
            placed.append(((rank + place / SPAN) / len(drawn), place, together))
    for _, _, together in sorted(placed, key=lambda each: each[:2]):
        names = _shuffled([prompt.pid for prompt in together], seed, rep, "pair", together[0].pid)
        yield from sorted(together, key=lambda prompt: names.index(prompt.pid))


def _shuffled(names: Sequence[str], seed: int, rep: int, what: str, about: str) -> list[str]:
    return sorted(names, key=lambda name: _draw(seed, rep, what, about, name))


def _draw(seed: int, *about: str | int) -> int:
    """A number below `SPAN`, evenly drawn."""
    return int.from_bytes(hashlib.sha256(canonical.encode([str(seed), *about])).digest()[:8])
