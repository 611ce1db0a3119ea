"""Kill `overt serve` with SIGKILL at random points, a thousand times, under load; then look at what is left.

    python tests/crash/kill9.py --kills 1000 --data DIR [--seed N] [--callers 6] [--warm]

Each round starts the real gateway on the same folder. While it starts, or while callers ask it without pause and a
reader watches its checkpoint, it is killed: at a random moment of its start, at a random moment under load, or a
random moment after a batch was staged (which is where the order of effects matters, and which is short).

What has to hold, or the run ends with status 1:

1. every start after a kill succeeds
2. every answer of status 200 names a receipt, and that receipt can be fetched later, even if the kill came at once
3. the entry of every receipt that was named is in the log, once, within seconds of the next start
4. every checkpoint that anybody was shown is the root over the first entries of the log as it ends
5. readers never see a smaller log than before
6. at the end `overt log check --full` passes, and receipts verify with their proofs

(fault rows 1 and 2 of the reference.) Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, final

import aiohttp
from crash_audit import Audit, Conflict
from crash_load import Book, Gateway, callers, ready, served, settle, started, watch
from crash_process import Process, Start, cold, warm

from overt.log.files import directory_reader
from overt.proof.verify import holds, verify_receipt

SAMPLE: Final = 50
MOST_ANSWERS: Final = 24
WAIT_SECONDS: Final = 30.0


class When(StrEnum):
    """What a kill is aimed at."""

    STARTING = "starting"
    LOADED = "under load"
    SEQUENCING = "sequencing"


@final
@dataclass
class Campaign:
    """One run: its folder, its dice, and what came of it."""

    data: Path
    dice: random.Random
    callers: int
    startup: float = 0.8
    start: Start = cold
    book: Book = field(default_factory=Book)
    kills: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)

    @property
    def log(self) -> Path:
        """The folder that readers see."""
        return self.data / "log"


async def run(campaign: Campaign, kills: int, say: bool = False) -> dict[str, object]:
    """All kills, then the last look. Raises `Conflict` if anything does not hold."""
    began, audit = time.monotonic(), Audit(campaign.log)
    async with served(campaign.start, campaign.data):
        audit.read()
    for number in range(1, kills + 1):
        await once(campaign, audit)
        if say and number % 20 == 0:
            print(
                f"{number} kills, {audit.size} entries, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True
            )
    async with served(campaign.start, campaign.data) as gate:
        await settle(gate, campaign.book, audit)
        proved = await prove(campaign, gate)
    audit.read()
    lost = [receipt for receipt, leaf in campaign.book.leaves.items() if leaf not in audit.leaves]
    if lost or campaign.book.unfetched:
        raise Conflict(f"{len(lost)} receipts without an entry, {len(campaign.book.unfetched)} that were never seen")
    full_check(campaign.log)
    return {
        "kills": sum(campaign.kills.values()),
        "aimed_at": dict(campaign.kills),
        "left_behind": dict(campaign.left),
        "answered": campaign.book.answered,
        "honest_503": campaign.book.refused,
        "cut_connections": campaign.book.cut,
        "promises": len(campaign.book.leaves),
        "promises_lost": len(lost),
        "included_after_at_most_s": round(campaign.book.longest, 1),
        "entries": audit.size,
        "checkpoints_seen": audit.checkpoints,
        "conflicting_checkpoints": 0,
        "receipts_verified_with_proof": proved,
        "log_check_full": "passed",
        "seconds": round(time.monotonic() - began),
    }


async def once(campaign: Campaign, audit: Audit) -> None:
    """Start, let it work, kill it."""
    dice = campaign.dice
    when = dice.choices(list(When), weights=(2, 4, 4))[0]
    process = await started(campaign.start, campaign.data)
    if when is When.STARTING:
        await asyncio.sleep(dice.uniform(0.0, campaign.startup))
        await kill(campaign, when, process)
        return
    gate = await ready(process)
    work = asyncio.gather(
        callers(gate, campaign.book, campaign.callers),
        watch(gate, audit),
        settle(gate, campaign.book, audit),
    )
    try:
        count = len(campaign.book.keys) + dice.randint(0, MOST_ANSWERS)
        await asyncio.to_thread(await_answers, campaign, count, process)
        await asyncio.sleep(dice.uniform(0.0, 0.05))
        if when is When.SEQUENCING:
            await asyncio.to_thread(await_staged, campaign.log)
            await asyncio.sleep(dice.uniform(0.0, 0.02))
        if work.done():
            await work
    finally:
        await kill(campaign, when, process)
    await work


def await_answers(campaign: Campaign, count: int, process: Process) -> None:
    """Until callers have been named so many receipts: on a slow machine the moment comes later, not earlier."""
    until = time.monotonic() + WAIT_SECONDS
    while len(campaign.book.keys) < count and time.monotonic() < until and not process.ended:
        time.sleep(0.001)


def await_staged(folder: Path) -> None:
    """Until a batch is staged, or a second has passed without one."""
    until = time.monotonic() + 1
    while time.monotonic() < until and not staging(folder):
        time.sleep(0.0005)


def staging(folder: Path) -> bool:
    """Whether a batch lies staged: what a kill within a round leaves behind."""
    return any(folder.glob("staging*"))


async def kill(campaign: Campaign, when: When, process: Process) -> None:
    """SIGKILL, and note what lies there."""
    process.send(signal.SIGKILL)
    code, said = await process.wait()
    if code != -signal.SIGKILL:
        raise Conflict(f"the gateway ended by itself with {code}: {said}")
    campaign.kills[when] += 1
    if staging(campaign.log):
        campaign.left["a staged batch"] += 1
    if any(campaign.log.rglob(".*.*")):
        campaign.left["a half-written file"] += 1


async def prove(campaign: Campaign, gate: Gateway) -> int:
    """Verify some receipts as their callers would; how many."""
    chosen = campaign.dice.sample(sorted(campaign.book.keys), min(SAMPLE, len(campaign.book.keys)))
    async with aiohttp.ClientSession() as http:
        for receipt in chosen:
            headers = {"x-api-key": campaign.book.keys[receipt]}
            async with http.get(f"{gate.url}/v1/receipts/{receipt}", headers=headers) as response:
                raw = await response.read()
            vkey = (campaign.log / "log.vkey").read_text().strip()
            steps = verify_receipt(raw, log_vkey=vkey, fetched=directory_reader(campaign.log))
            if not holds(steps) or json.loads(raw)["proof"] is None:
                raise Conflict(f"the receipt {receipt!r} does not verify: {steps[-1]}")
    return len(chosen)


def full_check(folder: Path) -> None:
    """What anybody would run."""
    command = [sys.executable, "-m", "overt.cli", "log", "check", "--full", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Conflict(f"overt log check --full: {done.stdout}{done.stderr}")


def main() -> None:
    """Read the options, run, print."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    options.add_argument("--kills", type=int, default=1000)
    options.add_argument("--data", type=Path, required=True, help="an empty folder")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--callers", type=int, default=6)
    options.add_argument("--warm", action="store_true", help="fork gateways from one that has read the program")
    chosen = options.parse_args()
    campaign = Campaign(chosen.data, random.Random(chosen.seed), chosen.callers)
    try:
        with ExitStack() as stack:
            if chosen.warm:
                campaign.start, campaign.startup = stack.enter_context(warm()), 0.3
            print(json.dumps(asyncio.run(run(campaign, chosen.kills, say=True))))
    except Conflict as conflict:
        raise SystemExit(f"seed {chosen.seed}, after {sum(campaign.kills.values())} kills: {conflict}") from conflict


if __name__ == "__main__":
    main()
