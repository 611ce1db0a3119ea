"""Proofs from a cache of inner nodes: the nodes of a full tile never change, those of the right edge belong to a size.

    nodes = Nodes()
    for tile in nodes.missing(index, size):     # reading is left to the caller, who may have to wait for it
        nodes.put(tile, size, raw)
    path = nodes.inclusion(index, size)

The proofs are those of `overt.proof.merkle`, which defines them over any source of hashes. Here no hash is made twice:
within the complete subtree of a leaf its siblings are looked up, and what lies beside that subtree (the fold of all
complete subtrees to its right, then each to its left) is the same for all its leaves and made once for each size.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, final

from overt.errors import VerificationFailed
from overt.proof.merkle import EMPTY_ROOT, HASH_BYTES, node_hash
from overt.proof.tiles import WIDTH, Tile, levels_of

MOST_BYTES: Final = 64 * 1024 * 1024
"""Of full tiles: those of the latest million leaves."""
MOST_SIZES: Final = 8
_TILE_BYTES: Final = 2 * WIDTH * HASH_BYTES


@final
@dataclass(frozen=True, slots=True)
class _Edge:
    """What belongs to one size: per level the nodes of the partial tile, and per height what ends a path there."""

    nodes: tuple[bytes, ...]
    tails: tuple[tuple[bytes, ...], ...]
    root: bytes


@final
class Nodes:
    """See the module. Belongs to one thread. Forgets the full tile that was used least recently."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = max(8, most_bytes // _TILE_BYTES)
        self._full: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._edges: OrderedDict[int, _Edge] = OrderedDict()
        self._partial: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    def missing(self, index: int, size: int) -> list[Tile]:
        """The tiles to be put before a leaf is proved in a log of this size, or before the size ``index + 1`` is
        proved to be its beginning."""
        wanted: list[Tile] = []
        if size not in self._edges:
            for level in range(levels_of(size)):
                width = (size >> 8 * level) % WIDTH
                if width and (size, level) not in self._partial:
                    wanted.append(Tile(level, size >> 8 * (level + 1), width))
        for level in range(((index ^ size).bit_length() + 7) // 8):
            number = index >> 8 * (level + 1)
            if number < size >> 8 * (level + 1) and (level, number) not in self._full:
                wanted.append(Tile(level, number))
        return wanted

    def put(self, tile: Tile, size: int, raw: bytes) -> None:
        """The bytes of a tile that is missing; a partial one may be given by the full one that followed it."""
        if not isinstance(tile.level, int) or len(raw) < tile.width * HASH_BYTES:
            raise VerificationFailed(tile.path, f"{len(raw)} bytes are not {tile.width} hashes")
        nodes = _nodes_of(raw[: tile.width * HASH_BYTES])
        if tile.width < WIDTH:
            self._partial[(size, tile.level)] = nodes
            if len(self._partial) > 8 * MOST_SIZES:
                self._partial.popitem(last=False)
            return
        self._full[(tile.level, tile.index)] = nodes
        if len(self._full) > self._most:
            self._full.popitem(last=False)

    def root(self, size: int) -> bytes:
        """The root of a log of this size."""
        return self._edge(size).root if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """See `overt.proof.merkle.prove_inclusion`."""
        if not 0 <= index < size:
            raise VerificationFailed("inclusion proof", f"there is no leaf {index!r} in a tree of {size!r}")
        edge = self._edge(size)
        height = (index ^ size).bit_length() - 1
        return (*self._siblings(index, 0, height, size, edge), *edge.tails[height])

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """See `overt.proof.merkle.prove_consistency`."""
        if not 0 <= old <= new:
            raise VerificationFailed("consistency proof", f"{old!r} is not a size before {new!r}")
        if old in (0, new):
            return ()
        edge = self._edge(new)
        last = old - 1
        lowest = (old & -old).bit_length() - 1
        height = (last ^ new).bit_length() - 1
        path = (*self._siblings(last, lowest, height, new, edge), *edge.tails[height])
        # A verifier has the old root: if the old tree is one complete subtree, that is where the path begins.
        return path if old & last == 0 else (self._node(lowest, last >> lowest, new, edge), *path)

    def _siblings(self, index: int, low: int, high: int, size: int, edge: _Edge) -> list[bytes]:
        """The siblings of the nodes over a leaf, from one level up to below another."""
        found: list[bytes] = []
        for level in range(low >> 3, (high + 7) >> 3):
            nodes = self._tile(level, index >> 8 * (level + 1), size, edge)
            place = index >> 8 * level & WIDTH - 1
            first = 8 * level
            for within in range(max(low - first, 0), min(high - first, 8)):
                at = (_row_start(within) + ((place >> within) ^ 1)) * HASH_BYTES
                found.append(nodes[at : at + HASH_BYTES])
        return found

    def _node(self, height: int, index: int, size: int, edge: _Edge) -> bytes:
        level, within = height >> 3, height & 7
        nodes = self._tile(level, index >> (8 - within), size, edge)
        at = (_row_start(within) + (index & (WIDTH >> within) - 1)) * HASH_BYTES
        return nodes[at : at + HASH_BYTES]

    def _tile(self, level: int, number: int, size: int, edge: _Edge) -> bytes:
        if number == size >> 8 * (level + 1):
            return edge.nodes[level]
        key = (level, number)
        nodes = self._full.get(key)
        if nodes is None:
            raise VerificationFailed(Tile(level, number).path, "it was not read before the proof")
        self._full.move_to_end(key)
        return nodes

    def _edge(self, size: int) -> _Edge:
        edge = self._edges.get(size)
        if edge is not None:
            return edge
        nodes = tuple(self._part(size, level) for level in range(levels_of(size)))
        edge = _edge_of(size, nodes)
        for level in range(len(nodes)):
            self._partial.pop((size, level), None)
        self._edges[size] = edge
        if len(self._edges) > MOST_SIZES:
            self._edges.popitem(last=False)
        return edge

    def _part(self, size: int, level: int) -> bytes:
        width = (size >> 8 * level) % WIDTH
        if not width:
            return b""
        nodes = self._partial.get((size, level))
        if nodes is None:
            raise VerificationFailed(Tile(level, size >> 8 * (level + 1), width).path, "it was not read before")
        return nodes


def _row_start(within: int) -> int:
    """Where the nodes of a height begin among the nodes of a tile, which are kept as if the tile were full."""
    return 2 * WIDTH - (2 * WIDTH >> within)


def _nodes_of(raw: bytes) -> bytes:
    """All complete nodes of a tile, height by height, each height as wide as in a full tile."""
    rows: list[bytes] = []
    for within in range(8):
        rows.append(raw.ljust((WIDTH >> within) * HASH_BYTES, b"\x00"))
        pairs = range(0, len(raw) - 2 * HASH_BYTES + 1, 2 * HASH_BYTES)
        raw = b"".join([hashlib.sha256(b"\x01" + raw[at : at + 2 * HASH_BYTES]).digest() for at in pairs])
    return b"".join(rows)


def _edge_of(size: int, nodes: tuple[bytes, ...]) -> _Edge:
    """For each complete subtree of a size, by height: the fold of those to its right, then those to its left."""
    heights = [height for height in range(size.bit_length()) if size >> height & 1]
    peaks = {height: _peak(size, height, nodes) for height in heights}
    tails: list[tuple[bytes, ...]] = [()] * size.bit_length()
    right: bytes | None = None
    for height in heights:
        left = tuple(peaks[other] for other in heights if other > height)
        tails[height] = left if right is None else (right, *left)
        right = peaks[height] if right is None else node_hash(peaks[height], right)
    return _Edge(nodes, tuple(tails), right if right is not None else EMPTY_ROOT)


def _peak(size: int, height: int, nodes: tuple[bytes, ...]) -> bytes:
    """The complete subtree of a height that ends a size: always in the partial tile of its level."""
    level, within = height >> 3, height & 7
    at = (_row_start(within) + ((size >> height) - 1) % (WIDTH >> within)) * HASH_BYTES
    return nodes[level][at : at + HASH_BYTES]
