"""The small values: order of bands and modes, a policy's fallbacks, a release's earned points, a request's preamble."""

from __future__ import annotations

import pytest
from core_samples import BIG, ERROR_RATE, OTHER, SMALL, TINY, finding, policy, released

from overt.core.domain import BANDS, Band, Domain, ModelName
from overt.core.finding import Finding
from overt.core.policy import ANY_MODEL, Mode
from overt.core.request import Role, Segment

FALLBACKS = {
    (BIG, Domain.CYBER): (SMALL, TINY),
    (BIG, Domain.BIO): (TINY, OTHER),
    (ANY_MODEL, Domain.CYBER): (SMALL, BIG),
}


def test_bands_and_modes_are_ordered_from_the_mildest() -> None:
    assert [band.rank for band in BANDS] == [0, 1, 2, 3]
    assert [band.value for band in BANDS] == ["benign", "low_dual", "high_dual", "prohibited"]
    assert [mode.value for mode in sorted(Mode, key=lambda mode: mode.rank)] == [
        "off",
        "shadow",
        "notify",
        "redirect",
        "refuse",
    ]


@pytest.mark.parametrize(
    ("model", "domain", "expected"),
    [
        pytest.param(BIG, Domain.CYBER, (SMALL, TINY), id="its own entry"),
        pytest.param(OTHER, Domain.CYBER, (SMALL, BIG), id="the entry for any model"),
        pytest.param(SMALL, Domain.CYBER, (BIG,), id="never itself"),
        pytest.param(OTHER, Domain.BIO, (), id="no entry"),
    ],
)
def test_a_policy_names_the_models_that_may_answer_instead(
    model: ModelName, domain: Domain, expected: tuple[ModelName, ...]
) -> None:
    assert policy(fallbacks=FALLBACKS).targets(model, domain) == expected


def test_a_lesser_model_is_one_of_its_domain() -> None:
    chosen = policy(fallbacks=FALLBACKS)
    assert chosen.is_target(OTHER, Domain.BIO)
    assert not chosen.is_target(OTHER, Domain.CYBER)
    assert not chosen.is_target(SMALL, Domain.CHEM)


def test_the_allowed_fallbacks_are_listed_once_in_order_of_domain() -> None:
    assert policy(fallbacks=FALLBACKS).allowed_fallbacks(BIG) == (SMALL, TINY, OTHER)
    assert policy(fallbacks={}).allowed_fallbacks(BIG) == ()


@pytest.mark.parametrize(("band", "expected"), list(zip(BANDS, (0.4, 0.3, 0.2, 0.1), strict=True)))
def test_a_finding_gives_the_probability_of_a_band_or_worse(band: Band, expected: float) -> None:
    found = Finding(domain=Domain.BIO, topic=0.4, low_dual=0.3, high_dual=0.2, prohibited=0.1)
    assert found.at_least(band) == expected


def test_a_finding_of_the_samples_is_sure_of_its_band_and_no_worse_one() -> None:
    assert [finding(0.9).at_least(band) for band in BANDS] == [0.9, 0.9, 0.9, 0.0]


def test_what_a_release_has_not_measured_is_absent_and_not_zero() -> None:
    release = released({(Domain.CYBER, Band.HIGH_DUAL): 0.0}, ERROR_RATE)
    assert release.acting_point(Domain.CYBER, Band.HIGH_DUAL) == 0.0
    assert release.acting_point(Domain.CYBER, Band.PROHIBITED) is None
    assert release.error_rate(Domain.CYBER) == ERROR_RATE
    assert release.error_rate(Domain.BIO) is None


@pytest.mark.parametrize("role", Role)
def test_what_software_sends_with_every_request_is_preamble(role: Role) -> None:
    assert Segment(role=role, text="x").preamble is (role in {Role.SYSTEM, Role.TOOL_SCHEMA})
