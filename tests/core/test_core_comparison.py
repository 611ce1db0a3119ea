"""A side of a comparison says what was decided, because of which domain, and with which numbers."""

from __future__ import annotations

from dataclasses import replace

from core_samples import RELEASE_DIGEST, STAMP, asking, assessed, decided, finding, missing, policy

from overt.core.comparison import Comparison, Side, side
from overt.core.domain import Band, Digest, Domain

FOUND = replace(finding(0.9), high_dual=0.123456789)


def side_of(*findings: object) -> Side:
    return side(decided(policy(), *findings), assessed(*findings))  # type: ignore[arg-type]


def compared(current: Side, candidate: Side) -> Comparison:
    return Comparison(receipt=STAMP.receipt_id, when=1, current=current, candidate=candidate)


def test_a_pass_has_no_domain_and_every_probability_has_six_digits() -> None:
    assert side_of(FOUND) == Side(
        release=RELEASE_DIGEST, outcome="pass", domain=None, numbers=((0.9, 0.9, 0.123457, 0.0),)
    )


def test_an_intervention_names_the_domain_of_its_rule() -> None:
    found = side_of(finding(0.9), finding(0.1, domain=Domain.BIO))
    assert (found.outcome, found.domain) == ("refuse", Domain.CYBER)


def test_a_domain_without_a_finding_has_no_numbers_and_no_rule() -> None:
    assert side_of(missing()) == Side(release=RELEASE_DIGEST, outcome="error", domain=None, numbers=(None,))


def test_what_would_have_ended_otherwise_is_a_flip_of_whichever_domain_acted() -> None:
    calm, acting = side_of(finding(0.1)), side_of(finding(0.9, Band.HIGH_DUAL))
    tried = replace(calm, release=Digest("sha256:" + "c" * 64))
    assert (compared(calm, tried).is_flip, compared(calm, tried).domain) == (False, None)
    for one in (compared(calm, acting), compared(acting, calm)):
        assert (one.is_flip, one.domain) == (True, Domain.CYBER)
    assert asking().segments[0].text not in repr(compared(acting, calm))
