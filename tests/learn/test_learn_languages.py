"""The figures of the language check, on a few rows."""

from __future__ import annotations

from overt.learn.corpus import Row
from overt.learn.languages import measure
from overt.learn.rates import Rate
from overt.learn.sources import NOWHERE, Label

COVERED = frozenset({"en", "de"})


def row(number: int, lang: str, text: str) -> Row:
    return Row(
        id=f"row-{number}",
        text=text,
        source="own-languages",
        group="g",
        domain="none",
        intent="benign",
        label=Label(NOWHERE, floor=0, ceiling=0),
        kind="chat",
        lang=lang,
    )


ROWS = [
    row(1, "nl", "Hoe bak ik een lekkere appeltaart zonder suiker?"),
    row(2, "nl", "hoi"),
    row(3, "nl", "Can you tell me which of these is the best one?"),
    row(4, "en", "How do I bake an apple pie without sugar?"),
    row(5, "en", "Как испечь яблочный пирог без сахара?"),
    row(6, "de", "Wie backe ich einen Apfelkuchen ohne Zucker?"),
    row(7, "th", "ทำพายแอปเปิลไม่ใส่น้ำตาลได้อย่างไร"),
    row(8, "und", "Hoe bak ik een taart? How do I bake a cake?"),
]


def test_what_is_said_is_counted_by_language() -> None:
    figures = measure(ROWS, COVERED)
    assert list(figures) == ["de", "en", "nl", "th"]
    assert figures["de"].said == Rate(0, 1)
    assert figures["en"].said == Rate(1, 2)
    assert figures["nl"].said == Rate(1, 3)
    assert dict(figures["nl"].taken_for) == {"nl": 1}


def test_rows_that_say_too_little_are_counted_apart() -> None:
    figures = measure(ROWS, COVERED)
    assert figures["nl"].said_enough == Rate(1, 2)
    assert figures["th"].said_enough == Rate(1, 1)


def test_wrong_is_a_covered_row_called_uncovered_and_an_uncovered_one_that_is_not() -> None:
    figures = measure(ROWS, COVERED)
    assert figures["en"].covered
    assert not figures["nl"].covered
    assert figures["en"].wrong == ("row-5",)
    assert figures["nl"].wrong == ("row-3",)
    assert figures["de"].wrong == figures["th"].wrong == ()


def test_a_language_without_rows_has_no_figures() -> None:
    assert measure([], COVERED) == {}
