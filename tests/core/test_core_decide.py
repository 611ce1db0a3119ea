"""The decision: modes cap, the strictest match wins, and a redirect needs both the policy and the caller."""

from __future__ import annotations

import pytest
from core_samples import (
    BIG,
    ERROR_RATE,
    OTHER,
    POLICY_DIGEST,
    RELEASE_DIGEST,
    SMALL,
    STAMP,
    TINY,
    TRIGGER,
    accepting,
    decided,
    finding,
    intervention,
    missing,
    policy,
    released,
    rule,
)

from overt.core.decision import (
    Grounds,
    Notify,
    Pass,
    Redirect,
    Refuse,
    Remedy,
    RetryLater,
    RuleMatch,
    UnavailableMatch,
    outcome,
)
from overt.core.domain import Band, Domain, ModelName
from overt.core.finding import Finding, Unavailable
from overt.core.notice import Clause, Confidence, Ground
from overt.core.policy import ANY_MODEL, Mode, OnUnavailable, Prescription, Rule
from overt.core.request import Acceptance, Fallback, Named, RequestedOnly, ServerChoice

NOTIFY, REDIRECT, REFUSE = Prescription.NOTIFY, Prescription.REDIRECT, Prescription.REFUSE
CYBER, BIO = Domain.CYBER, Domain.BIO

CAPPED = {
    Mode.OFF: ("pass", "pass", "pass"),
    Mode.SHADOW: ("pass", "pass", "pass"),
    Mode.NOTIFY: ("notify", "notify", "notify"),
    Mode.REDIRECT: ("notify", "redirect", "redirect"),
    Mode.REFUSE: ("notify", "redirect", "refuse"),
}
"""The outcome by mode, for a rule that prescribes notify, redirect and refuse."""


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("prescription", Prescription)
def test_the_mode_of_a_domain_caps_what_its_rules_may_do(mode: Mode, prescription: Prescription) -> None:
    decision = decided(policy(rule(prescription), mode=mode), finding(0.9), acceptance=ServerChoice())
    assert outcome(decision.action) == CAPPED[mode][list(Prescription).index(prescription)]


def test_each_domain_has_its_own_cap() -> None:
    rules = rule(REFUSE), rule(REFUSE, domain=BIO)
    modes = {CYBER: Mode.NOTIFY, BIO: Mode.SHADOW}
    decision = decided(policy(*rules, modes=modes), finding(0.9), finding(0.99, domain=BIO))
    assert intervention(decision).remedy == Notify()
    assert [(m.rule.id, m.enforced) for m in decision.grounds.matches if isinstance(m, RuleMatch)] == [
        ("cyber-1", True),
        ("bio-1", False),
    ]


def test_a_domain_in_shadow_is_recorded_and_one_that_is_off_is_not() -> None:
    found = finding(0.9)
    assert decided(policy(mode=Mode.SHADOW), found).grounds.matches == (RuleMatch(rule(), found, False),)
    assert decided(policy(mode=Mode.OFF), found).grounds.matches == ()


def test_a_domain_that_the_policy_does_not_mention_is_off() -> None:
    decision = decided(policy(rule(REFUSE), modes={BIO: Mode.REFUSE}), finding(1.0))
    assert (decision.action, decision.grounds.matches) == (Pass(), ())


@pytest.mark.parametrize(
    ("threshold", "probability", "matches"),
    [
        pytest.param(0.9, 0.9, True, id="at the threshold"),
        pytest.param(0.9, 0.8999, False, id="just under the threshold"),
        pytest.param(1.0, 1.0, True, id="certain"),
    ],
)
def test_a_rule_matches_from_its_threshold_on(threshold: float, probability: float, matches: bool) -> None:
    decision = decided(policy(rule(threshold=threshold)), finding(probability))
    assert bool(decision.grounds.matches) is matches
    assert (decision.action == Pass()) is not matches


def test_a_rule_reads_the_probability_of_its_own_band() -> None:
    chosen = policy(rule(REFUSE, band=Band.PROHIBITED), rule(NOTIFY, number=2, band=Band.LOW_DUAL))
    assert intervention(decided(chosen, finding(0.9, Band.HIGH_DUAL))).remedy == Notify()
    assert intervention(decided(chosen, finding(0.9, Band.PROHIBITED))).remedy == Refuse()


