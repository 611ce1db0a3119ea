"""The simulated models differ as they are configured to, and only so; every statement here has a fixed seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.audit.rows import Prompt
from overt.errors import BadRequest
from overt.testing.language_models import (
    Asked,
    Days,
    Faults,
    LanguageModel,
    SimulatedEndpoint,
    SimulatedModel,
    Skill,
    Solution,
    about,
    degraded,
    on_topic,
    pieces,
    swap,
    vocabulary,
)

WORDS = LanguageModel(seed=1)
GOOD = SimulatedModel(name="big-1", words=WORDS, skill=Skill(right=0.8))
WEAK = SimulatedModel(name="small-1", words=replace(WORDS, seed=2), skill=Skill(right=0.3))
PROMPTS = tuple(
    Prompt(pid=f"p{number}", topic="chem" if number % 2 else "cooking", text=f"Question {number}?")
    for number in range(60)
)
ALTERED = {
    "another model": replace(WORDS, seed=2),
    "quantised": replace(WORDS, noise=0.4),
    "another build of the same quantisation": replace(WORDS, noise=0.4, build=1),
    "warmer": replace(WORDS, temperature=1.3),
    "watermarked": replace(WORDS, watermark=1.0),
    "behind a hidden instruction": replace(WORDS, hidden="Be brief."),
    "behind a hidden instruction that pulls": replace(WORDS, hidden="Be brief.", pull=0.5),
    "on a day of its own": replace(WORDS, drift=0.4, day=3),
}


def two_sided(prompt: str) -> Solution | None:
    """A solver whose answers say what they are; a prompt with a full stop is not a question."""
    return None if prompt.endswith(".") else Solution(right=f"right: {prompt}", wrong=(f"wrong: {prompt}", "wrong: 0"))


def first_words(model: LanguageModel, rng: np.random.Generator, count: int) -> Counter[tuple[int, ...]]:
    """The second word of many answers to one prompt."""
    return Counter(tuple(model.tokens("Why?", rng.random(2))) for _ in range(count))


def distance(one: LanguageModel, other: LanguageModel, seed: int) -> float:
    """Chi-squared of two samples of 3,000 word pairs, divided by its degrees of freedom; about 1 for equal models."""
    rng = np.random.default_rng(seed)
    left, right = first_words(one, rng, 3_000), first_words(other, rng, 3_000)
    common = [pair for pair in left.keys() | right.keys() if left[pair] + right[pair] >= 10]
    return sum((left[pair] - right[pair]) ** 2 / (left[pair] + right[pair]) for pair in common) / (len(common) - 1)


def test_words_come_as_often_as_the_model_says() -> None:
    rng = np.random.default_rng(5)
    counts = np.bincount([WORDS.tokens("Why?", rng.random(1))[0] for _ in range(6_000)], minlength=WORDS.words)
    expected = 6_000 * np.exp(WORDS.logprobs("Why?"))
    chi_squared = float(((counts - expected) ** 2 / expected).sum())
    assert expected.sum() == pytest.approx(6_000)
    assert 35 < chi_squared < 103  # 0.1 % on either side, 63 degrees of freedom


def test_a_model_does_not_differ_from_itself() -> None:
    assert max(distance(WORDS, WORDS, seed) for seed in range(5)) < 1.35


@pytest.mark.parametrize("altered", ALTERED.values(), ids=ALTERED)
def test_every_alteration_changes_what_is_said(altered: LanguageModel) -> None:
    assert distance(WORDS, altered, 0) > 1.6


def test_more_noise_is_more_of_a_change() -> None:
    distances = [distance(WORDS, replace(WORDS, noise=noise), 0) for noise in (0.0, 0.2, 0.4, 0.8)]
    assert distances == sorted(distances)


def test_a_watermark_makes_green_words_more_frequent() -> None:
    plain = WORDS.logprobs("Why?", 7)
    marked = replace(WORDS, watermark=2.0).logprobs("Why?", 7)
    raised = marked - plain > 0
    assert raised.sum() == WORDS.words // 2
    assert np.ptp((marked - plain)[raised]) == pytest.approx(0, abs=1e-9)


def test_temperature_divides_the_logits() -> None:
    cold, warm = (replace(WORDS, temperature=value).logprobs("Why?") for value in (0.5, 1.0))
    assert np.allclose(cold - cold[0], 2 * (warm - warm[0]))


def test_a_hidden_instruction_without_pull_moves_only_the_start() -> None:
    hidden = replace(WORDS, hidden="Be brief.")
    assert not np.allclose(hidden.logprobs("Why?"), WORDS.logprobs("Why?"))
    assert np.array_equal(hidden.logprobs("Why?", 7), WORDS.logprobs("Why?", 7))


def test_all_models_share_one_vocabulary_of_different_words() -> None:
    assert len(set(vocabulary(500))) == 500
    assert vocabulary(500)[:64] == vocabulary(64)
    assert not any(word.strip() != word or not word for word in vocabulary(500))


@pytest.mark.parametrize(("least", "most"), [(60, 60), (1, 1), (20, 30)])
def test_answers_are_as_long_as_the_model_is_said_to_be(least: int, most: int) -> None:
    texts = replace(WORDS, least=least, most=most).texts("Why?", 400, np.random.default_rng(0))
    lengths = {len(text.split()) for text in texts}
    assert lengths == set(range(least, most + 1))


@given(text=st.text(alphabet=st.sampled_from("ab \n\t.ü"), max_size=30))
def test_pieces_joined_are_the_text(text: str) -> None:
    found = pieces(text)
    assert "".join(found) == text
    assert all(found)


@settings(max_examples=30)
@given(prompt=st.text(max_size=20), call=st.integers(0, 50), day=st.integers(0, 9), seed=st.integers(0, 3))
def test_the_same_call_is_answered_the_same_whatever_came_before(prompt: str, call: int, day: int, seed: int) -> None:
    faults = swap(WEAK, 0.5)
    asked = Asked(prompt=prompt, call=call, day=day)
    used = SimulatedEndpoint(serves=GOOD, seed=seed, faults=faults, days=Days(rho=0.1, drift=0.2), solver=two_sided)
    expected = used.answer(asked)
    used.answer(Asked(prompt="another", call=call, day=day))
    assert used.answer(asked) == expected


def test_calls_days_and_seeds_give_other_answers() -> None:
    endpoint = SimulatedEndpoint(serves=GOOD, seed=1)
    asked = Asked(prompt="Why?")
    said = [endpoint.answer(replace(asked, call=1)), endpoint.answer(replace(asked, day=1))]
    said.append(replace(endpoint, seed=2).answer(asked))
    assert len({endpoint.answer(asked).text, *(spoken.text for spoken in said)}) == 4


def test_an_honest_endpoint_always_answers_itself() -> None:
    endpoint = SimulatedEndpoint(serves=GOOD, seed=1, solver=two_sided)
    spoken = [endpoint.answer(Asked(prompt=f"{number}?")) for number in range(200)]
    assert {said.model for said in spoken} == {GOOD}
    assert not any(said.swapped or said.refused or said.cut for said in spoken)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_the_other_model_answers_the_share_that_was_set(share: float) -> None:
    endpoint = SimulatedEndpoint(serves=GOOD, seed=3, faults=swap(WEAK, share))
    swapped = [endpoint.answer(Asked(prompt="Why?", call=call, most=1)).swapped for call in range(2_000)]
    assert np.mean(swapped) == pytest.approx(share, abs=3.3 * (share * (1 - share) / 2_000) ** 0.5)


def test_a_mixture_says_what_its_models_would_have_said() -> None:
    mixed = SimulatedEndpoint(serves=GOOD, seed=3, faults=swap(WEAK, 0.5))
    alone = {GOOD: SimulatedEndpoint(serves=GOOD, seed=3), WEAK: SimulatedEndpoint(serves=WEAK, seed=3)}
    spoken = [mixed.answer(Asked(prompt="Why?", call=call)) for call in range(50)]
    assert {said.model for said in spoken} == {GOOD, WEAK}
    for call, said in enumerate(spoken):
        assert said.text == alone[said.model].answer(Asked(prompt="Why?", call=call)).text


def test_a_fault_on_a_topic_spares_every_other_topic() -> None:
    endpoint = SimulatedEndpoint(serves=GOOD, seed=3, faults=on_topic(WEAK, 0.5, about(PROMPTS, "chem")))
    swapped = {
        topic: np.mean(
            [
                endpoint.answer(Asked(prompt=prompt.text, call=call, most=1)).swapped
                for prompt in PROMPTS
                if prompt.topic == topic
                for call in range(20)
            ]
        )
        for topic in ("chem", "cooking")
    }
    assert swapped["cooking"] == 0
    assert swapped["chem"] == pytest.approx(0.5, abs=0.07)


def test_general_drift_and_a_fault_on_a_topic_go_together() -> None:
    update = replace(GOOD, name="big-2", words=replace(WORDS, noise=0.2))
    faults = replace(on_topic(WEAK, 1.0, about(PROMPTS, "chem")), everywhere=update, since=5)
    endpoint = SimulatedEndpoint(serves=GOOD, seed=3, faults=faults)
    served = [endpoint.answer(Asked(prompt=PROMPTS[place].text, day=day)).model for day in (4, 5) for place in (0, 1)]
    assert served == [GOOD, GOOD, update, WEAK]


def test_refusals_are_as_many_as_set_and_only_where_set() -> None:
    faults = Faults(refuses=0.25, refuses_about=about(PROMPTS, "chem"))
    endpoint = SimulatedEndpoint(serves=GOOD, seed=3, faults=faults)
    refused = [[endpoint.answer(Asked(prompt=p.text, call=c, most=1)).refused for c in range(30)] for p in PROMPTS]
    assert np.mean(refused[1::2]) == pytest.approx(0.25, abs=0.05)
    assert np.mean(refused[::2]) == 0


@pytest.mark.parametrize("agreement", [0.0, 0.4, 1.0])
def test_skill_and_agreement_are_as_set(agreement: float) -> None:
    endpoint = SimulatedEndpoint(
        serves=replace(GOOD, skill=Skill(right=0.7, agreement=agreement)), seed=1, solver=two_sided
    )
    right = np.array(
        [[endpoint.answer(Asked(prompt=f"{n}?", call=call)).right for call in range(2)] for n in range(2_500)],
        dtype=float,
    )
    assert right.mean() == pytest.approx(0.7, abs=0.03)
    assert np.corrcoef(right.T)[0, 1] == pytest.approx(agreement, abs=0.06)


def test_a_weaker_model_is_settled_right_only_where_a_stronger_one_is() -> None:
    skills = [Skill(right=right, agreement=1.0) for right in (0.3, 0.8)]
    settled = [[skill.succeeds(f"{n}?", 0.5, right=skill.right) for n in range(500)] for skill in skills]
    assert all(strong for weak, strong in zip(*settled, strict=True) if weak)
    assert np.mean(settled, axis=1) == pytest.approx([0.3, 0.8], abs=0.06)


def test_a_right_answer_is_the_solvers_and_a_wrong_one_too() -> None:
    endpoint = SimulatedEndpoint(serves=GOOD, seed=1, solver=two_sided)
    for number in range(100):
        spoken = endpoint.answer(Asked(prompt=f"{number}?"))
        assert spoken.text.startswith("right: " if spoken.right else "wrong: ")
    assert endpoint.answer(Asked(prompt="Say something.")).right is None


def test_an_explaining_model_ends_with_the_solution_on_its_own_line() -> None:
    endpoint = SimulatedEndpoint(serves=replace(GOOD, explains=True), seed=1, solver=two_sided)
    spoken = endpoint.answer(Asked(prompt="2?"))
    words, last = spoken.text.split("\n")
    assert len(words.split()) == WORDS.most
    assert last in {"right: 2?", "wrong: 2?", "wrong: 0"}


def test_an_answer_that_is_cut_before_its_solution_is_wrong() -> None:
    endpoint = SimulatedEndpoint(serves=replace(GOOD, explains=True, skill=Skill(right=1.0)), seed=1, solver=two_sided)
    spoken = endpoint.answer(Asked(prompt="2?", most=10))
    assert spoken.cut
    assert spoken.right is False
    assert len(spoken.tokens) == len(spoken.text.split()) == 10
    assert endpoint.answer(Asked(prompt="2?", most=62)).right is True


def test_a_solution_without_a_wrong_answer_is_refused() -> None:
    endpoint = SimulatedEndpoint(
        serves=replace(GOOD, skill=Skill(right=0.0)), seed=1, solver=lambda prompt: Solution(right=prompt, wrong=())
    )
    with pytest.raises(BadRequest, match="no wrong answer"):
        endpoint.answer(Asked(prompt="2?"))


@pytest.mark.parametrize("rho", [0.0, 0.02, 0.1])
def test_days_are_overdispersed_as_set(rho: float) -> None:
    """The variance of a day's passes among n calls is n p (1 - p) (1 + (n - 1) rho)."""
    days, calls = 300, 40
    endpoint = SimulatedEndpoint(
        serves=replace(GOOD, skill=Skill(right=0.6)), seed=1, days=Days(rho=rho), solver=two_sided
    )
    right = np.array(
        [[endpoint.answer(Asked(prompt=f"{c}?", day=day)).right for c in range(calls)] for day in range(days)],
        dtype=float,
    )
    dispersion = right.sum(axis=1).var(ddof=1) / (calls * 0.6 * 0.4)
    assert right.mean() == pytest.approx(0.6, abs=0.03)
    assert dispersion == pytest.approx(1 + (calls - 1) * rho, rel=0.29)


