"""Asking witnesses for cosignatures (C2SP tlog-witness): the `Cosigner` of a log.

Whom to ask, and how many must have cosigned, says a policy (C2SP tlog-policy). All are asked at once, each with a time
limit of its own; once the quorum is met, the others have a moment more. What a witness says is a claim: its size is
only ever used to make a proof from, never larger than our own, and its cosignature counts once it was verified and is
not dated in the future. A witness that does not answer well is left out and told to the operator, once per fault.

One answer is evidence: a checkpoint that this log signed, and that ours does not continue. It is kept and told loudly.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, final

import aiohttp
from yarl import URL

from overt.errors import OperatorError, VerificationFailed
from overt.log.parts import Prove
from overt.proof.cosign import Cosignature, CosignerKey, read_cosignatures
from overt.proof.merkle import verify_consistency
from overt.proof.note import Checkpoint, VerifierKey, open_checkpoint, parse_checkpoint, unverified_text, with_lines
from overt.proof.policy import Policy, satisfied
from overt.proof.quorum import MOST_AHEAD_SECONDS
from overt.proof.witness import (
    PATH,
    AddCheckpoint,
    Answer,
    checkpoint_path,
    decode_size,
    encode_add_checkpoint,
)

PATIENCE_SECONDS: Final = 2.0
GRACE_SECONDS: Final = 0.3
"""How long the others have once the quorum is met: a slow witness must not hold up what readers see."""
LARGEST_ANSWER: Final = 64 * 1024
_DETAIL: Final = re.compile(r"\d+|:.*", re.DOTALL)

LOGGER = logging.getLogger("overt.log")

Keep = Callable[[str, bytes], Awaitable[None]]
"""Keeps evidence under a name. It is there when this returns; raises `OSError`."""


@final
class _NoCosignature(Exception):
    """Why a witness's answer does not count."""


@final
@dataclass(slots=True, kw_only=True)
class _Asked:
    """A witness that is asked, and what we know about it: the size that it has cosigned, and its last fault."""

    name: str
    key: CosignerKey
    url: str
    size: int = 0
    fault: str | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """A checkpoint that is to be cosigned."""

    note: bytes
    text: str
    checkpoint: Checkpoint
    prove: Prove


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    status: int
    body: bytes


