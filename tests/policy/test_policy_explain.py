"""A policy in sentences, and warnings about what will not do what it seems to say."""

from __future__ import annotations

import pytest
from policy_samples import SAMPLE, policy

from overt.core.policy import Policy
from overt.policy.bundle import load_bundled
from overt.policy.explain import explain, warnings
from overt.policy.parse import parse_policy


def prose(policy: Policy) -> str:
    """The explanation as one text."""
    return "\n".join(explain(policy))


def test_the_explanation_tells_rule_reason_threshold_examples_and_fallbacks() -> None:
    text = prose(policy())
    for expected in (
        "sample 1: A sample",
        "cyber-1: a high_dual or worse request about cyber, from probability 0.9, chosen by hand, "
        "is answered by a lesser model.",
        "Exploits serve both sides.",
        "Stays fine: fixing a flaw.",
        "Meant: turning a crash into an exploit.",
        "big -> small; any other model -> none",
        "the caller gets an honest error",
        "In a language that the classifier's release does not cover, the requested model answers, with a notice",
        "chem: off: nothing is checked.",
    ):
        assert expected in text


def test_a_mode_that_caps_a_rule_is_said_at_the_rule() -> None:
    text = prose(policy(('cyber = "redirect"', 'cyber = "notify"')))
    assert "answered by the requested model with a notice (it prescribes redirect; the mode caps it)" in text


def test_the_other_answer_to_a_failed_classifier_is_explained_too() -> None:
    assert "the requested model answers, with a notice" in prose(policy(('"retry"', '"notify"')))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("record", "the requested model answers, and the receipt says that the request was not checked."),
        ("refuse", "no model answers, with a notice that this is not about the content."),
    ],
)
def test_the_other_answers_to_a_language_are_explained_too(answer: str, words: str) -> None:
    assert words in prose(policy(('language = "notify"', f'language = "{answer}"')))


def test_a_policy_that_does_what_it_says_has_no_warning() -> None:
    text = SAMPLE + '[[fallbacks]]\nmodel = "*"\ncyber = ["small"]\n'
    assert warnings(parse_policy(text, name="x")) == ()


WARNINGS = {
    "a rule of a domain that is off": (('cyber = "redirect"', 'cyber = "off"'), "cyber-1 can never match"),
    "a mode without a rule": (('bio = "shadow"', 'bio = "refuse"'), "there is no rule about bio"),
    "no fallback for other models": (("# none", ""), "for every model except big and the lesser models themselves"),
    "an explicit none": (('cyber = ["small"]', "cyber = []"), "becomes an open refusal for every model:"),
}


@pytest.mark.parametrize(("change", "expected"), WARNINGS.values(), ids=WARNINGS.keys())
def test_what_cannot_be_carried_out_is_warned_about(change: tuple[str, str], expected: str) -> None:
    found = warnings(parse_policy((SAMPLE + "# none").replace(*change), name="x"))
    assert any(expected in warning for warning in found), found


def test_a_model_without_fallbacks_is_named_where_all_others_have_some() -> None:
    text = SAMPLE.replace('["small"]', "[]") + '[[fallbacks]]\nmodel = "*"\ncyber = ["small"]\n'
    assert warnings(parse_policy(text, name="x")) == (
        "a redirect about cyber becomes an open refusal for big: no fallback is named.",
    )


def test_a_refuse_rule_that_is_capped_to_a_redirect_needs_a_fallback_too() -> None:
    capped = policy(('prescribes = "redirect"', 'prescribes = "refuse"'))
    assert any("open refusal" in warning for warning in warnings(capped))


def test_domains_with_the_same_gap_share_one_warning() -> None:
    (warning,) = warnings(load_bundled("default"))
    assert "cyber, bio, chem and frontier_llm" in warning
