"""``overt audit plan``: check a plan, price it, say what it will see, and sign it before the first call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, final

import click

from overt.audit.cost import Spend, expected_of, spends_of, worst_of
from overt.audit.plan import Plan, Question
from overt.audit.planning.assumed import ASSUMED
from overt.audit.planning.encode import money_text, plan_digest
from overt.audit.planning.forecast import Change, Forecast, forecast, pairs_of
from overt.audit.planning.parse import Draft, read_draft
from overt.audit.planning.pilot import Pilot, pilot_of
from overt.audit.planning.seal import KEY_FILE, PLAN_FILE, VKEY_FILE, seal_plan
from overt.audit.prompts.sets import load
from overt.audit.rows import read_answers
from overt.audit.stats.power import Power
from overt.cli.money import checked_amount
from overt.errors import BadRequest
from overt.log.files import write_durably
from overt.log.keys import release_signer

KEY_NAME: Final = "overt-audit"
DEFAULT_CHANGE: Final = "size"
DEFAULT_TOPIC_EFFECT: Final = 0.2
CANNOT: Final = 1
CENT: Final = Decimal("0.01")
FILE: Final = click.Path(dir_okay=False, exists=True, path_type=Path)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Outlook:
    """A plan with its cost and its forecast. ``affordable``: the pairs that the budget is expected to pay for."""

    plan: Plan
    spends: tuple[Spend, ...]
    forecast: Forecast | None
    affordable: int | None
    wanted: float

    @property
    def expected(self) -> Decimal:
        return expected_of(self.spends)

    @property
    def worst(self) -> Decimal:
        return worst_of(self.spends)

    @property
    def obstacle(self) -> str | None:
        """Why the question cannot be answered, None if it can."""
        if self.expected > self.plan.budget:
            cost, budget = _amount(self.expected), _amount(self.plan.budget)
            return f"it is expected to cost {cost} {self.plan.currency}, and the budget is {budget}"
        if self.forecast is not None and self.forecast.planned.power < self.wanted:
            seen = f"{self.forecast.planned.power:.2f} with {self.forecast.planned.pairs} pairs"
            return f"its power would be {seen}, and {self.wanted:.2f} is wanted"
        return None

    def cost_at(self, pairs: int) -> tuple[Decimal, Decimal]:
        """The expected cost and the worst case, were there this many pairs of prompts like the plan's."""
        planned = pairs_of(self.plan)
        return self.expected * pairs / planned, self.worst * pairs / planned


@click.command("plan")
@click.argument("file", metavar="PLAN.toml", type=FILE)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="The audit's new folder.")
@click.option(
    "--budget", callback=checked_amount, metavar="AMOUNT", help="The most to spend; needed where a route has a price."
)
@click.option("--key", type=click.Path(dir_okay=False, path_type=Path), help="The file of the key; DIR/audit.key else.")
@click.option(
    "--power",
    "wanted",
    default=0.9,
    show_default=True,
    type=click.FloatRange(0, 1, max_open=True),
    help="The least probability to see the change; 0 takes any.",
)
@click.option("--effect", metavar="SIZE", help=f"The change to see: points of score (0.10), or {', '.join(ASSUMED)}.")
@click.option(
    "--share",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True),
    help="The share of answers that are changed.",
)
@click.option("--pilot", nargs=2, type=FILE, metavar="R E", help="Answers of both sides that show the change to see.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    file: Path,
    out: Path,
    budget: Decimal | None,
    key: Path | None,
    wanted: float,
    effect: str | None,
    share: float,
    pilot: tuple[Path, Path] | None,
    as_json: bool,
) -> None:
    """Check PLAN.toml, show what it costs and what it will see, and write it, signed, to DIR/plan.json.

    No call is made. Exit 1 if the question cannot be answered within the budget and with the wanted power: then nothing
    is written, and the table says what could be answered.
    """
    if (out / PLAN_FILE).exists():
        raise BadRequest(
            f"{str(out / PLAN_FILE)!r} is there already, and a signed plan is not changed: name a new folder"
        )
    draft = read_draft(file, load, budget=budget or Decimal(0), made_at=_now())
    if budget is None and any(route.price is not None for route in draft.plan.routes):
        raise click.UsageError("a route has a price: say with --budget what may be spent at most")
    pairs = None if pilot is None else pilot_of(*map(read_answers, pilot))
    outlook = _outlook(draft, _change(effect, share, draft.plan), wanted, pairs)
    if outlook.obstacle is not None:
        click.echo(_as_json(outlook, {}) if as_json else _refusal(outlook))
        raise SystemExit(CANNOT)
    predicted = outlook.forecast.planned.power if outlook.forecast is not None else None
    plan = replace(draft.plan, power=None if predicted is None else round(predicted, 4))
    made = key is None and not (out / KEY_FILE).exists()
    vkey = _write(plan, out, key if key is not None else out / KEY_FILE)
    written = {"plan": str(out / PLAN_FILE), "digest": plan_digest(plan), "vkey": vkey}
    click.echo(_as_json(outlook, written) if as_json else _written(outlook, written, out if made else None))


