"""Two arms of `diskfull.py`, shortly; `docs/log.md` has the outcome of all."""

from __future__ import annotations

import json

import diskfull
import pytest


@pytest.mark.skipif(not diskfull.can_isolate(), reason="DISK FULL IS NOT TESTED: no right to a mount namespace here")
@pytest.mark.parametrize("arm", [diskfull.Arm.DATABASE, diskfull.Arm.TILES])
def test_a_full_disk_is_an_honest_503_and_needs_no_hand_afterwards(arm: diskfull.Arm) -> None:
    done = diskfull.isolated(["--arm", arm, "--seconds", "0.5"])
    assert done.returncode == 0, done.stdout + done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["refused_503_while_full"] > 0
    assert outcome["receipts_lost"] == 0
    assert outcome["receipts"] >= outcome["answered"] > 0  # callers that are stopped in the middle have a receipt, too
