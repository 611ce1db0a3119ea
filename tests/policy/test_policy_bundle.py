"""The policies that come with Overt do what their names say."""

from __future__ import annotations

import pytest

from overt.core.domain import Band, Domain, ModelName
from overt.core.policy import Mode, OnUnavailable, OnUncovered, Prescription
from overt.errors import InvalidFile
from overt.policy.bundle import bundled_names, load_bundled
from overt.policy.effect import effect

HARMS = (Domain.CYBER, Domain.BIO, Domain.CHEM)


@pytest.mark.parametrize("name", bundled_names())
def test_a_bundled_policy_is_called_like_its_file_and_explains_every_rule(name: str) -> None:
    policy = load_bundled(name)
    assert policy.name == name
    assert policy.title
    assert policy.summary
    assert all(rule.allowed and rule.covered for rule in policy.rules)


@pytest.mark.parametrize("name", bundled_names())
@pytest.mark.parametrize("domain", Domain)
def test_demo_small_answers_for_demo_large_and_nobody_for_other_models(name: str, domain: Domain) -> None:
    policy = load_bundled(name)
    assert policy.targets(ModelName("demo-large"), domain) == ("demo-small",)
    assert policy.targets(ModelName("other"), domain) == ()


@pytest.mark.parametrize(
    ("name", "answer"),
    [("default", OnUncovered.NOTIFY), ("broad", OnUncovered.NOTIFY), ("observe", OnUncovered.RECORD)],
)
def test_a_request_that_cannot_be_checked_is_told_or_recorded(name: str, answer: OnUncovered) -> None:
    policy = load_bundled(name)
    assert (policy.on_unavailable, policy.on_uncovered) == (OnUnavailable.RETRY, answer)


def test_default_redirects_high_dual_and_refuses_prohibited() -> None:
    policy = load_bundled("default")
    done = {(rule.domain, rule.band): effect(policy, rule) for rule in policy.rules}
    high = {(domain, Band.HIGH_DUAL): Mode.REDIRECT for domain in Domain}
    assert done == high | {(domain, Band.PROHIBITED): Mode.REFUSE for domain in HARMS}


@pytest.mark.parametrize("name", bundled_names())
def test_bundled_policies_act_only_where_the_release_has_earned_a_bound(name: str) -> None:
    assert all(rule.threshold is None for rule in load_bundled(name).rules)


def test_broad_redirects_whole_topics_and_refuses_prohibited() -> None:
    policy = load_bundled("broad")
    done = {(rule.domain, rule.band): effect(policy, rule) for rule in policy.rules}
    topics = {(domain, Band.BENIGN): Mode.REDIRECT for domain in Domain}
    assert done == topics | {(domain, Band.PROHIBITED): Mode.REFUSE for domain in HARMS}


def test_observe_has_the_rules_of_default_and_enforces_none() -> None:
    default, observe = load_bundled("default"), load_bundled("observe")
    assert observe.rules == default.rules
    assert observe.fallbacks == default.fallbacks
    assert set(observe.modes.values()) == {Mode.SHADOW}


@pytest.mark.parametrize("name", bundled_names())
def test_the_frontier_rule_says_that_it_is_commercial_and_names_a_scale(name: str) -> None:
    rules = [rule for rule in load_bundled(name).rules if rule.domain is Domain.FRONTIER_LLM]
    assert rules
    for rule in rules:
        assert "commercial restriction" in rule.reason
        assert "not a statement that the work is harmful" in rule.reason
        assert "thousands of accelerators" in rule.reason
        assert rule.prescription is Prescription.REDIRECT


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(InvalidFile, match="did you mean 'observe'"):
        load_bundled("obserb")
