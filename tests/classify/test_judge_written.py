"""The policies that a judge reads: one for each domain, with the permitted classes, and short enough to be followed."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import pytest
from classify_samples import wordpiece

from overt.classify.judge.gpt_oss_safeguard import system_message
from overt.classify.judge.written import digest_of, read_policy, written_policies
from overt.core.domain import BANDS, DOMAINS, Band, Domain
from overt.errors import InvalidFile

TEXT = "# Title\n\n## benign\n\n- B1: this\n- B2: that,\n  and more\n\n## high_dual\n\n- H1: those\n\n## Rest\n\n- X\n"


def test_there_is_a_policy_for_every_domain_and_the_one_on_frontier_llm_prohibits_nothing() -> None:
    policies = written_policies()
    assert tuple(policies) == DOMAINS
    for domain, policy in policies.items():
        wanted = BANDS[:-1] if domain is Domain.FRONTIER_LLM else BANDS
        assert tuple(policy.classes) == wanted
        assert set(policy.codes.values()) == set(wanted)


@pytest.mark.parametrize("domain", DOMAINS)
def test_what_a_judge_is_told_has_the_length_that_the_guide_advises(domain: Domain) -> None:
    told = system_message(written_policies()[domain])
    assert 400 <= len(wordpiece().encode(told)) <= 600


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_band_has_an_example_that_names_one_of_its_lines(domain: Domain) -> None:
    policy = written_policies()[domain]
    examples = policy.text.partition("## Examples")[2]
    for band in policy.classes:
        named = [code for code, where in policy.codes.items() if where is band and f"is {band}, {code}." in examples]
        assert named


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_digest_covers_the_bytes_of_the_file(domain: Domain) -> None:
    raw = files("overt.classify.judge").joinpath("policies", f"{domain}.md").read_bytes()
    assert written_policies()[domain].digest == f"sha256:{hashlib.sha256(raw).hexdigest()}"


def test_one_digest_covers_all_policies() -> None:
    policies = dict(written_policies())
    whole = digest_of(policies)
    policies[Domain.BIO] = read_policy(Domain.BIO, policies[Domain.BIO].text.encode() + b"\n\nMore.\n")
    assert digest_of(policies) != whole
    assert digest_of(written_policies()) == whole


def test_classes_and_codes_are_read_band_by_band() -> None:
    policy = read_policy(Domain.CYBER, TEXT.encode())
    assert policy.classes == {Band.BENIGN: "- B1: this\n- B2: that,\n  and more", Band.HIGH_DUAL: "- H1: those"}
    assert policy.codes == {"B1": Band.BENIGN, "B2": Band.BENIGN, "H1": Band.HIGH_DUAL}


@pytest.mark.parametrize(
    ("text", "where", "remedy"),
    [
        (TEXT.replace("H1", "P1"), "P1", "begin it with 'H'"),
        (TEXT.replace("## benign", "## allowed"), "benign", "add a section"),
    ],
    ids=["code of another band", "nothing permitted"],
)
def test_a_policy_that_would_mislead_is_refused(text: str, where: str, remedy: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        read_policy(Domain.CYBER, text.encode())
    (problem,) = caught.value.problems
    assert problem.where == where
    assert remedy in problem.remedy
