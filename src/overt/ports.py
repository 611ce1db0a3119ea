"""The interfaces to the world, on one page. The docstring is the larger half of each: what holds when it returns.

Adapters live in `overt.classify`, `overt.upstream`, `overt.store`, `overt.log`; fakes in `overt.testing`. Both pass the
same contract suite (`overt.testing.contracts`). An adapter that cannot keep a promise must not implement the port.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, final

from overt.core.comparison import Comparison
from overt.core.domain import Digest, NoticeId, ReceiptId
from overt.core.exchange import Outgoing
from overt.core.finding import Assessment, Release
from overt.core.receipt import Position
from overt.core.request import Request


class Clock(Protocol):
    """The time."""

    def now(self) -> float:
        """POSIX seconds, UTC. May step backwards when the machine's clock is set."""
        ...


class Classifier(Protocol):
    """Says what a request is about and how sensitive it is."""

    @property
    def release(self) -> Release:
        """Which weights speak. Constant for the life of the object."""
        ...

    async def assess(self, request: Request) -> Assessment:
        """One `Finding` or `Unavailable` per domain, in the order of `Domain`.

        Deterministic for one release: equal segments give equal findings, whatever was asked before. Segments with
        ``preamble`` never raise a probability by themselves. A fault becomes `Unavailable`, never an exception and
        never a probability of 0; so does a language that the release does not cover. May be called concurrently; does
        not block the event loop for more than a few milliseconds.
        """
        ...


@final
@dataclass(frozen=True, slots=True)
class Reply:
    """An upstream's reply as it begins. ``chunks`` gives the body as it comes; close it with ``aclose`` if unread.

    Iterating raises `UpstreamTimeout` or `UpstreamUnreachable` if the upstream stalls or cuts the connection.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    chunks: AsyncIterator[bytes]


class Upstream(Protocol):
    """A model server behind us."""

    @property
    def name(self) -> str:
        """The name that receipts give as provider."""
        ...

    async def models(self, headers: tuple[tuple[str, str], ...] = ()) -> tuple[Mapping[str, object], ...]:
        """The models it serves, as it describes them itself (at least ``id``). Raises `UpstreamError`.

        ``headers`` are the caller's, for an upstream that is asked with the caller's own credential.
        """
        ...

    async def send(self, outgoing: Outgoing, *, path: str, headers: tuple[tuple[str, str], ...]) -> Reply:
        """POST exactly ``outgoing.body`` to ``path``.

        Returns when status and headers are there, whatever the status. Never retries, never follows a redirect,
        never changes a byte of the body. Raises `UpstreamTimeout`, `UpstreamUnreachable` or `UpstreamGarbage`.
        """
        ...

    async def aclose(self) -> None:
        """Release connections. Idempotent."""
        ...


class Signer(Protocol):
    """Holds a private key and never shows it."""

    @property
    def vkey(self) -> str:
        """The public key as a C2SP signed-note verifier key: ``name+hex(id)+base64(type || key)``."""
        ...

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature (64 bytes)."""
        ...


