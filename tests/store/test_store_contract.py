"""Both stores keep the same contract, and the file outlives the process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from overt.core.domain import ReceiptId
from overt.errors import OperatorError, StoreUnavailable
from overt.ports import KeptReceipt, Store
from overt.store.sqlite import open_store
from overt.testing.contracts.store import check_store
from overt.testing.store import MemoryStore


def test_the_store_in_memory_keeps_the_contract() -> None:
    async def new() -> Store:
        return MemoryStore()

    asyncio.run(check_store(new))


def test_the_store_in_a_file_keeps_the_contract(tmp_path: Path) -> None:
    async def new() -> Store:
        return await open_store(tmp_path / "store.sqlite")

    asyncio.run(check_store(new))


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    kept = KeptReceipt(id=ReceiptId("rcp_1"), key_id="key_a", leaf=b"\x00" * 32, body=b"{}")

    async def write_then_read() -> KeptReceipt | None:
        first = await open_store(tmp_path / "store.sqlite")
        await first.keep_receipt(kept)
        await first.aclose()
        second = await open_store(tmp_path / "store.sqlite")
        found = await second.receipt(kept.id, "key_a")
        await second.aclose()
        return found

    assert asyncio.run(write_then_read()) == kept


def test_a_key_is_never_written_in_clear(tmp_path: Path) -> None:
    async def add() -> None:
        store = await open_store(tmp_path / "store.sqlite")
        await store.add_key("ada", b"\x01" * 32)
        await store.aclose()

    asyncio.run(add())
    assert b"ovt_" not in (tmp_path / "store.sqlite").read_bytes()


def test_a_file_that_is_no_store_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").write_bytes(b"not a database, but long enough to be looked at" * 50)
    with pytest.raises(OperatorError, match=r"store\.sqlite"):
        asyncio.run(open_store(tmp_path / "store.sqlite"))


def test_a_damaged_page_is_said_to_be_the_stores_fault_and_not_taken_for_nobody(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"

    async def run() -> None:
        await (await open_store(path)).aclose()
        path.write_bytes(path.read_bytes()[:4096] + b"\xff" * (path.stat().st_size - 4096))
        store = await open_store(path)
        with pytest.raises(StoreUnavailable, match="check its disk"):
            await store.caller(b"\x01" * 32)
        await store.aclose()

    asyncio.run(run())
