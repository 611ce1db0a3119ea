"""A caller's checkpoint is compared with the log; one that does not fit is kept, told and never explained away."""

from __future__ import annotations

import asyncio
import base64
import logging
from pathlib import Path

import pytest
from gateway_samples import Running, asked, running

from overt.gateway.gossip import LONGEST, Finding, Gossip, keep_in
from overt.proof.note import Checkpoint, open_checkpoint, parse_vkey, sign_checkpoint
from overt.testing.log import MemoryLog, known_signer


async def filled(count: int, text: bytes = b"entry") -> MemoryLog:
    log = MemoryLog()
    for number in range(count):
        await log.append(b"%s %d" % (text, number))
    return log


def told(note: bytes) -> str:
    return base64.b64encode(note).decode()


def gossip(log: MemoryLog, folder: Path) -> Gossip:
    return Gossip(log, keep_in(folder))


@pytest.mark.parametrize("seen", [0, 1, 200, 256, 300, 600])
def test_an_earlier_checkpoint_of_this_log_fits(seen: int, tmp_path: Path) -> None:
    async def run() -> None:
        log = await filled(seen)
        note = await log.checkpoint()
        for number in range(seen, 600):
            await log.append(b"entry %d" % number)
        here = gossip(log, tmp_path)
        assert [await here.heard(told(note)) for _ in range(2)] == [Finding.FITS] * 2
        assert list(tmp_path.iterdir()) == []

    asyncio.run(run())


@pytest.mark.parametrize(
    ("theirs", "ours"), [(5, 9), (7, 7), (300, 301)], ids=["rewritten", "same-size-two-roots", "over-a-tile"]
)
def test_a_checkpoint_of_another_history_is_a_conflict_and_both_notes_are_kept(
    theirs: int, ours: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        note = await (await filled(theirs, b"other")).checkpoint()
        log = await filled(ours)
        found = await gossip(log, tmp_path / "evidence").heard(told(note))
        assert found.startswith(Finding.CONFLICT)
        (kept,) = (tmp_path / "evidence").iterdir()
        assert kept.stem in found
        assert kept.read_bytes() == note + b"\n" + await log.checkpoint()

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert "THE LOG CONTRADICTS ITSELF" in caplog.text


def test_a_checkpoint_ahead_of_a_log_that_was_put_back_is_a_conflict(tmp_path: Path) -> None:
    async def run() -> None:
        note = await (await filled(9)).checkpoint()
        assert (await gossip(await filled(8), tmp_path).heard(told(note))).startswith(Finding.CONFLICT)

    asyncio.run(run())


def test_evidence_is_kept_once_and_cannot_fill_the_disk(tmp_path: Path) -> None:
    async def run() -> None:
        note = await (await filled(5, b"other")).checkpoint()
        here = gossip(await filled(9), tmp_path)
        for _ in range(3):
            await here.heard(told(note))
        assert len(list(tmp_path.iterdir())) == 1

    asyncio.run(run())


def forged() -> bytes:
    signer = known_signer("overt.test/other")
    checkpoint = Checkpoint(origin="overt.test/other", size=9, root=bytes(32))
    return sign_checkpoint(checkpoint, parse_vkey(signer.vkey), signer.sign)


@pytest.mark.parametrize(
    "value",
    ["", "not base64!", told(b"hello"), told(forged()), "A" * (LONGEST + 4), "é"],
    ids=["empty", "no-base64", "no-note", "another-key", "too-long", "not-ascii"],
)
def test_what_this_log_did_not_sign_accuses_nobody(value: str, tmp_path: Path) -> None:
    async def run() -> None:
        assert await gossip(await filled(5), tmp_path).heard(value) == Finding.UNKNOWN
        assert list(tmp_path.iterdir()) == []

    asyncio.run(run())


def test_the_finding_stands_in_every_answer_to_a_caller_who_gossips() -> None:
    async def run() -> None:
        gate: Running = await running()
        note = await gate.log.checkpoint()
        other = await (await filled(3, b"other")).checkpoint()
        async with gate.http() as http:
            fits = await http.post("/v1/messages", json=asked(), headers={"overt-checkpoint": told(note)})
            refused = await http.post("/v1/messages", content=b"{", headers={"overt-checkpoint": told(note)})
            conflict = await http.post("/v1/messages", json=asked(), headers={"overt-checkpoint": told(other)})
            silent = await http.post("/v1/messages", json=asked())
        assert (fits.status_code, fits.headers["overt-gossip"]) == (200, "fits")
        assert (refused.status_code, refused.headers["overt-gossip"]) == (400, "fits")
        assert conflict.status_code == 200
        assert conflict.headers["overt-gossip"].startswith("conflict;evidence=")
        assert "overt-gossip" not in silent.headers
        (kept,) = gate.evidence.values()
        assert kept.startswith(other)
        assert open_checkpoint(kept[len(other) + 1 :], parse_vkey(gate.log.vkey)).origin == gate.log.origin

    asyncio.run(run())
