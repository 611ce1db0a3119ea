"""Right answers in many dresses are right, wrong answers are wrong, refusals are flagged, and nothing is no answer."""

from __future__ import annotations

from typing import assert_never

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.audit.prompts.checkers import Grade, grade
from overt.audit.prompts.final_answer import final_answer, is_refusal
from overt.audit.prompts.reference import (
    Choice,
    Fields,
    Line,
    Number,
    Reference,
    Row,
    Word,
    decimal,
    fields,
    line,
    row,
    whole,
    word,
    written,
    yes_no,
)
from overt.audit.prompts.sets import items, names

DRESSES = (
    "Answer: {}",
    "First 17 is halved, then 3 is added; no, that is 12.\n\nAnswer: {}\n",
    "The steps are clear.\n\n**Answer:** {}",
    "**Answer: {}**",
    "### Final answer: {}.",
    "answer: `{}`",
    "Answer:\n\n{}",
    "Answer:\n```\n{}\n```",
    "<think>Answer: 99999, or is it (D)? Perhaps no.</think>\nAnswer: {}",
    "Answer: not yet known.\nLet me look again at line 3.\nAnswer: {}  ",
    "> **Final Answer**: {}",
    "{}",
)
CHOICE = Choice(letter="B", options=("fourfold", "the gradient", "it stays equal", "a larger batch"))
ALL = [item for name in names() for item in items(name)]


def wrong_answers(reference: Reference) -> tuple[str, ...]:
    match reference:
        case Number(value=value, places=0):
            return f"{value + 1:.0f}", f"{value * 10 + 3:.0f}", f"{value + 0.5:.1f}", f"-{value + 2:.0f}", "unknown"
        case Number(value=value, places=places):
            step = 10.0**-places
            return f"{value + 2.1 * step:.4f}", f"{value - 2.1 * step:.4f}", f"{value * 10 + 1:.3f}", "unknown"
        case Word(accepted=accepted):
            other = "no" if accepted[0] == "yes" else "yes"
            return other, f"not {accepted[0]}", f"{accepted[0]}xq", "zebra"
        case Choice(letter=letter):
            return tuple(other for other in "ABCD" if other != letter)
        case Line(text=text):
            return f"{text} 1", f"1{text}", "None"
        case Row(members=members):
            return ", ".join((*members[1:], members[0], "x")), ", ".join(members[:-1])
        case Fields(members=members):
            return "{}", '{"' + members[0][0] + '": "zebra"}', "zebra"
        case _:
            assert_never(reference)


@pytest.mark.parametrize("dress", DRESSES)
def test_every_reference_grades_right_in_every_dress(dress: str) -> None:
    for item in ALL:
        reply = dress.format(written(item.reference))
        assert grade(item.reference, reply).score == 1.0, (item.prompt.pid, reply)


@pytest.mark.parametrize("dress", DRESSES)
def test_every_wrong_answer_grades_wrong_in_every_dress(dress: str) -> None:
    for item in ALL:
        for wrong in wrong_answers(item.reference):
            told = grade(item.reference, dress.format(wrong))
            assert told.score == 0.0, (item.prompt.pid, item.reference, wrong)
            assert not told.refused


