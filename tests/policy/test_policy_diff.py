"""What changes between two policies, in words, and who notices."""

from __future__ import annotations

import pytest
from policy_samples import SAMPLE, policy

from overt.policy.bundle import bundled_names, load_bundled
from overt.policy.diff import diff, verdict
from overt.policy.parse import parse_policy

CHANGES = {
    "lower threshold": (
        ("0.9", "0.8"),
        "cyber-1: threshold 0.9 -> 0.8",
        "from 0.8 to under 0.9 are now answered by a lesser model",
        True,
    ),
    "higher threshold": (("0.9", "0.95"), "cyber-1: threshold 0.9 -> 0.95", "are no longer answered", True),
    "earned threshold": (("0.9", '"release"'), "cyber-1: threshold 0.9 -> release", "depends on the", True),
    "wider band": (("high_dual", "low_dual"), "cyber-1: band high_dual -> low_dual", "now match too", True),
    "narrower band": (("high_dual", "prohibited"), "cyber-1: band high_dual -> prohibited", "fewer requests", True),
    "milder prescription": (
        ('prescribes = "redirect"', 'prescribes = "notify"'),
        "cyber-1: prescribes redirect -> notify",
        "were answered by a lesser model and are now answered by the requested model with a notice",
        True,
    ),
    "stricter prescription under a cap": (
        ('prescribes = "redirect"', 'prescribes = "refuse"'),
        "cyber-1: prescribes redirect -> refuse",
        "no request changes: the mode caps it",
        False,
    ),
    "another reason": (("both sides", "all sides"), "cyber-1: another reason", "read differently", True),
    "another clause": (("exploit development", "exploits"), "cyber-1: another title", "read differently", True),
    "other examples": (("fixing a flaw", "fixing flaws"), "cyber-1: other examples", "only the published", False),
    "mode": (
        ('cyber = "redirect"', 'cyber = "shadow"'),
        "cyber: mode redirect -> shadow",
        "what cyber-1 matches was answered by a lesser model and is now recorded and answered as asked",
        True,
    ),
    "mode of a domain without rules": (('chem = "off"', 'chem = "shadow"'), "chem: mode", "acts differently", False),
    "other fallback": (
        ('["small"]', '["tiny"]'),
        "fallbacks of big: small -> tiny (cyber)",
        "Requests to tiny themselves are not redirected. Requests to small may now be redirected.",
        True,
    ),
    "no fallback": (('["small"]', "[]"), "fallbacks of big: small -> none", "open refusal", True),
    "failed classifier": (('"retry"', '"notify"'), "on_unavailable: retry -> notify", "requested model", True),
    "language told": (
        ('language = "notify"', 'language = "record"'),
        "on_uncovered_language: notify -> record",
        "does not cover are now answered as asked, which only receipt and header call unchecked",
        True,
    ),
    "language refused": (
        ('language = "notify"', 'language = "refuse"'),
        "on_uncovered_language: notify -> refuse",
        "are now refused, and told that this is not about the content",
        True,
    ),
    "version": (('version = "1"', 'version = "2"'), "version: 1 -> 2", "no request", False),
    "headline": (("A sample", "Another"), "title: another text", "policy page", False),
}


@pytest.mark.parametrize(("change", "what", "effect", "callers"), CHANGES.values(), ids=CHANGES.keys())
def test_one_change_is_told_once_with_its_effect(
    change: tuple[str, str], what: str, effect: str, callers: bool
) -> None:
    (found,) = diff(policy(), policy(change))
    assert str(found).startswith(what)
    assert effect in found.effect
    assert found.callers is callers


def test_a_new_rule_and_a_removed_rule_are_told() -> None:
    rule = SAMPLE[SAMPLE.index("[[rules]]") : SAMPLE.index("[[fallbacks]]")].replace("cyber-1", "cyber-2")
    more = parse_policy(SAMPLE + rule, name="x")
    (added,), (removed,) = diff(policy(), more), diff(more, policy())
    assert str(added).startswith("cyber-2: added: requests about cyber of band high_dual or worse")
    assert str(removed).startswith("cyber-2: removed: requests that it matched are no longer")
    assert added.callers
    assert removed.callers


def test_another_order_of_rules_is_a_change() -> None:
    rule = SAMPLE[SAMPLE.index("[[rules]]") : SAMPLE.index("[[fallbacks]]")]
    second = rule.replace("cyber-1", "cyber-2")
    one = parse_policy(SAMPLE + second, name="x")
    other = parse_policy(SAMPLE.replace(rule, second) + rule, name="x")
    assert [change.what for change in diff(one, other)] == ["another order"]


def test_a_change_of_a_rule_that_is_only_recorded_changes_nothing_for_callers() -> None:
    shadow = ('cyber = "redirect"', 'cyber = "shadow"')
    (change,) = diff(policy(shadow), policy(shadow, ("0.9", "0.5")))
    assert not change.callers


def test_an_answer_to_a_missing_finding_is_noticed_only_where_a_rule_acts() -> None:
    shadow = ('cyber = "redirect"', 'cyber = "shadow"')
    found = diff(
        policy(shadow), policy(shadow, ('"retry"', '"notify"'), ('language = "notify"', 'language = "refuse"'))
    )
    assert [(change.where, change.callers) for change in found] == [
        ("on_unavailable", False),
        ("on_uncovered_language", False),
    ]


def test_a_mode_that_begins_to_act_begins_to_answer_for_what_cannot_be_checked() -> None:
    (change,) = diff(policy(('cyber = "redirect"', 'cyber = "shadow"')), policy())
    assert "now have the outcome that on_unavailable or on_uncovered_language sets" in change.effect


def test_a_fallback_for_any_model_is_told_once_for_the_domains_that_it_reaches() -> None:
    more = parse_policy(SAMPLE + '[[fallbacks]]\nmodel = "*"\ncyber = ["tiny"]\nbio = ["tiny"]\n', name="x")
    (change,) = diff(policy(), more)
    assert str(change).startswith("fallbacks of *: none -> tiny (cyber and bio)")
    assert "a redirected request to any other model is now answered by the first of tiny" in change.effect


def test_a_table_that_takes_a_model_out_of_the_general_one_is_told() -> None:
    general = SAMPLE + '[[fallbacks]]\nmodel = "*"\nbio = ["tiny"]\n'
    special = general + '[[fallbacks]]\nmodel = "huge"\nbio = []\n'
    (change,) = diff(parse_policy(general, name="x"), parse_policy(special, name="x"))
    assert str(change) == (
        "fallbacks of huge: tiny -> none (bio): a redirected request to huge becomes an open refusal."
    )


def test_files_that_differ_in_comments_change_nothing() -> None:
    commented = parse_policy("# new\n" + SAMPLE, name="x")
    assert diff(policy(), commented) == ()
    assert verdict(policy(), commented) == "Nothing changes for callers: only comments or layout differ."


def test_the_verdict_counts_what_callers_notice() -> None:
    assert verdict(policy(), policy()) == "The two files are the same, byte for byte."
    assert verdict(policy(), policy(('version = "1"', 'version = "2"'))) == "Nothing changes for callers."
    assert verdict(policy(), policy(("0.9", "0.8"))) == "1 change that callers can notice."


@pytest.mark.parametrize("name", bundled_names())
def test_no_policy_differs_from_itself(name: str) -> None:
    assert diff(load_bundled(name), load_bundled(name)) == ()
