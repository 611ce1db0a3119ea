"""The low-cost tracks of `overt audit`: how often each calls an unchanged endpoint changed, and what each finds.

    python bench/audit_tracks.py                 # all tables, a few minutes
    python bench/audit_tracks.py logprobs --runs 200

- `logprobs`: the permutation test on the log probabilities of one token, 20 calls a side.
- `logprob_days`: 60 days of 10 calls, which differ by themselves; a change on day 30.
- `border`: discovery of border inputs, then 60 days of 20 inputs x 10 calls; a change on day 30.
- `metadata`: findings from responses: served model, fingerprint, tokens of the prompt, latency.

Endpoints are the simulated ones of `overt.testing.language_models`. Every table has its null. Figures go to
bench/results/audit_tracks.json.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from overt.audit.stats.border import (
    DAILY_DRAWS,
    KEPT,
    REFERENCE_DRAWS,
    TRIES,
    most_balanced,
    on_the_border,
    watch_first_tokens,
)
from overt.audit.stats.logprobs import Call, logprob_test, watch_logprobs
from overt.audit.stats.metadata import Reply, metadata_findings
from overt.testing.language_models import COLDEST, LanguageModel, vocabulary

RESULTS: Final = Path(__file__).parent / "results" / "audit_tracks.json"
SEED: Final = 20261123
DAYS: Final = 60
CHANGE: Final = 30
TOP: Final = 20
JITTER: Final = 0.05
"""Standard deviation of a log probability from call to call, in nats."""
Row = dict[str, Any]
Floats = NDArray[np.float64]


def drawn_calls(exact: Floats, calls: int, rng: np.random.Generator, jitter: float = JITTER) -> list[Call]:
    """What so many calls tell of the first token: the `TOP` likeliest, each with an error of its own."""
    known = vocabulary(len(exact))
    told = exact + jitter * rng.standard_normal((calls, len(exact)))
    best = np.argsort(-told, axis=1)[:, :TOP]
    return [{known[word]: float(row[word]) for word in order} for row, order in zip(told, best, strict=True)]


def logprobs_table(runs: int) -> list[Row]:
    """The share of p-values at or below .05 and .01. One prompt of one letter, 20 calls a side, B = 499."""
    changes: dict[str, Callable[[LanguageModel], LanguageModel]] = {
        "nothing": lambda model: model,
        "nothing, but another day (drift .02)": lambda model: replace(model, drift=0.02, day=1),
        "logit noise .01": lambda model: replace(model, noise=0.01),
        "logit noise .02": lambda model: replace(model, noise=0.02),
        "logit noise .05": lambda model: replace(model, noise=0.05),
        "temperature 1.05": lambda model: replace(model, temperature=1.05),
        "hidden instruction, pull .05": lambda model: replace(model, hidden="Be brief.", pull=0.05),
        "another model": lambda model: replace(model, seed=model.seed + 1),
    }
    rows = []
    for name, changed in changes.items():
        found = []
        for run in range(runs if name == "nothing" else max(runs // 10, 20)):
            rng = np.random.default_rng([SEED, 1, run])
            model = LanguageModel(seed=run)
            first, second = model.logprobs("x"), changed(model).logprobs("x")
            test = logprob_test(
                {"x": drawn_calls(first, 20, rng)}, {"x": drawn_calls(second, 20, rng)}, draws=499, seed=run
            )
            found.append(test.p_value)
        rows.append({"change": name, "runs": len(found), "at_05": share(found, 0.05), "at_01": share(found, 0.01)})
        show(rows[-1])
    return rows


def logprob_days_table(runs: int) -> list[Row]:
    """60 days of 10 calls against 30 of the reference; logits of every day are off by ``drift`` by themselves."""
    rows = []
    for drift in (0.0, 0.05):
        for name, noise, other in (("nothing", 0.0, 0), ("logit noise .1", 0.1, 0), ("logit noise .3", 0.3, 0),
                                   ("another model", 0.0, 1)):  # fmt: skip
            alarms = [
                logprob_alarm(run, drift, noise, other) for run in range(runs if name == "nothing" else runs // 10)
            ]
            rows.append({"drift": drift, "change": name, **summary(alarms, name == "nothing")})
            show(rows[-1])
    return rows


def logprob_alarm(run: int, drift: float, noise: float, other: int) -> int | None:
    """The day of the alarm of one run."""
    rng = np.random.default_rng([SEED, 2, run])
    model = LanguageModel(seed=run)
    before = model.logprobs("x")
    after = replace(model, noise=noise, seed=run + 100_000 * other).logprobs("x")
    reference = {"x": drawn_calls(before, 30, rng)}
    days = []
    for day in range(DAYS):
        logits = (before if day < CHANGE else after) + drift * rng.standard_normal(before.shape)
        days.append({"x": drawn_calls(logits - np.log(np.exp(logits).sum()), 10, rng)})
    return watch_logprobs(reference, days).alarm_at(0.05)


def border_table(runs: int) -> list[Row]:
    """Discovery among 3,000 one-word prompts at temperature 0 for each of 8 models, then 60 days."""
    models = [LanguageModel(seed=1000 + number) for number in range(8)]
    found = [discovered(model) for model in models]
    rows: list[Row] = [{"border_inputs_of_3000": [len(each[0]) for each in found], "kept": KEPT}]
    show(rows[0])
    for drift in (0.0, 0.01):
        for name, noise, other in (("nothing", 0.0, 0), ("logit noise .01", 0.01, 0), ("logit noise .03", 0.03, 0),
                                   ("another model", 0.0, 1)):  # fmt: skip
            alarms = []
            for run in range(runs if name == "nothing" else runs // 10):
                place = run % len(models)
                alarms.append(border_alarm(models[place], found[place], run, drift, noise, other))
            rows.append({"drift": drift, "change": name, **summary(alarms, name == "nothing")})
            show(rows[-1])
    return rows


Discovered = tuple[tuple[str, ...], dict[str, Sequence[str]]]


def discovered(model: LanguageModel) -> Discovered:
    """Steps 1 to 3: all border inputs, and the reference of the most balanced."""
    rng = np.random.default_rng([SEED, 3, model.seed])
    prompts = [f"w{number}" for number in range(3_000)]
    tries = first_tokens(np.array([model.logprobs(prompt) for prompt in prompts]), TRIES, rng)
    border = on_the_border(dict(zip(prompts, tries, strict=True)))
    drawn = first_tokens(np.array([model.logprobs(prompt) for prompt in border]), REFERENCE_DRAWS, rng)
    return border, dict(most_balanced(dict(zip(border, drawn, strict=True))))


def first_tokens(logits: Floats, calls: int, rng: np.random.Generator) -> list[list[str]]:
    """The first words of so many calls at temperature 0, which is `COLDEST`: (prompts, words) logits."""
    known = vocabulary(logits.shape[1])
    cold = logits / COLDEST
    chances = np.exp(cold - cold.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    counts = rng.multinomial(calls, chances)
    return [[known[word] for word in np.repeat(np.arange(len(known)), row)] for row in counts]


def border_alarm(
    model: LanguageModel, found: Discovered, run: int, drift: float, noise: float, other: int
) -> int | None:
    """The day of the alarm of one run; every day has an error in every logit, ``drift``."""
    rng = np.random.default_rng([SEED, 4, run, int(1000 * drift)])
    reference = found[1]
    before = np.array([model.logprobs(prompt) for prompt in reference])
    served = replace(model, noise=noise, build=run, seed=model.seed + 100_000 * other)
    after = np.array([served.logprobs(prompt) for prompt in reference])
    days = []
    for day in range(DAYS):
        logits = (before if day < CHANGE else after) + drift * rng.standard_normal(before.shape)
        days.append(dict(zip(reference, first_tokens(logits, DAILY_DRAWS, rng), strict=True)))
    settled, wealth = watch_first_tokens(reference, days)
    alarm = wealth.alarm_at(0.05)
    return None if alarm is None else settled.kept[alarm]


def metadata_table(runs: int) -> list[Row]:
    """14 days of 30 calls to 10 prompts; the share of runs with a finding of each kind. A change on day 7."""
    changes: dict[str, Row] = {
        "nothing": {},
        "another model, named": {"served": "small-1"},
        "hidden instruction of 9 tokens": {"hidden": 9},
        "a new deployment": {"fingerprint": "fp_2"},
        "slower fivefold": {"slower": 5.0},
    }
    rows = []
    for name, change in changes.items():
        counts: dict[str, int] = {}
        number = runs if name == "nothing" else max(runs // 10, 1)
        for run in range(number):
            kinds = {each.kind for each in metadata_findings(drawn_replies(run, change))}
            for kind in kinds:
                counts[str(kind)] = counts.get(str(kind), 0) + 1
        rows.append({"change": name, "runs": number, "found": {kind: count / number for kind, count in counts.items()}})
        show(rows[-1])
    return rows


def drawn_replies(run: int, change: Row) -> list[Reply]:
    """Latencies are lognormal, with a level of the day's own (standard deviation 20 %)."""
    rng = np.random.default_rng([SEED, 5, run])
    found: list[Reply] = []
    for day in range(14):
        now = change if day >= 7 else {}
        level = math.exp(0.2 * rng.standard_normal()) * now.get("slower", 1.0)
        for call in range(30):
            prompt = call % 10
            found.append(
                Reply(
                    number=len(found),
                    at=f"2026-01-{day + 1:02}T08:00:{call:02}Z",
                    request=f"request {prompt}",
                    served=now.get("served", "big-1"),
                    fingerprint=now.get("fingerprint", "fp_1"),
                    prompt_tokens=7 + 3 * prompt + int(now.get("hidden", 0)),
                    total_ms=int(800 * level * math.exp(0.5 * rng.standard_normal())),
                )
            )
    return found


