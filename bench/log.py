"""The transparency log against `pymerkle`, group commit against one by one, and memory over millions of entries.

    python bench/log.py                 # a few minutes, nothing to do beside it
    python bench/log.py --full          # 1,000,000 leaves, and a soak of 10,000,000 entries through the log on disk
    python bench/log.py --soak 2000000  # another length

Ratios in one run: both sides take turns and the median of `ROUNDS` counts. Trees and proofs are measured in CPU time of
this process, commits on the clock, because there the disk is what one waits for. pymerkle keeps every node in memory;
so do we here, but for the entry bundles, which pymerkle does not make. Writes ``bench/results/log.json``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from overt.core.receipt import Position
from overt.errors import LogUnavailable
from overt.log.log import TransparencyLog
from overt.log.sqlite import open_log
from overt.proof import merkle, tiles
from overt.proof.nodes import Nodes
from overt.proof.receipt import encode_receipt
from overt.testing.log import ORIGIN, known_signer
from overt.testing.receipts import known_issuer, made_up

try:
    from pymerkle import InmemoryTree
except ImportError as error:
    raise SystemExit(f"{error}: pip install pymerkle==7.0.0") from error

RESULTS: Final = Path(__file__).parent / "results" / "log.json"
ROUNDS: Final = 5
BATCH: Final = 1024
ENTRY_BYTES: Final = 600
PROOFS: Final = 2000
WAITING: Final = 2000
"""Appends under way at a time where commits are shared."""
PROVED: Final = 10
"""Leaves of any age proved after so many appends: they fill the cache of nodes within the first million entries."""

BEHIND_S: Final = 0.05

Files = dict[str, bytes]


def main() -> None:
    """Measure, print, write."""
    asked = arguments()
    if asked.soak_in is not None:
        asyncio.run(soak(Path(asked.soak_in), asked.soak or 10_000_000, asked.every))
        return
    leaves = asked.leaves or (1_000_000 if asked.full else 200_000)
    found: dict[str, Any] = {
        "machine": {"python": platform.python_version(), "processor": processor(), "cores": os.cpu_count()},
        "tree": trees(leaves),
        "proofs": [proofs(20_000), proofs(leaves)],
        "commit": commits(),
        "soak": soaked(asked.soak or (10_000_000 if asked.full else 200_000), asked.folder),
    }
    show(found)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def arguments() -> argparse.Namespace:
    """What is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="a million leaves, ten million entries in the soak")
    parser.add_argument("--leaves", type=int, help="of the tree")
    parser.add_argument("--soak", type=int, help="entries through the log on disk")
    parser.add_argument("--folder", type=Path, help="where the soak may write (some 160 bytes an entry)")
    parser.add_argument("--soak-in", help=argparse.SUPPRESS)
    parser.add_argument("--every", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def entries(count: int) -> list[bytes]:
    """Entries of the size of a receipt's, each its own."""
    padding = b"x" * (ENTRY_BYTES - 12)
    return [padding + b"%012d" % number for number in range(count)]


# Trees


def trees(count: int) -> dict[str, Any]:
    """Building a tree from entries."""
    made = entries(count)
    gc.collect()
    gc.freeze()  # or every collection walks over the entries, for both
    ours, theirs = [], []
    for _ in range(ROUNDS):
        spent, root = timed(lambda: build(made)[0].root)
        ours.append(count / spent)
        spent, other = timed(lambda: build_theirs(made).get_root())
        theirs.append(count / spent)
        if root != other:
            raise SystemExit(f"the roots differ: {root.hex()} and {other.hex()}")
    gc.unfreeze()
    return {"leaves": count, "entry_bytes": ENTRY_BYTES} | compared(ours, theirs, "per_second")


def build(made: list[bytes]) -> tuple[tiles.Edge, Files]:
    """As the sequencer does, batch by batch; the hash tiles are kept."""
    edge, kept = tiles.Edge(), Files()
    for first in range(0, len(made), BATCH):
        edge, files = tiles.grow(edge, made[first : first + BATCH])
        for path, data in files.items():
            if not path.startswith("tile/entries"):
                kept[path] = data
    return edge, kept


def build_theirs(made: list[bytes]) -> InmemoryTree:
    tree = InmemoryTree(algorithm="sha256")
    for entry in made:
        tree.append_entry(entry)
    return tree


# Proofs


def proofs(count: int) -> dict[str, Any]:
    """Proving random leaves and random earlier sizes; every cache as it is after it was used once."""
    made = [b"%d" % number for number in range(count)]
    edge, files = build(made)
    tree = build_theirs(made)
    chosen = random.Random(count).sample(range(count), min(PROOFS, count))
    found: dict[str, Any] = {"leaves": count}
    nodes = Nodes()
    cold, _ = timed(lambda: [prove(nodes, files, index, count) for index in chosen])
    found["inclusion_cold_us"] = round(1e6 * cold / len(chosen), 1)
    check(nodes, files, chosen[:50], count, edge.root)
    gc.collect()
    gc.freeze()
    for name, ours, theirs in (
        ("inclusion", lambda i: prove(nodes, files, i, count), lambda i: tree.prove_inclusion(i + 1, count)),
        (
            "consistency",
            lambda i: continues(nodes, files, i + 1, count),
            lambda i: tree.prove_consistency(i + 1, count),
        ),
    ):
        mine, other = [], []
        for _ in range(ROUNDS):
            mine.append(1e6 * timed(lambda ours=ours: [ours(index) for index in chosen])[0] / len(chosen))
            other.append(1e6 * timed(lambda theirs=theirs: [theirs(index) for index in chosen])[0] / len(chosen))
        found[name] = compared(mine, other, "us", less_is_better=True)
    gc.unfreeze()
    return found


def prove(nodes: Nodes, files: Files, index: int, size: int) -> tuple[bytes, ...]:
    prepare(nodes, files, index, size)
    return nodes.inclusion(index, size)


def continues(nodes: Nodes, files: Files, old: int, size: int) -> tuple[bytes, ...]:
    prepare(nodes, files, old - 1, size)
    return nodes.consistency(old, size)


def prepare(nodes: Nodes, files: Files, index: int, size: int) -> None:
    for tile in nodes.missing(index, size):
        nodes.put(tile, size, files[tile.path])


def check(nodes: Nodes, files: Files, chosen: list[int], size: int, root: bytes) -> None:
    """What is measured is also right."""
    hashes = tiles.hashes_in(size, tiles.rows_from(files.get))
    for index in chosen:
        if prove(nodes, files, index, size) != merkle.prove_inclusion(index, size, hashes):
            raise SystemExit(f"a wrong inclusion proof of {index} in {size}")
        if continues(nodes, files, index + 1, size) != merkle.prove_consistency(index + 1, size, hashes):
            raise SystemExit(f"a wrong consistency proof of {index + 1} in {size}")
    if nodes.root(size) != root:
        raise SystemExit(f"a wrong root of {size}")


# Commits


def commits() -> dict[str, Any]:
    """Durable entries a second, and durable receipts with statement, commitments and signature."""
    alone, shared, receipts_alone, receipts_shared = [], [], [], []
    for number in range(ROUNDS):
        with tempfile.TemporaryDirectory(dir=here()) as folder:
            got = asyncio.run(durable(Path(folder), number))
        for into, rate in zip((alone, shared, receipts_alone, receipts_shared), got, strict=True):
            into.append(rate)
    return {
        "entries": compared(shared, alone, "per_second", names=("group", "one_by_one")),
        "receipts": compared(receipts_shared, receipts_alone, "per_second", names=("group", "one_by_one")),
    }


async def durable(folder: Path, number: int) -> tuple[float, float, float, float]:
    """Entries one by one and together, receipts one by one and together: each a second."""
    log = await open_log(folder, ORIGIN, known_signer())
    issuer = known_issuer()
    names = iter(range(number * 10_000_000, (number + 1) * 10_000_000))

    async def receipt() -> None:
        exchange = made_up(issuer, next(names))
        await log.append(exchange.entry)
        encode_receipt(exchange.receipt)

    async def entry() -> None:
        await log.append(b"x" * (ENTRY_BYTES - 12) + b"%012d" % next(names))

    async def one_by_one(each: Callable[[], Any], count: int) -> float:
        began = time.perf_counter()
        for _ in range(count):
            await each()
        return count / (time.perf_counter() - began)

    async def together(each: Callable[[], Any], count: int) -> float:
        began = time.perf_counter()
        for _ in range(0, count, WAITING):
            await asyncio.gather(*(each() for _ in range(WAITING)))
        return count / (time.perf_counter() - began)

    await one_by_one(entry, 50)
    found = (
        await one_by_one(entry, 400),
        await together(entry, 10_000),
        await one_by_one(receipt, 400),
        await together(receipt, 4_000),
    )
    await log.aclose()
    return found


# Soak


def soaked(count: int, folder: Path | None) -> dict[str, Any]:
    """A process of its own, so that its memory is the log's."""
    with tempfile.TemporaryDirectory(dir=folder or here()) as made:
        every = max(1, count // 10)
        command = [sys.executable, __file__, "--soak-in", made, "--soak", str(count), "--every", str(every)]
        marks = []
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout or ():
                marks.append(json.loads(line))
                print(line, end="", file=sys.stderr, flush=True)
        if process.returncode != 0 or not marks:
            raise SystemExit(f"the soak ended with {process.returncode}")
    first, last = marks[0], marks[-1]
    return {"entries": count, "marks": marks, "rss_growth_mb": round(last["rss_mb"] - first["rss_mb"], 1)}


async def soak(folder: Path, count: int, every: int) -> None:
    """Append through the real log on disk, prove leaves of any age, and say how much memory it takes."""
    log = await open_log(folder, ORIGIN, known_signer())
    began, mark, chosen = time.perf_counter(), time.perf_counter(), random.Random(1)
    for first in range(0, count, WAITING):
        made = [b"%012d" % number for number in range(first, min(first + WAITING, count))]
        positions = [await place for place in [asyncio.create_task(_kept(log, entry)) for entry in made]]
        for _ in range(PROVED):
            await log.proof(merkle.leaf_hash(b"%012d" % chosen.randrange(first + 1)))
        done = first + len(made)
        if done % every < WAITING <= done:
            now = time.perf_counter()
            told = {
                "entries": done,
                "rss_mb": rss(),
                "per_second": round(every / (now - mark)),
                "seconds": round(now - began),
            }
            print(json.dumps(told | {"last_place": positions[-1].sequence}), flush=True)
            mark = now
    await log.aclose()


async def _kept(log: TransparencyLog, entry: bytes) -> Position:
    """Where an entry is, asked again while the log says that it is behind, as a caller who is answered 503 would."""
    while True:
        try:
            return await log.append(entry)
        except LogUnavailable as error:
            if "waited" not in str(error):
                raise
            await asyncio.sleep(BEHIND_S)


def rss() -> float:
    """Megabytes of this process in memory. Needs Linux's /proc."""
    status = Path("/proc/self/status").read_text()
    kilobytes = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return round(kilobytes / 1024, 1)


# What all share


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of this process, and what came of it."""
    began = time.process_time()
    found = work()
    return time.process_time() - began, found


def compared(
    ours: list[float],
    theirs: list[float],
    unit: str,
    *,
    less_is_better: bool = False,
    names: tuple[str, str] = ("overt", "pymerkle"),
) -> dict[str, Any]:
    """Medians of both, the ratio of medians (above 1: we are faster), and the lowest ratio of a round."""
    each = [(b / a if less_is_better else a / b) for a, b in zip(ours, theirs, strict=True)]
    a, b = statistics.median(ours), statistics.median(theirs)
    return {
        f"{names[0]}_{unit}": rounded(a),
        f"{names[1]}_{unit}": rounded(b),
        "ratio": round(b / a if less_is_better else a / b, 1),
        "lowest_ratio": round(min(each), 1),
    }


def rounded(value: float) -> float:
    return round(value) if value >= 1000 else round(value, 1)


def here() -> Path:
    """On the disk of this checkout: the folder of temporary files may be in memory, where a sync costs nothing."""
    return RESULTS.parent


def processor() -> str:
    """Its name, as Linux gives it."""
    lines: Iterator[str] = iter(Path("/proc/cpuinfo").read_text().splitlines())
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def show(found: dict[str, Any]) -> None:
    """The table."""
    tree = found["tree"]
    rows = [(f"tree of {tree['leaves']:,} leaves, per s", tree["overt_per_second"], tree["pymerkle_per_second"], tree)]
    for each in found["proofs"]:
        for kind in ("inclusion", "consistency"):
            row = each[kind]
            rows.append((f"{kind} in {each['leaves']:,}, µs", row["overt_us"], row["pymerkle_us"], row))
    for kind in ("entries", "receipts"):
        row = found["commit"][kind]
        rows.append(
            (f"durable {kind} per s: group / one by one", row["group_per_second"], row["one_by_one_per_second"], row)
        )
    print(f"{'':45} {'overt':>10} {'other':>10} {'ratio':>6} {'lowest':>7}")
    for name, a, b, row in rows:
        print(f"{name:45} {a:>10,} {b:>10,} {row['ratio']:>6} {row['lowest_ratio']:>7}")
    first, *_, last = found["soak"]["marks"]
    print(f"memory: {first['rss_mb']} MB at {first['entries']:,} entries, {last['rss_mb']} MB at {last['entries']:,}")


if __name__ == "__main__":
    main()
