"""How well the planner predicts: power foreseen from a pilot against power realised on prompts that it has not seen.

    python bench/audit_power.py --data DIR            # some minutes
    python bench/audit_power.py --data DIR --assumed  # instead: the table of `overt.audit.planning.assumed`

DIR holds the answers to audit tests (`llmdrift_gpt4`, `alpacaeval_shared`, `zeroeval_crux`, each ``.jsonl.gz``). Each
design splits the prompts at random; one half is the pilot, the other half realises the power by many runs of the test
on n of its prompts. Smaller pilots are taken from the pilot's half; for them the interval counts: does it hold what was
realised? Every design is run with `--splits` splits. Writes ``bench/results/audit_power.json``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from overt.audit.planning.assumed import ASSUMED, SIZES
from overt.audit.planning.pilot import Pilot, grams_of, pilot_of
from overt.audit.rows import Answer, read_answers, read_prompts
from overt.audit.stats.kernels import Matrix
from overt.audit.stats.paired import differences, paired_test
from overt.audit.stats.power import (
    Floats,
    Grams,
    Power,
    did_power,
    score_power,
    text_power,
    topic_text_power,
)

RESULTS: Final = Path(__file__).parent / "results" / "audit_power.json"
ALPHA: Final = 0.05
RUNS: Final = 200
FLIPS: Final = 199
SMALL: Final = (30, 100)
ALPACA, CRUX, DRIFT = "alpacaeval_shared", "zeroeval_crux", "llmdrift_gpt4"
FP8, SAMBANOVA, HYPERBOLIC = (
    "Llama-3.1-405B-Inst-fp8",
    "Llama-3.1-405B-Inst@sambanova",
    "Meta-Llama-3.1-405B-Instruct@hyperbolic",
)
LARGE, SMALLER = "Meta-Llama-3-70B-Instruct", "Meta-Llama-3-8B-Instruct"
MIXTRAL: Final = "Mixtral-8x7B-Instruct-v0.1"

Places = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Design:
    """One question to the planner. ``kind``: texts, scores, topic by scores, or topic by texts."""

    kind: str
    source: str
    before: str
    after: str
    pairs: int
    share: float = 1.0
    topic: str = ""


DESIGNS: Final = (
    Design(kind="text", source=ALPACA, before="gpt4", after="gpt4_0314", pairs=50),
    Design(kind="text", source=ALPACA, before="gpt4_0314", after="gpt4_0613", pairs=25),
    Design(kind="text", source=ALPACA, before="gpt4_0314", after="gpt4_0613", pairs=50),
    Design(kind="text", source=ALPACA, before="gpt4_0613", after="gpt4_0613_verbose", pairs=25),
    Design(kind="text", source=ALPACA, before="gpt4_0613", after=MIXTRAL, pairs=10),
    Design(kind="text", source=ALPACA, before="gpt4_1106_preview", after="gpt4_0613", pairs=10),
    Design(kind="text", source=ALPACA, before=LARGE, after=SMALLER, pairs=50),
    Design(kind="text", source=ALPACA, before=LARGE, after=SMALLER, pairs=200),
    Design(kind="text", source=CRUX, before=FP8, after=HYPERBOLIC, pairs=50),
    Design(kind="text", source=CRUX, before=FP8, after=SAMBANOVA, pairs=25),
    Design(kind="text", source=CRUX, before="gpt-4o-2024-05-13", after="gpt-4o-2024-08-06", pairs=10),
    Design(kind="topic text", source=ALPACA, before="gpt4", after="gpt4_0613_concise", pairs=40, topic="tech"),
    Design(kind="score", source=CRUX, before=FP8, after=SAMBANOVA, pairs=100),
    Design(kind="score", source=CRUX, before=FP8, after=SAMBANOVA, pairs=400),
    Design(kind="score", source=CRUX, before="gpt-4o-2024-05-13", after="gpt-4o-2024-08-06", pairs=50),
    Design(
        kind="score", source=CRUX, before="Meta-Llama-3.1-70B-Instruct", after="Meta-Llama-3.1-8B-Instruct", pairs=25
    ),
    Design(kind="score", source=DRIFT, before="gpt-4-0314", after="gpt-4-0613", pairs=10, topic="happy"),
    Design(kind="score", source=DRIFT, before="gpt-4-0314", after="gpt-4-0613", pairs=25, topic="leetcode"),
    Design(kind="topic score", source=CRUX, before=FP8, after=HYPERBOLIC, pairs=50, share=1.0),
    Design(kind="topic score", source=CRUX, before=FP8, after=HYPERBOLIC, pairs=100, share=0.5),
    Design(kind="topic score", source=CRUX, before=FP8, after=HYPERBOLIC, pairs=200, share=0.5),
    Design(kind="topic score", source=CRUX, before=FP8, after=HYPERBOLIC, pairs=200, share=0.25),
)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of recorded answers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--splits", type=int, default=3, help="random splits of each design")
    parser.add_argument("--assumed", action="store_true", help="print the table of assumed changes, and nothing else")
    asked = parser.parse_args()
    if asked.assumed:
        assumed(asked.data, asked.seed)
        return
    rows = [row for design in DESIGNS for row in measured(asked.data, design, asked.seed, asked.splits)]
    found = {"seed": asked.seed, "splits": asked.splits, "alpha": ALPHA, "runs": RUNS, **summary(rows), "rows": rows}
    print(json.dumps({key: value for key, value in found.items() if key != "rows"}, indent=2))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def measured(data: Path, design: Design, seed: int, splits: int) -> Iterator[dict[str, Any]]:
    """The rows of one design: one a split and size of pilot."""
    for split in range(splits):
        rng = np.random.default_rng([seed, split, DESIGNS.index(design)])
        foreseen, realised = PREPARED[design.kind](data, design, rng)
        truth = realised()
        for size in (None, *SMALL):
            power = foreseen(size)
            if power is None:
                continue
            row = {
                **asdict(design),
                "split": split,
                "pilot": size,
                "predicted": round(power.power, 3),
                "low": round(power.low, 3),
                "high": round(power.high, 3),
                "realised": round(truth, 3),
            }
            change = f"{design.kind:11} {design.before[:20]:20} -> {design.after[:22]:22}"
            interval = f"{power.power:.2f} [{power.low:.2f}, {power.high:.2f}]"
            shown = f"{change} n={design.pairs:<4} q={design.share:<4} pilot {size or 'half':>4}: {interval}"
            print(f"{shown} realised {truth:.2f}", flush=True)
            yield row


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How far predictions are off with each size of pilot, and how often the interval, +-.05, holds the truth."""
    found: dict[str, Any] = {}
    for size in (None, *SMALL):
        these = [row for row in rows if row["pilot"] == size]
        by_design: dict[str, list[float]] = {}
        for row in these:
            name = "|".join(str(row[key]) for key in ("kind", "before", "after", "pairs", "share", "topic"))
            by_design.setdefault(name, []).append(row["predicted"] - row["realised"])
        off = np.array([abs(error) for errors in by_design.values() for error in errors])
        means = np.array([abs(float(np.mean(errors))) for errors in by_design.values()])
        held = [row["low"] - 0.05 <= row["realised"] <= row["high"] + 0.05 for row in these]
        found[f"pilot {size or 'half'}"] = {
            "designs": len(by_design),
            "designs within .10 on the mean of splits": int((means <= 0.10).sum()),
            "splits within .10": round(float((off <= 0.10).mean()), 3),
            "mean absolute error": round(float(off.mean()), 3),
            "interval holds": round(float(np.mean(held)), 3),
        }
    return found


