"""What the encoder is taught: answers of labels, draws by weight, variation that keeps what is asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from overt.classify.model import HEADS, NEVER
from overt.core.domain import DOMAINS, Domain
from overt.learn.corpus import Row
from overt.learn.folds import FOLD_OF, FOLDS, fold_of
from overt.learn.lessons import Course, answers_of, course_of, draw_lessons
from overt.learn.sources import NOWHERE, SOURCES, UNLABELLED, Label, Use, topics_of
from overt.learn.train import Recipe

CYBER_TOPIC, CYBER_LOW, CYBER_HIGH, CYBER_PROHIBITED = (HEADS.index(f"cyber.{o}") for o in
    ("topic", "low_dual", "high_dual", "prohibited"))  # fmt: skip


def row(name: str, label: Label, *, source: str = "own-cyber", text: str = "a request", group: str = "g") -> Row:
    """A row with this label."""
    return Row(id=name, text=text, source=source, group=group, domain="none", intent="benign", label=label, kind="chat",
               lang="en")  # fmt: skip


def told(label: Label) -> dict[str, bool]:
    """The answers that a label gives, by head."""
    answers, known = answers_of(label)
    return {HEADS[place]: bool(answers[place]) for place in np.flatnonzero(known)}


def test_a_row_about_nothing_is_a_no_for_every_head_that_exists() -> None:
    found = told(Label(NOWHERE, ceiling=0))
    assert set(found) == set(HEADS) - {HEADS[NEVER]}
    assert not any(found.values())


def test_an_exact_band_answers_every_band_of_its_domain() -> None:
    found = told(Label(topics_of(Domain.CYBER), floor=2, ceiling=2))
    assert [found[HEADS[head]] for head in (CYBER_TOPIC, CYBER_LOW, CYBER_HIGH, CYBER_PROHIBITED)] == [1, 1, 1, 0]


def test_high_dual_or_worse_leaves_prohibited_open() -> None:
    found = told(Label(topics_of(Domain.CYBER), floor=2))
    assert found["cyber.high_dual"]
    assert "cyber.prohibited" not in found


def test_biology_says_nothing_about_the_topic_chemistry_and_a_benign_row_denies_its_bands() -> None:
    found = told(Label(topics_of(Domain.BIO), ceiling=0))
    assert "chem.topic" not in found
    assert found["chem.high_dual"] is False


def test_an_unlabelled_row_says_nothing() -> None:
    assert not told(UNLABELLED)


def course(rows: list[Row], weights: list[float]) -> Course:
    """A course that encodes a text as its length."""
    return Course(rows, np.asarray(weights), [], lambda text: [len(text)])


def test_rows_are_drawn_as_often_as_their_weights_ask() -> None:
    label = Label(topics_of(Domain.CYBER), ceiling=0)
    rows = [row("a", label, text="x" * 3), row("b", label, text="y" * 700)]
    lessons = draw_lessons(course(rows, [3.0, 1.0]), 400, np.random.default_rng(1))
    heavy = sum(lesson.ids[0] < 500 for lesson in lessons)
    assert heavy == pytest.approx(300, abs=1)


def test_the_same_seed_draws_the_same_lessons() -> None:
    rows = [row(str(n), Label(NOWHERE, ceiling=0), text=f"please explain the number {n}, will you?") for n in range(50)]
    made = course_of(rows, lambda text: [ord(c) for c in text], Recipe())
    first, second = (draw_lessons(made, 80, np.random.default_rng(4)) for _ in range(2))
    assert [lesson.ids for lesson in first] == [lesson.ids for lesson in second]


def test_variation_keeps_the_words_of_the_request_but_for_slips_of_one_letter() -> None:
    text = "please describe photosynthesis slowly"
    made = course_of([row("a", Label(NOWHERE, ceiling=0), text=text)], lambda said: [ord(c) for c in said], Recipe())
    lessons = ["".join(map(chr, lesson.ids)) for lesson in draw_lessons(made, 200, np.random.default_rng(2))]
    for said in lessons:
        assert all(any(_close(word, other) for other in said.split()) for word in text.split()), said
    assert len(set(lessons)) > 20


def _close(word: str, other: str) -> bool:
    """Whether one slip of the keyboard makes one word of the other."""
    other = other.strip(".")
    slips = {word, *(word[:n] + word[n + 1 :] for n in range(len(word)))}
    slips |= {word[:n] + word[n] + word[n:] for n in range(len(word))}
    slips |= {word[:n] + word[n + 1] + word[n] + word[n + 2 :] for n in range(len(word) - 1)}
    hit = len(word) == len(other) and sum(a != b for a, b in zip(word, other, strict=True)) == 1
    return other in slips or hit


def test_a_request_is_put_before_after_and_amid_a_paragraph_of_everyday_sentences() -> None:
    everyday = [row(f"e{n}", Label(NOWHERE, ceiling=0), text=f"on day {n} it rained") for n in range(30)]
    made = course_of([row("a", Label(topics_of(Domain.CYBER), ceiling=0), text="zebra crossing")], _letters, Recipe())
    around = course_of(everyday, _letters, Recipe()).around
    said = [
        "".join(map(chr, one.ids)) for one in draw_lessons(replace(made, around=around), 400, np.random.default_rng(3))
    ]
    long = [each for each in said if each.count("rained") >= 3 and "zebra crossing" in each]
    places = {(each.startswith("zebra"), each.endswith("crossing")) for each in long}
    assert places == {(True, False), (False, True), (False, False)}
    assert max(map(len, long)) < 500


def _letters(said: str) -> list[int]:
    return [ord(character) for character in said]


def test_folds_name_only_sources_that_train_and_cut_no_family() -> None:
    trained = {source.name for source in SOURCES if source.use is Use.TRAIN}
    assert set(FOLD_OF) <= trained
    families = [row(str(n), Label(NOWHERE), group=f"family-{n // 5}") for n in range(200)]
    folds = {(each.group, fold_of(each, 7)) for each in families}
    assert len(folds) == 40
    assert {fold for _, fold in folds} == set(range(FOLDS))


def test_every_domain_keeps_a_harmful_source_or_our_own_rows_in_every_fold() -> None:
    assert len({FOLD_OF[name] for name in ("cysecbench", "cse_interpreter", "catqa")}) == FOLDS
    assert len(DOMAINS) == 4
