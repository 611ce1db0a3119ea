"""How fast a log is monitored, and whether memory stays flat: a log of N made-up entries, in a process of its own each.

    python bench/monitor.py 50000 100000 200000

Entries and tiles are made when they are asked for, so that the memory measured is the monitor's: the state is an SQLite
file whose cache has at most 32 MiB.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from overt.log.monitor import Monitor, Public, Trust
from overt.log.seen import open_diary
from overt.proof import tiles
from overt.proof.note import Checkpoint, parse_vkey, sign_checkpoint
from overt.testing.clock import ManualClock
from overt.testing.log import ORIGIN, known_signer
from overt.testing.receipts import MINUTE, announcements, known_issuer, made_up

ISSUER, LOG = known_issuer(), known_signer()
FIRST = announcements(ISSUER)
TEMPLATE = made_up(ISSUER, 1).entry
MARK = b'"rcp_000001"'


def entry(index: int) -> bytes:
    """The entry at an index."""
    return FIRST[index] if index < len(FIRST) else TEMPLATE.replace(MARK, b'"rcp_%09d"' % index)


def bundle(number: int, width: int) -> list[bytes]:
    """The entries of a bundle."""
    return [entry(number * tiles.WIDTH + place) for place in range(width)]


def made(size: int) -> tuple[bytes, dict[str, bytes]]:
    """The checkpoint, and the tiles above the lowest full ones."""
    edge, kept = tiles.Edge(), dict[str, bytes]()
    for each in tiles.bundles_of(size):
        edge, files = tiles.grow(edge, bundle(each.index, each.width))
        for path, raw in files.items():
            tile = tiles.parse_path(path)
            if tile is not None and tile.level not in (tiles.ENTRIES, 0):
                kept[path] = raw
    key = parse_vkey(LOG.vkey)
    return sign_checkpoint(Checkpoint(origin=ORIGIN, size=edge.size, root=edge.root), key, LOG.sign), kept


def measure(size: int) -> None:
    """One first round."""
    note, kept = made(size)

    def read(path: str) -> bytes | None:
        if path == tiles.CHECKPOINT:
            return note
        tile = tiles.parse_path(path)
        if tile is None or tile.level not in (tiles.ENTRIES, 0):
            return kept.get(path)
        entries = bundle(tile.index, tile.width)
        return tiles.encode_bundle(entries) if tile.level == tiles.ENTRIES else b"".join(tiles.leaf_hashes(entries))

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder, open_diary(Path(folder) / "state") as diary:
        clock = ManualClock(MINUTE + 60.0)
        monitor = Monitor(diary, Public(read), Trust(keys=(parse_vkey(LOG.vkey),)), clock=clock, pause=time.sleep)
        started = time.perf_counter()
        found = monitor.round()
        took = time.perf_counter() - started
        state = (Path(folder) / "state").stat().st_size
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert found.entries == size
    assert not found.alarming
    print(
        f"{size:>9} entries  {size / took:>7.0f}/s  peak {after / 1024:6.1f} MiB, {(after - before) / 1024:5.1f} more "
        f"than before the round  state {state / size:5.1f} bytes per entry",
        flush=True,
    )


if __name__ == "__main__":
    if len(sys.argv) == 2:
        measure(int(sys.argv[1]))
    else:
        for argument in sys.argv[1:]:
            subprocess.run([sys.executable, __file__, argument], check=True)