# --- the four kinds --------------------------------------------------------------------------------------------------

Foreseen = Callable[[int | None], Power | None]
Prepared = tuple[Foreseen, Callable[[], float]]


def texts(data: Path, design: Design, rng: np.random.Generator) -> Prepared:
    """The paired text test."""
    grams = pair_grams(data, design.source, design.before, design.after)
    found = pair_differences(data, design.source, design.before, design.after)
    mine, theirs = halves(grams.shape[1], rng)

    def foreseen(size: int | None) -> Power:
        return text_power(some_of(grams, mine[:size]), design.pairs, alpha=ALPHA, seed=1)

    def run() -> float:
        return paired_p(found, rng.choice(theirs, design.pairs, replace=False), rng)

    return foreseen, lambda: rate(run)


def topic_texts(data: Path, design: Design, rng: np.random.Generator) -> Prepared:
    """The topic changes; the control is drawn again from weights that are the same."""
    topics = {prompt.pid: prompt.topic for prompt in read_prompts(data / "prompts_alpacaeval.jsonl.gz")}
    changed, same = (pilot(data, design.source, design.before, after) for after in (design.after, "gpt4_0314"))
    target = np.array([topics[pid] == design.topic for pid in changed.pids])
    pairs = zip(changed.texts, same.texts, target, strict=True)
    grams = grams_of(tuple(new if is_target else old for new, old, is_target in pairs))
    of_topic, rest = (halves(places, rng) for places in (np.flatnonzero(target), np.flatnonzero(~target)))
    size = min(design.pairs, len(of_topic[1]), len(rest[1]))

    def foreseen(small: int | None) -> Power:
        some = None if small is None else small // 2
        places = np.concatenate([of_topic[0][:some], rest[0][:some]])
        return topic_text_power(
            some_of(grams, places), target[places], targets=size, controls=size, alpha=ALPHA, seed=1
        )

    def run() -> float:
        drawn = np.concatenate([rng.choice(side[1], size, replace=False) for side in (of_topic, rest)])
        return topic_text_p(chosen(grams, drawn), size, FLIPS, rng)

    return foreseen, lambda: rate(run)


