"""Ending a log and going on in a new one, on one machine while no gateway runs.

    closed     all that waits is included; a last entry names the tree and the key of the next log
    opened     the next log is made beside it, under ``shards/next``; its first entry names the final tree
    moved      the old log and its keys go to ``shards/NAME``, the next ones take their place

An entry names its log when it is made, so the log is chosen at the append, and a log is closed only when nothing waits
for it. Each step is done again without harm. While files are moved a note says so (`TURNING`), and no gateway starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from overt.errors import LogUnavailable, OperatorError
from overt.log.files import directory_reader, make_folders, sync_folder, write_durably
from overt.log.include import include_in
from overt.log.keys import SeedSigner, log_signer, read_signer
from overt.log.log import start
from overt.log.parts import PENDING, Notary, Opening
from overt.log.rotation import KEY_FILE, NEXT_FILE, KeyPlace, notary_of
from overt.log.sqlite import open_log
from overt.proof.keys import read_latest
from overt.proof.note import Checkpoint, parse_vkey
from overt.proof.shards import closing_of, verify_link
from overt.proof.statement import ShardClose, ShardOpen, encode_entry
from overt.proof.tiles import CHECKPOINT

SHARDS: Final = "shards"
TURNING: Final = "turning"
_NEXT: Final = "next"
_RECEIPT_KEY: Final = "receipts.key"
Carried = Callable[[int], tuple[bytes, ...]]
"""The entries that the next log needs because the gateway goes on with what they announce; of this minute."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """From one log to the next: ``origin`` is the new one's, ``name`` that of the folder for the old one."""

    data: Path
    place: KeyPlace
    opening: Opening
    origin: str
    name: str
    memory: Path | None = None

    @property
    def shards(self) -> Path:
        """Where closed logs are."""
        return self.data / SHARDS

    @property
    def fresh(self) -> KeyPlace:
        """Where the next log is made."""
        return KeyPlace(keys=self.shards / _NEXT / "keys", log=self.shards / _NEXT / "log")


def refuse_while_turning(data: Path) -> None:
    """Raise `OperatorError` while a turn is not finished."""
    if (data / SHARDS / TURNING).exists():
        raise OperatorError(
            f"the log in {str(data)!r} is between two shards; run the same 'overt log shard' again to finish it"
        )


def closed_logs(data: Path) -> dict[str, Path]:
    """The folders of closed logs, by name."""
    return {path.parent.name: path for path in sorted((data / SHARDS).glob("*/log")) if path.parent.name != _NEXT}


async def turn(the: Turn, minute: int, carried: Carried, settle: Callable[[int], None]) -> Checkpoint:
    """Close the log, begin the next with what is ``carried`` over after its first entry, and put it in the old one's
    place. ``settle`` is called when both are in their places. Both get the minute of the turn.

    Gives the final checkpoint of the log that was closed.
    """
    begun = _begun(the)
    if begun is None:
        old = _old_key(the)
        signer = log_signer(the.fresh.keys / KEY_FILE, the.origin)
        notary = notary_of(the.place, old, parse_vkey(old.vkey).name)
        final_ = await _close(the, notary, signer, minute)
        await _open(the, notary, signer, final_, minute, carried(minute))
        write_durably(the.shards / TURNING, f"{the.name} {minute}\n".encode())
        begun = minute
    _move(the)
    return _checked(the, begun, settle)


def _begun(the: Turn) -> int | None:
    """The minute of a turn whose files are being moved, None if none is."""
    path = the.shards / TURNING
    if not path.exists():
        return None
    name, _, minute = path.read_text().strip().partition(" ")
    if name != the.name:
        raise OperatorError(f"another turn is not finished: that of the log {name!r}, not of {the.name!r}")
    return int(minute)


