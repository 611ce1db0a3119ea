"""What the log holds: statements about exchanges, and announcements of what will apply, as canonical bytes.

The schema ``overt-entry/1`` is closed: an entry with a member too many, too few or of the wrong kind is not read.
One member may be left out, and is where it would say nothing: ``unavailable``, the domains without a finding.
A policy, a classifier and a receipt key are announced before the first statement that rests on them, and a further key
of the log itself before it signs its first checkpoint.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never, final

from overt.core.domain import Band, Digest, Domain, ModelName, NoticeId, ReceiptId
from overt.core.finding import Cause
from overt.core.notice import Ground
from overt.core.receipt import Basis, Channel, Kind, NoticeMark, Reason, ServedBy, Statement
from overt.core.request import Role
from overt.errors import BadRequest, InvariantBroken, TooLarge, VerificationFailed
from overt.proof import b64, canonical
from overt.proof.members import Members, members_of, word_of
from overt.proof.tiles import LARGEST_ENTRY

VERSION: Final = "overt-entry/1"
_WHAT: Final = "entry"
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

_STATEMENT = frozenset(
    ("v", "type", "id", "log", "kid", "t", "req", "outcome", "served", "policy", "classifier", "reason", "notice")
) | {"shadow", "commit", "prev"}
_UNAVAILABLE = "unavailable"
_REQUEST = frozenset(("model", "route"))
_SERVED = frozenset(("model", "provider", "basis"))
_NAMED = frozenset(("name", "digest"))
_REASON = frozenset(("ground", "rule", "domain", "band", "trigger"))
_NOTICE = frozenset(("id", "digest", "channel"))
_ANNOUNCED = frozenset(("v", "type", "log", "t", "name", "version", "digest"))
_ANNOUNCED_KEY = frozenset(("v", "type", "log", "t", "kid", "vkey", "not_after"))
_LOG_KEY = frozenset(("v", "type", "log", "t", "vkey", "by", "sig"))
_SHARD_CLOSE = frozenset(("v", "type", "log", "t", "size", "root", "next"))
_SHARD_OPEN = frozenset(("v", "type", "log", "t", "size", "root", "previous"))
_RETENTION = frozenset(("v", "type", "log", "t", "kept"))


class Outcome(StrEnum):
    """What became of a request (`overt.core.decision.outcome`)."""

    PASS = "pass"
    NOTIFY = "notify"
    REDIRECT = "redirect"
    REFUSE = "refuse"
    ERROR = "error"


class Subject(StrEnum):
    """What an announcement with a digest is about."""

    POLICY = "policy"
    CLASSIFIER = "classifier"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """From here on a policy or a classifier may apply. ``minute`` is POSIX seconds rounded down to 60 s."""

    subject: Subject
    log: str
    minute: int
    name: str
    version: str
    digest: Digest


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAnnouncement:
    """From here on a receipt key may sign, until ``not_after`` (POSIX milliseconds)."""

    log: str
    minute: int
    kid: str
    vkey: str
    not_after: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LogKey:
    """From here on the key ``vkey`` also signs this log's checkpoints: the key ``by`` says so (`overt.proof.keys`)."""

    log: str
    minute: int
    vkey: str
    by: str
    sig: bytes


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ShardClose:
    """The last entry of a log: ``size`` entries under ``root`` lie before it, and ``next`` is the key of the log that
    goes on."""

    log: str
    minute: int
    size: int
    root: bytes
    next: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ShardOpen:
    """The first entry of a log that goes on where another was closed: ``previous`` is that one's key, and ``size`` and
    ``root`` are its final ones, with its closing entry."""

    log: str
    minute: int
    size: int
    root: bytes
    previous: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """From here on the log may serve no entry before the index ``kept``, but for its first bundle; its tiles stay."""

    log: str
    minute: int
    kept: int


Entry = Statement | Announcement | KeyAnnouncement | LogKey | ShardClose | ShardOpen | Retention


def encode_entry(entry: Entry) -> bytes:
    """The canonical bytes.

    Raises `BadRequest` or `TooLarge` if text that the caller sent cannot be recorded, and `InvariantBroken` if the
    entry is not of the schema.
    """
    try:
        raw = canonical.encode(_value(entry))
    except VerificationFailed as error:
        raise BadRequest(f"this exchange cannot be recorded: {error}; send valid Unicode text") from error
    if len(raw) > LARGEST_ENTRY:
        raise TooLarge(f"the record of this exchange has {len(raw)} bytes, allowed are {LARGEST_ENTRY}; send less text")
    try:
        decode_entry(raw)
    except VerificationFailed as error:
        raise InvariantBroken(f"an entry that nobody could read was about to be logged: {error}") from error
    return raw


