"""Stage 1 as a `Classifier`: the linear model over every reading of every part of a request that decides.

Per reading: the highest calibrated probability over its windows and views, topic and bands of one window together.
Discounts (tool results, decoded text) are taken from the logit of the final probability. Over readings: the highest.
A plain text (`overt.classify.views.suspicion`), as most requests are, is read without mapping and comparing views.
Scores of a text are kept in a bounded cache under its SHA-256, so long conversations cost only what is new in them.
A fault becomes `Unavailable` for every domain, with its reason: never a probability, never an exception.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from math import inf, isfinite
from typing import Final, final

import numpy as np

from overt.classify.features import Tokens, tokens, where, windows, words
from overt.classify.gist import several, without_small_talk
from overt.classify.memory import Memory
from overt.classify.model import MILLION, Counted, Floats, Model, Told
from overt.classify.turns import Reading, readings
from overt.classify.views import MUST_RISE, View, views
from overt.core.domain import DOMAINS, Domain
from overt.core.finding import Assessment, Finding, Release, Stage, Trigger, Unavailable
from overt.core.request import Request, Role, Segment

CACHED_TEXTS: Final = 4_096
SHORT: Final = 500
"""Characters up to which a lone plain turn is scored whenever it comes: to keep what was found costs more."""
LONG: Final = 12_000
"""Characters (some 2,000 words) from which scoring leaves the event loop for a thread."""

TRIGGER_FLOOR: Final = 0.01
"""Below this topic probability nothing contributed enough to be pointed at."""

TRIGGER_SHARE: Final = 0.6
"""A trigger is the shortest run of words that holds this share of the positive contribution in its window."""
GROWING_SHARES: Final = (0.4, 0.6, 0.8, 0.95)
"""The shares that are tried until a decision turns without the run."""

STAGE1: Final = "stage1"
_STAGES: Final = (STAGE1,)
_TOPIC: Final = 0
_HIGH: Final = 2
_NOWHERE: Final = (None,) * len(DOMAINS)

Span = tuple[int, int]
Spans = tuple[Span | None, ...]


@final
@dataclass(frozen=True, slots=True)
class ScoredView:
    """One view of a text, its words, and the uncalibrated logits of each window (for training and calibration)."""

    view: View
    tokens: Tokens
    logits: Floats


@final
@dataclass(frozen=True, slots=True)
class Scored:
    """What was found in a text: probabilities (4 domains, 4 outputs), a span per domain, characters not read."""

    probabilities: Floats
    spans: Spans
    unread: int


@final
class Stage1:
    """The shipped classifier. Safe to call from several threads and tasks."""

    def __init__(self, model: Model, *, alone: bool = True) -> None:
        """``alone``: whether its findings may be acted on. Where another stage is asked first, no trigger is sought
        until then: on ordinary requests that would double the cost of this one. But every sentence is heard by itself
        too, so that what stands around a request does not keep the other stage from reading it."""
        self._model = model
        self._alone = alone
        self._floor = TRIGGER_FLOOR if alone else inf
        self._kept: Memory[Scored] = Memory(CACHED_TEXTS)

    @property
    def release(self) -> Release:
        """Which weights speak."""
        return self._model.release

    async def assess(self, request: Request) -> Assessment:
        """As `overt.ports.Classifier.assess`."""
        return await asyncio.to_thread(self.assess_now, request) if is_long(request) else self.assess_now(request)

    def assess_now(self, request: Request) -> Assessment:
        """The same, at once."""
        try:
            findings = self._findings(request)
        except Exception as fault:  # noqa: BLE001  the port promises that no fault becomes an exception
            findings = faulty(STAGE1, fault)
        return Assessment(stage=Stage.REQUEST, release=self.release, findings=findings)

    def unread(self, request: Request) -> int:
        """How many characters of what decides were over the declared cap and not read."""
        return sum(self.score(reading.text).unread for reading in readings(request.segments))

    def score_views(self, text: str) -> tuple[ScoredView, ...]:
        """Every view of a text with its uncalibrated logits."""
        return tuple(self._view(view) for view in views(text))

    def sentences(self, scored: ScoredView) -> list[tuple[Span, Floats]]:
        """The sentences of a view with words in them, with their calibrated probabilities (domains, outputs). None
        where there is but one."""
        text = scored.view.mapped.text
        said = [(span, words(text[slice(*span)])) for span in several(text)]
        return [
            (span, self._model.probabilities(self._model.logits(found)).max(axis=0)) for span, found in said if found
        ]

    def without(self, scored: ScoredView, spans: Sequence[Span], kept: Sequence[bool]) -> ScoredView:
        """A view without the sentences that are not kept."""
        return self._view(replace(scored.view, mapped=without_small_talk(scored.view.mapped, spans, kept)))

    def probabilities(self, logits: Floats) -> Floats:
        """Calibrated and ordered: shape (windows, 4 domains, 4 outputs)."""
        return self._model.probabilities(logits)

    def silence(self) -> Floats:
        """The probabilities (domains, outputs) of a text without a word."""
        return self._model.nothing()

    def growing_spans(self, text: str, place: int) -> list[tuple[int, int]]:
        """Spans of a text that hold ever more of what speaks for a domain, ending with the whole deciding window."""
        seen = [self._view(view) for view in views(text)]
        spoken = [each for each in seen if len(each.tokens)]
        if not spoken:
            return []
        by_window = [discounted(self._model.probabilities(v.logits), v.view.discount) for v in spoken]
        _, chosen = best_views([view.view.must_rise for view in spoken], by_window)
        scored, deciding = spoken[chosen[place]], by_window[chosen[place]]
        low, high = windows(len(scored.tokens))[_deciding_window(deciding, place)]
        speaks = self._model.speaks(self._model.window(scored.tokens.words[low:high]), place)
        spans = (_span(scored, low, speaks, share) for share in GROWING_SHARES)
        whole = scored.view.mapped.original(scored.tokens.starts[low], scored.tokens.ends[high - 1])
        return list(dict.fromkeys([*(span for span in spans if span is not None), whole, (0, len(text))]))

    def _view(self, view: View) -> ScoredView:
        found = tokens(view.mapped.text)
        return ScoredView(view, found, self._model.logits(found.words))

    def _findings(self, request: Request) -> tuple[Finding | Unavailable, ...]:
        only = only_turn(request.segments)
        if only is not None:
            return self._findings_of_turn(only, request.segments[only])
        scored = [(reading, self.score(reading.text)) for reading in readings(request.segments)]
        return tuple(self._finding(place, domain, scored, request) for place, domain in enumerate(DOMAINS))

    def _findings_of_turn(self, number: int, segment: Segment) -> tuple[Finding | Unavailable, ...]:
        """The findings of a request whose only reading is all of one segment."""
        text = segment.text
        plain = self._read_plain(text) if len(text) <= SHORT else None
        if plain is not None:
            told, spans = plain
            return tuple(
                [
                    Finding(
                        domain=domain,
                        topic=topic,
                        low_dual=low_dual,
                        high_dual=high_dual,
                        prohibited=prohibited,
                        trigger=None if span is None else _trigger(number, segment, span),
                        stages=_STAGES,
                    )
                    for domain, (topic, low_dual, high_dual, prohibited), span in zip(DOMAINS, told, spans, strict=True)
                ]
            )
        scored = self.score(text)
        triggers = [None if span is None else _trigger(number, segment, span) for span in scored.spans]
        return tuple(map(as_finding, DOMAINS, scored.probabilities, triggers))

    def _finding(
        self, place: int, domain: Domain, scored: Sequence[tuple[Reading, Scored]], request: Request
    ) -> Finding | Unavailable:
        if not scored:
            return as_finding(domain, self._model.nothing()[place], None)
        found = [discounted(each.probabilities[place], reading.discount) for reading, each in scored]
        best = max(range(len(found)), key=lambda i: _weight(found[i]))
        reading, deciding = scored[best]
        return as_finding(domain, np.max(found, axis=0), trigger_at(reading, deciding.spans[place], request))

    def score(self, text: str) -> Scored:
        """What is found in a text. Kept, so that long conversations cost only what is new in them."""
        key = sha256(text.encode("utf-8", "surrogatepass")).digest()
        return self._kept.get(key, lambda: self._score_afresh(text))

    def _score_afresh(self, text: str) -> Scored:
        plain = self._read_plain(text)
        if plain is not None:
            return Scored(np.array(plain[0], np.float32), plain[1], 0)
        seen = [self._view(view) for view in views(text)]
        unread = seen[0].view.mapped.unread
        spoken = [each for each in seen if len(each.tokens)]
        if not spoken:
            return Scored(self._model.nothing(), _NOWHERE, unread)
        by_window = [discounted(self._model.probabilities(v.logits), v.view.discount) for v in spoken]
        probabilities, chosen = best_views([view.view.must_rise for view in spoken], by_window)
        if not self._alone:
            said = (heard for view in spoken for _, heard in self.sentences(view) if not view.view.must_rise)
            probabilities = np.maximum.reduce([probabilities, *said])
        spans = self.spans([(spoken[number], by_window[number]) for number in chosen], probabilities, self._floor)
        return Scored(probabilities, spans, unread)

    def spans(
        self, chosen: Sequence[tuple[ScoredView, Floats]], probabilities: Floats, floor: float = TRIGGER_FLOOR
    ) -> Spans:
        """Per domain the span that decided, in the text as it was sent. Domains often share a window."""
        spans: list[Span | None] = []
        given: dict[tuple[int, int], Counted] = {}
        for place, (scored, by_window) in enumerate(chosen):
            if probabilities[place, _TOPIC] < floor:
                spans.append(None)
                continue
            low, high = windows(len(scored.tokens))[_deciding_window(by_window, place)]
            key = (id(scored), low)
            if key not in given:
                given[key] = self._model.window(scored.tokens.words[low:high])
            spans.append(_span(scored, low, self._model.speaks(given[key], place)))
        return tuple(spans)

    def _read_plain(self, text: str) -> tuple[Sequence[Told], Spans] | None:
        """What is found in a plain text. None of any other, and where the weights give something that is not a number:
        then it is read in full, which says in which domains."""
        known = self._model.plain(text)
        if known is None:
            return None
        ranges = windows(len(known))
        counted = [self._model.counted(known[low:high]) for low, high in ranges]
        try:
            by_window = list(map(self._model.told, counted))
            if not self._alone:
                by_window.extend(self._told_by_sentence(text))
        except ValueError:
            return None
        told = by_window[0] if len(by_window) == 1 else _highest(by_window)
        if self._floor > 1.0:
            return told, _NOWHERE
        places = [place for place, outputs in enumerate(told) if outputs[_TOPIC] >= self._floor]
        if not places:
            return told, _NOWHERE
        spans: list[Span | None] = [None] * len(DOMAINS)
        stand = where(text, len(known))
        for place in places:
            window = _loudest(by_window, place)
            run = shortest_run(self._model.speaks(counted[window], place), TRIGGER_SHARE)
            low, _ = ranges[window]
            spans[place] = None if run is None else (stand[low + run[0]][0], stand[low + run[1] - 1][1])
        return told, tuple(spans)

    def _told_by_sentence(self, text: str) -> Iterator[list[Told]]:
        """What each sentence of a plain text says by itself."""
        for start, end in several(text):
            known = self._model.known(text[start:end])
            for low, high in windows(len(known)):
                yield self._model.told(self._model.counted(known[low:high]))


def discounted(probabilities: Floats, discount: float) -> Floats:
    """Probabilities whose logits are less by ``discount``."""
    if discount == 0.0:
        return probabilities
    factor = np.exp(-np.float32(discount))
    lower: Floats = probabilities * factor / (1.0 - probabilities + probabilities * factor)
    return lower


def shortest_run(values: Sequence[float], share: float) -> tuple[int, int] | None:
    """The shortest range that holds ``share`` of the sum of non-negative values; None if the sum is 0."""
    wanted = share * sum(values)
    if wanted <= 0.0:
        return None
    best = (0, len(values))
    held, start = 0.0, 0
    for end, value in enumerate(values, 1):
        held += value
        while held - values[start] >= wanted:
            held -= values[start]
            start += 1
        if held >= wanted and end - start < best[1] - best[0]:
            best = (start, end)
    return best


def best_views(must_rise: Sequence[bool], by_window: Sequence[Floats]) -> tuple[Floats, list[int]]:
    """The highest outputs per domain, and for each domain the view that gives the trigger. The first view is plain."""
    probabilities: Floats = by_window[0].max(axis=0)
    chosen = [0] * len(DOMAINS)
    for number in range(1, len(by_window)):
        best = by_window[number].max(axis=0)
        for place in range(len(DOMAINS)):
            if must_rise[number] and not _rises(best[place], probabilities[place]):
                continue
            if _weight(best[place]) > _weight(probabilities[place]):
                chosen[place] = number
            probabilities[place] = np.maximum(probabilities[place], best[place])
    return probabilities, chosen


def _deciding_window(by_window: Floats, place: int) -> int:
    """The window that speaks loudest for a domain."""
    return int(np.argmax(by_window[:, place, _TOPIC] + by_window[:, place, _HIGH]))


def _span(
    scored: ScoredView, low: int, speaks: Sequence[float], share: float = TRIGGER_SHARE
) -> tuple[int, int] | None:
    """The shortest run of words with a share of what speaks for the domain in the window that begins at ``low``."""
    run = shortest_run(speaks, share)
    if run is None:
        return None
    first, last = low + run[0], low + run[1] - 1
    return scored.view.mapped.original(scored.tokens.starts[first], scored.tokens.ends[last])


def _loudest(by_window: Sequence[Sequence[Told]], place: int) -> int:
    """The window that speaks loudest for a domain."""
    return max(range(len(by_window)), key=lambda window: _weight(by_window[window][place]))


def _highest(by_window: Sequence[Sequence[Told]]) -> list[Told]:
    """The highest of each output of each domain."""
    return [
        (max(topic), max(low), max(high), max(worst))
        for topic, low, high, worst in (zip(*domain, strict=True) for domain in zip(*by_window, strict=True))
    ]


def _weight(outputs: Floats | Told) -> float:
    """By what a finding is preferred to another when one of them gives the trigger."""
    return float(outputs[_TOPIC] + outputs[_HIGH])


def _rises(view: Floats, plain: Floats) -> bool:
    """Whether any output rises by more than `MUST_RISE` logits."""
    edge = np.float32(1e-6)
    high, low = np.clip(view, edge, 1 - edge), np.clip(plain, edge, 1 - edge)
    return bool((np.log(high / (1 - high)) - np.log(low / (1 - low)) > MUST_RISE).any())


def trigger_at(reading: Reading, span: tuple[int, int] | None, request: Request) -> Trigger | None:
    if span is None:
        return None
    segment, start, end = reading.place(*span)
    return _trigger(segment, request.segments[segment], (start, end))


def _trigger(number: int, segment: Segment, span: Span) -> Trigger:
    return Trigger(segment=number, role=segment.role, start=span[0], end=span[1])


def is_long(request: Request) -> bool:
    """Whether scoring a request takes long enough to leave the event loop for a thread."""
    return sum(len(segment.text) for segment in request.segments if not segment.preamble) > LONG


def faulty(stage: str, fault: Exception) -> tuple[Unavailable, ...]:
    """What is found where a stage failed: nothing, for this reason, in no domain."""
    reason = f"{stage} failed on this request ({type(fault).__name__}: {fault})"
    return tuple(Unavailable(domain=domain, reason=reason) for domain in DOMAINS)


def only_turn(segments: Sequence[Segment]) -> int | None:
    """The segment, the last one, that is all there is to read, as `overt.classify.turns.readings` would say; None where
    it has to be asked."""
    for segment in segments[:-1]:
        if not segment.preamble:
            return None
    if not segments:
        return None
    last = segments[-1]
    alone = last.role is Role.USER and "<" not in last.text and last.text.strip()
    return len(segments) - 1 if alone else None


def as_finding(
    domain: Domain, outputs: Floats, trigger: Trigger | None, stages: tuple[str, ...] = _STAGES
) -> Finding | Unavailable:
    """A domain's finding from its four outputs. What was told to six decimals before comes out as it was."""
    exact = outputs.tolist()
    if not isfinite(sum(exact)):
        return Unavailable(domain=domain, reason=f"{stages[-1]} gave something that is not a probability")
    topic, low_dual, high_dual, prohibited = (round(each * MILLION) / MILLION for each in exact)
    return Finding(
        domain=domain,
        topic=topic,
        low_dual=low_dual,
        high_dual=high_dual,
        prohibited=prohibited,
        trigger=trigger,
        stages=stages,
    )
