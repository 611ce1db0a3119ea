"""The log on one machine: a queue in SQLite, and tiles in the same folder."""

from __future__ import annotations

from pathlib import Path

from overt.errors import LogUnavailable
from overt.log.folder import open_folder
from overt.log.log import PERIOD_SECONDS, TransparencyLog, start
from overt.log.notary import one_key
from overt.log.parts import Memory, Opening, Parts, TileStore
from overt.log.points import Reached, unwatched
from overt.log.queue import open_queue
from overt.ports import Signer

QUEUE_FILE = "log.sqlite"


def sqlite_parts(
    directory: Path,
    *,
    elsewhere: TileStore | None = None,
    memories: tuple[Memory, ...] = (),
    reached: Reached = unwatched,
) -> Opening:
    """Opens or makes the log in a folder; its tiles may lie ``elsewhere``. ``reached`` is for tests."""

    async def opening(vkey: str) -> Parts:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LogUnavailable(
                f"{str(directory)!r} cannot hold a log: {error}; choose a folder we may write"
            ) from error
        queue = await open_queue(directory / QUEUE_FILE, vkey, reached)
        tiles = open_folder(directory, reached) if elsewhere is None else elsewhere
        return Parts(where=repr(str(directory)), queue=queue, tiles=tiles, memories=memories)

    return opening


async def open_log(
    directory: Path,
    origin: str,
    signer: Signer,
    *,
    memories: tuple[Memory, ...] = (),
    period: float = PERIOD_SECONDS,
    reached: Reached = unwatched,
) -> TransparencyLog:
    """Open or make the log in a folder, repair what a crash left, and start to sequence.

    Raises `LogUnavailable` if another process writes it or if its tiles and database do not belong together, and
    `OperatorError` if the signer's key is not the log's. ``reached`` is for tests.
    """
    notary = one_key(signer, origin)
    parts = await sqlite_parts(directory, memories=memories, reached=reached)(notary.vkey)
    return await start(parts, notary, period=period, reached=reached)
