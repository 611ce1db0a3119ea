"""Fault row 19: the log's key is replaced in the middle of a batch; what was promised before still verifies."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import final

import pytest

from overt.errors import LogUnavailable, OperatorError, VerificationFailed
from overt.log.files import directory_reader
from overt.log.include import include_in
from overt.log.keys import log_signer, read_signer, signer_of
from overt.log.log import TransparencyLog, start
from overt.log.parts import Prove
from overt.log.points import Point, Reached, unwatched
from overt.log.rotation import KEY_FILE, NEXT_FILE, KeyPlace, begin, finish, known_by_its_first, notary_of
from overt.log.sqlite import sqlite_parts
from overt.proof.check import check_log
from overt.proof.keys import KEYS, announce_log_key, decode_keys, encode_keys, keys_after
from overt.proof.note import open_signed, parse_vkey
from overt.proof.receipt import encode_receipt, with_proof
from overt.proof.tiles import CHECKPOINT
from overt.proof.verify import holds, verify_receipt
from overt.testing.receipts import MINUTE, announcements, known_issuer, made_up

ORIGIN = "log.example/rotated"


def place_in(folder: Path) -> KeyPlace:
    place = KeyPlace(keys=folder / "keys", log=folder / "log")
    log_signer(place.keys / KEY_FILE, ORIGIN)
    return place


async def opened(place: KeyPlace, reached: Reached = unwatched) -> TransparencyLog:
    """As a gateway opens it at its start."""
    notary = notary_of(place, read_signer(place.keys / KEY_FILE), ORIGIN)
    opening = known_by_its_first(place, sqlite_parts(place.log, reached=reached))
    return await start(await opening(notary.vkey), notary, period=0.01, reached=reached)


async def include(place: KeyPlace, entry: bytes) -> None:
    notary = notary_of(place, read_signer(place.keys / KEY_FILE), ORIGIN)
    await include_in(known_by_its_first(place, sqlite_parts(place.log)), notary, entry)


async def begun(place: KeyPlace) -> str:
    """The vkey of the key that follows."""

    async def put(entry: bytes) -> None:
        await include(place, entry)

    return (await begin(place, read_signer(place.keys / KEY_FILE), MINUTE, put)).vkey


def signers_of(place: KeyPlace, *vkeys: str) -> list[bool]:
    raw = (place.log / CHECKPOINT).read_bytes()
    keys = [parse_vkey(vkey) for vkey in vkeys]
    note = open_signed(raw, keys)
    return [note.is_signed_by(key) for key in keys]


@pytest.mark.parametrize("point", [Point.STAGED, Point.ADVANCED, Point.COMMITTED, Point.TILE_APPLIED, Point.APPLIED])
def test_a_rotation_in_the_middle_of_a_batch_leaves_one_history_and_every_receipt_valid(
    point: Point, tmp_path: Path
) -> None:
    place = place_in(tmp_path)
    old = read_signer(place.keys / KEY_FILE)
    issuer = known_issuer(old)
    exchanges = [made_up(issuer, number) for number in range(6)]

    async def run() -> None:
        log = await opened(place)
        for entry in [*announcements(issuer), *(each.entry for each in exchanges[:3])]:
            await log.append(entry)
        await log.aclose()

        gone: list[Point] = []

        def fail(reached: Point) -> None:
            if gone or reached is point:
                gone.append(reached)
                raise OSError("the power is gone")

        log = await opened(place, fail)
        await asyncio.gather(*(log.append(each.entry) for each in exchanges[3:]))
        with pytest.raises(LogUnavailable):
            await log.aclose()
        remembered = check_log(directory_reader(place.log), old.vkey).checkpoint

        new = await begun(place)
        assert signers_of(place, old.vkey, new) == [True, True]
        log = await opened(place)
        proofs = [await log.proof(each.receipt.leaf) for each in exchanges]
        await log.aclose()
        for vkey in (old.vkey, new):
            checked = check_log(directory_reader(place.log), vkey, previous=remembered, full=True)
            assert holds(checked.steps), checked.steps[-1]

        finish(place, (place.log / CHECKPOINT).read_bytes())
        log = await opened(place)
        assert log.vkey == new
        later = made_up(known_issuer(read_signer(place.keys / KEY_FILE)), 7)
        await log.append(later.entry)
        fresh = await log.wait(exchanges[0].receipt.leaf, 5)
        await log.aclose()
        assert signers_of(place, old.vkey, new) == [False, True]
        assert fresh is not None

        reader = directory_reader(place.log)
        for each, proof in zip(exchanges, proofs, strict=True):
            assert proof is not None
            raw = encode_receipt(with_proof(each.receipt, proof))
            assert holds(verify_receipt(raw, log_vkey=old.vkey)), "a proof that was kept needs nothing more"
            steps = verify_receipt(raw, log_vkey=old.vkey, fetched=reader, request=each.request)
            assert holds(steps), steps[-1]
        steps = verify_receipt(
            encode_receipt(with_proof(exchanges[0].receipt, fresh)), log_vkey=old.vkey, fetched=reader
        )
        assert holds(steps), steps[-1]
        assert holds(check_log(reader, old.vkey, previous=remembered, full=True).steps)
        assert not holds(check_log(lambda path: None if path == KEYS else reader(path), old.vkey).steps)

    asyncio.run(run())


def test_each_step_is_done_again_without_harm_and_a_second_rotation_follows_the_first(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    first = read_signer(place.keys / KEY_FILE).vkey

    async def turn() -> str:
        new = await begun(place)
        assert await begun(place) == new, "a rotation that is begun goes on"
        await (await opened(place)).aclose()
        kept = finish(place, (place.log / CHECKPOINT).read_bytes())
        assert kept.exists()
        with pytest.raises(OperatorError, match="no rotation was begun"):
            finish(place, (place.log / CHECKPOINT).read_bytes())
        await (await opened(place)).aclose()
        return new

    second, third = asyncio.run(turn()), asyncio.run(turn())
    assert [key.text for key in keys_after(parse_vkey(first), place.announced())] == [first, second, third]
    assert holds(check_log(directory_reader(place.log), first, full=True).steps)
    assert not (place.keys / NEXT_FILE).exists()


def test_a_key_is_not_put_to_use_before_it_has_signed(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    used = read_signer(place.keys / KEY_FILE).vkey

    async def run() -> None:
        log = await opened(place)
        await log.append(b"entry")
        await log.aclose()
        shown = (place.log / CHECKPOINT).read_bytes()
        await begun(place)
        with pytest.raises(OperatorError, match="signed no checkpoint yet"):
            finish(place, shown)

    asyncio.run(run())
    assert read_signer(place.keys / KEY_FILE).vkey == used


def test_a_crash_after_the_key_was_made_and_before_it_was_announced_leaves_the_old_one_alone(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    used = read_signer(place.keys / KEY_FILE).vkey

    async def lost(entry: bytes) -> None:
        raise LogUnavailable(f"the log is gone, and {entry!r} with it")

    async def run() -> None:
        with pytest.raises(LogUnavailable):
            await begin(place, read_signer(place.keys / KEY_FILE), MINUTE, lost)
        (place.log / KEYS).unlink()
        await (await opened(place)).aclose()
        assert signers_of(place, used) == [True]
        with pytest.raises(VerificationFailed):
            signers_of(place, read_signer(place.keys / NEXT_FILE).vkey)

    asyncio.run(run())


def test_only_a_key_of_the_same_log_that_the_old_key_signed_is_followed() -> None:
    old, stranger, third = (signer_of(ORIGIN, bytes([number]) * 32) for number in (1, 2, 3))
    by_old = announce_log_key(by=old.vkey, sign=old.sign, vkey=third.vkey, minute=MINUTE)
    by_stranger = announce_log_key(by=stranger.vkey, sign=stranger.sign, vkey=third.vkey, minute=MINUTE)
    trusted = parse_vkey(old.vkey)
    assert [key.text for key in keys_after(trusted, (by_old,))] == [old.vkey, third.vkey]
    assert keys_after(trusted, (by_stranger,)) == (trusted,)
    raw = encode_keys((by_old,))
    assert decode_keys(raw) == (by_old,)
    with pytest.raises(VerificationFailed):
        decode_keys(raw.replace(str(MINUTE).encode(), str(MINUTE + 60).encode()))
    with pytest.raises(VerificationFailed):
        decode_keys(raw.removesuffix(b"\n"))
    with pytest.raises(VerificationFailed):
        announce_log_key(by=old.vkey, sign=stranger.sign, vkey=third.vkey, minute=MINUTE)


@final
class _Gone:
    """Witnesses that never answer."""

    async def cosign(self, note: bytes, prove: Prove) -> bytes | None:
        del note, prove
        return None

    async def aclose(self) -> None:
        return


def test_a_checkpoint_by_one_key_of_two_is_not_taken_for_a_cosigned_one(tmp_path: Path) -> None:
    place = place_in(tmp_path)

    async def run() -> int:
        log = await opened(place)
        await log.append(b"first")
        await log.aclose()
        single = (place.log / CHECKPOINT).read_bytes()
        await begun(place)
        (place.log / CHECKPOINT).write_bytes(single)
        notary = notary_of(place, read_signer(place.keys / KEY_FILE), ORIGIN)
        parts = await known_by_its_first(place, sqlite_parts(place.log))(notary.vkey)
        log = await start(replace(parts, cosigner=_Gone()), notary, period=0.01)
        await log.append(b"second")
        await log.aclose()
        return notary.open((place.log / CHECKPOINT).read_bytes()).size

    assert asyncio.run(run()) == 3, "readers see what no witness has cosigned, as before"
