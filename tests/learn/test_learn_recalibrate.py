"""Acting points from an operator's traffic: what is promised holds, and what cannot be shown stays in shadow."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from overt.classify.joint import CEILING, Joint
from overt.classify.model import WIDTH
from overt.classify.release import MANIFEST, Parts, digest_of, read_release, shipped
from overt.core.domain import BANDS, DOMAINS, Band, Digest, Domain
from overt.core.finding import ActingPoint
from overt.errors import BadRequest
from overt.learn.calibrate import FLOOR
from overt.learn.recalibrate import (
    ALPHA,
    Outcome,
    Promise,
    Recalibrated,
    lowest_point,
    negatives_needed,
    recalibrate,
    top_rows,
    write_derived,
)
from overt.learn.traffic import Traffic, Turn

Doubles = npt.NDArray[np.float64]
HIGH = Promise(alpha={Band.HIGH_DUAL: 0.01})
CYBER, BIO = DOMAINS.index(Domain.CYBER), DOMAINS.index(Domain.BIO)
RANK = BANDS.index(Band.HIGH_DUAL)


@cache
def shipped_parts() -> Parts:
    """The release that the tests derive from."""
    return read_release(shipped())


def ungated() -> Parts:
    """Its stage 1 alone."""
    return Parts(shipped_parts().model)


def gated(gate: float) -> Parts:
    """With this gate in every domain."""
    ones = np.ones(WIDTH, np.float32)
    gates = np.full(len(DOMAINS), gate, np.float32)
    return replace(ungated(), joint=Joint(linear=ones, deep=ones, bias=ones, gates=gates))


def turns(count: int, *, copies: int = 1, length: int = 10) -> list[Turn]:
    """Turns with names as they come, each ``copies`` times."""
    names = [sha256(str(number // copies).encode()).hexdigest() for number in range(count)]
    return [Turn(line=number, name=name, length=length) for number, name in enumerate(names, 1)]


def traffic(scores: Doubles, given: list[Turn] | None = None) -> Traffic:
    """Traffic with these scores in every domain, for every band."""
    each = np.repeat(scores[:, None], len(DOMAINS), axis=1) if scores.ndim == 1 else scores
    return Traffic(
        turns=given if given is not None else turns(len(scores)),
        scores=np.repeat(each[:, :, None], len(BANDS), axis=2),
        unread=(),
        digest=Digest("sha256:" + "0" * 64),
    )


def outcome(found: Recalibrated, domain: Domain = Domain.CYBER, band: Band = Band.HIGH_DUAL) -> Outcome:
    """The outcome of a claim."""
    return next(each for each in found.outcomes if (each.domain, each.band) == (domain, band))


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [
        (0.01, (299, 473, 773, 1_049, 1_693, 2_902)),
        (0.001, (2_995, 4_742, 7_752, 10_511, 16_959, 29_058)),
        (0.0005, (5_990, 9_486, 15_505, 21_024, 33_921, 58_120)),
        (0.0001, (29_956, 47_437, 77_535, 105_128, 169_619, 290_616)),
    ],
    ids=str,
)
def test_the_negatives_that_a_bound_needs_are_those_of_the_published_table(
    alpha: float, expected: tuple[int, ...]
) -> None:
    """To the rounding of the table (classifiers.md section 3)."""
    needed = [negatives_needed(alpha, 0.05, hits) for hits in (0, 1, 3, 5, 10, 20)]
    assert needed == pytest.approx(expected, abs=1)


def test_the_promise_is_broken_no_more_often_than_delta() -> None:
    """Four domains with uniform scores: the true rate at a threshold is known."""
    draw, alpha, delta = np.random.default_rng(11), 0.05, 0.2
    given, promise, broken, runs = turns(500), Promise(alpha={Band.HIGH_DUAL: alpha}, delta=delta), 0, 200
    for _ in range(runs):
        found = recalibrate(ungated(), traffic(draw.random((500, len(DOMAINS))), given), promise)
        points = [each.threshold for each in found.outcomes if each.threshold is not None]
        broken += any(1 - point > alpha for point in points)
    assert 0 < broken <= runs * delta + 3 * (runs * delta * (1 - delta)) ** 0.5


def test_delta_is_split_over_every_claim_and_every_length_bucket() -> None:
    promise = Promise(alpha=ALPHA, delta=0.05, lengths=(1_000, 8_000))
    assert (Domain.FRONTIER_LLM, Band.PROHIBITED) not in promise.claims
    assert promise.share == pytest.approx(0.05 / (7 * 3))
    assert promise.buckets == ((-1, 1_000), (1_000, 8_000), (8_000, None))


def test_too_few_negatives_leave_a_domain_in_shadow_and_say_how_many_it_takes() -> None:
    found = outcome(recalibrate(ungated(), traffic(np.zeros(300)), HIGH))
    assert found.threshold is None
    (lack,) = found.lacks
    assert lack.negatives < lack.needed == negatives_needed(0.01, HIGH.share, 0)


def test_as_many_negatives_as_were_said_to_be_needed_suffice() -> None:
    needed = negatives_needed(0.01, HIGH.share, 0)
    names = [turn for turn in turns(3 * needed) if turn.name[0] < "8"]
    for count, earned in ((needed, True), (needed - 1, False)):
        found = outcome(recalibrate(ungated(), traffic(np.zeros(count), names[:count]), HIGH))
        assert (found.threshold is not None) is earned


def test_a_domain_whose_negatives_score_high_stays_in_shadow_and_no_other() -> None:
    scores = np.zeros((4_000, len(DOMAINS)))
    scores[:200, CYBER] = 1.0
    found = recalibrate(ungated(), traffic(scores), HIGH)
    assert outcome(found).threshold is None
    assert outcome(found).lacks[0].hits > 0
    assert outcome(found, Domain.BIO).threshold == FLOOR[Band.HIGH_DUAL]
    assert [rate.domain for rate in found.rates] == [Domain.BIO, Domain.CHEM, Domain.FRONTIER_LLM]


def test_copies_of_one_turn_prove_no_more_than_one() -> None:
    found = outcome(recalibrate(ungated(), traffic(np.zeros(2_000), turns(2_000, copies=50)), HIGH))
    assert found.threshold is None
    assert found.lacks[0].negatives < 40


def test_a_turn_that_is_served_often_counts_as_often() -> None:
    """One probe in twenty is the same harmless turn with a high score; alone it would be one of thousands."""
    often = next(turn for turn in turns(50) if turn.name[0] < "8")
    given = [often if number % 20 == 0 else turn for number, turn in enumerate(turns(6_000))]
    scores = np.asarray([0.9 if turn is often else 0.1 for turn in given])
    found = outcome(recalibrate(ungated(), traffic(scores, given), HIGH))
    assert found.threshold is not None
    assert found.threshold > 0.9


def test_the_strictest_length_bucket_decides() -> None:
    given = [replace(turn, length=10 if number % 2 else 5_000) for number, turn in enumerate(turns(8_000))]
    long_ones = np.asarray([turn.length > 1_000 for turn in given])
    scores = np.where(long_ones & (np.arange(8_000) % 80 == 0), 0.8, 0.1)
    together = outcome(recalibrate(ungated(), traffic(scores, given), Promise(alpha={Band.HIGH_DUAL: 0.02})))
    apart = Promise(alpha={Band.HIGH_DUAL: 0.02}, lengths=(1_000,))
    assert together.threshold == FLOOR[Band.HIGH_DUAL]
    assert outcome(recalibrate(ungated(), traffic(scores, given), apart)).threshold == pytest.approx(0.8001)


def test_a_promised_length_without_negatives_earns_nothing() -> None:
    promise = Promise(alpha={Band.HIGH_DUAL: 0.01}, lengths=(1_000,))
    found = outcome(recalibrate(ungated(), traffic(np.zeros(4_000)), promise))
    assert found.threshold is None
    (lack,) = found.lacks
    assert (lack.bucket, lack.negatives) == ((1_000, None), 0)


def test_halves_that_contradict_each_other_earn_nothing() -> None:
    given = turns(4_000)
    scores = np.asarray([0.1 if turn.name[0] < "8" else 0.9 for turn in given])
    found = outcome(recalibrate(ungated(), traffic(scores, given), HIGH))
    assert found.contradicted
    assert found.threshold is None
    assert found.held_out[0] == found.held_out[1] > 0


@pytest.mark.parametrize("gate", [0.02, 0.5, 0.95])
def test_no_point_is_loosened_below_fair_odds_or_to_what_stage_1_may_say(gate: float) -> None:
    found = outcome(recalibrate(gated(gate), traffic(np.zeros(4_000)), HIGH))
    assert found.threshold == lowest_point(gated(gate), Band.HIGH_DUAL) == FLOOR[Band.HIGH_DUAL]
    assert lowest_point(gated(gate), Band.LOW_DUAL) > CEILING


def test_points_of_other_bands_are_the_parents() -> None:
    found = recalibrate(ungated(), traffic(np.zeros(4_000)), HIGH)
    parent = ungated().model.release.acting_points
    assert [p for p in found.points if p.band is not Band.HIGH_DUAL] == [
        p for p in parent if p.band is not Band.HIGH_DUAL
    ]
    assert ActingPoint(domain=Domain.BIO, band=Band.HIGH_DUAL, threshold=FLOOR[Band.HIGH_DUAL]) in found.points


def test_error_rates_are_those_of_the_held_out_half() -> None:
    given = turns(4_000)
    held_out = [number for number, turn in enumerate(given) if turn.name[0] >= "8"]
    scores = np.zeros(4_000)
    scores[held_out[:3]] = 0.99
    found = recalibrate(ungated(), traffic(scores, given), HIGH)
    assert {(rate.flagged, rate.negatives) for rate in found.rates} == {(3, len(held_out))}


def test_a_derived_release_differs_from_its_parent_in_its_manifest_alone(tmp_path: Path) -> None:
    read = traffic(np.zeros(4_000))
    found = recalibrate(shipped_parts(), read, HIGH)
    release = write_derived(shipped(), tmp_path / "out", found, read, version="1+own", date="2026-11-23")
    parent = json.loads((shipped() / MANIFEST).read_bytes())
    derived = json.loads((tmp_path / "out" / MANIFEST).read_bytes())
    for name, digest in parent["files"].items():
        assert digest_of((tmp_path / "out" / name).read_bytes()) == digest
    changed = {key for key in parent | derived if parent.get(key) != derived.get(key)}
    assert changed <= {"version", "date", "acting_points", "error_rates", "calibration", "training"}
    assert release.acting_points == found.points
    assert release.digest != shipped_parts().model.release.digest


def test_a_derived_manifest_says_where_its_points_come_from(tmp_path: Path) -> None:
    read = traffic(np.zeros(4_000))
    write_derived(
        shipped(), tmp_path, recalibrate(shipped_parts(), read, HIGH), read, version="1+own", date="2026-11-23"
    )
    manifest = json.loads((tmp_path / MANIFEST).read_bytes())
    said = manifest["calibration"]
    assert said["parent"] == shipped_parts().model.release.digest
    assert (said["date"], said["unit"]) == ("2026-11-23", "turn")
    assert (said["alpha"], said["delta"]) == ({"high_dual": 0.01}, 0.05)
    assert said["traffic"] == {"digest": read.digest, "turns": 4_000, "distinct": 4_000, "unread": 0, "uncovered": 0}
    assert said["chosen_on"]["turns"] + said["held_out"]["turns"] == 4_000
    assert len(said["claims"]) == len(DOMAINS)
    assert "own_families" not in manifest["training"], "they were counted at the parent's acting points"


def test_no_release_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text("{}")
    read = traffic(np.zeros(10))
    with pytest.raises(BadRequest, match="not an empty folder"):
        write_derived(shipped(), tmp_path, recalibrate(ungated(), read, HIGH), read, version="1", date="")
    assert (tmp_path / MANIFEST).read_text() == "{}"


def test_the_highest_rows_are_those_to_look_at(tmp_path: Path) -> None:
    file = tmp_path / "traffic.jsonl"
    file.write_text("".join(json.dumps({"id": f"r{number}", "text": "x"}) + "\n" for number in range(300)))
    scores = np.linspace(0, 1, 300)
    given = turns(300)
    given[298] = replace(given[299], line=299)
    rows = top_rows(file, traffic(scores, given))
    cyber = [row for row in rows if row["domain"] == "cyber"]
    assert [row["rank"] for row in cyber] == list(range(1, 101))
    assert len(rows) == 100 * len(DOMAINS)
    assert (cyber[0]["line"], cyber[0]["row"]) == (299, {"id": "r298", "text": "x"}), "of equal turns the first"
    assert cyber[1]["row"] == {"id": "r297", "text": "x"}
