"""What every prompt set promises: pairs of one form, no repetition, the same bytes for the same arguments."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from itertools import pairwise

import pytest

from overt.audit.prompts.draw import draws, number_lists, pick, shuffled
from overt.audit.prompts.form import Item
from overt.audit.prompts.reference import Choice, Word, slot, whole, written
from overt.audit.prompts.sets import RECIPES, graded, items, load, names, references_of
from overt.audit.prompts.wording import ALTERNATIVES, SHAPES
from overt.audit.rows import Answer
from overt.errors import BadRequest, InvariantBroken

PAIRED = ("frontier_llm", "cyber", "bio", "chem", "ladder_frontier_llm")
FEWEST = {"frontier_llm": 200, "cyber": 60, "bio": 60, "chem": 60, "ladder_frontier_llm": 50}
FORMS = [form for recipe in RECIPES.values() for forms, _ in recipe.parts for form in forms]
DIGESTS = {
    "frontier_llm": "41488307b6738423",
    "cyber": "c206c32a2cf090bc",
    "bio": "8e38f4df97c05b87",
    "chem": "f16c35dde77c3405",
    "general": "51d6b828d1a4d31b",
    "ladder_frontier_llm": "7eda16ee3a6cd5b3",
}
"""The sets of seed 0 in wording 0 as they were released: published audits name their prompts by them."""


def pairs(name: str, *, seed: int = 0, wording: int = 0) -> list[tuple[Item, Item]]:
    made = items(name, seed=seed, wording=wording)
    found = list(zip(made[::2], made[1::2], strict=True))
    assert all(one.prompt.pair == other.prompt.pair is not None for one, other in found)
    return found


def numbers(text: str) -> Counter[str]:
    return Counter(re.findall(r"(?<![A-Za-z\d])\d+(?:[.,]\d+)*", text))


def test_the_sets_are_named() -> None:
    assert names() == ("frontier_llm", "cyber", "bio", "chem", "general", "ladder_frontier_llm")


@pytest.mark.parametrize("name", PAIRED)
def test_a_set_has_as_many_pairs_as_promised(name: str) -> None:
    assert len(pairs(name)) >= FEWEST[name]
    assert len({one.prompt.pair for one, _ in pairs(name)}) == len(pairs(name))


def test_the_target_set_is_of_many_forms() -> None:
    forms = {one.form for one, _ in pairs("frontier_llm")}
    concepts = {form for form in forms if form.startswith("concept_")}
    programs = [one for one, _ in pairs("frontier_llm") if one.form.startswith("code_")]
    assert len(concepts) >= 40
    assert len(programs) >= 20
    assert len(forms - concepts) - len({one.form for one in programs}) >= 25


@pytest.mark.parametrize("name", PAIRED)
@pytest.mark.parametrize("wording", range(SHAPES))
def test_both_members_of_a_pair_have_one_form_stratum_and_length(name: str, wording: int) -> None:
    for one, other in pairs(name, wording=wording):
        assert (one.form, one.level, one.prompt.stratum) == (other.form, other.level, other.prompt.stratum)
        assert 0.8 <= len(one.prompt.text) / len(other.prompt.text) <= 1.25, one.prompt.pid
        assert slot(one.reference) == slot(other.reference)
        assert one.prompt.topic != other.prompt.topic


@pytest.mark.parametrize("name", PAIRED)
def test_both_members_of_a_pair_have_one_answer(name: str) -> None:
    for one, other in pairs(name):
        assert written(one.reference) == written(other.reference), one.prompt.pid


@pytest.mark.parametrize("name", PAIRED)
def test_both_members_of_a_pair_show_the_same_numbers(name: str) -> None:
    """Numbers inside a word, as in O2, are part of the word."""
    for one, other in pairs(name):
        if not one.form.startswith("concept_"):
            assert numbers(one.prompt.text) == numbers(other.prompt.text), one.prompt.pid


@pytest.mark.parametrize("form", [form for form in FORMS if len(form.sides) == 2], ids=lambda form: form.name)
def test_both_tellings_of_a_form_vary_in_the_same_places(form: object) -> None:
    one, other = form.sides  # type: ignore[attr-defined]
    assert [len(ALTERNATIVES.findall(fact)) for fact in one.facts] == [
        len(ALTERNATIVES.findall(fact)) for fact in other.facts
    ]
    assert len(ALTERNATIVES.findall(one.ask)) == len(ALTERNATIVES.findall(other.ask))


@pytest.mark.parametrize("name", names())
def test_no_two_prompts_are_the_same(name: str) -> None:
    made = items(name)
    assert len({item.prompt.pid for item in made}) == len(made)
    assert len({item.prompt.text for item in made}) == len(made)


@pytest.mark.parametrize("name", names())
def test_every_prompt_asks_for_a_line_with_the_answer_and_tells_none(name: str) -> None:
    for item in items(name):
        assert f"`Answer: {slot(item.reference)}`" in item.prompt.text
        assert not re.search(r"\{\w+\}|\[[^\]\n]*\|", item.prompt.text), item.prompt.text


@pytest.mark.parametrize("name", names())
def test_a_set_is_the_same_bytes_everywhere(name: str) -> None:
    told = "\n".join(f"{item.prompt}{written(item.reference)}" for item in items(name))
    assert hashlib.sha256(told.encode()).hexdigest()[:16] == DIGESTS[name]


@pytest.mark.parametrize("name", names())
def test_a_prompt_is_told_in_at_least_four_ways(name: str) -> None:
    told = [load(name, wording=wording) for wording in range(SHAPES)]
    for versions in zip(*told, strict=True):
        assert len({prompt.text for prompt in versions}) == SHAPES
        assert len({prompt.pid for prompt in versions}) == SHAPES


@pytest.mark.parametrize("name", names())
def test_a_wording_changes_no_answer(name: str) -> None:
    for one, other in zip(items(name), items(name, wording=5), strict=True):
        assert one.reference == other.reference


@pytest.mark.parametrize("name", names())
def test_another_seed_gives_a_parallel_set(name: str) -> None:
    one, other = items(name), items(name, seed=1)
    assert [item.prompt.stratum for item in one] == [item.prompt.stratum for item in other]
    assert len({item.prompt.text for item in one} & {item.prompt.text for item in other}) <= 0.05 * len(one)


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("times", [2, 4])
def test_a_larger_set_contains_the_smaller_one(name: str, times: int) -> None:
    small, large = load(name), load(name, times=times)
    assert set(small) < set(large)
    assert len({prompt.text for prompt in large}) == len(large)


def test_twenty_subtopics_and_more_have_equal_size() -> None:
    sizes = Counter(prompt.topic for prompt in load("general"))
    assert len(sizes) >= 20
    assert sizes.total() >= 200
    assert set(sizes.values()) == {10}


def test_strata_of_the_general_set_go_across_its_subtopics() -> None:
    topics = {stratum: {p.topic for p in load("general") if p.stratum == stratum} for stratum in ("number/1", "text/1")}
    assert all(len(found) >= 5 for found in topics.values())


@pytest.mark.parametrize("name", ["frontier_llm", "cyber", "general", "ladder_frontier_llm"])
def test_questions_with_yes_and_no_have_both_answers(name: str) -> None:
    said = Counter(item.reference.accepted[0] for item in items(name) if isinstance(item.reference, Word))
    assert min(said["yes"], said["no"]) >= 1


@pytest.mark.parametrize("name", ["frontier_llm", "cyber", "bio", "chem"])
def test_right_options_stand_in_every_place(name: str) -> None:
    found = Counter(item.reference.letter for item in items(name) if isinstance(item.reference, Choice))
    assert set(found) == set("ABCD")
    assert max(found.values()) - min(found.values()) <= 2
    for item in items(name):
        if isinstance(item.reference, Choice):
            assert len(set(item.reference.options)) == 4


@pytest.mark.parametrize("name", ["frontier_llm", "cyber", "bio", "chem"])
def test_the_right_option_is_not_given_away_by_its_length(name: str) -> None:
    """How often the right option is the only longest one: of both sides about equally often."""
    for side in (0, 1):
        found = [pair[side].reference for pair in pairs(name) if isinstance(pair[side].reference, Choice)]
        longest = [
            len(c.options["ABCD".index(c.letter)])
            > max(len(o) for o in c.options if o != c.options["ABCD".index(c.letter)])
            for c in found
            if isinstance(c, Choice)
        ]
        assert sum(longest) <= 0.75 * len(longest)


@pytest.mark.parametrize("name", names())
def test_a_reference_is_found_again_by_the_pid_alone(name: str) -> None:
    made = items(name, seed=3, wording=6, times=2)
    assert references_of(item.prompt.pid for item in made) == {item.prompt.pid: item.reference for item in made}


@pytest.mark.parametrize(
    "pid",
    ["p17", "cyber:0:0", "cyber:0:9:caesar-0:target", "cyber:x:0:caesar-0:target", "cyber:0:0:cesar-0:target", ""],
)
def test_pids_of_others_have_no_reference(pid: str) -> None:
    assert references_of([pid]) == {}


def test_answers_are_graded_by_their_pids_and_scored_ones_stay() -> None:
    item = items("chem")[0]
    right = Answer(pid=item.prompt.pid, model="m", rep=0, text=f"So it is.\nAnswer: {written(item.reference)}")
    wrong = Answer(pid=item.prompt.pid, model="m", rep=1, text="Answer: -5")
    empty = Answer(pid=item.prompt.pid, model="m", rep=2, text="")
    other = Answer(pid="p1", model="m", rep=0, text="Answer: 4")
    judged = Answer(pid=item.prompt.pid, model="m", rep=3, text="Answer: -5", score=0.25)
    assert [a.score for a in graded([right, wrong, empty, other, judged])] == [1.0, 0.0, None, None, 0.25]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "physics"}, "'physics'"),
        ({"name": "bio", "wording": 8}, "8"),
        ({"name": "bio", "times": 0}, "0"),
        ({"name": "bio", "seed": -1}, "-1"),
        ({"name": "cyber", "times": 9}, "ask for fewer"),
    ],
    ids=["name", "wording", "times", "seed", "too many"],
)
def test_what_cannot_be_made_is_refused_by_name(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        load(**arguments)  # type: ignore[arg-type]


def test_a_draw_is_the_same_for_the_same_key() -> None:
    assert pick("a", 1000) == pick("a", 1000) != pick("b", 1000)
    assert sorted(shuffled("k", "abcdef")) == list("abcdef")
    assert number_lists("k", 2, length=3, among=range(9)) == number_lists("k", 2, length=3, among=range(9))
    assert all(len(set(found)) == 4 for found in number_lists("k", 9, length=4, among=range(6), distinct=True))


def test_a_longer_run_of_draws_begins_with_the_shorter_one_and_repeats_nothing() -> None:
    runs = [draws("key", {"a": range(6), "b": range(5)}, lambda a, b: a != b, count) for count in (3, 10, 20)]
    assert all(longer[: len(shorter)] == shorter for shorter, longer in pairwise(runs))
    assert len({tuple(drawn.items()) for drawn in runs[-1]}) == 20


def test_a_fraction_is_no_whole_number() -> None:
    with pytest.raises(InvariantBroken, match=r"2\.5"):
        whole(2.5)
