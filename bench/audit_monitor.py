"""How soon the monitors of `overt audit` see a change, and how often they see one that is not there.

    python bench/audit_monitor.py pairs --data FOLDER      # real pairs of models, one answer per prompt
    python bench/audit_monitor.py same --data FOLDER       # one model against itself
    python bench/audit_monitor.py scores                   # simulated: 50 graded tasks a day, looked at every day
    python bench/audit_monitor.py days                     # simulated: days that differ by themselves
    python bench/audit_monitor.py all --data FOLDER

Every table has its nulls beside it. FOLDER holds alpacaeval_shared, llmdrift_gpt4, zeroeval_crux and
multisample_ultrachat as .jsonl.gz (rows `pid, model, rep, text`). Figures go to bench/results/audit_monitor.json.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from overt.audit.rows import read_answers
from overt.audit.stats.betting import Bettor, Views, bet, text_bettors, view_bettors, views_of
from overt.audit.stats.days import BLOCK, conformal_days, watch_blocks, watch_days
from overt.audit.stats.many import mean_process
from overt.audit.stats.restart import with_restarts
from overt.audit.stats.scores import bet_on_payoffs, drop_payoffs, log_steps

RESULTS: Final = Path(__file__).parent / "results" / "audit_monitor.json"
SEED: Final = 20261123
MOST_PAIRS: Final = 600
LOOKS: Final = 200
"""Pairs of a run, with a look after each; twice as many for the two models of which nobody knows a difference."""
ALPACA, DRIFT, CRUX = "alpacaeval_shared", "llmdrift_gpt4", "zeroeval_crux"
HYPERBOLIC = "Meta-Llama-3.1-405B-Instruct@hyperbolic"
PAIRS: Final = (
    (ALPACA, "gpt4", "gpt4_0314"),
    (ALPACA, "gpt4_0314", "gpt4_0613"),
    (ALPACA, "gpt4_0613", "gpt4_0613_verbose"),
    (ALPACA, "gpt4_0613", "gpt4_0613_concise"),
    (ALPACA, "gpt4_1106_preview", "gpt4_0613"),
    (ALPACA, "Meta-Llama-3-70B-Instruct", "Meta-Llama-3-8B-Instruct"),
    (ALPACA, "gpt4_0613", "Mixtral-8x7B-Instruct-v0.1"),
    (DRIFT, "gpt-4-0314", "gpt-4-0613"),
    (CRUX, "Llama-3.1-405B-Inst-fp8", HYPERBOLIC),
    (CRUX, "Llama-3.1-405B-Inst-fp8", "Llama-3.1-405B-Inst@sambanova"),
    (CRUX, "Llama-3.1-405B-Inst@sambanova", HYPERBOLIC),
    (CRUX, "gpt-4o-2024-05-13", "gpt-4o-2024-08-06"),
    (CRUX, "Meta-Llama-3.1-70B-Instruct", "Meta-Llama-3.1-8B-Instruct"),
)
Row = dict[str, Any]


def pairs_table(folder: Path, orders: int, nulls: int) -> list[Row]:
    """Median pairs to e >= 20 and to e >= 1000 over random orders; swapped pairs as the null of each."""
    texts = {name: texts_of(folder, name) for name in (ALPACA, DRIFT, CRUX)}
    rows = []
    for source, reference, endpoint in PAIRS:
        rng = np.random.default_rng(SEED)
        first, second = texts[source][reference], texts[source][endpoint]
        pids = rng.permutation(sorted(first.keys() & second.keys()))[:MOST_PAIRS]
        bettors = text_bettors([first[pid] for pid in pids], [second[pid] for pid in pids])
        looks = 2 * LOOKS if endpoint == "gpt4_0314" else LOOKS
        found = [bet(some(bettors, rng.permutation(len(pids))[:looks])) for _ in range(orders)]
        null = [
            bet(some(bettors, rng.permutation(len(pids))[:looks]), swapped(rng, min(looks, len(pids))))
            for _ in range(nulls)
        ]
        row = {
            "source": source,
            "reference": reference,
            "endpoint": endpoint,
            "orders": orders,
            "looks": looks,
            "median_pairs_to_20": median_of([wealth.alarm_at(1 / 20) for wealth in found]),
            "median_pairs_to_1000": median_of([wealth.alarm_at(1 / 1000) for wealth in found]),
            "ever_20": share([wealth.e_max >= 20 for wealth in found]),
            "null_runs": nulls,
            "null_ever_20": share([wealth.e_max >= 20 for wealth in null]),
        }
        rows.append(row)
        show(row)
    return rows


def same_model_table(folder: Path, runs: int) -> list[Row]:
    """A true null: two answers of one model to a prompt, 375 pairs (25 prompts x 15), a look after each."""
    texts, places = list[str](), dict[str, list[int]]()
    for answer in read_answers(folder / "multisample_ultrachat.jsonl.gz"):
        if answer.model == "llama-3-70b-nf4":
            places.setdefault(answer.pid, []).append(len(texts))
            texts.append(answer.text)
    views, highest = views_of(texts), list[float]()
    for run in range(runs):
        rng = np.random.default_rng([SEED, 7, run])
        drawn = [rng.permutation(answers)[:30].reshape(15, 2) for answers in places.values()]
        pairs = rng.permutation(np.concatenate(drawn))
        highest.append(bet(view_bettors(rows_of(views, pairs[:, 0]), rows_of(views, pairs[:, 1]))).e_max)
    row = {"what": "Llama-3-70B against itself, 375 pairs", "runs": runs, "ever_20": share([e >= 20 for e in highest])}
    show(row)
    return [row]


def rows_of(views: Views, places: NDArray[np.int64]) -> Views:
    """Some of the texts."""
    return Views(voice=views.voice[places], opening=views.opening[places], letter=views.letter[places])


def scores_table(runs: int) -> list[Row]:
    """50 graded tasks a day for 90 days; pass rate .58, known; from day 30 on lower by ``drop``. A look every day."""
    rows = []
    for drop in (0.0, 0.05, 0.10, 0.20):
        found: dict[str, list[int | None]] = {}
        for run in range(runs):
            rng = np.random.default_rng([SEED, 1, int(drop * 100), run])
            rate = np.where(np.arange(90) < 30, 0.58, 0.58 - drop)
            passed = (rng.uniform(size=(90, 50)) < rate[:, None]).astype(np.float64)
            for name, alarm in score_alarms(passed).items():
                found.setdefault(name, []).append(alarm)
        for name, alarms in found.items():
            rows.append({"monitor": name, "drop": drop, "runs": runs, **summary(alarms, drop == 0, 30)})
            show(rows[-1])
    return rows


def score_alarms(passed: NDArray[np.float64]) -> dict[str, int | None]:
    """The day of the first alarm of every monitor; (90, 50) scores."""
    payoffs = drop_payoffs(passed.ravel(), 0.58)
    by_day = log_steps(payoffs).reshape(-1, *passed.shape).sum(axis=2)
    alarm = bet_on_payoffs(payoffs).alarm_at(0.05)
    return {
        **{f"{days} days, 95 % interval": interval_alarm(passed, days) for days in (1, 7, 30)},
        "e-process from day 0": None if alarm is None else alarm // passed.shape[1],
        "e-process with restarts": with_restarts(by_day).alarm_at(0.05),
    }


def interval_alarm(passed: NDArray[np.float64], days: int) -> int | None:
    """How trackers do it: the rate of the last days outside the reference rate's 95 % interval."""
    means = np.convolve(passed.mean(1), np.ones(days) / days, "valid")
    width = 1.96 * math.sqrt(0.58 * 0.42 / (days * passed.shape[1]))
    outside = np.nonzero(np.abs(means - 0.58) > width)[0]
    return int(outside[0]) + days - 1 if outside.size else None


