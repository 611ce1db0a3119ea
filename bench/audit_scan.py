"""Goal G10 of the contamination scan: how fast it reads, and whether its bounds hold the true score.

Makes a log of Inspect (zstd, as inspect-ai writes it) and a file of raw responses, scans both with the command's own
parts, and simulates contaminations: which samples another model answers depends on how hard they are, so that the
naive mean is wrong. Prints a table and writes ``bench/results/audit_scan.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zstandard

from overt.audit.scan.bounds import corrected
from overt.audit.scan.inspect_log import Options
from overt.audit.scan.read import scan
from overt.audit.scan.sample import Kind, Sample, Standing
from overt.audit.scan.shown import Score, as_object

RESULTS = Path(__file__).parent / "results" / "audit_scan.json"


# --- A log, as inspect-ai writes it -----------------------------------------------------------------------------------


def write_log(path: Path, number: int) -> None:
    """A log of single answers with prompts of a kilobyte; every tenth is handed over, every twentieth refused."""
    spec = {"task": "bench", "model": "anthropic/claude-fable-5", "packages": {"inspect_ai": "0.3.285"}}
    rows = [row(index) for index in range(number)]
    members: list[tuple[str, Any]] = [(f"samples/{each['id']}_epoch_1.json", record(each)) for each in rows]
    members += [("summaries.json", rows), ("header.json", {"version": 2, "status": "success", "eval": spec})]
    path.write_bytes(b"".join(zipped(members)))


def row(index: int) -> dict[str, Any]:
    """A summary."""
    handed = [{"model": "claude-fable-5", "fallback_model": "claude-opus-4-8", "count": 1}]
    return {
        "id": f"task-{index}",
        "epoch": 1,
        "input": "What is asked here? " * 50,
        "target": "4",
        "metadata": {"topic": f"topic {index % 7}"},
        "scores": {"includes": {"value": "C" if index % 3 else "I", "answer": "4", "history": []}},
        "model_usage": {"anthropic/claude-fable-5": {"input_tokens": 30, "output_tokens": 20, "total_tokens": 50}},
        **({"model_fallbacks": handed} if index % 10 == 0 else {}),
        "completed": True,
        "message_count": 2,
        "turn_count": 1,
    }


def record(summary: dict[str, Any]) -> dict[str, Any]:
    """A whole sample: its output, and then the event that made it, with the raw call."""
    index = int(summary["id"].removeprefix("task-"))
    refused = index % 20 == 5
    text = "" if refused else "The answer is 4. " * 20
    message = {"role": "assistant", "content": text, "source": "generate", "model": "claude-fable-5"}
    choice = {"message": message, "stop_reason": "content_filter" if refused else "stop"}
    model = "claude-opus-4-8" if "model_fallbacks" in summary else "claude-fable-5"
    output = {"model": model, "choices": [choice], "completion": text}
    messages = [{"role": "user", "content": summary["input"]}, message]
    call = {"request": {"messages": messages}, "response": {"content": text}}
    event = {"event": "model", "model": "anthropic/claude-fable-5", "input": messages, "output": output, "call": call}
    head: dict[str, Any] = {name: summary[name] for name in ("id", "epoch", "input", "target")}
    rest = {name: summary[name] for name in ("scores", "metadata")}
    return {**head, "messages": messages, "output": output, **rest, "store": {}, "events": [event], "turn_count": 1}


def zipped(members: Sequence[tuple[str, Any]]) -> Iterator[bytes]:
    """The parts of a zip archive whose members are packed by zstd (method 93)."""
    packer, directory, at = zstandard.ZstdCompressor(), [], 0
    for name, value in members:
        raw = json.dumps(value).encode()
        packed = packer.compress(raw)
        fields = (45, 0, 93, 0, 0, zlib.crc32(raw), len(packed), len(raw), len(name.encode()), 0)
        yield (local := struct.pack("<4s5H3L2H", b"PK\x03\x04", *fields) + name.encode() + packed)
        directory.append(struct.pack("<4sH5H3L5H2L", b"PK\x01\x02", 45, *fields, 0, 0, 0, 0, at) + name.encode())
        at += len(local)
    yield (listing := b"".join(directory))
    yield struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, len(members), len(members), len(listing), at, 0)


def write_rows(path: Path, number: int) -> None:
    """Raw Anthropic responses with their requests."""
    with path.open("w", encoding="utf-8") as file:
        for index in range(number):
            content = [{"type": "text", "text": "The answer is 4. " * 20}]
            entries = [{"type": "message", "model": "claude-fable-5", "input_tokens": 9, "output_tokens": 9}]
            usage = {"input_tokens": 9, "output_tokens": 9, "iterations": entries}
            response: dict[str, Any] = {
                "id": f"msg_{index}",
                "type": "message",
                "role": "assistant",
                "model": "claude-fable-5",
            }
            response |= {"content": content, "stop_reason": "end_turn", "stop_details": None, "usage": usage}
            messages = [{"role": "user", "content": "What is asked here? " * 50}]
            request = {"model": "claude-fable-5", "max_tokens": 99, "messages": messages}
            file.write(json.dumps({"request": request, "response": response, "score": index % 2}) + "\n")


def seconds(path: Path) -> tuple[float, float, dict[str, int]]:
    """From the file to the whole JSON answer, bounds included: on the clock, of the processor; and the counts."""
    started, worked = time.perf_counter(), time.process_time()
    found = scan([path], Options(), lambda *_: None)
    made = corrected(found.samples, scale=(0, 1), delta=0.1, seed=0)
    answer = as_object(found, [Score(group="", requested=None, corrected=made)] if made is not None else [])
    json.dumps(answer)
    return time.perf_counter() - started, time.process_time() - worked, answer["counts"]


# --- Whether the bounds hold the truth --------------------------------------------------------------------------------


def contaminated(draw: np.random.Generator) -> tuple[list[Sample], float, float]:
    """A run, the score of the requested model on its very tasks, and its expected score on such tasks.

    Ability differs by task; the harder a task for the requested model, or the easier, the likelier it is handed over.
    """
    number, share, leaning = int(draw.integers(40, 400)), draw.uniform(0.05, 0.6), draw.choice([-4.0, 4.0])
    ability = draw.beta(2, 1.5, number)
    own = draw.random(number) < ability
    lost = 1 / (1 + np.exp(-(leaning * (ability - ability.mean()) + np.log(share / (1 - share)))))
    kinds = np.where(draw.random(number) < lost, draw.choice(3, number, p=[0.6, 0.3, 0.1]), 3)
    other = draw.random(number) < np.clip(ability - 0.3, 0, 1)
    standings = (Standing.OTHER, Standing.REFUSED, Standing.UNKNOWN, Standing.OWN)
    scores = np.where(kinds >= 2, own, np.where(kinds == 0, other, 0)).astype(float)
    samples = [
        simulated(str(task), standings[kind], score)
        for task, (kind, score) in enumerate(zip(kinds, scores, strict=True))
    ]
    return samples, float(own.mean()), 2 / 3.5


def simulated(task: str, standing: Standing, score: float) -> Sample:
    """A sample of which only standing and score matter."""
    return Sample(
        file="", id=task, epoch=1, group="", task=task, requested=None, served=None, kind=Kind.OWN, standing=standing,
        turns=1, others=0, score=score, stratum=None, evidence=(),
    )  # fmt: skip


def coverage(runs: int, seed: int) -> dict[str, float]:
    """Shares of runs in which each interval holds the truth."""
    draw = np.random.default_rng(seed)
    hits = dict.fromkeys(("bounds hold the run's true score", "95 % interval holds the expected score"), 0)
    hits |= dict.fromkeys(("naive 95 % interval holds the expected score", "naive mean within 1 point"), 0)
    for _ in range(runs):
        samples, truth, expected = contaminated(draw)
        made = corrected(samples, scale=(0, 1), delta=0.1, seed=int(draw.integers(1 << 30)))
        if made is None or made.interval is None or made.reported is None:
            raise SystemExit("a simulated run has no score")
        naive, spread = made.reported, 1.96 * (made.reported * (1 - made.reported) / len(samples)) ** 0.5
        held = (
            made.bounds.lower - 1e-9 <= truth <= made.bounds.upper + 1e-9,
            made.interval.lower <= expected <= made.interval.upper,
            abs(naive - expected) <= spread,
            abs(naive - truth) <= 0.01,
        )
        for name, hit in zip(hits, held, strict=True):
            hits[name] += int(hit)
    return {name: hit / runs for name, hit in hits.items()}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=20261123)
    given = parser.parse_args()
    result: dict[str, Any] = {"samples": given.samples, "runs": given.runs, "seed": given.seed}
    with tempfile.TemporaryDirectory() as folder:
        for name, write in (("log.eval", write_log), ("rows.jsonl", write_rows)):
            path = Path(folder) / name
            write(path, given.samples)
            took, worked, counts = seconds(path)
            times = {"seconds": round(took, 3), "cpu_seconds": round(worked, 3), "load": round(os.getloadavg()[0], 1)}
            result[name] = times | {"megabytes": round(path.stat().st_size / 1e6, 1)} | counts
            print(f"{name:<12}{given.samples:>8,} samples  {took:6.2f} s, of the processor {worked:.2f} s  {counts}")
    result["coverage"] = coverage(given.runs, given.seed)
    for name, share in result["coverage"].items():
        print(f"{100 * share:6.1f} %  {name}")
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
