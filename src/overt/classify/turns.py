"""Which parts of a request decide (users.md group B).

1. Only the current turn: what the user and their tools said after the last answer of the model that carries text. An
   unfinished answer at the very end (a prefill) is not an answer yet.
2. The user's parts of that turn are read as one; each tool result is read by itself, at a discount.
3. A turn that says nothing by itself ("continue", "now in Python", "make it faster") is read together with the user
   turns before it, at most `MOST_BACK`. Greetings, thanks and refusals say all they mean.
4. System prompt, tool schemas, earlier turns, the model's own words and what clients inject into user messages
   (``<system-reminder>`` and its like) never decide. Injected text is read only where the turn holds nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, final

from overt.core.request import Role, Segment

TOOL_DISCOUNT: Final = 1.5
MOST_BACK: Final = 3
LONGEST_CONTINUATION: Final = 6

INJECTED_TAGS: Final = (
    "system-reminder",
    "system_reminder",
    "environment_context",
    "environment_details",
    "user_instructions",
    "ide_opened_file",
    "local-command-caveat",
    "local-command-stdout",
    "command-name",
    "command-message",
)
_TAG: Final = re.compile(rf"<(/?)({'|'.join(INJECTED_TAGS)})>")
_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")

_GREETS: Final = frozenset(
    {"hi", "hello", "hey", "hiya", "yo", "howdy", "greetings", "morning", "evening", "afternoon", "thanks", "thank"}
    | {"thx", "ty", "cheers", "bye", "goodbye", "great", "nice", "cool", "perfect", "awesome", "works", "worked"}
)
_WITH_GREETINGS: Final = frozenset(
    {"there", "good", "you", "much", "so", "very", "a", "lot", "ok", "okay", "everyone", "all", "again", "that", "it"}
    | {"for", "this", "now", "yes"}
)
_DECLINES: Final = frozenset(
    {"no", "nope", "stop", "cancel", "never", "nevermind", "don't", "dont", "don’t", "forget", "abort", "wait"}
)
_EMPTY: Final = frozenset(
    {"continue", "continues", "go", "on", "ahead", "yes", "yeah", "yep", "y", "sure", "ok", "okay", "proceed", "next"}
    | {
        "more",
        "again",
        "keep",
        "going",
        "now",
        "and",
        "also",
        "but",
        "then",
        "same",
        "finish",
        "retry",
        "try",
        "please",
    }
    | {
        "elaborate",
        "expand",
        "resume",
        "carry",
        "do",
        "it",
        "that",
        "this",
        "them",
        "step",
        "steps",
        "part",
        "the",
        "in",
    }
    | {"as", "with", "without", "for", "using", "to", "of", "a", "an", "one", "by", "first", "second", "third", "last"}
    | {"rest", "all", "both", "either", "why", "how", "exactly", "detail", "details", "detailed", "longer", "shorter"}
    | {
        "full",
        "complete",
        "code",
        "example",
        "examples",
        "list",
        "table",
        "bullet",
        "points",
        "show",
        "me",
        "give",
        "tell",
    }
    | {"write", "explain", "further", "just", "option", "answer", "question", "above", "previous", "version", "script"}
    | {"python", "javascript", "typescript", "java", "c", "rust", "golang", "ruby", "php", "perl", "bash", "sql"}
    | {
        "powershell",
        "english",
        "german",
        "french",
        "spanish",
        "chinese",
        "japanese",
        "markdown",
        "json",
        "html",
        "latex",
    }
    | {
        "1",
        "2",
        "3",
        "4",
        "5",
        "weiter",
        "sigue",
        "continúa",
        "continuez",
        "ja",
        "oui",
        "si",
        "sí",
        "да",
        "继续",
        "続けて",
    }
)
_OPENERS: Final = re.compile(
    r"(?:and|what about|how about|same (?:for|but|with)|but (?:for|with|in)|now (?:for|with|in))\b"
)
_POINTS: Final = re.compile(
    r"\b(?:make|do|fix|rewrite|translate|explain|shorten|improve|run|deploy|use|put|convert|write|test|optimi[sz]e|send"
    r"|give|change|turn|port|finish|extend|adapt|simplify|build|start|stop|show|repeat|redo|hide|spread|scale|apply|add)"
    r" (?:me )?(?:it|that|this|these|those|them|one|the (?:same|above|previous|code|rest|script))\b"
)


@final
@dataclass(frozen=True, slots=True)
class Part:
    """Characters ``start:end`` of segment ``segment``, which stand at ``at`` in the reading."""

    segment: int
    start: int
    end: int
    at: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A text that is scored as one, the parts that it is made of, and its discount in logits."""

    text: str
    parts: tuple[Part, ...]
    discount: float = 0.0

    def place(self, start: int, end: int) -> tuple[int, int, int]:
        """Segment and span in it of the largest part of ``text[start:end]``."""
        overlaps = ((min(end, part.at + part.end - part.start) - max(start, part.at), part) for part in self.parts)
        _, part = max(overlaps, key=lambda overlap: overlap[0])
        shift = part.start - part.at
        return part.segment, max(start + shift, part.start), min(end + shift, part.end)


Indexed = tuple[int, Segment]

