"""The corpus in memory: public files of `overt.learn.sources` and our own requests, as one kind of row.

Our own rows (``data/requests/*.jsonl``) name domain, band, family and twin; their bands are exact. Must-pass rows,
preambles and paraphrases are never trained on: they are the suite that a release has to pass.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from overt.core.domain import BANDS, DOMAINS, Band, Domain
from overt.errors import InvalidFile, Problem
from overt.learn.sources import NOWHERE, SOURCES, UNKNOWN, Label, Source, Use, label_of, topics_of

OWN: Final = "own"
SUITE: Final = ("must_pass", "preambles", "paraphrases")
"""Own files that a release is examined with; never trained on."""
OWN_LICENCE: Final = Source(OWN, "Apache-2.0")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One request. ``group`` is what a split never cuts: a family, or rows that are variants of one another.

    ``domain`` and ``intent`` are what the source says (an own row's intent is its band); ``label`` is how we read it.
    """

    id: str
    text: str
    source: str
    group: str
    domain: str
    intent: str
    label: Label
    kind: str
    lang: str
    twin: str | None = None

    @property
    def own(self) -> bool:
        """Whether we wrote it."""
        return self.source.startswith(OWN)


@final
@dataclass(frozen=True, slots=True)
class Corpus:
    """Rows in a fixed order, and the sources they come from by name."""

    rows: tuple[Row, ...]
    sources: dict[str, Source]

    def source_of(self, row: Row) -> Source:
        """The source of a row."""
        return OWN_LICENCE if row.own else self.sources[row.source]


def is_sensitive(row: Row) -> bool:
    """Whether a row is known to be high_dual or worse in one of the domains."""
    return row.label.floor >= Band.HIGH_DUAL.rank and row.domain in DOMAINS


def load_corpus(data: Path | None, requests: Path) -> Corpus:
    """Everything under ``data`` that a source names, and our own requests. Raises `InvalidFile` for a broken row."""
    public = [row for source in SOURCES for row in _public(data, source)] if data is not None else []
    return Corpus((*load_own(requests), *public), {source.name: source for source in SOURCES})


def load_own(requests: Path) -> tuple[Row, ...]:
    """Our own requests, without the suite."""
    files = sorted(path for path in requests.glob("*.jsonl") if path.stem not in SUITE)
    if not files:
        raise InvalidFile(str(requests), (Problem("folder", "holds no *.jsonl", "name the folder data/requests"),))
    return tuple(_own(path, row) for path in files for row in read_rows(path))


def must_pass(requests: Path) -> tuple[str, ...]:
    """The requests of the must-pass suite; none where there is no suite."""
    path = requests / "must_pass.jsonl"
    return tuple(str(row["text"]) for row in read_rows(path)) if path.is_file() else ()


def read_rows(path: Path) -> Iterator[dict[str, object]]:
    """The rows of a JSON Lines file."""
    for number, line in enumerate(path.read_text(encoding="utf-8").removesuffix("\n").split("\n"), 1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as broken:
            problem = Problem("row", f"is not JSON: {broken}", "one JSON object per line", number)
            raise InvalidFile(str(path), (problem,)) from broken
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise InvalidFile(str(path), (Problem("row", "has no text", 'give "text" as a string', number),))
        yield row


def _public(data: Path, source: Source) -> Iterator[Row]:
    path = data / f"{source.name}.jsonl"
    if not path.is_file():
        return
    for row in read_rows(path):
        yield Row(
            id=str(row["id"]),
            text=str(row["text"]),
            source=source.name,
            group=str(row.get("group") or row["id"]),
            domain=str(row["domain"]),
            intent=str(row["intent"]),
            label=label_of(source, row),
            kind=str(row.get("kind") or "request"),
            lang=str(row.get("lang") or "und"),
        )


def _own(path: Path, row: dict[str, object]) -> Row:
    domain, band = str(row["domain"]), str(row["band"])
    if band not in BANDS or domain not in (*DOMAINS, "none"):
        problem = Problem(
            str(row.get("id")), f"has domain {domain!r}, band {band!r}", "use the words of core/domain.py"
        )
        raise InvalidFile(str(path), (problem,))
    twin = row.get("twin")
    return Row(
        id=str(row["id"]),
        text=str(row["text"]),
        source=f"{OWN}-{path.stem}",
        group=f"{path.stem}:{row['family']}",
        domain=domain,
        intent=band,
        label=_own_label(domain, Band(band)),
        kind=str(row["kind"]),
        lang=str(row["lang"]),
        twin=str(twin) if twin else None,
    )


def _own_label(domain: str, band: Band) -> Label:
    topics = topics_of(Domain(domain)) if domain in DOMAINS else NOWHERE
    return Label(topics, floor=band.rank, ceiling=band.rank)


def trainable(corpus: Corpus, rows: Iterable[Row]) -> list[Row]:
    """The rows that may touch a weight: the licence permits, something is known, and no preamble as a positive."""
    return [row for row in rows if corpus.source_of(row).use is Use.TRAIN and _teaches(row)]


def _teaches(row: Row) -> bool:
    if row.label.topics == UNKNOWN and row.label.ceiling > 0:
        return False
    return row.kind != "preamble" or row.label.topics == NOWHERE
