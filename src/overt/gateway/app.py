"""The ASGI application: one table of routes, and the boundary at which every error becomes an answer.

Nothing but the routes below exists; an unknown path is a 404 in the protocol's own shape. A fault that nobody foresaw
is written to the operator's log with its request id and never with a body, and the server goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from overt.errors import CallerError, InvariantBroken, NotFound, OvertError
from overt.gateway import archive, dry_run, erase, messages, public
from overt.gateway.gossip import CHECKPOINT, GOSSIP
from overt.gateway.ids import fresh_id
from overt.gateway.parts import Gateway
from overt.wire.anthropic.errors import error_reply

Endpoint = Callable[[Gateway, HttpRequest, str], Awaitable[Response]]
Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]
log = logging.getLogger("overt.gateway")
NO_ANSWER = 499
"""The status that is written where the client has left: nobody receives it."""


@final
@dataclass(frozen=True, slots=True)
class RouteEntry:
    """One route: method, path, who answers, who may ask, and what it is for (also its OpenAPI description)."""

    method: str
    path: str
    endpoint: Endpoint
    auth: bool
    summary: str


ROUTES: tuple[RouteEntry, ...] = (
    RouteEntry("POST", "/v1/messages", messages.create_message, True, "Anthropic Messages, streaming or not."),
    RouteEntry("POST", "/v1/messages/count_tokens", messages.count_tokens, True, "Count tokens; passed on."),
    RouteEntry("GET", "/v1/models", messages.list_models, True, "The models that are served here."),
    RouteEntry("GET", "/v1/models/{model:path}", messages.get_model, True, "One model."),
    RouteEntry("POST", "/v1/classify", dry_run.classify, True, "What would be decided; no model is called."),
    RouteEntry("GET", "/v1/receipts/{id}", public.receipt, True, "A receipt of this key, with its proof."),
    RouteEntry("DELETE", "/v1/receipts/{id}/secret", erase.secret, True, "Erase what a receipt of this key opens."),
    RouteEntry("GET", "/v1/notices/{id}", public.notice, False, "A notice, by its id."),
    RouteEntry("GET", "/log/{path:path}", public.log_file, False, "The transparency log: checkpoint and tiles."),
    RouteEntry("GET", "/archive/{digest}", archive.document, False, "What a digest in the log leads to."),
    RouteEntry("GET", "/policy/{digest}", public.policy, False, "The policy in force or an earlier one, by digest."),
    RouteEntry("GET", "/cards/{name}", public.card, False, "Classifier cards, and the release manifest."),
    RouteEntry("GET", "/schema/notice.json", public.notice_schema, False, "The JSON Schema of notices."),
    RouteEntry("GET", "/.well-known/overt.json", public.well_known, False, "Where everything is (RFC 8615)."),
    RouteEntry("GET", "/healthz", public.healthy, False, "The process answers."),
    RouteEntry("GET", "/readyz", public.ready, False, "A request could be served."),
)


def create_app(gateway: Gateway, lifespan: Lifespan | None = None) -> Starlette:
    """The application over a composed gateway."""
    routes = [Route(entry.path, _bounded(gateway, entry.endpoint), methods=[entry.method]) for entry in ROUTES]
    routes.append(Route("/openapi.json", _openapi, methods=["GET"]))
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _no_route})


def _bounded(gateway: Gateway, endpoint: Endpoint) -> Callable[[HttpRequest], Awaitable[Response]]:
    """The endpoint with the outermost boundary around it."""

    async def bounded(http: HttpRequest) -> Response:
        request_id = fresh_id("req")
        response = await answered(http, request_id)
        told = http.headers.get(CHECKPOINT)
        if told is not None:
            response.raw_headers.append((GOSSIP.encode(), (await gateway.gossip.heard(told)).encode()))
        return response

    async def answered(http: HttpRequest, request_id: str) -> Response:
        try:
            return await endpoint(gateway, http, request_id)
        except ClientDisconnect:
            return Response(status_code=NO_ANSWER)
        except OvertError as error:
            if not isinstance(error, CallerError):
                log.warning("%s: %s: %s", request_id, type(error).__name__, error)
            return _error(error, request_id)
        except Exception:
            log.exception("%s: a fault that nobody foresaw", request_id)
            return _error(InvariantBroken("unforeseen"), request_id)

    return bounded


async def _no_route(http: HttpRequest, error: Exception) -> Response:
    """Neither path nor method is ours."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    answer = _error(NotFound(f"{http.method} {http.url.path!r} is not served here; see /openapi.json"), fresh_id("req"))
    answer.status_code = status
    return answer


def _error(error: OvertError, request_id: str) -> Response:
    status, body = error_reply(error, request_id=request_id)
    return Response(body, status_code=status, media_type="application/json", headers={"request-id": request_id})


async def _openapi(http: HttpRequest) -> Response:
    del http
    return JSONResponse(openapi())


def openapi() -> dict[str, object]:
    """The OpenAPI 3.1 description of every route."""
    paths: dict[str, dict[str, object]] = {}
    for entry in ROUTES:
        operation: dict[str, object] = {
            "summary": entry.summary,
            "responses": {"200": {"description": "See the summary."}, "default": {"description": "An error."}},
        }
        names = [part.strip("{}").partition(":")[0] for part in entry.path.split("/") if part.startswith("{")]
        if names:
            operation["parameters"] = [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
            ]
        if entry.auth:
            operation["security"] = [{"key": []}, {"bearer": []}]
        paths.setdefault(entry.path.replace(":path}", "}"), {})[entry.method.lower()] = operation
    schemes = {
        "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
        "bearer": {"type": "http", "scheme": "bearer"},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Overt", "version": "1", "description": "Safeguards that always say so."},
        "paths": paths,
        "components": {"securitySchemes": schemes},
    }
