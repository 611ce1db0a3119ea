"""What is sent to a route: path, body and headers of the three APIs.

A route's parameters go into the body as they are. Those that would make the answer another thing than one text (a
stream, several choices, a job in the background) or that are the plan's to say are refused before the first call.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final, assert_never

from overt.audit.plan import Api, Route
from overt.audit.rows import Prompt
from overt.errors import BadRequest, OperatorError

MOST_TOKENS: Final = 1024
"""The most tokens of an answer where a route's parameters do not say."""
ANTHROPIC_VERSION: Final = "2023-06-01"
"""Later versions refuse ``temperature``; all servers know this one."""

PATHS: Final[Mapping[Api, str]] = {
    Api.ANTHROPIC: "/v1/messages",
    Api.CHAT: "/v1/chat/completions",
    Api.RESPONSES: "/v1/responses",
}
LIMITS: Final[Mapping[Api, tuple[str, ...]]] = {
    Api.ANTHROPIC: ("max_tokens",),
    Api.CHAT: ("max_completion_tokens", "max_tokens"),
    Api.RESPONSES: ("max_output_tokens",),
}
"""The parameters that limit an answer's tokens. The last is set where a route gives none."""
_OURS: Final = frozenset({"model", "messages", "input", "stream", "n", "background"})


def url_of(route: Route) -> str:
    """Where a route's requests go."""
    return route.base_url.rstrip("/") + PATHS[route.api]


def body_of(route: Route, prompt: Prompt) -> str:
    """The body that asks a route for one answer to a prompt."""
    limit = LIMITS[route.api]
    given = dict(route.parameters)
    if not any(name in given for name in limit):
        given[limit[-1]] = MOST_TOKENS
    asked = {"model": route.model, **given, **_asking(route.api, prompt.text)}
    return json.dumps(asked, ensure_ascii=False, separators=(",", ":"))


def _asking(api: Api, text: str) -> dict[str, object]:
    match api:
        case Api.ANTHROPIC | Api.CHAT:
            return {"messages": [{"role": "user", "content": text}]}
        case Api.RESPONSES:
            return {"input": text}
        case _ as unreachable:
            assert_never(unreachable)


def most_tokens(route: Route) -> int:
    """The most tokens that an answer of the route may have, by its parameters."""
    found = [route.parameters[name] for name in LIMITS[route.api] if name in route.parameters]
    for value in found:
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise BadRequest(f"route {route.name!r} limits its answers to {value!r} tokens: give a whole number from 1")
    return max((value for value in found if isinstance(value, int)), default=MOST_TOKENS)


def headers_of(route: Route, key: str | None) -> dict[str, str]:
    """The headers of a request. The key is in these alone, and these are kept nowhere."""
    headers = {"content-type": "application/json", "accept": "application/json", "accept-encoding": "identity"}
    if route.api is Api.ANTHROPIC:
        headers["anthropic-version"] = ANTHROPIC_VERSION
    if key is not None:
        headers |= {"x-api-key": key} if route.api is Api.ANTHROPIC else {"authorization": f"Bearer {key}"}
    return headers


def check_routes(routes: Iterable[Route]) -> None:
    """`BadRequest` for a parameter that cannot be sent."""
    for route in routes:
        most_tokens(route)
        if ours := sorted(_OURS & set(route.parameters)):
            raise BadRequest(
                f"route {route.name!r} has the parameters {ours!r}, which a collection sets itself: "
                "remove them and plan again"
            )


def keys_of(routes: Iterable[Route], environment: Mapping[str, str]) -> dict[str, str]:
    """The key of each route that has one; `OperatorError` names every variable that is not set, or is no key."""
    wanted = {route.name: route.key_variable for route in routes if route.key_variable is not None}
    missing = sorted({variable for variable in wanted.values() if not environment.get(variable, "").strip()})
    if missing:
        names = ", ".join(missing)
        raise OperatorError(f"the plan takes keys from {names}, which the environment does not set: export them first")
    keys = {name: environment[variable].strip() for name, variable in wanted.items()}
    for name, key in keys.items():
        if not key.isascii() or not key.isprintable() or " " in key:
            raise OperatorError(
                f"the key in {wanted[name]!r} holds white space or letters that no header can carry: set it again"
            )
    return keys
