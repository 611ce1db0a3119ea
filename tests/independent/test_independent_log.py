"""A whole log, written by the gateway's own sequencer, audited by Go from its files alone; and damaged ones refused."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Final

import pytest
from outside import go

from overt.log.sqlite import open_log
from overt.proof import tiles
from overt.proof.merkle import leaf_hash
from overt.proof.note import open_checkpoint, parse_vkey
from overt.testing.contracts.log import included
from overt.testing.log import ORIGIN, known_signer

SIGNER: Final = known_signer()
FIRST: Final = [b"first-%d" % i for i in range(200)]
THEN: Final = [b"then-%d" % i for i in range(400)]


async def _write(directory: Path) -> None:
    log = await open_log(directory, ORIGIN, SIGNER, period=0.01)
    try:
        for batch in (FIRST, THEN):
            positions = await asyncio.gather(*(log.append(entry) for entry in batch))
            await included(log, max(positions, key=lambda position: position.sequence).leaf)
    finally:
        await log.aclose()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a log of 600 entries that grew in several steps."""
    directory = tmp_path_factory.mktemp("log")
    asyncio.run(_write(directory))
    return directory


def audit(directory: Path, *promised: bytes) -> list[str]:
    return go("audit", str(directory), SIGNER.vkey, lines=[leaf.hex() for leaf in promised])


def test_go_rebuilds_the_log_and_finds_every_promised_entry(written: Path) -> None:
    leaves = [leaf_hash(entry) for entry in [*FIRST, *THEN]]
    (answer,) = audit(written, *leaves)
    root = open_checkpoint((written / tiles.CHECKPOINT).read_bytes(), parse_vkey(SIGNER.vkey)).root
    assert answer == f"600 entries, root {root.hex()}, 600 promises kept"


def test_go_finds_a_promise_that_was_not_kept(written: Path) -> None:
    with pytest.raises(AssertionError, match="was promised and is not in the log"):
        audit(written, leaf_hash(b"never"))


def _flip(path: Path, at: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)


def _tile(directory: Path) -> None:
    _flip(directory / "tile/0/001", 4000)


def _upper_tile(directory: Path) -> None:
    _flip(directory / "tile/1/000.p/2", 5)


def _entry(directory: Path) -> None:
    _flip(directory / "tile/entries/000", 7)


def _entry_and_tile(directory: Path) -> None:
    bundle, tile = directory / "tile/entries/000", directory / "tile/0/000"
    _flip(bundle, 7)
    hashes = [leaf_hash(entry) for entry in tiles.decode_bundle(bundle.read_bytes())]
    tile.write_bytes(b"".join(hashes))


def _checkpoint(directory: Path) -> None:
    path = directory / "checkpoint"
    path.write_bytes(path.read_bytes().replace(b"\n600\n", b"\n599\n"))


def _cut_bundle(directory: Path) -> None:
    path = directory / "tile/entries/001"
    path.write_bytes(path.read_bytes()[:-1])


def _no_tile(directory: Path) -> None:
    (directory / "tile/0/000").unlink()


@pytest.mark.parametrize(
    "damage",
    [_tile, _upper_tile, _entry, _entry_and_tile, _checkpoint, _cut_bundle, _no_tile],
    ids=["a tile", "an upper tile", "an entry", "an entry and its tile", "the checkpoint", "cut bundle", "no tile"],
)
def test_go_refuses_a_damaged_log(written: Path, tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    copy = tmp_path / "copy"
    shutil.copytree(written, copy)
    audit(copy)
    damage(copy)
    with pytest.raises(AssertionError, match="exited with 1"):
        audit(copy)
