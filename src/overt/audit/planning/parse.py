"""Read a plan from its TOML text. Every problem is reported at once, with its line and remedy.

Prompts and recordings are read from where the plan names them: relative to its file, or from the sets that come with
Overt. What is returned is whole: nothing in it points to a file.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Final, Protocol, final

from overt.audit.collect.request import LIMITS, check_routes
from overt.audit.plan import Api, Parameter, Plan, Price, Question, Role, Route
from overt.audit.planning.table import ENVIRONMENT, PLAN
from overt.audit.rows import Answer, Prompt, read_answers, read_prompts
from overt.errors import BadRequest, InvalidFile, OvertError, Problem
from overt.tomlfile.read import Entry, in_order, read


class LoadSet(Protocol):
    """Gives the prompts of a set that comes with Overt; an `OvertError` if there is none of that name."""

    def __call__(self, name: str, /, *, seed: int, wording: int, times: int) -> tuple[Prompt, ...]: ...


_ENDS_IN_V1: Final = re.compile(r"/v1/?$")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A plan that is not signed yet, and the recorded answers that it compares with, if any."""

    plan: Plan
    recorded: tuple[Answer, ...] = ()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a plan file names: values where they could be read, problems where not."""

    prompts: tuple[Prompt, ...] = ()
    recorded: tuple[Answer, ...] = ()
    digest: str | None = None
    problems: tuple[Problem, ...] = ()


def read_draft(path: Path, load: LoadSet, *, budget: Decimal, made_at: str) -> Draft:
    """The plan in a file; `InvalidFile` with all problems in the order of lines, `BadRequest` if it cannot be read."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest(f"cannot read the plan {str(path)!r}: {error}") from error
    entry, problems = read(text, name=str(path), table=PLAN)
    found = _prompts(entry, path.parent, load)
    recorded = _recorded(entry, path.parent)
    meant = (
        found.problems,
        recorded.problems,
        _sides(entry),
        _names(entry),
        *map(_route_problems, entry.tables("routes")),
        _topics(entry, found.prompts),
        _checkers(entry),
        _covered(entry, found.prompts, recorded.recorded),
    )
    every = in_order((*problems, *chain.from_iterable(meant)))
    if every:
        raise InvalidFile(str(path), every)
    plan = _plan(entry, found.prompts, recorded.digest, budget=budget, made_at=made_at)
    return Draft(plan=plan, recorded=recorded.recorded)


# --- what the file names ---------------------------------------------------------------------------------------------


def _prompts(entry: Entry, folder: Path, load: LoadSet) -> Found:
    """The prompts of all sets and files; one pid may stand in one of them only."""
    prompts: dict[str, Prompt] = {}
    problems: list[Problem] = []
    for source in entry.tables("prompts"):
        key = "set" if "set" in source.values else "file"
        if key not in source.values:
            continue
        try:
            named = _set(source, load) if key == "set" else read_prompts(folder / source.text("file"))
        except OvertError as error:
            problems.append(source.problem(key, str(error), "name prompts that can be read"))
            continue
        chosen = _chosen(named, source.maybe("topic"), source.number("most"), _seed(entry))
        if not chosen:
            known = ", ".join(sorted({prompt.topic for prompt in named}))
            problems.append(source.problem("topic", f"{source.text('topic')!r} is no topic of it", f"it has {known}"))
        twice = [prompt.pid for prompt in chosen if prompt.pid in prompts]
        if twice:
            problems.append(
                source.problem(key, f"prompt {twice[0]!r} is there already", "give every prompt its own pid")
            )
        prompts |= {prompt.pid: prompt for prompt in chosen}
    return Found(prompts=tuple(prompts.values()), problems=tuple(problems))


def _set(source: Entry, load: LoadSet) -> tuple[Prompt, ...]:
    seed, wording, times = (source.number(key) for key in ("seed", "wording", "times"))
    return load(source.text("set"), seed=int(seed or 0), wording=int(wording or 0), times=int(times or 1))


