"""A policy is read whole, or refused with every problem in it."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_samples import MISTAKES, SAMPLE, policy, swap

from overt.core.domain import Band, Domain, ModelName
from overt.core.policy import Mode, OnUnavailable, OnUncovered, Prescription
from overt.errors import InvalidFile, Problem
from overt.policy.parse import parse_policy


def problems(text: str) -> tuple[Problem, ...]:
    """What is wrong with a text."""
    with pytest.raises(InvalidFile) as caught:
        parse_policy(text, name="sample.toml")
    return caught.value.problems


def test_every_value_of_a_file_arrives() -> None:
    read = policy()
    assert (read.name, read.version, read.title) == ("sample", "1", "A sample")
    assert read.on_unavailable is OnUnavailable.RETRY
    assert read.on_uncovered is OnUncovered.NOTIFY
    assert read.modes == {
        Domain.CYBER: Mode.REDIRECT,
        Domain.BIO: Mode.SHADOW,
        Domain.CHEM: Mode.OFF,
        Domain.FRONTIER_LLM: Mode.OFF,
    }
    (rule,) = read.rules
    assert (rule.id, rule.domain, rule.band) == ("cyber-1", Domain.CYBER, Band.HIGH_DUAL)
    assert (rule.threshold, rule.prescription) == (0.9, Prescription.REDIRECT)
    assert (rule.allowed, rule.covered) == (("fixing a flaw",), ("turning a crash into an exploit",))
    assert read.fallbacks == {(ModelName("big"), Domain.CYBER): (ModelName("small"),)}


def test_the_digest_covers_the_exact_bytes() -> None:
    text = SAMPLE.replace("\n", "\r\n") + "# é\r\n"
    expected = sha256(text.encode()).hexdigest()
    assert parse_policy(text, name="x").digest == f"sha256:{expected}"


def test_the_threshold_release_stands_for_the_earned_acting_point() -> None:
    assert policy(("0.9", '"release"')).rules[0].threshold is None


def test_an_empty_list_of_fallbacks_says_none_where_another_table_names_some() -> None:
    text = SAMPLE + '\n[[fallbacks]]\nmodel = "*"\nbio = ["tiny"]\n\n[[fallbacks]]\nmodel = "huge"\nbio = []\n'
    read = parse_policy(text, name="x")
    assert read.targets(ModelName("any"), Domain.BIO) == ("tiny",)
    assert read.targets(ModelName("huge"), Domain.BIO) == ()


def test_a_reason_that_is_broken_into_lines_is_one_paragraph() -> None:
    broken = policy(('"Exploits serve both sides."', '"""\nExploits serve\n  both sides.\n"""'))
    assert broken.rules[0].reason == "Exploits serve both sides."


def test_a_policy_without_an_answer_for_a_failed_classifier_is_refused_with_the_reason() -> None:
    (problem,) = problems(swap(('on_unavailable = "retry"\n', "")))
    assert problem.where == "on_unavailable"
    assert "neither pass in silence nor be refused" in problem.remedy


@pytest.mark.parametrize("answer", OnUncovered)
def test_each_answer_to_a_language_that_is_not_covered_is_read(answer: OnUncovered) -> None:
    assert policy(('language = "notify"', f'language = "{answer}"')).on_uncovered is answer


def test_a_policy_without_an_answer_for_a_language_that_is_not_covered_is_refused_with_the_reason() -> None:
    (problem,) = problems(swap(('on_uncovered_language = "notify"\n', "")))
    assert problem.where == "on_uncovered_language"
    assert "not the same as none" in problem.remedy


@pytest.mark.parametrize(("change", "line", "what", "remedy"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_quoted_with_its_line_and_a_remedy(
    change: tuple[str, str], line: int, what: str, remedy: str
) -> None:
    found = problems(swap(change))
    assert any(p.line == line and what in f"{p.where}: {p.what}" and remedy in p.remedy for p in found), found


def test_frontier_llm_has_no_prohibited_band() -> None:
    rule = SAMPLE[SAMPLE.index("[[rules]]") : SAMPLE.index("[[fallbacks]]")]
    rule = swap(('"cyber', '"frontier_llm'), ("high_dual", "prohibited"), text=rule)
    (problem,) = problems(SAMPLE + rule)
    assert "'prohibited'" in problem.what
    assert "high_dual" in problem.remedy


def test_two_rules_with_one_id_are_refused_and_the_first_is_named() -> None:
    rule = SAMPLE[SAMPLE.index("[[rules]]") : SAMPLE.index("[[fallbacks]]")]
    (problem,) = problems(SAMPLE + rule)
    assert "line 15" in problem.what


def test_two_tables_of_one_model_are_refused_and_the_first_is_named() -> None:
    (problem,) = problems(SAMPLE + '[[fallbacks]]\nmodel = "big"\n')
    assert "line 26" in problem.what


def test_every_problem_is_reported_at_once_and_in_the_order_of_lines() -> None:
    found = problems(
        swap(
            ('version = "1"', "version = 1"),
            ('on_unavailable = "retry"\n', ""),
            ('bio = "shadow"\n', ""),
            ("0.9", "2"),
            ('["small"]', '["big"]'),
        )
    )
    assert [(p.line, p.where) for p in found] == [
        (None, "on_unavailable"),
        (2, "version"),
        (7, "[modes], bio"),
        (16, "[[rules]] no. 1, threshold"),
        (25, "[[fallbacks]] no. 1, cyber"),
    ]


SYNTAX = {
    "unfinished text": ('name = "a\nversion = 1', 1),
    "unfinished file": ("name = ", 1),
    "key given twice": ('name = "a"\nname = "b"\n', 2),
    "byte order mark": ("\ufeff" + SAMPLE, 1),
}


@pytest.mark.parametrize(("text", "line"), SYNTAX.values(), ids=SYNTAX.keys())
def test_what_is_not_toml_has_that_one_problem_with_its_line(text: str, line: int) -> None:
    (problem,) = problems(text)
    assert problem.line == line


def test_a_number_with_more_digits_than_can_be_read_is_a_problem_and_not_a_crash() -> None:
    (problem,) = problems("x = " + "1" * 5000)
    assert "digits" in problem.what


def test_a_file_that_is_nested_without_end_is_a_problem_and_not_a_crash() -> None:
    (problem,) = problems("x = " + "[" * 100_000)
    assert "deep" in problem.what


@given(st.one_of(st.text(), st.integers(0, len(SAMPLE)).map(lambda cut: SAMPLE[:cut] + SAMPLE[cut + 1 :])))
def test_any_text_is_a_policy_or_a_list_of_problems(text: str) -> None:
    assert outcome(text)


def outcome(text: str) -> tuple[object, ...]:
    """The rules of a policy, or the problems in the text."""
    try:
        return parse_policy(text, name="x").rules
    except InvalidFile as error:
        return error.problems
