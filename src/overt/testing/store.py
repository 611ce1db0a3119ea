"""A store in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import final

from overt.core.domain import NoticeId, ReceiptId
from overt.ports import Caller, KeptReceipt


@final
class MemoryStore:
    """Implements `ports.Store` without a file."""

    def __init__(self) -> None:
        self._callers: dict[bytes, Caller] = {}
        self._receipts: dict[ReceiptId, KeptReceipt] = {}
        self._notices: dict[NoticeId, bytes] = {}
        self._announced: set[str] = set()

    async def add_key(self, name: str, digest: bytes) -> Caller:
        """Register a key by its SHA-256 digest."""
        caller = Caller(key_id=f"key_{len(self._callers)}", name=name)
        self._callers[digest] = caller
        return caller

    async def caller(self, digest: bytes) -> Caller | None:
        """Who holds this key."""
        return self._callers.get(digest)

    async def keep_receipt(self, receipt: KeptReceipt) -> None:
        """Keep a receipt; its id must be new."""
        if receipt.id in self._receipts:
            raise ValueError(f"a receipt with the id {receipt.id!r} is kept already")
        self._receipts[receipt.id] = receipt

    async def receipt(self, receipt_id: ReceiptId, key_id: str) -> KeptReceipt | None:
        """The receipt, if this key asked for it."""
        kept = self._receipts.get(receipt_id)
        return kept if kept is not None and kept.key_id == key_id else None

    async def erase(self, receipt_id: ReceiptId, key_id: str | None, without: Callable[[bytes], bytes]) -> bool:
        """Put another body in the place of a receipt's."""
        kept = self._receipts.get(receipt_id)
        if kept is None or key_id not in (None, kept.key_id):
            return False
        self._receipts[receipt_id] = replace(kept, body=without(kept.body))
        return True

    async def keep_notice(self, notice_id: NoticeId, body: bytes) -> None:
        """Keep a notice; its id must be new."""
        if notice_id in self._notices:
            raise ValueError(f"a notice with the id {notice_id!r} is kept already")
        self._notices[notice_id] = body

    async def notice(self, notice_id: NoticeId) -> bytes | None:
        """The notice."""
        return self._notices.get(notice_id)

    async def is_announced(self, digest: str) -> bool:
        """Whether the log was told of this digest."""
        return digest in self._announced

    async def set_announced(self, digest: str) -> None:
        """Remember that the log was told."""
        self._announced.add(digest)

    async def aclose(self) -> None:
        """Nothing to release."""
