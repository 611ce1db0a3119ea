"""Small language models without data: seeded chains of words that can be served well, badly, or by somebody else.

    good = SimulatedModel(name="big-1", words=LanguageModel(seed=1), skill=Skill(right=0.8))
    weak = SimulatedModel(name="small-1", words=LanguageModel(seed=2), skill=Skill(right=0.4))
    endpoint = SimulatedEndpoint(serves=good, seed=7, faults=swap(weak, share=0.2))
    endpoint.answer(Asked(prompt="Why is the sky blue?", call=0)).text

A change of model is a changed value: ``replace(model, noise=0.2)`` is the quantised one. What is said is a function
of the endpoint, the prompt, the number of the call and the day, and of nothing else: not of the order of calls. Every
answer carries the truth about itself (`Spoken.model`, `Spoken.right`), which an auditor is never shown. The faults are
those of the reference simulation (specification of the auditor, sections 3.8 and 4).
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from overt.audit.rows import Answer, Prompt
from overt.errors import BadRequest

Floats = NDArray[np.float64]

COLDEST: Final = 0.02
"""What batching on real hardware does to an answer at temperature 0: near ties still fall either way."""
FIRST_DAY: Final = date(2026, 1, 1)
_ONSETS: Final = ("b", "br", "d", "f", "g", "gr", "k", "l", "m", "n", "p", "pl", "r", "s", "st", "t", "tr", "v")
_VOWELS: Final = ("a", "e", "i", "o", "u", "ai", "ea", "ou")
_CODAS: Final = ("", "", "l", "m", "n", "nd", "r", "s", "st", "t")
_PIECE: Final = re.compile(r"\s*\S+|\s+")
_SHORT: Final = ("the", "of", "and", "to", "a", "in", "is", "that", "for", "it", "as", "with")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageModel:
    """A chain of words: the logit of the next word is a table's entry for the last one plus the prompt's own pull.

    ``seed`` is which model it is; every model has the same vocabulary and feels the same pull of a prompt. An answer is
    ``least`` to ``most`` words long. What hosts do to a model: ``temperature``; ``noise``, the standard deviation of
    an error in every logit, fixed for a ``build`` (quantisation); ``watermark``, added to the logits of the half of
    the vocabulary that the last word makes green; ``hidden``, an instruction before every prompt, which moves where
    the answer starts and, by ``pull``, which words it likes; ``drift``, noise drawn anew for every ``day``.
    """

    seed: int
    words: int = 64
    least: int = 60
    most: int = 60
    sharpness: float = 1.5
    subject: float = 1.0
    temperature: float = 1.0
    noise: float = 0.0
    build: int = 0
    watermark: float = 0.0
    hidden: str = ""
    pull: float = 0.0
    drift: float = 0.0
    day: int = 0

    def tokens(self, prompt: str, uniforms: Floats) -> list[int]:
        """The words that these uniform numbers, shape (words,), choose one after the other."""
        ladder = _ladder(self, prompt)
        word = self._start(prompt)
        chosen: list[int] = []
        for uniform in uniforms.tolist():
            low = word * self.words
            word = min(bisect_right(ladder, word + uniform, low, low + self.words), low + self.words - 1) - low
            chosen.append(word)
        return chosen

    def text(self, prompt: str, uniforms: Floats) -> str:
        """The words as a text; their number is for the caller to choose (`length`)."""
        return " ".join(spelled(self.words, self.tokens(prompt, uniforms)))

    def texts(self, prompt: str, count: int, rng: np.random.Generator) -> tuple[str, ...]:
        """So many independent answers."""
        lengths = rng.integers(self.least, self.most + 1, size=count).tolist()
        return tuple(self.text(prompt, rng.random(length)) for length in lengths)

    def length(self, uniform: float) -> int:
        """How many words an answer has."""
        return self.least + int(uniform * (self.most - self.least + 1))

    def logprobs(self, prompt: str, last: int | None = None) -> Floats:
        """The log probability of every next word, shape (words,), after the word ``last`` or at the start."""
        row = self._start(prompt) if last is None else last
        logits: Floats = _logits(self, prompt)[row]
        logits -= logits.max()
        logits -= np.log(np.exp(logits).sum())
        return logits

    def _start(self, prompt: str) -> int:
        return number_of("start", self.hidden, prompt) % self.words


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """A right answer to a prompt and wrong ones (at least one), each the whole text that a checker reads."""

    right: str
    wrong: tuple[str, ...]

    def mistake(self, uniform: float) -> str:
        """One of the wrong answers, each as likely as the others."""
        if not self.wrong:
            raise BadRequest(f"the solution {self.right!r} has no wrong answer: a model that can fail needs one")
        return self.wrong[int(uniform * len(self.wrong))]


Solver = Callable[[str], Solution | None]
"""Prompt to solution; None where nothing is to be graded, and the answer is words alone."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """How often a model is right where a solver knows what that is.

    For a share ``agreement`` of the prompts the model is always right or always wrong, so the correlation of two
    answers to a prompt is ``agreement`` exactly, and the mean stays ``right``. Which prompts are easy is a property
    of the prompts: whatever a weaker model can do for sure, a stronger one can too.
    """

    right: float = 0.8
    agreement: float = 0.0

    def succeeds(self, prompt: str, uniform: float, *, right: float) -> bool:
        """Whether this answer is right, on a day on which the model is right so often."""
        if self.agreement and uniform_of("settled", prompt) < self.agreement:
            return uniform_of("easy", prompt) < right
        return uniform < right


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """Harmless differences between days: calls of one day resemble each other more than calls of two days.

    ``rho`` is the overdispersion of skill: on a day a model is right with a chance from Beta(mean ``right``, variance
    ``rho`` x right x (1 - right)), one for all prompts or, with ``each``, one for every prompt. ``drift`` is the
    standard deviation of the day's noise in every logit.
    """

    rho: float = 0.0
    drift: float = 0.0
    each: bool = False


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedModel:
    """A model with a name: how it writes and how much it can. With ``explains``, words come before a solution."""

    name: str
    words: LanguageModel
    skill: Skill = field(default_factory=Skill)
    explains: bool = False


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What an endpoint does that it does not say; the default is nothing.

    From ``since`` on (a day), every call is served by ``everywhere`` where that is set (an update, a degradation of
    everything), and a ``share`` of the calls about ``topic`` (None: of all calls) by ``other``. A share ``refuses`` of
    the calls about ``refuses_about`` is refused, which is always visible. ``declared``: the endpoint names ``other``
    where it serves, as honest fallbacks do.
    """

    other: SimulatedModel | None = None
    share: float = 0.0
    topic: Callable[[str], bool] | None = None
    everywhere: SimulatedModel | None = None
    refuses: float = 0.0
    refuses_about: Callable[[str], bool] | None = None
    declared: bool = False
    since: int = 0


