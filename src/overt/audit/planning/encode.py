"""A plan as canonical JSON (RFC 8785) and back: one plan has one encoding, and so one digest.

The closed set of values has no fractions. Fractions of ours are therefore strings, written as Python reads them back
exactly; parameters, which go into requests as they are, are the text of their JSON object, members sorted.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from overt.audit.plan import Api, Parameter, Plan, Price, Question, Role, Route
from overt.audit.rows import Prompt
from overt.errors import VerificationFailed
from overt.proof import canonical
from overt.proof.members import Members, members_of

VERSION: Final = "overt-audit-plan/1"
_WHAT: Final = "plan"
_PLAN: Final = frozenset(Plan.__dataclass_fields__) | {"v"}
_ROUTE: Final = frozenset(Route.__dataclass_fields__)
_PRICE: Final = frozenset(Price.__dataclass_fields__)
_PROMPT: Final = frozenset(Prompt.__dataclass_fields__)
_MONEY: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")


def encode_plan(plan: Plan) -> bytes:
    """The one encoding of a plan; `VerificationFailed` if it holds what has none."""
    return canonical.encode(
        {
            "alpha": _fraction_text(plan.alpha),
            "budget": money_text(plan.budget),
            "checkers": plan.checkers,
            "control": plan.control,
            "currency": plan.currency,
            "made_at": plan.made_at,
            "margin": _fraction_text(plan.margin),
            "power": None if plan.power is None else _fraction_text(plan.power),
            "prompts": [_prompt_value(prompt) for prompt in plan.prompts],
            "question": plan.question.value,
            "recorded": plan.recorded,
            "routes": [_route_value(route) for route in plan.routes],
            "samples": plan.samples,
            "seed": plan.seed,
            "topic": plan.topic,
            "v": VERSION,
        }
    )


def decode_plan(raw: bytes) -> Plan:
    """The plan, or `VerificationFailed` unless ``raw`` is exactly its encoding."""
    value = canonical.decode(raw)
    members = members_of(value, _WHAT, _PLAN)
    members.constant("v", VERSION)
    plan = Plan(
        question=members.word("question", Question),
        routes=tuple(_route(item) for item in _list(value, "routes")),
        prompts=tuple(_prompt(item) for item in _list(value, "prompts")),
        samples=members.integer("samples"),
        alpha=_fraction(members.text("alpha")),
        seed=members.integer("seed"),
        budget=_money(members.text("budget")),
        currency=members.text("currency"),
        made_at=members.text("made_at"),
        topic=members.text_or_none("topic"),
        control=members.text_or_none("control"),
        margin=_fraction(members.text("margin")),
        recorded=members.text_or_none("recorded"),
        checkers=members.text_or_none("checkers"),
        power=None if (power := members.text_or_none("power")) is None else _fraction(power),
    )
    if encode_plan(plan) != raw:
        raise VerificationFailed(_WHAT, "a number or a parameter is not written as we write it")
    return plan


def plan_digest(plan: Plan) -> str:
    """SHA-256 of the encoding, in hexadecimal: what the first record of the data names as ``previous``."""
    return hashlib.sha256(encode_plan(plan)).hexdigest()


def money_text(amount: Decimal) -> str:
    """An amount without an exponent."""
    return format(amount, "f")


def _prompt_value(prompt: Prompt) -> canonical.Value:
    return {
        "pair": prompt.pair,
        "pid": prompt.pid,
        "stratum": prompt.stratum,
        "text": prompt.text,
        "topic": prompt.topic,
    }


def _prompt(value: canonical.Value) -> Prompt:
    members = members_of(value, "plan.prompts", _PROMPT)
    return Prompt(
        pid=members.text("pid"),
        topic=members.text("topic"),
        text=members.string("text"),
        stratum=members.text_or_none("stratum"),
        pair=members.text_or_none("pair"),
    )


def _route_value(route: Route) -> canonical.Value:
    return {
        "api": route.api.value,
        "base_url": route.base_url,
        "key_variable": route.key_variable,
        "model": route.model,
        "most_at_once": route.most_at_once,
        "most_per_minute": route.most_per_minute,
        "name": route.name,
        "parameters": _parameters_text(route.parameters),
        "price": None if route.price is None else _price_value(route.price),
        "role": route.role.value,
    }


def _route(value: canonical.Value) -> Route:
    members = members_of(value, "plan.routes", _ROUTE)
    price = members.object_or_none("price", _PRICE)
    return Route(
        name=members.text("name"),
        role=members.word("role", Role),
        api=members.word("api", Api),
        base_url=members.text("base_url"),
        model=members.text("model"),
        key_variable=members.text_or_none("key_variable"),
        parameters=_parameters(members.text("parameters")),
        price=None if price is None else _price(price, value),
        most_per_minute=members.integer_or_none("most_per_minute"),
        most_at_once=members.integer("most_at_once"),
    )


def _price_value(price: Price) -> canonical.Value:
    return {
        "input": money_text(price.input),
        "output": money_text(price.output),
        "refusals_billed": price.refusals_billed,
    }


def _price(members: Members, route: canonical.Value) -> Price:
    billed = _member(_member(route, "price"), "refusals_billed")
    if not isinstance(billed, bool):
        raise VerificationFailed("plan.routes.price", f"member 'refusals_billed' is {billed!r}, expected a boolean")
    return Price(input=_money(members.text("input")), output=_money(members.text("output")), refusals_billed=billed)


def _member(value: canonical.Value, name: str) -> canonical.Value:
    return value.get(name) if isinstance(value, dict) else None


def _list(value: canonical.Value, name: str) -> list[canonical.Value]:
    found = _member(value, name)
    if not isinstance(found, list):
        raise VerificationFailed(_WHAT, f"member {name!r} is {found!r}, expected a list")
    return found


def _fraction_text(number: float) -> str:
    if not math.isfinite(number):
        raise VerificationFailed(_WHAT, f"{number!r} is no number")
    return repr(float(number))


def _fraction(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise VerificationFailed(_WHAT, f"{text!r} is no number") from error


def _money(text: str) -> Decimal:
    if _MONEY.fullmatch(text) is None:
        raise VerificationFailed(_WHAT, f"{text!r} is no amount of money, such as '5.00'")
    return Decimal(text)


def _parameters_text(parameters: Mapping[str, Parameter]) -> str:
    try:
        return json.dumps(dict(parameters), sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise VerificationFailed(_WHAT, f"the parameters {dict(parameters)!r} are not JSON: {error}") from error


def _parameters(text: str) -> Mapping[str, Parameter]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise VerificationFailed(_WHAT, f"the parameters {text!r} are not JSON: {error}") from error
    if not isinstance(found, dict):
        raise VerificationFailed(_WHAT, f"the parameters {text!r} are no JSON object")
    return found