def days_table(runs: int) -> list[Row]:
    """20 inputs, 10 calls a day, 60 days; counts vary by input and day (overdispersion rho); shift from day 30 on."""
    rows = []
    for shock in (0.0, 0.05):
        for rho in (0.0, 0.02, 0.05, 0.1):
            for shift in (0.0, 0.15, 0.30):
                found: dict[str, list[int | None]] = {}
                for run in range(runs if shift == 0 else max(runs // 4, 1)):
                    rng = np.random.default_rng([SEED, 2, int(rho * 100), int(shift * 100), int(shock * 100), run])
                    for name, alarm in day_alarms(*drawn_days(rng, rho, shift, shock), rng).items():
                        found.setdefault(name, []).append(alarm)
                for name, alarms in found.items():
                    head = {"monitor": name, "rho": rho, "shock": shock, "shift": shift, "runs": len(alarms)}
                    rows.append({**head, **summary(alarms, shift == 0, 30)})
                    show(rows[-1])
    return rows


def drawn_days(
    rng: np.random.Generator, rho: float, shift: float, shock: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies (60, 20), true rates (20) and rates of a reference of 100 draws (20).

    Beta-binomial by input and day. With ``shock``, besides, every day moves all inputs together by Student's t (4).
    """
    rates = rng.uniform(0.3, 0.7, 20)
    reference = rng.binomial(100, rates) / 100
    moved = rates + np.where(np.arange(60)[:, None] >= 30, shift * rng.choice([-1, 1], 20), 0.0)
    moved = np.clip(moved + shock * rng.standard_t(4, (60, 1)) * rng.choice([-1, 1], 20), 0.02, 0.98)
    if rho > 0:
        moved = rng.beta(moved * (1 - rho) / rho, (1 - moved) * (1 - rho) / rho)
    return rng.binomial(10, moved) / 10, rates, reference


def day_alarms(
    seen: NDArray[np.float64], rates: NDArray[np.float64], reference: NDArray[np.float64], rng: np.random.Generator
) -> dict[str, int | None]:
    """The day of the first alarm: i.i.d. chi-square with Bonferroni, conformal, and ours."""
    chi = (10 * (seen - rates) ** 2 / (rates * (1 - rates))).sum(1)
    z = ((chi / 20) ** (1 / 3) - (1 - 2 / 180)) / math.sqrt(2 / 180)  # Wilson and Hilferty
    outside = np.nonzero(z > NormalDist().inv_cdf(1 - 0.05 / 60))[0]
    apart = np.abs(seen - reference).mean(1)
    blocks = np.abs(seen.reshape(-1, BLOCK, 20).mean(1) - reference).mean(1)
    return {
        "calls as i.i.d., Bonferroni": int(outside[0]) if outside.size else None,
        "conformal by day": conformal_days(apart, rng).alarm_at(0.05),
        "quick by day": mean_process([watch_days(apart), watch_blocks(blocks, BLOCK, 60)]).alarm_at(0.05),
    }


def summary(alarms: Sequence[int | None], unchanged: bool, change: int) -> Row:
    """Unchanged: share of runs with an alarm. Changed: found from the change on, too early, median days (1 = same)."""
    if unchanged:
        return {"false_alarms": share([alarm is not None for alarm in alarms])}
    found = [alarm - change + 1 for alarm in alarms if alarm is not None and alarm >= change]
    return {
        "found": len(found) / len(alarms),
        "too_early": share([alarm is not None and alarm < change for alarm in alarms]),
        "median_days": float(np.median(found)) if found else None,
        "nine_in_ten_within_days": float(np.quantile(found, 0.9)) if found else None,
    }


def texts_of(folder: Path, name: str) -> dict[str, dict[str, str]]:
    """First answers by model and prompt."""
    found: dict[str, dict[str, str]] = {}
    for answer in read_answers(folder / f"{name}.jsonl.gz"):
        if answer.rep == 0:
            found.setdefault(answer.model, {})[answer.pid] = answer.text
    return found


def some(bettors: Sequence[Bettor], order: NDArray[np.int64]) -> list[Bettor]:
    """The bettors on some pairs, in an order."""
    return [Bettor(share=each.share, covariance=each.covariance[np.ix_(order, order)]) for each in bettors]


def swapped(rng: np.random.Generator, pairs: int) -> NDArray[np.int8]:
    """A fair sign for every pair: the null."""
    return (2 * rng.integers(0, 2, pairs) - 1).astype(np.int8)


def median_of(alarms: Sequence[int | None]) -> float | None:
    """The median number of pairs to the alarm; None where most runs never have one."""
    middle = float(np.median([math.inf if alarm is None else alarm + 1 for alarm in alarms]))
    return None if math.isinf(middle) else middle


def share(found: Sequence[bool]) -> float | None:
    """The share that is true; None of none."""
    return sum(found) / len(found) if found else None


def show(row: Row) -> None:
    """One row as a line."""
    print(
        "  ".join(
            f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}" for name, value in row.items()
        )
    )


def main() -> None:
    """Make the tables that are asked for and keep the others of the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=("pairs", "same", "scores", "days", "all"))
    parser.add_argument("--data", type=Path, help="folder with the real answers, for pairs and same")
    parser.add_argument("--runs", type=int, default=1000, help="simulated runs of a null")
    parser.add_argument("--orders", type=int, default=30, help="random orders of every real pair")
    parser.add_argument("--nulls", type=int, default=60, help="null runs of every real pair")
    asked = parser.parse_args()
    tables = ("pairs", "same", "scores", "days") if asked.table == "all" else (asked.table,)
    if asked.data is None and {"pairs", "same"} & set(tables):
        parser.error("--data FOLDER is needed for real pairs")
    for table in tables:
        match table:
            case "pairs":
                rows = pairs_table(asked.data, asked.orders, asked.nulls)
            case "same":
                rows = same_model_table(asked.data, max(asked.runs // 10, 1))
            case "scores":
                rows = scores_table(asked.runs)
            case _:
                rows = days_table(asked.runs)
        kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        RESULTS.write_text(json.dumps({**kept, "seed": SEED, table: rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
