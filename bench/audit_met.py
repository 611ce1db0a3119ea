"""The Hamming test of `overt.audit` against the package `model-equality-testing`, on one draw, in one process.

    python bench/audit_met.py --data FOLDER                    # B = 1,000 on both sides: minutes
    python bench/audit_met.py --data FOLDER --met-draws 100    # fewer for the package, scaled up

25 prompts, 10 answers a side, 300 characters, from raw text to p-value. Times are CPU time of this process, ours the
median of `ROUNDS`. The statistic is the same; the package shuffles labels over all prompts and we within each, which is
the exact group: so p is compared with a plain loop of within-prompt shuffles over the package's own formula.
FOLDER holds ``multisample_ultrachat.jsonl.gz``. Without the package only our own time is shown. It needs some by hand:

    pip install torch --index-url https://download.pytorch.org/whl/cpu
    pip install model-equality-testing==0.0.2 transformers tqdm matplotlib pandas
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import statistics
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from overt.audit.rows import read_answers
from overt.audit.stats.kernels import code_points
from overt.audit.stats.repeated import HAMMING, arranged, hamming_test, same_places

RESULTS: Final = Path(__file__).parent / "results" / "audit_met.json"
DRAWS: Final = 1_000
ROUNDS: Final = 5
PROMPTS: Final = 25
ANSWERS: Final = 10
SHARE: Final = 0.2
LLAMA: Final = "llama-3-70b-nf4"
MISTRAL: Final = "mistral-7b-v0.3-nf4"

Prompts = list[tuple[list[str], list[str]]]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of answers")
    parser.add_argument("--met-draws", type=int, default=DRAWS, help="of the package")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    prompts = drawn(asked.data, asked.seed)
    seconds, ours = timed(prompts, asked.seed)
    exact = by_loop(prompts, asked.seed)
    found: dict[str, Any] = {"ours_s": seconds, "ours_p": ours, "exact_p": exact, "draws": DRAWS, "seed": asked.seed}
    print(f"overt: {seconds:.4f} s of CPU, p = {ours:.4f}; a plain loop of the same shuffles: p = {exact:.4f}")
    if importlib.util.find_spec("model_equality_testing") is None:
        print("model-equality-testing is not installed here; how to install it is said by --help")
    else:
        theirs, p_value = package(prompts, asked.met_draws)
        scaled = theirs * DRAWS / asked.met_draws
        found |= {"met_s": scaled, "met_p": p_value, "met_draws": asked.met_draws, "ratio": scaled / seconds}
        print(
            f"model-equality-testing: {scaled:.1f} s of CPU (B {asked.met_draws}, scaled to {DRAWS}), p = {p_value:.4f}"
        )
        print(f"ratio: {scaled / seconds:,.0f}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def drawn(folder: Path, seed: int) -> Prompts:
    """Disjoint answers of one model, those of the second side another model's with probability `SHARE`."""
    rng = np.random.default_rng(seed)
    texts: dict[str, dict[str, list[str]]] = {}
    for answer in read_answers(folder / "multisample_ultrachat.jsonl.gz"):
        texts.setdefault(answer.pid, {}).setdefault(answer.model, []).append(answer.text)
    found: Prompts = []
    for models in [texts[pid] for pid in sorted(texts)][:PROMPTS]:
        own = [models[LLAMA][each] for each in rng.choice(len(models[LLAMA]), 2 * ANSWERS, replace=False)]
        other = [models[MISTRAL][each] for each in rng.choice(len(models[MISTRAL]), ANSWERS, replace=False)]
        second = [
            swapped if coin < SHARE else kept
            for swapped, kept, coin in zip(other, own[ANSWERS:], rng.random(ANSWERS), strict=True)
        ]
        found.append((own[:ANSWERS], second))
    return found


def timed(prompts: Prompts, seed: int) -> tuple[float, float]:
    """Our seconds, from raw text, and our p-value."""
    times: list[float] = []
    p_value = 1.0
    for _ in range(ROUNDS):
        start = time.process_time()
        p_value = hamming_test(*arranged(prompts), draws=DRAWS, seed=seed).p_value
        times.append(time.process_time() - start)
    return statistics.median(times), p_value


def by_loop(prompts: Prompts, seed: int) -> float:
    """The package's formula, shuffled within prompts one by one."""
    rng = np.random.default_rng(seed + 1)
    texts, (shape,) = arranged(prompts)
    products = same_places(code_points(texts, HAMMING)[shape.texts]).astype(float)
    products[:, np.arange(2 * ANSWERS), np.arange(2 * ANSWERS)] = 0.0
    order = np.tile(np.arange(2 * ANSWERS), (len(prompts), 1))

    def statistic() -> float:
        total = 0.0
        for each, labels in zip(products, order, strict=True):
            first, second = labels[:ANSWERS], labels[ANSWERS:]
            alike = each[np.ix_(first, first)].sum() + each[np.ix_(second, second)].sum()
            total += alike / (ANSWERS - 1) - 2 * each[np.ix_(first, second)].sum() / ANSWERS
        return total

    observed = statistic()
    hits = 0
    for _ in range(DRAWS):
        order = rng.permuted(order, axis=1)
        hits += statistic() >= observed - 1e-9
    return (1 + hits) / (DRAWS + 1)


def package(prompts: Prompts, draws: int) -> tuple[float, float]:
    """The package's seconds, from raw text, and its p-value."""
    algorithm = importlib.import_module("model_equality_testing.algorithm")
    distribution = importlib.import_module("model_equality_testing.distribution")
    start = time.process_time()
    sides = [
        distribution.CompletionSample(
            prompts=np.repeat(np.arange(len(prompts)), ANSWERS),
            completions=code_points([text for each in prompts for text in each[side]], HAMMING).astype(np.int64),
            m=len(prompts),
        )
        for side in (0, 1)
    ]
    p_value, _ = algorithm.run_two_sample_test(
        *sides, pvalue_type="permutation_pvalue", stat_type="mmd_hamming", b=draws
    )
    return time.process_time() - start, float(p_value)


if __name__ == "__main__":
    main()
