"""Text differences in differences: made-up models with habits, general updates, and topics that differ by nature."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.audit.stats.text_did import Profiles, prepare, profiles, text_changed, text_did, together

WORDS = ("gradient", "loss", "layer", "token", "batch", "prompt", "weight", "kernel", "random", "sample", "model")


def answer(rng: np.random.Generator, *, listed: float, excited: float, long: float) -> str:
    """A text whose habits are shares: lines that are list items, sentences that shout; and its mean length."""
    lines = []
    for _ in range(1 + rng.poisson(long)):
        words = " ".join(rng.choice(WORDS, 3 + rng.poisson(5)))
        mark = "- " if rng.random() < listed else ""
        lines.append(f"{mark}{words.capitalize()}{'!' if rng.random() < excited else '.'}")
    return "\n".join(lines)


def side(rng: np.random.Generator, number: int, **habits: float) -> Profiles:
    return profiles([answer(rng, **habits) for _ in range(number)])


def mixed(one: Profiles, other: Profiles, swap: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Profiles:
    return tuple(np.where(swap[:, None], b, a) for a, b in zip(one, other, strict=True))


TOPIC = np.arange(90) < 30
OLD = {"listed": 0.2, "excited": 0.1, "long": 4.0}
NEW = {"listed": 0.6, "excited": 0.1, "long": 3.0}
OTHER = {"listed": 0.1, "excited": 0.7, "long": 4.0}


def p_value(run: int, share: float) -> float:
    rng = np.random.default_rng([9, run])
    before, after, swapped = (side(rng, 90, **habits) for habits in (OLD, NEW, OTHER))
    now = mixed(after, swapped, TOPIC & (rng.random(90) < share))
    return text_did(prepare(before, now), TOPIC, draws=99, seed=run).p_value


def test_a_topic_served_by_another_model_is_found_under_a_general_update() -> None:
    assert sum(p_value(run, 0.5) <= 0.05 for run in range(10)) >= 8


def test_a_general_update_alone_is_not() -> None:
    assert sum(p_value(run, 0.0) <= 0.05 for run in range(20)) <= 4


def test_a_general_update_is_a_change_and_two_draws_of_one_model_are_none() -> None:
    rng = np.random.default_rng(1)
    before, again, after = side(rng, 60, **OLD), side(rng, 60, **OLD), side(rng, 60, **NEW)
    assert text_changed(before, after, draws=199) == 1 / 200
    assert text_changed(before, again, draws=199) > 0.05


def test_identical_answers_give_p_one() -> None:
    same = side(np.random.default_rng(2), 60, **OLD)
    assert text_changed(same, same, draws=99) == 1.0
    assert text_did(prepare(same, same), np.arange(60) < 20, draws=99).p_value == 1.0


def test_what_the_words_are_is_not_looked_at() -> None:
    one, other = profiles(["Use the blue key.\n- turn 12"]), profiles(["Ask for a dear hat.\n- burn 7"])
    assert np.abs(one[1] - other[1]).max() < 1e-12
    assert profiles(["The cat is on a mat."])[2].tolist() == profiles(["The dog is on a log."])[2].tolist()


@given(st.text(max_size=300))
def test_any_text_has_a_finite_profile_of_fixed_size(text: str) -> None:
    form, shape, words = profiles([text])
    assert (form.shape, shape.shape) == ((1, 28), (1, 1024))
    assert np.isfinite(form).all()
    assert 0 <= words.min() <= words.max() <= 1
    assert np.linalg.norm(shape) == pytest.approx(1)


def test_topics_answered_in_other_forms_are_told_by_the_form() -> None:
    rng = np.random.default_rng(3)
    lists, prose = side(rng, 30, listed=1.0, excited=0.0, long=8.0), side(rng, 60, listed=0.0, excited=0.0, long=1.0)
    before = tuple(np.concatenate(both) for both in zip(lists, prose, strict=True))
    assert text_did(prepare(before, before), TOPIC, draws=19).told > 0.5
    alike = side(rng, 90, **OLD)
    assert text_did(prepare(alike, alike), TOPIC, draws=19).told < 0.3


def test_scores_and_texts_together_keep_one_level() -> None:
    called = 0
    for run in range(30):
        rng = np.random.default_rng([4, run])
        before, after = side(rng, 60, **OLD), side(rng, 60, **NEW)
        deltas = rng.choice([-1.0, 0.0, 1.0], 60)
        called += together(prepare(before, after), deltas, np.arange(60) < 20, draws=99, seed=run).p_value <= 0.05
    assert called <= 5


def test_scores_find_what_texts_do_not_show() -> None:
    rng = np.random.default_rng(5)
    before, after = side(rng, 60, **OLD), side(rng, 60, **OLD)
    on_topic = np.arange(60) < 30
    found = together(
        prepare(before, after), np.where(on_topic, -0.9, 0.0) + rng.normal(0, 0.1, 60), on_topic, draws=199
    )
    assert found.score_p == 1 / 200
    assert found.p_value <= 0.02
    assert found.text.p_value > 0.05
