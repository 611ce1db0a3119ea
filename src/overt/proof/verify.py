"""Verifying a receipt, in numbered steps. The first that fails ends it; `docs/verify.md` has the same numbers.

1. form: the receipt is canonical and complete
2. log key: it is the key that the verifier was given; without one, only integrity can be shown
3. entry: it follows the schema, and has the receipt's id and the log's name
4. signer: the log key certified the receipt key
5. promise: the receipt key promised this very entry
6. times: the key was valid, and entry, promise and deadline agree
7. openings: each opened value is the one that the entry commits to
8. notice: the notice is the one that the entry names
9. request: it is the one that the entry commits to
10. response: it is the one that the entry commits to
11. proof: the entry is in the tree of a checkpoint that the log signed
12. log: the log as it is now holds the entry, and continues that checkpoint
13. limits: what was not proved
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

from overt.core.receipt import Statement
from overt.errors import VerificationFailed
from overt.proof import commit, tiles
from overt.proof.export import find
from overt.proof.instant import utc
from overt.proof.keys import keys_beside, read_latest
from overt.proof.merkle import leaf_hash, prove_consistency, prove_inclusion, verify_consistency, verify_inclusion
from overt.proof.note import Checkpoint, VerifierKey, open_checkpoint, parse_vkey
from overt.proof.policy import Policy
from overt.proof.quorum import quorum_of
from overt.proof.receipt import Openings, Promise, Receipt, open_certificate, open_promise, parse_receipt
from overt.proof.statement import decode_entry
from overt.proof.tlogproof import decode_proof, verify_proof
from overt.proof.witness import PENDING

STEPS: Final = (
    "form",
    "log key",
    "entry",
    "signer",
    "promise",
    "times",
    "openings",
    "notice",
    "request",
    "response",
    "proof",
    "log",
    "limits",
)

LIMITS: Final = (
    "not proved: that the named model really ran (a signature holds the operator to the claim, it does not check it); "
    "that every exchange got a receipt; and, without witnesses, that the log shows everybody the same history"
)


class Mark(StrEnum):
    """How a step ended. ``OPEN``: it could not be checked, or says what nobody checked."""

    HOLDS = "holds"
    FAILS = "fails"
    OPEN = "open"


@final
@dataclass(frozen=True, slots=True)
class Step:
    """One step: its number and name in the list, how it ended, and a sentence about it."""

    number: int
    name: str
    mark: Mark
    detail: str

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against it."""
        return self.mark is not Mark.FAILS


Found = tuple[Mark, str]


def verify_receipt(
    raw: bytes,
    *,
    log_vkey: str | None = None,
    request: bytes | None = None,
    response: bytes | None = None,
    fetched: tiles.Reader | None = None,
    now: int | None = None,
    witnesses: Policy | None = None,
    later: tuple[VerifierKey, ...] = (),
) -> tuple[Step, ...]:
    """All steps, or those up to the first that fails.

    ``log_vkey`` is the log's verifier key from a source other than the receipt; ``later`` are keys of the same log to
    which it leads, where the caller has followed them already (else they are read beside the log). ``request`` and
    ``response`` are the bytes on the wire. ``fetched`` reads the log. ``now`` (POSIX milliseconds) tells a late
    inclusion from a broken promise. ``witnesses`` must have cosigned the checkpoint that the log shows, or where it is
    not read the one that the receipt has.
    """
    given = _Given(log_vkey, request, response, fetched, now, witnesses, later)
    return run(STEPS, _found(raw, given))


def run(names: tuple[str, ...], found: Iterator[Found]) -> tuple[Step, ...]:
    """Number what is found; a `VerificationFailed` becomes the last step."""
    steps: list[Step] = []
    try:
        for mark, detail in found:
            steps.append(Step(len(steps) + 1, names[len(steps)], mark, detail))
    except VerificationFailed as failure:
        steps.append(Step(len(steps) + 1, names[len(steps)], Mark.FAILS, str(failure)))
    return tuple(steps)


def holds(steps: tuple[Step, ...]) -> bool:
    """Whether no step failed."""
    return all(step.ok for step in steps)


