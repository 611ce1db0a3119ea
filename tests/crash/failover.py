"""Fault 20: gateways with one log, of which the leader is killed; then their server, whose standby is promoted.

    python tests/crash/failover.py [--rounds 3] [--silent] [--asynchronous]

Each round has a server, a synchronous standby, a bucket and two gateways of its own. First the leading gateway is ended
with SIGKILL in the middle of each step; a new one follows. Then the leader is stopped in the middle of a step, the
server's standby is cut off, and all processes of the server are ended at once; the leader goes on, everybody is
refused, and the standby is promoted. With ``--silent`` the server's processes are stopped for good instead, so that it
takes connections and answers nothing; then the standby is promoted at once. Gateways have both addresses from the
start, and nobody tells them anything.

At the end all that readers saw and callers were promised has to be one history. With ``--asynchronous`` commits do not
wait for the standby: then promises are lost, and this has to find it.
Prints the outcome as JSON; raises `Conflict` at the first promise that is broken. Needs PostgreSQL and moto, and Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final, final

import asyncpg
from shared_log import LOG, STEPS, Gateway, audit, gateway, until, watch

from overt.log.postgres import PostgresQueue, reach_queue
from overt.postgres import SILENCE_SECONDS
from overt.testing.objects import S3Server, s3
from overt.testing.postgres import USER, PostgresServer, pair

KILLS: Final = STEPS[:-1]
_CUT_S: Final = 0.3


@final
@dataclass(frozen=True, kw_only=True)
class Outage:
    """Seconds from a death until there was a promise by a gateway that lives, and until that was published."""

    promised: float
    published: float


@final
@dataclass(kw_only=True)
class Round:
    """A log, and what happened to it."""

    first: PostgresServer
    second: PostgresServer
    storage: S3Server
    bucket: str
    schema: str
    silence: float
    gateways: list[Gateway] = field(default_factory=list)
    dead: list[Gateway] = field(default_factory=list)
    seen: dict[int, bytes] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)

    @property
    def address(self) -> str:
        """Of both servers, as an operator writes it."""
        return f"postgresql://{USER}@127.0.0.1:{self.first.port},127.0.0.1:{self.second.port}/postgres"

    async def join(self) -> None:
        """Start another gateway."""
        name = f"gateway {next(self.numbers)}"
        address = (self.bucket, self.address, self.schema, self.silence)
        self.gateways.append(await gateway(name, self.storage, *address))

    async def leader(self, step: str) -> Gateway:
        """Whoever leads, stopped before this step."""
        await until(lambda: sum(each.leads for each in self.gateways) == 1, 60, "no one gateway leads")
        leader = next(each for each in self.gateways if each.leads)
        leader.stopped = ""
        leader.tell(step)
        await until(lambda: leader.stopped == step, 60, f"the leader does not come to {step!r}")
        return leader

    async def recovers(self, began: float, server: PostgresServer) -> Outage:
        """Wait for a promise by a gateway that lives, and until readers have it; ``server`` is the primary then."""
        counts = {id(each): len(each.leaves) for each in self.gateways}

        def promises() -> list[bytes]:
            return [leaf for each in self.gateways for leaf in each.leaves[counts[id(each)] :][:1]]

        await until(promises, 90, "nobody promises anything")
        promised, leaf = time.monotonic() - began, promises()[0]
        queue = await reach_queue(server.address, LOG.vkey, self.schema, silence=self.silence)
        try:
            await published(queue, leaf, self.seen)
        finally:
            await queue.aclose()
        return Outage(promised=promised, published=time.monotonic() - began)


async def published(queue: PostgresQueue, leaf: bytes, seen: dict[int, bytes]) -> None:
    """Wait until a checkpoint that a reader saw covers a leaf."""
    end = time.monotonic() + 60
    while (index := await queue.index(leaf)) is None or max(seen) <= index:
        if time.monotonic() > end:
            raise TimeoutError("what was promised after a death is not published in 60 s")
        await asyncio.sleep(0.01)


async def leader_dies(log: Round, step: str) -> Outage:
    """SIGKILL in the middle of a step; another one leads, and a third one follows."""
    leader = await log.leader(step)
    log.gateways.remove(leader)
    log.dead.append(leader)
    leader.process.kill()
    outage = await log.recovers(time.monotonic(), log.first)
    await leader.process.wait()
    await leader.reading
    await log.join()
    return outage


async def server_dies(log: Round, step: str, *, silent: bool) -> Outage:
    """The whole server, in the middle of a step of the leader; some commits never reached the standby."""
    leader = await log.leader(step)
    log.first.cut_off()
    await asyncio.sleep(_CUT_S)
    end = log.first.freeze if silent else log.first.kill
    end()
    began = time.monotonic()
    before = {id(each): each.refusals.total() for each in log.gateways}
    leader.process.send_signal(signal.SIGCONT)
    if silent:
        await asyncio.sleep(_CUT_S)
    else:
        refused = "not every gateway refuses although the server is gone"
        await until(lambda: all(each.refusals.total() > before[id(each)] for each in log.gateways), 60, refused)
    promoting = asyncio.create_task(asyncio.to_thread(log.second.promote))
    outage = await log.recovers(began, log.second)
    await promoting
    if silent:
        log.first.kill()
    return outage


async def campaign(
    servers: tuple[PostgresServer, PostgresServer],
    storage: S3Server,
    folder: Path,
    kills: Sequence[str],
    last: str,
    *,
    silence: float = SILENCE_SECONDS,
    synchronous: bool = True,
    silent: bool = False,
) -> dict[str, object]:
    """One round: leaders killed at these steps, then the server while its leader is at the last one."""
    first, second = servers
    if synchronous:
        await in_step(first)
    bucket, schema = storage.bucket(), first.schema()
    log = Round(first=first, second=second, storage=storage, bucket=bucket, schema=schema, silence=silence)
    watching = asyncio.create_task(watch(storage, bucket, log.seen))
    await asyncio.gather(log.join(), log.join())
    leaders = [await leader_dies(log, step) for step in kills]
    server = await server_dies(log, last, silent=silent)
    await asyncio.gather(*(each.close() for each in log.gateways))
    if watching.done():
        await watching
    watching.cancel()
    everybody = [*log.gateways, *log.dead]
    found = await audit(storage, bucket, folder, log.seen, everybody)
    return {
        "leaders_killed": len(kills),
        "servers_killed": 1,
        "entries": found.size,
        "promises": sum(len(each.leaves) for each in everybody),
        "refused": sum(each.refusals.total() for each in everybody),
        "checkpoints": len(log.seen),
        "leader_promised_s": max((each.promised for each in leaders), default=0.0),
        "leader_published_s": max((each.published for each in leaders), default=0.0),
        "server_promised_s": server.promised,
        "server_published_s": server.published,
    }


async def in_step(server: PostgresServer) -> None:
    """Wait until the standby is a synchronous one; before, commits of the old setting might not wait."""
    connection = await asyncpg.connect(server.address)
    try:
        end = time.monotonic() + 60
        while not await connection.fetchval("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"):
            if time.monotonic() > end:
                raise TimeoutError("the standby does not become a synchronous one in 60 s")
            await asyncio.sleep(0.05)
    finally:
        await connection.close()


def main() -> None:
    """Run the campaign that the documentation reports."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--asynchronous", action="store_true")
    options.add_argument("--silent", action="store_true")
    chosen = options.parse_args()
    total: dict[str, object] = {"rounds": chosen.rounds}
    with tempfile.TemporaryDirectory() as name, s3() as storage:
        folder = Path(name)
        folder.chmod(0o755)
        for number in range(chosen.rounds):
            last = KILLS[number % len(KILLS)]
            with pair(folder / f"server{number}", synchronous=not chosen.asynchronous) as servers:
                copy, synchronous = folder / f"copy{number}", not chosen.asynchronous
                outcome = asyncio.run(
                    campaign(servers, storage, copy, KILLS, last, synchronous=synchronous, silent=chosen.silent)
                )
            for what, value in outcome.items():
                assert isinstance(value, int | float)
                before = total.get(what, 0)
                assert isinstance(before, int | float)
                total[what] = round(max(before, value), 2) if what.endswith("_s") else before + value
    print(json.dumps(total))


if __name__ == "__main__":
    main()
