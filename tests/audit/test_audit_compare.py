"""From answers to a verdict: designs, dropped prompts, baselines, and when nothing can be told."""

from __future__ import annotations

import pytest

from overt.audit.compare import Design, compare, match, of_model
from overt.audit.rows import Answer, Prompt
from overt.audit.verdict import Verdict
from overt.errors import BadRequest


def side(model: str, prompts: int, *, reps: int = 1, says: str = "", start: int = 0) -> list[Answer]:
    """Answers of a model; what each says depends on prompt and model, with ``says`` before it."""
    return [
        Answer(pid=f"p{pid:03}", model=model, rep=rep, text=f"{says}{hash_words(model, pid, rep)}")
        for pid in range(start, start + prompts)
        for rep in range(reps)
    ]


def hash_words(*parts: object) -> str:
    """Words that look drawn at random and are the same in every run."""
    number = sum((place + 1) * ord(letter) ** 2 for place, letter in enumerate(repr(parts)))
    return " ".join(f"word{(number * factor) % 97}" for factor in (1, 3, 7, 11, 17, 29))


def test_one_answer_each_is_paired_and_a_change_is_found() -> None:
    found = compare(side("a", 20), side("b", 20, says="Sure! "), draws=499)
    assert (found.verdict, found.design) == (Verdict.CHANGED, Design.PAIRED)
    assert found.p_value == pytest.approx(0.002)
    assert found.e_value == pytest.approx(0.5 * found.p_value**-0.5)
    assert (found.n_prompts, found.n_reference, found.n_endpoint) == (20, 20, 20)
    assert not found.warnings


def test_several_answers_are_compared_within_prompts() -> None:
    found = compare(side("a", 6, reps=3), side("b", 6, reps=3, says="Sure! "), draws=499)
    assert (found.verdict, found.design, found.n_endpoint) == (Verdict.CHANGED, Design.REPEATED, 18)


def test_unequal_numbers_are_taken_as_they_are() -> None:
    found = compare([*side("a", 6, reps=3), *side("a", 2, start=6)], side("b", 8), draws=199)
    assert (found.design, found.n_reference, found.n_endpoint) == (Design.REPEATED, 20, 8)
    assert found.warnings == ("2 prompts had one answer a side and count only in the common direction of change",)
    assert found.effect is None


def test_equal_answers_are_no_change() -> None:
    found = compare(side("a", 10), side("a", 10), draws=199)
    assert (found.verdict, found.p_value) == (Verdict.NO_CHANGE, 1.0)


@pytest.mark.parametrize(("prompts", "verdict"), [(5, Verdict.CANNOT_TELL), (6, Verdict.CHANGED)])
def test_too_few_prompts_cannot_tell_however_large_the_change(prompts: int, verdict: Verdict) -> None:
    found = compare(side("a", prompts), side("b", prompts, says="Sure! I would love to. "), draws=9_999)
    assert found.verdict is verdict
    assert any("ask more prompts" in warning for warning in found.warnings) is (verdict is Verdict.CANNOT_TELL)


def test_too_few_draws_for_alpha_cannot_tell() -> None:
    found = compare(side("a", 20), side("b", 20, says="Sure! "), alpha=0.001, draws=99)
    assert found.verdict is Verdict.CANNOT_TELL
    assert compare(side("a", 20), side("b", 20, says="Sure! "), alpha=0.001).verdict is Verdict.CHANGED


def test_prompts_of_one_side_are_dropped_with_their_numbers() -> None:
    found = compare(side("a", 12), side("b", 9, start=3), draws=99)
    assert found.n_prompts == 9
    assert found.warnings == ("3 of 12 prompts of the reference dropped: the other side did not answer them",)


def test_a_list_of_prompts_restricts() -> None:
    asked = [Prompt(pid=f"p{pid:03}", topic="t", text="?") for pid in (0, 1, 2, 99)]
    matched, warnings = match(side("a", 5), side("b", 5), asked)
    assert list(matched) == ["p000", "p001", "p002"]
    assert warnings == (
        "2 of 5 prompts of the reference dropped: they are not among the prompts given",
        "2 of 5 prompts of the endpoint dropped: they are not among the prompts given",
        "1 of 4 prompts given were answered by neither side",
    )


def test_nothing_in_common_is_an_error_that_shows_the_pids() -> None:
    with pytest.raises(BadRequest, match=r"'p000', 'p001', 'p002', ….*same pid"):
        compare(side("a", 5), side("b", 5, start=50))


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0, float("nan")])
def test_alpha_is_a_share(alpha: float) -> None:
    with pytest.raises(BadRequest, match="alpha"):
        compare(side("a", 5), side("b", 5), alpha=alpha)


def test_the_order_of_rows_does_not_matter() -> None:
    first, second = side("a", 8, reps=2), side("b", 8, reps=2)
    assert compare(first, second, draws=99) == compare(first[::-1], second[::-1], draws=99)


def test_an_e_value_from_elsewhere_is_kept() -> None:
    assert compare(side("a", 8), side("b", 8), draws=99, e_value=3.5).e_value == 3.5


def test_scores_are_reported_beside_the_verdict() -> None:
    first = [Answer(pid=str(pid), model="a", rep=0, text="same", score=1.0) for pid in range(12)]
    second = [Answer(pid=str(pid), model="b", rep=0, text="same", score=float(pid > 7)) for pid in range(12)]
    found = compare(first, second, draws=99)
    assert found.verdict is Verdict.NO_CHANGE
    assert found.scores is not None
    assert (found.scores.lost, found.scores.gained) == (8, 0)
    assert found.scores.p_value == pytest.approx(2 / 2**8)


def test_a_change_no_larger_than_the_reference_s_own_is_none() -> None:
    moved = side("b", 20, says="Sure! ")
    found = compare(side("a", 20), moved, again=moved, draws=199)
    assert found.verdict is Verdict.NO_CHANGE
    assert found.p_value <= 0.05
    assert found.baseline is not None
    assert found.baseline.verdict is Verdict.CHANGED
    assert any("differs from itself" in warning for warning in found.warnings)


def test_a_change_beyond_a_quiet_baseline_stands() -> None:
    found = compare(side("a", 20), side("b", 20, says="Sure! Sure! "), again=side("a", 20), draws=199)
    assert found.verdict is Verdict.CHANGED


@pytest.mark.parametrize("name", [None, "c"], ids=["several and none chosen", "one that is not there"])
def test_a_model_that_is_unclear_is_an_error_naming_the_models(name: str | None) -> None:
    with pytest.raises(BadRequest, match="'a', 'b'"):
        of_model([*side("a", 1), *side("b", 1)], name, "reference")


def test_one_model_is_chosen() -> None:
    assert {each.model for each in of_model([*side("a", 1), *side("b", 1)], "b", "endpoint")} == {"b"}