MOST_SPREAD: Final = 4
"""Turns that are read as one, the present one among them, in case a request was split over them."""
MOST_HISTORY: Final = 12
"""Earlier turns that may ask for a closer look."""


def readings(segments: Sequence[Segment]) -> tuple[Reading, ...]:
    """What decides, the user's own words first. Nothing at all where the request says nothing."""
    turns = list(_turns_from_the_end(_spoken(segments)))
    if not turns:
        return ()
    current = turns[0]
    tools = [
        _read([(index, 0, len(segment.text))], segments, TOOL_DISCOUNT)
        for index, segment in current
        if segment.role is Role.TOOL_RESULT and segment.text.strip()
    ]
    own = _own_words(current)
    if _says_nothing([segments[index].text[start:end] for index, start, end in own]):
        own = _with_earlier(turns[1 : 1 + MOST_BACK], segments) + own
    if not tools and not any(segments[index].text[start:end].strip() for index, start, end in own):
        own = [(index, 0, len(segment.text)) for index, segment in current if segment.role is Role.USER]
    return (*([_read(own, segments, 0.0)] if own else []), *tools)


def whole(segment: int, text: str) -> Reading:
    """All of one segment."""
    return Reading(text=text, parts=(Part(segment, 0, len(text), 0),))


def earlier_turns(segments: Sequence[Segment]) -> Iterator[Reading]:
    """The user's own words of each turn before the present one, latest first, at most `MOST_HISTORY` turns."""
    for turn in islice(_turns_from_the_end(_spoken(segments)), 1, 1 + MOST_HISTORY):
        own = _own_words(turn)
        if own:
            yield _read(own, segments, 0.0)


def spread(segments: Sequence[Segment]) -> tuple[Reading, Reading, Reading] | None:
    """The last turns as one, those before the present one, and the present one; None where either is empty."""
    own = [_own_words(turn) for turn in islice(_turns_from_the_end(_spoken(segments)), MOST_SPREAD)]
    if not own or not own[0] or not any(own[1:]):
        return None
    earlier = [span for turn in reversed(own[1:]) for span in turn]
    together, before, present = (_read(spans, segments, 0.0) for spans in (earlier + own[0], earlier, own[0]))
    return together, before, present


def _spoken(segments: Sequence[Segment]) -> list[Indexed]:
    return [(index, segment) for index, segment in enumerate(segments) if not segment.preamble]


def _turns_from_the_end(spoken: Sequence[Indexed]) -> Iterator[list[Indexed]]:
    """What user and tools said between answers that carry text, latest first."""
    turn: list[Indexed] = []
    for index, segment in reversed(spoken):
        if segment.role is not Role.ASSISTANT:
            turn.insert(0, (index, segment))
        elif turn and segment.text.strip():
            yield turn
            turn = []
    if turn:
        yield turn


Span = tuple[int, int, int]
"""Segment, start, end."""


def _own_words(turn: Sequence[Indexed]) -> list[Span]:
    """The user's text without what the client injected."""
    return [
        (index, start, end)
        for index, segment in turn
        if segment.role is Role.USER
        for start, end in _outside(segment.text)
        if segment.text[start:end].strip()
    ]


def _outside(text: str) -> list[tuple[int, int]]:
    """The ranges outside closed injected tags. A tag that is never closed injects nothing."""
    if "<" not in text:
        return [(0, len(text))]
    ranges: list[tuple[int, int]] = []
    done, opened = 0, None
    for tag in _TAG.finditer(text):
        closing, name = tag.group(1) == "/", tag.group(2)
        if opened is None and not closing:
            opened = (name, tag.start())
        elif opened is not None and closing and opened[0] == name:
            ranges.append((done, opened[1]))
            done, opened = tag.end(), None
    return [*ranges, (done, len(text))]


def _with_earlier(turns: Sequence[Sequence[Indexed]], segments: Sequence[Segment]) -> list[Span]:
    """The words of the turns before, back to the first that says something by itself."""
    found: list[Span] = []
    for turn in islice(turns, MOST_BACK):
        own = _own_words(turn)
        found = own + found
        if own and not _says_nothing([segments[index].text[start:end] for index, start, end in own]):
            break
    return found


def _says_nothing(texts: Sequence[str]) -> bool:
    """Whether words only point at what was said before."""
    if sum(map(len, texts)) > 16 * LONGEST_CONTINUATION:
        return False
    words = [word.lower() for text in texts for word in _WORD.findall(text)]
    if not words or len(words) > LONGEST_CONTINUATION or words[0] in _DECLINES:
        return False
    if any(word in _GREETS for word in words) and all(word in _GREETS or word in _WITH_GREETINGS for word in words):
        return False
    said = " ".join(words)
    return all(word in _EMPTY for word in words) or bool(_OPENERS.match(said) or _POINTS.search(said))


def _read(spans: Sequence[Span], segments: Sequence[Segment], discount: float) -> Reading:
    texts: list[str] = []
    parts: list[Part] = []
    at = 0
    for index, start, end in spans:
        text = segments[index].text[start:end]
        parts.append(Part(index, start, end, at))
        texts.append(text)
        at += len(text) + 1
    return Reading(text="\n".join(texts), parts=tuple(parts), discount=discount)
