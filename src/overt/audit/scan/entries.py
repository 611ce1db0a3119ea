"""Overt's own transparency log, as published: what became of each exchange, by the gateway's own word.

The log is read, not verified (`overt log check` verifies it). A completion closes the decision that it follows and
counts in its place. Entries that were pruned are counted as missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from overt.audit.scan.answer import named
from overt.audit.scan.sample import Evidence, Kind, Sample, Turn, whole
from overt.core.receipt import Statement
from overt.errors import BadRequest, VerificationFailed
from overt.proof import tiles
from overt.proof.note import parse_checkpoint
from overt.proof.statement import VERSION, Outcome, decode_entry

COMPLETION: Final = ".completion"


def is_log(folder: Path) -> bool:
    """Whether a folder holds a published log."""
    return (folder / tiles.CHECKPOINT).is_file() and (folder / "tile").is_dir()


def read_log(folder: Path) -> tuple[list[Sample], list[str]]:
    """The exchanges of a log, and notes on what could not be read."""
    notes = [f"{folder}: read as published, not verified: 'overt log check' verifies it"]
    try:
        text = (folder / tiles.CHECKPOINT).read_text(encoding="utf-8")
        size = parse_checkpoint(text.partition("\n\n")[0] + "\n").size
    except (OSError, UnicodeDecodeError, VerificationFailed) as error:
        raise BadRequest(f"the checkpoint of {str(folder)!r} cannot be read: {error}") from error

    def read(path: str) -> bytes | None:
        file = folder / path
        return file.read_bytes() if file.is_file() else None

    raws: list[bytes] = []
    missing = 0
    for bundle in tiles.bundles_of(size):
        try:
            raws += tiles.read_entries(read, bundle)
        except VerificationFailed:
            missing += bundle.width
    if missing:
        notes.append(
            f"{folder}: {missing:,} of {size:,} entries are not there (pruned or lost): nothing is known of them"
        )
    return list(read_entries(str(folder), raws)), notes


def read_entries(file: str, raws: Iterable[bytes]) -> Iterator[Sample]:
    """Exchanges among entries; one that is not of the schema is an error with its number."""
    found: dict[str, Sample] = {}
    for number, raw in enumerate(raws):
        try:
            entry = decode_entry(raw)
        except VerificationFailed as error:
            what = f"entry {number} is not of {VERSION}: {error}"
            turn = Turn(requested=None, served=None, evidence=(Evidence(Kind.ERROR, f"entry {number}", what[:200]),))
            found[f"entry {number}"] = _sample(file, f"entry {number}", turn)
            continue
        if isinstance(entry, Statement):
            name = entry.id.removesuffix(COMPLETION)
            found[name] = _sample(file, name, _turn(entry, f"entry {number}"))
    yield from found.values()


def _turn(statement: Statement, where: str) -> Turn:
    requested, served = statement.requested, statement.served.model
    said = f"{statement.outcome}" + (f": {statement.reason.ground}" if statement.reason is not None else "")
    evidence: list[Evidence] = []
    match Outcome(statement.outcome):
        case Outcome.REDIRECT:
            what = f"{said}; {served or 'another model'!r} for the requested {requested!r}"
            evidence.append(Evidence(Kind.SERVED_BY_OTHER, where, what))
        case Outcome.REFUSE:
            evidence.append(Evidence(Kind.REFUSED, where, said))
        case Outcome.ERROR:
            evidence.append(Evidence(Kind.ERROR, where, said))
        case Outcome.PASS | Outcome.NOTIFY:
            evidence += named(served, requested, where, f" ({said})")
            if statement.reason is not None and statement.reason.ground == "provider_refusal":
                evidence.append(Evidence(Kind.REFUSED, where, said))
    return Turn(requested=requested, served=served, evidence=tuple(evidence))


def _sample(file: str, name: str, turn: Turn) -> Sample:
    kind, standing = whole((turn,))
    return Sample(
        file=file,
        id=name,
        epoch=1,
        group="log",
        task=name,
        requested=turn.requested,
        served=turn.served,
        kind=kind,
        standing=standing,
        turns=1,
        others=int(kind is Kind.SERVED_BY_OTHER),
        score=None,
        stratum=None,
        evidence=turn.evidence,
    )