def swap(other: SimulatedModel, share: float) -> Faults:
    """Another model answers a share of all calls, covertly."""
    return Faults(other=other, share=share)


def on_topic(other: SimulatedModel, share: float, topic: Callable[[str], bool]) -> Faults:
    """Another model answers a share of the calls about one topic, covertly."""
    return Faults(other=other, share=share, topic=topic)


def degraded(weaker: SimulatedModel) -> Faults:
    """A weaker model answers everything: a change, and no change that is specific to a topic."""
    return Faults(everywhere=weaker)


def about(prompts: Iterable[Prompt], topic: str) -> Callable[[str], bool]:
    """Whether a text is a prompt about this topic."""
    texts = frozenset(prompt.text for prompt in prompts if prompt.topic == topic)
    return texts.__contains__


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One call. ``call`` numbers the calls with this prompt. None: the model's own temperature, no limit of words."""

    prompt: str
    call: int = 0
    day: int = 0
    temperature: float | None = None
    most: int | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One answer and the truth about it. ``right`` is None where nothing was to be solved."""

    text: str
    model: SimulatedModel
    """Who answered, as it ran on that day."""
    tokens: tuple[str, ...]
    """The text in pieces; joined they are the text."""
    right: bool | None
    refused: bool
    swapped: bool
    cut: bool
    """Whether the limit of words ended it."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedEndpoint:
    """One address that says it serves one model, and what it does."""

    serves: SimulatedModel
    seed: int
    faults: Faults = field(default_factory=Faults)
    days: Days = field(default_factory=Days)
    solver: Solver | None = None

    def answer(self, asked: Asked) -> Spoken:
        """The answer to this call; the same again for the same call."""
        rng = np.random.default_rng(number_of("call", self.seed, asked.prompt, asked.call, asked.day))
        served, refused, solved, wrong, length = rng.random(5).tolist()
        model, swapped = self._who(asked, served)
        model = self._today(model, asked.day)
        if self._refuses(asked, refused):
            return Spoken(text="", model=model, tokens=(), right=None, refused=True, swapped=swapped, cut=False)
        solution = None if self.solver is None else self.solver(asked.prompt)
        if solution is None:
            return self._said(asked, model, swapped, words=self._spelled(asked, model, length, rng))
        right = model.skill.succeeds(asked.prompt, solved, right=self._right_today(model, asked))
        text = solution.right if right else solution.mistake(wrong)
        explained = self._spelled(asked, model, length, rng) if model.explains else []
        words = [*explained, f"\n{text}" if explained else text]
        said = self._said(asked, model, swapped, words=words)
        return replace(said, right=right and not said.cut)

    def answers(self, prompts: Sequence[Prompt], *, reps: int = 1, day: int = 0, first: int = 0) -> tuple[Answer, ...]:
        """Rows as a collector would write them, with the score where it is known; rep numbers start at ``first``."""
        rows: list[Answer] = []
        for prompt in prompts:
            for rep in range(first, first + reps):
                spoken = self.answer(Asked(prompt=prompt.text, call=rep, day=day))
                rows.append(
                    Answer(
                        pid=prompt.pid,
                        model=self.serves.name,
                        rep=rep,
                        text=spoken.text,
                        score=None if spoken.right is None else float(spoken.right),
                        date=(FIRST_DAY + timedelta(days=day)).isoformat(),
                    )
                )
        return tuple(rows)

    def _who(self, asked: Asked, uniform: float) -> tuple[SimulatedModel, bool]:
        faults = self.faults
        if asked.day < faults.since:
            return self.serves, False
        concerned = faults.topic is None or faults.topic(asked.prompt)
        if faults.other is not None and concerned and uniform < faults.share:
            return faults.other, True
        return faults.everywhere or self.serves, False

    def _today(self, model: SimulatedModel, day: int) -> SimulatedModel:
        if not self.days.drift:
            return model
        return replace(model, words=replace(model.words, drift=self.days.drift, day=day))

    def _refuses(self, asked: Asked, uniform: float) -> bool:
        about_it = self.faults.refuses_about is None or self.faults.refuses_about(asked.prompt)
        return about_it and asked.day >= self.faults.since and uniform < self.faults.refuses

    def _right_today(self, model: SimulatedModel, asked: Asked) -> float:
        prompt = asked.prompt if self.days.each else ""
        return _right_on(self.seed, asked.day, prompt, model.skill.right, self.days.rho)

    def _spelled(self, asked: Asked, model: SimulatedModel, length: float, rng: np.random.Generator) -> list[str]:
        words = model.words
        if asked.temperature is not None:
            words = replace(words, temperature=max(COLDEST, words.temperature * asked.temperature))
        count = words.length(length)
        count = count if asked.most is None else min(count, asked.most + 1)
        return spelled(words.words, words.tokens(asked.prompt, rng.random(count)))

    def _said(self, asked: Asked, model: SimulatedModel, swapped: bool, *, words: list[str]) -> Spoken:
        text = " ".join(words).replace(" \n", "\n")
        tokens = pieces(text)
        cut = asked.most is not None and len(tokens) > asked.most
        tokens = tokens[: asked.most] if cut else tokens
        text = "".join(tokens)
        return Spoken(text=text, model=model, tokens=tokens, right=None, refused=False, swapped=swapped, cut=cut)