def summary(alarms: Sequence[int | None], unchanged: bool) -> Row:
    """How many runs had an alarm: any for a null, else in time, with the median delay in days (1 is the same day)."""
    if unchanged:
        return {"runs": len(alarms), "alarm": sum(each is not None for each in alarms) / len(alarms)}
    early = sum(each is not None and each < CHANGE for each in alarms)
    delays = [math.inf if each is None else each - CHANGE + 1 for each in alarms if each is None or each >= CHANGE]
    middle = float(np.median(delays)) if delays else math.inf
    return {
        "runs": len(alarms),
        "early": early / len(alarms),
        "found": sum(not math.isinf(each) for each in delays) / len(alarms),
        "median_days": None if math.isinf(middle) else middle,
    }


def share(p_values: Sequence[float], alpha: float) -> float:
    """Of p-values at or below alpha."""
    return sum(p <= alpha + 1e-12 for p in p_values) / len(p_values)


def show(row: Row) -> None:
    """One row as a line."""
    shown = [f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}" for name, value in row.items()]
    print("  ".join(shown), flush=True)


TABLES: Final[dict[str, tuple[Callable[[int], list[Row]], int]]] = {
    "logprobs": (logprobs_table, 2_000),
    "logprob_days": (logprob_days_table, 500),
    "border": (border_table, 500),
    "metadata": (metadata_table, 500),
}


def main() -> None:
    """Make the tables that are asked for and keep the others of the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?", choices=(*TABLES, "all"), default="all")
    parser.add_argument("--runs", type=int, help="simulated runs of a null; a tenth of it of a change")
    asked = parser.parse_args()
    made = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in TABLES if asked.table == "all" else (asked.table,):
        table, runs = TABLES[name]
        print(f"== {name}")
        made |= {"seed": SEED, name: table(asked.runs or runs)}
        RESULTS.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
