"""False alarms and power of the two-sample tests of `overt audit test`, on real answers.

    python bench/audit_text.py --data FOLDER                # everything: some minutes
    python bench/audit_text.py --data FOLDER --part null-repeated    # 2,000 unchanged runs of each design
    python bench/audit_text.py --data FOLDER --part null-paired      # the same with one answer a prompt
    python bench/audit_text.py --data FOLDER --part null-alias       # two draws of one model under two names
    python bench/audit_text.py --data FOLDER --part pairs   # one answer a prompt, pairs of models
    python bench/audit_text.py --data FOLDER --part mixed   # several answers, another model with probability q

FOLDER holds ``alpacaeval_shared``, ``llmdrift_gpt4``, ``zeroeval_crux``, ``multisample_ultrachat`` and
``multisample_wikipedia``, each ``.jsonl.gz`` with rows of pid, model, rep and text. Features are functions of one text,
so they are worked out once; whatever depends on the drawn texts is worked out anew for each draw. Null draws take
disjoint answers of one model. Writes ``bench/results/audit_text.json``, keeping the parts that were not run.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from overt.audit.rows import read_answers
from overt.audit.stats.kernels import Matrix, characters, code_points, log_length, words
from overt.audit.stats.paired import features, paired_test
from overt.audit.stats.repeated import HAMMING, WIDTH, Pool, Shape, repeated_test, same_places, strayed
from overt.audit.stats.several import Combined

RESULTS: Final = Path(__file__).parent / "results" / "audit_text.json"
DRAWS: Final = 199
PARTS: Final = ("null-repeated", "null-paired", "null-alias", "mixed", "pairs")
LLAMA: Final = "llama-3-70b-nf4"
MISTRAL: Final = "mistral-7b-v0.3-nf4"
KEPT: Final = 60
"""Answers per prompt that are read."""
ALPACA: Final = "alpacaeval_shared"
CRUX: Final = "zeroeval_crux"
LLAMA_3: Final = "Meta-Llama-3-"
B405: Final = "Llama-3.1-405B-Inst"
PAIRS: Final = (
    (ALPACA, "gpt4", "gpt4_0314"),
    (ALPACA, "gpt4_0314", "gpt4_0613"),
    (ALPACA, "gpt4_0613", "gpt4_0613_verbose"),
    (ALPACA, "gpt4_0613", "gpt4_0613_concise"),
    (ALPACA, "gpt4_1106_preview", "gpt4_0613"),
    (ALPACA, f"{LLAMA_3}70B-Instruct", f"{LLAMA_3}8B-Instruct"),
    (ALPACA, "gpt4_0613", "Mixtral-8x7B-Instruct-v0.1"),
    ("llmdrift_gpt4", "gpt-4-0314", "gpt-4-0613"),
    (CRUX, f"{B405}-fp8", "Meta-Llama-3.1-405B-Instruct@hyperbolic"),
    (CRUX, f"{B405}-fp8", f"{B405}@sambanova"),
    (CRUX, f"{B405}@sambanova", "Meta-Llama-3.1-405B-Instruct@hyperbolic"),
    (CRUX, "gpt-4o-2024-05-13", "gpt-4o-2024-08-06"),
    (CRUX, "Meta-Llama-3.1-70B-Instruct", "Meta-Llama-3.1-8B-Instruct"),
)
SIZES: Final = (10, 25, 50, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Repeated answers of one or two models: ``rows[model][prompt, rep]`` are rows of the products."""

    rows: Mapping[str, np.ndarray[Any, np.dtype[np.int64]]]
    products: Mapping[str, Matrix]
    hamming: np.ndarray[Any, np.dtype[np.uint32]]
    pairwise: Mapping[str, Matrix]


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Prompts times answers a side, and how often the endpoint's answer is the other model's."""

    source: str
    prompts: int
    answers: int
    share: float
    runs: int


def main() -> None:
    """Measure, print, write."""
    asked = arguments()
    found: dict[str, Any] = {"draws": DRAWS, "seed": asked.seed}
    parts = PARTS if asked.part == "all" else (asked.part,)
    sources = (
        {}
        if set(parts) <= {"pairs", "null-alias"}
        else {name: source(asked.data, name) for name in ("ultrachat", "wikipedia")}
    )
    if "null-repeated" in parts:
        found["null_repeated"] = [repeated_rates(sources, each, asked.seed) for each in null_designs(asked.runs)]
    if "null-paired" in parts:
        found["null_paired"] = [paired_rates(sources, each, asked.seed) for each in paired_designs(asked.runs)]
    if "null-alias" in parts:
        found["null_alias"] = pair_power(asked.data, *PAIRS[0], runs=asked.runs, seed=asked.seed)
    if "mixed" in parts:
        found["mixed"] = [repeated_rates(sources, each, asked.seed) for each in mixed_designs(asked.power_runs)]
    if "pairs" in parts:
        found["pairs"] = [pair_power(asked.data, *pair, runs=asked.power_runs, seed=asked.seed) for pair in PAIRS]
    RESULTS.parent.mkdir(exist_ok=True)
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(kept | found, indent=2) + "\n", encoding="utf-8")


def arguments() -> argparse.Namespace:
    """What is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of answers")
    parser.add_argument("--part", choices=("all", *PARTS), default="all")
    parser.add_argument("--runs", type=int, default=2_000, help="of each unchanged design")
    parser.add_argument("--power-runs", type=int, default=100, help="of each changed design")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def null_designs(runs: int) -> Iterator[Design]:
    """Several answers, nothing changed."""
    for name, answers in (("ultrachat", 10), ("wikipedia", 10), ("ultrachat", 4), ("wikipedia", 2)):
        yield Design(source=name, prompts=25, answers=answers, share=0.0, runs=runs)