@final
@dataclass(frozen=True, slots=True)
class _Given:
    log_vkey: str | None
    request: bytes | None
    response: bytes | None
    fetched: tiles.Reader | None
    now: int | None
    witnesses: Policy | None
    later: tuple[VerifierKey, ...]

    def following(self, key: VerifierKey) -> tuple[VerifierKey, ...]:
        """A key that is trusted, and those to which it leads as far as we can see."""
        beside = (key,) if self.fetched is None else keys_beside(self.fetched, key)
        return tuple(dict.fromkeys((*beside, *self.later)))


def _found(raw: bytes, given: _Given) -> Iterator[Found]:
    receipt = parse_receipt(raw)
    yield Mark.HOLDS, f"a receipt with the id {receipt.id}"  # 1
    key, found = _log_key(receipt, given)
    yield found  # 2
    statement = _entry(receipt, key)
    yield Mark.HOLDS, _told(statement)  # 3
    certificate, receipt_key = open_certificate(receipt.signer, key)
    yield Mark.HOLDS, f"{key.name} certified the receipt key {certificate.kid} until {utc(certificate.not_after)}"  # 4
    promise = open_promise(receipt.promise, receipt_key)
    yield _promise(receipt, statement, promise, certificate.kid)  # 5
    yield _times(statement, promise, certificate.not_after)  # 6
    yield _openings(receipt.openings, statement, promise)  # 7
    yield _notice(receipt, statement)  # 8
    yield _bytes(commit.REQUEST, given.request, receipt.openings, statement)  # 9
    yield _bytes(commit.RESPONSE, given.response, receipt.openings, statement)  # 10
    keys = given.following(key)
    proved, found = _proof(receipt, keys, promise, given)
    yield found  # 11
    yield _log(receipt, keys, proved, promise, given)  # 12
    yield Mark.OPEN, LIMITS  # 13


def _log_key(receipt: Receipt, given: _Given) -> tuple[VerifierKey, Found]:
    if given.log_vkey is None:
        return parse_vkey(receipt.log_key), (
            Mark.OPEN,
            f"integrity only: the key came with the receipt ({receipt.log_key}); get the log's key from elsewhere",
        )
    trusted, key = parse_vkey(given.log_vkey), parse_vkey(receipt.log_key)
    if key == trusted:
        return key, (Mark.HOLDS, f"the key given is {given.log_vkey}")
    if key not in given.following(trusted):
        raise VerificationFailed(
            "log key", f"the receipt is of {receipt.log_key!r}, the key given is {given.log_vkey!r}"
        )
    return key, (Mark.HOLDS, f"{receipt.log_key} follows the key given, {given.log_vkey}, by its own word")


def _entry(receipt: Receipt, key: VerifierKey) -> Statement:
    entry = decode_entry(receipt.entry)
    if not isinstance(entry, Statement):
        raise VerificationFailed("entry", "it announces something, and is not about an exchange")
    if entry.id != receipt.id:
        raise VerificationFailed("entry", f"its id is {entry.id!r}, the receipt says {receipt.id!r}")
    if entry.log != key.name:
        raise VerificationFailed("entry", f"it is for the log {entry.log!r}, not {key.name!r}")
    return entry


def _told(statement: Statement) -> str:
    served = statement.served
    causes = [f"{domain} ({cause})" for domain, cause in statement.unavailable.items()]
    unchecked = f", without a finding on {', '.join(causes)}" if causes else ""
    return (
        f"{statement.kind}: {statement.requested} was requested, outcome {statement.outcome}, served by "
        f"{served.model or 'no model'} (basis: {served.basis}), policy {statement.policy}{unchecked}"
    )


def _promise(receipt: Receipt, statement: Statement, promise: Promise, kid: str) -> Found:
    if promise.leaf != receipt.leaf:
        raise VerificationFailed(
            "promise", f"it is for the leaf {promise.leaf.hex()}, the entry is {receipt.leaf.hex()}"
        )
    if promise.log != statement.log:
        raise VerificationFailed("promise", f"it is for the log {promise.log!r}, the entry for {statement.log!r}")
    if promise.kid != kid or statement.key != kid:
        raise VerificationFailed("promise", f"promise and entry name {promise.kid!r}, {statement.key!r}, not {kid!r}")
    return Mark.HOLDS, f"leaf {receipt.leaf.hex()} is promised to be in the log by {utc(promise.due)}"


