"""When the disk of the store is full, nothing is served without a receipt, and nothing has to be repaired by hand."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gateway_samples import BETA, BIG, SMALL, asked, message, running, stream

from overt.store.sqlite import open_store


@contextmanager
def no_more_bytes(path: Path) -> Iterator[None]:
    """No file of this process may grow beyond the size that the store's write-ahead log has now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name(f"{path.name}-wal").stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("text", ["hello", "cyber:high_dual", "bio:prohibited"], ids=["pass", "redirect", "refuse"])
@pytest.mark.parametrize("streaming", [False, True], ids=["body", "stream"])
def test_a_full_disk_is_an_honest_503_and_over_when_there_is_room(text: str, streaming: bool, tmp_path: Path) -> None:
    async def run() -> None:
        make = stream if streaming else message
        store = await open_store(tmp_path / "store.sqlite")
        gate = await running({BIG: [make(BIG)] * 2, SMALL: [make(SMALL)] * 2}, store=store)
        body = asked(text, stream=streaming, fallbacks="default")
        async with gate.http(**{"anthropic-beta": BETA}) as http:
            with no_more_bytes(tmp_path / "store.sqlite"):
                refused = await http.post("/v1/messages", json=body)
            served = await http.post("/v1/messages", json=body)
            receipt = await http.get(f"/v1/receipts/{served.headers['overt-receipt']}")
        await store.aclose()
        assert refused.status_code == 503
        assert "nothing can be kept" in refused.json()["error"]["message"]
        assert b"words of" not in refused.content
        assert (served.status_code, receipt.status_code) == (200, 200)

    asyncio.run(run())
