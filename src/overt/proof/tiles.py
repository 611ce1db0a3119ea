"""Tiles of height 8 (C2SP tlog-tiles): their paths, their bytes, growing a log by tiles, and proving from them.

Tile ``n`` of level ``l`` holds, in slot ``i``, the root over leaves ``[(256n+i) * 256**l, (256n+i+1) * 256**l)``.
A partial tile is never hashed upward. Growing is a function of the right edge and the new entries alone, so that
repeating it after a crash gives the same bytes.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, final

from overt.errors import VerificationFailed
from overt.proof.merkle import HASH_BYTES, Hashes, complete_root, complete_subtrees, fold, leaf_hash, parents

WIDTH: Final = 256
LARGEST_ENTRY: Final = 65_535
ENTRIES: Final = "entries"
CHECKPOINT: Final = "checkpoint"

Level = int | Literal["entries"]
Reader = Callable[[str], bytes | None]
"""The bytes at a path of a log ("checkpoint", "tile/..."), None if there is nothing."""
Rows = tuple[tuple[bytes, ...], ...]
"""The nodes of a tile: its hashes, then their parents, up to the last complete subtree."""

_LENGTH: Final = struct.Struct(">H")
_PATH = re.compile(
    r"tile/(?P<level>entries|[0-9]|[1-5][0-9]|6[0-3])/"
    r"(?P<groups>(?:x[0-9]{3}/){0,6})(?P<last>[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@final
@dataclass(frozen=True, slots=True)
class Tile:
    """Which tile: ``width`` is how many of its 256 slots are filled."""

    level: Level
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Where it is found."""
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
        place = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        suffix = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{self.level}/{place}{suffix}"


def parse_path(path: str) -> Tile | None:
    """Which tile is at a path, None if the path is not one of a tile (and so never leaves the folder)."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    index = int(match["groups"].replace("x", "").replace("/", "") + match["last"])
    level: Level = ENTRIES if match["level"] == ENTRIES else int(match["level"])
    tile = Tile(level, index, int(match["width"]) if match["width"] else WIDTH)
    return tile if tile.path == path and tile.width <= WIDTH else None


def width_at(size: int, level: int, index: int) -> int:
    """How many slots of a tile are filled in a log of this size."""
    return max(0, min(WIDTH, (size >> 8 * level) - index * WIDTH))


def tiles_at(size: int, level: int) -> Iterator[Tile]:
    """The hash tiles of one level in a log of this size, from left to right."""
    slots = size >> 8 * level
    for index in range(-(-slots // WIDTH)):
        yield Tile(level, index, min(WIDTH, slots - index * WIDTH))


def levels_of(size: int) -> int:
    """How many levels of tiles a log of this size has."""
    return -(-size.bit_length() // 8)


def bundles_of(size: int) -> Iterator[Tile]:
    """The entry bundles of a log of this size, from left to right."""
    for tile in tiles_at(size, 0):
        yield Tile(ENTRIES, tile.index, tile.width)


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Each entry after its length in two bytes."""
    parts = [b""] * (2 * len(entries))
    parts[::2] = map(_LENGTH.pack, map(len, entries))
    parts[1::2] = entries
    return b"".join(parts)


def leaf_hashes(entries: Sequence[bytes]) -> list[bytes]:
    """The hashes of entries, each of an allowed length. A loop of its own: a call per leaf costs a third more."""
    for entry in entries:
        if not 1 <= len(entry) <= LARGEST_ENTRY:
            raise VerificationFailed("entry", f"it has {len(entry)} bytes, allowed are 1 to {LARGEST_ENTRY}")
    begun = hashlib.sha256(b"\x00")
    hashes: list[bytes] = []
    for entry in entries:
        hash_ = begun.copy()
        hash_.update(entry)
        hashes.append(hash_.digest())
    return hashes


def decode_bundle(raw: bytes, what: str = "entry bundle") -> tuple[bytes, ...]:
    """The entries, or `VerificationFailed` if the bytes end within one."""
    entries: list[bytes] = []
    position = 0
    while position < len(raw):
        start = position + 2
        end = start + int.from_bytes(raw[position:start], "big")
        if end > len(raw) or start > len(raw):
            raise VerificationFailed(what, f"it is cut off within entry {len(entries)}")
        entries.append(raw[start:end])
        position = end
    return tuple(entries)


def split_hashes(raw: bytes, what: str = "tile") -> tuple[bytes, ...]:
    """The hashes of a tile."""
    if len(raw) % HASH_BYTES:
        raise VerificationFailed(what, f"{len(raw)} bytes are not whole hashes")
    return tuple(raw[i : i + HASH_BYTES] for i in range(0, len(raw), HASH_BYTES))


def read_hashes(reader: Reader, tile: Tile) -> tuple[bytes, ...]:
    """A hash tile of exactly the asked width; a partial tile may be cut from the full one."""
    raw, found = _read(reader, tile)
    return _exactly(split_hashes(raw, found.path), found)[: tile.width]


def read_entries(reader: Reader, tile: Tile) -> tuple[bytes, ...]:
    """An entry bundle of exactly the asked width; a partial one may be cut from the full one."""
    raw, found = _read(reader, tile)
    return _exactly(decode_bundle(raw, found.path), found)[: tile.width]


