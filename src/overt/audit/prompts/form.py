"""A form: one structure of a task, told once for each side, with the numbers left open.

Both sides of a pair are given the same numbers and the same reference, so that the calculation is the same by
construction and only the subject differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

from overt.audit.prompts.draw import draws, pick
from overt.audit.prompts.reference import Reference, slot
from overt.audit.prompts.wording import SHAPES, compose, phrase, shown
from overt.audit.rows import Prompt


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A prompt with its reference. ``values`` are what was drawn for it, ``form`` and ``level`` how it was made."""

    prompt: Prompt
    reference: Reference
    form: str
    level: int
    values: Mapping[str, object]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One telling. ``words`` fill names that the block leaves open, so that two sides share one program or table."""

    facts: tuple[str, ...]
    ask: str
    words: Mapping[str, str] = field(default_factory=dict)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """``sides`` in the order of the set's labels. ``level`` 1 is one step, 2 two or three, 3 more.

    ``choices`` are drawn from; ``holds`` refuses a draw; ``answer`` gives the reference and ``more`` further values to
    show, all called with the drawn values by name. ``block`` is a table or program of every side.
    """

    name: str
    level: int
    sides: tuple[Side, ...]
    choices: Mapping[str, Sequence[object]]
    answer: Callable[..., Reference]
    more: Callable[..., Mapping[str, object]] | None = None
    holds: Callable[..., bool] | None = None
    block: str = ""
    topic: str | None = None
    """Only in sets without pairs: the named topic of the form."""
    stratum: str | None = None
    """Only where the form alone does not say it."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Which set is made: its name, seed and wording, and one label (side) and topic for each side of its forms."""

    name: str
    seed: int
    wording: int
    labels: tuple[str, ...]
    topics: tuple[str, ...]
    intros: tuple[tuple[str, ...], ...] = ()
    """Sentences for each side that say what it is about, one of which begins a prompt."""

    def intro(self, number: str, label: str) -> tuple[str, ...]:
        """The sentence that begins a prompt; none where the set has none. Both sides get that of the same place."""
        if not self.intros:
            return ()
        told = self.intros[self.labels.index(label)]
        return (told[pick(f"{self.name}:{number}:intro", len(told))],)

    def shape(self, number: str) -> int:
        """Of the prompts of that number in this wording, the same for every seed and side."""
        return (pick(f"{self.name}:{number}", SHAPES) + self.wording) % SHAPES

    def pid(self, number: str, label: str) -> str:
        """Names the text for good: set, seed, wording, form with its copy, and side."""
        return f"{self.name}:{self.seed}:{self.wording}:{number}:{label}"


def items_of(form: Form, made: Made, count: int) -> tuple[Item, ...]:
    """``count`` items a side; the sides of one draw follow each other."""
    key = f"{made.name}:{made.seed}:{form.name}"
    found: list[Item] = []
    for copy, drawn in enumerate(draws(key, form.choices, form.holds, count)):
        number = f"{form.name}-{copy}"
        for side, label, topic in zip(form.sides, made.labels, made.topics, strict=True):
            found.append(_item(form, side, drawn, made, number=number, label=label, topic=form.topic or topic))
    return tuple(found)


def _item(
    form: Form,
    side: Side,
    drawn: Mapping[str, object],
    made: Made,
    *,
    number: str,
    label: str,
    topic: str,
) -> Item:
    reference, shape = form.answer(**drawn), made.shape(number)
    further = {} if form.more is None else form.more(**drawn)
    names = {name: shown(value) for name, value in {**drawn, **further}.items()} | dict(side.words)
    text = compose(
        [phrase(fact, shape, names) for fact in (*made.intro(number, label), *side.facts)],
        phrase(side.ask, shape, names),
        form.block.format_map(names),
        slot=slot(reference),
        shape=shape,
    )
    prompt = Prompt(
        pid=made.pid(number, label),
        topic=topic,
        text=text,
        stratum=form.stratum or f"{form.name}/{form.level}",
        pair=f"{made.name}:{made.seed}:{made.wording}:{number}" if len(made.labels) > 1 else None,
    )
    return Item(prompt=prompt, reference=reference, form=form.name, level=form.level, values=drawn)
