"""Promises are kept, or it is told: each receipt without a proof is asked for again until its entry is proved.

1. the gateway gives the receipt with its proof, and the proof's checkpoint continues what we know: done
2. no proof, and there is still time: later
3. the time is over: the log itself is read from where we knew it; if the entry is there, done
4. it is not there: `NotLogged`, and the signed promise is kept as evidence

Time is counted by our own clock alone, from when the receipt came: clocks that differ accuse nobody.
"""

from __future__ import annotations

from typing import Final

from overt.client.history import follow
from overt.client.keys import checkpoint_in, learnt
from overt.client.memory import Memory, break_, kept, owe, paid, promise
from overt.client.state import Owed, Promised
from overt.client.steps import ABSENT, OK, Course, Save, Unreadable, get, log_file, over_log
from overt.client.terms import Terms, lacking
from overt.core.receipt import Kind, Statement
from overt.errors import NotLogged, ReceiptFalse, ReceiptMissing, VerificationFailed
from overt.proof import tiles
from overt.proof.instant import utc
from overt.proof.merkle import prove_inclusion, verify_inclusion
from overt.proof.note import Checkpoint, parse_vkey
from overt.proof.receipt import Receipt, encode_receipt, open_certificate, open_promise, parse_receipt, without_secret
from overt.proof.statement import decode_entry
from overt.proof.tlogproof import decode_proof, verify_proof
from overt.proof.verify import Mark, verify_receipt

AFTER_MS: Final = 1000
"""How old a promise is before it is asked for: a log includes within a second."""
MOST: Final = 4
"""How many promises are asked for at one time; an exchange makes at most two."""
PATIENCE_MS: Final = 600_000
"""How long after its time a promise waits for a log that cannot be read at all."""


def settle(
    memory: Memory, terms: Terms, root: str, now: int, *, after: int = AFTER_MS, most: int = MOST
) -> Course[None]:
    """Ask for the oldest open promises. ``now`` is in milliseconds; ``root`` stands before ``/v1``.

    Raises `NotLogged`, `HistoryChanged`, `ReceiptFalse` and `ReceiptMissing`.
    """
    state = memory.state
    for owed in [each for each in state.owed if now - each.seen >= after][:most]:
        yield from _closed(memory, owed, root, now, terms.delay)
    for promised in [each for each in state.promised if now - each.seen >= after][:most]:
        yield from _settled(memory, terms, promised, root, now)
    yield Save()


def _settled(memory: Memory, terms: Terms, promised: Promised, root: str, now: int) -> Course[None]:
    receipt = parse_receipt(promised.receipt)
    late = now - promised.seen - delay_of(receipt)
    missing: str | None = "there is still time"
    try:
        note = yield from _proved(memory, receipt, root)
        if note is not None:
            missing = lacking(terms, note, *memory.keys)
        if missing is not None and late > 0:
            note = yield from _found(memory, receipt, promised.since, root)
            missing = "the log does not hold it" if note is None else lacking(terms, note, *memory.keys)
            if missing is not None:
                yield from _broken(memory, promised, receipt, missing)
    except Unreadable as fault:
        missing = str(fault)
        if late > PATIENCE_MS:
            yield from _broken(memory, promised, receipt, missing)
    if missing is None:
        memory.change(kept(promised))


def _proved(memory: Memory, receipt: Receipt, root: str) -> Course[bytes | None]:
    """Step 1: the checkpoint that the gateway proves it under."""
    got = yield from get(f"{root}/v1/receipts/{receipt.id}", private=True)
    if got.status != OK:
        return None
    try:
        fresh = parse_receipt(got.body)
        if fresh.leaf != receipt.leaf:
            raise VerificationFailed("entry", f"it was {receipt.leaf.hex()} before, and is {fresh.leaf.hex()} now")
        if fresh.proof is None:
            return None
        proof = decode_proof(fresh.proof.encode())
        yield from checkpoint_in(memory, proof.checkpoint, root)
        verify_proof(proof, receipt.leaf, *memory.keys)
    except VerificationFailed as failure:
        raise ReceiptFalse(f"the receipt {receipt.id!r}, fetched again for its proof: {failure}") from failure
    yield from follow(memory, proof.checkpoint, root)
    return proof.checkpoint


def _found(memory: Memory, receipt: Receipt, since: int, root: str) -> Course[bytes | None]:
    """Step 3: the log's own checkpoint, if it covers the entry."""
    note = yield from log_file(root, tiles.CHECKPOINT)
    if note is None:
        raise Unreadable("the log has no checkpoint")
    checkpoint = yield from follow(memory, note, root)
    try:
        there = yield from over_log(root, lambda read: _holds(read, checkpoint, since, receipt.leaf))
    except VerificationFailed as failure:
        raise ReceiptFalse(f"the log under {checkpoint.root.hex()} cannot be read: {failure}") from failure
    return note if there else None


