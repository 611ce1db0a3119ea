"""Overt's own log, as anybody may fetch it: passes, redirects and refusals by the gateway's own word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from scan_samples import scanned

from overt.audit.scan.sample import Kind, Sample
from overt.core.domain import ModelName, ReceiptId
from overt.core.receipt import Kind as StatementKind
from overt.core.receipt import Reason, Statement
from overt.errors import BadRequest
from overt.proof import tiles
from overt.proof.note import Checkpoint, parse_vkey, sign_checkpoint
from overt.proof.statement import encode_entry
from overt.testing.log import ORIGIN, known_signer
from overt.testing.receipts import announcements, known_issuer, made_up

LOG = known_signer()
ISSUER = known_issuer()
PROVIDER = Reason(ground="provider_refusal", rule=None, domain=None, band=None, trigger=None)


def written(folder: Path, entries: Sequence[bytes]) -> Path:
    """A published log of these entries, after the announcements."""
    edge, files = tiles.grow(tiles.Edge(), [*announcements(ISSUER), *entries])
    checkpoint = Checkpoint(origin=ORIGIN, size=edge.size, root=edge.root)
    files[tiles.CHECKPOINT] = sign_checkpoint(checkpoint, parse_vkey(LOG.vkey), LOG.sign)
    for path, raw in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(raw)
    return folder


def passed(number: int, **members: object) -> Statement:
    """An exchange that passed, but for these members."""
    return replace(made_up(ISSUER, number, changed=False).statement, **members)  # type: ignore[arg-type]


def redirected(number: int) -> Statement:
    """An exchange that another model answered."""
    return made_up(ISSUER, number).statement


def only(folder: Path, statement: Statement) -> Sample:
    """The one exchange of a log."""
    found = scanned(written(folder, [encode_entry(statement)])).samples
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (passed(0), Kind.OWN),
        (passed(0, requested=ModelName("large"), served=replace(passed(0).served, model=None)), Kind.UNKNOWN),
        (passed(0, served=replace(passed(0).served, model=ModelName("large-20260101"))), Kind.ALIAS),
        (passed(0, served=replace(passed(0).served, model=ModelName("small"))), Kind.SERVED_BY_OTHER),
        (passed(0, reason=PROVIDER), Kind.REFUSED),
        (passed(0, outcome="error"), Kind.ERROR),
        (redirected(0), Kind.SERVED_BY_OTHER),
        (replace(redirected(0), outcome="refuse"), Kind.REFUSED),
    ],
)
def test_an_exchange_has_the_class_that_the_log_gives_it(statement: Statement, expected: Kind, tmp_path: Path) -> None:
    assert only(tmp_path / "log", statement).kind is expected


def test_a_completion_closes_its_decision_and_counts_once(tmp_path: Path) -> None:
    closing = replace(
        redirected(1), kind=StatementKind.COMPLETION, id=ReceiptId(f"{passed(1).id}.completion"), previous=bytes(32)
    )
    found = scanned(written(tmp_path / "log", [encode_entry(passed(1)), encode_entry(closing)]))
    assert [each.kind for each in found.samples] == [Kind.SERVED_BY_OTHER]
    assert any("not verified" in note for note in found.notes)


def test_pruned_entries_are_counted_as_missing(tmp_path: Path) -> None:
    folder = written(tmp_path / "log", [encode_entry(passed(number)) for number in range(300)])
    (folder / "tile/entries/000").unlink()
    found = scanned(folder)
    assert len(found.samples) == 303 - 256
    assert any("256 of 303 entries are not there" in note for note in found.notes)


def test_entries_as_lines_are_read_too_and_a_foreign_one_is_an_error(tmp_path: Path) -> None:
    lines = [encode_entry(passed(0)), encode_entry(redirected(1)), b'{"type":"decision","v":"overt-entry/9"}']
    (tmp_path / "entries.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    found = scanned(tmp_path / "entries.jsonl")
    assert [each.kind for each in found.samples] == [Kind.OWN, Kind.SERVED_BY_OTHER, Kind.ERROR]


def test_a_checkpoint_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    folder = written(tmp_path / "log", [])
    (folder / "checkpoint").write_text("nothing\n")
    with pytest.raises(BadRequest, match="checkpoint"):
        scanned(folder)
