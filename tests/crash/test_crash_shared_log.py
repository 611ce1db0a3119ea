"""A slice of `two_sequencers.py`: leaders stopped before and after the head is moved leave one history."""

from __future__ import annotations

import asyncio
from pathlib import Path

from two_sequencers import campaign

from overt.testing.servers import shared_postgres, shared_s3


def test_a_leader_that_is_stopped_and_resumed_leaves_one_history(tmp_path: Path) -> None:
    steps = ("advance", "apply")
    outcome = asyncio.run(campaign(shared_postgres(), shared_s3(), tmp_path / "copy", steps, silence=1.0))
    assert outcome["stops"] == 2
    assert isinstance(outcome["entries"], int)
    assert outcome["entries"] > 100
