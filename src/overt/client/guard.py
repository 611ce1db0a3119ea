"""What is demanded of every answer, in numbered steps; `docs/client.md` has the same numbers.

1. the answer names a receipt in ``Overt-Receipt``, and the gateway gives it
2. the receipt verifies offline against the log key that we were given (all steps of `overt.proof.verify`), and commits
   to exactly the bytes of our request
3. it is about this exchange: the path, and the outcome that the header ``Overt-Decision`` tells; it is fresh, was not
   used before, and its promise leaves the log no more time than was agreed
4. the bytes of the answer are those that it commits to, or that the receipt which closes it (``….completion``) does
5. the log continues what we saw before, and holds our entry in time (`overt.client.settle`)

Steps 1 to 3 come before the first byte of a stream is handed over, step 4 before its last event.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, final

from overt.client.history import follow
from overt.client.memory import Memory, promise
from overt.client.settle import leave, opened, settle, to_keep
from overt.client.steps import OK, Course, Save, Unreadable, get
from overt.client.terms import Terms, lacking
from overt.core.receipt import Kind, Statement
from overt.errors import HistoryChanged, NotLogged, ReceiptFalse, ReceiptMissing
from overt.proof import commit
from overt.proof.instant import utc
from overt.proof.note import parse_vkey
from overt.proof.receipt import Receipt, open_certificate, open_promise
from overt.proof.tlogproof import decode_proof

CHECKPOINT: Final = "overt-checkpoint"
"""Tells the gateway the last checkpoint that we saw: the signed note in base64."""
GOSSIP: Final = "overt-gossip"
"""How the gateway finds that it fits: its first word."""
WITHOUT_RECEIPT: Final = frozenset(("/v1/messages/count_tokens", "/v1/classify"))
"""What may be posted without a receipt: no model answers there."""
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_ERRORS: Final = 400
_ANSWERS: Final = range(200, 300)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request that went out: what stands before ``/v1`` in the address, the path after it, and the body's bytes.

    ``since`` is the size of the log that we knew then.
    """

    root: str
    route: str
    body: bytes
    since: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The receipt of a decision, verified: what is left is to compare the bytes of the answer."""

    raw: bytes
    receipt: Receipt
    statement: Statement

    @property
    def commits(self) -> bool:
        """Whether it commits to the answer itself, so that no other receipt has to close it."""
        return commit.RESPONSE in self.statement.commitments


@final
class Guard:
    """See the module. One guard may serve any number of transports and threads."""

    def __init__(self, memory: Memory, terms: Terms, clock: Callable[[], float]) -> None:
        self._memory = memory
        self._terms = terms
        self._clock = clock

    @property
    def memory(self) -> Memory:
        """What is remembered."""
        return self._memory

    def fields(self, prefer: str | None) -> Mapping[str, str]:
        """The header fields to send along; ``prefer`` is what the caller prefers already."""
        wishes = [prefer] if prefer else []
        wishes.append("overt-completion=always")
        if self._terms.included:
            wishes.append("overt-receipt=included")
        note = self._memory.note
        seen = {} if note is None else {CHECKPOINT: base64.b64encode(note).decode()}
        return {"prefer": ", ".join(wishes), "accept-encoding": "identity", **seen}

    def sent(self, path: str, body: bytes) -> Sent:
        """Note a request before it goes out."""
        root, version, rest = path.rpartition("/v1/")
        known = self._memory.checkpoint
        return Sent(
            root=root if version else "",
            route=f"{version}{rest}" if version else path,
            body=body,
            since=0 if known is None else known.size,
        )

    def decided(self, sent: Sent, status: int, headers: Mapping[str, str]) -> Course[Held | None]:
        """Steps 1 to 3; None for an error that names no receipt: no model answered there."""
        told = headers.get(GOSSIP, "")
        if told.startswith("conflict"):
            raise HistoryChanged(f"the gateway itself finds that its log does not continue what we saw: {told}")
        name = headers.get("overt-receipt")
        if name is None:
            if status >= _ERRORS or status not in _ANSWERS:
                return None
            raise ReceiptMissing(f"the answer to {sent.route!r} names no receipt (no header Overt-Receipt): not used")
        if not _ID.fullmatch(name):
            raise ReceiptFalse(f"the answer names the receipt {name!r}, which is not an id")
        raw = yield from self._fetched(sent, name)
        receipt, statement = yield from opened(self._memory, raw, name, sent.root, request=sent.body)
        self._check_exchange(sent, statement, headers.get("overt-decision"))
        self._check_promise(receipt)
        if not self._memory.use(name):
            raise ReceiptFalse(f"the receipt {name!r} was given for an earlier answer already")
        yield from self._keep(sent, receipt)
        return Held(raw=raw, receipt=receipt, statement=statement)

    def completed(self, sent: Sent, held: Held, response: bytes) -> Course[None]:
        """Steps 4 and 5."""
        name = held.receipt.id
        if held.commits:
            yield from opened(self._memory, held.raw, name, sent.root, response=response)
        else:
            closing = f"{name}.completion"
            raw = yield from self._fetched(sent, closing)
            receipt, statement = yield from opened(self._memory, raw, closing, sent.root, response=response)
            if statement.kind is not Kind.COMPLETION or statement.previous != held.receipt.leaf:
                raise ReceiptFalse(f"the receipt {closing!r} does not close {name!r}")
            if (statement.requested, statement.route) != (held.statement.requested, held.statement.route):
                raise ReceiptFalse(f"the receipt {closing!r} is about {statement.requested!r} at {statement.route!r}")
            self._check_promise(receipt)
            yield from self._keep(sent, receipt)
        yield from settle(self._memory, self._terms, sent.root, self._now())

    def left(self, held: Held) -> None:
        """The answer was not read to its end: what closes it has to appear all the same."""
        if not held.commits:
            leave(self._memory, held.receipt, self._now())

    def settled(self, root: str) -> Course[None]:
        """Step 5 for everything that is open, whatever its age."""
        most = len(self._memory.state.promised) + len(self._memory.state.owed)
        yield from settle(self._memory, self._terms, root, self._now(), after=0, most=most)

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _fetched(self, sent: Sent, name: str) -> Course[bytes]:
        got = yield from get(f"{sent.root}/v1/receipts/{name}", private=True)
        if got.status != OK:
            said = got.status or got.body.decode("utf-8", "replace")
            raise ReceiptMissing(f"the receipt {name!r} cannot be fetched ({said}): the answer is not used")
        return got.body

    def _check_exchange(self, sent: Sent, statement: Statement, told: str | None) -> None:
        if statement.kind is not Kind.DECISION or statement.route != sent.route:
            raise ReceiptFalse(f"the receipt {statement.id!r} is a {statement.kind} about {statement.route!r}")
        word = (told or "").partition(";")[0].strip()
        if word != statement.outcome:
            raise ReceiptFalse(f"Overt-Decision says {word!r}, the receipt {statement.id!r} {statement.outcome!r}")

    def _check_promise(self, receipt: Receipt) -> None:
        _, key = open_certificate(receipt.signer, parse_vkey(receipt.log_key))
        given = open_promise(receipt.promise, key)
        if given.due - given.time > self._terms.delay:
            raise ReceiptFalse(
                f"the promise of {receipt.id!r} leaves the log {given.due - given.time} ms, more than the agreed "
                f"{self._terms.delay} ms"
            )
        if abs(self._now() - given.time) > self._terms.fresh:
            raise ReceiptFalse(
                f"the receipt {receipt.id!r} is of {utc(given.time)}, here it is {utc(self._now())}: an old answer, "
                "or a clock that is wrong"
            )

    def _keep(self, sent: Sent, receipt: Receipt) -> Course[None]:
        """Follow the proof if it is there already and does; else remember the promise."""
        missing: str | None = "the log has not included it"
        if receipt.proof is not None:
            note = decode_proof(receipt.proof.encode()).checkpoint
            try:
                yield from follow(self._memory, note, sent.root)
                missing = lacking(self._terms, note, *self._memory.keys)
            except Unreadable as fault:
                missing = f"whether the log continues cannot be seen: {fault}"
        if missing is None:
            return
        if self._terms.included:
            raise NotLogged(f"we asked to wait for the entry of {receipt.id!r}: {missing}")
        self._memory.change(promise(to_keep(receipt, seen=self._now(), since=sent.since)))
        yield Save()
