"""Receipts and logs under a policy: verified if the quorum cosigned, and only then."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass

import pytest

from overt.log.keys import SeedSigner, signer_of
from overt.log.log import start
from overt.log.notary import one_key
from overt.proof.check import check_log
from overt.proof.cosign import CosignerKey, cosign
from overt.proof.note import parse_vkey, unverified_text, with_lines
from overt.proof.policy import Policy, parse_policy
from overt.proof.receipt import Receipt, encode_receipt, with_proof
from overt.proof.tiles import CHECKPOINT
from overt.proof.verify import Mark, Step, verify_receipt
from overt.proof.witness import PENDING
from overt.testing.contracts.log import included
from overt.testing.log import known_signer
from overt.testing.parts import SharedFiles, SharedRows, memory_parts
from overt.testing.receipts import TIME, announcements, known_issuer, made_up

LOG = known_signer()
NOW = TIME + 1000
LATE = TIME + 3_600_000


def witness(name: str) -> SeedSigner:
    return signer_of(f"witness.test/{name}", hashlib.sha256(name.encode()).digest())


def key_of(name: str) -> CosignerKey:
    key = parse_vkey(witness(name).vkey)
    return CosignerKey(name=key.name, public=key.public)


def policy(quorum: str = "group g 2 w1 w2 w3\nquorum g\n") -> Policy:
    lines = [f"witness {name} {key_of(name).text}\n" for name in ("w1", "w2", "w3")]
    return parse_policy("".join([f"log {LOG.vkey}\n", *lines, quorum]).encode())


def cosigned(note: bytes, *names: str, time: int = TIME // 1000) -> bytes:
    text = unverified_text(note)
    return with_lines(note, [cosign(text, key_of(name), time, witness(name).sign) for name in names])


@dataclass(frozen=True, kw_only=True)
class World:
    """A log's files, with its checkpoint when only the first exchange was in it, and the receipts of two."""

    files: dict[str, bytes]
    before: bytes
    first: Receipt
    second: Receipt

    @property
    def latest(self) -> bytes:
        return self.files[CHECKPOINT]

    def verified(self, receipt: Receipt, files: dict[str, bytes] | None, now: int, under: Policy | None) -> list[Step]:
        fetched = None if files is None else (self.files | files).get
        raw = encode_receipt(receipt)
        return list(verify_receipt(raw, log_vkey=LOG.vkey, fetched=fetched, now=now, witnesses=under))


@pytest.fixture(scope="module")
def world() -> World:
    files, issuer = SharedFiles(), known_issuer()

    async def run() -> World:
        log = await start(memory_parts(SharedRows(), files), one_key(LOG), period=0.01)
        for entry in announcements(issuer):
            await log.append(entry)
        receipts: list[Receipt] = []
        notes: list[bytes] = []
        for number in range(2):
            exchange = made_up(issuer, number)
            proof = await included(log, (await log.append(exchange.entry)).leaf)
            receipts.append(with_proof(exchange.receipt, proof))
            notes.append(files.files[CHECKPOINT])
        await log.aclose()
        return World(files=dict(files.files), before=notes[0], first=receipts[0], second=receipts[1])

    return asyncio.run(run())


def replaced(receipt: Receipt, old: bytes, new: bytes) -> Receipt:
    """The receipt with another note in its proof."""
    assert receipt.proof is not None
    assert old.decode() in receipt.proof
    return with_proof(receipt, receipt.proof.replace(old.decode(), new.decode()).encode())


def test_a_receipt_whose_checkpoint_has_the_quorum_verifies_offline(world: World) -> None:
    receipt = replaced(world.first, world.before, cosigned(world.before, "w1", "w3"))
    step = world.verified(receipt, None, NOW, policy())[10]
    assert step.mark is Mark.HOLDS
    assert "the quorum 'g' is met: cosigned by w1 (2026-10-26T" in step.detail
    assert "w3 (" in step.detail


@pytest.mark.parametrize(
    ("names", "ahead", "says"),
    [
        ((), 0, "cosigned by no witness"),
        (("w2",), 0, "cosigned by w2 ("),
        (("w1", "w2", "w3"), 3600, "in the future"),
    ],
)
def test_without_the_quorum_it_does_not(world: World, names: tuple[str, ...], ahead: int, says: str) -> None:
    note = cosigned(world.before, *names, time=TIME // 1000 + ahead)
    last = world.verified(replaced(world.first, world.before, note), None, NOW, policy())[-1]
    assert (last.number, last.mark) == (11, Mark.FAILS)
    assert "the quorum 'g' is not met" in last.detail
    assert says in last.detail


def test_with_the_log_at_hand_its_own_checkpoint_must_have_the_quorum(world: World) -> None:
    good = world.verified(world.second, {CHECKPOINT: cosigned(world.latest, "w1", "w2")}, LATE, policy())
    assert [good[-1].number, good[-2].mark] == [13, Mark.HOLDS]
    assert "the quorum 'g' is met" in good[-2].detail
    bad = world.verified(world.second, {CHECKPOINT: cosigned(world.latest, "w1")}, LATE, policy())
    assert (bad[-1].number, bad[-1].mark) == (12, Mark.FAILS)


def test_an_entry_that_waits_for_its_witnesses_is_open_until_its_time_is_up(world: World) -> None:
    waiting = {CHECKPOINT: cosigned(world.before, "w1", "w2"), PENDING: world.latest}
    assert world.verified(world.second, waiting, LATE, None)[11].mark is Mark.HOLDS
    early = world.verified(world.second, waiting, NOW, policy())[11]
    assert early.mark is Mark.OPEN
    assert "waits for its witnesses" in early.detail
    late = world.verified(world.second, waiting, LATE, policy())[11]
    assert late.mark is Mark.FAILS
    assert world.verified(world.first, waiting, LATE, policy())[11].mark is Mark.HOLDS


def test_a_pending_checkpoint_that_the_log_did_not_sign_is_found(world: World) -> None:
    tampered = {CHECKPOINT: world.before, PENDING: world.latest.replace(b"\n5\n", b"\n6\n")}
    last = world.verified(world.second, tampered, LATE, None)[-1]
    assert (last.number, last.mark) == (12, Mark.FAILS)


def test_without_a_quorum_in_the_policy_the_line_says_so(world: World) -> None:
    step = world.verified(world.first, None, NOW, policy("quorum none\n"))[10]
    assert step.mark is Mark.HOLDS
    assert "others may be shown another history" in step.detail


def test_a_policy_for_another_log_is_no_policy_for_this_one(world: World) -> None:
    other = parse_policy(f"log {signer_of('other.test/log', bytes(32)).vkey}\nquorum none\n".encode())
    last = world.verified(world.first, None, NOW, other)[-1]
    assert (last.number, last.mark) == (11, Mark.FAILS)
    assert "does not list the log" in last.detail


@pytest.mark.parametrize(("names", "mark"), [(("w1", "w2"), Mark.HOLDS), (("w1",), Mark.FAILS), ((), Mark.FAILS)])
def test_a_log_is_checked_under_a_policy(world: World, names: tuple[str, ...], mark: Mark) -> None:
    files = world.files | {CHECKPOINT: cosigned(world.latest, *names)}
    checked = check_log(files.get, LOG.vkey, witnesses=policy(), now=NOW)
    assert checked.steps[0].mark is mark
    assert (checked.checkpoint is not None) is (mark is Mark.HOLDS)
