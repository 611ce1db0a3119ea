"""Which entries of a log in a folder may be gone: what an entry of the log says, found without reading all of it.

``DIR/retention`` holds the index and the bytes of that entry. It is a copy: where it is missing or is not what lies in
the log, the log is searched from its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from overt.errors import VerificationFailed
from overt.log.files import directory_reader, write_durably
from overt.proof import tiles
from overt.proof.merkle import leaf_hash
from overt.proof.statement import Retention, decode_entry

RETENTION: Final = "retention"
_DIGITS: Final = 20
_MARK: Final = b'"type":"retention"'


@final
@dataclass(frozen=True, slots=True)
class Said:
    """An entry that says what may be gone, and its index."""

    index: int
    entry: Retention


def kept_from(directory: Path, size: int) -> int:
    """The first index whose entry must be served, as the log itself says; 0 if it says nothing."""
    said = said_in(directory, size)
    return 0 if said is None else said.entry.kept


def said_in(directory: Path, size: int) -> Said | None:
    """The statement of what was pruned in a log of this size, None if there is none."""
    reader = directory_reader(directory)
    return _noted(directory / RETENTION, reader, size) or _searched(reader, size)


def note(directory: Path, index: int, raw: bytes) -> None:
    """Keep a copy of the statement beside the log."""
    write_durably(directory / RETENTION, b"%d\n%s\n" % (index, raw))


def _noted(path: Path, reader: tiles.Reader, size: int) -> Said | None:
    if not path.exists():
        return None
    index, _, raw = path.read_bytes().removesuffix(b"\n").partition(b"\n")
    return _said(reader, size, int(index), raw) if index.isdigit() and len(index) < _DIGITS else None


def _searched(reader: tiles.Reader, size: int) -> Said | None:
    """From the end to the first bundle that is missing, what says most: what says that it is gone lies behind it."""
    most: Said | None = None
    for number in range(-(-size // tiles.WIDTH) - 1, -1, -1):
        bundle = tiles.Tile(tiles.ENTRIES, number, tiles.width_at(size, 0, number))
        try:
            entries = tiles.read_entries(reader, bundle)
        except VerificationFailed:
            break
        for place, raw in enumerate(entries):
            said = _said(reader, size, number * tiles.WIDTH + place, raw) if _MARK in raw else None
            if said is not None and (most is None or said.entry.kept > most.entry.kept):
                most = said
    return most


def _said(reader: tiles.Reader, size: int, index: int, raw: bytes) -> Said | None:
    """The statement, if these bytes are one and lie at this index: the hash tile tells."""
    number, place = divmod(index, tiles.WIDTH)
    width = tiles.width_at(size, 0, number)
    if place >= width:
        return None
    try:
        entry = decode_entry(raw)
        there = tiles.read_hashes(reader, tiles.Tile(0, number, width))[place]
    except VerificationFailed:
        return None
    if not isinstance(entry, Retention) or there != leaf_hash(raw) or entry.kept > index:
        return None
    return Said(index, entry)
