"""From paths to samples: what kind each file is, by its content, and every sample in it.

A file that is none of the kinds is an error that names it, what was found and what is read. In a folder such files are
left out, and named in the notes. A damaged member or row becomes an *error* sample.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, final

from overt.audit.scan.answer import asked
from overt.audit.scan.archive import Archive, members_before
from overt.audit.scan.entries import is_log, read_entries, read_log
from overt.audit.scan.inspect_log import (
    Header,
    Options,
    chosen_scorer,
    group_of,
    header_of,
    read_sample,
    several_turns,
)
from overt.audit.scan.rows import Bad, read_rows
from overt.audit.scan.sample import Evidence, Kind, Sample, Standing
from overt.audit.scan.stream import looks_like_stream
from overt.errors import BadRequest
from overt.proof.statement import VERSION

ACCEPTED: Final = (
    "read are logs of Inspect (.eval, .json), JSON lines of raw responses (.jsonl, also .gz), one response or a list "
    "of them (.json), a recorded stream (.sse) and the folder of an Overt log"
)
ENDINGS: Final = (".eval", ".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz", ".sse")
AUDIT_PLAN: Final = "plan.json"
AUDIT_RECORDS: Final = "responses.jsonl"
ZIP: Final = b"PK\x03\x04"
GZIP: Final = b"\x1f\x8b"
_SUMMARIES: Final = "summaries.json"
_JOURNAL: Final = "_journal/summaries/"
_PLACE = re.compile(r"samples/(.+_epoch_\d+)(?:/sample)?\.json")
_CHUNK = re.compile(r"samples/(.+_epoch_\d+)/events/(\d+)\.json")

Progress = Callable[[str, int, int], None]
"""Told what is read: a file, how many samples of it are done, and how many there are (0 if not known)."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Log:
    """What all samples of a log of Inspect share."""

    file: str
    header: Header
    options: Options


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """Every sample that was found, in the order of the files, and what else the reader has to know."""

    samples: tuple[Sample, ...]
    files: tuple[tuple[str, str, int], ...]
    """Name, kind, and how many samples."""
    notes: tuple[str, ...]


def scan(paths: Sequence[Path], options: Options, progress: Progress) -> Scan:
    """Read everything under these paths. Raises `BadRequest` for a path that cannot be read at all."""
    samples: list[Sample] = []
    files: list[tuple[str, str, int]] = []
    notes: list[str] = []
    for path in _found(paths, notes):
        try:
            kind, more, said = _read(path, options, progress)
        except BadRequest as error:
            if path in paths:
                raise
            notes.append(f"left out: {error}")
            continue
        samples += more
        files.append((str(path), kind, len(more)))
        notes += said
    if not files:
        raise BadRequest(f"nothing to scan under {', '.join(repr(str(path)) for path in paths)}: {ACCEPTED}")
    return Scan(samples=tuple(samples), files=tuple(files), notes=tuple(notes))


def _found(paths: Sequence[Path], notes: list[str]) -> Iterator[Path]:
    """The files, and the folders that are logs, each once."""
    seen: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise BadRequest(f"there is no file or folder {str(path)!r}")
        inner = [path] if path.is_file() or is_log(path) else _walk(path)
        for each in inner:
            if each.resolve() in seen:
                continue
            seen.add(each.resolve())
            if each == path or each.is_dir() or each.name.lower().endswith(ENDINGS):
                yield each
            elif not each.name.startswith("."):
                notes.append(f"left out: {str(each)!r} has none of the endings that are read")


def _walk(folder: Path) -> Iterator[Path]:
    """Files and logs. In the folder of an audit only the records are responses; rows and prompts are made of others."""
    if (folder / AUDIT_PLAN).exists() and (folder / AUDIT_RECORDS).exists():
        yield folder / AUDIT_RECORDS
        return
    for each in sorted(folder.iterdir()):
        if each.is_file() or is_log(each):
            yield each
        elif each.is_dir() and not each.is_symlink():
            yield from _walk(each)


