"""From one shard of a gateway's log to the next: `overt.log.shards`, with what the gateway carries over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from overt.gateway.activate import Home
from overt.gateway.logs import opening_to_close
from overt.gateway.releases import changing, read_pointer, write_pointer
from overt.log.keys import read_signer
from overt.log.rotation import KEY_FILE
from overt.log.shards import SHARDS, TURNING, Turn, turn
from overt.ports import Clock
from overt.proof.note import Checkpoint, parse_vkey
from overt.proof.statement import Announcement, Subject, encode_entry


async def turn_log(home: Home, origin: str, clock: Clock) -> tuple[str, Checkpoint]:
    """Close the log of a gateway that does not run, and begin the next, of this origin, in its place.

    The release in use is announced in the next log, and the pointer rests on that from then on. Gives the name under
    which the old log is kept, and its final checkpoint.
    """
    name = _name(home)
    memory = home.kept.memory
    the = Turn(
        data=home.data,
        place=home.place,
        opening=opening_to_close(home.data, home.kept),
        origin=origin,
        name=name,
        memory=None if memory is None else Path(memory),
    )

    def carried(minute: int) -> tuple[bytes, ...]:
        entry = _announcement(home, origin, minute)
        return () if entry is None else (entry,)

    def settle(minute: int) -> None:
        pointer, entry = read_pointer(home.releases), _announcement(home, origin, minute)
        if pointer.active is not None and entry is not None:
            write_pointer(home.releases, replace(pointer, active=replace(pointer.active, entry=entry)))

    with changing(home.releases):
        return name, await turn(the, int(clock.now()) // 60 * 60, carried, settle)


def _name(home: Home) -> str:
    """The last word of the old log's origin; of a turn that is under way, the one that was chosen."""
    turning = home.data / SHARDS / TURNING
    if turning.exists():
        return turning.read_text().partition(" ")[0]
    return parse_vkey(read_signer(home.place.keys / KEY_FILE).vkey).name.rpartition("/")[2]


def _announcement(home: Home, origin: str, minute: int) -> bytes | None:
    active = read_pointer(home.releases).active
    if active is None:
        return None
    return encode_entry(
        Announcement(
            subject=Subject.CLASSIFIER,
            log=origin,
            minute=minute,
            name=active.name,
            version=active.version,
            digest=active.digest,
        )
    )
