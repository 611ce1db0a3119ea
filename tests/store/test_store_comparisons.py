"""Comparisons keep one contract in memory and in a file, and the file outlives the process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from overt.errors import OperatorError
from overt.ports import Comparisons
from overt.store.comparisons import open_comparisons
from overt.testing.comparisons import MemoryComparisons
from overt.testing.contracts.comparisons import check_comparisons, compared


def test_comparisons_in_memory_keep_the_contract() -> None:
    async def new() -> Comparisons:
        return MemoryComparisons()

    asyncio.run(check_comparisons(new))


def test_comparisons_in_a_file_keep_the_contract(tmp_path: Path) -> None:
    async def new() -> Comparisons:
        return await open_comparisons(tmp_path / "shadow.sqlite")

    asyncio.run(check_comparisons(new))


def test_another_process_reads_while_one_writes(tmp_path: Path) -> None:
    async def run() -> None:
        writer = await open_comparisons(tmp_path / "shadow.sqlite")
        reader = await open_comparisons(tmp_path / "shadow.sqlite")
        for number in range(1, 4):
            await writer.keep([compared(number)])
            assert len(await reader.page(0, 10)) == number
        await writer.aclose()
        await reader.aclose()

    asyncio.run(run())


def test_a_file_that_is_no_database_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "shadow.sqlite").write_bytes(b"not a database, but long enough to be looked at" * 50)
    with pytest.raises(OperatorError, match=r"shadow\.sqlite"):
        asyncio.run(open_comparisons(tmp_path / "shadow.sqlite"))