@pytest.mark.parametrize(
    ("rules", "findings", "applied"),
    [
        pytest.param(
            (rule(NOTIFY), rule(REFUSE, domain=BIO)),
            (finding(0.99), finding(0.6, domain=BIO)),
            "bio-1",
            id="the strictest, although another is surer",
        ),
        pytest.param(
            (rule(REDIRECT), rule(REDIRECT, domain=BIO)),
            (finding(0.6), finding(0.9, domain=BIO)),
            "bio-1",
            id="the surest of two equally strict",
        ),
        pytest.param(
            (rule(REDIRECT), rule(REDIRECT, domain=BIO)),
            (finding(0.9), finding(0.9, domain=BIO)),
            "cyber-1",
            id="the first of two equal in both",
        ),
        pytest.param(
            (rule(REDIRECT), rule(REFUSE, number=2)),
            (finding(0.9),),
            "cyber-2",
            id="the strictest of one domain",
        ),
    ],
)
def test_the_strictest_match_wins_and_then_the_surest(
    rules: tuple[Rule, ...], findings: tuple[Finding, ...], applied: str
) -> None:
    decision = decided(policy(*rules), *findings, acceptance=ServerChoice())
    clause = intervention(decision).notice.clause
    assert clause is not None
    assert clause.rule == applied


def test_strictness_is_compared_after_the_cap() -> None:
    rules = rule(REFUSE), rule(REDIRECT, domain=BIO)
    chosen = policy(*rules, modes={CYBER: Mode.NOTIFY, BIO: Mode.REDIRECT})
    decision = decided(chosen, finding(0.99), finding(0.6, domain=BIO), acceptance=ServerChoice())
    assert intervention(decision).remedy == Redirect(Fallback(model=SMALL))


CHANGED = Fallback(model=SMALL, overrides={"max_tokens": 9, "thinking": None})
ONE = {(BIG, CYBER): (SMALL,)}
TWO = {(BIG, CYBER): (SMALL, TINY)}


@pytest.mark.parametrize(
    ("acceptance", "fallbacks", "expected"),
    [
        pytest.param(RequestedOnly(), ONE, Refuse(SMALL), id="no other model is accepted"),
        pytest.param(RequestedOnly(), {}, Refuse(), id="none accepted and none named"),
        pytest.param(ServerChoice(), ONE, Redirect(Fallback(model=SMALL)), id="the policy's choice"),
        pytest.param(ServerChoice(), TWO, Redirect(Fallback(model=SMALL)), id="the policy's first choice"),
        pytest.param(ServerChoice(), {}, Refuse(), id="the policy names none"),
        pytest.param(ServerChoice(), {(BIG, BIO): (SMALL,)}, Refuse(), id="the policy names one in another domain"),
        pytest.param(ServerChoice(), {(OTHER, CYBER): (SMALL,)}, Refuse(), id="the policy names one for another model"),
        pytest.param(
            ServerChoice(), {(ANY_MODEL, CYBER): (SMALL,)}, Redirect(Fallback(model=SMALL)), id="named for any model"
        ),
        pytest.param(
            ServerChoice(),
            {(ANY_MODEL, CYBER): (TINY,), (BIG, CYBER): (SMALL,)},
            Redirect(Fallback(model=SMALL)),
            id="the model's own entry comes before the one for any model",
        ),
        pytest.param(accepting(SMALL), ONE, Redirect(Fallback(model=SMALL)), id="accepted and named"),
        pytest.param(accepting(OTHER), ONE, Refuse(SMALL), id="accepted but not named"),
        pytest.param(accepting(SMALL), {}, Refuse(), id="accepted and nothing named"),
        pytest.param(accepting(), ONE, Refuse(SMALL), id="an empty list"),
        pytest.param(accepting(TINY, SMALL), TWO, Redirect(Fallback(model=TINY)), id="the caller's order"),
        pytest.param(
            accepting(OTHER, SMALL), TWO, Redirect(Fallback(model=SMALL)), id="skips what the policy does not name"
        ),
        pytest.param(Named((CHANGED,)), ONE, Redirect(CHANGED), id="keeps the caller's own changes"),
    ],
)
def test_a_redirect_needs_a_model_that_the_policy_names_and_the_caller_accepts(
    acceptance: Acceptance, fallbacks: dict[tuple[ModelName, Domain], tuple[ModelName, ...]], expected: Remedy
) -> None:
    action = intervention(decided(policy(fallbacks=fallbacks), finding(0.9), acceptance=acceptance))
    assert action.remedy == expected
    assert action.notice.recommended == (expected.recommended if isinstance(expected, Refuse) else None)