def _change(effect: str | None, share: float, plan: Plan) -> Change:
    """The change that one wants to see: the weakest of the measured ones, or 20 points of score on a topic."""
    if effect is None:
        if plan.question is Question.TOPIC and plan.checkers is not None:
            return Change(effect=DEFAULT_TOPIC_EFFECT, share=share)
        return Change(name=DEFAULT_CHANGE, share=share)
    try:
        points = float(effect)
    except ValueError:
        if effect not in ASSUMED:
            raise click.UsageError(
                f"--effect {effect!r} is neither points of score, such as 0.10, nor one of {', '.join(ASSUMED)}"
            ) from None
        return Change(name=effect, share=share)
    if not 0 < points <= 1:
        raise click.UsageError(f"--effect {effect!r} is not above 0 and at most 1: points of score are parts of 1")
    return Change(effect=points, share=share)


def _outlook(draft: Draft, change: Change, wanted: float, pilot: Pilot | None) -> _Outlook:
    plan = draft.plan
    spends = spends_of(plan, draft.recorded)
    expected = expected_of(spends)
    affordable = int(pairs_of(plan) * plan.budget / expected) if expected > plan.budget else None
    found = forecast(plan, change, wanted=wanted, pilot=pilot, recorded=draft.recorded, affordable=affordable)
    return _Outlook(plan=plan, spends=spends, forecast=found, affordable=affordable, wanted=wanted)


def _write(plan: Plan, out: Path, key: Path) -> str:
    """Key, public key and plan, in this order: where a plan lies, everything that checks it does."""
    out.mkdir(parents=True, exist_ok=True)
    signer = release_signer(key, KEY_NAME)
    write_durably(out / VKEY_FILE, signer.vkey.encode() + b"\n")
    write_durably(out / PLAN_FILE, seal_plan(plan, signer.vkey, signer.sign), replace=False)
    return signer.vkey


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


# --- what is printed -------------------------------------------------------------------------------------------------


def _amount(amount: Decimal) -> str:
    """An amount to the cent, and to four digits below one: never rounded down."""
    step = CENT if amount >= 1 or amount == 0 else CENT / 100
    return money_text(amount.quantize(step, rounding="ROUND_UP"))


def _refusal(outlook: _Outlook) -> str:
    lines = [*_described(outlook), "", f"Cannot be answered: {outlook.obstacle}."]
    found = outlook.forecast
    if found is not None and found.needed is None:
        lines.append(f"No number of pairs that was looked at has a power of {outlook.wanted:.2f}.")
    elif found is not None and found.needed is not None:
        expected, worst = map(_amount, outlook.cost_at(found.needed))
        lines.append(
            f"A power of {outlook.wanted:.2f} needs about {found.needed} pairs: "
            f"{expected} {outlook.plan.currency} expected, {worst} at worst."
        )
    if outlook.affordable is not None:
        lines.append(f"The budget pays for about {outlook.affordable} pairs.")
    lines.append(
        "Nothing was written. Take fewer or more prompts (a set gives more with times = 2), raise --budget, lower "
        "--power, or look for a larger --effect."
    )
    return "\n".join(lines)


def _written(outlook: _Outlook, written: dict[str, str], made: Path | None) -> str:
    lines = [*_described(outlook), ""]
    if outlook.worst > outlook.plan.budget:
        lines.append("At worst the budget ends before the last call: then the answers so far are tested, and said so.")
    if made is not None:
        lines.append(f"A key was made: {made / KEY_FILE}. Only you can read it; whoever has it can sign as you.")
    lines.append(f"Signed: {written['plan']}")
    lines.append(f"  digest  {written['digest']}")
    lines.append(f"  by      {written['vkey']}")
    lines.append("Publish the digest before the first call, and nobody can say that the test was chosen afterwards.")
    return "\n".join(lines)


