"""A witness over HTTP (C2SP tlog-witness), as an ASGI application over its `Book`.

POST /add-checkpoint              a cosignature line; 400, 403, 404, 409 or 422 as the specification says
GET  /{hex}/checkpoint            the last cosigned checkpoint of the log whose origin has this SHA-256
GET  /{hex}/evidence              what was refused of that log, as JSON
GET  /                            the witness's key and the logs that it watches
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from overt.errors import OperatorError
from overt.log.witness_book import Book, Evidence
from overt.proof.witness import PATH, SIZE_TYPE, Answer, Refused, encode_size

LARGEST_BODY: Final = 64 * 1024

LOGGER = logging.getLogger("overt.witness")

Endpoint = Callable[[Request], Awaitable[Response]]


def witness_app(book: Book) -> Starlette:
    """The application. It does not close the book."""

    async def add(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return PlainTextResponse(f"at most {LARGEST_BODY} bytes are read\n", 413)
        answer = await book.add(body)
        if not isinstance(answer, Refused):
            return PlainTextResponse(answer)
        if answer.answer is Answer.OTHER_SIZE:
            # Not as ``media_type``, which would add a charset: clients compare the whole type.
            return Response(encode_size(answer.known), 409, headers={"content-type": SIZE_TYPE})
        return PlainTextResponse(f"{answer.why}\n", int(answer.answer))

    async def checkpoint(request: Request) -> Response:
        note = await book.last(f"{request.path_params['hash']}/checkpoint")
        return _absent() if note is None else PlainTextResponse(note, headers={"cache-control": "no-cache"})

    async def evidence(request: Request) -> Response:
        found = await book.evidence(f"{request.path_params['hash']}/checkpoint")
        return JSONResponse([_shown(each) for each in found])

    async def introduction(request: Request) -> Response:
        del request
        lines = [f"witness {book.key.text}", *(f"log {log.text}" for log in book.logs)]
        return PlainTextResponse("\n".join([*lines, ""]))

    return Starlette(
        routes=[
            Route(f"/{PATH}", _bounded(add), methods=["POST"]),
            Route("/{hash}/checkpoint", _bounded(checkpoint)),
            Route("/{hash}/evidence", _bounded(evidence)),
            Route("/", _bounded(introduction)),
        ]
    )


def _bounded(endpoint: Endpoint) -> Endpoint:
    """A witness that cannot store answers 503 and cosigns nothing."""

    async def bounded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ClientDisconnect:
            return Response(status_code=499)
        except OperatorError as error:
            LOGGER.error("nothing is cosigned: %s", error)
            return PlainTextResponse("this witness cannot cosign now\n", 503)

    return bounded


async def _body(request: Request) -> bytes | None:
    """The body, None if it is too large; then the rest of it is not read."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    return bytes(body)


def _shown(evidence: Evidence) -> dict[str, object]:
    return {
        "time": evidence.time,
        "contradicts": evidence.contradicts,
        "why": evidence.why,
        "known": evidence.known.decode(),
        "offered": evidence.offered.decode(),
    }


def _absent() -> Response:
    return PlainTextResponse("no checkpoint of such a log was cosigned here\n", 404)
