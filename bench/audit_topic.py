"""How often `overt audit topic` finds a change of a topic that is there, and how often one that is not.

    python bench/audit_topic.py null --data FOLDER      # 2,000 null runs of every test (goal G2)
    python bench/audit_topic.py scores --data FOLDER    # CRUX: a topic partly served by a smaller model (G7)
    python bench/audit_topic.py texts --data FOLDER     # AlpacaEval: one answer each, under a general update (G7)
    python bench/audit_topic.py versions --data FOLDER  # real pairs of versions, topics drawn at random and named (G8)
    python bench/audit_topic.py bias --data FOLDER      # ability and answer bias of GPT-4, March to June 2023
    python bench/audit_topic.py all --data FOLDER

Every table has its nulls beside it. FOLDER holds alpacaeval_shared, llmdrift_gpt4, zeroeval_crux and their prompts_*
as .jsonl.gz. ``--runs`` shortens all of it. Figures go to bench/results/audit_topic.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from overt.audit.rows import Answer, Prompt, read_answers, read_prompts
from overt.audit.stats.did import pair_did, score_did, without_difficulty
from overt.audit.stats.ladder import dose_ladder
from overt.audit.stats.text_did import Profiles, prepare, profiles, text_changed, text_did, together
from overt.audit.topic import ability_and_bias, audit_topic
from overt.audit.topic_rows import Asked
from overt.audit.verdict import Verdict

Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Row: TypeAlias = dict[str, Any]

RESULTS: Final = Path(__file__).parent / "results" / "audit_topic.json"
SEED: Final = 20261123
DRAWS: Final = 199
NULL_DRAWS: Final = 99
"""Enough: levels of .05 and .01 are whole numbers of a hundred."""
ALPACA, DRIFT, CRUX = "alpacaeval_shared", "llmdrift_gpt4", "zeroeval_crux"
PROMPTS: Final = {ALPACA: "prompts_alpacaeval", DRIFT: "prompts_llmdrift", CRUX: "prompts_zeroeval_crux"}
TOGETHER, SAMBANOVA = "Llama-3.1-405B-Inst-fp8", "Llama-3.1-405B-Inst@sambanova"
HYPERBOLIC, SMALL = "Meta-Llama-3.1-405B-Instruct@hyperbolic", "Meta-Llama-3.1-8B-Instruct"
OTHERS: Final = ("Meta-Llama-3.1-70B-Instruct", "gpt-4o-2024-05-13", "gpt-4o-2024-08-06", SAMBANOVA)
MIXTRAL: Final = "Mixtral-8x7B-Instruct-v0.1"
VERSIONS: Final = (
    (ALPACA, "gpt4", "gpt4_0314"),
    (ALPACA, "gpt4", "gpt4_0613"),
    (ALPACA, "gpt4_0314", "gpt4_0613"),
    (ALPACA, "gpt4", "gpt4_1106_preview"),
    (ALPACA, "gpt4_0314", "gpt4_1106_preview"),
    (ALPACA, "gpt4_0613", "gpt4_1106_preview"),
    (CRUX, "gpt-4o-2024-05-13", "gpt-4o-2024-08-06"),
    (CRUX, TOGETHER, HYPERBOLIC),
    (CRUX, TOGETHER, SAMBANOVA),
    (CRUX, HYPERBOLIC, SAMBANOVA),
    (DRIFT, "gpt-4-0314", "gpt-4-0613"),
)
SCENARIOS: Final = (
    ("no change", "tech", "gpt4_0314", None, 0.0),
    ("general drift", "tech", "gpt4_0613", None, 0.0),
    ("drift, then Mixtral q=.25", "tech", "gpt4_0613", MIXTRAL, 0.25),
    ("drift, then Mixtral q=.5", "tech", "gpt4_0613", MIXTRAL, 0.5),
    ("drift, then Mixtral q=1", "tech", "gpt4_0613", MIXTRAL, 1.0),
    ("drift, then 8B q=.5", "tech", "gpt4_0613", "Meta-Llama-3-8B-Instruct", 0.5),
    ("Mixtral q=.25", "tech", "gpt4_0314", MIXTRAL, 0.25),
    ("Mixtral q=.5", "tech", "gpt4_0314", MIXTRAL, 0.5),
    ("concise q=.25", "tech", "gpt4_0314", "gpt4_0613_concise", 0.25),
    ("concise q=.5", "tech", "gpt4_0314", "gpt4_0613_concise", 0.5),
    ("drift on writing", "writing", "gpt4_0613", None, 0.0),
    ("drift on food", "food", "gpt4_0613", None, 0.0),
    ("1106 on tech", "tech", "gpt4_1106_preview", None, 0.0),
)


@dataclass(frozen=True)
class Data:
    """The folder, with what was read and profiled of it."""

    folder: Path
    answers: dict[str, dict[str, dict[str, Answer]]] = field(default_factory=dict)
    profiled: dict[str, Profiles] = field(default_factory=dict)

    def of(self, name: str) -> dict[str, dict[str, Answer]]:
        """By model and prompt, the first answer."""
        if name not in self.answers:
            found: dict[str, dict[str, Answer]] = {}
            for answer in read_answers(self.folder / f"{name}.jsonl.gz"):
                found.setdefault(answer.model, {}).setdefault(answer.pid, answer)
            self.answers[name] = found
        return self.answers[name]

    def prompts(self, name: str) -> tuple[Prompt, ...]:
        """The prompts of a set."""
        return read_prompts(self.folder / f"{PROMPTS[name]}.jsonl.gz")

    def profiles(self, texts: Sequence[str]) -> Profiles:
        """`profiles`, each text once."""
        for text in set(texts) - self.profiled.keys():
            self.profiled[text] = tuple(family[0] for family in profiles([text]))
        rows = [self.profiled[text] for text in texts]
        return tuple(np.array(family) for family in zip(*rows, strict=True))


def main() -> None:
    """Run what was asked for and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=(*TABLES, "all"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=int, help="of every cell; the default differs by table")
    asked = parser.parse_args()
    data = Data(asked.data)
    for name in TABLES if asked.table == "all" else (asked.table,):
        table: list[Row] = []
        for row in TABLES[name](data, asked.runs):
            print(json.dumps(row), flush=True)
            table.append(row)
            kept = {**(json.loads(RESULTS.read_text()) if RESULTS.exists() else {}), name: table, "seed": SEED}
            RESULTS.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


