"""The nodes of recently used tiles, so that a proof does not hash 255 nodes anew for each tile on its way."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, final

from overt.proof.tiles import Reader, Rows, Tile, read_hashes, rows_of

MOST_TILES: Final = 256
"""Some 33 KiB each in memory."""


@final
class RowCache:
    """Gives a tile's nodes; forgets the tile that was used least recently. Belongs to one thread."""

    def __init__(self, reader: Reader, most: int = MOST_TILES) -> None:
        self._reader = reader
        self._most = most
        self._known: OrderedDict[Tile, Rows] = OrderedDict()

    def __call__(self, tile: Tile) -> Rows:
        if tile in self._known:
            self._known.move_to_end(tile)
            return self._known[tile]
        rows = rows_of(read_hashes(self._reader, tile))
        self._known[tile] = rows
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return rows