def decode_entry(raw: bytes) -> Entry:
    """The entry, or `VerificationFailed` if the bytes are not canonical or not of the schema."""
    value = canonical.decode(raw)
    kind = word_of(value.get("type")) if isinstance(value, dict) else None
    match kind:
        case "decision" | "completion":
            return _read_statement(members_of(value, _WHAT, _STATEMENT, frozenset({_UNAVAILABLE})))
        case "policy" | "classifier":
            return _read_announcement(members_of(value, _WHAT, _ANNOUNCED))
        case "key":
            return _read_key(members_of(value, _WHAT, _ANNOUNCED_KEY))
        case "log-key":
            return _read_log_key(members_of(value, _WHAT, _LOG_KEY))
        case "shard-close":
            return _read_shard_close(members_of(value, _WHAT, _SHARD_CLOSE))
        case "shard-open":
            return _read_shard_open(members_of(value, _WHAT, _SHARD_OPEN))
        case "retention":
            return _read_retention(members_of(value, _WHAT, _RETENTION))
        case _:
            raise VerificationFailed(_WHAT, f"it has the type {kind!r}, which {VERSION} does not know")


def _value(entry: Entry) -> canonical.Value:
    match entry:
        case Statement():
            return _statement_value(entry)
        case Announcement():
            return {
                "v": VERSION,
                "type": str(entry.subject),
                "log": entry.log,
                "t": entry.minute,
                "name": entry.name,
                "version": entry.version,
                "digest": entry.digest,
            }
        case KeyAnnouncement():
            return {
                "v": VERSION,
                "type": "key",
                "log": entry.log,
                "t": entry.minute,
                "kid": entry.kid,
                "vkey": entry.vkey,
                "not_after": entry.not_after,
            }
        case LogKey():
            return {
                "v": VERSION,
                "type": "log-key",
                "log": entry.log,
                "t": entry.minute,
                "vkey": entry.vkey,
                "by": entry.by,
                "sig": b64.encode(entry.sig),
            }
        case ShardClose() | ShardOpen():
            return _shard_value(entry)
        case Retention():
            return {"v": VERSION, "type": "retention", "log": entry.log, "t": entry.minute, "kept": entry.kept}
        case _ as unreachable:
            assert_never(unreachable)


def _shard_value(entry: ShardClose | ShardOpen) -> canonical.Value:
    value: dict[str, canonical.Value] = {
        "v": VERSION,
        "log": entry.log,
        "t": entry.minute,
        "size": entry.size,
        "root": entry.root.hex(),
    }
    if isinstance(entry, ShardClose):
        return {**value, "type": "shard-close", "next": entry.next}
    return {**value, "type": "shard-open", "previous": entry.previous}


def _statement_value(statement: Statement) -> canonical.Value:
    served, reason, notice = statement.served, statement.reason, statement.notice
    missing: dict[str, canonical.Value] = {str(name): str(cause) for name, cause in statement.unavailable.items()}
    return {
        "v": VERSION,
        "type": str(statement.kind),
        "id": statement.id,
        "log": statement.log,
        "kid": statement.key,
        "t": statement.minute,
        "req": {"model": statement.requested, "route": statement.route},
        "outcome": statement.outcome,
        "served": {"model": served.model, "provider": served.provider, "basis": str(served.basis)},
        "policy": {"name": statement.policy, "digest": statement.policy_digest},
        "classifier": {"name": statement.classifier, "digest": statement.classifier_digest},
        "reason": None if reason is None else _reason_value(reason),
        "notice": None if notice is None else _notice_value(notice),
        "shadow": list(statement.shadow),
        **({_UNAVAILABLE: missing} if missing else {}),
        "commit": {name: commitment.hex() for name, commitment in statement.commitments.items()},
        "prev": None if statement.previous is None else statement.previous.hex(),
    }


def _reason_value(reason: Reason) -> canonical.Value:
    return {
        "ground": reason.ground,
        "rule": reason.rule,
        "domain": reason.domain,
        "band": reason.band,
        "trigger": reason.trigger,
    }


def _notice_value(notice: NoticeMark) -> canonical.Value:
    return {"id": notice.id, "digest": notice.text_digest, "channel": str(notice.channel)}


