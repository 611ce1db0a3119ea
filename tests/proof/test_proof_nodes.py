"""Proofs from cached nodes are the proofs of RFC 6962, whatever was forgotten in between."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.errors import VerificationFailed
from overt.log.rows import Prover
from overt.proof import merkle, tiles
from overt.proof.nodes import Nodes

BIG = 70_000
ENTRIES = [b"overt-%d" % number for number in range(BIG)]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]
SIZES = [1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, BIG]


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """The full tiles of the largest log, as they are once every partial tile was dropped, but for the last ones."""
    return tiles.grow(tiles.Edge(), ENTRIES)[1]


def read(files: dict[str, bytes], tile: tiles.Tile) -> bytes:
    return b"".join(tiles.read_hashes(files.get, tile))


def at(nodes: Nodes, files: dict[str, bytes], index: int, size: int) -> Nodes:
    for tile in nodes.missing(index, size):
        whole = tiles.Tile(tile.level, tile.index, tiles.width_at(BIG, int(tile.level), tile.index))
        nodes.put(tile, size, read(files, whole))
    return nodes


def hashes_at(size: int, files: dict[str, bytes]) -> merkle.Hashes:
    """The definition's source of hashes, for sizes whose own partial tiles are not there any more."""
    rows = tiles.rows_from(files.get)

    def widest(tile: tiles.Tile) -> tiles.Rows:
        return rows(tiles.Tile(tile.level, tile.index, tiles.width_at(BIG, int(tile.level), tile.index)))

    return tiles.hashes_in(size, widest)


@pytest.mark.parametrize("size", SIZES)
def test_proofs_and_root_are_those_of_the_definition(size: int, files: dict[str, bytes]) -> None:
    nodes, hashes, chosen = Nodes(), hashes_at(size, files), random.Random(size)
    for index in {0, size - 1, size // 2, *(chosen.randrange(size) for _ in range(60))}:
        at(nodes, files, index, size)
        assert nodes.inclusion(index, size) == merkle.prove_inclusion(index, size, hashes)
        assert nodes.consistency(index + 1, size) == merkle.prove_consistency(index + 1, size, hashes)
    assert nodes.root(size) == merkle.root_of(size, hashes)
    assert nodes.consistency(0, size) == ()


@given(st.data())
def test_small_trees_of_every_shape(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 600))
    index = data.draw(st.integers(0, size - 1))
    edge, files = tiles.grow(tiles.Edge(), ENTRIES[:size])
    nodes = Nodes()
    for tile in nodes.missing(index, size):
        nodes.put(tile, size, files[tile.path])
    assert nodes.root(size) == edge.root
    merkle.verify_inclusion(
        index=index, size=size, leaf=LEAVES[index], path=nodes.inclusion(index, size), root=edge.root
    )
    old = merkle.root(LEAVES[: index + 1])
    path = nodes.consistency(index + 1, size)
    merkle.verify_consistency(old=index + 1, new=size, path=path, old_root=old, new_root=edge.root)


def test_the_smallest_cache_forgets_and_still_proves(files: dict[str, bytes]) -> None:
    nodes, hashes, chosen = Nodes(1), hashes_at(BIG, files), random.Random(3)
    for _ in range(200):
        index = chosen.randrange(BIG)
        assert at(nodes, files, index, BIG).inclusion(index, BIG) == merkle.prove_inclusion(index, BIG, hashes)


def test_what_was_not_read_is_not_guessed(files: dict[str, bytes]) -> None:
    nodes = Nodes()
    with pytest.raises(VerificationFailed, match="not read"):
        nodes.inclusion(5, BIG)
    at(nodes, files, 5, BIG)
    with pytest.raises(VerificationFailed, match="not read"):
        nodes.inclusion(40_000, BIG)
    with pytest.raises(VerificationFailed, match="not 256 hashes"):
        nodes.put(tiles.Tile(0, 7), BIG, bytes(8191))


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_leaves_outside_the_tree_have_no_proof(index: int, size: int) -> None:
    with pytest.raises(VerificationFailed, match="no leaf"):
        Nodes().inclusion(index, size)


def test_a_prover_reads_each_tile_once_and_takes_the_full_tile_for_a_dropped_partial_one(
    files: dict[str, bytes],
) -> None:
    asked: list[str] = []

    async def fetch(path: str) -> bytes | None:
        asked.append(path)
        return files.get(path)

    async def run() -> None:
        prover, hashes = Prover(fetch), hashes_at(BIG, files)
        first, again = await asyncio.gather(prover.inclusion(1000, BIG), prover.inclusion(1001, BIG))
        assert first == merkle.prove_inclusion(1000, BIG, hashes)
        assert again == merkle.prove_inclusion(1001, BIG, hashes)
        before = len(asked)
        await prover.inclusion(1002, BIG)
        assert len(asked) == before
        dropped = await prover.consistency(1000, 1100)
        assert dropped == merkle.prove_consistency(1000, 1100, hashes_at(1100, files))
        assert asked[before:] == ["tile/0/004.p/76", "tile/0/004", "tile/1/000.p/4", "tile/1/000"]
        with pytest.raises(VerificationFailed, match="missing"):
            await prover.inclusion(BIG, BIG + 1)

    asyncio.run(run())
