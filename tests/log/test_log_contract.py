"""The contract of the log port, kept by the log on disk, by one over parts in memory, and by the fake."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from overt.log.log import start
from overt.log.notary import one_key
from overt.log.sqlite import open_log
from overt.ports import Log
from overt.testing.contracts.log import CONTRACT, Check
from overt.testing.log import ORIGIN, MemoryLog, known_signer
from overt.testing.parts import SharedFiles, SharedRows, memory_parts


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_the_log_on_disk_keeps_the_contract(check: Check, tmp_path: Path) -> None:
    async def fresh() -> Log:
        return await open_log(tmp_path / "log", ORIGIN, known_signer(), period=0.01)

    asyncio.run(check(fresh))


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_a_log_over_parts_in_memory_keeps_the_contract(check: Check) -> None:
    async def fresh() -> Log:
        return await start(memory_parts(SharedRows(), SharedFiles()), one_key(known_signer()), period=0.01)

    asyncio.run(check(fresh))


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_the_log_in_memory_keeps_the_contract(check: Check) -> None:
    async def fresh() -> Log:
        return MemoryLog()

    asyncio.run(check(fresh))
