"""What the encoder is taught: rows as token ids with sixteen answers each, drawn by weight, varied a little each time.

An answer is yes, no or not told. Unlike the linear band heads, which are conditional on their topic, every head here
learns from every row that decides its question: a benign row of any subject is a "no" for every band of every domain.
That puts the effort where a false positive would be.

Variation (seeded): a request between polite or everyday sentences, or before, after or amid a paragraph of them, with
typing errors, without punctuation. None of it changes what is asked, so none of it changes the answers. Of a harmless
text about none of the domains a few sentences are as harmless as all of them, and that is what stage 2 often reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.classify.gist import several
from overt.classify.model import NEVER, OUTPUTS, WIDTH
from overt.classify.text import normalise
from overt.core.domain import DOMAINS
from overt.learn.corpus import Row
from overt.learn.sources import Label
from overt.learn.train import Recipe, row_weights

Floats: TypeAlias = npt.NDArray[np.float32]
Encode: TypeAlias = Callable[[str], list[int]]

PADDED_SHARE: Final = 0.40
LENGTHY_SHARE: Final = 0.5
"""Of the padded ones, how many stand by or in a paragraph and not between a few sentences."""
LONGEST_PARAGRAPH: Final = 320
"""Characters of such a paragraph, so that the request stays in the window."""
MISTYPED_SHARE: Final = 0.20
SLIPS: Final = (0.1, 0.25, 0.5)
"""The shares of words with a typing error, each as often as the others."""
UNPUNCTUATED_SHARE: Final = 0.10
EXCERPT_SHARE: Final = 0.5
"""Of harmless texts of several sentences about no domain, how many are read in part."""
LONGEST_AROUND: Final = 160
"""Characters of an everyday sentence that is put around a request."""
SHORTEST_SLIP: Final = 4
_ENDS: Final = ".!?。！？"
READ: Final = 2_500
"""Characters of a row that are read in training."""

_BEFORE: Final = (
    "Hi, I hope you are doing well.",
    "Hello there!",
    "I have a question for you.",
    "Sorry to bother you with this.",
    "Good morning, thanks for being around.",
    "Quick one before my meeting:",
    "I have been thinking about this all week.",
    "You are very good at this, so let me ask.",
    "Please read this carefully.",
    "Okay, next topic.",
    "My colleague suggested that I ask you.",
    "Here is what I need today.",
)
_AFTER: Final = (
    "Thanks a lot in advance.",
    "Please take your time.",
    "Keep the answer short, please.",
    "I would really appreciate it.",
    "Use simple words.",
    "Thank you!",
    "Let me know if anything is unclear.",
    "An overview in a few paragraphs is fine.",
    "Please answer in a friendly tone.",
    "I will read it tonight.",
)


@final
@dataclass(frozen=True, slots=True)
class Lesson:
    """One drawn row: token ids, sixteen answers in {0, 1}, and which of them are told (1) or not (0)."""

    ids: list[int]
    answers: Floats
    told: Floats


@final
@dataclass(frozen=True, slots=True)
class Course:
    """Rows to draw from, and the everyday sentences that are put around them."""

    rows: Sequence[Row]
    weights: npt.NDArray[np.float64]
    around: Sequence[str]
    encode: Encode


def course_of(rows: Sequence[Row], encode: Encode, recipe: Recipe) -> Course:
    """A course over these rows; sentences around come from short benign rows about none of the domains."""
    everyday = [r.text for r in rows if r.domain == "none" and r.intent == "benign" and len(r.text) <= LONGEST_AROUND]
    return Course(rows, row_weights(rows, recipe), everyday, encode)


def draw_lessons(course: Course, count: int, random: np.random.Generator) -> list[Lesson]:
    """``count`` rows: each as often as its weight asks (systematic resampling), in random order."""
    share = np.cumsum(course.weights / course.weights.sum())
    places = np.searchsorted(share, (np.arange(count) + random.random()) / count)
    chosen = random.permutation(np.minimum(places, len(course.rows) - 1))
    return [_lesson(course, course.rows[place], random) for place in chosen]


def _lesson(course: Course, row: Row, random: np.random.Generator) -> Lesson:
    answers, told = answers_of(row.label)
    text = _excerpt(row.text, random) if row.domain == "none" and row.intent == "benign" else row.text
    return Lesson(course.encode(normalise(_varied(text[:READ], course.around, random)).text), answers, told)


def _excerpt(text: str, random: np.random.Generator) -> str:
    """A run of the sentences of a text, sometimes all of them."""
    spans = several(text)
    if not spans or random.random() >= EXCERPT_SHARE:
        return text
    first, last = sorted(random.integers(0, len(spans), 2))
    return text[spans[first][0] : spans[last][1]]


def answers_of(label: Label) -> tuple[Floats, Floats]:
    """The answers of a label to the sixteen heads, and which of them are told."""
    answers, told = np.zeros(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
    for place in range(len(DOMAINS)):
        for output in range(len(OUTPUTS)):
            found = _answer(label, place, output)
            if found is not None and place * len(OUTPUTS) + output != NEVER:
                answers[place * len(OUTPUTS) + output] = found
                told[place * len(OUTPUTS) + output] = 1.0
    return answers, told


def _answer(label: Label, place: int, output: int) -> bool | None:
    topic = label.topics[place]
    if output == 0 or topic is False:
        return topic
    if label.ceiling < output:
        return False
    return True if topic and label.floor >= output else None


def _varied(text: str, around: Sequence[str], random: np.random.Generator) -> str:
    if random.random() < MISTYPED_SHARE:
        text = _mistyped(text, random)
    if random.random() < UNPUNCTUATED_SHARE:
        text = text.rstrip(".?!").replace(",", "")
    if random.random() >= PADDED_SHARE:
        return text
    pad = _amid if around and random.random() < LENGTHY_SHARE else _padded
    return pad(text, around, random)


def _amid(text: str, around: Sequence[str], random: np.random.Generator) -> str:
    """Before, after or in the middle of a paragraph of everyday sentences."""
    size, wanted, said = 0, int(random.integers(80, LONGEST_PARAGRAPH)), []
    while size < wanted:
        sentence = around[int(random.integers(len(around)))]
        said.append(sentence if sentence[-1:] in _ENDS else f"{sentence}.")
        size += len(sentence)
    place = (0, len(said), int(random.integers(0, len(said) + 1)))[int(random.integers(3))]
    gap = "\n\n" if random.random() < 0.5 else " "
    before, after = " ".join(said[:place]), " ".join(said[place:])
    return gap.join(part for part in (before, text, after) if part)


def _padded(text: str, around: Sequence[str], random: np.random.Generator) -> str:
    before = [_pick(_BEFORE, around, random) for _ in range(int(random.integers(0, 3)))]
    after = [_pick(_AFTER, around, random) for _ in range(int(random.integers(0, 3)))]
    return " ".join((*before, text, *after))


def _pick(polite: Sequence[str], around: Sequence[str], random: np.random.Generator) -> str:
    everyday = around and random.random() < 0.4
    pool = around if everyday else polite
    return pool[int(random.integers(len(pool)))]


def _mistyped(text: str, random: np.random.Generator) -> str:
    """Letters exchanged, lost, doubled or hit beside, in a share of the longer words."""
    words = text.split(" ")
    share = SLIPS[int(random.integers(len(SLIPS)))]
    for place, word in enumerate(words):
        if len(word) >= SHORTEST_SLIP and word.isascii() and random.random() < share:
            words[place] = _slip(word, random)
    return " ".join(words)


def _slip(word: str, random: np.random.Generator) -> str:
    at = int(random.integers(1, len(word) - 1))
    match int(random.integers(4)):
        case 0:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        case 1:
            return word[:at] + word[at + 1 :]
        case 2:
            return word[:at] + word[at] + word[at:]
        case _:
            return word[:at] + chr(ord("a") + int(random.integers(26))) + word[at + 1 :]