def _read(path: Path, options: Options, progress: Progress) -> tuple[str, list[Sample], list[str]]:
    name = str(path)
    if path.is_dir():
        samples, notes = read_log(path)
        return "overt log", samples, notes
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise BadRequest(f"{name!r} cannot be read: {error.strerror or error}") from error
    if head == ZIP:
        return _read_archive(path, options, progress)
    text = _text(path)
    progress(name, 0, 0)
    if looks_like_stream(text) and path.suffix != ".jsonl":
        return "stream", read_rows(name, [(1, {"response": text})], options), []
    return _read_json(name, text, options)


def _text(path: Path) -> str:
    raw = b""
    try:
        raw = path.read_bytes()
        return (gzip.decompress(raw) if raw.startswith(GZIP) else raw).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error) as error:
        raise BadRequest(f"{str(path)!r} cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        what = f"{str(path)!r} is neither an archive nor text (it begins with {raw[:8]!r}): {ACCEPTED}"
        raise BadRequest(what) from error


def _read_json(name: str, text: str, options: Options) -> tuple[str, list[Sample], list[str]]:
    if not text.strip():
        raise BadRequest(f"{name!r} is empty: {ACCEPTED}")
    if text.lstrip()[0] not in "{[":
        raise BadRequest(f"{name!r} begins with {text.lstrip()[:20]!r}, which is none of the kinds: {ACCEPTED}")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _read_lines(name, text.split("\n"), options)
    if isinstance(value, dict) and isinstance(value.get("eval"), dict):
        return _read_log(name, value, options)
    if isinstance(value, dict) and value.get("v") == VERSION:
        return "overt entries", list(read_entries(name, [text.strip().encode()])), []
    values = value if isinstance(value, list) else [value]
    rows = ((number, row if isinstance(row, dict) else _bad(row)) for number, row in enumerate(values, 1))
    return "responses", read_rows(name, rows, options), []


def _read_lines(name: str, lines: Sequence[str], options: Options) -> tuple[str, list[Sample], list[str]]:
    rows = [(number, _line(line)) for number, line in enumerate(lines, 1) if line.strip()]
    if all(isinstance(row, Bad) for _, row in rows):
        raise BadRequest(f"{name!r} holds no line that is a JSON object (the first: {lines[0][:40]!r}): {ACCEPTED}")
    if any(isinstance(row, dict) and row.get("v") == VERSION for _, row in rows):
        raws = [line.strip().encode() for line in lines if line.strip()]
        return "overt entries", list(read_entries(name, raws)), []
    return "responses", read_rows(name, rows, options), []


def _line(line: str) -> dict[str, Any] | Bad:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Bad(f"not JSON: {error}")
    return row if isinstance(row, dict) else _bad(row)


def _bad(row: object) -> Bad:
    return Bad(f"expected a JSON object, found {repr(row)[:40]}")


# --- Inspect ----------------------------------------------------------------------------------------------------------


def _read_log(name: str, log: dict[str, Any], options: Options) -> tuple[str, list[Sample], list[str]]:
    header = header_of(log)
    records = log.get("samples")
    if not isinstance(records, list):
        raise BadRequest(f"{name!r} is a log of Inspect without its samples: log with --log-samples, or scan the .eval")
    options = chosen_scorer(options, log, (record for record in records if isinstance(record, dict)))
    shared = _Log(file=name, header=header, options=options)
    samples = [
        _one(shared, f"samples[{index}]", None, record if isinstance(record, dict) else {})
        for index, record in enumerate(records)
    ]
    return "inspect log", samples, _about(name, header)


def _read_archive(path: Path, options: Options, progress: Progress) -> tuple[str, list[Sample], list[str]]:
    archive = Archive(path)
    try:
        log = _header(archive, path)
        summaries = _summaries(archive)
        seen = any("model_fallbacks" in row for row in summaries.values())
        header = replace(header_of(log), fallbacks_seen=seen)
        shared = _Log(file=str(path), header=header, options=chosen_scorer(options, log, summaries.values()))
        places = _places(archive)
        keys = list(dict.fromkeys([*summaries, *places]))
        samples = []
        for number, key in enumerate(keys):
            if number % 500 == 0:
                progress(str(path), number, len(keys))
            samples.append(_stored(archive, shared, key, summaries.get(key), places.get(key)))
        notes = _about(str(path), header)
        bare = sum(key not in places for key in keys)
        if bare:
            what = f"{path}: {bare:,} of {len(keys):,} samples are there only as summaries, which tell neither refusals"
            notes.append(f"{what} nor cut answers")
        return "inspect log", samples, notes
    finally:
        archive.close()


def _header(archive: Archive, path: Path) -> dict[str, Any]:
    name = next((name for name in ("header.json", "_journal/start.json") if name in archive.names), None)
    if name is None:
        raise BadRequest(f"{str(path)!r} is a zip archive, but no log of Inspect (it has no header.json): {ACCEPTED}")
    found = archive.json(name)
    return found if isinstance(found, dict) else {}


def _summaries(archive: Archive) -> dict[str, dict[str, Any]]:
    """The summaries by the name of the sample; of a log still being written, from its journal."""
    journal = [name for name in archive.names if name.startswith(_JOURNAL) and name.endswith(".json")]
    parts = [_SUMMARIES] if _SUMMARIES in archive.names else sorted(journal, key=lambda name: (len(name), name))
    found: dict[str, dict[str, Any]] = {}
    for part in parts:
        rows = archive.json(part)
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict) and "id" in row:
                found[f"{row['id']}_epoch_{row.get('epoch', 1)}"] = row
    return found


