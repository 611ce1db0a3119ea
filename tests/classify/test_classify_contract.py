"""The contract of the classifier port, kept by stage 1 (tiny and as shipped) and by the one in memory."""

from __future__ import annotations

import asyncio
from functools import cache

import pytest
from classify_samples import tiny

from overt.classify.release import Parts, read_release, shipped
from overt.classify.stage1 import Stage1
from overt.core.domain import DOMAINS, Domain
from overt.core.finding import Cause, Finding, Unavailable
from overt.core.request import Role
from overt.testing.classifier import FixedClassifier
from overt.testing.contracts.classifier import CONTRACT, Check, asks, strange_text_is_no_fault


@cache
def _shipped() -> Parts:
    return read_release(shipped())


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_the_shipped_classifier_keeps_the_contract(check: Check) -> None:
    asyncio.run(check(lambda: _shipped().classifier()))


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_its_first_stage_alone_keeps_the_contract(check: Check) -> None:
    asyncio.run(check(lambda: Stage1(_shipped().model)))


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_a_tiny_classifier_keeps_the_contract(check: Check) -> None:
    asyncio.run(check(tiny))


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_the_classifier_in_memory_keeps_the_contract(check: Check) -> None:
    asyncio.run(check(FixedClassifier))


def test_the_classifier_in_memory_finds_what_is_spelt_out() -> None:
    request = asks((Role.SYSTEM, "bio:prohibited"), (Role.USER, "a cyber:high_dual question"))
    cyber, bio, *_ = asyncio.run(FixedClassifier().assess(request)).findings
    assert isinstance(cyber, Finding)
    assert isinstance(bio, Finding)
    assert cyber.high_dual > 0.9 > 0.1 > cyber.prohibited
    assert cyber.trigger is not None
    assert request.segments[1].text[cyber.trigger.start : cyber.trigger.end] == "cyber:high_dual"
    assert bio.topic < 0.1


def test_the_classifier_in_memory_can_be_without_a_finding() -> None:
    classifier = FixedClassifier(unavailable=frozenset({Domain.BIO}))
    findings = asyncio.run(classifier.assess(asks((Role.USER, "hi")))).findings
    assert [isinstance(finding, Unavailable) for finding in findings] == [d is Domain.BIO for d in DOMAINS]


def test_the_classifier_in_memory_can_be_without_the_language_of_every_request() -> None:
    classifier = FixedClassifier(uncovered="ko", unavailable=frozenset({Domain.BIO}))
    findings = asyncio.run(classifier.assess(asks((Role.USER, "cyber:prohibited")))).findings
    causes = [found.cause for found in findings if isinstance(found, Unavailable)]
    assert causes == [Cause.FAULT if domain is Domain.BIO else Cause.LANGUAGE for domain in DOMAINS]


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_a_classifier_that_covers_no_language_keeps_the_contract(check: Check) -> None:
    asyncio.run(check(lambda: FixedClassifier(uncovered="ko")))


def test_strange_text_is_a_fault_where_a_classifier_calls_it_one() -> None:
    with pytest.raises(AssertionError):
        asyncio.run(strange_text_is_no_fault(lambda: FixedClassifier(unavailable=frozenset({Domain.BIO}))))
