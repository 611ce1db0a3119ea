"""What shadow mode showed is counted by pair, domain and outcome."""

from __future__ import annotations

import pytest

from overt.core.domain import Digest, Domain
from overt.learn.flips import NEWEST, Cell, Tally
from overt.testing.contracts.comparisons import NEW, OLD, compared

OTHER = Digest("sha256:" + "2" * 64)


def test_outcomes_are_counted_by_domain_and_flips_have_a_rate_with_its_interval() -> None:
    tally = Tally()
    tally.add([compared(number) for number in range(95)])
    tally.add([compared(100, "redirect", "redirect", Domain.BIO), compared(101, "redirect", "pass", Domain.CYBER)])
    tally.add([compared(number, "pass", "refuse", Domain.CYBER) for number in (102, 103, 104)])
    (found,) = tally.flips({(OLD, NEW): 7})
    assert (found.compared, found.flips, found.dropped) == (100, 4, 7)
    assert found.interval == pytest.approx((0.011005, 0.099259), abs=1e-5)
    assert found.cells == (
        Cell("bio", "redirect", "redirect", 1),
        Cell("cyber", "pass", "refuse", 3),
        Cell("cyber", "redirect", "pass", 1),
        Cell("none", "pass", "pass", 95),
    )
    assert found.newest == ("rcp_104", "rcp_103", "rcp_102", "rcp_101")
    assert (found.since, found.until) == (0, 104_000)


def test_only_the_newest_flips_are_named() -> None:
    tally = Tally()
    tally.add(compared(number, "pass", "refuse", Domain.BIO) for number in range(1_000))
    (found,) = tally.flips({})
    assert len(found.newest) == NEWEST
    assert found.newest[0] == "rcp_999"


def test_pairs_of_releases_are_never_mixed_and_the_last_one_is_at_the_end() -> None:
    tally = Tally()
    tally.add([compared(1, to=OTHER), compared(2), compared(3, to=OTHER)])
    found = tally.flips({(OTHER, NEW): 2})
    assert [(each.current, each.candidate, each.compared) for each in found] == [
        (OTHER, NEW, 0),
        (OLD, NEW, 1),
        (OLD, OTHER, 2),
    ]
    assert (found[0].dropped, found[0].since, found[0].interval) == (2, None, (0.0, 1.0))
