"""One exchange of Anthropic Messages, in the numbered steps of `docs/flow.md`.

1. accept and authenticate (`overt.gateway.app`, `overt.gateway.admit`)
2. parse
3. assess
4. decide
5. record: in `_answer`, once it is known who answers and before the first byte leaves
6. forward
7. call the model (`overt.gateway.settle`, `overt.gateway.attempt`), 8. read its reply, 9. hold back
10. (replies are not assessed yet)
11. serve, 12. encode
13. state, sign, log (`overt.gateway.record`)
14. hand over the receipt: its id is in a header from the start
15. keep for an appeal (`overt.store`)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import assert_never, final

from overt.core.decide import decide
from overt.core.decision import Decision, Notify, Pass, Redirect, Refuse, RetryLater, relays
from overt.core.domain import ModelName, NoticeId, ReceiptId
from overt.core.exchange import Composed, Declined, Outgoing, Served, served_bytes
from overt.core.forward import forward
from overt.core.notice import Notice, Stamp
from overt.core.policy import Policy
from overt.core.receipt import Basis, Position, ServedBy
from overt.core.request import Asked, RequestedOnly
from overt.core.serve import Relaying
from overt.errors import InvariantBroken, UpstreamError
from overt.gateway.attempt import Attempt, Header, attempt
from overt.gateway.closing import Closing, Closings, Told
from overt.gateway.fields import decision_field, link_field
from overt.gateway.models import Models
from overt.gateway.record import Draft, Ready, Recorder
from overt.gateway.settle import Settled, settle
from overt.gateway.shadow import Beside, Seen, nobody
from overt.gateway.tell import relay_body, relay_stream, retell_body, retell_stream
from overt.ports import Caller, Classifier
from overt.upstream.http import HOP_BY_HOP
from overt.wire.anthropic.amend import amend
from overt.wire.anthropic.decode import decode_request
from overt.wire.anthropic.errors import error_event, error_reply, postpone, refuse_as_error
from overt.wire.anthropic.fallbacks import check_allowed
from overt.wire.anthropic.redirect import Retold
from overt.wire.anthropic.refuse import refuse_body, refuse_stream
from overt.wire.disclosure import Links
from overt.wire.prefer import OnFlag, Preferences, apply_preferences

LARGE_BODY = 256 * 1024
"""Bytes from which a body is parsed in a thread (a megabyte takes some 15 ms), so that nobody else waits for it."""

INCLUSION_SECONDS = 20
"""How long an answer waits for the log, for a caller who wants that: a log includes within a second."""

JSON: Header = ("content-type", "application/json")
EVENTS: tuple[Header, ...] = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A request as it came in, with the identifiers that this exchange will have."""

    caller: Caller
    body: bytes
    path: str
    headers: tuple[Header, ...]
    betas: tuple[str, ...]
    preferences: Preferences
    request_id: str
    message_id: str
    stamp: Stamp


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back: status and headers now, and the whole body or its bytes as they come."""

    status: int
    headers: tuple[Header, ...]
    content: bytes | Told | AsyncIterator[bytes]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Where the pages that an answer points to are, without a trailing slash."""

    base: str
    policy: str

    def notice(self, notice_id: NoticeId) -> str:
        """The address of a notice."""
        return f"{self.base}/v1/notices/{notice_id}"

    def receipt(self, receipt_id: ReceiptId) -> str:
        """The address of a receipt."""
        return f"{self.base}/v1/receipts/{receipt_id}"


@final
class Pipeline:
    """See the module. Holds no state of its own between exchanges."""

    def __init__(
        self,
        *,
        policy: Policy,
        classifier: Classifier,
        models: Models,
        recorder: Recorder,
        closings: Closings,
        pages: Pages,
        beside: Beside = nobody,
    ) -> None:
        self._policy = policy
        self._classifier = classifier
        self._models = models
        self._recorder = recorder
        self._closings = closings
        self._pages = pages
        self._beside = beside

    async def exchange(self, incoming: Incoming) -> Answer:
        """The whole exchange up to its first byte. Raises `OvertError` where there is nothing to disclose."""
        asked = await self._parse(incoming)  # step 2
        started = time.perf_counter()
        assessment = await self._classifier.assess(asked.request)  # step 3
        took = time.perf_counter() - started
        decision = decide(self._policy, asked.request, assessment, incoming.stamp)  # step 4
        answer = await self._answer(incoming, asked, decision, took)
        self._beside(Seen(asked.request, assessment, decision, incoming.stamp))
        return answer

    async def _answer(self, incoming: Incoming, asked: Asked, decision: Decision, took: float) -> Answer:
        outgoing = forward(asked, decision, amend)  # step 6
        exchange = _Exchange(self, incoming, asked, took)
        if isinstance(outgoing, Declined):
            return await exchange.answer(Settled(decision=decision, reply=None))
        try:
            settled = await settle(  # steps 7-9
                self._policy, asked, decision, outgoing, stamp=incoming.stamp, make=exchange.attempt
            )
        except UpstreamError as error:
            return await exchange.upstream_failed(decision, error)
        return await exchange.answer(settled)

    async def _parse(self, incoming: Incoming) -> Asked:
        if len(incoming.body) > LARGE_BODY:
            asked = await asyncio.to_thread(decode_request, incoming.body, betas=incoming.betas)
        else:
            asked = decode_request(incoming.body, betas=incoming.betas)
        self._models.upstream(asked.request.model)  # an unknown model is a 404, never a substitute
        request = check_allowed(asked.request, self.allowed(asked.request.model))
        return Asked(asked.raw, apply_preferences(request, incoming.preferences))

    def allowed(self, model: ModelName) -> tuple[ModelName, ...]:
        """The models that the policy allows in place of this one, and that can be reached."""
        return tuple(name for name in self._policy.allowed_fallbacks(model) if self._models.knows(name))


