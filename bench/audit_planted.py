"""Does `overt audit topic` find a topic that a server degrades, and nothing where there is none?

    python bench/audit_planted.py                       # everything; 200 runs of the first three cells
    python bench/audit_planted.py --runs 20 --http 0    # a quick look
    python bench/audit_planted.py --jobs 2 --first 12   # two processes; go on after the first 12 cells of --out

A run draws new answers of both sides: the reference (right in 90 % of cases) and the server, which serves a weaker
model in a share q of calls, about the topic only, about everything alike, or never. Prompts are those that a plan takes
from the shipped sets, grades are those of the shipped checkers, the verdict is that of `audit_topic` with the defaults
of the command. Answers are made in memory; `--http N` full audits (plan, collect and topic as commands, against
a server on this machine) show that the commands give the same numbers to the digit. Every table holds its nulls.
Figures with exact 95 % intervals (Clopper and Pearson) go to bench/results/audit_planted.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from zlib import crc32

from overt.audit.planning.parse import read_draft
from overt.audit.prompts.checkers import grade
from overt.audit.prompts.reference import Reference
from overt.audit.prompts.sets import load, references_of
from overt.audit.rows import Answer, Prompt
from overt.audit.topic import TopicAudit, audit_topic
from overt.audit.topic_rows import Asked
from overt.audit.verdict import Verdict
from overt.testing.audited import AuditedServer
from overt.testing.audited_solver import solver_of_references
from overt.testing.language_models import (
    Faults,
    LanguageModel,
    SimulatedEndpoint,
    SimulatedModel,
    Skill,
    Solver,
    about,
    on_topic,
    swap,
)

RESULTS: Final = Path(__file__).parent / "results" / "audit_planted.json"
SEED: Final = 20261123
ABLE: Final = 0.9
"""The share of right answers of the model that is claimed to be served."""
AGREEMENT: Final = 0.3
"""The share of prompts to which a model is always right or always wrong."""
PLAN: Final = """
question = "topic"
topic = "{name}"
control = "control_{name}"
checkers = "{name}"
[[prompts]]
set = "{name}"
most = {pairs}
[[routes]]
name = "official"
role = "reference"
api = "anthropic"
base_url = "{reference}"
model = "big-1"
[[routes]]
name = "reseller"
role = "endpoint"
api = "chat"
base_url = "{endpoint}"
model = "big-1"
"""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One server and one size of audit. ``words``: whether the weaker model writes as another one, or the same."""

    name: str = "frontier_llm"
    pairs: int = 200
    struck: str = "topic"
    """topic, everything or nothing."""
    share: float = 0.5
    right: float = 0.3
    words: str = "another"
    runs: int = 200

    def __str__(self) -> str:
        if self.struck == "nothing":
            return f"{self.name}, {self.pairs} pairs, honest"
        return (
            f"{self.name}, {self.pairs} pairs, {self.struck} q={self.share:g}, right {ABLE:g} to {self.right:g}, "
            f"{self.words} words"
        )


