"""What an endpoint says about itself, held against what it said before: facts and their rows, without probabilities.

Exact, at no cost, and before any statistics: a response that names another model is no hypothesis. Five tracks:

1. *Served model*: a name that was not seen before, or no name any more.
2. *Prompt tokens*: the same request, byte for byte, is counted differently than at first. The same difference on all
   requests looks like an instruction that was put before them; different ones, like another tokenizer.
3. ``system_fingerprint``: a new value. Providers change it with every deployment, so it is a note.
4. *Provider* of a router: a new one answers. A note, since routers route.
5. *Latency*: the median of a day far from the first day's. Weak: it moves with load.

A finding of tracks 1 and 2 is a fact about the responses. Why it came about is not for us to say.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

from overt.errors import BadRequest

MOST_ROWS: Final = 20
"""Rows of evidence that a finding shows; it counts the others."""
LEAST_CALLS: Final = 20
"""In a day, before its median latency is compared."""
LATENCY_FACTOR: Final = 3.0
BOUNDARY_TEXTS: Final = (
    "a",
    " " * 16,
    "\n\n\n\n\t\t\t\t",
    "1234567890123456789012345678901234567890",
    "3.14159265358979 2.71828182845904",
    "antidisestablishmentarianism floccinaucinihilipilification",
    "SCREAMING_SNAKE_CASE camelCaseIdentifier kebab-case-name",
    "if (x != null && y[i] >= 0) { return x->y[i]++; }",
    "naïve façade Übergröße smørrebrød žluťoučký kůň",
    "Съешь же ещё этих мягких французских булок",
    "色は匂へど散りぬるを 我が世誰ぞ常ならむ",
    "敏捷的棕色狐狸跳过懒狗",
    "नमस्ते दुनिया مرحبا بالعالم שלום עולם",
    "👩🏽‍🚀🏳️‍🌈🇺🇳 ½ ℵ₀ ∑ ≠ ⇒",
)
"""Texts on which tokenizers disagree about the number of tokens. The first is the one that the others are held
against, so that an instruction before all of them cancels out."""


class Kind(StrEnum):
    """What changed."""

    SERVED = "served model changed"
    UNTOLD = "served model no longer told"
    TOKENS = "prompt tokens changed"
    FINGERPRINT = "system fingerprint changed"
    PROVIDER = "provider changed"
    LATENCY = "latency moved"

    @property
    def is_fact(self) -> bool:
        """Whether it says by itself that the endpoint changed. The others are notes."""
        return self in (Kind.SERVED, Kind.TOKENS)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one response says about itself. None: it does not say. ``at`` is RFC 3339; ``number`` is the record's.

    ``prompt_tokens`` counts all that was read, cached or not. ``request`` is the body that was sent, or its digest.
    """

    number: int
    at: str
    request: str
    served: str | None = None
    fingerprint: str | None = None
    provider: str | None = None
    prompt_tokens: int | None = None
    total_ms: int | None = None
    first_byte_ms: int | None = None
    output_tokens: int | None = None

    @property
    def day(self) -> str:
        """The date, in UTC as records have it."""
        return self.at[:10]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One response: what it said, and what was said before."""

    number: int
    at: str
    was: str
    now: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """One finding. ``rows`` are the first ones, of ``count`` in all; ``since`` is when the first of them left."""

    kind: Kind
    said: str
    since: str
    count: int
    rows: tuple[Evidence, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfReplies:
    """One day in figures. Latencies in milliseconds: median and 90th percentile; None where nothing was measured."""

    day: str
    replies: int
    served: Mapping[str, int]
    """Names to how often; "" where none was told."""
    fingerprints: Mapping[str, int]
    providers: Mapping[str, int]
    median_ms: float | None
    slow_ms: float | None
    first_byte_ms: float | None
    ms_per_token: float | None


def metadata_findings(replies: Iterable[Reply], known: Iterable[Reply] = ()) -> tuple[Noted, ...]:
    """What changed, the facts first. Against ``known`` where it holds something, else against the first day."""
    ordered = sorted(replies, key=lambda reply: (reply.at, reply.number))
    before, after = list(known), ordered
    if ordered and not before:
        before = [reply for reply in ordered if reply.day == ordered[0].day]
        after = [reply for reply in ordered if reply.day != ordered[0].day]
    found = [
        *_new_names(before, after),
        *_untold(before, after),
        *_tokens([*sorted(before, key=lambda reply: (reply.at, reply.number)), *after]),
        *_new(Kind.FINGERPRINT, lambda reply: reply.fingerprint, before, after),
        *_new(Kind.PROVIDER, lambda reply: reply.provider, before, after),
        *_latency(before, after),
    ]
    return tuple(sorted(found, key=lambda each: (not each.kind.is_fact, each.since)))


def days_of_replies(replies: Iterable[Reply]) -> tuple[DayOfReplies, ...]:
    """The figures of every day, in time order."""
    days: dict[str, list[Reply]] = defaultdict(list)
    for reply in replies:
        days[reply.day].append(reply)
    return tuple(_day(day, days[day]) for day in sorted(days))


def quantile(values: Sequence[float], share: float) -> float | None:
    """The value below which ``share`` of the values lie, between neighbours linearly; None of none."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def tokenizer_of(counts: Sequence[int]) -> tuple[int, ...]:
    """The signature of a tokenizer: tokens of the boundary texts less those of the first, whatever stands before them.

    ``counts`` are the prompt tokens of `BOUNDARY_TEXTS`, in their order. Equal signatures prove nothing; different ones
    prove that tokens are counted differently.
    """
    if len(counts) != len(BOUNDARY_TEXTS):
        raise BadRequest(f"expected the tokens of {len(BOUNDARY_TEXTS)} boundary texts, found {len(counts)!r}")
    return tuple(count - counts[0] for count in counts[1:])


