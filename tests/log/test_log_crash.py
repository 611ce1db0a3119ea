"""Nothing that was promised is lost, whatever point the process dies at, and nobody sees a log that does not hold."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from overt.errors import LogUnavailable
from overt.log.files import directory_reader
from overt.log.log import TransparencyLog
from overt.log.points import Point
from overt.log.sqlite import open_log
from overt.proof import tiles
from overt.proof.check import check_log
from overt.proof.merkle import leaf_hash
from overt.proof.note import Checkpoint, open_checkpoint, parse_vkey
from overt.proof.verify import verify_continues
from overt.testing.log import ORIGIN, known_signer
from overt.testing.receipts import announcements, known_issuer, made_up

LOG = known_signer()
ISSUER = known_issuer()
WRITER = Path(__file__).with_name("crash_writer.py")


def reopen(directory: Path, *, period: float = 0.01) -> None:
    """Open the log as after a crash, and close it in order."""

    async def again() -> None:
        log = await open_log(directory, ORIGIN, LOG, period=period)
        await log.aclose()

    asyncio.run(again())


def leaves_of(directory: Path) -> list[bytes]:
    """The leaves of a log that an outsider has checked whole."""
    reader = directory_reader(directory)
    checked = check_log(reader, LOG.vkey, full=True)
    assert checked.checkpoint is not None, checked.steps[-1]
    bundles = tiles.bundles_of(checked.checkpoint.size)
    return [leaf_hash(entry) for bundle in bundles for entry in tiles.read_entries(reader, bundle)]


def published(directory: Path) -> Checkpoint | None:
    raw = directory_reader(directory)(tiles.CHECKPOINT)
    return None if raw is None else open_checkpoint(raw, parse_vkey(LOG.vkey))


def crash(directory: Path, point: Point, count: int) -> list[bytes]:
    """Let a writer die at a point, and give the leaves that it had promised."""
    process = subprocess.run(
        [sys.executable, str(WRITER), str(directory), point, str(count)], capture_output=True, timeout=60, check=False
    )
    assert process.returncode == 9, process.stderr.decode()
    return [bytes.fromhex(line) for line in process.stdout.decode().split("\n") if len(line) == 64]


def survives(directory: Path, point: Point, count: int) -> None:
    promised = crash(directory, point, count)
    before = published(directory)
    if before is not None:
        # What readers see between the crash and the restart is already a whole log.
        assert len(leaves_of(directory)) == before.size
    reopen(directory)
    leaves = leaves_of(directory)
    assert set(promised) <= set(leaves)
    assert len(leaves) == len(set(leaves))
    if before is not None:
        after = published(directory)
        assert after is not None
        verify_continues(directory_reader(directory), before, after)
    assert not list(directory.rglob(".*.*")), "files that were being written are left behind"
    assert not (directory / "staging").exists()


@pytest.mark.parametrize("point", Point, ids=lambda point: point.name)
def test_a_process_that_dies_at_a_point_loses_nothing_promised(point: Point, tmp_path: Path) -> None:
    survives(tmp_path / "log", point, 4)


def test_a_second_crash_while_the_first_is_repaired_loses_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "log"
    promised = crash(directory, Point.COMMITTED, 3)
    for point in (Point.TILE_APPLIED, Point.APPLIED, Point.PUBLISHED):
        promised += crash(directory, point, 1)
    reopen(directory)
    assert set(promised) <= set(leaves_of(directory))


@pytest.mark.parametrize("point", Point, ids=lambda point: point.name)
def test_an_error_at_a_point_is_repaired_in_the_same_process(point: Point, tmp_path: Path) -> None:
    directory = tmp_path / "log"
    stored: list[bytes] = []
    refused = 0

    async def run() -> None:
        nonlocal refused
        armed = [0]

        def reached(now: Point) -> None:
            if now is point and armed[0]:
                armed[0] -= 1
                raise OSError(28, "No space left on device")

        log = await open_log(directory, ORIGIN, LOG, period=0.005, reached=reached)
        for entry in announcements(ISSUER):
            stored.append((await log.append(entry)).leaf)
        armed[0] = 3
        for number in range(60):
            position = await try_append(log, made_up(ISSUER, number).entry)
            refused += position is None
            stored.extend([position] if position else [])
            await asyncio.sleep(0.002)
        armed[0] = 0
        await asyncio.sleep(0.05)
        await log.append(made_up(ISSUER, 999).entry)
        await log.aclose()

    asyncio.run(run())
    leaves = leaves_of(directory)
    assert set(stored) <= set(leaves)
    assert leaf_hash(made_up(ISSUER, 999).entry) in leaves


async def try_append(log: TransparencyLog, entry: bytes) -> bytes | None:
    """The leaf, None if the log says honestly that it cannot."""
    try:
        return (await log.append(entry)).leaf
    except LogUnavailable:
        return None


def fresh(directory: Path, count: int = 300) -> None:
    """A closed log of some entries."""

    async def fill() -> None:
        log = await open_log(directory, ORIGIN, LOG, period=0.01)
        entries = [*announcements(ISSUER), *(made_up(ISSUER, number).entry for number in range(count))]
        await asyncio.gather(*(log.append(entry) for entry in entries))
        await log.aclose()

    asyncio.run(fill())


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def remove(path: Path) -> None:
    path.unlink()


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[5] ^= 1
    path.write_bytes(raw)


@pytest.mark.parametrize("damage", [cut, empty, remove], ids=lambda damage: damage.__name__)
@pytest.mark.parametrize(
    "name", ["tile/0/000", "tile/entries/000", "tile/0/001.p/47", "tile/entries/001.p/47", "tile/1/000.p/1"]
)
def test_a_torn_or_missing_tile_refuses_the_start_and_the_check(
    name: str, damage: Callable[[Path], None], tmp_path: Path
) -> None:
    directory = tmp_path / "log"
    fresh(directory)
    damage(directory / name)
    assert check_log(directory_reader(directory), LOG.vkey).checkpoint is None
    if damage is cut and name == "tile/entries/000":
        # A bundle has no fixed length and a start reads the right edge only: the check above is what finds it.
        return
    with pytest.raises(LogUnavailable):
        reopen(directory)


@pytest.mark.parametrize("name", ["tile/0/001.p/47", "tile/entries/001.p/47", "tile/1/000.p/1", "checkpoint"])
def test_a_flipped_bit_at_the_right_edge_refuses_the_start(name: str, tmp_path: Path) -> None:
    directory = tmp_path / "log"
    fresh(directory)
    flip(directory / name)
    with pytest.raises(LogUnavailable, match="does not fit its database"):
        reopen(directory)


def test_a_database_restored_from_an_earlier_day_refuses_the_start(tmp_path: Path) -> None:
    directory = tmp_path / "log"
    fresh(directory, 5)
    yesterday = (directory / "log.sqlite").read_bytes()
    fresh(directory, 9)
    for leftover in directory.glob("log.sqlite*"):
        leftover.unlink()
    (directory / "log.sqlite").write_bytes(yesterday)
    with pytest.raises(LogUnavailable, match="the database is older"):
        reopen(directory)


def test_a_lost_database_refuses_the_start(tmp_path: Path) -> None:
    directory = tmp_path / "log"
    fresh(directory, 5)
    for leftover in directory.glob("log.sqlite*"):
        leftover.unlink()
    with pytest.raises(LogUnavailable, match="the database is older"):
        reopen(directory)


def test_tiles_restored_from_an_earlier_day_refuse_the_start(tmp_path: Path) -> None:
    directory = tmp_path / "log"
    fresh(directory, 5)
    fresh(directory, 9)
    for path in ("tile/0/000.p/12", "tile/entries/000.p/12"):
        (directory / path).unlink()
    with pytest.raises(LogUnavailable, match="does not fit its database"):
        reopen(directory)


def test_a_staging_file_that_was_cut_off_was_never_committed_to_and_is_dropped(tmp_path: Path) -> None:
    directory = tmp_path / "log"
    fresh(directory, 5)
    (directory / "staging").write_bytes(b"torn")
    reopen(directory)
    assert len(leaves_of(directory)) == 8
    assert not (directory / "staging").exists()