def _chosen(prompts: tuple[Prompt, ...], topic: str | None, most: float | None, seed: int) -> tuple[Prompt, ...]:
    """At most ``most`` prompts of each topic, in their order. The two of a pair are drawn together, by its name."""
    wanted = [prompt for prompt in prompts if topic in (None, prompt.topic)]
    if most is None:
        return tuple(wanted)
    by_topic: dict[str, list[Prompt]] = {}
    for prompt in sorted(wanted, key=lambda prompt: _draw(seed, prompt.pair or prompt.pid)):
        by_topic.setdefault(prompt.topic, []).append(prompt)
    kept = {prompt.pid for several in by_topic.values() for prompt in several[: int(most)]}
    return tuple(prompt for prompt in wanted if prompt.pid in kept)


def _draw(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed} {name}".encode()).digest()


def _recorded(entry: Entry, folder: Path) -> Found:
    name = entry.maybe("recorded")
    if name is None:
        return Found()
    path = folder / name
    try:
        answers = read_answers(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OvertError, OSError) as error:
        return Found(problems=(entry.problem("recorded", str(error), "name answers that can be read"),))
    return Found(recorded=answers, digest=digest)


# --- problems of meaning ---------------------------------------------------------------------------------------------


def _sides(entry: Entry) -> Iterator[Problem]:
    """One reference, recorded or asked, and at least one endpoint."""
    routes = entry.tables("routes")
    references = [route for route in routes if route.text("role") == Role.REFERENCE]
    # A route whose role is not well-formed is a problem already, and may be the one that seems to be missing.
    unsaid = any(not route.text("role") for route in routes)
    if routes and not unsaid and len(references) == len(routes):
        yield entry.problem("routes", "none of them is an endpoint", 'write role = "endpoint" for what is tested')
    if references and "recorded" in entry.values:
        what = "recorded answers are the reference, and a route is as well"
        yield entry.problem("recorded", what, "leave one of them out")
    if routes and not unsaid and not references and "recorded" not in entry.lines:
        remedy = 'add a route with role = "reference", or recorded = "answers.jsonl"'
        yield entry.problem("routes", "there is no reference to compare with", remedy)
    for second in references[1:]:
        yield second.problem("role", "another route is the reference already", "test one reference at a time")


def _names(entry: Entry) -> Iterator[Problem]:
    seen: set[str] = set()
    for route in entry.tables("routes"):
        name = route.text("name")
        if name and name in seen:
            yield route.problem("name", f"{name!r} is already the name of another route", "give it its own name")
        seen.add(name)


def _route_problems(route: Entry) -> Iterator[Problem]:
    if _ENDS_IN_V1.search(route.text("base_url")):
        yield route.problem("base_url", "it ends in /v1, which Overt adds by itself", "leave /v1 out")
    given, problem = _parameters_given(route)
    if problem is not None:
        yield problem
        return
    api = route.maybe("api")
    if api is None:
        return
    doubled = [name for name in _own_parameters(route, Api(api)) if name in given]
    limits = [name for name in LIMITS[Api(api)] if name in given and "max_tokens" in route.values]
    for name in dict.fromkeys((*doubled, *limits)):
        yield route.problem("parameters", f"{name!r} stands beside its own key", "write it once")
    try:
        check_routes((_route(route),) if not doubled else ())
    except BadRequest as error:
        yield route.problem("parameters", str(error), "leave it to Overt")


def _parameters_given(route: Entry) -> tuple[Mapping[str, Parameter], Problem | None]:
    """The object in ``parameters``, or what is wrong with it."""
    text = route.maybe("parameters")
    if text is None:
        return {}, None
    try:
        found = json.loads(text)
        json.dumps(found, allow_nan=False)
    except (ValueError, RecursionError) as error:
        return {}, route.problem("parameters", f"it is not JSON: {error}", "write '{\"top_k\": 40}'")
    if not isinstance(found, dict):
        return {}, route.problem("parameters", "it is no JSON object", "write '{\"top_k\": 40}'")
    return found, None


def _topics(entry: Entry, prompts: tuple[Prompt, ...]) -> Iterator[Problem]:
    about_topic = entry.text("question") == Question.TOPIC
    known = sorted({prompt.topic for prompt in prompts})
    for key in ("topic", "control"):
        name = entry.maybe(key)
        if about_topic and key not in entry.lines:
            yield entry.problem(key, "it is missing", f'a question about a topic needs it: {key} = "…"')
        elif not about_topic and name is not None and entry.text("question"):
            yield entry.problem(key, "the question is not about a topic", 'write question = "topic", or leave it out')
        elif name is not None and prompts and name not in known:
            yield entry.problem(key, f"no prompt has the topic {name!r}", f"the prompts have {', '.join(known)}")
    if about_topic and entry.maybe("topic") and entry.maybe("topic") == entry.maybe("control"):
        yield entry.problem("control", "it is the topic itself", "name the topic that it is matched with")


