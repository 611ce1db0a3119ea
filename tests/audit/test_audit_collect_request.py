"""What is sent, compared with what the providers' own clients send, and what is refused before the first call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import anthropic
import openai
import pytest
from collect_samples import AskedOfSite, Site, collected, plan_of, route, wanted

from overt.audit.collect.ask import kept_headers, repeats
from overt.audit.collect.request import body_of, check_routes, keys_of, most_tokens
from overt.audit.plan import Api
from overt.errors import BadRequest, OperatorError

KEY = "sk-0123456789abcdef"
PARAMETERS = {
    Api.ANTHROPIC: {"max_tokens": 77, "stop_sequences": ["."], "system": "Be brief."},
    Api.CHAT: {"max_completion_tokens": 77, "temperature": 0.7, "logprobs": True, "top_logprobs": 5},
    Api.RESPONSES: {"max_output_tokens": 77, "store": False, "reasoning": {"effort": "low"}},
}


async def _anthropic(url: str) -> None:
    client = anthropic.AsyncAnthropic(base_url=url, api_key=KEY, max_retries=0)
    said = await client.messages.create(
        model="big-1",
        max_tokens=77,
        stop_sequences=["."],
        system="Be brief.",
        messages=[{"role": "user", "content": "Question 0, ö?"}],
    )
    assert said.model == "big-1"
    await client.close()


async def _chat(url: str) -> None:
    client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0)
    said = await client.chat.completions.create(
        model="big-1",
        max_completion_tokens=77,
        temperature=0.7,
        logprobs=True,
        top_logprobs=5,
        messages=[{"role": "user", "content": "Question 0, ö?"}],
    )
    assert said.model == "big-1"
    await client.close()


async def _responses(url: str) -> None:
    client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0)
    said = await client.responses.create(
        model="big-1", max_output_tokens=77, store=False, reasoning={"effort": "low"}, input="Question 0, ö?"
    )
    assert said.model == "big-1"
    await client.close()


CLIENTS: dict[Api, Callable[[str], Awaitable[None]]] = {
    Api.ANTHROPIC: _anthropic,
    Api.CHAT: _chat,
    Api.RESPONSES: _responses,
}


@pytest.mark.parametrize("api", list(Api))
def test_a_request_says_what_the_providers_own_client_says(api: Api, tmp_path: Path) -> None:
    async def go() -> None:
        async with Site() as site:
            await CLIENTS[api](site.url)
            plan = plan_of(route(site.url, api=api, parameters=PARAMETERS[api], key_variable="K"), asked=1)
            assert await collected(wanted(tmp_path, plan, environment={"K": KEY})) is None
            theirs, ours = site.asked
            assert ours.body == theirs.body
            for name in ("content-type", "accept"):
                assert ours.headers[name] == theirs.headers[name]
            assert "anthropic-version" in ours.headers or "anthropic-version" not in theirs.headers
            assert _credential(ours) == _credential(theirs) == KEY

    asyncio.run(go())


def _credential(asked: AskedOfSite) -> str | None:
    """The key, wherever the protocol lets it stand."""
    bearer = asked.headers.get("authorization", "").removeprefix("Bearer ")
    return bearer or asked.headers.get("x-api-key")


@pytest.mark.parametrize(
    ("api", "parameters", "sent"),
    [
        (Api.ANTHROPIC, {}, {"max_tokens": 1024}),
        (Api.CHAT, {}, {"max_tokens": 1024}),
        (Api.RESPONSES, {}, {"max_output_tokens": 1024}),
        (Api.CHAT, {"max_completion_tokens": 5}, {"max_completion_tokens": 5}),
        (Api.CHAT, {"max_tokens": 5}, {"max_tokens": 5}),
    ],
    ids=["anthropic", "chat", "responses", "chat as now", "chat as before"],
)
def test_an_answer_is_always_limited(api: Api, parameters: dict[str, int], sent: dict[str, int]) -> None:
    of = route("https://a.example", api=api, parameters=parameters)
    body = json.loads(body_of(of, plan_of(of, asked=1).prompts[0]))
    assert {name: value for name, value in body.items() if name.startswith("max")} == sent
    assert most_tokens(of) == next(iter(sent.values()))


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"stream": True}, "stream"),
        ({"n": 2}, "'n'"),
        ({"background": True}, "background"),
        ({"model": "other"}, "model"),
        ({"messages": []}, "messages"),
        ({"max_tokens": 0}, "0 tokens"),
        ({"max_tokens": "many"}, "'many' tokens"),
    ],
    ids=str,
)
def test_a_parameter_that_would_change_what_is_asked_is_refused(parameters: dict[str, object], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        check_routes([route("https://a.example", parameters=parameters)])


@pytest.mark.parametrize("value", ["", "  ", "two words", "naïve", "line\nline"], ids=repr)
def test_what_cannot_be_a_key_is_refused(value: str) -> None:
    with pytest.raises(OperatorError, match="THE_KEY"):
        keys_of([route("https://a.example", key_variable="THE_KEY")], {"THE_KEY": value})


def test_headers_that_say_who_answered_are_kept_and_no_others() -> None:
    came = [
        *(("X-Request-Id", "r1"), ("Set-Cookie", "a=b"), ("Authorization", KEY), ("X-RateLimit-Remaining", "3")),
        *(("OpenAI-Processing-Ms", "12"), ("X-Provider", f"it said {KEY}"), ("X-Else", "1"), ("Via", "a\udcff")),
    ]
    assert kept_headers(came, KEY) == (
        ("x-request-id", "r1"),
        ("x-ratelimit-remaining", "3"),
        ("openai-processing-ms", "12"),
        ("via", "a\\xff"),
    )


def test_a_key_too_short_to_be_a_secret_may_stand_in_answers() -> None:
    assert not repeats("The list is EMPTY.", "EMPTY")
    assert repeats(f"key {KEY}!", KEY)
