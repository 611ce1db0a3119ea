"""A slice of `failover.py`: a leader is killed, then the server; `docs/log.md` has the outcome of all."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from failover import campaign

from overt.testing.servers import own_pair, shared_s3


def test_what_was_promised_outlives_the_leader_and_the_server(tmp_path: Path) -> None:
    storage = shared_s3()
    with tempfile.TemporaryDirectory(prefix="overt-postgres-") as name:
        Path(name).chmod(0o755)
        with own_pair(Path(name) / "server") as servers:
            outcome = asyncio.run(campaign(servers, storage, tmp_path / "copy", ("apply",), "advance", silence=1.0))
    assert (outcome["leaders_killed"], outcome["servers_killed"]) == (1, 1)
    assert isinstance(outcome["promises"], int)
    assert outcome["promises"] > 100
    assert isinstance(outcome["refused"], int)
    assert outcome["refused"] > 0