def test_days_that_differ_for_each_prompt_are_not_common_to_all() -> None:
    days = Days(rho=0.1, each=True)
    endpoint = SimulatedEndpoint(serves=replace(GOOD, skill=Skill(right=0.6)), seed=1, days=days, solver=two_sided)
    right = np.array(
        [[endpoint.answer(Asked(prompt=f"{c}?", day=day)).right for c in range(40)] for day in range(250)], dtype=float
    )
    assert right.sum(axis=1).var(ddof=1) / (40 * 0.6 * 0.4) == pytest.approx(1, abs=0.25)


def test_drift_changes_the_words_of_a_day_and_nothing_within_it() -> None:
    endpoint = SimulatedEndpoint(serves=GOOD, seed=1, days=Days(drift=0.3))
    models = [
        endpoint.answer(Asked(prompt="Why?", day=day, call=call)).model.words for day in (0, 1) for call in (0, 1)
    ]
    assert models[0] == models[1] != models[2] == models[3]
    assert distance(models[0], models[2], 0) > 1.6


def test_temperature_zero_says_the_likeliest_word_but_for_near_ties() -> None:
    endpoint = SimulatedEndpoint(serves=GOOD, seed=1)
    said = {
        prompt.text: Counter(
            endpoint.answer(Asked(prompt=prompt.text, call=call, temperature=0.0, most=1)).text for call in range(20)
        )
        for prompt in PROMPTS
    }
    border = [text for text, counts in said.items() if len(counts) > 1]
    assert 0 < len(border) < 15
    for text, counts in said.items():
        likeliest = vocabulary(WORDS.words)[int(np.argmax(WORDS.logprobs(text)))]
        assert text in border or set(counts) == {likeliest}


def test_rows_are_what_a_collector_would_write() -> None:
    endpoint = SimulatedEndpoint(serves=GOOD, seed=1, faults=degraded(WEAK), solver=two_sided)
    rows = endpoint.answers(PROMPTS, reps=2, day=31)
    assert [(row.pid, row.rep) for row in rows[:3]] == [("p0", 0), ("p0", 1), ("p1", 0)]
    assert {row.date for row in rows} == {"2026-02-01"}
    assert {row.model for row in rows} == {"big-1"}
    assert np.mean([row.score for row in rows]) == pytest.approx(0.3, abs=0.15)
    assert endpoint.answers(PROMPTS, first=1, day=31) == rows[1::2]
