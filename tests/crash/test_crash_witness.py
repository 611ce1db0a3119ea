"""A small slice of the campaign in `kill9_witness.py`; `docs/log.md` has the outcome of the whole."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import kill9_witness
from crash_process import warm


def test_a_witness_that_is_killed_forgets_no_cosignature_and_is_not_deceived(tmp_path: Path) -> None:
    with warm() as start:
        campaign = kill9_witness.Campaign(tmp_path, random.Random(4), start)
        outcome = asyncio.run(kill9_witness.run(campaign, 5))
    assert outcome["kills"] == 5
    assert campaign.cosignatures > 0