@final
class _Exchange:
    """One exchange under way: the pipeline's parts, and what came in."""

    def __init__(self, pipeline: Pipeline, incoming: Incoming, asked: Asked, took: float) -> None:
        self._recorder = pipeline._recorder
        self._closings = pipeline._closings
        self._models = pipeline._models
        self._pages = pipeline._pages
        self._incoming = incoming
        self._asked = asked
        self._took = took
        self._included = False

    @property
    def _links(self) -> Links:
        stamp = self._incoming.stamp
        return Links(
            notice=self._pages.notice(stamp.notice_id),
            receipt=self._pages.receipt(stamp.receipt_id),
        )

    async def attempt(self, outgoing: Outgoing) -> Attempt:
        """Call one model (step 7)."""
        return await attempt(
            self._models.upstream(outgoing.model),
            outgoing,
            path=self._incoming.path,
            headers=self._incoming.headers,
            holding=not isinstance(self._asked.request.acceptance, RequestedOnly),
        )

    async def answer(self, settled: Settled) -> Answer:
        """Record, then serve."""
        draft = self._draft(settled)
        position = await self._recorder.decision(draft, self._links)  # steps 5 and 13
        action = settled.decision.action
        if isinstance(action, Pass) or isinstance(action.remedy, Notify):  # `relays`, spelt out to narrow the match
            if settled.reply is None:
                raise InvariantBroken("a pass has a reply")
            return await self._relayed(settled.reply, draft, position)
        match action.remedy:
            case Redirect() | Refuse() if settled.reply is not None:
                return await self._retold(settled, settled.reply, action.notice, draft, position)
            case Redirect() | Refuse():
                return await self._refused(action.notice, draft, position)
            case RetryLater():
                status, unit = postpone(
                    Relaying(position), action.notice, request_id=self._incoming.request_id, links=self._links
                )
                return await self._composed(status, [unit], draft, position, (JSON,))
            case _ as unreachable:
                assert_never(unreachable)

    async def upstream_failed(self, decision: Decision, error: UpstreamError) -> Answer:
        """The requested model gave no answer: say so, as the upstream's fault, and leave a receipt of that too."""
        draft = self._new_draft(decision, _nobody("upstream"), response=None, failed=True)
        position = await self._recorder.decision(draft, self._links)
        status, body = error_reply(error, request_id=self._incoming.request_id)
        return await self._whole(status, (JSON,), draft, position, body)

    async def _relayed(self, reply: Attempt, draft: Draft, position: Position) -> Answer:
        """A pass: the upstream's own bytes, status and headers."""
        action, headers = draft.decision.action, passed_on(reply.headers)
        if not reply.streamed:
            return await self._whole(reply.status, headers, draft, position, relay_body(reply, action, position))
        close = self._closing(draft, position) if self._incoming.preferences.completion else None
        pieces = relay_stream(reply, action, position, self._broken)
        return await self._told(reply, headers, draft, position, Told(pieces, reply, self._closings, close))

    async def _retold(
        self, settled: Settled, reply: Attempt, notice: Notice, draft: Draft, position: Position
    ) -> Answer:
        """Another model's reply, or a refusal that ends a chain, told as what it is."""
        retold = Retold(
            notice=notice,
            hops=settled.hops,
            message_id=settled.message_id or self._incoming.message_id,
            target=reply.asked,
            links=self._links,
            recommended=settled.recommended,
        )

        headers = passed_on(reply.headers)
        if not reply.streamed:
            body = retell_body(reply, retold, position)
            return await self._whole(200, headers, draft, position, body, closed=True)
        pieces = retell_stream(reply, retold, position, self._broken)
        told = Told(pieces, reply, self._closings, self._closing(draft, position))
        return await self._told(reply, headers, draft, position, told)

    async def _refused(self, notice: Notice, draft: Draft, position: Position) -> Answer:
        """Our own refusal; no model's words are in it."""
        state = Relaying(position)
        incoming = self._incoming
        if incoming.preferences.on_flag is OnFlag.ERROR:
            status, unit = refuse_as_error(state, notice, request_id=incoming.request_id, links=self._links)
            return await self._composed(status, [unit], draft, position, (JSON,))
        tell = refuse_stream if self._asked.request.stream else refuse_body
        units = tell(state, notice, message_id=incoming.message_id, links=self._links)
        kind = EVENTS if self._asked.request.stream else (JSON,)
        return await self._composed(200, units, draft, position, kind)

    async def _composed(
        self, status: int, units: list[Served], draft: Draft, position: Position, kind: tuple[Header, ...]
    ) -> Answer:
        return await self._whole(status, kind, draft, position, b"".join(served_bytes(unit) for unit in units))

    async def _whole(
        self,
        status: int,
        headers: tuple[Header, ...],
        draft: Draft,
        position: Position,
        body: bytes,
        *,
        closed: bool = False,
    ) -> Answer:
        """An answer of which every byte is known. Its record is closed before it leaves: if it has to be (``closed``),
        or if the caller wants a commitment and the decision has none."""
        if closed or (self._incoming.preferences.completion and draft.response is None):
            position = await self._recorder.store(await self._recorder.completion(draft, position, body))
        await self._wait(position)
        return Answer(status=status, headers=(*headers, *self._fields(draft)), content=body)

    async def _told(
        self, reply: Attempt, headers: tuple[Header, ...], draft: Draft, position: Position, told: Told
    ) -> Answer:
        """An answer that comes bit by bit."""
        await self._wait(position)
        return Answer(status=reply.status, headers=(*headers, *self._fields(draft)), content=told)

    def _closing(self, draft: Draft, position: Position) -> Closing:
        async def prepare(served: bytes) -> Ready:
            return await self._recorder.completion(draft, position, served)

        return Closing(name=draft.receipt_id, prepare=prepare, stored=self._wait)

    async def _wait(self, position: Position) -> None:
        """Wait for the log to hold the entry, for a caller who wants that. Whether it does is told in a header."""
        if self._incoming.preferences.included:
            self._included = await self._recorder.included(position, INCLUSION_SECONDS)

    def _broken(self, error: UpstreamError) -> Composed:
        return Composed(error_event(error, request_id=self._incoming.request_id))

    def _draft(self, settled: Settled) -> Draft:
        reply = settled.reply
        if reply is None:
            return self._new_draft(settled.decision, _nobody("overt"), response=None, failed=False)
        relayed = relays(settled.decision.action)
        whole = relayed and not reply.streamed
        return self._new_draft(
            settled.decision,
            _served_by(reply),
            response=b"".join(unit.raw for unit in reply.units) if whole else None,
            failed=relayed and reply.failed,
            provider_refused=reply.refused,
        )

    def _new_draft(
        self,
        decision: Decision,
        served: ServedBy,
        *,
        response: bytes | None,
        failed: bool,
        provider_refused: bool = False,
    ) -> Draft:
        return Draft(
            receipt_id=self._incoming.stamp.receipt_id,
            caller=self._incoming.caller,
            route=self._incoming.path.partition("?")[0],
            requested=self._asked.request.model,
            served=served,
            decision=decision,
            request=self._asked.raw,
            response=response,
            failed=failed,
            provider_refused=provider_refused,
        )

    def _fields(self, draft: Draft) -> tuple[Header, ...]:
        """The header fields of every answer that was recorded (step 14)."""
        notice = draft.notice
        notice_page = self._pages.notice(notice.id) if notice is not None else None
        return (
            decision_field(draft),
            ("overt-receipt", draft.receipt_id),
            link_field(notice=notice_page, policy=self._pages.policy, contact=self._incoming.stamp.contact),
            ("server-timing", f"overt-assess;dur={1000 * self._took:.2f}"),
            *self._applied(),
        )

    def _applied(self) -> tuple[Header, ...]:
        """Which wishes about the record were met (RFC 7240 section 3)."""
        met = ["overt-receipt=included"] if self._included else []
        met += ["overt-completion=always"] if self._incoming.preferences.completion else []
        return (("preference-applied", ", ".join(met)),) if met else ()


_DROPPED = HOP_BY_HOP | {"content-length", "date", "server", "set-cookie", "overt-decision", "overt-receipt"}
"""Hop-by-hop fields, what our own server writes, cookies of a host that the caller does not talk to, and our own."""


def passed_on(headers: tuple[Header, ...]) -> tuple[Header, ...]:
    """The upstream's header fields that reach the caller."""
    return tuple((name, value) for name, value in headers if name.lower() not in _DROPPED)


def _served_by(reply: Attempt) -> ServedBy:
    if reply.failed:
        return _nobody(reply.provider)
    reported = reply.reported
    basis = Basis.OPERATOR_CLAIM if reported is None else Basis.UPSTREAM_RESPONSE_FIELD
    return ServedBy(model=reported or reply.asked, provider=reply.provider, basis=basis)


def _nobody(provider: str) -> ServedBy:
    return ServedBy(model=None, provider=provider, basis=Basis.NONE)