def pieces(text: str) -> tuple[str, ...]:
    """A text as tokens: every word with the white space before it. Joined they are the text."""
    return tuple(_PIECE.findall(text))


def spelled(words: int, tokens: Iterable[int]) -> list[str]:
    """The words of these numbers."""
    known = vocabulary(words)
    return [known[token] for token in tokens]


@lru_cache(maxsize=8)
def vocabulary(words: int) -> tuple[str, ...]:
    """So many different words, the same for every model: short ones that exist, then pronounceable ones."""
    rng = np.random.default_rng(number_of("vocabulary"))
    found = list(_SHORT[:words])
    while len(found) < words:
        parts = [part[int(rng.integers(len(part)))] for part in (_ONSETS, _VOWELS, _CODAS, _ONSETS, _VOWELS, _CODAS)]
        word = "".join(parts[: 3 if rng.random() < 0.3 else 6])
        word += "," if len(found) % 9 == 4 else "." if len(found) % 9 == 8 else ""
        if word not in found:
            found.append(word)
    return tuple(found)


@lru_cache(maxsize=1024)
def _right_on(seed: int, day: int, prompt: str, right: float, rho: float) -> float:
    if not rho or right in (0.0, 1.0):
        return right
    rng = np.random.default_rng(number_of("day", seed, day, prompt))
    weight = (1 - rho) / rho
    return float(rng.beta(right * weight, (1 - right) * weight))


