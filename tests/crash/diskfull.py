"""Fill the disk under a gateway that serves, and empty it again: under its database, its tiles, and its store.

    python tests/crash/diskfull.py [--arm database|tiles|store] [--seconds 4]

Each arm mounts small file systems in memory over one part of the data folder, in a mount namespace of its own that
nobody else sees (Linux; needs the right to unshare). Callers ask without pause. Once answers flow, a file takes all the
room that is left; seconds later it is removed. What has to hold, or the run ends with status 1:

1. while the disk is full, answers are refused with status 503 and the reason
2. no answer of status 200 is without a receipt, before, during or after
3. with room again, the same process answers again, without a restart and without a hand
4. the entry of every receipt is in the log; `overt log check --full` passes, at once and after a restart

(fault row 3 of the reference.) Prints one line of JSON for each arm.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final

from crash_audit import Audit, Conflict
from crash_load import Book, callers, served, settle, watch
from crash_process import cold
from kill9 import full_check

SMALL: Final = "3m"
LARGE: Final = "200m"
PATIENCE: Final = 20.0


class Arm(StrEnum):
    """Which part lies on the small disk."""

    DATABASE = "database"
    TILES = "tiles"
    STORE = "store"


def mounts(arm: Arm, data: Path) -> tuple[Path, tuple[tuple[Path, str], ...]]:
    """The folder on the small disk, and what is mounted where, outermost first."""
    log = data / "log"
    match arm:
        case Arm.DATABASE:
            return log, ((log, SMALL), (log / "tile", LARGE))
        case Arm.TILES:
            return log / "tile", ((log / "tile", SMALL),)
        case Arm.STORE:
            return data, ((data, SMALL), (log, LARGE))


async def run(arm: Arm, data: Path, seconds: float) -> dict[str, object]:
    """One arm; the file systems are mounted. Raises `Conflict` if anything does not hold."""
    small, _ = mounts(arm, data)
    book, audit = Book(), Audit(data / "log")
    async with served(cold, data) as gate:
        work = asyncio.gather(callers(gate, book, 4), watch(gate, audit))
        try:
            await until(lambda: book.answered >= 10, "nothing was answered at first", work)
            ballast = small / "ballast"
            fill(ballast)
            before = book.refused
            await until(lambda: book.refused > before, "a full disk did not refuse anything", work)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                fill(ballast)
                await asyncio.sleep(0.1)
            while_full, answered = book.refused - before, book.answered
            ballast.unlink()
            began = time.monotonic()
            await until(lambda: book.answered > answered, "it did not recover by itself", work)
            recovered = time.monotonic() - began
        finally:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
        await settle(gate, book, audit, patience=PATIENCE)
    full_check(data / "log")
    async with served(cold, data) as gate:
        await settle(gate, book, audit, patience=PATIENCE)
    audit.read()
    full_check(data / "log")
    lost = [receipt for receipt, leaf in book.leaves.items() if leaf not in audit.leaves]
    if lost or book.unfetched:
        raise Conflict(f"{len(lost)} receipts without an entry, {len(book.unfetched)} that were never seen")
    return {
        "arm": arm,
        "answered": book.answered,
        "refused_503_while_full": while_full,
        "receipts": len(book.leaves),
        "receipts_lost": len(lost),
        "answers_again_after_s": round(recovered, 2),
        "log_check_full": "passed",
    }


async def until(holds: Callable[[], bool], otherwise: str, work: asyncio.Future[tuple[None, None]]) -> None:
    """Wait for a condition while the callers go on."""
    end = time.monotonic() + PATIENCE
    while True:
        if work.done():
            await work
            raise Conflict("the callers stopped")
        if holds():
            return
        if time.monotonic() > end:
            raise Conflict(otherwise)
        await asyncio.sleep(0.02)


def fill(ballast: Path) -> None:
    """Take what room there is, to the last byte that can be had."""
    for size in (65_536, 4_096, 1):
        with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
            while file.write(b"x" * size):
                continue


def isolated(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """This script, in a mount namespace of its own."""
    options = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", "--mount", "--propagation", "private", *options, sys.executable, __file__, "--inside"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


def can_isolate() -> bool:
    """Whether this system lets us mount for ourselves."""
    options = [] if os.geteuid() == 0 else ["--map-root-user"]
    probe = ["unshare", "--mount", "--propagation", "private", *options, "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def inside(arm: Arm, seconds: float) -> None:
    """In the namespace: mount, run, print. The mounts go with the process."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "data"
        for place, size in mounts(arm, data)[1]:
            place.mkdir(parents=True, exist_ok=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "overt-test", str(place)], check=True)
        try:
            print(json.dumps(asyncio.run(run(arm, data, seconds))))
        except Conflict as conflict:
            raise SystemExit(f"{arm}: {conflict}") from conflict
        finally:
            for place, _ in reversed(mounts(arm, data)[1]):
                subprocess.run(["umount", "--lazy", str(place)], check=False)


def main() -> None:
    """Each arm in a namespace of its own."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    options.add_argument("--arm", type=Arm, choices=list(Arm))
    options.add_argument("--seconds", type=float, default=4.0, help="how long the disk stays full")
    options.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.inside:
        inside(chosen.arm, chosen.seconds)
        return
    failed = 0
    for arm in [chosen.arm] if chosen.arm else list(Arm):
        done = isolated(["--arm", arm, "--seconds", str(chosen.seconds)])
        print(done.stdout or done.stderr, end="", flush=True)
        failed += done.returncode != 0
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
