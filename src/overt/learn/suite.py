"""The suite that a release has to pass, and how it bears small changes of wording.

1. Every must-pass request passes (they retell reported false positives).
2. Every must-pass request behind every preamble gets the same probabilities as without it.
3. Small changes of wording (`overt.learn.variants`) seldom change a decision.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final, final

import numpy as np

from overt.classify.stage1 import Stage1
from overt.core.policy import Policy
from overt.learn.corpus import read_rows
from overt.learn.judged import Progress, decided
from overt.learn.rates import Rate
from overt.learn.score import numbers_of, request_of
from overt.learn.variants import VARIANTS

MUST_PASS: Final = "must_pass.jsonl"
PREAMBLES: Final = "preambles.jsonl"


@final
@dataclass(frozen=True, slots=True)
class SuiteResult:
    """``failures`` are the ids that did not pass; ``moved`` the pairs of ids that a preamble changed."""

    passed: Rate
    failures: tuple[str, ...]
    unmoved: Rate
    moved: tuple[tuple[str, str], ...]


@final
@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds per request of one turn on one core, and the processor they were taken on."""

    p50: float
    p95: float
    requests: int
    processor: str


def examine(requests: Path, stage: Stage1, policy: Policy) -> SuiteResult | None:
    """The must-pass suite, alone and behind every preamble; None where there is no suite."""
    if not (requests / MUST_PASS).is_file():
        return None
    asked = [(str(row["id"]), str(row["text"])) for row in read_rows(requests / MUST_PASS)]
    preambles = _preambles(requests / PREAMBLES)
    failures = tuple(name for name, text in asked if decided(stage, policy, text) != "pass")
    moved = tuple(
        (name, before) for name, text in asked for before, preamble in preambles if _moves(stage, text, preamble)
    )
    pairs = len(asked) * len(preambles)
    passed = Rate(len(asked) - len(failures), len(asked))
    return SuiteResult(passed, failures, Rate(pairs - len(moved), pairs), moved)


def _preambles(path: Path) -> list[tuple[str, str]]:
    return [(str(row["id"]), str(row["text"])) for row in read_rows(path)] if path.is_file() else []


def _moves(stage: Stage1, text: str, preamble: str) -> bool:
    alone, behind = (numbers_of(stage.assess_now(request_of(text, before))) for before in (None, preamble))
    return not np.array_equal(alone, behind)


def stability(stage: Stage1, policy: Policy, texts: Sequence[str]) -> dict[str, Rate]:
    """For each variant, how many of the texts are decided as they were."""
    plain = [decided(stage, policy, text) for text in texts]
    return {
        name: Rate(
            sum(decided(stage, policy, change(text)) == action for text, action in zip(texts, plain, strict=True)),
            len(texts),
        )
        for name, change in VARIANTS.items()
    }


def latency(stage: Stage1, texts: Sequence[str], progress: Progress) -> Latency:
    """How long an assessment takes; give it texts that this classifier has not scored."""
    progress(f"timing {len(texts):,} requests")
    spent = []
    for text in texts:
        request, started = request_of(text), perf_counter()
        stage.assess_now(request)
        spent.append(1000 * (perf_counter() - started))
    p50, p95 = (round(float(value), 3) for value in np.percentile(spent, [50, 95])) if spent else (0.0, 0.0)
    return Latency(p50, p95, len(texts), processor())


def processor() -> str:
    """The processor's name, as the system gives it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return named or platform.processor() or "unnamed"
