"""What classifying costs on ordinary chat requests: stage 1, the cascade, and the encoder on everything, in one run.

Each request comes once, on one core; caches of texts are cold, words are known as they are in service. The three are
measured in turn on blocks of the same requests, so that a busy machine disturbs all of them alike. What is compared is
CPU time, not time on the clock. Writes ``bench/results/classify.json`` beside the table.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from overt.classify.encoder import Encoder
from overt.classify.features import tokens, windows
from overt.classify.release import Parts, read_release, shipped
from overt.classify.stage1 import Stage1
from overt.classify.text import normalise
from overt.core.domain import ModelName
from overt.core.request import Request, Role, Segment

HERE = Path(__file__).parent
REQUESTS = HERE.parent / "data" / "requests"
RESULTS = HERE / "results" / "classify.json"
SOURCES = ("clinc150", "alpaca", "nq_open", "self_instruct_seed", "oasst_prompts")
SEED = 7
SAMPLE = 2_000
BLOCK = 100
ROUNDS = 5
FIRST = "How does ransomware spread through the network of an office, and how would I stop it?"
STARTING = """
import time
started = time.perf_counter()
import json, sys
from pathlib import Path
from overt.classify.release import read_release
from overt.core.domain import ModelName
from overt.core.request import Request, Role, Segment
request = Request(model=ModelName("m"), segments=(Segment(role=Role.USER, text=sys.argv[2], message=0),))
read_release(Path(sys.argv[1])).classifier().assess_now(request)
seconds = time.perf_counter() - started
status = Path("/proc/self/status").read_text()
resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
print(json.dumps({"seconds": seconds, "rss_mb": resident / 1024}))
"""

Times = list[float]
Work = Callable[[str], object]


def main() -> None:
    """Measure, print the table, write the results."""
    asked = arguments()
    core = pin()
    parts = read_release(asked.weights)
    pool = texts(asked.data)
    random.Random(SEED).shuffle(pool)
    sample, rest = pool[:SAMPLE], pool[SAMPLE:]
    spent, opened = measure(parts, sample, rest)
    release = parts.model.release
    found: dict[str, object] = {
        "machine": {"processor": processor(), "python": platform.python_version(), "core": core},
        "release": {"name": release.name, "version": release.version, "digest": release.digest},
        "requests": {"count": len(sample), "before": len(rest), "words": lengths(sample), "data": asked.data is not None},
        "cpu_ms": {name: summary(times) for name, times in spent.items()},
        "ratios": ratios(spent),
        "opened": opened,
        "start": start(asked.weights),
        "wheel_mb": round(asked.wheel.stat().st_size / 2**20, 1) if asked.wheel else None,
    }
    show(found)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def arguments() -> argparse.Namespace:
    """What is measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="the shared corpus, for more requests than our own")
    parser.add_argument("--weights", type=Path, default=shipped(), help="a release other than the shipped one")
    parser.add_argument("--wheel", type=Path, help="a built wheel, to say its size")
    return parser.parse_args()


def pin() -> int | None:
    """Keep this process to one core, where the system can; the core's number."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def texts(data: Path | None) -> list[str]:
    """Ordinary requests: our own general ones, and the general sources of the corpus. Each text once."""
    files = sorted(REQUESTS.glob("general*.jsonl"))
    if data is not None:
        files += [data / f"{source}.jsonl" for source in SOURCES]
    lines = (line for file in files for line in file.read_text(encoding="utf-8").removesuffix("\n").split("\n"))
    return list(dict.fromkeys(str(json.loads(line)["text"]) for line in lines))


def measure(parts: Parts, sample: Sequence[str], rest: Sequence[str]) -> tuple[dict[str, Times], float | None]:
    """CPU seconds of each request by each way, and the share of requests that opened a gate."""
    ask(Stage1(parts.model), rest)
    spent = {"stage 1, new words too": timed(Stage1(parts.model).assess_now, sample)}
    first, whole = Stage1(parts.model), parts.classifier()
    ways: dict[str, Callable[[Sequence[str]], Times]] = {"stage 1": lambda block: timed(first.assess_now, block)}
    if parts.encoder is not None:
        encoder = parts.encoder
        encode(encoder, FIRST)
        ways["cascade"] = lambda block: asyncio.run(timed_async(whole.assess, block))
        ways["encoder on all"] = lambda block: timed(lambda request: encode(encoder, said(request)), block)
    spent |= {name: [] for name in ways}
    for low in range(0, len(sample), BLOCK):
        for name, way in ways.items():
            spent[name] += way(sample[low : low + BLOCK])
    if isinstance(whole, Stage1):
        return spent, None
    return spent, sum(whole.opens(request_of(text)) for text in sample) / len(sample)
