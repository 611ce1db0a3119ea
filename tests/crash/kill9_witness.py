"""Kill `overt log witness` with SIGKILL at random moments, while it is asked without pause; then try to deceive it.

    python tests/crash/kill9_witness.py --kills 1000 --data DIR [--seed N]

Each round starts the real server on the same folder, asks for cosignatures of growing states of a log, and kills it a
few milliseconds later. What has to hold after each start, or the run ends with status 1:

1. it shows a checkpoint at least as large as the last one that it answered with a cosignature
2. it refuses another history of the size that it has, and keeps both notes
3. it cosigns the next true state

(fault rows 1 and 9 of the reference, for a witness.) Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

import aiohttp
from crash_process import Process, Start, warm

from overt.proof.merkle import hashes_of, leaf_hash, prove_consistency, root
from overt.proof.note import Checkpoint, open_checkpoint, parse_vkey, sign_checkpoint
from overt.proof.witness import PATH, AddCheckpoint, checkpoint_path, encode_add_checkpoint
from overt.testing.log import ORIGIN, known_signer

LONGEST_SECONDS: Final = 0.05
MOST_STEP: Final = 3
_LOG: Final = known_signer()
_KEY: Final = parse_vkey(_LOG.vkey)


@final
@dataclass(slots=True)
class Histories:
    """A log that grows, and another one with the same key that is never right."""

    true: list[bytes] = field(default_factory=list)
    false: list[bytes] = field(default_factory=lambda: [leaf_hash(b"another beginning")])

    def grow(self, size: int) -> None:
        """Have at least this many entries."""
        while len(self.true) < size:
            self.true.append(leaf_hash(b"%d" % len(self.true)))
            self.false.append(self.true[-1])


def question(old: int, new: int, leaves: Sequence[bytes]) -> bytes:
    """The body that asks to cosign ``new`` entries after ``old``."""
    state = Checkpoint(origin=ORIGIN, size=new, root=root(list(leaves[:new])))
    path = prove_consistency(old, new, hashes_of(leaves)) if 0 < old < new else ()
    return encode_add_checkpoint(AddCheckpoint(old=old, path=path, note=sign_checkpoint(state, _KEY, _LOG.sign)))


@final
@dataclass(slots=True)
class Campaign:
    """``answered``: the largest size that was answered with a cosignature."""

    data: Path
    rng: random.Random
    start: Start
    histories: Histories = field(default_factory=Histories)
    answered: int = 0
    cosignatures: int = 0
    evidence: int = 0
    stored_unanswered: int = 0

    async def round(self) -> None:
        """Start, look, deceive, ask, kill."""
        options = ("--name", "witness.test/killed", "--log", _LOG.vkey, "--data", str(self.data), "--port", "0")
        process = await self.start("log", "witness", *options)
        try:
            ready = json.loads(await process.line() or "{}")
            if not ready:
                raise AssertionError(f"it did not start: {await process.wait()}")
            async with aiohttp.ClientSession(ready["url"]) as session:
                await self._look(session)
                kill = asyncio.create_task(self._kill(process))
                await self._ask(session)
                await kill
        finally:
            process.send(signal.SIGKILL)
            await process.wait()

    async def _look(self, session: aiohttp.ClientSession) -> None:
        async with session.get(f"/{checkpoint_path(ORIGIN)}") as response:
            known = open_checkpoint(await response.read(), _KEY).size if response.status == 200 else 0
        assert known >= self.answered, f"{self.answered} entries were cosigned, and it remembers {known}"
        self.stored_unanswered += known > self.answered
        self.answered = known
        self.histories.grow(known + 1)
        if known:
            status = await self._add(session, question(known, known, self.histories.false))
            assert status == 422, f"another history of {known} entries was answered {status}"
            async with session.get(f"/{checkpoint_path(ORIGIN).replace('checkpoint', 'evidence')}") as response:
                self.evidence = len(await response.json())
            assert self.evidence, "the evidence was not kept"

    async def _ask(self, session: aiohttp.ClientSession) -> None:
        """Until it is dead."""
        while True:
            new = self.answered + self.rng.randint(1, MOST_STEP)
            self.histories.grow(new)
            try:
                status = await self._add(session, question(self.answered, new, self.histories.true))
            except (aiohttp.ClientError, OSError):
                return
            assert status == 200, f"{new} entries after {self.answered} were answered {status}"
            self.answered = new
            self.cosignatures += 1

    async def _add(self, session: aiohttp.ClientSession, body: bytes) -> int:
        async with session.post(f"/{PATH}", data=body) as response:
            await response.read()
            return response.status

    async def _kill(self, process: Process) -> None:
        await asyncio.sleep(self.rng.uniform(0, LONGEST_SECONDS))
        process.send(signal.SIGKILL)


async def run(campaign: Campaign, kills: int) -> dict[str, object]:
    """That many rounds; raises `AssertionError` at the first that breaks a promise."""
    began = time.monotonic()
    for _ in range(kills):
        await campaign.round()
    return {
        "kills": kills,
        "cosignatures": campaign.cosignatures,
        "stored but not answered": campaign.stored_unanswered,
        "evidence": campaign.evidence,
        "seconds": round(time.monotonic() - began, 1),
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with warm() as start:
        campaign = Campaign(arguments.data, random.Random(arguments.seed), start)
        print(json.dumps(asyncio.run(run(campaign, arguments.kills))))


if __name__ == "__main__":
    main()