@final
class Witnesses:
    """See the module. Made by `ask_witnesses`."""

    def __init__(
        self,
        *,
        policy: Policy,
        asked: Sequence[_Asked],
        keys: Sequence[VerifierKey],
        keep: Keep,
        now: Callable[[], float],
        patience: float,
        grace: float,
    ) -> None:
        self._policy = policy
        self._asked = asked
        self._keys = keys
        self._keep = keep
        self._now = now
        self._patience = patience
        self._grace = grace
        self._accused: set[str] = set()
        self._session: aiohttp.ClientSession | None = None

    async def cosign(self, note: bytes, prove: Prove) -> bytes | None:
        """The note with the cosignatures that were got, if the quorum is met. See `overt.log.parts.Cosigner`."""
        text = unverified_text(note)
        question = _Question(note=note, text=text, checkpoint=parse_checkpoint(text), prove=prove)
        found = await self._ask_all(question)
        if not self._met(found):
            return None
        return with_lines(note, (cosignature.line for cosignature in found))

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _met(self, found: Iterable[Cosignature]) -> bool:
        return satisfied(self._policy, [cosignature.key for cosignature in found])

    async def _ask_all(self, question: _Question) -> list[Cosignature]:
        tasks = {asyncio.create_task(self._ask(asked, question)): asked for asked in self._asked}
        try:
            waiting = set(tasks)
            while waiting and (self._policy.quorum is None or not self._met(_found(tasks))):
                _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if waiting:
                _, waiting = await asyncio.wait(waiting, timeout=self._grace)
            for late in waiting:
                _tell(tasks[late], f"it did not answer within {self._grace:g} s of the others")
            return _found(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, asked: _Asked, question: _Question) -> Cosignature | None:
        """The witness's cosignature, None without one; then the operator was told why."""
        try:
            async with asyncio.timeout(self._patience):
                cosignature = await self._cosignature(asked, question)
        except TimeoutError:
            fault = f"it did not answer within {self._patience:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            fault = f"it cannot be reached: {type(error).__name__}"
        except (_NoCosignature, VerificationFailed, OperatorError) as error:
            fault = str(error)
        else:
            _tell(asked, None)
            return cosignature
        _tell(asked, fault)
        return None

    async def _cosignature(self, asked: _Asked, question: _Question) -> Cosignature:
        ours = question.checkpoint.size
        reply = await self._add(asked, question, asked.size if asked.size <= ours else 0)
        if reply.status == Answer.OTHER_SIZE:
            asked.size = await self._claimed(asked, question, decode_size(reply.body))
            reply = await self._add(asked, question, asked.size)
        if reply.status == Answer.INCONSISTENT:
            raise _NoCosignature(f"it says that the log does not continue: {await self._compared(asked, question)}")
        if reply.status != 200:
            raise _NoCosignature(f"it answered {reply.status}: {reply.body[:200].decode('utf-8', 'replace')!r}")
        (cosignature,) = read_cosignatures(reply.body, question.text, [asked.key])
        ahead = cosignature.time - self._now()
        if ahead > MOST_AHEAD_SECONDS:
            raise _NoCosignature(f"its cosignature is dated {ahead:.0f} s in the future; see to both clocks")
        asked.size = ours
        return cosignature

    async def _claimed(self, asked: _Asked, question: _Question, claimed: int) -> int:
        """The size that a witness says it has cosigned, if a proof can be made from there."""
        if claimed > question.checkpoint.size:
            raise _NoCosignature(f"it says that it has {claimed} entries: {await self._compared(asked, question)}")
        return claimed

    async def _compared(self, asked: _Asked, question: _Question) -> str:
        """What the last checkpoint that the witness shows says about ours. It need not be true, unless we signed it."""
        path = checkpoint_path(question.checkpoint.origin)
        reply = await self._request(asked, "GET", path)
        try:
            theirs = open_checkpoint(reply.body, *self._keys)
        except VerificationFailed:
            return "it shows no checkpoint that this log signed, so it errs or lies"
        ours = question.checkpoint
        if theirs.size > ours.size:
            return (
                f"it shows a checkpoint of {theirs.size} entries that this log signed, and here there are {ours.size}; "
                "another process leads the log, or it was restored from a backup"
            )
        hashes = tuple(await question.prove(theirs.size)) if 0 < theirs.size < ours.size else ()
        try:
            verify_consistency(old=theirs.size, new=ours.size, path=hashes, old_root=theirs.root, new_root=ours.root)
        except VerificationFailed as contradiction:
            await self._accuse(asked, reply.body, theirs, question.note)
            return f"and it is right ({contradiction})"
        return "the last checkpoint that it shows is continued, so it errs or lies"

    async def _accuse(self, asked: _Asked, note: bytes, theirs: Checkpoint, ours: bytes) -> None:
        """Keep the checkpoint with ours below it, and tell the operator; once."""
        name = hashlib.sha256(theirs.text.encode()).hexdigest()
        if name in self._accused:
            return
        LOGGER.error(
            "THE LOG CONTRADICTS ITSELF: the witness %r has a checkpoint that %s signed, of %d entries under %s, and "
            "ours does not continue it. Both are kept as %s. Stop, find the cause, and tell the users of this log.",
            asked.name,
            theirs.origin,
            theirs.size,
            theirs.root.hex(),
            name,
        )
        evidence = note + b"\n" + ours
        try:
            await self._keep(name, evidence)
        except OSError as error:
            LOGGER.error("the evidence %s cannot be kept: %s; it follows: %r", name, error, evidence)
        self._accused.add(name)

    async def _add(self, asked: _Asked, question: _Question, old: int) -> _Reply:
        path = tuple(await question.prove(old)) if 0 < old < question.checkpoint.size else ()
        message = encode_add_checkpoint(AddCheckpoint(old=old, path=path, note=question.note))
        return await self._request(asked, "POST", PATH, message)

    async def _request(self, asked: _Asked, method: str, path: str, body: bytes | None = None) -> _Reply:
        url = URL(f"{asked.url}/{path}", encoded=True)
        async with self._open().request(method, url, data=body, allow_redirects=False) as response:
            read = bytearray()
            async for chunk in response.content.iter_any():
                read += chunk
                if len(read) > LARGEST_ANSWER:
                    raise _NoCosignature(f"it answered more than {LARGEST_ANSWER} bytes")
            return _Reply(status=response.status, body=bytes(read))

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "overt", "Accept-Encoding": "identity", "Content-Type": "text/plain"},
            )
        return self._session


def ask_witnesses(
    policy: Policy,
    *logs: VerifierKey,
    keep: Keep,
    now: Callable[[], float] = time.time,
    patience: float = PATIENCE_SECONDS,
    grace: float = GRACE_SECONDS,
) -> Witnesses:
    """The witnesses of a policy, for the log with these keys (an old one beside the new one while it is replaced).

    Raises `OperatorError` if the policy is for other logs, or if the witnesses that it gives an address for cannot make
    its quorum.
    """
    listed = [known.key for known in policy.logs]
    if listed and not any(key in listed for key in logs):
        raise OperatorError(f"the policy of witnesses does not list the log {logs[0].text!r}; add a 'log' line")
    asked: list[_Asked] = []
    for witness in policy.witnesses:
        if witness.url is None or not isinstance(witness.key, CosignerKey):
            continue
        if not witness.url.startswith(("http://", "https://")):
            raise OperatorError(
                f"the witness {witness.name!r} has the address {witness.url!r}; write http:// or https://"
            )
        asked.append(_Asked(name=witness.name, key=witness.key, url=witness.url.rstrip("/")))
    if not satisfied(policy, [each.key for each in asked]):
        names = [each.name for each in asked]
        raise OperatorError(
            f"the quorum {policy.quorum!r} can never be met: only {names!r} have an address and a key of type 04; "
            "give the others theirs"
        )
    return Witnesses(policy=policy, asked=asked, keys=logs, keep=keep, now=now, patience=patience, grace=grace)


def _found(tasks: Iterable[asyncio.Task[Cosignature | None]]) -> list[Cosignature]:
    """The cosignatures that have come, in the order of the policy."""
    return [found for task in tasks if task.done() and not task.cancelled() and (found := task.result()) is not None]


def _tell(asked: _Asked, fault: str | None) -> None:
    """Tell the operator when a witness's state has changed; other numbers, or other words of its own, are no change."""
    kind = None if fault is None else _DETAIL.sub("", fault)
    if kind == asked.fault:
        return
    asked.fault = kind
    if fault is None:
        LOGGER.warning("the witness %r cosigns again", asked.name)
    else:
        LOGGER.warning("the witness %r does not cosign: %s", asked.name, fault)