def nulls(data: Data, runs: int | None) -> Iterator[Row]:
    """The share of null runs that each test rejects, at .05 and .01."""
    alpaca, crux = _sides(data, ALPACA, "gpt4", "gpt4_0613"), _sides(data, CRUX, TOGETHER, HYPERBOLIC)
    deltas = _scores(data, HYPERBOLIC) - _scores(data, TOGETHER)

    def real(number: int, topic: int) -> Callable[[int, np.random.Generator], float]:
        def one(seed: int, rng: np.random.Generator) -> float:
            chosen = rng.choice(len(deltas), number, replace=False)
            return score_did(deltas[chosen], np.arange(number) < topic, draws=NULL_DRAWS, seed=seed).p_value

        return one

    def uneven(seed: int, rng: np.random.Generator) -> float:
        spread = np.where(np.arange(180) < 60, 0.35, 0.1)
        return score_did(rng.normal(-0.1, spread), np.arange(180) < 60, draws=NULL_DRAWS, seed=seed).p_value

    def margin(seed: int, rng: np.random.Generator) -> float:
        values = np.where(np.arange(400) < 200, rng.binomial(1, 0.55, 400), rng.binomial(1, 0.6, 400))
        return score_did(
            values - rng.binomial(1, 0.6, 400), np.arange(400) < 200, margin=0.05, draws=NULL_DRAWS, seed=seed
        ).p_margin

    def pairs(seed: int, rng: np.random.Generator) -> float:
        chosen = rng.choice(len(deltas), 200, replace=False)
        return pair_did(deltas[chosen[:100]] - deltas[chosen[100:]], draws=NULL_DRAWS, seed=seed).p_value

    def texts(seed: int, rng: np.random.Generator) -> float:
        chosen = rng.choice(len(alpaca[0][0]), 138, replace=False)
        before, after = (tuple(family[chosen] for family in side) for side in alpaca)
        return text_did(prepare(before, after), np.arange(138) < 46, draws=NULL_DRAWS, seed=seed).p_value

    def both(seed: int, rng: np.random.Generator) -> float:
        chosen = rng.choice(len(deltas), 200, replace=False)
        before, after = (tuple(family[chosen] for family in side) for side in crux)
        labels = np.arange(200) < 100
        return together(prepare(before, after), deltas[chosen], labels, draws=NULL_DRAWS, seed=seed).p_value

    def swapped(seed: int, rng: np.random.Generator) -> float:
        chosen = rng.choice(len(alpaca[0][0]), 100, replace=False)
        swap = rng.random(100)[:, None] < 0.5
        before, after = (tuple(family[chosen] for family in side) for side in alpaca)
        mixed = [
            tuple(np.where(swap if place else ~swap, one, two) for one, two in zip(before, after, strict=True))
            for place in (0, 1)
        ]
        return text_changed(mixed[0], mixed[1], draws=NULL_DRAWS, seed=seed)

    def ladder(seed: int, rng: np.random.Generator) -> float:
        return dose_ladder(rng.beta(2, 2, (40, 3)), draws=NULL_DRAWS, seed=seed).p_value

    tests = {
        "score_did, one mean, spreads .35 and .1, 60 + 120": uneven,
        "score_did, margin .05, loss of .05, 200 + 200": margin,
        "pair_did, CRUX, 100 pairs": pairs,
        "text_did, gpt4 to 0613, random topics, 46 + 92": texts,
        "together, CRUX, random topics, 100 + 100": both,
        "text_changed, sides swapped at random, 100": swapped,
        "score_did, CRUX, 100 + 100": real(200, 100),
        "score_did, CRUX, 400 + 400": real(800, 400),
        "dose_ladder, 40 tasks of 3 doses": ladder,
    }
    for name, test in tests.items():
        yield _level(name, test, runs or 2_000)
    yield _findings(data, (runs or 2_000) // 5)


def _findings(data: Data, runs: int) -> Row:
    """The whole audit where the two sides are swapped at random for every prompt: nothing changed."""
    pair, said = ("gpt4_0314", "gpt4_0613"), []
    prompts, answers = data.prompts(ALPACA), data.of(ALPACA)
    for run in range(runs):
        rng = np.random.default_rng([SEED, run])
        drawn = [prompts[place] for place in rng.choice(len(prompts), 150, replace=False)]
        renamed = [
            Prompt(pid=prompt.pid, topic="drawn" if place < 50 else "rest", text=prompt.text)
            for place, prompt in enumerate(drawn)
        ]
        swap = rng.random(150) < 0.5
        sides = [
            [answers[pair[int(other) ^ place]][prompt.pid] for prompt, other in zip(drawn, swap, strict=True)]
            for place in (0, 1)
        ]
        asked = Asked(topic="drawn", control=("rest",), draws=499, seed=run)
        said.append(audit_topic(sides[0], sides[1], renamed, asked, profile=data.profiles).verdict)
    on_topic = sum(verdict is Verdict.CHANGED_ON_TOPIC for verdict in said) / runs
    finding = sum(verdict.is_finding for verdict in said) / runs
    return {"test": "the whole audit, texts", "runs": runs, "on topic": on_topic, "any finding": finding}


def _level(name: str, test: Callable[[int, np.random.Generator], float], runs: int) -> Row:
    found = np.array([test(run, np.random.default_rng([SEED, run])) for run in range(runs)])
    return {"test": name, "runs": runs, ".05": float((found <= 0.05).mean()), ".01": float((found <= 0.01).mean())}


def scores(data: Data, runs: int | None) -> Iterator[Row]:
    """CRUX served by another host everywhere, and the topic with probability q by an 8B model."""
    before, after, small = (_scores(data, model) for model in (TOGETHER, HYPERBOLIC, SMALL))
    hard = np.column_stack([_scores(data, model) for model in OTHERS])
    reference, drifted, swapped = (_texts(data, CRUX, model) for model in (TOGETHER, HYPERBOLIC, SMALL))
    for number in (200, 100, 50, 400):
        for share in (0.0, 0.25, 0.5, 1.0):
            found: list[tuple[float, ...]] = []
            for run in range(runs or (300 if number == 200 else 100 if number < 200 else 25)):
                rng = np.random.default_rng([SEED, number, int(100 * share), run])
                chosen, labels = rng.choice(800, 2 * number, replace=False), np.arange(2 * number) < number
                swap = labels & (rng.random(2 * number) < share)
                deltas = np.where(swap, small[chosen], after[chosen]) - before[chosen]
                now = tuple(
                    np.where(swap[:, None], two[chosen], one[chosen]) for one, two in zip(drifted, swapped, strict=True)
                )
                joint = together(
                    prepare(tuple(family[chosen] for family in reference), now), deltas, labels, draws=DRAWS, seed=run
                )
                adjusted = score_did(without_difficulty(deltas, hard[chosen]), labels, draws=DRAWS, seed=run)
                found.append((joint.score_p or 0.0, adjusted.p_value, joint.text.p_value, joint.p_value))
            rates = (np.array(found) <= 0.05).mean(axis=0)
            names = ("scores", "scores less difficulty", "texts", "together")
            rejected = dict(zip(names, map(float, rates), strict=True))
            yield {"n": number, "q": share, "runs": len(found), **rejected}


def texts(data: Data, runs: int | None) -> Iterator[Row]:
    """AlpacaEval, reference gpt4: 46 prompts of a topic against 92 and 184 others, one answer each."""
    topics = np.array([prompt.topic for prompt in data.prompts(ALPACA)])
    cells = [(*scenario, controls) for controls in (92, 184) for scenario in SCENARIOS]
    for name, topic, now, other, share, controls in cells:
        before, after = _texts(data, ALPACA, "gpt4"), _texts(data, ALPACA, now)
        swapped = after if other is None else _texts(data, ALPACA, other)
        found: list[bool] = []
        for run in range(runs or 300):
            rng = np.random.default_rng([SEED, run])
            target = rng.permutation(np.flatnonzero(topics == topic))[:46]
            chosen = np.concatenate([target, rng.permutation(np.flatnonzero(topics == "other"))[:controls]])
            labels = np.arange(len(chosen)) < len(target)
            swap = (labels & (rng.random(len(chosen)) < share))[:, None]
            mixed = tuple(np.where(swap, two[chosen], one[chosen]) for one, two in zip(after, swapped, strict=True))
            prepared = prepare(tuple(family[chosen] for family in before), mixed)
            found.append(text_did(prepared, labels, draws=DRAWS, seed=run).p_value <= 0.05)
        yield {
            "scenario": name,
            "topic": topic,
            "controls": controls,
            "runs": len(found),
            "rejected": float(np.mean(found)),
        }


def versions(data: Data, runs: int | None) -> Iterator[Row]:
    """The whole audit with its placebo rule, on real updates: topics drawn at random, then those with names."""
    cells = claimed = 0
    for name, before, after in VERSIONS:
        said: list[str] = []
        answers = data.of(name)
        prompts = [prompt for prompt in data.prompts(name) if name != DRIFT or prompt.topic in ("prime", "happy")]
        for run in range(runs or 40):
            rng = np.random.default_rng([SEED, run])
            drawn = [prompts[place] for place in rng.choice(len(prompts), 150, replace=False)]
            renamed = [
                Prompt(pid=prompt.pid, topic="drawn" if place < 50 else "rest", text=prompt.text)
                for place, prompt in enumerate(drawn)
            ]
            said.append(_said(data, answers, (before, after), renamed, "drawn", ("rest",)))
        on_topic = sum(word.startswith("changed more") for word in said)
        cells, claimed = cells + len(said), claimed + on_topic
        yield {"pair": f"{before} -> {after}", "topics": "random", "cells": len(said), "on topic": on_topic}
    yield {"pair": "all", "topics": "random", "cells": cells, "share on topic": claimed / cells}
    for name, before, after in VERSIONS[:6]:
        for topic in ("tech", "writing", "food"):
            named = _said(data, data.of(name), (before, after), data.prompts(name), topic, ("other",))
            yield {"pair": f"{before} -> {after}", "topics": topic, "cells": 1, "verdict": named}


def _said(
    data: Data,
    answers: dict[str, dict[str, Answer]],
    pair: tuple[str, str],
    prompts: Sequence[Prompt],
    topic: str,
    control: tuple[str, ...],
) -> str:
    asked = Asked(topic=topic, control=control, draws=999)
    before, after = (answers[model].values() for model in pair)
    return str(audit_topic(before, after, prompts, asked, profile=data.profiles).verdict)


def bias(data: Data, runs: int | None) -> Iterator[Row]:
    """GPT-4 on primes and composites, and what the audit says of a control that is none."""
    del runs
    pair, prompts = ("gpt-4-0314", "gpt-4-0613"), data.prompts(DRIFT)
    asked_about = {prompt.pid for prompt in prompts if prompt.topic in ("prime", "composite")}
    sides = [[answer for answer in data.of(DRIFT)[model].values() if answer.pid in asked_about] for model in pair]
    split = ability_and_bias(sides[0], sides[1])
    asked = Asked(topic="prime", control=("composite",))
    wrong = audit_topic(sides[0], sides[1], prompts, asked, profile=data.profiles)
    yield from (
        {"split": None if split is None else asdict(split)},
        {"control": "composite", "verdict": str(wrong.verdict), "delta": wrong.delta, "warnings": list(wrong.warnings)},
    )


def _texts(data: Data, name: str, model: str) -> Profiles:
    answers = data.of(name)[model]
    return data.profiles([answers[prompt.pid].text for prompt in data.prompts(name)])


def _sides(data: Data, name: str, before: str, after: str) -> tuple[Profiles, Profiles]:
    return _texts(data, name, before), _texts(data, name, after)


def _scores(data: Data, model: str) -> Doubles:
    answers = data.of(CRUX)[model]
    return np.array([answers[prompt.pid].score or 0.0 for prompt in data.prompts(CRUX)])


TABLES: Final[dict[str, Callable[[Data, int | None], Iterator[Row]]]] = {
    "null": nulls,
    "scores": scores,
    "texts": texts,
    "versions": versions,
    "bias": bias,
}

if __name__ == "__main__":
    main()