def _old_key(the: Turn) -> SeedSigner:
    if (the.place.keys / NEXT_FILE).exists():
        raise OperatorError("the log's key is being replaced; finish that first: 'overt log rotate finish'")
    if (the.shards / the.name).exists() or the.name == _NEXT:
        raise OperatorError(f"there is a closed log {the.name!r} already; the last word of an origin must be new")
    old = read_signer(the.place.keys / KEY_FILE)
    if parse_vkey(old.vkey).name == the.origin:
        raise OperatorError(f"the log is {the.origin!r} already; give the origin of the next one")
    return old


async def _close(the: Turn, notary: Notary, signer: SeedSigner, minute: int) -> Checkpoint:
    """Include what waits, and close. A log that was closed already, for the same next one, stays as it is."""
    before = await _drained(the, notary)
    closing = closing_of(directory_reader(the.place.log), before)
    if closing is None:
        last = ShardClose(log=notary.origin, minute=minute, size=before.size, root=before.root, next=signer.vkey)
        proof = await include_in(the.opening, notary, encode_entry(last))
        if proof.index != before.size:
            raise LogUnavailable("another process put an entry behind the closing one; stop it, and tell your readers")
    elif closing.next != signer.vkey:
        raise OperatorError(f"the log was closed for {closing.next!r} already, whose key is not in {the.fresh.keys}")
    return await _drained(the, notary)


async def _drained(the: Turn, notary: Notary) -> Checkpoint:
    """The checkpoint under which everything lies, cosigned where witnesses are asked."""
    await (await start(await the.opening(notary.vkey), notary)).aclose()
    reader = directory_reader(the.place.log)
    shown = notary.open(reader(CHECKPOINT) or b"")
    pending = reader(PENDING)
    if pending is not None and notary.open(pending).size > shown.size:
        raise LogUnavailable("the witnesses have not cosigned the last checkpoint; see to them, and do it again")
    return shown


async def _open(
    the: Turn, notary: Notary, signer: SeedSigner, final_: Checkpoint, minute: int, entries: tuple[bytes, ...]
) -> None:
    log = await open_log(the.fresh.log, the.origin, signer)
    try:
        if not int((await log.checkpoint()).split(b"\n")[1]):
            first = ShardOpen(log=the.origin, minute=minute, size=final_.size, root=final_.root, previous=notary.vkey)
            await log.append(encode_entry(first))
        for entry in entries:
            await log.append(entry)
    finally:
        await log.aclose()
    verify_link(directory_reader(the.place.log), parse_vkey(notary.vkey), directory_reader(the.fresh.log))


def _move(the: Turn) -> None:
    kept = the.shards / the.name
    make_folders(the.data, [kept / "keys"])
    moves = [
        (the.place.log, kept / "log"),
        (the.place.keys / KEY_FILE, kept / "keys" / KEY_FILE),
        (the.place.keys / _RECEIPT_KEY, kept / "keys" / _RECEIPT_KEY),
        (the.fresh.log, the.place.log),
        (the.fresh.keys / KEY_FILE, the.place.keys / KEY_FILE),
    ]
    if the.memory is not None:
        moves.append((the.memory, the.memory.with_name(f"{the.memory.name}.{the.name}")))
    for source, target in moves:
        # Never over a file that is there: what was moved before a crash is not moved again.
        if source.exists() and not target.exists():
            source.rename(target)
            sync_folder(source.parent)
            sync_folder(target.parent)
    (kept / "keys").chmod(0o700)


def _checked(the: Turn, minute: int, settle: Callable[[int], None]) -> Checkpoint:
    """Only when both logs are in their places and fit is the turn over."""
    old = directory_reader(the.shards / the.name / "log")
    key = parse_vkey(read_signer(the.shards / the.name / "keys" / KEY_FILE).vkey)
    link = verify_link(old, key, directory_reader(the.place.log))
    if link.next.text != read_signer(the.place.keys / KEY_FILE).vkey:
        raise OperatorError(
            f"the key in {str(the.place.keys)!r} is not that of the log that goes on: {link.next.text!r}"
        )
    settle(minute)
    (the.shards / TURNING).unlink(missing_ok=True)
    sync_folder(the.shards)
    return read_latest(old, key)