def paired_designs(runs: int) -> Iterator[Design]:
    """One answer to each of 25 prompts, or to each of 100 that are these four times over."""
    for name, prompts in (("ultrachat", 25), ("wikipedia", 25), ("ultrachat", 100)):
        yield Design(source=name, prompts=prompts, answers=1, share=0.0, runs=runs)


def mixed_designs(runs: int) -> Iterator[Design]:
    """The other model now and then. 75 prompts are the 25 three times over, with answers of their own."""
    for prompts, answers, shares in (
        (25, 10, (0.05, 0.1, 0.2, 0.5, 1.0)),
        (75, 10, (0.0, 0.03, 0.05)),
        (25, 4, (0.1, 0.2, 0.5)),
        (25, 2, (0.2, 0.5, 1.0)),
        (10, 10, (0.1, 0.2, 0.5)),
    ):
        for share in shares:
            yield Design(source="ultrachat", prompts=prompts, answers=answers, share=share, runs=runs)


def texts_of(folder: Path, name: str) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """By model and prompt."""
    found: dict[str, dict[str, list[str]]] = {}
    for answer in read_answers(folder / f"{name}.jsonl.gz"):
        found.setdefault(answer.model, {}).setdefault(answer.pid, []).append(answer.text)
    return found


def source(folder: Path, name: str) -> Source:
    """All features of a file of repeated answers."""
    every: list[str] = []
    rows: dict[str, list[list[int]]] = {}
    for model, prompts in texts_of(folder, f"multisample_{name}").items():
        for _, texts in sorted(prompts.items()):
            rows.setdefault(model, []).append(list(range(len(every), len(every) + KEPT)))
            every += texts[:KEPT]
    normed, _ = words(every, WIDTH)
    letters, lengths = characters(every, WIDTH), log_length(every)
    return Source(
        rows={model: np.array(each) for model, each in rows.items()},
        products={"characters": letters @ letters.T, "words": normed @ normed.T, "length": lengths @ lengths.T},
        hamming=code_points(every, HAMMING),
        pairwise=features(every[: 25 * KEPT]),
    )


def drawn(rows: Mapping[str, np.ndarray[Any, Any]], design: Design, rng: np.random.Generator) -> Shape:
    """Answers of a run. Those of the reference's model are disjoint, within and between repeats of a prompt."""
    base = rows[LLAMA]
    need = 2 * design.answers
    found = np.zeros((design.prompts, need), np.int64)
    order = rng.permuted(np.broadcast_to(np.arange(KEPT), base.shape), axis=1)
    for prompt in range(design.prompts):
        which, repeat = prompt % len(base), prompt // len(base)
        found[prompt] = base[which, order[which, repeat * need : (repeat + 1) * need]]
        if design.share:
            swapped = np.flatnonzero(rng.random(design.answers) < design.share)
            found[prompt, design.answers + swapped] = rng.choice(rows[MISTRAL][which], len(swapped), replace=False)
    return Shape(texts=found, reference=design.answers)


def pool_of(source_of: Source, shape: Shape) -> Pool:
    """The same numbers as `overt.audit.stats.repeated.pooled`, from products that are already there."""
    texts = shape.texts
    within = {"hamming": same_places(source_of.hamming[texts])}
    within |= {name: source_of.products[name][texts[:, :, None], texts[:, None, :]] for name in ("characters", "words")}
    rows = texts.reshape(-1)
    return Pool(
        shapes=(shape,),
        within=(within,),
        strays=({name: strayed(each) for name, each in within.items()},),
        across={
            name: centred(source_of.products[name][np.ix_(rows, rows)], texts.shape) for name in ("words", "length")
        },
    )


