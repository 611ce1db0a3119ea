"""An entry gets into a log from outside, whether or not a gateway runs the log, and once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from overt.errors import LogUnavailable, OperatorError
from overt.log.folder import lock_folder
from overt.log.include import include
from overt.log.sqlite import open_log
from overt.proof.merkle import leaf_hash
from overt.proof.note import open_checkpoint, parse_vkey
from overt.proof.tiles import CHECKPOINT
from overt.proof.tlogproof import verify_proof
from overt.testing.contracts.log import included
from overt.testing.log import ORIGIN, known_signer

LOG = known_signer()
KEY = parse_vkey(LOG.vkey)


def size_of(directory: Path) -> int:
    return open_checkpoint((directory / CHECKPOINT).read_bytes(), KEY).size


def test_a_log_that_nobody_runs_gets_the_entry_and_is_let_go(tmp_path: Path) -> None:
    async def run() -> None:
        proof = await include(tmp_path / "log", LOG, b"first")
        assert verify_proof(proof, leaf_hash(b"first"), KEY).size == 1
        log = await open_log(tmp_path / "log", ORIGIN, LOG)
        assert await log.proof(leaf_hash(b"first")) is not None
        await log.aclose()

    asyncio.run(run())


def test_a_log_that_runs_includes_it_among_its_own(tmp_path: Path) -> None:
    async def run() -> None:
        log = await open_log(tmp_path, ORIGIN, LOG, period=0.02)
        own = [log.append(b"own %d" % number) for number in range(300)]
        proof, _ = await asyncio.gather(include(tmp_path, LOG, b"from outside"), asyncio.gather(*own))
        assert verify_proof(proof, leaf_hash(b"from outside"), KEY).size > proof.index
        await included(log, leaf_hash(b"own 299"))
        assert await log.proof(leaf_hash(b"from outside")) is not None
        await log.aclose()
        assert size_of(tmp_path) == 301

    asyncio.run(run())


def test_equal_bytes_are_included_once(tmp_path: Path) -> None:
    first, second = (asyncio.run(include(tmp_path, LOG, b"same")) for _ in range(2))
    assert (first.index, second.index, size_of(tmp_path)) == (0, 0, 1)


def test_a_log_that_is_held_and_includes_nothing_is_said_so_and_the_entry_waits_for_the_next_writer(
    tmp_path: Path,
) -> None:
    lock = lock_folder(tmp_path)
    assert lock is not None
    with pytest.raises(LogUnavailable, match="stored, and not included yet: another process writes"):
        asyncio.run(include(tmp_path, LOG, b"late", patience=0.2))
    lock.release()
    assert asyncio.run(include(tmp_path, LOG, b"next")).index == 1
    assert size_of(tmp_path) == 2


def test_another_key_is_refused_and_nothing_is_stored(tmp_path: Path) -> None:
    asyncio.run(include(tmp_path, LOG, b"ours"))
    with pytest.raises(OperatorError, match="is the log of"):
        asyncio.run(include(tmp_path, known_signer("other.test/log"), b"theirs"))
    assert size_of(tmp_path) == 1


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LogUnavailable, match="cannot hold a log"):
        asyncio.run(include(tmp_path / "file" / "log", LOG, b"x"))
