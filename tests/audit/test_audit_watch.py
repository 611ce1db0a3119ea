"""Watching: days where prompts repeat, pairs where they do not; the past never changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from overt.audit.rows import Answer
from overt.audit.verdict import Verdict
from overt.audit.watch import Unit, watch
from overt.errors import BadRequest

WORDS = ("sun", "sea", "salt", "stone", "wind", "moss", "ash", "oak")


def said(rng: np.random.Generator, marked: bool) -> str:
    words = " ".join(rng.choice(WORDS, 9))
    return f"- **{words}**!\n- it's {words}" if marked else f"The answer is {words}."


def by_day(rng: np.random.Generator, days: int, change: int, reps: int = 2) -> list[Answer]:
    """Ten prompts a day, asked ``reps`` times; written otherwise from day ``change`` on."""
    return [
        Answer(pid=f"p{prompt}", model="m", rep=rep, text=said(rng, day >= change), date=f"2026-03-{day + 1:02}T08:00Z")
        for day in range(days)
        for prompt in range(10)
        for rep in range(reps)
    ]


def once(rng: np.random.Generator, marked: bool) -> list[Answer]:
    """Sixty prompts, each once, no date."""
    return [Answer(pid=f"p{prompt}", model="m", rep=0, text=said(rng, marked)) for prompt in range(60)]


def test_repeated_prompts_are_watched_by_day() -> None:
    rng = np.random.default_rng(1)
    reference = [replace(row, date=None) for row in by_day(rng, 1, 99, reps=8)]
    found = watch(reference, by_day(rng, 26, 20))
    assert (found.verdict, found.unit, found.looks) == (Verdict.CHANGED, Unit.DAYS, 26)
    assert found.alarm_at is not None
    assert "2026-03-21" <= found.alarm_at <= "2026-03-24"
    assert found.e_max >= 20


def test_days_without_a_change_raise_no_alarm_and_need_no_reference() -> None:
    found = watch([], by_day(np.random.default_rng(2), 26, 99))
    assert found.verdict is Verdict.NO_CHANGE
    assert found.alarm_at is None
    assert found.looks == 23
    assert "no reference" in found.warnings[0]


def test_what_was_said_never_changes_by_what_follows() -> None:
    rows = by_day(np.random.default_rng(3), 28, 18, reps=1)
    whole = watch([], rows)
    for days in (20, 23, 27):
        part = watch([], [row for row in rows if row.date is not None and row.date < f"2026-03-{days + 1:02}"])
        if part.alarm_at is not None:
            assert part.alarm_at == whole.alarm_at
        assert part.e_max <= whole.e_max + 1e-9


def test_too_few_days_cannot_tell() -> None:
    found = watch([], by_day(np.random.default_rng(4), 6, 99))
    assert found.verdict is Verdict.CANNOT_TELL


def test_a_day_with_few_answers_is_left_out_and_named() -> None:
    rows = [
        row
        for row in by_day(np.random.default_rng(5), 20, 99)
        if not (str(row.date).startswith("2026-03-15") and row.pid > "p2")
    ]
    found = watch([], rows)
    assert found.looks == 16
    assert "2026-03-15" in found.warnings[-1]


@pytest.mark.parametrize(("marked", "verdict"), [(True, Verdict.CHANGED), (False, Verdict.NO_CHANGE)], ids=str)
def test_prompts_asked_once_are_watched_in_pairs(marked: bool, verdict: Verdict) -> None:
    rng = np.random.default_rng(6)
    found = watch(once(rng, False), once(rng, marked))
    assert (found.verdict, found.unit, found.looks) == (verdict, Unit.PAIRS, 60)
    assert (found.alarm_at is None) != marked


def test_an_answer_of_the_reference_is_paired_once() -> None:
    rng = np.random.default_rng(7)
    rows = once(rng, False)
    found = watch(once(rng, False)[:20], [*rows, *(replace(row, rep=1) for row in rows)])
    assert found.looks == 20
    assert "100 answers" in found.warnings[0]


def test_rows_out_of_order_are_refused() -> None:
    rows = by_day(np.random.default_rng(8), 3, 99)
    with pytest.raises(BadRequest, match="order of their dates"):
        watch([], rows[::-1])


def test_pairs_without_a_reference_are_refused() -> None:
    with pytest.raises(BadRequest, match="no reference"):
        watch([], once(np.random.default_rng(9), False))
