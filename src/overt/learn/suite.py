"""The suite that a release has to pass, and how it bears small changes of wording.

1. Every must-pass request passes (they retell reported false positives).
2. Every must-pass request behind every preamble gets the same probabilities as without it.
3. Small changes of wording (`overt.learn.variants`) seldom change a decision.
4. A request and its paraphrase are decided alike.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final, final

import numpy as np

from overt.core.policy import Policy
from overt.errors import InvalidFile, Problem
from overt.learn.corpus import Row, is_sensitive, load_own, read_rows
from overt.learn.judged import ACTED, Progress, decided, judge_text
from overt.learn.rates import Rate
from overt.learn.score import Assessor, numbers_of, request_of
from overt.learn.variants import VARIANTS, Change

MUST_PASS: Final = "must_pass.jsonl"
PREAMBLES: Final = "preambles.jsonl"
PARAPHRASES: Final = "paraphrases.jsonl"


@final
@dataclass(frozen=True, slots=True)
class SuiteResult:
    """``failures`` are the ids that did not pass; ``moved`` the pairs of ids that a preamble changed. ``uncovered`` are
    requests in languages that are not covered: nobody checked them, the policy says so, and they are in no rate."""

    passed: Rate
    failures: tuple[str, ...]
    unmoved: Rate
    moved: tuple[tuple[str, str], ...]
    uncovered: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class Reworded:
    """What was decided about a request and about the paraphrase ``id`` of it."""

    id: str
    before: str
    after: str

    @property
    def alike(self) -> bool:
        """Whether the decision stayed."""
        return self.before == self.after


@final
@dataclass(frozen=True, slots=True)
class ParaphraseResult:
    """Pairs of a request and its paraphrase with the same action: ``sensitive`` are high_dual and prohibited,
    ``benign`` the rest; ``flipped`` are the pairs with different ones. A classifier that passes everything is stable;
    so ``kept`` counts, of the sensitive requests that are acted on, the paraphrases that are acted on too."""

    sensitive: Rate
    benign: Rate
    kept: Rate
    flipped: tuple[Reworded, ...]

    @property
    def all(self) -> Rate:
        """Both kinds together."""
        return self.sensitive + self.benign


@final
@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds per request of one turn on one core, and the processor they were taken on."""

    p50: float
    p95: float
    requests: int
    processor: str


def examine(requests: Path, stage: Assessor, policy: Policy) -> SuiteResult | None:
    """The must-pass suite, alone and behind every preamble; None where there is no suite."""
    if not (requests / MUST_PASS).is_file():
        return None
    asked = [(str(row["id"]), str(row["text"])) for row in read_rows(requests / MUST_PASS)]
    preambles = _preambles(requests / PREAMBLES)
    uncovered = tuple(name for name, text in asked if judge_text(stage, policy, text).uncovered)
    asked = [(name, text) for name, text in asked if name not in uncovered]
    failures = tuple(name for name, text in asked if decided(stage, policy, text) != "pass")
    moved = tuple(
        (name, before) for name, text in asked for before, preamble in preambles if _moves(stage, text, preamble)
    )
    pairs = len(asked) * len(preambles)
    passed = Rate(len(asked) - len(failures), len(asked))
    return SuiteResult(passed, failures, Rate(pairs - len(moved), pairs), moved, uncovered)


def _preambles(path: Path) -> list[tuple[str, str]]:
    return [(str(row["id"]), str(row["text"])) for row in read_rows(path)] if path.is_file() else []


def _moves(stage: Assessor, text: str, preamble: str) -> bool:
    alone, behind = (numbers_of(stage.assess_now(request_of(text, before))) for before in (None, preamble))
    return not np.array_equal(alone, behind, equal_nan=True)


def paraphrase_stability(requests: Path, stage: Assessor, policy: Policy) -> ParaphraseResult | None:
    """How many paraphrases are decided as what they reword; None where there are none.

    The reworded requests are rows to learn from and the paraphrases are not, so this measures whether a decision hangs
    on the wording; it is no recall. Raises `InvalidFile` for a paraphrase of an unknown row.
    """
    if not (requests / PARAPHRASES).is_file():
        return None
    found = [
        (row, Reworded(name, decided(stage, policy, row.text), decided(stage, policy, text)))
        for name, row, text in _pairs(requests)
    ]
    sensitive = [each for row, each in found if is_sensitive(row)]
    caught = [each for each in sensitive if each.before in ACTED]
    return ParaphraseResult(
        sensitive=_alike(sensitive),
        benign=_alike([each for row, each in found if not is_sensitive(row)]),
        kept=Rate(sum(each.after in ACTED for each in caught), len(caught)),
        flipped=tuple(each for _, each in found if not each.alike),
    )


def _pairs(requests: Path) -> list[tuple[str, Row, str]]:
    """The id and text of each paraphrase, with the row it rewords."""
    rows = {row.id: row for row in load_own(requests)}
    pairs = []
    for number, row in enumerate(read_rows(requests / PARAPHRASES), 1):
        reworded = rows.get(str(row.get("of")))
        if reworded is None:
            problem = Problem("of", f"names no own request: {row.get('of')!r}", "give the id of a row", number)
            raise InvalidFile(str(requests / PARAPHRASES), (problem,))
        pairs.append((str(row["id"]), reworded, str(row["text"])))
    return pairs


def _alike(found: Sequence[Reworded]) -> Rate:
    return Rate(sum(each.alike for each in found), len(found))


def stability(
    stage: Assessor, policy: Policy, texts: Sequence[str], changes: Mapping[str, Change] = VARIANTS
) -> dict[str, Rate]:
    """For each change, how many of the texts are decided as they were; texts that it leaves as they are don't count."""
    plain = [(text, decided(stage, policy, text)) for text in texts]
    return {name: _stable(stage, policy, plain, change) for name, change in changes.items()}


def _stable(stage: Assessor, policy: Policy, plain: Sequence[tuple[str, str]], change: Change) -> Rate:
    changed = [(change(text), action) for text, action in plain if change(text) != text]
    return Rate(sum(decided(stage, policy, text) == action for text, action in changed), len(changed))


def latency(stage: Assessor, texts: Sequence[str], progress: Progress) -> Latency:
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