def cells(runs: int) -> Iterator[Cell]:
    """The acceptance first, then other sets, milder degradations, and fewer pairs."""
    half, few = max(runs // 2, 1), max(runs // 4, 1)
    yield from (Cell(struck=struck, runs=runs) for struck in ("topic", "everything", "nothing"))
    for name in ("cyber", "bio", "chem"):
        yield from (
            Cell(name=name, pairs=61, struck=struck, runs=half) for struck in ("topic", "everything", "nothing")
        )
    yield Cell(struck="everything", share=1, words="same", runs=few)
    yield Cell(words="same", runs=few)
    yield Cell(right=0.6, words="same", runs=few)
    yield Cell(right=0.6, runs=few)
    yield Cell(pairs=50, words="same", runs=few)
    yield Cell(pairs=50, struck="everything", words="same", runs=few)


@dataclass(frozen=True, kw_only=True)
class Bed:
    """What all runs on a set have in common."""

    prompts: tuple[Prompt, ...]
    references: Mapping[str, Reference]
    solver: Solver


@cache
def bed(name: str, pairs: int) -> Bed:
    """The prompts that a plan takes from the set, how they are graded, and what a right and a wrong answer is."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "plan.toml"
        here = "http://127.0.0.1:1"
        path.write_text(PLAN.format(name=name, pairs=pairs, reference=here, endpoint=here))
        prompts = read_draft(path, load, budget=Decimal(0), made_at="2026-01-01T00:00:00Z").plan.prompts
    references = references_of(prompt.pid for prompt in prompts)
    solver = solver_of_references([(prompt, references[prompt.pid]) for prompt in prompts])
    return Bed(prompts=prompts, references=references, solver=solver)


def endpoints(cell: Cell, run: int) -> tuple[SimulatedEndpoint, SimulatedEndpoint]:
    """The reference and the server of this run; every run of every cell draws anew."""
    on = bed(cell.name, cell.pairs)
    good = SimulatedModel(
        name="big-1", words=LanguageModel(seed=1), skill=Skill(right=ABLE, agreement=AGREEMENT), explains=True
    )
    weak = replace(
        good,
        name="small-1",
        words=LanguageModel(seed=2 if cell.words == "another" else 1),
        skill=Skill(right=cell.right, agreement=AGREEMENT),
    )
    faults = {
        "topic": on_topic(weak, cell.share, about(on.prompts, cell.name)),
        "everything": swap(weak, cell.share),
        "nothing": Faults(),
    }[cell.struck]
    place = crc32(f"{SEED} {cell} {run}".encode()) * 2
    return (
        SimulatedEndpoint(serves=good, seed=place, solver=on.solver),
        SimulatedEndpoint(serves=good, seed=place + 1, solver=on.solver, faults=faults),
    )


def one(cell: Cell, run: int) -> TopicAudit:
    """One audit in memory, with the defaults of the command."""
    on = bed(cell.name, cell.pairs)
    reference, endpoint = (_rows(side, on) for side in endpoints(cell, run))
    return audit_topic(reference, endpoint, on.prompts, Asked(topic=cell.name, control=(f"control_{cell.name}",)))


def _rows(endpoint: SimulatedEndpoint, on: Bed) -> list[Answer]:
    """Answers graded from their texts alone: what the simulation knows of them is not used."""
    return [
        replace(answer, score=grade(on.references[answer.pid], answer.text).score)
        for answer in endpoint.answers(on.prompts)
    ]


def figures(cell: Cell, found: Sequence[TopicAudit]) -> dict[str, Any]:
    """What came of all runs of a cell."""
    said = [audit.verdict for audit in found]
    deltas = [audit.delta for audit in found if audit.delta is not None]
    return {
        **asdict(cell),
        "on topic": share_of(said.count(Verdict.CHANGED_ON_TOPIC), len(said)),
        "changed": share_of(said.count(Verdict.CHANGED), len(said)),
        "no change detected": said.count(Verdict.NO_CHANGE),
        "cannot tell": said.count(Verdict.CANNOT_TELL),
        "mean delta": round(sum(deltas) / len(deltas), 4) if deltas else None,
    }


def share_of(found: int, runs: int) -> dict[str, float | int]:
    """A share with its exact 95 % interval (Clopper and Pearson 1934)."""
    low = 0.0 if found == 0 else _where(lambda p: 1 - _at_most(found - 1, runs, p) - 0.025)
    high = 1.0 if found == runs else _where(lambda p: 0.025 - _at_most(found, runs, p))
    return {"found": found, "share": round(found / runs, 4), "low": round(low, 4), "high": round(high, 4)}


def _at_most(found: int, runs: int, p: float) -> float:
    return math.fsum(math.comb(runs, k) * p**k * (1 - p) ** (runs - k) for k in range(found + 1))


def _where(rises: Callable[[float], float]) -> float:
    """Where a function that rises in (0, 1) is 0."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if rises(middle) < 0 else (low, middle)
    return (low + high) / 2


# --- over HTTP, by the commands --------------------------------------------------------------------------------------


async def over_http(cell: Cell, run: int) -> dict[str, Any]:
    """One audit by the commands, and whether it gives what the one in memory gives."""
    reference, endpoint = endpoints(cell, run)
    async with AuditedServer(endpoint=reference) as official, AuditedServer(endpoint=endpoint) as reseller:
        with TemporaryDirectory() as made:
            folder = Path(made)
            text = PLAN.format(name=cell.name, pairs=cell.pairs, reference=official.url, endpoint=reseller.url)
            (folder / "plan.toml").write_text(text)
            audit = folder / "audit"
            await _overt("plan", str(folder / "plan.toml"), "--out", str(audit), "--power", "0")
            await _overt("collect", str(audit))
            rows = [str(audit / name) for name in ("reference.jsonl", "endpoint.jsonl", "prompts.jsonl")]
            sides = ["--reference", rows[0], "--endpoint", rows[1], "--prompts", rows[2]]
            topics = ["--topic", cell.name, "--control", f"control_{cell.name}"]
            commanded = json.loads(await _overt("topic", *sides, *topics, "--json"))
    in_memory = json.loads(json.dumps(asdict(one(cell, run))))
    return {
        "cell": str(cell),
        "run": run,
        "calls": len(official.received) + len(reseller.received),
        "verdict": commanded["verdict"],
        "equal in every number": commanded == in_memory,
    }


async def _overt(*arguments: str) -> bytes:
    """One command; a finding (1) is an answer, anything else an error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "overt.cli",
        "audit",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complaint = await process.communicate()
    if process.returncode not in (0, 1) or (process.returncode and arguments[0] != "topic"):
        raise SystemExit(f"overt audit {' '.join(arguments)}: {complaint.decode()} {said.decode()}")
    return said


# --- the command -----------------------------------------------------------------------------------------------------


def main() -> None:
    """Run everything and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--runs", type=int, default=200, help="of the first three cells; others have a half or a quarter"
    )
    parser.add_argument("--http", type=int, default=3, help="full audits over HTTP of each of the first three cells")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--first", type=int, default=0, help="keep this many cells of --out, and its audits over HTTP")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    wanted = list(cells(given.runs))
    kept: dict[str, Any] = {"seed": SEED, "able": ABLE, "agreement": AGREEMENT, "http": [], "cells": []}
    if given.first:
        before = json.loads(given.out.read_text())
        kept |= {"cells": before["cells"][: given.first], "http": before["http"]}
    for cell in wanted[:3]:
        for run in range(given.http):
            kept["http"].append(asyncio.run(over_http(cell, run)))
            print(json.dumps(kept["http"][-1]), flush=True)
    with ProcessPoolExecutor(given.jobs) as pool:
        for cell in wanted[given.first :]:
            started = time.monotonic()
            found = list(pool.map(one, [cell] * cell.runs, range(cell.runs), chunksize=5))
            kept["cells"].append(figures(cell, found))
            print(_line(cell, kept["cells"][-1], time.monotonic() - started), flush=True)
            given.out.write_text(json.dumps(kept, indent=1) + "\n")


def _line(cell: Cell, found: Mapping[str, Any], seconds: float) -> str:
    parts = [
        f"{name} {found[name]['share']:.3f} ({found[name]['low']:.3f}-{found[name]['high']:.3f})"
        for name in ("on topic", "changed")
    ]
    return f"{cell}: {'; '.join(parts)}; delta {found['mean delta']}; {cell.runs} runs, {seconds:.0f} s"


if __name__ == "__main__":
    main()