def _holds(read: tiles.Reader, checkpoint: Checkpoint, since: int, leaf: bytes) -> bool:
    for tile in tiles.tiles_at(checkpoint.size, 0):
        if (tile.index + 1) * tiles.WIDTH <= since:
            continue
        hashes = tiles.read_hashes(read, tile)
        if leaf in hashes:
            index, size = tile.index * tiles.WIDTH + hashes.index(leaf), checkpoint.size
            path = prove_inclusion(index, size, tiles.hashes_in(size, tiles.rows_from(read)))
            verify_inclusion(index=index, size=size, leaf=leaf, path=path, root=checkpoint.root)
            return True
    return False


def _broken(memory: Memory, promised: Promised, receipt: Receipt, why: str) -> Course[None]:
    """Step 4."""
    memory.change(kept(promised))
    memory.change(break_(promised.receipt.decode()))
    yield Save()
    raise NotLogged(
        f"the entry of receipt {receipt.id!r} was promised within {delay_of(receipt) / 1000:g} s of "
        f"{utc(promised.seen)}, and is not proved to be in the log: {why}; the signed promise is in the client's state"
    )


def _closed(memory: Memory, owed: Owed, root: str, now: int, delay: int) -> Course[None]:
    """A stream that was left early: the receipt that closes it, or that it is missing."""
    name = f"{owed.id}.completion"
    got = yield from get(f"{root}/v1/receipts/{name}", private=True)
    if got.status == OK:
        memory.change(paid(owed))
        receipt, statement = yield from opened(memory, got.body, name, root)
        if statement.kind is not Kind.COMPLETION or statement.previous != owed.leaf:
            raise ReceiptFalse(f"the receipt {name!r} does not close the stream that was left early")
        memory.change(promise(to_keep(receipt, seen=now, since=0)))
    elif now - owed.seen > delay + (0 if got.status in ABSENT else PATIENCE_MS):
        memory.change(paid(owed))
        yield Save()
        raise ReceiptMissing(
            f"a stream was left early, and no receipt closes it after {delay / 1000:g} s: {name!r} ({got.status})"
        )


def opened(
    memory: Memory, raw: bytes, name: str, root: str, *, request: bytes | None = None, response: bytes | None = None
) -> Course[tuple[Receipt, Statement]]:
    """A receipt that verifies and has the name that was asked for. Raises `ReceiptFalse` with the step that fails."""
    yield from _key_followed(memory, raw, name, root)
    later = memory.keys
    for step in verify_receipt(raw, log_vkey=memory.log_key, request=request, response=response, later=later):
        if step.mark is Mark.FAILS:
            raise ReceiptFalse(f"the receipt {name!r} fails step {step.number} ({step.name}): {step.detail}")
    receipt = parse_receipt(raw)
    statement = decode_entry(receipt.entry)
    if receipt.id != name or not isinstance(statement, Statement):
        raise ReceiptFalse(f"the answer names the receipt {name!r}, the gateway gave {receipt.id!r}")
    return receipt, statement


def _key_followed(memory: Memory, raw: bytes, name: str, root: str) -> Course[None]:
    """Learn the key that a receipt is of, if we do not know it. What is wrong with the receipt is not said here."""
    try:
        if parse_receipt(raw).log_key not in {key.text for key in memory.keys}:
            yield from learnt(memory, root)
    except Unreadable as fault:
        raise ReceiptFalse(
            f"the receipt {name!r} is of another key than we know, and why cannot be seen: {fault}"
        ) from fault
    except VerificationFailed as failure:
        raise ReceiptFalse(f"the receipt {name!r}, or the announcements of the log's keys: {failure}") from failure


def to_keep(receipt: Receipt, *, seen: int, since: int) -> Promised:
    """What is remembered of a receipt until its entry is proved."""
    return Promised(receipt=encode_receipt(without_secret(receipt)), seen=seen, since=since)


def delay_of(receipt: Receipt) -> int:
    """How long after the promise the log may take, in milliseconds. The receipt was verified when it came."""
    _, key = open_certificate(receipt.signer, parse_vkey(receipt.log_key))
    found = open_promise(receipt.promise, key)
    return found.due - found.time


def leave(memory: Memory, receipt: Receipt, now: int) -> None:
    """A stream is left before its end: remember that its completion has to appear."""
    memory.change(owe(Owed(id=receipt.id, leaf=receipt.leaf, seen=now)))
