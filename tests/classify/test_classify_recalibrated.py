"""A cascade whose acting points were chosen on traffic acts no more often than was counted, on conversations too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cascade_samples import tiny_graph, tiny_joint
from classify_samples import tiny_weights, vocabulary

from overt.classify.model import uncalibrated
from overt.classify.release import Card, Parts, Second, read_release, write_release
from overt.classify.rows import Row, parse_row
from overt.classify.verdict import request_of
from overt.core.domain import Band, Domain
from overt.core.finding import ActingPoint, Finding, Unavailable
from overt.learn.recalibrate import Promise, recalibrate, write_derived
from overt.learn.score import numbers_of
from overt.learn.traffic import Kept, chooses, name_of, read_traffic, scorer

CARD = Card(
    name="tiny",
    version="1",
    date="2026-11-23",
    acting_points=(ActingPoint(domain=Domain.CYBER, band=Band.HIGH_DUAL, threshold=0.999),),
)
ALONE = "ransomware part"
TOGETHER = (f"{ALONE} one", f"{ALONE} two")


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    """A release of two stages that covers English and acts on next to nothing."""
    write_release(
        tmp_path / "parent",
        card=CARD,
        weights=tiny_weights(),
        calibration=uncalibrated(),
        vocabulary=vocabulary(),
        second=Second(tiny_graph(), tiny_joint(), ("en",)),
    )
    return tmp_path / "parent"


def messages(*said: str) -> list[dict[str, str]]:
    """User turns with answers between them."""
    told = [{"role": role, "content": text} for text in said for role, text in (("user", text), ("assistant", "Yes."))]
    return told[:-1]


def traffic(file: Path) -> Path:
    """Harmless turns, some of a conversation that asks for something together, one in German."""
    rows: list[dict[str, object]] = [
        {"id": number, "text": f"a plum cake for {number} guests"} for number in range(400)
    ]
    rows += [{"id": f"c{number}", "messages": messages(f"{TOGETHER[0]} {number}", TOGETHER[1])} for number in range(30)]
    german = "Wie backe ich einen Kuchen mit Pflaumen für die ganze Familie, und wie lange muss er in den Ofen?"
    rows.append({"id": "de", "text": german})
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def parsed(line: bytes) -> Row:
    """A row that can be read."""
    row = parse_row(line, 1)
    assert isinstance(row, Row)
    return row


def acted(parts: Parts, row: Row) -> bool:
    """Whether this release acts on a row in cyber."""
    release, finding = parts.model.release, parts.classifier().assess_now(request_of(row)).findings[0]
    points = {band: release.acting_point(Domain.CYBER, band) for band in (Band.HIGH_DUAL, Band.PROHIBITED)}
    if not isinstance(finding, Finding):
        return False
    return any(point is not None and finding.at_least(band) >= point for band, point in points.items())


def test_a_conversation_is_scored_by_what_its_turns_ask_together(parent: Path) -> None:
    parts = read_release(parent)
    row = parsed(json.dumps({"id": 1, "messages": messages(*TOGETHER)}).encode())
    alone = numbers_of(parts.classifier().assess_now(request_of(row)))
    found = scorer(parts)(request_of(row))
    assert not isinstance(found, Unavailable)
    assert found[0, 2] > 0.5 > alone[0, 2]


def test_the_derived_release_acts_on_no_more_held_out_turns_than_it_says(parent: Path, tmp_path: Path) -> None:
    file, parts = traffic(tmp_path / "traffic.jsonl"), read_release(parent)
    read = read_traffic(file, scorer(parts), Kept(tmp_path / "kept", parts.model.release.digest), lambda _line: None)
    found = recalibrate(parts, read, Promise(alpha={Band.HIGH_DUAL: 0.2}, delta=0.2))
    write_derived(parent, tmp_path / "out", found, read, version="1+own", date="2026-11-24")
    derived = read_release(tmp_path / "out")
    held_out = [row for row in map(parsed, file.read_bytes().splitlines()) if not chooses(name_of(row.segments))]
    acting = sum(acted(derived, row) for row in held_out)
    said = derived.model.release.error_rate(Domain.CYBER)
    assert read.uncovered == 1
    assert said is not None
    assert 0 < acting <= said.flagged
    assert derived.languages == frozenset({"en"})