class Log(Protocol):
    """An append-only log of entries (C2SP tlog-tiles)."""

    @property
    def origin(self) -> str:
        """The log's name in its checkpoints."""
        ...

    @property
    def vkey(self) -> str:
        """The log's public key as a C2SP verifier key."""
        ...

    async def append(self, entry: bytes) -> Position:
        """Store an entry of 1 to 65,535 bytes. Durable when it returns: it survives a crash and will be included.

        Raises `LogUnavailable` if it cannot promise that; then nothing was stored that will be included later, or it
        will be included once (a retry with the same bytes is idempotent). May be called concurrently.
        """
        ...

    async def checkpoint(self) -> bytes:
        """The latest published checkpoint, a signed note (C2SP tlog-checkpoint); with witnesses, the latest that a
        quorum of them has cosigned."""
        ...

    async def pending(self) -> bytes:
        """The latest checkpoint of all, whether or not witnesses have cosigned it. Never smaller than `checkpoint`."""
        ...

    async def tile(self, path: str) -> bytes | None:
        """The tile or entry bundle at ``tile/…`` (C2SP tlog-tiles), None if there is none."""
        ...

    async def proof(self, leaf: bytes) -> bytes | None:
        """The inclusion proof of a leaf (C2SP tlog-proof), None if not included yet. Against `checkpoint` if that has
        the leaf, else against `pending`."""
        ...

    async def wait(self, leaf: bytes, seconds: float) -> bytes | None:
        """The proof of a leaf as soon as there is one, None if there is none within that time."""
        ...

    async def aclose(self) -> None:
        """Include what is queued, publish, and release the log. Idempotent."""
        ...


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated caller: the id of the key, and a name that the operator gave it."""

    key_id: str
    name: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReceipt:
    """What the gateway keeps so that the caller, and nobody else, can fetch the receipt. ``body`` is JSON."""

    id: ReceiptId
    key_id: str
    leaf: bytes
    body: bytes


class Store(Protocol):
    """Callers' keys, receipts to be fetched, notices. Everything is durable when a method returns.

    Every method raises `StoreUnavailable` if it cannot do its work; a change may have been made then, or not.
    """

    async def add_key(self, name: str, digest: bytes) -> Caller:
        """Register the SHA-256 digest of a fresh key."""
        ...

    async def caller(self, digest: bytes) -> Caller | None:
        """Who holds the key with this digest, None if nobody does."""
        ...

    async def keep_receipt(self, receipt: KeptReceipt) -> None:
        """Keep a receipt for its caller. A second receipt with the same id replaces nothing and raises `ValueError`."""
        ...

    async def receipt(self, receipt_id: ReceiptId, key_id: str) -> KeptReceipt | None:
        """The receipt, if this key asked for it."""
        ...

    async def erase(self, receipt_id: ReceiptId, key_id: str | None, without: Callable[[bytes], bytes]) -> bool:
        """Put ``without(body)`` in the place of a receipt's body; False if this key asked for no such receipt.

        ``key_id`` None is the operator's: whoever asked. When it returns, the store never gives the body of before
        again, and has overwritten it as far as the adapter's module says; copies that others made are not reached.
        Reading and writing are one step; doing it again is harmless, and finishes what an error left undone.
        """
        ...

    async def keep_notice(self, notice_id: NoticeId, body: bytes) -> None:
        """Keep a notice (JSON)."""
        ...

    async def notice(self, notice_id: NoticeId) -> bytes | None:
        """The notice, None if there is none."""
        ...

    async def is_announced(self, digest: str) -> bool:
        """Whether the log was told of this policy, classifier or key."""
        ...

    async def set_announced(self, digest: str) -> None:
        """Remember that the log was told. Idempotent."""
        ...

    async def aclose(self) -> None:
        """Release the store. Idempotent."""
        ...


class Archive(Protocol):
    """The documents that the log's digests lead to: policies, manifests of classifiers, what a judge is told.

    Content-addressed and public: what was kept once is never changed, and never removed.
    """

    async def keep(self, raw: bytes) -> Digest:
        """Keep a document under its SHA-256 digest, which is returned. Durable when it returns; idempotent.

        Raises `StoreUnavailable` if it cannot.
        """
        ...

    async def find(self, digest: str) -> bytes | None:
        """The document with this digest, None if there is none, also for text that is no digest."""
        ...


class Comparisons(Protocol):
    """What shadow mode keeps: one row per exchange that two releases judged, and no text."""

    async def keep(self, comparisons: Sequence[Comparison]) -> None:
        """Keep comparisons, all or none. They survive a crash of the process. Raises `OperatorError`."""
        ...

    async def add_dropped(self, current: Digest, candidate: Digest, count: int) -> None:
        """Count exchanges that were not compared, to be added to those counted before."""
        ...

    async def page(self, after: int, most: int) -> Sequence[tuple[int, Comparison]]:
        """At most ``most`` comparisons with a number above ``after``, by number: in the order they were kept."""
        ...

    async def dropped(self) -> Mapping[tuple[Digest, Digest], int]:
        """How many exchanges were not compared, by release in use and candidate."""
        ...

    async def aclose(self) -> None:
        """Release the file. Idempotent."""
        ...