def scores(data: Path, design: Design, rng: np.random.Generator) -> Prepared:
    """The paired test of the mean difference of scores, by sign flips, two-sided."""
    differences = score_differences(data, design)
    mine, theirs = halves(len(differences), rng)

    def foreseen(size: int | None) -> Power:
        return score_power(differences[mine[:size]], design.pairs, alpha=ALPHA, seed=1)

    def run() -> float:
        drawn = differences[rng.choice(theirs, design.pairs)]
        signs = np.where(rng.random((999, design.pairs)) < 0.5, -1.0, 1.0)
        flipped = np.abs(signs @ drawn)
        return float((1 + (flipped >= abs(drawn.sum()) - 1e-9).sum()) / 1000)

    return foreseen, lambda: rate(run)


def topic_scores(data: Path, design: Design, rng: np.random.Generator) -> Prepared:
    """Everything drifts (another host); the target is also served by a small model in the share of answers."""
    drift = score_differences(data, design)
    small = score_differences(
        data, Design(kind="", source=design.source, before=design.before, after="Meta-Llama-3.1-8B-Instruct", pairs=0)
    )
    swapped = np.where(rng.random(len(drift)) < design.share, small, drift)
    mine, theirs = halves(len(drift), rng)

    def foreseen(size: int | None) -> Power:
        some = mine[:size]
        return did_power(
            swapped[some], drift[some], targets=design.pairs, controls=design.pairs, alpha=ALPHA, margin=0.0, seed=1
        )

    def run() -> float:
        target, control = swapped[rng.choice(theirs, design.pairs)], drift[rng.choice(theirs, design.pairs)]
        both = np.concatenate([target, control])
        labels = rng.permuted(np.tile(np.arange(len(both)) < len(target), (999, 1)), axis=1)
        found = -2 * (labels @ both)
        return float((1 + (found >= -2 * target.sum() - 1e-9).sum()) / 1000)

    return foreseen, lambda: rate(run)


PREPARED: Final[dict[str, Callable[[Path, Design, np.random.Generator], Prepared]]] = {
    "text": texts,
    "topic text": topic_texts,
    "score": scores,
    "topic score": topic_scores,
}


# --- data ------------------------------------------------------------------------------------------------------------


@cache
def by_model(data: Path, source: str) -> dict[str, tuple[Answer, ...]]:
    """The answers of each model."""
    found: dict[str, list[Answer]] = {}
    for answer in read_answers(data / f"{source}.jsonl.gz"):
        found.setdefault(answer.model, []).append(answer)
    return {model: tuple(answers) for model, answers in found.items()}


@cache
def pilot(data: Path, source: str, before: str, after: str) -> Pilot:
    """All pairs of two models."""
    models = by_model(data, source)
    return pilot_of(models[before], models[after])


@cache
def pair_grams(data: Path, source: str, before: str, after: str) -> Grams:
    """The Grams of all pairs of two models."""
    return grams_of(pilot(data, source, before, after).texts)


