"""A power cut at any call to the disk loses nothing that was promised; a disk that lies is noticed at the start."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from overt.errors import LogUnavailable
from overt.log.files import directory_reader
from overt.log.folder import open_folder
from overt.log.log import start
from overt.log.notary import one_key
from overt.log.parts import Parts
from overt.log.points import unwatched
from overt.log.queue import open_queue
from overt.log.sqlite import QUEUE_FILE, open_log
from overt.proof import tiles
from overt.proof.merkle import leaf_hash
from overt.proof.note import Checkpoint, open_checkpoint, parse_vkey
from overt.proof.verify import verify_continues
from overt.testing.disk import ForgetfulDisk
from overt.testing.log import ORIGIN, known_signer

LOG = known_signer()
KEY = parse_vkey(LOG.vkey)
ROUNDS = 6


async def until_the_cut(folder: Path, disk: ForgetfulDisk) -> tuple[list[bytes], list[Checkpoint]]:
    """The leaves that were promised and the checkpoints that were shown while there was power."""
    promised: list[bytes] = []
    shown: list[Checkpoint] = []
    queue = await open_queue(folder / QUEUE_FILE, LOG.vkey, unwatched)
    parts = Parts(where="here", queue=queue, tiles=open_folder(folder, unwatched, disk))
    try:
        log = await start(parts, one_key(LOG, ORIGIN), period=0.002)
    except LogUnavailable:
        return promised, shown
    try:
        for number in range(ROUNDS):
            batch = [b"%d of %d" % (each, number) for each in range(60)]
            promised += [position.leaf for position in await asyncio.gather(*(log.append(each) for each in batch))]
            shown.append(open_checkpoint(await log.checkpoint(), KEY))
            await asyncio.sleep(0.006)
        await log.aclose()
    except LogUnavailable:
        shown.append(open_checkpoint(await log.checkpoint(), KEY))
    finally:
        if not log._closing:
            with pytest.raises(LogUnavailable):
                await log.aclose()
    return promised, shown


def leaves_after(folder: Path, shown: list[Checkpoint]) -> set[bytes]:
    """Restart with power, and read the whole log as an outsider who remembers."""

    async def again() -> None:
        log = await open_log(folder, ORIGIN, LOG, period=0.002)
        await log.aclose()

    asyncio.run(again())
    reader = directory_reader(folder)
    note = reader(tiles.CHECKPOINT)
    assert note is not None
    now = open_checkpoint(note, KEY)
    for before in shown:
        verify_continues(reader, before, now)
    entries = [entry for bundle in tiles.bundles_of(now.size) for entry in tiles.read_entries(reader, bundle)]
    edge, _ = tiles.grow(tiles.Edge(), entries)
    assert edge.root == now.root
    assert len(entries) == len(set(entries))
    return {leaf_hash(entry) for entry in entries}


@pytest.mark.parametrize("power", range(1, 122, 5))
def test_what_was_promised_before_a_power_cut_is_there_after_it(power: int, tmp_path: Path) -> None:
    disk = ForgetfulDisk(power)
    promised, shown = asyncio.run(until_the_cut(tmp_path, disk))
    disk.lose(random.Random(power))
    assert set(promised) <= leaves_after(tmp_path, shown)


def test_a_disk_that_lies_about_syncs_is_noticed_and_never_leads_to_a_second_history(tmp_path: Path) -> None:
    refused = 0
    for power in range(12, 132, 15):
        folder = tmp_path / str(power)
        folder.mkdir()
        disk = ForgetfulDisk(power, lies=True)
        promised, shown = asyncio.run(until_the_cut(folder, disk))
        disk.lose(random.Random(power))
        try:
            assert set(promised) <= leaves_after(folder, shown)
        except LogUnavailable:
            refused += 1
    assert refused >= 3


def test_a_disk_with_power_is_like_any_other(tmp_path: Path) -> None:
    disk = ForgetfulDisk()
    promised, shown = asyncio.run(until_the_cut(tmp_path, disk))
    assert len(promised) == 60 * ROUNDS
    assert disk.calls > 60
    disk.lose(random.Random(0))
    assert set(promised) == leaves_after(tmp_path, shown)
