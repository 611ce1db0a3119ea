"""The datasheet says what the code makes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from overt.audit.prompts.reference import LETTERS, Choice, Word
from overt.audit.prompts.sets import items, load, names

SHEET = (Path(__file__).parents[2] / "docs" / "audit" / "prompts.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", names())
def test_the_table_counts_what_is_there(name: str) -> None:
    made = items(name)
    forms = {item.form for item in made}
    concepts = sum(form.startswith("concept_") for form in forms)
    programs = sum(form.startswith("code_") for form in forms)
    pairs = len({item.prompt.pair for item in made} - {None})
    cells = (len(made), pairs, len(forms) - concepts - programs, programs, concepts)
    assert f"| {name} | " + " | ".join(map(str, cells)) + " |" in SHEET


def test_the_subtopics_are_counted() -> None:
    topics = {prompt.topic for prompt in load("general")}
    assert f"{len(topics)} subtopics of {len(load('general')) // len(topics)} prompts" in SHEET


def test_lengths_are_as_near_as_said() -> None:
    said = int(re.findall(r"wording 0 they are within (\d+) %", SHEET)[0])
    for name in (name for name in names() if name != "general"):
        made = load(name)
        for one, other in zip(made[::2], made[1::2], strict=True):
            assert abs(len(one.text) / len(other.text) - 1) <= said / 100 + 0.005


def test_the_known_biases_are_as_large_as_said() -> None:
    made = items("frontier_llm")
    for side, said in zip(
        (0, 1), re.findall(r"in (\d+) % of the target and (\d+) % of the control", SHEET)[0], strict=True
    ):
        choices = [item.reference for item in made[side::2] if isinstance(item.reference, Choice)]
        right = [choice.options[LETTERS.index(choice.letter)] for choice in choices]
        longest = [
            all(len(told) > len(other) for other in choice.options if other != told)
            for choice, told in zip(choices, right, strict=True)
        ]
        assert round(100 * sum(longest) / len(longest)) == int(said)
    two_way = [
        item for item in made[::2] if isinstance(item.reference, Word) and item.reference.accepted[0] in ("yes", "no")
    ]
    assert f"{len(two_way)} of {len(made) // 2} pairs" in SHEET


def test_the_overlap_of_seeds_is_as_said() -> None:
    low, high = map(int, re.findall(r"between (\d+) % and (\d+) % are also in seed 0", SHEET)[0])
    for name in names():
        drawn = [
            {(item.form, str(item.values)) for item in items(name, seed=seed) if "concept_" not in item.form}
            for seed in (0, 1)
        ]
        assert low <= round(100 * len(drawn[0] & drawn[1]) / len(drawn[0])) <= high
