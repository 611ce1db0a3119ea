"""The routes of Anthropic Messages: ``/v1/messages``, ``…/count_tokens``, ``/v1/models`` (flow step 1)."""

from __future__ import annotations

import time
from typing import final

from starlette.requests import Request as HttpRequest
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from overt.core.domain import NoticeId, ReceiptId
from overt.core.exchange import Verbatim
from overt.core.notice import Stamp
from overt.gateway.closing import Told
from overt.gateway.ids import fresh_id
from overt.gateway.parts import Gateway
from overt.gateway.pipeline import Answer, Incoming, passed_on
from overt.wire.anthropic.decode import decode_request
from overt.wire.anthropic.fallbacks import parse_betas
from overt.wire.anthropic.models import models_list, one_model
from overt.wire.prefer import parse_prefer

Header = tuple[str, str]


async def create_message(gateway: Gateway, http: HttpRequest, request_id: str) -> Response:
    """``POST /v1/messages``"""
    caller = await gateway.admission.caller(http)
    incoming = Incoming(
        caller=caller,
        body=await gateway.admission.body(http),
        path=_path(http),
        headers=_headers(http),
        betas=parse_betas(http.headers.getlist("anthropic-beta")),
        preferences=parse_prefer(http.headers.getlist("prefer")),
        request_id=request_id,
        message_id=fresh_id("msg"),
        stamp=_stamp(gateway),
    )
    return _response(await gateway.pipeline.exchange(incoming), request_id)


async def count_tokens(gateway: Gateway, http: HttpRequest, request_id: str) -> Response:
    """``POST /v1/messages/count_tokens``: passed on byte for byte. No model answers, so nothing is assessed."""
    await gateway.admission.caller(http)
    body = await gateway.admission.body(http)
    asked = decode_request(body, betas=parse_betas(http.headers.getlist("anthropic-beta")))
    model = asked.request.model
    upstream = gateway.models.upstream(model)
    reply = await upstream.send(Verbatim(body, model), path=_path(http), headers=_headers(http))
    answer = Answer(status=reply.status, headers=passed_on(reply.headers), content=reply.chunks)
    return _response(answer, request_id)


async def list_models(gateway: Gateway, http: HttpRequest, request_id: str) -> Response:
    """``GET /v1/models``"""
    del request_id
    await gateway.admission.caller(http)
    betas = parse_betas(http.headers.getlist("anthropic-beta"))
    listed = models_list(
        await gateway.models.descriptions(_headers(http)), betas=betas, allowed=gateway.pipeline.allowed
    )
    return Response(listed, media_type="application/json")


async def get_model(gateway: Gateway, http: HttpRequest, request_id: str) -> Response:
    """``GET /v1/models/{id}``"""
    del request_id
    await gateway.admission.caller(http)
    betas = parse_betas(http.headers.getlist("anthropic-beta"))
    name = http.path_params["model"]
    described = one_model(
        await gateway.models.descriptions(_headers(http)), name, betas=betas, allowed=gateway.pipeline.allowed
    )
    return Response(described, media_type="application/json")


def _stamp(gateway: Gateway) -> Stamp:
    return Stamp(
        notice_id=NoticeId(fresh_id("ntc")),
        receipt_id=ReceiptId(fresh_id("rcp")),
        issued_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(gateway.clock.now())),
        contact=gateway.contact,
    )


def _path(http: HttpRequest) -> str:
    """The path with its query, as the client sent them."""
    query = http.scope["query_string"].decode("latin-1")
    return f"{http.scope['path']}?{query}" if query else str(http.scope["path"])


def _headers(http: HttpRequest) -> tuple[Header, ...]:
    """The client's header fields, but those addressed to this gateway: its own, and a key of ours."""
    ours = ("overt-", "prefer")
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in http.scope["headers"]]
    return tuple((name, value) for name, value in fields if not name.lower().startswith(ours))


@final
class _ToldResponse(StreamingResponse):
    """A stream that knows when its client has left: also before its first byte, when nothing ever iterates over it."""

    def __init__(self, told: Told, status: int) -> None:
        super().__init__(told, status_code=status)
        self._told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._told.leave()


def _response(answer: Answer, request_id: str) -> Response:
    """The answer on the wire; header fields may repeat."""
    response: Response
    if isinstance(answer.content, bytes):
        response = Response(answer.content, status_code=answer.status)
    elif isinstance(answer.content, Told):
        response = _ToldResponse(answer.content, answer.status)
    else:
        response = StreamingResponse(answer.content, status_code=answer.status)
    names = {name.lower() for name, _ in answer.headers}
    own = [] if "request-id" in names else [("request-id", request_id)]
    if isinstance(answer.content, bytes):
        own.append(("content-length", str(len(answer.content))))
    response.raw_headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (*answer.headers, *own)
    ]
    return response
