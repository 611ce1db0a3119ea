"""Records as lines of canonical JSON, each holding the SHA-256 of the line before it: the raw data of an audit.

1. A line is the canonical encoding (RFC 8785) of one `Record` and its line end ``\\n``; the line end belongs to it.
2. ``previous`` of the first line is the digest of the plan; of any later line, the SHA-256 (hexadecimal) of the whole
   line before, so that ``head -n 1 data.jsonl | sha256sum`` checks it by hand.
3. ``number`` counts from 0.
4. The root is that of the Merkle tree (RFC 6962 §2.1) whose entries are the lines.

A changed, lost, added or moved line breaks the chain at a line that is named. Lines cut off at the end leave a chain
that holds: only a signed report, which names head and root, shows that. A last line without its line end is what a
crash leaves behind: it is told apart as ``torn`` and is no part of the chain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from overt.audit.plan import Api, Role
from overt.audit.record import Record
from overt.errors import BadRequest, VerificationFailed
from overt.proof import canonical, merkle
from overt.proof.members import members_of

END: Final = b"\n"
_MEMBERS: Final = frozenset(Record.__dataclass_fields__)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Lines whose chain holds. ``head`` is what the next line must name: the last line's digest, else the plan's.

    ``root`` is in hexadecimal. ``torn`` is an unfinished last line, empty if there is none; ``whole`` counts the bytes
    before it, so whoever goes on writing first cuts the file to that length.
    """

    records: tuple[Record, ...]
    head: str
    root: str
    whole: int
    torn: bytes


def encode_record(record: Record) -> bytes:
    """The line of a record, with its end; `VerificationFailed` for text that has no UTF-8 (half a surrogate pair)."""
    return (
        canonical.encode(
            {
                "api": record.api.value,
                "at": record.at,
                "body": record.body,
                "fault": record.fault,
                "first_byte_ms": record.first_byte_ms,
                "headers": [[name, value] for name, value in record.headers],
                "model": record.model,
                "number": record.number,
                "pid": record.pid,
                "previous": record.previous,
                "rep": record.rep,
                "request": record.request,
                "role": record.role.value,
                "route": record.route,
                "status": record.status,
                "total_ms": record.total_ms,
            }
        )
        + END
    )


def decode_record(line: bytes) -> Record:
    """The record of a line with its end; `VerificationFailed` unless the line is exactly a record's encoding."""
    if not line.endswith(END):
        raise VerificationFailed("record", f"the line has no end: {line[-20:]!r}")
    value = canonical.decode(line.removesuffix(END))
    members = members_of(value, "record", _MEMBERS)
    return Record(
        number=members.integer("number"),
        previous=members.hash("previous").hex(),
        at=members.text("at"),
        route=members.text("route"),
        role=members.word("role", Role),
        api=members.word("api", Api),
        pid=members.text("pid"),
        rep=members.integer("rep"),
        model=members.text("model"),
        request=members.string("request"),
        status=members.integer("status"),
        headers=_headers(value["headers"] if isinstance(value, dict) else None),
        body=members.string("body"),
        first_byte_ms=members.integer_or_none("first_byte_ms"),
        total_ms=members.integer("total_ms"),
        fault=members.text_or_none("fault"),
    )


def digest(line: bytes) -> str:
    """What the line after this one must name as ``previous``."""
    return hashlib.sha256(line).hexdigest()


def root_of(lines: Sequence[bytes]) -> str:
    """The Merkle root over lines, each with its end, in hexadecimal."""
    return merkle.root([merkle.leaf_hash(line) for line in lines]).hex()


def verify_chain(raw: bytes, plan: str) -> Chain:
    """The records in the bytes of a file, for the plan with this digest.

    `VerificationFailed` names the first line, from 1 on, that is no record or does not continue the line before, and
    what differs.
    """
    lines = _lines(raw)
    torn = b"" if not lines or lines[-1].endswith(END) else lines.pop()
    head, records = plan, list[Record]()
    for number, line in enumerate(lines):
        records.append(_next(line, number, head))
        head = digest(line)
    return Chain(records=tuple(records), head=head, root=root_of(lines), whole=sum(map(len, lines)), torn=torn)


def read_chain(path: Path, plan: str) -> Chain:
    """`verify_chain` of a file; `BadRequest` if it cannot be read."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadRequest(f"cannot read the records {str(path)!r}: {error.strerror}") from error
    return verify_chain(raw, plan)


def _lines(raw: bytes) -> list[bytes]:
    """Lines with their ends. Split at the line feed alone: other line ends may stand within a text."""
    *whole, rest = raw.split(END)
    return [*(line + END for line in whole), *([rest] if rest else [])]


def _next(line: bytes, number: int, head: str) -> Record:
    step = f"line {number + 1}"
    try:
        record = decode_record(line)
    except VerificationFailed as error:
        raise VerificationFailed(step, f"it is no record as it was written: {error}") from error
    if record.number != number:
        raise VerificationFailed(step, f"it is record {record.number!r}, expected {number!r}: a line is lost or moved")
    if record.previous != head:
        before = "the plan is" if number == 0 else f"line {number} is"
        raise VerificationFailed(step, f"it continues {record.previous!r}, but {before} {head!r}: one was changed")
    return record


def _headers(found: canonical.Value) -> tuple[tuple[str, str], ...]:
    if not isinstance(found, list):
        raise VerificationFailed("record", f"member 'headers' is {found!r}, expected a list of pairs of strings")
    return tuple(map(_header, found))


def _header(pair: canonical.Value) -> tuple[str, str]:
    match pair:
        case [str() as name, str() as value]:
            return name, value
        case _:
            raise VerificationFailed("record", f"a header is {pair!r}, expected a name and a value")