def _times(statement: Statement, promise: Promise, not_after: int) -> Found:
    if promise.time > not_after:
        raise VerificationFailed("times", f"promised at {utc(promise.time)}, after the key expired at {utc(not_after)}")
    if promise.due < promise.time:
        raise VerificationFailed("times", f"promised at {utc(promise.time)} for the past {utc(promise.due)}")
    if promise.time // 60_000 * 60 != statement.minute:
        raise VerificationFailed(
            "times", f"promised at {utc(promise.time)}, but the entry is of {utc(statement.minute * 1000)}"
        )
    return Mark.HOLDS, f"promised at {utc(promise.time)}, while the key was valid"


def _openings(openings: Openings | None, statement: Statement, promise: Promise) -> Found:
    if openings is None:
        return Mark.OPEN, "not checked: the receipt holds no secret, so nothing can be opened"
    for needed in (commit.TIME, commit.CALLER):
        if needed not in openings.values:
            raise VerificationFailed("openings", f"the value of {needed!r} is missing beside the secret")
    for field, value in openings.values.items():
        if not _opens(openings.secret, field, value.encode(), statement):
            raise VerificationFailed("openings", f"the entry does not commit to {field!r} = {value!r}")
    if openings.values[commit.TIME] != str(promise.time):
        raise VerificationFailed("openings", f"time {openings.values[commit.TIME]!r} is not that of the promise")
    return Mark.HOLDS, ", ".join(f"{field} = {value}" for field, value in sorted(openings.values.items()))


def _opens(secret: bytes, field: str, value: bytes, statement: Statement) -> bool:
    commitment = statement.commitments.get(field)
    return commitment is not None and commit.opens(secret, field, value, commitment)


def _notice(receipt: Receipt, statement: Statement) -> Found:
    if statement.notice is None or receipt.notice is None:
        if (statement.notice is None) != (receipt.notice is None):
            raise VerificationFailed("notice", f"entry: {statement.notice!r}, receipt: {receipt.notice!r}")
        return Mark.HOLDS, "no notice was given, and the entry says so"
    digest = "sha256:" + hashlib.sha256(receipt.notice.encode()).hexdigest()
    if digest != statement.notice.text_digest:
        raise VerificationFailed("notice", f"its digest is {digest}, the entry says {statement.notice.text_digest}")
    return Mark.HOLDS, f"notice {statement.notice.id} in the {statement.notice.channel}: {receipt.notice}"


def _bytes(field: str, value: bytes | None, openings: Openings | None, statement: Statement) -> Found:
    if value is None:
        return Mark.OPEN, f"not checked: no {field} was given"
    if openings is None:
        raise VerificationFailed(field, "the receipt holds no secret, so nothing can be compared")
    if field not in statement.commitments:
        raise VerificationFailed(field, f"the entry commits to {sorted(statement.commitments)!r} only")
    if not _opens(openings.secret, field, value, statement):
        raise VerificationFailed(field, f"these {len(value)} bytes are not the {field} that the entry commits to")
    return Mark.HOLDS, f"the {len(value)} bytes given are the {field} that the entry commits to"


def _proof(
    receipt: Receipt, keys: tuple[VerifierKey, ...], promise: Promise, given: _Given
) -> tuple[tuple[int, Checkpoint] | None, Found]:
    if receipt.proof is None:
        return None, (Mark.OPEN, f"not checked: the receipt has no proof yet; the log has until {utc(promise.due)}")
    proof = decode_proof(receipt.proof.encode())
    if proof.extra is not None:
        raise VerificationFailed("proof", "it has an 'extra' line, which nothing authenticates")
    checkpoint = verify_proof(proof, receipt.leaf, *keys)
    detail = f"entry {proof.index} of {checkpoint.size}, under the signed root {checkpoint.root.hex()}"
    if given.witnesses is not None and given.fetched is None:
        detail += f"; {quorum_of(given.witnesses, proof.checkpoint, keys, given.now)}"
    return (proof.index, checkpoint), (Mark.HOLDS, detail)


