"""A small slice of the campaign in `kill9.py`; `docs/log.md` has the outcome of the whole."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import kill9
import pytest
from crash_audit import Audit, Conflict
from crash_process import warm

from overt.errors import VerificationFailed
from overt.log.files import directory_reader
from overt.log.keys import signer_of
from overt.log.sqlite import open_log
from overt.proof.merkle import EMPTY_ROOT
from overt.proof.note import Checkpoint, parse_vkey, sign_checkpoint
from overt.testing.log import ORIGIN, known_signer


def test_five_kills_lose_no_promise_and_leave_no_conflict(tmp_path: Path) -> None:
    with warm() as start:
        campaign = kill9.Campaign(tmp_path, random.Random(5), callers=4, startup=0.3, start=start)
        outcome = asyncio.run(kill9.run(campaign, 5))
    assert outcome["kills"] == 5
    assert outcome["promises"] == len(campaign.book.keys) > 0


def test_the_outsider_notices_a_second_root_a_shrunken_log_and_a_foreign_key(tmp_path: Path) -> None:
    signer = known_signer()
    key = parse_vkey(signer.vkey)

    async def fill() -> None:
        log = await open_log(tmp_path, ORIGIN, signer, period=0.01)
        await asyncio.gather(*(log.append(b"%d" % number) for number in range(300)))
        await log.aclose()

    asyncio.run(fill())
    genuine = directory_reader(tmp_path)("checkpoint")
    assert genuine is not None

    def seen() -> Audit:
        (tmp_path / "checkpoint").write_bytes(genuine)
        audit = Audit(tmp_path)
        assert audit.read() == audit.note(genuine) == audit.size == 300
        return audit

    def signed(size: int, root: bytes) -> bytes:
        return sign_checkpoint(Checkpoint(origin=ORIGIN, size=size, root=root), key, signer.sign)

    for size in (299, 300):
        with pytest.raises(Conflict):
            seen().note(signed(size, bytes(32)))
    ahead = seen()
    ahead.note(signed(301, bytes(32)))
    with pytest.raises(Conflict, match="two checkpoints of 301"):
        ahead.note(signed(301, EMPTY_ROOT))
    audit = seen()
    (tmp_path / "checkpoint").write_bytes(signed(0, EMPTY_ROOT))
    with pytest.raises(Conflict, match="now the checkpoint says 0"):
        audit.read()
    other = signer_of(ORIGIN, bytes(32))
    with pytest.raises(VerificationFailed):
        seen().note(
            sign_checkpoint(Checkpoint(origin=ORIGIN, size=300, root=EMPTY_ROOT), parse_vkey(other.vkey), other.sign)
        )
