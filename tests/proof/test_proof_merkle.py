"""Trees and tiles against a builder written from the definition, and proofs that must not survive a change."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.errors import VerificationFailed
from overt.proof import merkle, tiles

SIZES = (0, 1, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537)


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_tiles(entries: list[bytes]) -> dict[str, bytes]:
    """tlog-tiles by its formula: slot i of tile n of level l is a root over a range of leaves."""
    files: dict[str, bytes] = {}
    row = [hashlib.sha256(b"\x00" + entry).digest() for entry in entries]
    level = 0
    while row:
        for n in range(0, len(row), 256):
            part = row[n : n + 256]
            suffix = "" if len(part) == 256 else f".p/{len(part)}"
            files[f"tile/{level}/{n // 256:03d}{suffix}"] = b"".join(part)
        row = [naive_root(row[n : n + 256]) for n in range(0, len(row) - 255, 256)]
        level += 1
    for n in range(0, len(entries), 256):
        part = entries[n : n + 256]
        suffix = "" if len(part) == 256 else f".p/{len(part)}"
        bundle = b"".join(len(entry).to_bytes(2, "big") + entry for entry in part)
        files[f"tile/entries/{n // 256:03d}{suffix}"] = bundle
    return files


@pytest.mark.parametrize("size", SIZES)
def test_tiles_and_root_are_those_of_the_definition(size: int) -> None:
    entries = [b"entry %d" % i for i in range(size)]
    edge, files = tiles.grow(tiles.Edge(), entries)
    assert files == naive_tiles(entries)
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    assert edge.root == merkle.root(leaves) == naive_root(leaves)
    assert {tile.path for level in range(tiles.levels_of(size)) for tile in tiles.tiles_at(size, level)} | {
        tile.path for tile in tiles.bundles_of(size)
    } == set(files)


@given(cuts=st.lists(st.integers(0, 300), max_size=6))
@settings(max_examples=40, deadline=None)
def test_growing_in_steps_gives_the_tiles_of_growing_at_once(cuts: list[int]) -> None:
    entries = [b"%d" % i for i in range(sum(cuts))]
    edge, files, at = tiles.Edge(), dict[str, bytes](), 0
    for cut in cuts:
        edge, new = tiles.grow(edge, entries[at : at + cut])
        files |= new
        at += cut
        assert tiles.read_edge(files.get, edge.size) == edge
    whole, expected = tiles.grow(tiles.Edge(), entries)
    assert edge == whole
    assert expected.items() <= files.items()


@given(data=st.data(), size=st.integers(1, 1200))
@settings(max_examples=60, deadline=None)
def test_inclusion_proofs_from_leaves_and_from_tiles_are_equal_and_verify(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    entries = [b"%d" % i for i in range(size)]
    edge, files = tiles.grow(tiles.Edge(), entries)
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    path = merkle.prove_inclusion(index, size, merkle.hashes_of(leaves))
    assert path == merkle.prove_inclusion(index, size, tiles.hashes_in(size, tiles.rows_from(files.get)))
    merkle.verify_inclusion(index=index, size=size, leaf=leaves[index], path=path, root=edge.root)


@given(data=st.data(), size=st.integers(2, 300))
@settings(max_examples=100, deadline=None)
def test_no_changed_inclusion_proof_verifies(data: st.DataObject, size: int) -> None:
    leaves = [merkle.leaf_hash(b"%d" % i) for i in range(size)]
    index, root = data.draw(st.integers(0, size - 1)), merkle.root(leaves)
    path = merkle.prove_inclusion(index, size, merkle.hashes_of(leaves))
    wrong = data.draw(st.sampled_from(("flip", "drop", "add", "swap", "index", "leaf", "root", "size")))
    other = {"index": index, "size": size, "leaf": leaves[index], "path": path, "root": root}
    place = data.draw(st.integers(0, len(path) - 1))
    match wrong:
        case "flip":
            other["path"] = (*path[:place], flipped(path[place], data), *path[place + 1 :])
        case "drop":
            other["path"] = (*path[:place], *path[place + 1 :])
        case "add":
            other["path"] = (*path[:place], leaves[0], *path[place:])
        case "swap":
            other["path"] = (*path[1:], path[0]) if len(path) > 1 else (flipped(path[0], data),)
        case "index":
            other["index"] = data.draw(st.integers(0, size + 3).filter(lambda i: i != index))
        case "leaf":
            other["leaf"] = flipped(leaves[index], data)
        case "root":
            other["root"] = flipped(root, data)
        case "size":
            other["index"], other["size"] = index, index
        case _:
            raise AssertionError(wrong)
    with pytest.raises(VerificationFailed, match="inclusion proof"):
        merkle.verify_inclusion(**other)  # type: ignore[arg-type]


@given(data=st.data(), new=st.integers(1, 600))
@settings(max_examples=80, deadline=None)
def test_consistency_proofs_verify_and_changed_ones_do_not(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(0, new))
    leaves = [merkle.leaf_hash(b"%d" % i) for i in range(new)]
    old_root, new_root = merkle.root(leaves[:old]), merkle.root(leaves)
    path = merkle.prove_consistency(old, new, merkle.hashes_of(leaves))
    merkle.verify_consistency(old=old, new=new, path=path, old_root=old_root, new_root=new_root)
    for changed in (
        {"old_root": flipped(old_root, data)},
        {"path": (*path, leaves[0])},
        {"path": path[:-1]} if path else {"old": new + 1},
        {"new_root": flipped(new_root, data)} if old else {"old_root": leaves[0]},
    ):
        arguments = {"old": old, "new": new, "path": path, "old_root": old_root, "new_root": new_root} | changed
        with pytest.raises(VerificationFailed, match="consistency proof"):
            merkle.verify_consistency(**arguments)  # type: ignore[arg-type]


def test_a_rewritten_history_is_not_consistent() -> None:
    first = [merkle.leaf_hash(b"%d" % i) for i in range(9)]
    second = [merkle.leaf_hash(b"other"), *first[1:], merkle.leaf_hash(b"9")]
    path = merkle.prove_consistency(9, 10, merkle.hashes_of(second))
    with pytest.raises(VerificationFailed, match="does not begin with"):
        merkle.verify_consistency(old=9, new=10, path=path, old_root=merkle.root(first), new_root=merkle.root(second))


@given(index=st.integers(0, 10**12), level=st.integers(0, 63), width=st.integers(1, 256))
def test_a_tile_path_reads_back(index: int, level: int, width: int) -> None:
    for tile in (tiles.Tile(level, index, width), tiles.Tile(tiles.ENTRIES, index, width)):
        assert tiles.parse_path(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/x001",
        "tile/0/001/000",
        "tile/0/../000",
        "tile/data/000",
        "/tile/0/000",
        "tile/0/000\n",
        "tile/0/" + "x999/" * 2000 + "000",
    ],
)
def test_what_is_no_tile_path_is_refused(path: str) -> None:
    assert tiles.parse_path(path) is None


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_bundle_that_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(VerificationFailed, match="cut off"):
        tiles.decode_bundle(tiles.encode_bundle([b"abc"])[:-cut] if cut < 5 else b"\x00")


def test_a_partial_tile_is_cut_from_the_full_one_if_it_was_dropped() -> None:
    _, files = tiles.grow(tiles.Edge(), [b"%d" % i for i in range(256)])
    assert tiles.read_hashes(files.get, tiles.Tile(0, 0, 3)) == tuple(merkle.leaf_hash(b"%d" % i) for i in range(3))


@pytest.mark.parametrize("entry", [b"", b"x" * 65_536], ids=["empty", "too long"])
def test_an_entry_of_a_wrong_length_cannot_grow_a_log(entry: bytes) -> None:
    with pytest.raises(VerificationFailed, match="bytes"):
        tiles.grow(tiles.Edge(), [entry])


def flipped(hash_: bytes, data: st.DataObject) -> bytes:
    """With one bit changed."""
    bit = data.draw(st.integers(0, len(hash_) * 8 - 1))
    return bytes(byte ^ (1 << bit % 8) if i == bit // 8 else byte for i, byte in enumerate(hash_))