def _described(outlook: _Outlook) -> list[str]:
    plan = outlook.plan
    about = f" on {plan.topic}, against {plan.control}" if plan.question is Question.TOPIC else ""
    lines = [
        f"Question: {plan.question}{about}. {len(plan.prompts)} prompts, {plan.samples} "
        f"answer{'' if plan.samples == 1 else 's'} each on {len(plan.routes)} route"
        f"{'' if len(plan.routes) == 1 else 's'}, alpha {plan.alpha:g}.",
        "",
        *_table(_spend_rows(outlook)),
        "",
    ]
    found = outlook.forecast
    if found is None:
        return [*lines, "No power is predicted: nothing is graded, and there is no pilot. Give one with --pilot."]
    lines += [f"What it will see, by {found.basis}:", *_table(_power_rows(outlook, found))]
    if found.alarm is not None:
        lines.append(f"A watch that looks after every pair says so after about {found.alarm} pairs.")
    return lines


def _spend_rows(outlook: _Outlook) -> list[tuple[str, ...]]:
    head = ("route", "calls", "tokens in", "tokens out", "expected", "at worst")
    rows = [
        (
            spend.route,
            f"{spend.calls:,}",
            f"{spend.input_tokens:,}",
            f"{spend.output_tokens:,}",
            _amount(spend.expected),
            _amount(spend.worst),
        )
        for spend in outlook.spends
    ]
    calls = f"{sum(spend.calls for spend in outlook.spends):,}"
    total = (f"all, in {outlook.plan.currency}", calls, "", "", _amount(outlook.expected), _amount(outlook.worst))
    return [head, *rows, total, ("budget", "", "", "", _amount(outlook.plan.budget), "")]


def _power_rows(outlook: _Outlook, found: Forecast) -> list[tuple[str, ...]]:
    head = ("pairs", "power", "90 %", "expected", "at worst", "")
    rows = []
    for row in found.rows:
        expected, worst = outlook.cost_at(row.pairs)
        marks = [
            word
            for word, pairs in (("the plan", found.planned.pairs), ("the budget", outlook.affordable))
            if pairs == row.pairs
        ]
        rows.append(
            (f"{row.pairs:,}", f"{row.power:.2f}", _interval(row), _amount(expected), _amount(worst), ", ".join(marks))
        )
    return [head, *rows]


def _interval(row: Power) -> str:
    return "assumed" if row.low == row.high else f"{row.low:.2f}-{row.high:.2f}"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Columns side by side: the first to the left, the last as it is, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *rest in rows:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        lines.append("  ".join(("", first.ljust(widths[0]), *cells)).rstrip())
    return lines


def _as_json(outlook: _Outlook, written: dict[str, str]) -> str:
    plan, found = outlook.plan, outlook.forecast
    value = {
        "ok": outlook.obstacle is None,
        "reason": outlook.obstacle,
        "question": plan.question.value,
        "prompts": len(plan.prompts),
        "pairs": pairs_of(plan),
        "samples": plan.samples,
        "alpha": plan.alpha,
        "currency": plan.currency,
        "budget": money_text(plan.budget),
        "expected": money_text(outlook.expected),
        "worst": money_text(outlook.worst),
        "affordable_pairs": outlook.affordable,
        "routes": [
            {
                "route": spend.route,
                "calls": spend.calls,
                "input_tokens": spend.input_tokens,
                "output_tokens": spend.output_tokens,
                "expected": money_text(spend.expected),
                "worst": money_text(spend.worst),
            }
            for spend in outlook.spends
        ],
        "wanted_power": outlook.wanted,
        "power": None if found is None else _power_object(outlook, found.planned),
        "basis": None if found is None else found.basis,
        "needed_pairs": None if found is None else found.needed,
        "watch_pairs": None if found is None else found.alarm,
        "table": [] if found is None else [_power_object(outlook, row) for row in found.rows],
        **written,
    }
    return json.dumps(value, indent=2, ensure_ascii=False)


def _power_object(outlook: _Outlook, row: Power) -> dict[str, object]:
    expected, worst = map(money_text, outlook.cost_at(row.pairs))
    return {
        "pairs": row.pairs,
        "power": round(row.power, 4),
        "low": round(row.low, 4),
        "high": round(row.high, 4),
        "expected": expected,
        "worst": worst,
    }