def _places(archive: Archive) -> dict[str, list[str]]:
    """Where each sample is: one member, or the first of a sample kept in chunks and its chunks of events in order."""
    found: dict[str, list[str]] = {}
    chunks: dict[str, list[tuple[int, str]]] = {}
    for name in archive.names:
        if place := _PLACE.fullmatch(name):
            found[place[1]] = [name]
        elif chunk := _CHUNK.fullmatch(name):
            chunks.setdefault(chunk[1], []).append((int(chunk[2]), name))
    return {key: [*places, *(name for _, name in sorted(chunks.get(key, [])))] for key, places in found.items()}


def _stored(archive: Archive, log: _Log, key: str, summary: dict[str, Any] | None, places: list[str] | None) -> Sample:
    if places is None:
        return _one(log, key, summary, None)
    try:
        record = _record(archive, places, summary)
    except (BadRequest, ValueError, RecursionError) as error:
        return _unreadable(log, key, summary, Evidence(Kind.ERROR, places[0], str(error)[:200]))
    return _one(log, key, summary, record)


def _record(archive: Archive, places: Sequence[str], summary: dict[str, Any] | None) -> dict[str, Any]:
    """A sample, up to its events where its one output says everything."""
    raw = archive.read(places[0])
    if places[0].endswith("/sample.json"):
        parts = [archive.json(name) for name in places[1:]]
        return {**json.loads(raw), "events": [event for part in parts if isinstance(part, list) for event in part]}
    text = raw.decode()
    record = members_before(text, "events") if summary is not None else None
    if record is None or several_turns(summary, record):
        record = json.loads(text)
    if not isinstance(record, dict):
        raise BadRequest(f"{places[0]!r} is not an object")
    return record


def _one(log: _Log, key: str, summary: dict[str, Any] | None, record: dict[str, Any] | None) -> Sample:
    made = read_sample(log.file, log.header, summary, record, log.options)
    return made or _unreadable(log, key, None, Evidence(Kind.ERROR, key, "it is no sample: it has no id"))


def _unreadable(log: _Log, key: str, summary: dict[str, Any] | None, fault: Evidence) -> Sample:
    known = summary or {}
    identity = str(known.get("id", key))
    return Sample(
        file=log.file,
        id=identity,
        epoch=known["epoch"] if isinstance(known.get("epoch"), int) else 1,
        group=group_of(log.header, log.options),
        task=identity,
        requested=asked(log.header.model, log.options.requested),
        served=None,
        kind=Kind.ERROR,
        standing=Standing.UNKNOWN,
        turns=None,
        others=0,
        score=None,
        stratum=None,
        evidence=(fault,),
    )


def _about(name: str, header: Header) -> list[str]:
    return [] if header.model else [f"{name}: the log names no model of its own: give --requested"]
