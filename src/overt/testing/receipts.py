"""Receipts of made-up exchanges, signed for real with keys that everybody knows: what a gateway does, without one.

log = MemoryLog()
issuer = known_issuer()
for entry in announcements(issuer):
    await log.append(entry)
exchange = made_up(issuer, 7)
position = await log.append(exchange.entry)
receipt = exchange.receipt                # after the append, as in the gateway
receipt = with_proof(receipt, await log.proof(position.leaf))
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Final, final

from overt.core.domain import Digest, ModelName, NoticeId, ReceiptId
from overt.core.receipt import Basis, Channel, Kind, NoticeMark, Reason, ServedBy, Statement
from overt.log.keys import SeedSigner, signer_of
from overt.proof import commit
from overt.proof.receipt import Issuer, Openings, Receipt, announce, certify, issue
from overt.proof.statement import Announcement, Subject, encode_entry
from overt.testing.log import ORIGIN, known_signer

MINUTE: Final = 1_793_000_040
"""The minute of every made-up exchange."""
TIME: Final = MINUTE * 1000 + 12_345
"""Its exact time, POSIX milliseconds."""
NOT_AFTER: Final = TIME + 30 * 86_400_000


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One exchange, its entry, and the receipt to hand over once the entry is stored."""

    statement: Statement
    entry: bytes
    receipt: Receipt
    request: bytes
    response: bytes


def known_receipt_signer(origin: str = ORIGIN) -> SeedSigner:
    """A receipt key that everybody knows."""
    return signer_of(f"{origin}/receipts", bytes(range(64, 96)))


def known_issuer(log: SeedSigner | None = None) -> Issuer:
    """A receipt key that a known log key certified."""
    log = log if log is not None else known_signer()
    key = known_receipt_signer(log.vkey.partition("+")[0])
    return certify(log_key=log.vkey, sign_as_log=log.sign, vkey=key.vkey, not_after=NOT_AFTER, sign=key.sign)


def announcements(issuer: Issuer) -> tuple[bytes, ...]:
    """The entries that must be in a log before the made-up exchanges."""
    origin = issuer.certificate.log
    return (
        encode_entry(announce(issuer.certificate, MINUTE)),
        encode_entry(
            Announcement(
                subject=Subject.POLICY,
                log=origin,
                minute=MINUTE,
                name="made-up",
                version="1",
                digest=_digest(b"policy"),
            )
        ),
        encode_entry(
            Announcement(
                subject=Subject.CLASSIFIER, log=origin, minute=MINUTE, name="made-up", version="1", digest=_digest(b"w")
            )
        ),
    )


def made_up(issuer: Issuer, number: int, *, changed: bool = True) -> Exchange:
    """An exchange that was redirected with a notice, or one that passed."""
    secret = hashlib.sha256(b"secret %d" % number).digest()
    request, response = b'{"number":%d}' % number, b"answer %d" % number
    opened = {commit.TIME: str(TIME), commit.CALLER: "key_made_up"}
    values = {name: text.encode() for name, text in opened.items()}
    values |= {commit.REQUEST: request, commit.RESPONSE: response}
    notice = f"small answers request {number} instead of large. It was read as cyber. Write to us — it's free."
    statement = _passed(issuer, number, commit.commitments(secret, values))
    if changed:
        statement = _changed(statement, notice)
    entry = encode_entry(statement)
    receipt = issue(
        issuer,
        entry=entry,
        time=TIME,
        openings=Openings(secret=secret, values=opened),
        notice=notice if changed else None,
    )
    return Exchange(statement=statement, entry=entry, receipt=receipt, request=request, response=response)


def _passed(issuer: Issuer, number: int, commitments: dict[str, bytes]) -> Statement:
    return Statement(
        kind=Kind.DECISION,
        id=ReceiptId(f"rcp_{number:06d}"),
        log=issuer.certificate.log,
        key=issuer.certificate.kid,
        minute=MINUTE,
        route="/v1/messages",
        requested=ModelName("large"),
        outcome="pass",
        served=ServedBy(model=ModelName("large"), provider="made-up", basis=Basis.UPSTREAM_RESPONSE_FIELD),
        policy="made-up 1",
        policy_digest=_digest(b"policy"),
        classifier="made-up 1",
        classifier_digest=_digest(b"w"),
        reason=None,
        notice=None,
        commitments=commitments,
    )


def _changed(statement: Statement, notice: str) -> Statement:
    return replace(
        statement,
        outcome="redirect",
        served=ServedBy(model=ModelName("small"), provider="made-up", basis=Basis.OPERATOR_CLAIM),
        reason=Reason(ground="policy", rule="cyber-2", domain="cyber", band="high_dual", trigger="user"),
        notice=NoticeMark(id=NoticeId("ntc_1"), text_digest=_digest(notice.encode()), channel=Channel.BODY),
        shadow=("bio-1",),
    )


def _digest(raw: bytes) -> Digest:
    return Digest("sha256:" + hashlib.sha256(raw).hexdigest())