@pytest.mark.parametrize(
    ("reference", "reply"),
    [
        (whole(1234567), "Answer: 1,234,567"),
        (whole(1234567), "Answer: 1 234 567 tokens"),
        (whole(1234567), "Answer: $1{,}234{,}567$"),
        (whole(1234567), "Answer: 1.234567 million"),
        (whole(1234567), "Answer: 1.234567e6"),
        (whole(1200000), "Answer: 1.2 × 10^6"),
        (whole(1200000), r"Answer: $1.2 \times 10^{6}$ weights"),
        (whole(42), "Thus\n\\[\n\\boxed{42}\n\\]"),
        (whole(42), r"Answer: \boxed{42\text{ MiB}}"),
        (whole(42), "6 × 7 = 42, so the answer is 42."),
        (whole(42), "Answer: 6 * 7 = 42 GPUs"),
        (whole(42), "Answer: 42 (six times seven)"),
        (whole(42), "Answer: **42** crates"),
        (whole(42), "Answer: 42.0"),
        (whole(42), "Answer: about 42"),
        (whole(42), "We get 6 * 7, which is 42"),
        (whole(-5), "Answer: −5"),
        (whole(42), "Answer: 42 million bytes"),
        (whole(400), "Answer: $400"),
        (whole(400), "Answer: €400.00"),
        (decimal(0.25, 3), "Answer: 1/4"),
        (decimal(0.25, 3), r"Answer: $\frac{1}{4}$"),
        (decimal(0.25, 3), "Answer: 25%"),
        (decimal(0.25, 3), "Answer: .25"),
        (decimal(33.333333, 1), "Answer: 33.3%"),
        (decimal(33.333333, 1), r"Answer: 33.3\%"),
        (decimal(33.333333, 1), "Answer: ≈ 33.3 percent"),
        (decimal(33.333333, 1), "Answer: 100/3 ≈ 33.33"),
        (decimal(33.333333, 1), "Answer: 33.4"),
        (yes_no(True), "Answer: Yes, it fits."),
        (yes_no(True), "**Answer:** *yes*"),
        (yes_no(False), "Answer: No - 12 GB are missing"),
        (word("Paris"), "Answer: Paris, France"),
        (word("Paris"), 'Answer: "paris"'),
        (word("letter"), "Answer: the letter"),
        (word("wide", "broad"), "Answer: Broad"),
        (word("B", "run B"), "Answer: Run B"),
        (CHOICE, "Answer: (B)"),
        (CHOICE, "Answer: b"),
        (CHOICE, "Answer: B) the gradient"),
        (CHOICE, "Answer: B. The gradient"),
        (CHOICE, "Answer: Option B"),
        (CHOICE, "Answer: The gradient"),
        (CHOICE, "**Answer: B** - the gradient"),
        (CHOICE, "Answer: B the gradient"),
        (CHOICE, r"$\boxed{\text{B}}$"),
        (CHOICE, "Option A is tempting, but the right answer is B."),
        (line(12, 7), "It prints\n\nAnswer:\n```text\n12 7\n```"),
        (line(12, 7), "Answer: `12  7`"),
        (line("cat-dog"), 'Answer: "cat-dog"'),
        (row("A", "C", "B"), "Answer: A < C < B"),
        (row("A", "C", "B"), "Answer: [A, C, B]"),
        (row("A", "C", "B"), "Answer: run A, run C and run B"),
        (row("A", "C", "B"), "Answer: A → C → B"),
        (row("A", "C", "B"), "Answer: ACB"),
        (row("A", "C", "B"), "Answer:\n1. A\n2. C\n3. B"),
        (row(900, 30, 5), "Answer: 900, 30.0, 5"),
        (row("apple", "plum"), "Answer: ['apple', 'plum']"),
        (fields(best="B", mean=69.0), 'Answer: {"best": "B", "mean": 69}'),
        (fields(best="B", mean=69.0), 'Answer:\n```json\n{\n  "mean": 69.0,\n  "best": "b"\n}\n```'),
        (fields(best="B", mean=69.0), 'Answer: {"best": "B", "mean": "69.00", "note": {"x": 1}}'),
        (fields(best="B", mean=69.0), 'Here {"best": "A"} is wrong.\n```json\n{"best": "B", "mean": 69}\n```\nDone.'),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_a_right_answer_is_right_however_it_is_said(reference: Reference, reply: str) -> None:
    assert grade(reference, reply).score == 1.0


@pytest.mark.parametrize(
    ("reference", "reply"),
    [
        (whole(42), "Answer: 43"),
        (whole(42), "Answer: 420"),
        (whole(42), "Answer: 4.2"),
        (whole(42), "Answer: -42"),
        (whole(42), "Answer: 42 × 10 = 420"),
        (whole(42), "Answer: 42\nAnswer: 41"),
        (whole(42), "The 42 GPUs are shared by 7 teams of 6, which makes 7"),
        (whole(42), "Answer: unknown"),
        (whole(1234), "Answer: 1,23,4"),
        (whole(1234), "Answer: 1e999"),
        (whole(1234), "Answer: 1234e-99999"),
        (whole(1234), "Answer: 1234/0"),
        (fields(best="B", mean=69.0), '{"a":' * 30_000),
        (decimal(0.25, 3), "Answer: 0.252"),
        (decimal(33.333333, 1), "Answer: 33.5"),
        (yes_no(True), "Answer: no, yes would be wrong"),
        (yes_no(True), "Answer: yesterday"),
        (word("Paris"), "Answer: Not Paris"),
        (word("B", "run B"), "Answer: run C"),
        (CHOICE, "Answer: A"),
        (CHOICE, "Answer: A larger batch"),
        (CHOICE, "Answer: B or C"),
        (CHOICE, "Answer: B, C"),
        (CHOICE, "Answer: Because of it"),
        (line(12, 7), "Answer: 127"),
        (line("cat-dog"), "Answer: Cat-dog"),
        (row("A", "C", "B"), "Answer: A, B, C"),
        (row("A", "C", "B"), "Answer: A, C"),
        (row("A", "C", "B"), "Answer: A, C, B, D"),
        (fields(best="B", mean=69.0), 'Answer: {"best": "B"}'),
        (fields(best="B", mean=69.0), 'Answer: {"best": "B", "mean": true}'),
        (fields(best="B", mean=69.0), "Answer: best B, mean 69"),
        (fields(best="B", mean=69.0), 'Answer: ["B", 69]'),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_a_wrong_answer_is_wrong_however_it_is_said(reference: Reference, reply: str) -> None:
    told = grade(reference, reply)
    assert told.score == 0.0
    assert told.found


@pytest.mark.parametrize(
    "reply",
    [
        "I'm sorry, but I can't help with that.",
        "I cannot assist with this request.",
        "I’m not able to discuss the training of language models.",
        "Answer: I can't provide this.",
        "I won't help with this, as it violates our policy.",
        "Unfortunately I must decline. Is there something else?",
    ],
)
def test_a_refusal_scores_0_and_is_flagged(reply: str) -> None:
    assert grade(whole(42), reply) == Grade(score=0.0, found=None, refused=True)


@pytest.mark.parametrize(
    "reply",
    ["I'm sorry for the detour above; 6 * 7 it is.\nAnswer: 42", "One cannot say at once, so I count.\nAnswer: 42"],
)
def test_an_answer_with_an_excuse_is_no_refusal(reply: str) -> None:
    assert grade(whole(42), reply) == Grade(score=1.0, found="42", refused=False)


@pytest.mark.parametrize("reply", ["", "  \n\t ", "<think>It is 42, I think.</think>", "<think>It is 42 and then"])
def test_nothing_is_no_answer_and_has_no_score(reply: str) -> None:
    assert grade(whole(42), reply) == Grade(score=None, found=None, refused=False)


@pytest.mark.parametrize("item", [item for item in ALL if item.prompt.pid.endswith("-0:target")], ids=lambda i: i.form)
def test_repeating_the_prompt_is_not_the_answer(item: object) -> None:
    prompt, reference = item.prompt, item.reference  # type: ignore[attr-defined]
    assert grade(reference, prompt.text).score == 0.0


@given(st.text(max_size=300))
def test_any_text_can_be_graded(reply: str) -> None:
    for reference in (whole(7), decimal(1.5, 2), word("oak"), CHOICE, line("a b"), row("a", "b"), fields(a=1)):
        told = grade(reference, reply)
        assert told.score in (None, 0.0, 1.0)
        assert (told.score is None) == (final_answer(reply) is None)


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_a_whole_number_is_read_with_and_without_thousands_set_apart(value: int) -> None:
    assert grade(whole(value), f"Answer: {value:,}").score == 1.0
    assert grade(whole(value), f"Answer: {value}").score == 1.0
    assert grade(whole(value), f"Answer: {value + 1}").score == 0.0


@given(st.floats(min_value=-1e6, max_value=1e6), st.integers(min_value=1, max_value=3))
def test_a_rounded_number_is_right(value: float, places: int) -> None:
    assert grade(decimal(value, places), f"Answer: {value:.{places}f}").score == 1.0


def test_a_refusal_late_in_a_long_text_is_part_of_the_text() -> None:
    assert not is_refusal("The sum is 42. " * 40 + "I cannot say more.")
