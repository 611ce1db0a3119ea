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
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from overt.classify.cascade import Cascade
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
BLOCK = 500
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

NEW_WORDS = "stage 1, words as come"
STAGE1 = "stage 1"
POINTING = "stage 1 with triggers"
CASCADE = "cascade"
ENCODER = "encoder on all"

Times = list[float]


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
        "requests": {
            "count": len(sample),
            "before": len(rest),
            "words": words_of(sample),
            "data": asked.data is not None,
        },
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
    requests = [request_of(text) for text in sample]
    alone = parts.encoder is None
    timed(Stage1(parts.model, alone=alone).assess_now, [request_of(text) for text in rest])
    spent = {NEW_WORDS: timed(Stage1(parts.model, alone=alone).assess_now, requests)}
    first, pointing, whole = Stage1(parts.model, alone=alone), Stage1(parts.model), parts.classifier()
    ways: dict[str, Callable[[Sequence[Request]], Times]] = {
        STAGE1: partial(timed, first.assess_now),
        POINTING: partial(timed, pointing.assess_now),
    }
    if parts.encoder is not None:
        encode = partial(encode_all, parts.encoder)
        ways |= {CASCADE: partial(served, whole), ENCODER: partial(timed, encode)}
        for way in ways.values():
            way([request_of(FIRST)])
    spent |= {name: [] for name in ways}
    for low in range(0, len(requests), BLOCK):
        for name, way in ways.items():
            spent[name] += way(requests[low : low + BLOCK])
    if isinstance(whole, Stage1):
        return spent, None
    return spent, sum(map(whole.opens, requests)) / len(requests)


def request_of(text: str) -> Request:
    """A request whose only message is this text."""
    return Request(model=ModelName("m"), segments=(Segment(role=Role.USER, text=text, message=0),))


def timed(work: Callable[[Request], object], requests: Sequence[Request]) -> Times:
    """CPU seconds of each."""
    spent = []
    for request in requests:
        before = time.process_time()
        work(request)
        spent.append(time.process_time() - before)
    return spent


def served(classifier: Cascade | Stage1, requests: Sequence[Request]) -> Times:
    """CPU seconds of each as the gateway asks, on an event loop; what runs in threads counts."""

    async def work() -> Times:
        spent = []
        for request in requests:
            before = time.process_time()
            await classifier.assess(request)
            spent.append(time.process_time() - before)
        return spent

    return asyncio.run(work())


def encode_all(encoder: Encoder, request: Request) -> object:
    """Stage 2 on every window of a request, as if there were no stage 1."""
    text = normalise(request.segments[0].text).text
    found = tokens(text)
    ranges = windows(len(found))
    if len(ranges) <= 1:
        return encoder.logits([text])
    return encoder.logits([text[found.starts[low] : found.ends[high - 1]] for low, high in ranges])


def summary(times: Times) -> dict[str, float]:
    """Mean, median and the 99th percentile, in milliseconds."""
    ordered = sorted(1_000 * seconds for seconds in times)
    last = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return {"mean": statistics.mean(ordered), "median": statistics.median(ordered), "p99": last}


def ratios(spent: Mapping[str, Times]) -> dict[str, float]:
    """How many times the encoder on everything costs what each other way costs, by means."""
    if ENCODER not in spent:
        return {}
    whole = statistics.mean(spent[ENCODER])
    return {name: whole / statistics.mean(times) for name, times in spent.items() if name != ENCODER}


def words_of(sample: Sequence[str]) -> dict[str, float]:
    """How long the requests are, in words between white space."""
    counts = [len(text.split()) for text in sample]
    return {"mean": statistics.mean(counts), "median": statistics.median(counts), "most": max(counts)}


def start(weights: Path) -> dict[str, float]:
    """From the first import to the first verdict, and resident memory then, in processes of their own: medians."""
    rows = []
    for _ in range(ROUNDS):
        command = [sys.executable, "-c", STARTING, str(weights), FIRST]
        rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]}


def processor() -> str:
    """What the machine calls its processor, and whether that multiplies int8 in hardware."""
    listing = Path("/proc/cpuinfo")
    if not listing.is_file():
        return platform.processor() or platform.machine()
    rows = (line.partition(":") for line in listing.read_text().split("\n"))
    found = {name.strip(): value.strip() for name, _, value in rows}
    vnni = [flag for flag in found.get("flags", "").split() if "vnni" in flag]
    return ", ".join([found.get("model name", platform.machine()), *vnni])


def show(found: Mapping[str, Any]) -> None:
    """The table."""
    machine, requests = found["machine"], found["requests"]
    print(f"{machine['processor']}; one core; release {found['release']['name']} {found['release']['version']}")
    print(
        f"{requests['count']} requests of {requests['words']['median']:.0f} words (median; mean "
        f"{requests['words']['mean']:.1f}), {requests['before']} others before them"
    )
    print(f"{'CPU per request, ms':<24} {'mean':>8} {'median':>8} {'p99':>8} {'of encoder':>11}")
    for name, row in found["cpu_ms"].items():
        ratio = f"1/{found['ratios'][name]:.1f}" if name in found["ratios"] else "-"
        print(f"{name:<24} {row['mean']:>8.4f} {row['median']:>8.4f} {row['p99']:>8.4f} {ratio:>11}")
    if found["opened"] is None:
        print("this release has no stage 2: cascade and encoder are not measured")
    else:
        print(f"{100 * found['opened']:.1f} % of the requests opened a gate")
    begun = found["start"]
    print(f"first verdict {begun['seconds']:.2f} s after the first import, {begun['rss_mb']:.0f} MB resident")
    if found["wheel_mb"] is not None:
        print(f"wheel of {found['wheel_mb']:.1f} MB")


if __name__ == "__main__":
    main()