def _log(
    receipt: Receipt,
    keys: tuple[VerifierKey, ...],
    proved: tuple[int, Checkpoint] | None,
    promise: Promise,
    given: _Given,
) -> Found:
    if given.fetched is None:
        return Mark.OPEN, "not checked: no log was given"
    note = given.fetched(tiles.CHECKPOINT)
    if note is None:
        raise VerificationFailed("log", "it has no checkpoint")
    shown = open_checkpoint(note, *keys)
    latest = _latest(given.fetched, keys, shown)
    if proved is None:
        index = find(given.fetched, latest.size, receipt.leaf)
    else:
        index = proved[0]
        verify_continues(given.fetched, proved[1], latest)
    if index is None:
        return _absent(promise, latest.size, given.now)
    hashes = tiles.hashes_in(latest.size, tiles.rows_from(given.fetched))
    path = prove_inclusion(index, latest.size, hashes)
    verify_inclusion(index=index, size=latest.size, leaf=receipt.leaf, path=path, root=latest.root)
    detail = f"entry {index} of {latest.size} in the log as it is now"
    if not _stored(given.fetched, latest.size, index, receipt.entry):
        detail += ", which holds its hash and serves the entry no more: a check of the log tells whether it says so"
    if given.witnesses is None:
        return Mark.HOLDS, detail
    told = f"{detail}; of its first {shown.size}, {quorum_of(given.witnesses, note, keys, given.now)}"
    if index < shown.size:
        return Mark.HOLDS, told
    if given.now is not None and given.now <= promise.due:
        return Mark.OPEN, f"{told}; the entry itself waits for its witnesses"
    raise VerificationFailed("log", f"{told}; the entry itself is not among them, after {utc(promise.due)}")


def _latest(reader: tiles.Reader, keys: tuple[VerifierKey, ...], shown: Checkpoint) -> Checkpoint:
    """Where witnesses are asked, the checkpoint that waits for them, which continues the one that is shown."""
    raw = reader(PENDING)
    pending = shown if raw is None else open_checkpoint(raw, *keys)
    if pending.size <= shown.size:
        return shown
    verify_continues(reader, shown, pending)
    return pending


def read_checkpoint(reader: tiles.Reader, key: VerifierKey) -> Checkpoint:
    """The latest checkpoint of a log, its signature verified: by the key, or by one to which it leads."""
    return read_latest(reader, key)


def verify_continues(reader: tiles.Reader, old: Checkpoint, new: Checkpoint) -> None:
    """Raise `VerificationFailed` unless the log at ``new`` begins with the log at ``old``."""
    path: tuple[bytes, ...] = ()
    if old.size < new.size:
        path = prove_consistency(old.size, new.size, tiles.hashes_in(new.size, tiles.rows_from(reader)))
    verify_consistency(old=old.size, new=new.size, path=path, old_root=old.root, new_root=new.root)


def _absent(promise: Promise, size: int, now: int | None) -> Found:
    if now is not None and now <= promise.due:
        return Mark.OPEN, f"not included yet among {size} entries; the log has until {utc(promise.due)}"
    raise VerificationFailed(
        "log", f"the entry is not among its {size} entries, and was promised by {utc(promise.due)}"
    )


def _stored(reader: tiles.Reader, size: int, index: int, entry: bytes) -> bool:
    """Whether the log serves the entry itself, not only its hash. A whole bundle, but the first, may be pruned."""
    number, place = divmod(index, tiles.WIDTH)
    width = tiles.width_at(size, 0, number)
    bundle = tiles.Tile(tiles.ENTRIES, number, width)
    if number and width == tiles.WIDTH and reader(bundle.path) is None:
        return False
    stored = tiles.read_entries(reader, bundle)[place]
    if stored != entry:
        raise VerificationFailed("log", f"it serves another entry at {index}: leaf {leaf_hash(stored).hex()}")
    return True
