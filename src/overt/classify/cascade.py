"""The classifier that is shipped: stage 1 reads everything, stage 2 looks again where stage 1 is not sure of "none".

1. Stage 1 scores every reading, and every sentence by itself. Where nothing reaches a gate, that is the finding, told
   as a probability below every acting point: it says "none" and can say no more.
2. Where a gate opens, stage 2 reads the windows that stage 1 found most telling, in every view (decoded and the like)
   and without small talk (`overt.classify.gist`), and both stages give one probability (`overt.classify.joint`).
3. Earlier turns of the conversation lower the gates of the present one, never its acting points: what was said before
   may cause a closer look, and cannot act. It is read from the request itself, so nothing is remembered between
   requests, and equal requests get equal findings. The finding says "history".
4. A request that was split over turns is read once more as one. It counts only where neither the earlier turns alone
   nor the present one reach what they reach together, and the present one is on the topic. The finding says "split".
5. A text in a language that the release does not cover gets no finding, and says so: never a silent "none".
6. What would be acted on is traced: the trigger is the smallest of a few spans without which it would not be.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, TypeVar, final

import numpy as np

from overt.classify.encoder import Encoder
from overt.classify.features import windows
from overt.classify.gist import speaking
from overt.classify.joint import CEILING, Joint
from overt.classify.language import language_of, uncovered
from overt.classify.memory import Memory
from overt.classify.model import Floats
from overt.classify.stage1 import (
    STAGE1,
    Scored,
    ScoredView,
    Stage1,
    as_finding,
    best_views,
    discounted,
    faulty,
    is_long,
    only_turn,
    trigger_at,
)
from overt.classify.turns import Reading, earlier_turns, readings, spread, whole
from overt.core.domain import DOMAINS, Band
from overt.core.finding import Assessment, Cause, Finding, Release, Stage, Unavailable
from overt.core.request import Request

Given = TypeVar("Given")

MOST_WINDOWS: Final = 8
"""Windows that stage 2 reads of one text, the most telling ones by stage 1."""
TELLING: Final = 0.5
"""The share of a gate from which a window is read beside the most telling one."""
KEPT_TEXTS: Final = 2_048
FEWEST_WORDS: Final = 3
"""One or two words name a thing and ask for nothing: they may be on a topic, and are of no band."""
WORKERS: Final = 2
HISTORY_DECAY: Final = 0.85
"""What an earlier turn counts, per turn since."""
RAISED: Final = 0.5
"""The decayed topic probability of an earlier turn from which the gates are lowered."""
ON_TOPIC: Final = 0.25
"""The topic probability of the present turn from which a split request may be one."""
EASE: Final = 0.25
"""To what share the gates are lowered."""

_END: Final = re.compile(r"[.!?\n。！？]+(?:\s|$)|[。！？\n]")

MILLION: Final = 1e6
"""Probabilities are told to six decimals."""
STAGE2: Final = "stage2"
HISTORY: Final = "history"
SPLIT: Final = "split"


@final
@dataclass(frozen=True, slots=True)
class Looked:
    """A reading, what was found in it, and whether stage 2 was asked."""

    reading: Reading
    scored: Scored
    again: bool


@final
@dataclass(frozen=True, slots=True)
class Begun:
    """A request as stage 1 has read it: what decides, how far earlier turns lower the gates, and whether one opens."""

    request: Request
    read: tuple[Reading, ...]
    ease: float
    opened: bool


@final
class Cascade:
    """Both stages as a `ports.Classifier`. Safe to call from several threads and tasks."""

    def __init__(
        self,
        stage1: Stage1,
        encoder: Encoder,
        joint: Joint,
        languages: frozenset[str] = frozenset(),
        *,
        traces: bool = True,
    ) -> None:
        """``languages`` are the ISO 639-1 codes that the release covers; with none, every language is read. Without
        ``traces`` a trigger is what stage 1 points at, untested: faster, for measuring what is decided and not why."""
        self._languages = languages
        self._traces = traces
        self._stage1 = stage1
        self._encoder = encoder
        self._joint = joint
        self._kept: Memory[Scored] = Memory(KEPT_TEXTS)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="overt-stage2")

    @property
    def release(self) -> Release:
        """Which weights speak."""
        return self._stage1.release

    async def assess(self, request: Request) -> Assessment:
        """As `overt.ports.Classifier.assess`. What takes longer than a moment runs in a thread."""
        if is_long(request):
            return await self._aside(self.assess_now, request)
        try:
            begun = self._begin(request)
        except Exception as fault:  # noqa: BLE001  the port promises that no fault becomes an exception
            return self._assessment(faulty(STAGE1, fault))
        return await self._aside(self._finish, begun) if begun.opened else self._finish(begun)

    def assess_now(self, request: Request) -> Assessment:
        """The same, at once."""
        try:
            begun = self._begin(request)
        except Exception as fault:  # noqa: BLE001  the port promises that no fault becomes an exception
            return self._assessment(faulty(STAGE1, fault))
        return self._finish(begun)

    def opens(self, request: Request) -> bool:
        """Whether stage 2 will be asked about this request."""
        return self._begin(request).opened

    def opening(self, text: str) -> float:
        """How far a text opens the gates. Stage 2 is asked from 1 on."""
        return float(self._joint.opening(self._stage1.score(text).probabilities))

    def unread(self, request: Request) -> int:
        """How many characters of what decides were over the declared cap and not read."""
        return self._stage1.unread(request)

    def score(self, text: str) -> Scored:
        """What both stages find in a text, whether or not a gate is open."""
        key = sha256(text.encode("utf-8", "surrogatepass")).digest()
        return self._kept.get(key, lambda: self._score_afresh(text))

    async def _aside(self, work: Callable[[Given], Assessment], given: Given) -> Assessment:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, given)

    def _assessment(self, findings: tuple[Finding | Unavailable, ...]) -> Assessment:
        return Assessment(stage=Stage.REQUEST, release=self.release, findings=findings)

    def _ease(self, request: Request) -> float:
        """1, or less where earlier turns ask for a closer look."""
        decay = 1.0
        for reading in earlier_turns(request.segments):
            decay *= HISTORY_DECAY
            if decay * float(self._stage1.score(reading.text).probabilities[:, 0].max()) >= RAISED:
                return EASE
        return 1.0

    def _opens(self, reading: Reading, ease: float) -> bool:
        return self._joint.opens(discounted(self._stage1.score(reading.text).probabilities, reading.discount), ease)

    def _begin(self, request: Request) -> Begun:
        """What decides, and whether a gate opens: all that stage 1 has to say."""
        alone = only_turn(request.segments)
        read = readings(request.segments) if alone is None else (whole(alone, request.segments[alone].text),)
        ease = self._ease(request) if alone is None else 1.0
        return Begun(request, read, ease, any(self._opens(reading, ease) for reading in read))

    def _finish(self, begun: Begun) -> Assessment:
        try:
            return self._assessment(self._findings(begun))
        except Exception as fault:  # noqa: BLE001  the port promises that no fault becomes an exception
            return self._assessment(faulty(STAGE2, fault))

    def _findings(self, begun: Begun) -> tuple[Finding | Unavailable, ...]:
        request, read, ease = begun.request, begun.read, begun.ease
        stages = (STAGE1, *((HISTORY,) if ease < 1.0 else ()))
        found: tuple[Finding | Unavailable, ...]
        if begun.opened:
            looked, stages = [self._look(reading, ease) for reading in read], (*stages, STAGE2)
            found = tuple(self._finding(place, looked, request, stages) for place in range(len(DOMAINS)))
        else:
            found = self._quiet(read, stages)
        found = found if len(stages) == 1 else self._with_split(found, request)
        language = uncovered(read[0].text, self._languages) if read and self._languages else None
        return found if language is None else self._in_other_language(found, language, request)

    def _in_other_language(
        self, found: tuple[Finding | Unavailable, ...], language: str, request: Request
    ) -> tuple[Finding | Unavailable, ...]:
        """No finding, but for what would be acted on because of a span in a language that is covered: filler in another
        language must not hide a request."""
        missing = _not_covered(language, self._languages)
        return tuple(
            each if isinstance(each, Finding) and self._stands(each, request) else none
            for each, none in zip(found, missing, strict=True)
        )

    def _stands(self, finding: Finding, request: Request) -> bool:
        trigger = finding.trigger
        if trigger is None or not self._finding_acts(finding):
            return False
        said = _sentence(request.segments[trigger.segment].text, trigger.start, trigger.end)
        return language_of(said).code in self._languages

    def _look(self, reading: Reading, ease: float) -> Looked:
        if self._opens(reading, ease):
            return Looked(reading, self.score(reading.text), again=True)
        first = self._stage1.score(reading.text)
        return Looked(reading, replace(first, probabilities=self._joint.unread(first.probabilities)), again=False)

    def _quiet(self, read: Sequence[Reading], stages: tuple[str, ...]) -> tuple[Finding | Unavailable, ...]:
        """What is found where no gate opens: too little to point at anything."""
        first = [discounted(self._stage1.score(each.text).probabilities, each.discount) for each in read]
        loudest = first[0] if len(first) == 1 else np.max(first, axis=0) if first else self._stage1.silence()
        told = np.rint(self._joint.unread(loudest).astype(np.float64) * MILLION) / MILLION
        if not np.isfinite(told).all():
            return faulty(STAGE1, ValueError("something that is not a probability"))
        return tuple(
            Finding(domain=domain, topic=topic, low_dual=low, high_dual=high, prohibited=prohibited, stages=stages)
            for domain, (topic, low, high, prohibited) in zip(DOMAINS, told.tolist(), strict=True)
        )

    def _finding(
        self, place: int, looked: Sequence[Looked], request: Request, stages: tuple[str, ...]
    ) -> Finding | Unavailable:
        found = [discounted(each.scored.probabilities[place], each.reading.discount) for each in looked]
        best = max(range(len(found)), key=lambda number: float(found[number][0] + found[number][2]))
        deciding = looked[best]
        outputs: Floats = np.max(found, axis=0)
        span = deciding.scored.spans[place]
        if self._traces and deciding.again and self._acts(place, outputs):
            span = self._decisive(deciding, place)
        return as_finding(DOMAINS[place], outputs, trigger_at(deciding.reading, span, request), stages)

    def _acts(self, place: int, outputs: Floats) -> bool:
        """Whether a rule that follows this release's acting points would act on more than the topic."""
        return any(
            outputs[rank] >= point
            for rank, band in ((2, Band.HIGH_DUAL), (3, Band.PROHIBITED))
            if (point := self.release.acting_point(DOMAINS[place], band)) is not None
        )

    def _finding_acts(self, finding: Finding) -> bool:
        outputs = np.asarray([finding.topic, finding.low_dual, finding.high_dual, finding.prohibited], np.float32)
        return self._acts(DOMAINS.index(finding.domain), outputs)

    def _decisive(self, looked: Looked, place: int) -> tuple[int, int] | None:
        """The first of a few growing spans without which a rule would not act; the widest, if none is enough."""
        text = looked.reading.text
        spans = self._stage1.growing_spans(text, place)
        for start, end in spans:
            left = f"{text[:start]} {text[end:]}"
            without = self._look(replace(looked.reading, text=left), 1.0).scored.probabilities[place]
            if not self._acts(place, discounted(without, looked.reading.discount)):
                return start, end
        return spans[-1] if spans else looked.scored.spans[place]

    def _with_split(
        self, found: tuple[Finding | Unavailable, ...], request: Request
    ) -> tuple[Finding | Unavailable, ...]:
        """The findings, raised where several turns ask together for what none of them asks alone."""
        parts = spread(request.segments)
        if parts is None:
            return found
        joined, earlier, present = parts
        together, before, now = (self.score(each.text).probabilities for each in (joined, earlier, present))
        raised = list(found)
        for place, each in enumerate(found):
            needed = not self._acts(place, before[place]) and not self._acts(place, now[place])
            on_topic = now[place, 0] >= ON_TOPIC
            if isinstance(each, Finding) and needed and on_topic and self._acts(place, together[place]):
                trigger = trigger_at(present, (0, len(present.text)), request)
                raised[place] = as_finding(each.domain, together[place], trigger, (*each.stages, SPLIT))
        return tuple(raised)

    def _score_afresh(self, text: str) -> Scored:
        seen = list(self._readable(text))
        first = self._stage1.score(text)
        if not seen:
            return replace(first, probabilities=self._joint.unread(first.probabilities))
        by_window = self._joined(seen)
        best, chosen = best_views([view.view.must_rise for view in seen], by_window)
        if max(len(view.tokens) for view in seen) < FEWEST_WORDS:
            best[:, 1:] = np.minimum(best[:, 1:], np.float32(CEILING))
        spans = self._stage1.spans([(seen[number], by_window[number]) for number in chosen], best)
        return replace(first, probabilities=best, spans=spans)

    def _readable(self, text: str) -> Iterator[ScoredView]:
        """The views of a text that have words, each followed by its gist where that is another text."""
        for view in self._stage1.score_views(text):
            if len(view.tokens):
                yield view
                heard = self._stage1.sentences(view)
                kept = speaking([float(self._joint.opening(probabilities)) for _, probabilities in heard])
                if kept is not None:
                    yield self._stage1.without(view, [span for span, _ in heard], kept)

    def _joined(self, seen: Sequence[ScoredView]) -> list[Floats]:
        """The probabilities of both stages, (windows, 4, 4) per view; windows that stage 2 did not read keep what
        stage 1 may say by itself."""
        first = [self._stage1.probabilities(view.logits) for view in seen]
        openings = sorted(
            (
                (opening, number, window)
                for number, each in enumerate(first)
                for window, opening in enumerate(self._joint.opening(each).tolist())
            ),
            reverse=True,
        )
        ranked = [one for place, one in enumerate(openings[:MOST_WINDOWS]) if place == 0 or one[0] >= TELLING]
        logits = self._encoder.logits([_text_of(seen[number], window) for _, number, window in ranked])
        joined = [self._joint.unread(each) for each in first]
        for place, (_, number, window) in enumerate(ranked):
            one = slice(window, window + 1)
            joined[number][one] = self._joint.probabilities(first[number][one], logits[place : place + 1])
        return [discounted(each, view.view.discount) for each, view in zip(joined, seen, strict=True)]


def _sentence(text: str, start: int, end: int) -> str:
    """The sentence or sentences that a span is in."""
    before = max((found.end() for found in _END.finditer(text, 0, start)), default=0)
    after = _END.search(text, end)
    return text[before : after.start() if after is not None else len(text)]


def _not_covered(language: str, languages: frozenset[str]) -> tuple[Unavailable, ...]:
    reason = f"the language of the request ({language}) is not one that it covers ({', '.join(sorted(languages))})"
    return tuple(
        Unavailable(domain=domain, reason=reason, cause=Cause.LANGUAGE, language=language) for domain in DOMAINS
    )


def _text_of(scored: ScoredView, window: int) -> str:
    """The characters of a window, with what stands between its words; all of the view where there is one window."""
    ranges = windows(len(scored.tokens))
    if len(ranges) == 1:
        return scored.view.mapped.text
    low, high = ranges[window]
    return scored.view.mapped.text[scored.tokens.starts[low] : scored.tokens.ends[high - 1]]
