"""An upstream over HTTP: any server that speaks the request's protocol (Anthropic's API, vLLM, Ollama, a lab's own).

The body is sent exactly as given and the reply is handed on exactly as it comes: no decompression, no redirect, no
retry. A credential of the operator's replaces the caller's; it is added here, at the last moment, and never logged.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import final

import aiohttp
from yarl import URL

from overt.core.exchange import Outgoing
from overt.errors import UpstreamGarbage, UpstreamTimeout, UpstreamUnreachable
from overt.ports import Reply

MODELS_LIMIT = 4 * 1024 * 1024
"""The largest list of models that is read, in bytes."""

HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"),
        *("transfer-encoding", "upgrade"),
    }
)
"""Fields that each hop writes for itself (RFC 9110 section 7.6.1)."""

_NOT_FORWARDED = HOP_BY_HOP | {"host", "content-length", "accept-encoding", "expect"}
"""Hop-by-hop fields, and those that frame a request."""

WITHOUT_CREDENTIAL = ("", "")
_CREDENTIALS = frozenset({"x-api-key", "authorization"})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Patience in seconds: for a connection, for the first byte of the reply, and between two bytes."""

    connect: float = 10.0
    first_byte: float = 600.0
    idle: float = 300.0


@final
class HttpUpstream:
    """See the module.

    ``credential`` is the (header name, value) to send in place of the caller's; None sends on the caller's own, and
    `WITHOUT_CREDENTIAL` sends none.
    """

    def __init__(
        self, *, name: str, url: str, credential: tuple[str, str] | None = None, timeouts: Timeouts | None = None
    ) -> None:
        self._name = name
        self._url = url.rstrip("/")
        self._credential = credential
        self._timeouts = timeouts or Timeouts()
        self._session: aiohttp.ClientSession | None = None

    @property
    def name(self) -> str:
        """The name that receipts give as provider."""
        return self._name

    async def models(self, headers: tuple[tuple[str, str], ...] = ()) -> tuple[Mapping[str, object], ...]:
        """``GET /v1/models``, as the server describes its models."""
        asked = [(name, value) for name, value in headers if name.lower() in _CREDENTIALS]
        asked.append(("anthropic-version", "2023-06-01"))
        reply = await self._request("GET", "/v1/models?limit=1000", b"", tuple(asked))
        body = bytearray()
        async for chunk in reply.chunks:
            body += chunk
            if len(body) > MODELS_LIMIT:
                raise UpstreamGarbage(f"upstream {self._name!r} sent a list of models over {MODELS_LIMIT} bytes")
        if reply.status != 200:
            raise UpstreamGarbage(f"upstream {self._name!r} answered {reply.status} when asked for its models")
        return _read_models(bytes(body), self._name)

    async def send(self, outgoing: Outgoing, *, path: str, headers: tuple[tuple[str, str], ...]) -> Reply:
        """POST the body as it is. See `ports.Upstream.send`."""
        return await self._request("POST", path, outgoing.body, headers)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _request(self, method: str, path: str, body: bytes, headers: tuple[tuple[str, str], ...]) -> Reply:
        try:
            async with asyncio.timeout(self._timeouts.first_byte):
                response = await self._open().request(
                    method,
                    URL(self._url + path, encoded=True),
                    data=body if method == "POST" else None,
                    headers=self._headers(headers),
                    allow_redirects=False,
                )
        except TimeoutError as error:
            raise UpstreamTimeout(
                f"upstream {self._name!r} sent nothing within {self._timeouts.first_byte:g} s"
            ) from error
        except aiohttp.ClientResponseError as error:
            raise UpstreamGarbage(f"upstream {self._name!r} did not answer in HTTP: {error.message}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamUnreachable(f"upstream {self._name!r} cannot be reached: {type(error).__name__}") from error
        return Reply(response.status, tuple(response.headers.items()), self._chunks(response))

    def _headers(self, headers: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
        dropped = _NOT_FORWARDED | (_CREDENTIALS if self._credential is not None else frozenset())
        kept = [(name, value) for name, value in headers if name.lower() not in dropped]
        kept.append(("accept-encoding", "identity"))
        if self._credential is not None and self._credential != WITHOUT_CREDENTIAL:
            kept.append(self._credential)
        return kept

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=self._timeouts.connect, sock_read=self._timeouts.idle
                ),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Content-Type", "Accept"),
            )
        return self._session

    async def _chunks(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        try:
            while chunk := await response.content.readany():
                yield chunk
        except TimeoutError as error:
            raise UpstreamTimeout(
                f"upstream {self._name!r} fell silent for {self._timeouts.idle:g} s in the middle of its reply"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamUnreachable(
                f"upstream {self._name!r} broke off in the middle of its reply: {type(error).__name__}"
            ) from error
        finally:
            response.close()


def _read_models(body: bytes, name: str) -> tuple[Mapping[str, object], ...]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UpstreamGarbage(f"upstream {name!r} answered a list of models that is not JSON") from error
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, list):
        raise UpstreamGarbage(f"upstream {name!r} answered a list of models without a 'data' array")
    return tuple(model for model in data if isinstance(model, dict) and isinstance(model.get("id"), str))