def _read_statement(members: Members) -> Statement:
    members.constant("v", VERSION)
    request, served = members.object("req", _REQUEST), members.object("served", _SERVED)
    policy, classifier = members.object("policy", _NAMED), members.object("classifier", _NAMED)
    model = served.text_or_none("model")
    kind, previous = members.word("type", Kind), members.hash_or_none("prev")
    if kind is Kind.COMPLETION and previous is None:
        raise VerificationFailed(_WHAT, "a completion names in 'prev' the decision that it closes, this one names none")
    return Statement(
        kind=kind,
        id=ReceiptId(_identifier(members, "id")),
        log=members.text("log"),
        key=members.text("kid"),
        minute=_minute(members),
        route=request.text("route"),
        requested=ModelName(request.string("model")),
        outcome=str(members.word("outcome", Outcome)),
        served=ServedBy(
            model=None if model is None else ModelName(model),
            provider=served.string("provider"),
            basis=served.word("basis", Basis),
        ),
        policy=policy.text("name"),
        policy_digest=policy.digest("digest"),
        classifier=classifier.text("name"),
        classifier_digest=classifier.digest("digest"),
        reason=_read_reason(members.object_or_none("reason", _REASON)),
        notice=_read_notice(members.object_or_none("notice", _NOTICE)),
        shadow=members.texts("shadow"),
        unavailable=_read_unavailable(members),
        commitments=_read_commitments(members.mapping("commit")),
        previous=previous,
    )


def _read_reason(members: Members | None) -> Reason | None:
    if members is None:
        return None
    return Reason(
        ground=str(members.word("ground", Ground)),
        rule=members.text_or_none("rule"),
        domain=_text(members.word_or_none("domain", Domain)),
        band=_text(members.word_or_none("band", Band)),
        trigger=_text(members.word_or_none("trigger", Role)),
    )


def _read_unavailable(members: Members) -> dict[Domain, Cause]:
    if _UNAVAILABLE not in members.names():
        return {}
    found = members.mapping(_UNAVAILABLE)
    named = [domain for domain in Domain if domain in found.names()]
    if not named or len(named) < len(found.names()):
        names, known = sorted(found.names()), sorted(Domain)
        raise VerificationFailed(_WHAT, f"'{_UNAVAILABLE}' names {names!r}, expected one or more of {known!r}")
    return {domain: found.word(domain, Cause) for domain in named}


def _read_notice(members: Members | None) -> NoticeMark | None:
    if members is None:
        return None
    return NoticeMark(
        id=NoticeId(_identifier(members, "id")),
        text_digest=members.digest("digest"),
        channel=members.word("channel", Channel),
    )


def _read_commitments(members: Members) -> dict[str, bytes]:
    return {name: members.hash(name) for name in members.names()}


def _read_announcement(members: Members) -> Announcement:
    members.constant("v", VERSION)
    return Announcement(
        subject=members.word("type", Subject),
        log=members.text("log"),
        minute=_minute(members),
        name=members.text("name"),
        version=members.text("version"),
        digest=members.digest("digest"),
    )


def _read_key(members: Members) -> KeyAnnouncement:
    members.constant("v", VERSION)
    return KeyAnnouncement(
        log=members.text("log"),
        minute=_minute(members),
        kid=members.text("kid"),
        vkey=members.text("vkey"),
        not_after=members.integer("not_after"),
    )


def _read_log_key(members: Members) -> LogKey:
    members.constant("v", VERSION)
    return LogKey(
        log=members.text("log"),
        minute=_minute(members),
        vkey=members.text("vkey"),
        by=members.text("by"),
        sig=members.base64("sig"),
    )


def _read_shard_close(members: Members) -> ShardClose:
    members.constant("v", VERSION)
    return ShardClose(
        log=members.text("log"),
        minute=_minute(members),
        size=members.integer("size"),
        root=members.hash("root"),
        next=members.text("next"),
    )


def _read_shard_open(members: Members) -> ShardOpen:
    members.constant("v", VERSION)
    return ShardOpen(
        log=members.text("log"),
        minute=_minute(members),
        size=members.integer("size"),
        root=members.hash("root"),
        previous=members.text("previous"),
    )


def _read_retention(members: Members) -> Retention:
    members.constant("v", VERSION)
    return Retention(log=members.text("log"), minute=_minute(members), kept=members.integer("kept"))


def _identifier(members: Members, name: str) -> str:
    text = members.text(name)
    if not _ID.fullmatch(text):
        raise VerificationFailed(_WHAT, f"the {name} {text!r} is not 1 to 128 of A-Z a-z 0-9 . _ : -")
    return text


def _minute(members: Members) -> int:
    seconds = members.integer("t")
    if seconds % 60:
        raise VerificationFailed(_WHAT, f"the time {seconds!r} is not a whole minute")
    return seconds


def _text(word: StrEnum | None) -> str | None:
    return None if word is None else str(word)
