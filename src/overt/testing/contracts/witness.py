"""What every witness keeps (C2SP tlog-witness).

Each check takes a way to open one fresh witness, and again if it likes: its address while it is open. It must trust the
log of `known_signer`, and no other, and have the key that is given."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

import aiohttp

from overt.proof.cosign import CosignerKey, read_cosignatures
from overt.proof.merkle import hashes_of, leaf_hash, prove_consistency, root
from overt.proof.note import Checkpoint, open_signed, parse_vkey, sign_checkpoint, unverified_text
from overt.proof.witness import (
    PATH,
    SIZE_TYPE,
    AddCheckpoint,
    checkpoint_path,
    decode_size,
    encode_add_checkpoint,
)
from overt.testing.log import ORIGIN, known_signer

Open = Callable[[], AbstractAsyncContextManager[str]]
Check = Callable[[Open, CosignerKey], Coroutine[object, object, None]]

LEAVES: Final = tuple(leaf_hash(b"%d" % number) for number in range(40))
FORK: Final = (*LEAVES[:5], leaf_hash(b"other"), *LEAVES[6:])
"""Another history, from the sixth entry on."""
_CLOCKS_SECONDS: Final = 60


def question(old: int, new: int, leaves: Sequence[bytes] = LEAVES, *, origin: str = ORIGIN) -> bytes:
    """The body that asks to cosign ``new`` entries after ``old`` of a history."""
    path = prove_consistency(old, new, hashes_of(leaves)) if 0 < old < new else ()
    return encode_add_checkpoint(AddCheckpoint(old=old, path=path, note=signed(new, leaves, origin=origin)))


def signed(size: int, leaves: Sequence[bytes] = LEAVES, *, origin: str = ORIGIN) -> bytes:
    """A checkpoint of a history, signed by the log that everybody knows."""
    signer = known_signer(origin)
    state = Checkpoint(origin=origin, size=size, root=root(list(leaves[:size])))
    return sign_checkpoint(state, parse_vkey(signer.vkey), signer.sign)


async def a_state_that_continues_the_last_one_is_cosigned(open_witness: Open, key: CosignerKey) -> None:
    """By its key, now; and again at the same size."""
    async with open_witness() as url:
        for old, new in ((0, 0), (0, 6), (6, 8), (8, 8), (8, 40)):
            status, _, body = await _add(url, question(old, new))
            assert status == 200, (old, new, body)
            (cosignature,) = read_cosignatures(body, unverified_text(signed(new)), [key])
            assert abs(cosignature.time - time.time()) < _CLOCKS_SECONDS


async def each_refusal_has_its_status_and_changes_nothing(open_witness: Open, key: CosignerKey) -> None:
    """Whatever was wrong, the next right question is cosigned."""
    del key
    async with open_witness() as url:
        assert (await _add(url, question(0, 6)))[0] == 200
        false = question(6, 8).replace(b"\n8\n", b"\n9\n")
        unproved = encode_add_checkpoint(AddCheckpoint(old=6, path=(), note=signed(8)))
        questions = [
            (question(0, 5, origin="overt.test/unknown"), 404),
            (false, 403),
            (b"old 6\n", 400),
            (question(8, 6), 400),
            (b"\xff\x00" * 100, 400),
            (question(6, 8, FORK), 422),
            (question(6, 6, FORK), 422),
            (unproved, 422),
        ]
        for body, expected in questions:
            status, _, answer = await _add(url, body)
            assert status == expected, (body, answer)
        assert (await _add(url, question(6, 8)))[0] == 200


async def another_size_is_answered_with_the_one_it_has(open_witness: Open, key: CosignerKey) -> None:
    """Also that it has none yet; in a type of its own."""
    del key
    async with open_witness() as url:
        for size, old in ((0, 3), (6, 5), (6, 7)):
            if size:
                await _add(url, question(0, size))
            status, kind, body = await _add(url, question(old, 8))
            assert (status, kind, decode_size(body)) == (409, SIZE_TYPE, size)


async def the_last_checkpoint_is_shown_with_the_cosignature(open_witness: Open, key: CosignerKey) -> None:
    """And none of a log that it never cosigned."""
    async with open_witness() as url:
        assert (await _get(url, checkpoint_path(ORIGIN)))[0] == 404
        await _add(url, question(0, 6))
        await _add(url, question(6, 6, FORK))
        status, _, note = await _get(url, checkpoint_path(ORIGIN))
        assert status == 200
        opened = open_signed(note, [parse_vkey(known_signer().vkey), key])
        assert opened.text == unverified_text(signed(6))
        assert len(opened.signed) == 2
        assert (await _get(url, checkpoint_path("overt.test/unknown")))[0] == 404


async def of_two_histories_at_one_moment_one_is_cosigned(open_witness: Open, key: CosignerKey) -> None:
    """However many ask."""
    del key
    async with open_witness() as url:
        await _add(url, question(0, 5))
        asked = [question(5, 8 + n % 2, (LEAVES, FORK)[n % 2]) for n in range(20)]
        answers = await asyncio.gather(*(_add(url, body) for body in asked))
        assert sorted(status for status, _, _ in answers) == [200, *[409] * 19]


async def what_was_cosigned_is_remembered_when_it_is_opened_again(open_witness: Open, key: CosignerKey) -> None:
    """So a restart is no way to another history."""
    del key
    async with open_witness() as url:
        assert (await _add(url, question(0, 6)))[0] == 200
    async with open_witness() as url:
        assert (await _add(url, question(0, 6, FORK)))[0] == 409
        assert (await _add(url, question(6, 8, FORK)))[0] == 422
        assert (await _add(url, question(6, 8)))[0] == 200


WITNESS_CONTRACT: tuple[Check, ...] = (
    a_state_that_continues_the_last_one_is_cosigned,
    each_refusal_has_its_status_and_changes_nothing,
    another_size_is_answered_with_the_one_it_has,
    the_last_checkpoint_is_shown_with_the_cosignature,
    of_two_histories_at_one_moment_one_is_cosigned,
    what_was_cosigned_is_remembered_when_it_is_opened_again,
)


async def _add(url: str, body: bytes) -> tuple[int, str, bytes]:
    async with aiohttp.ClientSession() as session, session.post(f"{url}/{PATH}", data=body) as response:
        return response.status, response.headers.get("content-type", ""), await response.read()


async def _get(url: str, path: str) -> tuple[int, str, bytes]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/{path}") as response:
        return response.status, response.headers.get("content-type", ""), await response.read()
