"""Letters by script, and the language that a script means."""

from __future__ import annotations

from itertools import pairwise

import pytest

from overt.classify.scripts import SCRIPTS, has_foreign_letters, without_foreign_letters, written


@pytest.mark.parametrize(
    ("text", "code", "named"),
    [
        ("Который час в Москве сейчас, мы опоздали", "ru", True),
        ("как дела", "ru", False),
        ("Котра година в Києві", "uk", True),
        ("Колку е часот сега во Скопје, ќе", "mk", True),
        ("Колико је сати у Београду", "sr", True),
        ("колко е часът", "bg", True),
        ("كم الساعة الآن", "ar", False),
        ("ساعت چند است", "fa", True),
        ("کتنے بجے ہیں", "ur", True),
        ("केक कैसे बनाऊँ", "hi", False),
        ("वेळ किती झाली", "mr", True),
        ("こんにちは世界", "ja", True),
        ("你好，世界", "zh", False),
        ("안녕하세요", "ko", True),
        ("τι ώρα είναι", "el", True),
    ],
)
def test_letters_name_the_language_within_a_script(text: str, code: str, named: bool) -> None:
    (found,) = (each for each in written(text) if each.letters > 2)
    assert (found.code, found.named) == (code, named)


def test_a_chinese_text_with_a_japanese_name_stays_chinese() -> None:
    assert {found.code for found in written("优衣库和の字牌子的衣服哪个更耐穿，价格差多少")} == {"zh", "ja"}
    assert {found.code for found in written("私の名前は山田太郎です")} == {"ja"}


def test_single_letters_of_formulas_do_not_count() -> None:
    assert not has_foreign_letters("α + β = γ, и")
    assert without_foreign_letters("a мир b") == "a   b"


def test_scripts_do_not_overlap() -> None:
    ranges = sorted(span for script in SCRIPTS for span in script.ranges)
    assert all(low <= high for low, high in ranges)
    assert all(before[1] < after[0] for before, after in pairwise(ranges))


def test_every_mark_is_a_letter_of_its_script_and_a_language_of_it() -> None:
    for script in SCRIPTS:
        for mark in script.marks:
            assert mark.code in script.languages
            assert all(any(low <= ord(c) <= high for low, high in script.ranges) for c in mark.has + mark.lacks)
