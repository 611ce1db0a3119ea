"""The judge: a model behind an OpenAI-compatible ``/v1/chat/completions``, asked about one text in one domain.

`Judge.ask` gives an `Opinion` or a `NoOpinion` and never raises for what a server does. It waits at most ``timeout_s``
in all, its turn included; it asks with temperature 0, at most `AT_ONCE` questions at a time; it follows no redirect and
does not try again. Opinions are kept, at most `CACHED_OPINIONS`, by shape, model, digest of the policy and digest of
the text; that there was none is not kept.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeAlias, final

import aiohttp
from yarl import URL

from overt.classify.judge.opinion import Fault, NoOpinion, Opinion, Outcome
from overt.classify.judge.shape import Question, Said, Shape
from overt.classify.judge.written import Policies, WrittenPolicy, digest_of
from overt.core.domain import Digest, Domain
from overt.wire.json import encode, read

DEFAULT_TIMEOUT_S: Final = 1.5
AT_ONCE: Final = 8
CACHED_OPINIONS: Final = 4_096
LARGEST_REPLY: Final = 256 * 1024
LONGEST_NAME: Final = 200
PATH: Final = "/v1/chat/completions"

Kept: TypeAlias = tuple[str, str, Digest, bytes]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeIdentity:
    """Which judge speaks, for the announcement in the log: its shape, its model and the policies that it reads."""

    shape: str
    model: str
    policies: Digest

    @property
    def document(self) -> bytes:
        """What the digest covers: a line ``judge <shape> <model> <policies>``."""
        return f"judge {self.shape} {self.model} {self.policies}\n".encode()

    @property
    def digest(self) -> Digest:
        """One digest for the three."""
        return Digest(f"sha256:{sha256(self.document).hexdigest()}")


@final
@dataclass(frozen=True, slots=True)
class _Reply:
    """What the model wrote, and the name that the server gives it."""

    content: str
    model: str


@final
class Judge:
    """See the module. ``url`` is the server's address without ``/v1``; ``api_key`` is sent as a bearer token."""

    def __init__(
        self,
        *,
        url: str,
        model: str,
        shape: Shape,
        policies: Policies,
        api_key: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        self._url = url.rstrip("/")
        self._model = model
        self._shape = shape
        self._policies = policies
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._opinions: OrderedDict[Kept, Opinion] = OrderedDict()
        self._session: aiohttp.ClientSession | None = None

    @property
    def identity(self) -> JudgeIdentity:
        """Which judge this is."""
        return JudgeIdentity(shape=self._shape.name, model=self._model, policies=digest_of(self._policies))

    @property
    def advisory(self) -> bool:
        """Whether its opinions are recorded only, because its shape reads no policy of ours."""
        return self._shape.advisory

    async def ask(self, domain: Domain, text: str) -> Outcome:
        """The band of a text under the policy of a domain. May be called concurrently."""
        policy = self._policies[domain]
        key = (self._shape.name, self._model, policy.digest, sha256(text.encode("utf-8", "surrogatepass")).digest())
        kept = self._opinions.get(key)
        if kept is not None:
            self._opinions.move_to_end(key)
            return kept
        outcome = await self._ask_afresh(policy, text)
        if isinstance(outcome, Opinion):
            self._opinions[key] = outcome
            while len(self._opinions) > CACHED_OPINIONS:
                self._opinions.popitem(last=False)
        return outcome

    async def aclose(self) -> None:
        """Close the connections. Idempotent."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask_afresh(self, policy: WrittenPolicy, text: str) -> Outcome:
        questions = self._shape.ask(policy, text)
        if not questions:
            reason = f"shape {self._shape.name!r} has no category for {policy.domain.value!r}"
            return NoOpinion(fault=Fault.NOT_ASKED, reason=reason)
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout_s):
                answers = await asyncio.gather(*(self._answer(question) for question in questions))
        except TimeoutError:
            return NoOpinion(fault=Fault.TIMEOUT, reason=f"the judge did not answer within {self._timeout_s:g} s")
        ms = round(1000 * (time.monotonic() - started), 1)
        replies = [answer for answer in answers if isinstance(answer, _Reply)]
        missing = next((answer for answer in answers if isinstance(answer, NoOpinion)), None)
        said = missing or self._shape.read(policy, [reply.content for reply in replies])
        return self._opinion(said, replies[0].model, ms) if isinstance(said, Said) else said

    @staticmethod
    def _opinion(said: Said, model: str, ms: float) -> Opinion:
        return Opinion(
            band=said.band,
            confidence=said.confidence,
            rationale_code=said.code,
            rationale_short=said.short,
            model=model,
            ms=ms,
        )

    async def _answer(self, question: Question) -> _Reply | NoOpinion:
        """One reply. `TimeoutError` is left to whoever set the time."""
        body = encode({**question, "model": self._model, "temperature": 0, "stream": False})
        try:
            async with self._open().post(
                URL(self._url + PATH, encoded=True), data=body, headers=self._headers(), allow_redirects=False
            ) as response:
                if response.status != 200:
                    reason = f"the judge answered with HTTP status {response.status}"
                    return NoOpinion(fault=Fault.STATUS, reason=reason)
                return self._read(await _whole(response))
        except TimeoutError:
            raise
        except aiohttp.ClientResponseError:
            return _unreadable("the judge did not answer in HTTP")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = f"the judge cannot be reached, or broke off: {type(error).__name__}"
            return NoOpinion(fault=Fault.UNREACHABLE, reason=reason)

    def _read(self, raw: bytes | None) -> _Reply | NoOpinion:
        """The first choice of a completion that came to its end."""
        value = None if raw is None else read(raw)
        choices = None if value is None else value.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        message = first.get("message") if isinstance(first, dict) else None
        content = message.get("content") if isinstance(message, dict) else None
        if value is None or not isinstance(first, dict) or not isinstance(content, str):
            return _unreadable(f"the judge's answer is no chat completion of at most {LARGEST_REPLY} bytes")
        if first.get("finish_reason") == "length":
            return _unreadable("the judge's answer was cut off at its limit of tokens")
        model = value.get("model")
        named = isinstance(model, str) and 0 < len(model) <= LONGEST_NAME
        return _Reply(content, str(model) if named else self._model)

    def _headers(self) -> dict[str, str]:
        headers = {"content-type": "application/json", "accept": "application/json", "accept-encoding": "identity"}
        return headers if self._api_key is None else headers | {"authorization": f"Bearer {self._api_key}"}

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # A question takes a connection, and waits for one where all are taken.
                connector=aiohttp.TCPConnector(limit=AT_ONCE, keepalive_timeout=60),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


async def _whole(response: aiohttp.ClientResponse) -> bytes | None:
    """The body, None if it is larger than a reply of a few words can be."""
    body = bytearray()
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > LARGEST_REPLY:
            return None
    return bytes(body)


def _unreadable(reason: str) -> NoOpinion:
    return NoOpinion(fault=Fault.UNREADABLE, reason=reason)