# --- tracks ----------------------------------------------------------------------------------------------------------


def _new_names(before: Sequence[Reply], after: Sequence[Reply]) -> list[Noted]:
    """Also within the first day: a second name among what we start from is no change, a name after it is."""
    return _new(Kind.SERVED, lambda reply: reply.served, before, after)


def _new(
    kind: Kind, told: Callable[[Reply], str | None], before: Sequence[Reply], after: Sequence[Reply]
) -> list[Noted]:
    known = Counter(name for reply in before if (name := told(reply)) is not None)
    if not known:
        return []
    was = ", ".join(sorted(known))
    fresh: dict[str, list[Reply]] = defaultdict(list)
    for reply in after:
        name = told(reply)
        if name is not None and name not in known:
            fresh[name].append(reply)
    total = sum(1 for reply in after if told(reply) is not None)
    return [
        _noted(kind, f"{name!r} in {len(rows):,} of {total:,} responses; before it was {was}", rows, was, name)
        for name, rows in fresh.items()
    ]


def _untold(before: Sequence[Reply], after: Sequence[Reply]) -> list[Noted]:
    """Absent is not zero: where every response named its model and now some do not, one cannot tell."""
    if not before or any(reply.served is None for reply in before):
        return []
    rows = [reply for reply in after if reply.served is None]
    if not rows:
        return []
    said = f"{len(rows):,} of {len(after):,} responses name no model, as all did before"
    return [_noted(Kind.UNTOLD, said, rows, "a name", "none")]


def _tokens(ordered: Sequence[Reply]) -> list[Noted]:
    """Against the first count of the same request, one finding for each difference."""
    first: dict[str, int] = {}
    asked: Counter[str] = Counter()
    changed: dict[int, list[tuple[Reply, int]]] = defaultdict(list)
    for reply in ordered:
        if reply.prompt_tokens is None:
            continue
        was = first.setdefault(reply.request, reply.prompt_tokens)
        asked[reply.request] += 1
        if reply.prompt_tokens != was:
            changed[reply.prompt_tokens - was].append((reply, was))
    repeated = sum(1 for count in asked.values() if count > 1)
    return [_difference(difference, rows, repeated) for difference, rows in changed.items()]


def _difference(difference: int, rows: Sequence[tuple[Reply, int]], repeated: int) -> Noted:
    requests = len({reply.request for reply, _ in rows})
    everywhere = (
        ", as an instruction put before all of them would" if requests == repeated > 1 and difference > 0 else ""
    )
    said = (
        f"{requests:,} of {repeated:,} requests that were sent more than once count {difference:+,} tokens, "
        f"byte for byte the same{everywhere}"
    )
    evidence = tuple(
        Evidence(number=reply.number, at=reply.at, was=str(was), now=str(reply.prompt_tokens))
        for reply, was in rows[:MOST_ROWS]
    )
    return Noted(kind=Kind.TOKENS, said=said, since=rows[0][0].at, count=len(rows), rows=evidence)


def _latency(before: Sequence[Reply], after: Sequence[Reply]) -> list[Noted]:
    base = [float(reply.total_ms) for reply in before if reply.total_ms is not None]
    usual = quantile(base, 0.5)
    if len(base) < LEAST_CALLS or not usual:
        return []
    found = []
    for each in days_of_replies(after):
        measured = [reply for reply in after if reply.day == each.day and reply.total_ms is not None]
        if len(measured) < LEAST_CALLS or each.median_ms is None:
            continue
        if usual / LATENCY_FACTOR < each.median_ms < usual * LATENCY_FACTOR:
            continue
        said = f"median {each.median_ms:,.0f} ms on {each.day}, {usual:,.0f} ms before (weak: it moves with load)"
        found.append(_noted(Kind.LATENCY, said, measured, f"{usual:.0f} ms", f"{each.median_ms:.0f} ms"))
    return found[:1]


def _noted(kind: Kind, said: str, rows: Sequence[Reply], was: str, now: str) -> Noted:
    evidence = tuple(Evidence(number=row.number, at=row.at, was=was, now=now) for row in rows[:MOST_ROWS])
    return Noted(kind=kind, said=said, since=rows[0].at, count=len(rows), rows=evidence)


def _day(day: str, replies: Sequence[Reply]) -> DayOfReplies:
    total = [float(reply.total_ms) for reply in replies if reply.total_ms is not None]
    first = [float(reply.first_byte_ms) for reply in replies if reply.first_byte_ms is not None]
    paced = [reply.total_ms / reply.output_tokens for reply in replies if reply.total_ms and reply.output_tokens]
    return DayOfReplies(
        day=day,
        replies=len(replies),
        served=Counter(reply.served or "" for reply in replies),
        fingerprints=Counter(reply.fingerprint for reply in replies if reply.fingerprint is not None),
        providers=Counter(reply.provider for reply in replies if reply.provider is not None),
        median_ms=quantile(total, 0.5),
        slow_ms=quantile(total, 0.9),
        first_byte_ms=quantile(first, 0.5),
        ms_per_token=quantile(paced, 0.5),
    )
