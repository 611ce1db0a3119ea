"""Which parts a gateway's log and store are made of, by its settings: for the gateway, and for commands that work
beside it. New kinds of queue, tile store, witness or store are chosen here and nowhere else."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from overt.config.settings import OBJECTS, LogSettings, Secret
from overt.errors import LogUnavailable, OperatorError, VerificationFailed
from overt.gateway.gossip import keep_in
from overt.gateway.places import EVIDENCE_FOLDER, KEY_FOLDER, LOG_FOLDER, STORE_FILE
from overt.log.log import TransparencyLog, close_parts, start
from overt.log.memory import FileMemory
from overt.log.parts import PENDING, Memory, Opening, Parts, TileStore
from overt.log.reading import over
from overt.log.rotation import KeyPlace, known_by_its_first, notary_of
from overt.log.shards import refuse_while_turning
from overt.log.sqlite import sqlite_parts
from overt.log.witness import ask_witnesses
from overt.ports import Signer, Store
from overt.proof.keys import keys_after
from overt.proof.note import parse_checkpoint, parse_vkey, unverified_text
from overt.proof.policy import Policy, parse_policy
from overt.proof.shards import closing_of
from overt.proof.tiles import CHECKPOINT, Reader
from overt.store.sqlite import open_store

FIRST_CHECKPOINT_SECONDS: Final = 10.0
SCHEMA: Final = "overt"
"""The PostgreSQL schema of log and store."""


def opening_of(data: Path, settings: LogSettings) -> Opening:
    """How the log of a gateway with this data folder is opened."""
    return _unless_closed(data, _any_opening(data, settings))


def opening_to_close(data: Path, settings: LogSettings) -> Opening:
    """How the log is opened by the command that closes it. Raises `OperatorError` where that must be done otherwise."""
    if settings.database is not None or settings.tiles is not None:
        raise OperatorError("only a log in the data folder can be closed by this command, none in a database or bucket")
    return _any_opening(data, settings)


def _unless_closed(data: Path, inner: Opening) -> Opening:
    """Nothing may follow the closing entry of a log, and nothing begin while its files are moved."""

    async def opening(vkey: str) -> Parts:
        refuse_while_turning(data)
        parts = await inner(vkey)
        try:
            if await over(parts.tiles, _is_closed):
                raise OperatorError(f"the log in {parts.where} is closed; run 'overt log shard' again to go on")
        except BaseException:
            await close_parts(parts)
            raise
        return parts

    return opening


def _is_closed(reader: Reader) -> bool:
    notes = [note for note in (reader(PENDING), reader(CHECKPOINT)) if note is not None]
    shown = sorted((parse_checkpoint(unverified_text(note)) for note in notes), key=lambda each: each.size)
    try:
        return bool(shown) and closing_of(reader, shown[-1]) is not None
    except VerificationFailed:
        # A log that is damaged at its end: the start that follows says what is wrong, and refuses.
        return False


def _any_opening(data: Path, settings: LogSettings) -> Opening:
    opening = known_by_its_first(key_place(data), _opening(data, settings))
    return opening if settings.witnesses is None else _cosigned(data, Path(settings.witnesses), opening)


def key_place(data: Path) -> KeyPlace:
    """Where the keys of a gateway's log are."""
    return KeyPlace(keys=data / KEY_FOLDER, log=data / LOG_FOLDER)


def _opening(data: Path, settings: LogSettings) -> Opening:
    tiles = None if settings.tiles is None else _objects(settings.tiles)
    memories: tuple[Memory, ...] = () if settings.memory is None else (_memory(settings.memory),)
    if settings.database is None or tiles is None:
        return sqlite_parts(data / LOG_FOLDER, elsewhere=tiles, memories=memories)
    return _postgres_parts(settings.database, tiles, memories, str(settings.tiles))


def _cosigned(data: Path, path: Path, inner: Opening) -> Opening:
    """The log with the witnesses of a policy file."""

    async def opening(vkey: str) -> Parts:
        entries = key_place(data).announced()
        earlier = keys_after(parse_vkey(entries[0].by), entries) if entries else ()
        keys = dict.fromkeys((parse_vkey(vkey), *earlier))
        cosigner = ask_witnesses(_policy(path), *keys, keep=keep_in(data / EVIDENCE_FOLDER))
        return replace(await inner(vkey), cosigner=cosigner)

    return opening


def _policy(path: Path) -> Policy:
    try:
        return parse_policy(path.read_bytes())
    except (OSError, VerificationFailed) as error:
        raise OperatorError(f"the file of witnesses {str(path)!r} cannot be used: {error}") from error


async def open_gateway_log(data: Path, settings: LogSettings, origin: str, signer: Signer) -> TransparencyLog:
    """The gateway's log, open; sequencing, or following another gateway that does. Raises `OperatorError` if it must
    not be written."""
    notary = notary_of(key_place(data), signer, origin)
    parts = await opening_of(data, settings)(notary.vkey)
    log = await start(parts, notary, alone=settings.database is None)
    try:
        await _first_checkpoint(log)
    except BaseException:
        await log.aclose()
        raise
    return log


async def open_gateway_store(data: Path, settings: LogSettings) -> Store:
    """The gateway's store: in the log's database, or in the data folder."""
    if settings.database is None:
        return await open_store(data / STORE_FILE)
    try:
        from overt.store.postgres import reach_store  # an optional dependency: most gateways keep a file
    except ImportError as error:
        raise _missing("postgres") from error
    return await reach_store(settings.database.reveal(), SCHEMA)


def _postgres_parts(database: Secret, tiles: TileStore, memories: tuple[Memory, ...], where: str) -> Opening:
    try:
        from overt.log.postgres import reach_queue  # an optional dependency, as above
    except ImportError as error:
        raise _missing("postgres") from error

    async def opening(vkey: str) -> Parts:
        queue = await reach_queue(database.reveal(), vkey, SCHEMA)
        return Parts(where=f"{where!r} and its database", queue=queue, tiles=tiles, memories=memories)

    return opening


def _objects(url: str) -> TileStore:
    try:
        from overt.log.objects import open_objects  # an optional dependency, as above
    except ImportError as error:
        raise _missing("s3") from error
    return open_objects(url)


def _memory(place: str) -> Memory:
    if not place.startswith(OBJECTS):
        return FileMemory(Path(place))
    try:
        from overt.log.objects import open_memory  # an optional dependency, as above
    except ImportError as error:
        raise _missing("s3") from error
    return open_memory(place)


def _missing(extra: str) -> OperatorError:
    return OperatorError(f"the settings under [log] need a library that is not installed: pip install 'overt[{extra}]'")


async def _first_checkpoint(log: TransparencyLog) -> None:
    """Of two gateways that begin a log at one moment, the one that follows waits for the other."""
    until = time.monotonic() + FIRST_CHECKPOINT_SECONDS
    while True:
        try:
            await log.checkpoint()
            return
        except LogUnavailable:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(0.05)
