"""One call over HTTP: what was sent and what came back, or why nothing did. Never raises for what a server does.

The body is kept as it came. No redirect is followed and no cookie is kept. Of the headers of a response those on a
list are kept, which say who answered and under which limits; a response that repeats the key is not kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, final

import aiohttp
from yarl import URL

from overt.audit.collect.fault import Fault
from overt.audit.collect.request import headers_of, url_of
from overt.audit.plan import Route
from overt.audit.record import Record

LARGEST_BODY: Final = 16 * 1024 * 1024
LONGEST_HEADER: Final = 1_024
SHORTEST_SECRET: Final = 16
"""A shorter key is a word that some server of one's own wants ("EMPTY"), and answers may hold it by chance."""
KEPT_HEADERS: Final = frozenset(
    {
        # Who answered: the request's id, the model, the provider behind a router, the place.
        *("request-id", "x-request-id", "x-amzn-requestid", "apim-request-id", "x-generation-id", "x-correlation-id"),
        *("openai-model", "x-model", "x-provider", "x-openrouter-provider", "x-ms-deployment-name", "x-groq-region"),
        *("ngrok-aig-model", "ngrok-aig-request-id", "ngrok-aig-attempts", "ngrok-aig-rejected-models"),
        *("x-litellm-model-id", "x-litellm-model-group", "x-litellm-version", "x-litellm-attempted-fallbacks"),
        *("x-litellm-attempted-retries", "openai-version", "anthropic-version", "x-ms-region", "cf-ray"),
        *("overt-decision", "overt-receipt", "link", "server", "via", "x-cache", "age", "x-powered-by"),
        # How long it took, by its own account.
        *("openai-processing-ms", "server-timing", "x-envoy-upstream-service-time", "x-inference-time", "date"),
        # Under which limits.
        *("retry-after", "retry-after-ms", "x-should-retry"),
        # What the body is, and where a redirection leads.
        *("content-type", "content-encoding", "location"),
    }
)
KEPT_PREFIXES: Final = ("x-ratelimit-", "anthropic-ratelimit-")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds to wait for a connection and for a whole answer; how often and how long to wait for another attempt."""

    connect_s: float = 10.0
    answer_s: float = 300.0
    attempts: int = 6
    """Of one call, in one run."""
    backoff_s: float = 2.0
    """After the first failure; doubled after each further one up to `longest_backoff_s`, and up to a half longer.

    In all more than a minute, which is what limits without a ``Retry-After`` are mostly about.
    """
    longest_backoff_s: float = 60.0
    longest_wait_s: float = 900.0
    """Where a server asks to wait longer, its route stops: another day may do."""
    given_up_in_a_row: int = 3
    """So many calls of a route that failed to the last attempt, with no answer between, stop it."""


@final
class Asker:
    """Asks routes; ``keys`` by the names of their routes. Close it after use."""

    def __init__(self, *, keys: dict[str, str], patience: Patience, largest_body: int = LARGEST_BODY) -> None:
        self._keys = keys
        self._patience = patience
        self._largest_body = largest_body
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, route: Route, *, pid: str, rep: int, request: str) -> Record:
        """Make one call. The record's number and the digest before it are for `Writer` to say."""
        key = self._keys.get(route.name)
        at, started = _now(), time.monotonic()
        reply = await self._reply(route, request, key)
        total_ms = _ms(started)
        return Record(
            number=0,
            previous="",
            at=at,
            route=route.name,
            role=route.role,
            api=route.api,
            pid=pid,
            rep=rep,
            model=route.model,
            request=request,
            status=reply.status,
            headers=reply.headers,
            body=reply.body,
            first_byte_ms=None if reply.first_byte is None else round(1000 * (reply.first_byte - started)),
            total_ms=total_ms,
            fault=reply.fault,
        )

    async def aclose(self) -> None:
        """Close the connections. Idempotent."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _reply(self, route: Route, request: str, key: str | None) -> _Reply:
        begun: aiohttp.ClientResponse | None = None
        received = bytearray()
        first_byte: float | None = None
        try:
            async with (
                asyncio.timeout(self._patience.answer_s),
                self._open().post(
                    URL(url_of(route)), data=request.encode(), headers=headers_of(route, key), allow_redirects=False
                ) as begun,
            ):
                first_byte = time.monotonic()
                while len(received) <= self._largest_body and (chunk := await begun.content.readany()):
                    received += chunk
                if len(received) > self._largest_body:
                    begun.close()
        except aiohttp.ClientConnectorError as error:
            return _Reply(fault=Fault.NO_CONNECTION.about(_one_line(error)))
        except aiohttp.ConnectionTimeoutError:
            return _Reply(fault=Fault.NO_CONNECTION.about(f"none within {self._patience.connect_s:g} s"))
        except TimeoutError:
            fault = Fault.TIMEOUT.about(
                f"no whole answer within {self._patience.answer_s:g} s{_so_far(begun, received)}"
            )
            return _Reply(fault=fault, first_byte=first_byte)
        except aiohttp.ClientResponseError as error:
            return _Reply(fault=Fault.NOT_HTTP.about(_one_line(error)))
        except (aiohttp.ClientError, OSError) as error:
            fault = Fault.CUT.about(f"{_one_line(error)}{_so_far(begun, received)}")
            return _Reply(fault=fault, first_byte=first_byte)
        return self._whole(begun, bytes(received), first_byte, key)

    def _whole(self, response: aiohttp.ClientResponse, raw: bytes, first_byte: float | None, key: str | None) -> _Reply:
        """A response that came to its end, or over our limit."""
        headers = kept_headers(response.headers.items(), key)
        fault, body = None, ""
        about = f"sha256:{hashlib.sha256(raw).hexdigest()} of {len(raw)} bytes"
        try:
            body = raw.decode()
        except UnicodeDecodeError as error:
            fault = Fault.NOT_TEXT.about(f"no UTF-8 ({error.reason} at byte {error.start}): {about}")
        if len(raw) > self._largest_body:
            fault = Fault.TOO_LARGE.about(f"over {self._largest_body} bytes; reading stopped")
        elif repeats(raw.decode("latin-1"), key):
            fault = Fault.HOLDS_KEY.about(f"the body is not kept: {about}")
        return _Reply(
            status=response.status,
            headers=headers,
            body=body if fault is None else "",
            fault=fault,
            first_byte=first_byte,
        )

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # How many calls are made at once is for `Pace` to say.
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._patience.connect_s),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    """What came back. ``first_byte`` is an instant of the monotonic clock."""

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    fault: str | None = None
    first_byte: float | None = None


def kept_headers(headers: Iterable[tuple[str, str]], key: str | None) -> tuple[tuple[str, str], ...]:
    """The headers on the list, with lower-case names, in their order; without any that repeats the key."""
    named = ((name.lower(), value) for name, value in headers)
    return tuple(
        (name, _text(value))
        for name, value in named
        if (name in KEPT_HEADERS or name.startswith(KEPT_PREFIXES)) and not repeats(value, key)
    )


def repeats(text: str, key: str | None) -> bool:
    """Whether a text holds the key, if that is long enough to be a secret."""
    return key is not None and len(key) >= SHORTEST_SECRET and key in text


def _text(value: str) -> str:
    """A header's value as text that has an encoding: bytes that are no UTF-8 are shown as escapes."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")[:LONGEST_HEADER]


def _so_far(response: aiohttp.ClientResponse | None, received: bytearray) -> str:
    return "" if response is None else f" (status {response.status}, {len(received)} bytes of its body had come)"


def _one_line(error: BaseException) -> str:
    said = " ".join(str(error).split())
    text = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return text.encode("utf-8", "backslashreplace").decode()[:300]


def _ms(started: float) -> int:
    return round(1000 * (time.monotonic() - started))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
