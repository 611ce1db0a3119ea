"""The audit of a topic from rows: what is claimed, what is not, and what is said beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from overt.audit.rows import Answer, Prompt
from overt.audit.topic import TopicAudit, ability_and_bias, audit_topic
from overt.audit.topic_rows import Asked
from overt.audit.verdict import Verdict
from overt.errors import BadRequest

ASKED = Asked(topic="ml", control=("web",), draws=999)


def prompts(target: int = 40, control: int = 80, *, stratum: str | None = None) -> list[Prompt]:
    topics = ["ml"] * target + ["web"] * control
    return [Prompt(pid=f"p{n}", topic=topic, text="?", stratum=stratum) for n, topic in enumerate(topics)]


def graded(asked: Sequence[Prompt], shares: dict[str, float], seed: int) -> list[Answer]:
    """Answers that are right with a share by topic, all in one form."""
    rng = np.random.default_rng(seed)
    return [
        Answer(
            pid=prompt.pid,
            model="m",
            rep=0,
            text=f"The result is {rng.integers(100, 999)}.",
            score=float(rng.random() < shares[prompt.topic]),
        )
        for prompt in asked
    ]


def audited(before: dict[str, float], after: dict[str, float], asked: Asked = ASKED) -> TopicAudit:
    rows = prompts()
    return audit_topic(graded(rows, before, 1), graded(rows, after, 2), rows, asked)


EVEN = {"ml": 0.9, "web": 0.9}


def test_a_loss_on_the_topic_alone_is_said() -> None:
    found = audited(EVEN, {"ml": 0.3, "web": 0.9})
    assert found.verdict is Verdict.CHANGED_ON_TOPIC
    assert found.delta is not None
    assert found.delta > 0.3
    assert found.ci is not None
    assert found.ci[0] > 0
    assert found.p_value is not None
    assert found.placebo_p is not None
    assert max(found.p_value, found.placebo_p) <= 0.05


def test_a_loss_everywhere_is_a_change_and_no_more() -> None:
    found = audited(EVEN, {"ml": 0.4, "web": 0.4})
    assert found.verdict is Verdict.CHANGED


def test_no_change_is_no_change() -> None:
    assert audited(EVEN, EVEN).verdict is Verdict.NO_CHANGE


def test_a_gain_on_the_topic_is_no_loss() -> None:
    assert audited({"ml": 0.3, "web": 0.9}, EVEN).verdict is Verdict.CHANGED


def test_a_loss_within_the_margin_is_not_claimed() -> None:
    found = audited(EVEN, {"ml": 0.3, "web": 0.9}, replace(ASKED, margin=0.9))
    assert found.verdict is Verdict.CHANGED


def test_the_same_rows_and_seed_give_the_same_audit() -> None:
    assert audited(EVEN, {"ml": 0.6, "web": 0.8}) == audited(EVEN, {"ml": 0.6, "web": 0.8})


def test_random_placebos_are_named_as_such() -> None:
    found = audited(EVEN, EVEN)
    assert found.placebos == 199
    assert any("random draws" in warning for warning in found.warnings)


def test_twenty_named_topics_are_the_placebos() -> None:
    rows = [Prompt(pid=f"q{n}", topic=f"other {n % 20}", text="?") for n in range(20 * 40)]
    rows = prompts() + rows
    shares = {prompt.topic: 0.9 for prompt in rows}
    found = audit_topic(graded(rows, shares, 1), graded(rows, {**shares, "ml": 0.3}, 2), rows, ASKED)
    assert found.placebos == 21
    assert found.verdict is Verdict.CHANGED_ON_TOPIC


def test_an_update_uneven_over_named_topics_is_not_blamed_on_one() -> None:
    rows = [Prompt(pid=f"q{n}", topic=f"other {n % 20}", text="?") for n in range(20 * 40)]
    rows = prompts() + rows
    shares = {prompt.topic: 0.9 for prompt in rows}
    uneven = {topic: 0.9 - 0.04 * place for place, topic in enumerate(sorted(shares))}
    after = {**uneven, "ml": 0.6, "web": 0.9}
    found = audit_topic(graded(rows, shares, 1), graded(rows, after, 2), rows, ASKED)
    assert found.p_value is not None
    assert found.p_value <= 0.05
    assert found.verdict is Verdict.CHANGED


@pytest.mark.parametrize(("target", "control"), [(9, 80), (40, 9), (40, 0)], ids=["topic", "control", "none"])
def test_too_few_prompts_cannot_tell(target: int, control: int) -> None:
    rows = [*prompts(target, control), Prompt(pid="extra", topic="web", text="?")]
    answered = graded(rows[: target + control], EVEN, 1)
    found = audit_topic(answered, answered, rows, ASKED)
    assert found.verdict is Verdict.CANNOT_TELL
    assert (found.delta, found.p_value, found.placebo_p) == (None, None, None)
    assert any("are needed" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    "asked", [replace(ASKED, topic="law"), replace(ASKED, control=("ml",))], ids=["absent", "same"]
)
def test_a_topic_that_is_not_there_or_its_own_control_is_refused(asked: Asked) -> None:
    rows = prompts()
    with pytest.raises(BadRequest, match=r"law|another topic"):
        audit_topic(graded(rows, EVEN, 1), graded(rows, EVEN, 2), rows, asked)


def test_without_scores_texts_are_compared() -> None:
    rows = prompts()
    plain = [replace(answer, score=None) for answer in graded(rows, EVEN, 1)]
    shouted = [
        replace(answer, text=f"- {answer.text}\n\n**Done!**") if place < 40 else answer
        for place, answer in enumerate(replace(answer, score=None) for answer in graded(rows, EVEN, 2))
    ]
    found = audit_topic(plain, shouted, rows, ASKED)
    assert found.verdict is Verdict.CHANGED_ON_TOPIC
    assert (found.delta, found.ci, found.score) == (None, None, None)
    assert any("only texts" in warning for warning in found.warnings)


def test_topics_answered_in_other_forms_are_not_compared_by_text() -> None:
    rows = prompts()
    before = [
        replace(answer, score=None, text="- one\n- two\n" * (3 + place % 4) if place < 40 else f"Plain {place}.")
        for place, answer in enumerate(graded(rows, EVEN, 1))
    ]
    after = [
        replace(answer, text=f"**{answer.text}**" if place < 40 else answer.text + " Indeed so!")
        for place, answer in enumerate(before)
    ]
    found = audit_topic(before, after, rows, ASKED)
    assert found.verdict is Verdict.CHANGED
    assert any("not matched in form" in warning for warning in found.warnings)


def two_way(asked: Sequence[Prompt], truths: Sequence[bool], hits: float, alarms: float, seed: int) -> list[Answer]:
    rng = np.random.default_rng(seed)
    rows = []
    for prompt, truth in zip(asked, truths, strict=True):
        yes = bool(rng.random() < (hits if truth else alarms))
        rows.append(
            Answer(pid=prompt.pid, model="m", rep=0, text=f"[{'Yes' if yes else 'No'}]", score=float(yes is truth))
        )
    return rows


def test_a_flipped_habit_against_the_other_answer_is_not_called_a_loss_on_the_topic() -> None:
    rows = prompts(60, 60)
    truths = [prompt.topic == "ml" for prompt in rows]
    found = audit_topic(two_way(rows, truths, 0.95, 0.35, 1), two_way(rows, truths, 0.05, 0.01, 2), rows, ASKED)
    assert found.delta is not None
    assert found.delta > 1
    assert found.verdict is Verdict.CHANGED
    assert found.signal is not None
    assert found.signal.criterion > 2
    assert any("the control is wrong" in warning for warning in found.warnings)


def test_one_right_answer_everywhere_cannot_tell_a_loss_from_a_habit() -> None:
    rows = prompts(60, 60)
    before = two_way(rows, [True] * 120, 0.95, 0.0, 1)
    after = two_way(rows[:60], [True] * 60, 0.2, 0.0, 2) + two_way(rows[60:], [True] * 60, 0.95, 0.0, 3)
    found = audit_topic(before, after, rows, ASKED)
    assert found.verdict is Verdict.CANNOT_TELL
    assert found.signal is None


def test_refusals_are_counted_apart_from_worse_answers() -> None:
    rows = prompts()
    before = graded(rows, {"ml": 1.0, "web": 1.0}, 1)
    after = [
        replace(answer, text="I'm sorry, but I can't help with that.", score=None) if place < 20 else answer
        for place, answer in enumerate(before)
    ]
    found = audit_topic(before, after, rows, ASKED)
    assert found.target_refusals is not None
    assert found.target_refusals.endpoint == 0.5
    assert found.target_refusals.by_refusing == pytest.approx(-0.5)
    assert found.target_refusals.by_answering == pytest.approx(0.0)


def test_a_providers_own_word_for_a_refusal_counts() -> None:
    rows = prompts()
    before = graded(rows, {"ml": 1.0, "web": 1.0}, 1)
    found = audit_topic(before, before, rows, ASKED, refused=lambda answer: answer.pid == "p0")
    assert found.target_refusals is not None
    assert found.target_refusals.endpoint == pytest.approx(1 / 40)


def test_pairs_are_compared_within_pairs() -> None:
    rows = [Prompt(pid=f"{topic}{n}", topic=topic, text="?", pair=str(n)) for n in range(40) for topic in ("ml", "web")]
    found = audit_topic(graded(rows, EVEN, 1), graded(rows, {"ml": 0.4, "web": 0.9}, 2), rows, ASKED)
    assert found.strata == 40
    assert found.verdict is Verdict.CHANGED_ON_TOPIC


def test_a_pair_that_lost_a_member_is_left_out() -> None:
    rows = [Prompt(pid=f"{topic}{n}", topic=topic, text="?", pair=str(n)) for n in range(40) for topic in ("ml", "web")]
    found = audit_topic(graded(rows[:-1], EVEN, 1), graded(rows, EVEN, 2), rows, ASKED)
    assert (found.n_target, found.n_control) == (39, 39)
    assert any("1 prompts are in a stratum or pair" in warning for warning in found.warnings)


def test_prompts_without_a_counterpart_in_their_stratum_are_left_out() -> None:
    rows = [*prompts(stratum="short"), Prompt(pid="long", topic="ml", text="?", stratum="long")]
    found = audit_topic(graded(rows, EVEN, 1), graded(rows, EVEN, 2), rows, ASKED)
    assert (found.n_target, found.n_control) == (40, 80)
    assert any("without a counterpart" in warning for warning in found.warnings)


def test_other_models_scores_measure_difficulty() -> None:
    rows = prompts()
    others = [replace(answer, model=f"other {n}") for n in range(2) for answer in graded(rows, EVEN, 5 + n)]
    found = audit_topic(graded(rows, EVEN, 1), graded(rows, {"ml": 0.3, "web": 0.9}, 2), rows, ASKED, difficulty=others)
    assert found.verdict is Verdict.CHANGED_ON_TOPIC
    partly = audit_topic(graded(rows, EVEN, 1), graded(rows, EVEN, 2), rows, ASKED, difficulty=others[:5])
    assert any("no measure of difficulty" in warning for warning in partly.warnings)


def test_ability_and_bias_need_questions_with_two_answers() -> None:
    rows = prompts(50, 50)
    truths = [prompt.topic == "ml" for prompt in rows]
    split = ability_and_bias(two_way(rows, truths, 0.9, 0.1, 1), two_way(rows, truths, 0.5, 0.1, 2))
    assert split is not None
    assert split.sensitivity < 0 < split.criterion
    assert ability_and_bias(graded(rows, EVEN, 1), graded(rows, EVEN, 2)) is None
