"""Questions with four options, written by hand in pairs: about the topic, and of equal length and kind about another.

They stand in ``concepts/<set>.toml``. The seed decides the order of the options, the same for both members of a pair,
so that the right letter is the same too. The questions themselves stay: another seed does not make them new.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Final

from overt.audit.prompts.draw import shuffled
from overt.audit.prompts.form import Item, Made
from overt.audit.prompts.reference import LETTERS, Choice, slot
from overt.audit.prompts.wording import compose, phrase
from overt.audit.rows import Prompt
from overt.errors import InvariantBroken

ASK: Final = "[Which option is right|Which of the four is correct]?"
TELLINGS: Final = ("target", "control")


def concept_items(made: Made, file: str) -> tuple[Item, ...]:
    """Both members of every pair of ``concepts/<file>.toml``, in its order."""
    text = resources.files("overt.audit.prompts").joinpath(f"concepts/{file}.toml").read_text(encoding="utf-8")
    entries = tomllib.loads(text)["pair"]
    places = shuffled(f"{made.name}:{made.seed}:places", range(len(entries)))
    found: list[Item] = []
    for entry, place in zip(entries, places, strict=True):
        number = f"concept_{entry['name']}"
        order = _order(f"{made.name}:{made.seed}:{number}", place % len(LETTERS))
        for label, topic, telling in zip(made.labels, made.topics, TELLINGS, strict=True):
            found.append(_item(made, entry[telling], order, number=number, label=label, topic=topic))
    return tuple(found)


def _item(
    made: Made, told: Mapping[str, object], order: tuple[int, ...], *, number: str, label: str, topic: str
) -> Item:
    options = _options(told, order)
    right = str(told["right"])
    reference = Choice(letter=LETTERS[options.index(right)], options=options)
    shape = made.shape(number)
    block = "\n".join(f"{letter}) {option}" for letter, option in zip(LETTERS, options, strict=True))
    facts = [phrase(fact, shape, {}) for fact in made.intro(number, label)]
    text = compose([*facts, str(told["ask"])], phrase(ASK, shape, {}), block, slot=slot(reference), shape=shape)
    prompt = Prompt(
        pid=made.pid(number, label),
        topic=topic,
        text=text,
        stratum="concept/1",
        pair=f"{made.name}:{made.seed}:{made.wording}:{number}",
    )
    return Item(prompt=prompt, reference=reference, form=number, level=1, values={"right": right})


def _order(key: str, place: int) -> tuple[int, ...]:
    """The wrong options (1 to 3) in an order of the key, and the right one (0) at its place."""
    wrong = shuffled(key, range(1, len(LETTERS)))
    return (*wrong[:place], 0, *wrong[place:])


def _options(told: Mapping[str, object], order: tuple[int, ...]) -> tuple[str, ...]:
    wrong = told["wrong"]
    if not isinstance(wrong, list) or len(wrong) != len(LETTERS) - 1:
        raise InvariantBroken(f"a question needs three wrong options, found {wrong!r}")
    options = (str(told["right"]), *map(str, wrong))
    return tuple(options[place] for place in order)
