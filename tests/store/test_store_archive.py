"""Both archives keep the same contract; what is in the folder is whole, and can be shown by any web server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from overt.errors import StoreUnavailable
from overt.ports import Archive
from overt.store.archive import FolderArchive
from overt.testing.archive import MemoryArchive
from overt.testing.contracts.archive import check_archive


def test_the_archive_in_memory_keeps_the_contract() -> None:
    async def new() -> Archive:
        return MemoryArchive()

    asyncio.run(check_archive(new))


def test_the_archive_in_a_folder_keeps_the_contract(tmp_path: Path) -> None:
    async def new() -> Archive:
        return FolderArchive(tmp_path / "archive")

    asyncio.run(check_archive(new))
    assert all(path.name.startswith("sha256:") for path in (tmp_path / "archive").iterdir())


def test_a_document_that_was_damaged_is_repaired_when_it_is_kept_again(tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path / "archive")
    digest = asyncio.run(archive.keep(b"a policy"))
    (tmp_path / "archive" / digest).write_bytes(b"")
    asyncio.run(archive.keep(b"a policy"))
    assert asyncio.run(archive.find(digest)) == b"a policy"


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(b"a file")
    with pytest.raises(StoreUnavailable, match="archive"):
        asyncio.run(FolderArchive(tmp_path / "archive").keep(b"a policy"))