def centred(products: Matrix, shape: tuple[int, int]) -> Matrix:
    """Products of features less their means over each prompt, without the diagonal."""
    found = products.reshape(*shape, *shape)
    found = found - found.mean(axis=1, keepdims=True)
    flat: Matrix = (found - found.mean(axis=3, keepdims=True)).reshape(products.shape)
    np.fill_diagonal(flat, 0.0)
    return flat


def repeated_rates(sources: Mapping[str, Source], design: Design, seed: int) -> Mapping[str, Any]:
    """How often the test of repeated answers rejects."""
    which = sources[design.source]
    runs = (
        repeated_test(
            pool_of(which, drawn(which.rows, design, np.random.default_rng((seed, run)))), draws=DRAWS, seed=run
        )
        for run in range(design.runs)
    )
    return shown("repeated", design, runs)


def paired_rates(sources: Mapping[str, Source], design: Design, seed: int) -> Mapping[str, Any]:
    """How often the test of one answer a prompt rejects."""
    which = sources[design.source]
    return shown(
        "paired",
        design,
        (paired_run(which, design, np.random.default_rng((seed, run)), run) for run in range(design.runs)),
    )


def paired_run(which: Source, design: Design, rng: np.random.Generator, run: int) -> Combined:
    """One draw of disjoint pairs."""
    texts = drawn(which.rows, design, rng).texts
    return paired_test(
        {k: each[texts[:, 0]] - each[texts[:, 1]] for k, each in which.pairwise.items()}, draws=DRAWS, seed=run
    )


def shown(test: str, design: Design, runs: Iterator[Combined]) -> Mapping[str, Any]:
    """The rates with 95 % Wilson intervals, printed as they come."""
    found = list(runs)
    values = np.array([each.p_value for each in found])
    parts = {
        seen.name: float(np.mean([run.kernels[number].p_value <= 0.05 for run in found]))
        for number, seen in enumerate(found[0].kernels)
    }
    row = {
        "test": test,
        "source": design.source,
        "prompts": design.prompts,
        "answers": design.answers,
        "share": design.share,
        "runs": len(found),
        "rate_05": float((values <= 0.05).mean()),
        "wilson_05": wilson(int((values <= 0.05).sum()), len(found)),
        "rate_01": float((values <= 0.01).mean()),
        "kernels_05": parts,
    }
    print(
        f"{test} {design.source} {design.prompts}x{design.answers} q={design.share}:"
        f" {row['rate_05']:.4f} {row['wilson_05']} at .05, {row['rate_01']:.4f} at .01",
        {k: round(v, 3) for k, v in parts.items()},
        flush=True,
    )
    return row


def pair_power(folder: Path, name: str, first: str, second: str, *, runs: int, seed: int) -> Mapping[str, Any]:
    """Power at several numbers of prompts, and the p-value of all (600 at most)."""
    texts = texts_of(folder, name)
    pids = sorted(texts[first])
    pids = [pids[each] for each in np.random.default_rng(seed).permutation(len(pids))[:805]]
    each = features([texts[model][pid][0] for model in (first, second) for pid in pids])
    found = {kernel: rows[: len(pids)] - rows[len(pids) :] for kernel, rows in each.items()}
    power = {}
    for size in SIZES:
        hits = 0
        for run in range(runs):
            chosen = np.random.default_rng((seed, size, run)).choice(len(pids), size, replace=False)
            hits += paired_test({k: rows[chosen] for k, rows in found.items()}, draws=DRAWS, seed=run).p_value <= 0.05
        power[size] = hits / runs
    whole = paired_test({k: rows[:600] for k, rows in found.items()}, draws=1_999, seed=seed)
    print(f"{name}: {first} vs {second}", power, f"p of all {whole.p_value:.4f}", flush=True)
    return {"source": name, "first": first, "second": second, "runs": runs, "power": power, "p_of_600": whole.p_value}


def wilson(hits: int, runs: int) -> tuple[float, float]:
    """A 95 % interval of a rate."""
    rate, z = hits / runs, 1.959964
    centre = (rate + z * z / (2 * runs)) / (1 + z * z / runs)
    half = z * math.sqrt(rate * (1 - rate) / runs + z * z / (4 * runs * runs)) / (1 + z * z / runs)
    return round(centre - half, 4), round(centre + half, 4)


if __name__ == "__main__":
    main()