def _read(reader: Reader, tile: Tile) -> tuple[bytes, Tile]:
    """The bytes of a tile and which tile they are: a log may drop a partial tile once the full one exists."""
    for candidate in (tile, Tile(tile.level, tile.index)):
        raw = reader(candidate.path)
        if raw is not None:
            return raw, candidate
    raise VerificationFailed(tile.path, "it is missing")


def _exactly(found: tuple[bytes, ...], tile: Tile) -> tuple[bytes, ...]:
    if len(found) != tile.width:
        raise VerificationFailed(tile.path, f"it holds {len(found)} items, expected {tile.width}")
    return found


def rows_of(hashes: Sequence[bytes]) -> Rows:
    """All complete nodes of a tile."""
    rows = [tuple(hashes)]
    while len(rows[-1]) > 1:
        rows.append(tuple(parents(rows[-1])))
    return tuple(rows)


def rows_from(reader: Reader) -> Callable[[Tile], Rows]:
    """Tiles read once each, as rows."""
    known: dict[Tile, Rows] = {}

    def rows(tile: Tile) -> Rows:
        if tile not in known:
            known[tile] = rows_of(read_hashes(reader, tile))
        return known[tile]

    return rows


def hashes_in(size: int, rows: Callable[[Tile], Rows]) -> Hashes:
    """Complete subtrees of a log of this size, from its tiles."""

    def hashes(level: int, index: int) -> bytes:
        tile_level, within = divmod(level, 8)
        number, place = divmod(index, WIDTH >> within)
        tile = Tile(tile_level, number, width_at(size, tile_level, number))
        return rows(tile)[within][place]

    return hashes


@final
@dataclass(frozen=True, slots=True)
class Edge:
    """The right edge of a log: per level the hashes of its partial tile, and the entries of the partial bundle."""

    size: int = 0
    rows: tuple[tuple[bytes, ...], ...] = ()
    entries: tuple[bytes, ...] = ()

    @property
    def root(self) -> bytes:
        """The root of the whole log."""
        peaks: list[bytes] = []
        for row in reversed(self.rows):
            peaks += [complete_root(row[i << level : (i + 1) << level]) for level, i in complete_subtrees(len(row))]
        return fold(peaks)


def grow(edge: Edge, entries: Sequence[bytes]) -> tuple[Edge, dict[str, bytes]]:
    """The edge after these entries, and every file that is new or wider than before."""
    rows = [list(row) for row in edge.rows]
    bundle = list(edge.entries)
    files: dict[str, bytes] = {}
    size = edge.size
    done = 0
    while done < len(entries):
        # What still fits into the last bundle: one bundle and one tile of level 0 at a time, as both end together.
        part = entries[done : done + WIDTH - len(bundle)]
        bundle += part
        hashes = leaf_hashes(part)
        done, size = done + len(part), size + len(part)
        if len(bundle) == WIDTH:
            files[Tile(ENTRIES, size // WIDTH - 1).path] = encode_bundle(bundle)
            bundle = []
        _carry(rows, hashes, size, files)
    for level, row in enumerate(rows):
        if row and size >> 8 * level != edge.size >> 8 * level:
            files[Tile(level, size >> 8 * (level + 1), len(row)).path] = b"".join(row)
    if bundle and entries:
        files[Tile(ENTRIES, size // WIDTH, len(bundle)).path] = encode_bundle(bundle)
    return Edge(size, tuple(tuple(row) for row in rows), tuple(bundle)), files


def grow_hashes(edge: Edge, hashes: Sequence[bytes]) -> tuple[Edge, dict[str, bytes]]:
    """The edge after entries of which only the hashes are known, and every tile that became full.

    At most up to the end of a tile of level 0; only there may entries follow.
    """
    rows = [list(row) for row in edge.rows]
    files: dict[str, bytes] = {}
    size = edge.size + len(hashes)
    _carry(rows, hashes, size, files)
    return Edge(size, tuple(tuple(row) for row in rows)), files


def _carry(rows: list[list[bytes]], hashes: Sequence[bytes], size: int, files: dict[str, bytes]) -> None:
    """Put hashes into level 0, at most up to its end, and each tile that becomes full into the level above."""
    level = 0
    while True:
        if level == len(rows):
            rows.append([])
        row = rows[level]
        row += hashes
        if len(row) < WIDTH:
            return
        files[Tile(level, (size >> 8 * (level + 1)) - 1).path] = b"".join(row)
        hashes = (complete_root(row),)
        rows[level] = []
        level += 1


def read_edge(reader: Reader, size: int) -> Edge:
    """The right edge of a log of this size, from its partial tiles; the partial bundle must match level 0."""
    edge = read_hash_edge(reader, size)
    width = size % WIDTH
    entries = read_entries(reader, Tile(ENTRIES, size // WIDTH, width)) if width else ()
    if tuple(leaf_hash(entry) for entry in entries) != (edge.rows[0] if edge.rows else ()):
        raise VerificationFailed("right edge", f"the last entries are not those of the last tile at size {size}")
    return Edge(size, edge.rows, entries)


def read_hash_edge(reader: Reader, size: int) -> Edge:
    """The right edge without its entries: for a place where they were pruned since."""
    rows: list[tuple[bytes, ...]] = []
    for level in range(levels_of(size)):
        slots = size >> 8 * level
        width = slots % WIDTH
        rows.append(read_hashes(reader, Tile(level, slots // WIDTH, width)) if width else ())
    return Edge(size, tuple(rows))