def test_a_refusal_that_a_rule_prescribes_recommends_no_model() -> None:
    action = intervention(decided(policy(rule(REFUSE)), finding(0.9), acceptance=ServerChoice()))
    assert (action.remedy, action.notice.recommended, action.notice.served) == (Refuse(), None, None)


@pytest.mark.parametrize(
    "acceptance", [RequestedOnly(), ServerChoice(), accepting(TINY)], ids=lambda a: type(a).__name__
)
def test_asking_for_the_lesser_model_itself_passes_and_is_on_record(acceptance: Acceptance) -> None:
    decision = decided(policy(), finding(0.9), model=SMALL, acceptance=acceptance)
    assert decision.action == Pass()
    assert decision.grounds.matches == (RuleMatch(rule(), finding(0.9), True),)


def test_asking_for_a_lesser_model_of_another_domain_does_not_pass() -> None:
    decision = decided(policy(fallbacks={(BIG, BIO): (SMALL,)}), finding(0.9), model=SMALL)
    assert intervention(decision).remedy == Refuse()


def test_asking_for_the_lesser_model_is_still_told_of_a_milder_rule() -> None:
    chosen = policy(rule(REDIRECT), rule(NOTIFY, number=2, band=Band.LOW_DUAL))
    action = intervention(decided(chosen, finding(0.9), model=SMALL))
    assert (action.remedy, action.notice.served) == (Notify(), SMALL)


def test_the_prohibited_is_refused_even_of_the_lesser_model() -> None:
    chosen = policy(rule(REDIRECT), rule(REFUSE, number=2, band=Band.PROHIBITED))
    assert intervention(decided(chosen, finding(0.9, Band.PROHIBITED), model=SMALL)).remedy == Refuse()


@pytest.mark.parametrize(
    ("mode", "answer", "expected"),
    [
        pytest.param(Mode.OFF, OnUnavailable.RETRY, None, id="off"),
        pytest.param(Mode.SHADOW, OnUnavailable.RETRY, None, id="shadow"),
        pytest.param(Mode.SHADOW, OnUnavailable.NOTIFY, None, id="shadow, notify"),
        pytest.param(Mode.NOTIFY, OnUnavailable.RETRY, RetryLater(), id="notify mode, retry"),
        pytest.param(Mode.REFUSE, OnUnavailable.RETRY, RetryLater(), id="refuse mode, retry"),
        pytest.param(Mode.REFUSE, OnUnavailable.NOTIFY, Notify(), id="refuse mode, notify"),
    ],
)
def test_a_missing_finding_is_answered_as_the_policy_says(
    mode: Mode, answer: OnUnavailable, expected: Remedy | None
) -> None:
    decision = decided(policy(mode=mode, on_unavailable=answer), missing(), acceptance=ServerChoice())
    if expected is None:
        assert decision.action == Pass()
        return
    action = intervention(decision)
    assert action.remedy == expected
    assert (action.notice.ground, action.notice.clause) == (Ground.UNAVAILABLE, None)
    assert action.notice.served == (BIG if expected == Notify() else None)
    assert "it took longer than 2 s" in action.notice.why


@pytest.mark.parametrize(
    ("mode", "recorded"),
    [
        pytest.param(Mode.OFF, (), id="off"),
        pytest.param(Mode.SHADOW, (UnavailableMatch(missing(), False),), id="shadow"),
        pytest.param(Mode.NOTIFY, (UnavailableMatch(missing(), True),), id="notify"),
    ],
)
def test_a_missing_finding_is_on_record_unless_the_domain_is_off(
    mode: Mode, recorded: tuple[UnavailableMatch, ...]
) -> None:
    assert decided(policy(mode=mode), missing()).grounds.matches == recorded


def test_a_missing_finding_in_a_domain_without_rules_changes_nothing() -> None:
    assert decided(policy(), missing(BIO), missing(Domain.CHEM)).action == Pass()


@pytest.mark.parametrize(
    "findings",
    [(missing(BIO), finding(0.9)), (finding(0.9), missing(BIO))],
    ids=["missing first", "missing last"],
)
def test_a_rule_that_stops_a_request_comes_before_a_missing_finding(
    findings: tuple[Finding | Unavailable, ...],
) -> None:
    action = intervention(decided(policy(rule(REFUSE), rule(REFUSE, domain=BIO)), *findings))
    assert (action.remedy, action.notice.ground) == (Refuse(), Ground.POLICY)


