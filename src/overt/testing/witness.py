"""A witness's server for tests: a real HTTP server on a free port that cosigns from memory, and each fault.

    async with WitnessServer(name="witness.test/w1", logs=[key]) as witness:
        policy = parse_policy(f"witness w1 {witness.key.text} {witness.url}\\nquorum w1\\n".encode())

``fault`` may be changed at any time. Without one it keeps `overt.testing.contracts.witness`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Final, final

from aiohttp import web

from overt.log.keys import SeedSigner, signer_of
from overt.proof.cosign import CosignerKey, cosign
from overt.proof.note import (
    Checkpoint,
    VerifierKey,
    parse_checkpoint,
    parse_vkey,
    unverified_text,
    with_lines,
)
from overt.proof.witness import (
    PATH,
    SIZE_TYPE,
    Answer,
    Refused,
    checkpoint_path,
    decode_add_checkpoint,
    encode_size,
    weigh,
)
from overt.testing.local import LocalSite

HOUR: Final = 3600
_HUGE: Final = 10_000_000


class WitnessFault(StrEnum):
    """What the server does instead of answering well."""

    DOWN = "hangs up"
    SLOW = "never answers"
    FALSE = "signs by another key under its own name"
    OTHER = "answers with the line of another witness"
    OTHER_TEXT = "signs a larger state than it was shown"
    FUTURE = "is an hour ahead"
    LARGER = "claims to have more entries than the log"
    LOOP = "claims another size each time"
    NO_SIZE = "claims a size that is no number"
    NOT_CONTINUED = "claims that the log does not continue"
    GARBAGE = "answers garbage"
    HUGE = "answers without end"
    STATUS_500 = "500"
    REDIRECT = "redirects"


@final
@dataclass(slots=True, kw_only=True)
class WitnessServer:
    """See the module. An asynchronous context manager; ``url`` is there once it is entered. It remembers when it is
    entered again."""

    name: str
    logs: Sequence[VerifierKey]
    fault: WitnessFault | None = None
    delay_s: float = 0.0
    url: str = ""
    asked: int = 0
    notes: dict[str, bytes] = field(default_factory=dict)
    _site: LocalSite = field(default_factory=LocalSite)

    @property
    def key(self) -> CosignerKey:
        """Its key, which everybody knows."""
        key = parse_vkey(_signer(self.name).vkey)
        return CosignerKey(name=key.name, public=key.public)

    async def __aenter__(self) -> WitnessServer:
        app = web.Application()
        app.router.add_post(f"/{PATH}", self._add)
        app.router.add_get("/{hash}/checkpoint", self._checkpoint)
        self.url = await self._site.open(app)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._site.close()

    async def _add(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        self.asked += 1
        await self._site.wait(600.0 if self.fault is WitnessFault.SLOW else self.delay_s)
        return self._whole(raw) if self.fault is None else self._faulty(self.fault, request, raw)

    async def _checkpoint(self, request: web.Request) -> web.StreamResponse:
        path = f"{request.match_info['hash']}/checkpoint"
        note = self.notes.get(path)
        return web.Response(status=404) if note is None else web.Response(body=note, content_type="text/plain")

    def _whole(self, raw: bytes) -> web.Response:
        found = weigh(raw, lambda origin: [key for key in self.logs if key.name == origin], self._last)
        if isinstance(found, Refused):
            if found.answer is Answer.OTHER_SIZE:
                return _size(encode_size(found.known))
            return web.Response(status=int(found.answer), text=found.why)
        line = self._line(self.name, found.text)
        note = decode_add_checkpoint(raw).note
        self.notes[checkpoint_path(found.checkpoint.origin)] = with_lines(note, [line])
        return web.Response(text=line)

    def _faulty(self, fault: WitnessFault, request: web.Request, raw: bytes) -> web.StreamResponse:
        text = unverified_text(decode_add_checkpoint(raw).note)
        size = parse_checkpoint(text).size
        match fault:
            case WitnessFault.DOWN | WitnessFault.SLOW:
                if request.transport is not None:
                    request.transport.close()
                return web.Response(status=503)
            case WitnessFault.FALSE:
                return web.Response(text=cosign(text, self.key, int(time.time()), _signer("another").sign))
            case WitnessFault.OTHER:
                return web.Response(text=self._line("witness.test/other", text))
            case WitnessFault.OTHER_TEXT:
                larger = text.replace(f"\n{size}\n", f"\n{size + 1}\n", 1)
                return web.Response(text=self._line(self.name, larger))
            case WitnessFault.FUTURE:
                return web.Response(text=self._line(self.name, text, ahead=HOUR))
            case WitnessFault.LARGER:
                return _size(encode_size(size + 1000))
            case WitnessFault.LOOP:
                return _size(encode_size(self.asked % (size + 1)))
            case WitnessFault.NO_SIZE:
                return _size(b"9" * 40 + b"\n")
            case WitnessFault.NOT_CONTINUED:
                return web.Response(status=422, text="it does not continue")
            case WitnessFault.GARBAGE:
                return web.Response(body=b"\xff\xfe<html>busy\x00</html>\n\n\n")
            case WitnessFault.HUGE:
                return web.Response(body=b"\n" * _HUGE)
            case WitnessFault.STATUS_500:
                return web.Response(status=500, text="out of \x1b[2Jmemory")
            case WitnessFault.REDIRECT:
                return web.Response(status=307, headers={"location": f"/{PATH}"})

    def _last(self, origin: str) -> Checkpoint | None:
        note = self.notes.get(checkpoint_path(origin))
        return None if note is None else parse_checkpoint(unverified_text(note), extensions=True)

    def _line(self, name: str, text: str, ahead: int = 0) -> str:
        signer = _signer(name)
        key = CosignerKey(name=name, public=parse_vkey(signer.vkey).public)
        return cosign(text, key, int(time.time()) + ahead, signer.sign)


def _signer(name: str) -> SeedSigner:
    return signer_of(name, hashlib.sha256(name.encode()).digest())


def _size(body: bytes) -> web.Response:
    return web.Response(status=int(Answer.OTHER_SIZE), body=body, content_type=SIZE_TYPE)
