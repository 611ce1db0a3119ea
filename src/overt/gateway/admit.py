"""Who is asking, and how much: authentication and the limit on size (flow step 1).

Keys are compared by their SHA-256 digest, so that neither the store nor a log line ever holds one. Where the operator
lets callers use their own upstream credential, the caller is known by the digest of that credential only.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import final

from starlette.requests import Request as HttpRequest

from overt.errors import TooLarge, Unauthenticated
from overt.ports import Caller, Store

KEY_PREFIX = "ovt_"
DRAIN_FACTOR = 4
"""How many times the limit is read and thrown away, so that the caller is still listening when told "too large"."""


def new_key() -> str:
    """A fresh caller's key: 256 random bits."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def key_digest(key: str) -> bytes:
    """The 32 bytes under which a key is stored."""
    return hashlib.sha256(key.encode()).digest()


@final
class Admission:
    """Admits callers. ``authenticate`` is False where callers bring their upstream credential instead of a key."""

    def __init__(self, store: Store, *, authenticate: bool, max_body: int) -> None:
        self._store = store
        self._authenticate = authenticate
        self._max_body = max_body

    async def caller(self, http: HttpRequest) -> Caller:
        """Who is asking; raises `Unauthenticated`."""
        credential = presented(http)
        if not self._authenticate:
            return _unregistered(credential)
        if credential is None:
            raise Unauthenticated("no key: send one as 'x-api-key: …' or 'Authorization: Bearer …'")
        caller = await self._store.caller(key_digest(credential))
        if caller is None:
            raise Unauthenticated("unknown key: ask the operator of this gateway for one ('overt key add NAME')")
        return caller

    async def body(self, http: HttpRequest) -> bytes:
        """The whole body; raises `TooLarge`."""
        kept = bytearray()
        seen = 0
        async for chunk in http.stream():
            seen += len(chunk)
            if seen <= self._max_body:
                kept += chunk
            elif seen > DRAIN_FACTOR * self._max_body:
                break
        if seen > self._max_body:
            raise TooLarge(f"the body is over the limit of {self._max_body} bytes: send less, or ask the operator")
        return bytes(kept)


def presented(http: HttpRequest) -> str | None:
    """The key or credential that was sent, whichever way."""
    key = http.headers.get("x-api-key")
    if key:
        return key
    scheme, _, token = http.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _unregistered(credential: str | None) -> Caller:
    if credential is None:
        return Caller(key_id="anonymous", name="anonymous")
    mark = hashlib.sha256(b"overt/caller\x00" + credential.encode()).hexdigest()[:16]
    return Caller(key_id=f"credential_{mark}", name="by upstream credential")
