"""``POST /v1/classify``: what would be decided about one row, without calling a model. Nothing is logged or kept."""

from __future__ import annotations

import time

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from overt.classify.rows import BadRow, parse_row
from overt.classify.verdict import judge, request_of
from overt.errors import BadRequest
from overt.gateway.parts import Gateway
from overt.wire.json import encode, parse

FIRST = 1


async def classify(gateway: Gateway, http: HttpRequest, request_id: str) -> Response:
    """A row with ``text`` or ``messages`` in, its verdict out."""
    await gateway.admission.caller(http)
    body = await gateway.admission.body(http)
    parse(body)
    row = parse_row(body, FIRST)
    if isinstance(row, BadRow):
        raise BadRequest(row.error)
    started = time.perf_counter()
    assessment = await gateway.classifier.assess(request_of(row))
    verdict = judge(row, gateway.policy, assessment, ms=1000 * (time.perf_counter() - started))
    headers = {"request-id": request_id, "cache-control": "no-store"}
    return Response(encode(verdict), media_type="application/json", headers=headers)
