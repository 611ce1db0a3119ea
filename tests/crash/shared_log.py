"""Gateways' logs as processes of their own, on one PostgreSQL database and one bucket, with a promise book.

Each process appends without pause and prints the leaf of every promise once it is given, and whether it leads. It can
be told to stop itself with SIGSTOP at one step of its next round: all its threads at once, in the middle of the step.
Nothing tells the others: for them, and for the database, it has just fallen silent.

    python tests/crash/shared_log.py DATABASE SCHEMA BUCKET NAME SILENCE     # one process; commands on standard input
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, final

import obstore
from crash_audit import Audit, Conflict
from obstore.store import S3Store

from overt.errors import LogUnavailable
from overt.log.log import TransparencyLog, start
from overt.log.notary import one_key
from overt.log.objects import Objects, open_objects
from overt.log.parts import Batch, Head, Parts
from overt.log.postgres import PostgresQueue, reach_queue
from overt.testing.log import known_signer
from overt.testing.objects import S3Server

STEPS: Final = ("take", "stage", "advance", "apply", "publish", "clean", "recover")
"""Where a process can stop itself: before the step, with everything before it done."""
LOG = known_signer()


@final
class Stopping:
    """Both parts of a log, which stop the process before a step when told to."""

    def __init__(self, queue: PostgresQueue, tiles: Objects) -> None:
        self._queue = queue
        self._tiles = tiles
        self.step = ""
        self.put = queue.put
        self.lead = queue.lead
        self.head = queue.head
        self.index = queue.index
        self.read = tiles.read
        self.measure = tiles.measure
        self.introduce = tiles.introduce

    def _stop(self, step: str) -> None:
        if self.step == step:
            self.step = ""
            say(stopped=step)
            os.kill(os.getpid(), signal.SIGSTOP)

    async def take(self, most: int) -> Sequence[tuple[int, bytes]]:
        """See `Queue`."""
        self._stop("take")
        return await self._queue.take(most)

    async def advance(self, old: Head, new: Head, places: Sequence[int], *, epoch: int) -> None:
        """See `Queue`."""
        self._stop("advance")
        await self._queue.advance(old, new, places, epoch=epoch)

    async def stage(self, batch: Batch) -> None:
        """See `TileStore`."""
        self._stop("stage")
        await self._tiles.stage(batch)

    async def recover(self, head: Head) -> Batch | None:
        """See `TileStore`."""
        self._stop("recover")
        return await self._tiles.recover(head)

    async def apply(self, batch: Batch) -> None:
        """See `TileStore`."""
        self._stop("apply")
        await self._tiles.apply(batch)

    async def publish(self, name: str, note: bytes) -> None:
        """See `TileStore`."""
        self._stop("publish")
        await self._tiles.publish(name, note)

    async def clean(self, batch: Batch) -> None:
        """See `TileStore`."""
        self._stop("clean")
        await self._tiles.clean(batch)

    async def aclose(self) -> None:
        """Let go of both; called for each of them."""
        await self._queue.aclose()


def say(**what: object) -> None:
    """One line for whoever started this process."""
    print(json.dumps(what), flush=True)


async def run(database: str, schema: str, bucket: str, name: str, silence: float) -> None:
    """Append and sequence until standard input ends."""
    queue = await reach_queue(database, LOG.vkey, schema, silence=silence)
    both = Stopping(queue, open_objects(bucket))
    log = await start(Parts(where=bucket, queue=both, tiles=both), one_key(LOG), alone=False, period=0.05)
    say(ready=name)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    appending = asyncio.create_task(append(log, name))
    while line := (await commands.readline()).decode().strip():
        both.step = line
    appending.cancel()
    await asyncio.wait((appending,))
    await log.aclose()
    say(closed=name)


async def append(log: TransparencyLog, name: str) -> None:
    """Several at a time; what is refused is tried again under the same name, as a caller would."""
    number = 0
    while True:
        entries = [b"%s %d" % (name.encode(), number + each) for each in range(5)]
        for done in await asyncio.gather(*(log.append(entry) for entry in entries), return_exceptions=True):
            if isinstance(done, LogUnavailable):
                say(refused=str(done)[:200])
            elif isinstance(done, BaseException):
                raise done
            else:
                say(leaf=done.leaf.hex(), leads=log.leads)
        number += 5
        await asyncio.sleep(0.02)


@final
class Gateway:
    """One such process, as it is seen from outside."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.leaves: list[bytes] = []
        self.leads = False
        self.ready = False
        self.stopped = ""
        self.since = 0.0
        self.promised = 0.0
        self.refusals: Counter[str] = Counter()
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            said = json.loads(line)
            self.ready = self.ready or "ready" in said
            self.stopped = said.get("stopped", self.stopped)
            if "refused" in said:
                self.refusals[said["refused"]] += 1
            if "leaf" in said:
                self.leaves.append(bytes.fromhex(said["leaf"]))
                self.promised = time.monotonic()
                if said["leads"] != self.leads:
                    self.leads, self.since = said["leads"], time.monotonic()

    def tell(self, step: str) -> None:
        """Stop before this step of the next round."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{step}\n".encode())

    async def close(self) -> None:
        """End it in order: what waits is included."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        code = await asyncio.wait_for(self.process.wait(), 60)
        await self.reading
        if code != 0:
            raise Conflict(f"a gateway ended with {code}")


async def gateway(name: str, storage: S3Server, bucket: str, database: str, schema: str, silence: float) -> Gateway:
    """Start one, and wait until it is ready."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, database, schema, bucket, name, str(silence)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | storage.environment,
    )
    started = Gateway(process)
    await until(lambda: started.ready, 60, f"{name} does not start")
    return started


async def until(holds: object, seconds: float, otherwise: str) -> None:
    """Wait until a function gives true."""
    assert callable(holds)
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise Conflict(f"{otherwise} in {seconds} s")
        await asyncio.sleep(0.01)


async def watch(storage: S3Server, bucket: str, seen: dict[int, bytes]) -> None:
    """A reader of the bucket: remembers every checkpoint, and that none is smaller than the one before."""
    tiles, last = open_objects(bucket, storage.config), 0
    while True:
        note = await tiles.read("checkpoint")
        if note is not None:
            size = int(note.split(b"\n")[1])
            if size < last or seen.setdefault(size, note) != note:
                raise Conflict(f"readers saw {last} entries, then {size}: {note!r}")
            last = size
        await asyncio.sleep(0.01)


async def audit(
    storage: S3Server, bucket: str, folder: Path, seen: dict[int, bytes], gateways: Sequence[Gateway]
) -> Audit:
    """Copy the bucket, hash all of it anew, and compare with what readers saw and callers were promised."""
    store = S3Store.from_url(bucket, config=storage.config, client_options={"allow_http": True})
    for each in await obstore.list(store).collect_async():
        path = folder / each["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(await (await obstore.get_async(store, each["path"])).bytes_async()))
    audit = Audit(folder)
    for note in seen.values():
        audit.note(note)
    audit.read()
    for leaf in (leaf for each in gateways for leaf in each.leaves):
        if leaf not in audit.leaves:
            raise Conflict(f"the leaf {leaf.hex()} was promised and is not in the log of {audit.size} entries")
    return audit


if __name__ == "__main__":
    _, DATABASE, SCHEMA, BUCKET, NAME, SILENCE = sys.argv
    asyncio.run(run(DATABASE, SCHEMA, BUCKET, NAME, float(SILENCE)))