@cache
def pair_differences(data: Path, source: str, before: str, after: str) -> Mapping[str, Matrix]:
    """The differences of all pairs of two models, by kernel."""
    return differences(*zip(*pilot(data, source, before, after).texts, strict=True))


def score_differences(data: Path, design: Design) -> Floats:
    """Score after - score before, of prompts that have both, in the order of their pids; of one topic if named."""
    models = by_model(data, design.source)
    before = {answer.pid: answer.score for answer in models[design.before] if answer.score is not None}
    after = {answer.pid: answer.score for answer in models[design.after] if answer.score is not None}
    pids = sorted(pid for pid in before.keys() & after.keys() if design.topic in pid)
    return np.array([after[pid] - before[pid] for pid in pids])


def halves(places: int | Places, rng: np.random.Generator) -> tuple[Places, Places]:
    """A random split."""
    shuffled = rng.permutation(places)
    return shuffled[: len(shuffled) // 2], shuffled[len(shuffled) // 2 :]


def some_of(grams: Grams, places: Places) -> Grams:
    """The Grams of some pairs, with their diagonals."""
    found: Grams = grams[:, places[:, None], places[None, :]]
    return found


def chosen(grams: Grams, places: NDArray[np.intp]) -> Grams:
    """The Grams of some pairs, diagonals zero."""
    found: Grams = grams[:, places[:, None], places[None, :]]
    found[:, np.arange(len(places)), np.arange(len(places))] = 0
    return found


def paired_p(found: Mapping[str, Matrix], places: Places, rng: np.random.Generator) -> float:
    """p of the paired test, as `overt audit test` runs it, of some pairs."""
    some = {name: rows[places] for name, rows in found.items()}
    return paired_test(some, draws=FLIPS, seed=int(rng.integers(2**32))).p_value


def topic_text_p(grams: Grams, targets: int, shuffles: int, rng: np.random.Generator) -> float:
    """p of the text difference in differences (2.3): U_T - U_C over permuted labels; targets stand first."""
    controls = grams.shape[1] - targets
    labels = np.zeros((shuffles + 1, grams.shape[1]), np.float32)
    labels[:, :targets] = 1
    labels[1:] = rng.permuted(labels[1:], axis=1)
    others = 1 - labels
    within = np.einsum("kbn,bn->kb", labels @ grams, labels) / (targets * (targets - 1))
    without = np.einsum("kbn,bn->kb", others @ grams, others) / (controls * (controls - 1))
    return largest_p(within - without)


def largest_p(found: NDArray[np.float32]) -> float:
    """p of the largest standardised statistic over kernels (K, 1 + B); the first column is what was observed."""
    spread = found[:, 1:].std(axis=1, keepdims=True)
    centred = found - found[:, 1:].mean(axis=1, keepdims=True)
    largest = np.divide(centred, spread, where=spread > 0, out=np.zeros_like(found)).max(axis=0)
    return float((1 + (largest[1:] >= largest[0]).sum()) / found.shape[1])


def rate(run: Callable[[], float]) -> float:
    """How often a test rejects."""
    return float(np.mean([run() <= ALPHA for _ in range(RUNS)]))


def assumed(data: Path, seed: int) -> None:
    """The rejection rates of the named changes at the sizes of `SIZES`."""
    pairs = {
        "instruction": (ALPACA, "gpt4_0613", "gpt4_0613_concise"),
        "vendor": (ALPACA, "gpt4_0613", MIXTRAL),
        "version": (ALPACA, "gpt4_0314", "gpt4_0613"),
        "host": (CRUX, FP8, HYPERBOLIC),
        "size": (ALPACA, LARGE, SMALLER),
    }
    rng = np.random.default_rng(seed)
    for name in ASSUMED:
        found = pair_differences(data, *pairs[name])
        count = len(found["length"])
        rates = []
        for size in SIZES:
            runs = 200 if size <= 50 else 60
            tests = [paired_p(found, rng.choice(count, size, replace=False), rng) <= ALPHA for _ in range(runs)]
            rates.append(round(float(np.mean(tests)), 2))
        print(f"{name:12} {rates}", flush=True)


if __name__ == "__main__":
    main()