@lru_cache(maxsize=256)
def _ladder(model: LanguageModel, prompt: str) -> memoryview:
    """For each word the cumulated chances of the next one, row after row; row r runs from r to r + 1."""
    logits = _logits(model, prompt)
    logits -= logits.max(axis=1, keepdims=True)
    climbed = np.cumsum(np.exp(logits), axis=1)
    climbed /= climbed[:, -1:]
    climbed += np.arange(model.words)[:, None]
    return climbed.ravel().data


def _logits(model: LanguageModel, prompt: str) -> Floats:
    """The logits for a prompt, shape (words, words): row is the last word, column the next. A new array."""
    pull = model.subject * _pull(prompt, model.words)
    if model.pull:
        pull = pull + model.pull * _pull(model.hidden, model.words)
    return (_table(model) + pull) / model.temperature


def _table(model: LanguageModel) -> Floats:
    """The part of the logits that no prompt changes."""
    shape = (model.words, model.words)
    table: Floats = model.sharpness * _normals("table", model.seed, 0, shape)
    if model.noise:
        table = table + model.noise * _normals("build", model.seed, model.build, shape)
    if model.drift:
        table = table + model.drift * _normals("today", model.seed, model.day, shape)
    if model.watermark:
        green = _normals("green", model.seed, 0, shape)
        table = table + model.watermark * (green > np.median(green, axis=1, keepdims=True))
    return table


@lru_cache(maxsize=128)
def _normals(what: str, seed: int, which: int, shape: tuple[int, int]) -> Floats:
    return np.random.default_rng(number_of(what, seed, which)).standard_normal(shape)


def _pull(text: str, words: int) -> Floats:
    return np.random.default_rng(number_of("pull", text)).standard_normal(words)


def uniform_of(*parts: object) -> float:
    """A number from 0 to 1 that is spread evenly over different parts."""
    return (number_of(*parts) >> 75) / (1 << 53)


def number_of(*parts: object) -> int:
    """A number of 128 bits that is spread evenly over different parts."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=16).digest(), "big")
