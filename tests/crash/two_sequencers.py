"""Fault 8: gateways with one log, of which the leader is stopped with SIGSTOP in the middle of a step, and resumed.

    python tests/crash/two_sequencers.py [--rounds 10]     # each round stops a leader at each step

Each time another one has to lead and to include what is promised; then the one that was stopped goes on where it was,
and must change nothing. At the end all that readers saw and callers were promised has to be one history.
Prints the outcome as JSON; raises `Conflict` at the first promise that is broken. Needs PostgreSQL and moto.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from shared_log import STEPS, Gateway, audit, gateway, until, watch

from overt.postgres import SILENCE_SECONDS
from overt.testing.objects import S3Server, s3
from overt.testing.postgres import PostgresServer, postgres


async def campaign(
    server: PostgresServer, storage: S3Server, folder: Path, steps: Sequence[str], *, silence: float = SILENCE_SECONDS
) -> dict[str, object]:
    """One leader after the other, stopped at these steps; what came of it."""
    bucket, schema = storage.bucket(), server.schema()
    seen: dict[int, bytes] = {}
    takeovers: list[tuple[str, float]] = []
    watching = asyncio.create_task(watch(storage, bucket, seen))
    gateways = [await gateway(name, storage, bucket, server.address, schema, silence) for name in ("one", "two")]
    for step in steps:
        takeovers.append((step, await stopped_and_resumed(gateways, step)))
        if watching.done():
            await watching
    await asyncio.gather(*(each.close() for each in gateways))
    watching.cancel()
    found = await audit(storage, bucket, folder, seen, gateways)
    return {
        "stops": len(steps),
        "entries": found.size,
        "promises": sum(len(each.leaves) for each in gateways),
        "refused": sum((each.refusals for each in gateways), Counter()),
        "checkpoints": len(seen),
        "longest_takeover_s": {step: round(max(s for at, s in takeovers if at == step), 2) for step in dict(takeovers)},
    }


async def stopped_and_resumed(gateways: Sequence[Gateway], step: str) -> float:
    """How long it took until another one led."""
    await until(lambda: sum(each.leads for each in gateways) == 1, 20, "nobody leads, or both think that they do,")
    leader = next(each for each in gateways if each.leads)
    other = next(each for each in gateways if each is not leader)
    leader.stopped, began = "", time.monotonic()
    if step == "recover":
        other, leader = leader, other
        await stop_while_taking_over(other, leader)
    else:
        leader.tell(step)
        await until(lambda: leader.stopped == step, 20, f"the leader does not come to {step!r}")
        began = time.monotonic()
    await until(
        lambda: other.leads and other.since > began, 30, f"nobody leads while the leader is stopped at {step!r}"
    )
    took = other.since - began
    before = len(other.leaves)
    await until(lambda: len(other.leaves) > before + 20, 20, "the new leader promises nothing")
    leader.process.send_signal(signal.SIGCONT)
    resumed = time.monotonic()
    back = "the one that was stopped does not come back to follow"
    await until(lambda: leader.promised > resumed and not leader.leads, 20, back)
    return took


async def stop_while_taking_over(first: Gateway, second: Gateway) -> None:
    """The leader is stopped, its successor too while it takes over; the first is resumed and has to lead again."""
    second.tell("recover")
    first.process.send_signal(signal.SIGSTOP)
    await until(lambda: second.stopped == "recover", 20, "the successor does not take over")
    first.process.send_signal(signal.SIGCONT)


def main() -> None:
    """Run the campaign that the documentation reports."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=10)
    rounds = options.parse_args().rounds
    with tempfile.TemporaryDirectory() as name, s3() as storage:
        folder = Path(name)
        folder.chmod(0o755)
        with postgres(folder / "server") as server:
            print(json.dumps(asyncio.run(campaign(server, storage, folder / "copy", STEPS * rounds)), indent=2))


if __name__ == "__main__":
    main()