def test_a_mere_notice_does_not_let_an_unchecked_request_through() -> None:
    action = intervention(decided(policy(rule(NOTIFY), rule(REFUSE, domain=BIO)), finding(0.9), missing(BIO)))
    assert (action.remedy, action.notice.ground) == (RetryLater(), Ground.UNAVAILABLE)


def test_a_missing_finding_matters_only_where_a_rule_could_have_acted() -> None:
    assert decided(policy(rule(REFUSE, domain=BIO, threshold=None)), missing(BIO)).action == Pass()


def test_two_rules_that_redirect_need_a_model_that_the_policy_names_for_both() -> None:
    fallbacks = {(BIG, CYBER): (SMALL, TINY), (BIG, BIO): (TINY,)}
    both = policy(rule(), rule(domain=BIO), fallbacks=fallbacks)
    found = (finding(0.9), finding(0.95, domain=BIO))
    shared = intervention(decided(both, *found, acceptance=ServerChoice()))
    assert shared.remedy == Redirect(Fallback(model=TINY))
    neither = policy(rule(), rule(domain=BIO), fallbacks={(BIG, BIO): (TINY,)})
    assert intervention(decided(neither, *found, acceptance=ServerChoice())).remedy == Refuse()


def test_a_rule_in_shadow_does_not_hide_a_missing_finding() -> None:
    modes = {CYBER: Mode.SHADOW, BIO: Mode.NOTIFY}
    action = intervention(decided(policy(rule(), rule(domain=BIO), modes=modes), finding(0.9), missing(BIO)))
    assert (action.remedy, action.notice.ground) == (RetryLater(), Ground.UNAVAILABLE)


@pytest.mark.parametrize(
    ("earned", "probability", "enforced"),
    [
        pytest.param(None, 1.0, False, id="no acting point, certain"),
        pytest.param(None, 0.5, False, id="no acting point, at one half"),
        pytest.param(None, 0.49, None, id="no acting point, under one half"),
        pytest.param(0.8, 0.8, True, id="at the acting point"),
        pytest.param(0.8, 0.79, None, id="under the acting point"),
        pytest.param(0.3, 0.31, True, id="an acting point under one half"),
    ],
)
def test_a_release_without_an_acting_point_keeps_the_rule_in_shadow(
    earned: float | None, probability: float, enforced: bool | None
) -> None:
    release = released({(CYBER, Band.HIGH_DUAL): earned} if earned is not None else {})
    decision = decided(policy(rule(REFUSE, threshold=None)), finding(probability), release=release)
    assert [m.enforced for m in decision.grounds.matches] == ([] if enforced is None else [enforced])
    assert outcome(decision.action) == ("refuse" if enforced else "pass")


@pytest.mark.parametrize(
    "place", [(BIO, Band.HIGH_DUAL), (CYBER, Band.PROHIBITED)], ids=["another domain", "another band"]
)
def test_an_acting_point_counts_for_its_own_domain_and_band_only(place: tuple[Domain, Band]) -> None:
    decision = decided(policy(rule(REFUSE, threshold=None)), finding(0.9), release=released({place: 0.1}))
    assert decision.action == Pass()


def test_a_threshold_that_the_policy_sets_needs_no_acting_point() -> None:
    assert intervention(decided(policy(rule(REFUSE, threshold=0.2)), finding(0.3))).remedy == Refuse()


def test_the_notice_of_a_rule_names_rule_part_confidence_error_rate_and_models() -> None:
    release = released({}, ERROR_RATE)
    decision = decided(policy(), finding(0.8, trigger=TRIGGER), acceptance=ServerChoice(), release=release)
    told = intervention(decision).notice
    assert (told.stamp, told.ground, told.requested, told.served) == (STAMP, Ground.POLICY, BIG, SMALL)
    assert (told.policy, told.policy_digest, told.provider_category) == ("sample 3", POLICY_DIGEST, None)
    assert told.clause == Clause(
        rule=rule().id,
        title="exploit development",
        domain=CYBER,
        band=Band.HIGH_DUAL,
        confidence=Confidence.MEDIUM,
        trigger=TRIGGER,
        error_rate=ERROR_RATE,
    )


def test_the_grounds_pin_policy_and_release() -> None:
    release = released()
    decision = decided(policy(), finding(0.1), release=release)
    assert decision.grounds == Grounds(policy="sample 3", policy_digest=POLICY_DIGEST, release=release, matches=())
    assert decision.grounds.release.digest == RELEASE_DIGEST


def test_a_request_without_anything_found_passes() -> None:
    assert decided(policy()).action == Pass()