def _checkers(entry: Entry) -> Iterator[Problem]:
    name = entry.maybe("checkers")
    sets = [source.text("set") for source in entry.tables("prompts") if "set" in source.values]
    if name is not None and name not in sets:
        remedy = f"the plan takes prompts from {', '.join(sets)}" if sets else "take the prompts from a set"
        yield entry.problem("checkers", f"{name!r} is no set that the plan takes prompts from", remedy)


def _covered(entry: Entry, prompts: tuple[Prompt, ...], recorded: tuple[Answer, ...]) -> Iterator[Problem]:
    """Whether recordings answer every prompt: what was not recorded cannot be compared."""
    if not recorded:
        return
    answered = {answer.pid for answer in recorded}
    lacking = [prompt.pid for prompt in prompts if prompt.pid not in answered]
    if lacking:
        what = f"it has no answer to {len(lacking)} of the {len(prompts)} prompts, as to {lacking[0]!r}"
        yield entry.problem("recorded", what, "record them, or leave those prompts out")


# --- values ----------------------------------------------------------------------------------------------------------


def _plan(entry: Entry, prompts: tuple[Prompt, ...], recorded: str | None, *, budget: Decimal, made_at: str) -> Plan:
    margin = entry.number("margin")
    return Plan(
        question=Question(entry.text("question")),
        routes=tuple(map(_route, entry.tables("routes"))),
        prompts=prompts,
        samples=int(entry.number("samples") or 1),
        alpha=entry.number("alpha") or 0.05,
        seed=_seed(entry),
        budget=budget,
        currency=entry.maybe("currency") or "USD",
        made_at=made_at,
        topic=entry.maybe("topic"),
        control=entry.maybe("control"),
        margin=0.05 if margin is None else margin,
        recorded=recorded,
        checkers=_graded_by(entry, prompts),
    )


def _graded_by(entry: Entry, prompts: tuple[Prompt, ...]) -> str | None:
    """The set that is named, else the one that the topic's prompts come from, else the first; None without a set."""
    sets = [source.text("set") for source in entry.tables("prompts") if "set" in source.values]
    about_topic = {prompt.pid.partition(":")[0] for prompt in prompts if prompt.topic == entry.maybe("topic")}
    found = [*(name for name in sets if name in about_topic), *sets]
    return entry.maybe("checkers") or (found[0] if found else None)


def _seed(entry: Entry) -> int:
    seed = entry.number("seed")
    return 1 if seed is None else int(seed)


def _route(route: Entry) -> Route:
    api = Api(route.text("api"))
    credential = route.maybe("credential")
    price = route.maybe_table("price")
    per_minute = route.number("most_per_minute")
    parameters = {**_parameters_given(route)[0], **_own_parameters(route, api)}
    return Route(
        name=route.text("name"),
        role=Role(route.maybe("role") or Role.ENDPOINT),
        api=api,
        base_url=route.text("base_url").rstrip("/"),
        model=route.text("model"),
        key_variable=credential.removeprefix(ENVIRONMENT) if credential else None,
        parameters=dict(sorted(parameters.items())),
        price=_price(price) if price else None,
        most_per_minute=None if per_minute is None else int(per_minute),
        most_at_once=int(route.number("most_at_once") or 4),
    )


def _own_parameters(route: Entry, api: Api) -> dict[str, Parameter]:
    """Parameters that have keys of their own, under the names of the API."""
    found: dict[str, Parameter] = {}
    longest, temperature = route.number("max_tokens"), route.values.get("temperature")
    if longest is not None:
        found[LIMITS[api][-1]] = int(longest)
    if isinstance(temperature, int | float):
        found["temperature"] = temperature
    return found


def _price(price: Entry) -> Price:
    billed = price.flag("refusals_billed")
    return Price(
        input=_money(price.number("input")),
        output=_money(price.number("output")),
        refusals_billed=True if billed is None else billed,
    )


def _money(amount: float | None) -> Decimal:
    """An amount as it was written: the shortest decimal of its double."""
    return Decimal(format(Decimal(repr(amount or 0)), "f"))
