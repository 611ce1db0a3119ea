"""The record of an exchange: state, commit, sign, log, keep (flow steps 5 and 13). `overt.gateway.closing` closes it.

Order of effects: the entry is durable in the log before anything else happens to it; only then is a receipt issued and
kept for its caller; only then may the first byte of the answer leave. A crash in between leaves an entry whose receipt
nobody holds, never a receipt whose entry is missing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import final

from overt.core.decision import Decision, Intervene, Notify, outcome
from overt.core.domain import Digest, ModelName, ReceiptId
from overt.core.notice import Notice
from overt.core.receipt import (
    Channel,
    Kind,
    NoticeMark,
    Position,
    Reason,
    ServedBy,
    Statement,
    reason_of,
    shadow_rules,
    unavailable_domains,
)
from overt.ports import Caller, Clock, KeptReceipt, Log, Store
from overt.proof import commit
from overt.proof.receipt import Issuer, Openings, encode_receipt, issue
from overt.proof.statement import encode_entry
from overt.wire.disclosure import Links, overt_object
from overt.wire.json import encode

Issuing = Callable[[], Awaitable[Issuer]]
"""Gives a receipt key that is valid now, announced in the log."""

FAILED = "error"
"""The outcome of an exchange in which no model answered through no decision of ours."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is to be recorded. ``response`` is the reply's bytes where they are known before the first one leaves.

    ``failed`` says that the upstream gave no answer; ``provider_refused`` that its own refusal is relayed.
    """

    receipt_id: ReceiptId
    caller: Caller
    route: str
    requested: ModelName
    served: ServedBy
    decision: Decision
    request: bytes
    response: bytes | None
    failed: bool = False
    provider_refused: bool = False

    @property
    def outcome(self) -> str:
        """The word of the receipt."""
        return FAILED if self.failed else outcome(self.decision.action)

    @property
    def notice(self) -> Notice | None:
        """The notice, if there is one."""
        action = self.decision.action
        return action.notice if isinstance(action, Intervene) else None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """An entry that is to be logged, and what its receipt needs then. Storing it twice stores it once."""

    receipt_id: ReceiptId
    entry: bytes
    issuer: Issuer
    time: int
    openings: Openings
    notice: str | None
    key_id: str


@final
class Recorder:
    """Records exchanges in one log, under one receipt key."""

    def __init__(self, *, log: Log, store: Store, issuing: Issuing, clock: Clock) -> None:
        self._log = log
        self._store = store
        self._issuing = issuing
        self._clock = clock

    async def decision(self, draft: Draft, links: Links) -> Position:
        """Record an exchange; durable when it returns. Raises `LogUnavailable`: then nothing may be served."""
        values = {commit.REQUEST: draft.request}
        if draft.response is not None:
            values[commit.RESPONSE] = draft.response
        ready = await self._ready(draft, Kind.DECISION, draft.receipt_id, values, previous=None)
        if draft.notice is not None:
            # Before its id is in the log, so that whoever reads the log finds it.
            await self._store.keep_notice(draft.notice.id, encode(overt_object(draft.notice, links)))
        return await self.store(ready)

    async def completion(self, draft: Draft, decided: Position, response: bytes) -> Ready:
        """What closes the record of a reply, with a commitment to what was served; see `store`."""
        receipt_id = ReceiptId(f"{draft.receipt_id}.completion")
        return await self._ready(draft, Kind.COMPLETION, receipt_id, {commit.RESPONSE: response}, previous=decided.leaf)

    async def store(self, ready: Ready) -> Position:
        """Log and keep; durable when it returns. May be called again with the same value after it failed."""
        position = await self._log.append(ready.entry)
        receipt = issue(ready.issuer, entry=ready.entry, time=ready.time, openings=ready.openings, notice=ready.notice)
        body = encode_receipt(receipt)
        kept = KeptReceipt(id=receipt.id, key_id=ready.key_id, leaf=position.leaf, body=body)
        try:
            await self._store.keep_receipt(kept)
        except ValueError:
            if await self._store.receipt(receipt.id, ready.key_id) != kept:
                raise
        return position

    async def included(self, position: Position, seconds: float) -> bool:
        """Wait until the log holds the entry; whether it does after that time at the latest."""
        return await self._log.wait(position.leaf, seconds) is not None

    async def _ready(
        self, draft: Draft, kind: Kind, receipt_id: ReceiptId, values: Mapping[str, bytes], *, previous: bytes | None
    ) -> Ready:
        issuer = await self._issuing()
        now = self._clock.now()
        secret = secrets.token_bytes(commit.SECRET_BYTES)
        opened = {commit.TIME: str(int(now * 1000)), commit.CALLER: draft.caller.key_id}
        committed = {**values, **{name: value.encode() for name, value in opened.items()}}
        statement = self._statement(
            issuer, draft, kind, receipt_id, now, commit.commitments(secret, committed), previous
        )
        return Ready(
            receipt_id=receipt_id,
            entry=encode_entry(statement),
            issuer=issuer,
            time=int(now * 1000),
            openings=Openings(secret=secret, values=opened),
            notice=draft.notice.text if draft.notice is not None else None,
            key_id=draft.caller.key_id,
        )

    def _statement(
        self,
        issuer: Issuer,
        draft: Draft,
        kind: Kind,
        receipt_id: ReceiptId,
        now: float,
        commitments: Mapping[str, bytes],
        previous: bytes | None,
    ) -> Statement:
        grounds = draft.decision.grounds
        return Statement(
            kind=kind,
            id=receipt_id,
            log=issuer.certificate.log,
            key=issuer.certificate.kid,
            minute=int(now) // 60 * 60,
            route=draft.route,
            requested=draft.requested,
            outcome=draft.outcome,
            served=draft.served,
            policy=grounds.policy,
            policy_digest=grounds.policy_digest,
            classifier=f"{grounds.release.name} {grounds.release.version}",
            classifier_digest=grounds.release.digest,
            reason=_reason(draft),
            notice=_mark(draft),
            shadow=shadow_rules(draft.decision),
            unavailable=unavailable_domains(draft.decision),
            commitments=commitments,
            previous=previous,
        )


def _reason(draft: Draft) -> Reason | None:
    """The decision's reason, or that the provider's own refusal was relayed."""
    if draft.provider_refused and draft.notice is None:
        return Reason(ground="provider_refusal", rule=None, domain=None, band=None, trigger=None)
    return reason_of(draft.decision)


def _mark(draft: Draft) -> NoticeMark | None:
    action = draft.decision.action
    if not isinstance(action, Intervene):
        return None
    channel = Channel.HEADER if isinstance(action.remedy, Notify) else Channel.BODY
    digest = Digest("sha256:" + hashlib.sha256(action.notice.text.encode()).hexdigest())
    return NoticeMark(id=action.notice.id, text_digest=digest, channel=channel)
