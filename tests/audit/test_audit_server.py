"""The endpoint to audit: official clients read it, and it says over HTTP what it says directly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar, final

import aiohttp
import anthropic
import numpy as np
import openai
import pytest

from overt.audit.answers import answer_of
from overt.audit.plan import Api, Role
from overt.audit.record import Record
from overt.testing.audited import AuditedServer
from overt.testing.audited_shapes import PATHS, Fingerprint, Tells
from overt.testing.audited_trouble import Trouble
from overt.testing.language_models import (
    Asked,
    Faults,
    LanguageModel,
    SimulatedEndpoint,
    SimulatedModel,
    Skill,
    Solution,
    pieces,
    swap,
    vocabulary,
)

WORDS = LanguageModel(seed=1)
BIG = SimulatedModel(name="big-1", words=WORDS)
SMALL = SimulatedModel(name="small-1", words=replace(WORDS, seed=2), skill=Skill(right=0.3))
HONEST = SimulatedEndpoint(serves=BIG, seed=7)
MIXED = replace(HONEST, faults=swap(SMALL, 0.5))
FALLS_BACK = replace(HONEST, faults=replace(swap(SMALL, 1.0), declared=True))
REFUSES = replace(HONEST, faults=Faults(refuses=1.0))
HIDDEN = replace(HONEST, serves=replace(BIG, words=replace(WORDS, hidden="Be brief and plain.")))
EVERY_API = pytest.mark.parametrize("api", list(Api))
T = TypeVar("T")


@final
@dataclass(frozen=True, slots=True)
class Reply:
    """A raw reply."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]


def during(server: AuditedServer, act: Callable[[AuditedServer], Awaitable[T]]) -> T:
    """What ``act`` gives while the server is open."""

    async def whole() -> T:
        async with server:
            return await act(server)

    return asyncio.run(whole())


def body(api: Api, prompt: str, **more: Any) -> dict[str, Any]:
    """A request for one answer."""
    match api:
        case Api.ANTHROPIC:
            return {"model": "big-1", "max_tokens": 100, "messages": [{"role": "user", "content": prompt}]} | more
        case Api.CHAT:
            return {"model": "big-1", "messages": [{"role": "user", "content": prompt}]} | more
        case Api.RESPONSES:
            return {"model": "big-1", "input": prompt} | more


async def post(url: str, api: Api, sent: object, headers: dict[str, str] | None = None) -> Reply:
    """One request, without a client that tries again."""
    async with aiohttp.ClientSession() as session, session.post(url + PATHS[api], json=sent, headers=headers) as got:
        return Reply(got.status, {name.lower(): value for name, value in got.headers.items()}, await got.json())


def ask(server: AuditedServer, api: Api, sent: object, *, times: int = 1, key: str | None = None) -> list[Reply]:
    """The replies to one request sent several times."""
    headers = None if key is None else {"authorization": f"Bearer {key}"}
    return during(server, lambda it: _each(it.url, api, sent, times, headers))


async def _each(url: str, api: Api, sent: object, times: int, headers: dict[str, str] | None) -> list[Reply]:
    return [await post(url, api, sent, headers) for _ in range(times)]


def text_of(api: Api, found: dict[str, Any]) -> str:
    """The text in a body of this shape."""
    match api:
        case Api.ANTHROPIC:
            return str(found["content"][-1]["text"])
        case Api.CHAT:
            return str(found["choices"][0]["message"]["content"])
        case Api.RESPONSES:
            return str(found["output"][0]["content"][0]["text"])


def of_anthropic(server: AuditedServer) -> anthropic.AsyncAnthropic:
    """The official client, which accepts nothing that its types do not describe."""
    return anthropic.AsyncAnthropic(base_url=server.url, api_key="k", max_retries=0, _strict_response_validation=True)


def of_openai(server: AuditedServer, *, retries: int = 0) -> openai.AsyncOpenAI:
    """The official client."""
    return openai.AsyncOpenAI(
        base_url=f"{server.url}/v1", api_key="k", max_retries=retries, _strict_response_validation=True
    )


# --- what is said over HTTP is what is said directly ------------------------------------------------------------------


@EVERY_API
def test_answers_over_http_are_those_of_the_endpoint(api: Api) -> None:
    server = AuditedServer(endpoint=MIXED)
    replies = ask(server, api, body(api, "Why?"), times=20)
    direct = [MIXED.answer(Asked(prompt="Why?", call=call)) for call in range(20)]
    assert [text_of(api, reply.body) for reply in replies] == [spoken.text for spoken in direct]
    assert [served.spoken for served in server.served] == direct
    assert {spoken.model for spoken in direct} == {BIG, SMALL}


def test_prompts_and_days_are_counted_apart_and_shapes_together() -> None:
    async def act(server: AuditedServer) -> None:
        await post(server.url, Api.CHAT, body(Api.CHAT, "Why?"))
        await post(server.url, Api.RESPONSES, body(Api.RESPONSES, "How?"))
        await post(server.url, Api.ANTHROPIC, body(Api.ANTHROPIC, "Why?"))
        server.day = 1
        await post(server.url, Api.CHAT, body(Api.CHAT, "Why?"))

    server = AuditedServer(endpoint=HONEST)
    during(server, act)
    counted = [(served.asked.prompt, served.asked.call, served.asked.day) for served in server.served]
    assert counted == [("Why?", 0, 0), ("How?", 0, 0), ("Why?", 1, 0), ("Why?", 0, 1)]


@EVERY_API
def test_temperature_and_limit_of_tokens_are_kept(api: Api) -> None:
    limit = {Api.ANTHROPIC: "max_tokens", Api.CHAT: "max_completion_tokens", Api.RESPONSES: "max_output_tokens"}[api]
    server = AuditedServer(endpoint=HONEST)
    replies = ask(server, api, body(api, "Why?", temperature=0, **{limit: 1}), times=5)
    likeliest = vocabulary(WORDS.words)[int(np.argmax(WORDS.logprobs("Why?")))]
    assert {text_of(api, reply.body) for reply in replies} == {likeliest}
    assert all(served.spoken.cut for served in server.served)


@pytest.mark.parametrize(
    ("api", "more"),
    [
        (Api.ANTHROPIC, {"system": "Be kind."}),
        (Api.CHAT, {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Why?"}]}),
        (Api.RESPONSES, {"instructions": "Be kind.", "input": [{"role": "user", "content": "Why?"}]}),
        (Api.ANTHROPIC, {"messages": [{"role": "user", "content": [{"type": "text", "text": "Be kind.\n\nWhy?"}]}]}),
    ],
    ids=["anthropic system", "chat system", "responses instructions", "parts"],
)
def test_all_texts_of_a_request_are_its_prompt(api: Api, more: dict[str, Any]) -> None:
    server = AuditedServer(endpoint=HONEST)
    ask(server, api, body(api, "Why?") | more)
    assert server.served[0].asked.prompt == "Be kind.\n\nWhy?"


# --- the official clients read it -------------------------------------------------------------------------------------


def test_the_anthropic_client_reads_an_honest_answer() -> None:
    async def act(server: AuditedServer) -> Any:
        async with of_anthropic(server) as client:
            return await client.messages.create(**body(Api.ANTHROPIC, "Why is that so?"))

    message = during(AuditedServer(endpoint=HONEST), act)
    assert (message.model, message.stop_reason, message.content[0].type) == ("big-1", "end_turn", "text")
    assert (message.usage.input_tokens, message.usage.output_tokens) == (4, WORDS.most)
    assert message._request_id.startswith("req_")


def test_the_anthropic_client_reads_a_refusal() -> None:
    async def act(server: AuditedServer) -> Any:
        async with of_anthropic(server) as client:
            return await client.messages.create(**body(Api.ANTHROPIC, "Why?"))

    message = during(AuditedServer(endpoint=REFUSES, tells=Tells(refusal_category="bio")), act)
    assert (message.stop_reason, message.content) == ("refusal", [])
    assert (message.stop_details.type, message.stop_details.category) == ("refusal", "bio")


@pytest.mark.parametrize("sticky", [False, True], ids=["with a block", "by usage alone"])
def test_the_anthropic_client_reads_a_declared_fallback(sticky: bool) -> None:
    async def act(server: AuditedServer) -> Any:
        async with of_anthropic(server) as client:
            return await client.beta.messages.create(**body(Api.ANTHROPIC, "Why?"))

    message = during(AuditedServer(endpoint=FALLS_BACK, tells=Tells(sticky=sticky)), act)
    entries = [(entry.type, entry.model) for entry in message.usage.iterations]
    assert message.model == "small-1"
    assert [block.type for block in message.content] == (["text"] if sticky else ["fallback", "text"])
    assert entries == [("message", "big-1"), ("fallback_message", "small-1")][int(sticky) :]


def test_the_openai_client_reads_a_chat_completion() -> None:
    async def act(server: AuditedServer) -> Any:
        async with of_openai(server) as client:
            return await client.chat.completions.create(**body(Api.CHAT, "Why?"))

    completion = during(AuditedServer(endpoint=HONEST), act)
    assert (completion.model, completion.choices[0].finish_reason) == ("big-1", "stop")
    assert completion.usage.total_tokens == 1 + WORDS.most
    assert completion.choices[0].logprobs is None


def test_the_openai_client_reads_a_response() -> None:
    async def act(server: AuditedServer) -> Any:
        async with of_openai(server) as client:
            return await client.responses.create(**body(Api.RESPONSES, "Why?"))

    response = during(AuditedServer(endpoint=HONEST), act)
    assert (response.model, response.status) == ("big-1", "completed")
    assert response.output_text == HONEST.answer(Asked(prompt="Why?")).text


@pytest.mark.parametrize("filters", [True, False], ids=["content filter", "refusal text"])
def test_the_openai_client_reads_refusals(filters: bool) -> None:
    async def act(server: AuditedServer) -> Any:
        async with of_openai(server) as client:
            chat = await client.chat.completions.create(**body(Api.CHAT, "Why?"))
            return chat.choices[0], await client.responses.create(**body(Api.RESPONSES, "Why?"))

    choice, response = during(AuditedServer(endpoint=REFUSES, tells=Tells(filters=filters)), act)
    assert choice.message.content is None
    assert choice.finish_reason == ("content_filter" if filters else "stop")
    assert (choice.message.refusal is None) == filters
    assert response.output_text == ""
    if filters:
        assert (response.status, response.incomplete_details.reason) == ("incomplete", "content_filter")
    else:
        assert response.output[0].content[0].type == "refusal"


def test_log_probabilities_are_those_of_the_chain() -> None:
    async def act(server: AuditedServer) -> Any:
        async with of_openai(server) as client:
            wanted = body(Api.CHAT, "Why?", logprobs=True, top_logprobs=20, max_tokens=3, temperature=0)
            return (await client.chat.completions.create(**wanted)).choices[0]

    choice = during(AuditedServer(endpoint=HONEST), act)
    found = choice.logprobs.content
    exact = np.sort(WORDS.logprobs("Why?"))[::-1][:20]
    assert [top.logprob for top in found[0].top_logprobs] == pytest.approx(exact.tolist())
    assert "".join(entry.token for entry in found) == choice.message.content
    last = vocabulary(WORDS.words).index(found[0].token)
    assert found[1].top_logprobs[0].logprob == pytest.approx(float(WORDS.logprobs("Why?", last).max()))


def test_log_probabilities_jitter_around_the_truth() -> None:
    server = AuditedServer(endpoint=HONEST, tells=Tells(jitter=0.05))
    replies = ask(server, Api.CHAT, body(Api.CHAT, "x", logprobs=True, top_logprobs=1, max_tokens=1), times=200)
    tops = [reply.body["choices"][0]["logprobs"]["content"][0]["top_logprobs"][0] for reply in replies]
    likeliest = vocabulary(WORDS.words)[int(np.argmax(WORDS.logprobs("x")))]
    told = [top["logprob"] for top in tops if top["token"] == likeliest]
    assert len(told) > 150
    assert np.mean(told) == pytest.approx(float(WORDS.logprobs("x").max()), abs=0.02)
    assert np.std(told) == pytest.approx(0.05, rel=0.25)


@pytest.mark.parametrize(
    ("endpoint", "tells"),
    [
        (HONEST, Tells(logprobs=False)),
        (replace(HONEST, solver=lambda prompt: Solution(right=prompt, wrong=("no",))), Tells()),
        (REFUSES, Tells()),
    ],
    ids=["not offered", "a solution", "a refusal"],
)
def test_log_probabilities_are_null_where_there_are_none(endpoint: SimulatedEndpoint, tells: Tells) -> None:
    (reply,) = ask(AuditedServer(endpoint=endpoint, tells=tells), Api.CHAT, body(Api.CHAT, "Why?", logprobs=True))
    assert reply.body["choices"][0]["logprobs"] is None


# --- what it says about itself ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tells", "names"),
    [
        (Tells(), {"big-1"}),
        (Tells(snapshot="-2026-01-01"), {"big-1-2026-01-01"}),
        (Tells(truthful=True), {"big-1", "small-1"}),
    ],
    ids=["echo", "a dated snapshot", "truthful"],
)
@EVERY_API
def test_the_named_model_is_what_the_endpoint_tells(api: Api, tells: Tells, names: set[str]) -> None:
    replies = ask(AuditedServer(endpoint=MIXED, tells=tells), api, body(api, "Why?"), times=12)
    assert {reply.body["model"] for reply in replies} == names


@pytest.mark.parametrize(
    ("fingerprint", "different"), [(Fingerprint.NONE, 1), (Fingerprint.CLAIMED, 1), (Fingerprint.SERVED, 2)]
)
def test_fingerprints_tell_what_they_are_set_to_tell(fingerprint: Fingerprint, different: int) -> None:
    replies = ask(
        AuditedServer(endpoint=MIXED, tells=Tells(fingerprint=fingerprint)), Api.CHAT, body(Api.CHAT, "Why?"), times=12
    )
    found = {reply.body["system_fingerprint"] for reply in replies}
    assert len(found) == different
    assert (found == {None}) == (fingerprint is Fingerprint.NONE)


@EVERY_API
def test_a_hidden_instruction_shows_in_the_input_tokens_unless_concealed(api: Api) -> None:
    prompts, counted = "Why is that so?", []
    for endpoint, tells in ((HONEST, Tells()), (HIDDEN, Tells()), (HIDDEN, Tells(conceals=True))):
        (reply,) = ask(AuditedServer(endpoint=endpoint, tells=tells), api, body(api, prompts))
        counted.append(reply.body["usage"].get("input_tokens", reply.body["usage"].get("prompt_tokens")))
    assert counted == [len(pieces(prompts)), len(pieces(prompts)) + 4, len(pieces(prompts))]


def test_a_covert_swap_shows_nowhere_in_the_response() -> None:
    covert = AuditedServer(endpoint=replace(HONEST, faults=swap(SMALL, 1.0)))
    (swapped,) = ask(covert, Api.ANTHROPIC, body(Api.ANTHROPIC, "Why?"))
    (honest,) = ask(AuditedServer(endpoint=HONEST), Api.ANTHROPIC, body(Api.ANTHROPIC, "Why?"))
    assert covert.served[0].spoken.model == SMALL
    assert swapped.body.pop("content") != honest.body.pop("content")
    assert swapped.body == honest.body


@EVERY_API
def test_the_auditors_own_reader_reads_every_kind_of_answer(api: Api) -> None:
    found = []
    for endpoint in (HONEST, FALLS_BACK, REFUSES):
        (reply,) = ask(AuditedServer(endpoint=endpoint), api, body(api, "Why is that so?"))
        found.append(answer_of(record(api, reply)))
    honest, fallen, refused = found
    assert (honest.served, honest.refused, honest.error) == ("big-1", False, None)
    assert (honest.input_tokens, honest.output_tokens) == (4, WORDS.most)
    assert honest.text == HONEST.answer(Asked(prompt="Why is that so?")).text
    assert (fallen.served, fallen.refused) == ("small-1", False)
    assert (refused.text, refused.refused) == ("", True)


def record(api: Api, reply: Reply) -> Record:
    """The reply as a collector keeps it."""
    return Record(
        number=0,
        previous="0" * 64,
        at="2026-01-01T00:00:00Z",
        route="r",
        role=Role.ENDPOINT,
        api=api,
        pid="p",
        rep=0,
        model="big-1",
        request="{}",
        status=reply.status,
        headers=(),
        body=json.dumps(reply.body),
        first_byte_ms=1,
        total_ms=1,
    )


# --- trouble ----------------------------------------------------------------------------------------------------------


@EVERY_API
def test_a_request_that_met_trouble_is_answered_when_it_is_sent_again(api: Api) -> None:
    trouble = Trouble(limited=0.3, broken=0.3, broken_status=503, seed=1)
    server = AuditedServer(endpoint=MIXED, trouble=trouble)
    replies = ask(server, api, body(api, "Why?"), times=60)
    texts = [text_of(api, reply.body) for reply in replies if reply.status == 200]
    assert {reply.status for reply in replies} == {200, 429, 503}
    assert {reply.headers.get("retry-after") for reply in replies if reply.status == 429} == {"1"}
    assert texts == [MIXED.answer(Asked(prompt="Why?", call=call)).text for call in range(len(texts))]


def test_the_openai_client_gets_through_trouble_by_itself() -> None:
    async def act(server: AuditedServer) -> str:
        async with of_openai(server, retries=20) as client:
            return str((await client.responses.create(**body(Api.RESPONSES, "Why?"))).output_text)

    server = AuditedServer(endpoint=HONEST, trouble=Trouble(limited=0.5, cut=0.2, retry_after_s=0, seed=9))
    assert during(server, act) == HONEST.answer(Asked(prompt="Why?")).text
    assert len(server.received) > 1


def test_a_cut_connection_ends_in_the_middle_of_the_answer() -> None:
    async def act(server: AuditedServer) -> None:
        with pytest.raises(aiohttp.ClientPayloadError):
            await post(server.url, Api.CHAT, body(Api.CHAT, "Why?"))

    server = AuditedServer(endpoint=HONEST, trouble=Trouble(cut=1.0))
    during(server, act)
    assert server.served == []


def test_more_requests_at_once_than_allowed_are_limited() -> None:
    async def act(server: AuditedServer) -> list[int]:
        replies = await asyncio.gather(*(post(server.url, Api.CHAT, body(Api.CHAT, f"{n}?")) for n in range(6)))
        return [reply.status for reply in replies]

    server = AuditedServer(endpoint=HONEST, trouble=Trouble(most_at_once=2, latency_s=0.2))
    statuses = during(server, act)
    assert set(statuses) == {200, 429}
    assert server.most_at_once > 2


@pytest.mark.parametrize(
    ("error", "api"),
    [(anthropic.AuthenticationError, Api.ANTHROPIC), (openai.AuthenticationError, Api.CHAT)],
    ids=["anthropic", "openai"],
)
def test_a_wrong_key_is_an_authentication_error(error: type[Exception], api: Api) -> None:
    async def act(server: AuditedServer) -> None:
        async with of_anthropic(server) as one, of_openai(server) as two:
            with pytest.raises(error):
                await (
                    one.messages.create(**body(api, "Why?"))
                    if api is Api.ANTHROPIC
                    else two.chat.completions.create(**body(api, "Why?"))
                )

    server = AuditedServer(endpoint=HONEST, key="secret")
    during(server, act)
    assert server.served == []
    assert ask(server, api, body(api, "Why?"), key="secret")[0].status == 200


@pytest.mark.parametrize(
    ("api", "sent", "said"),
    [
        (Api.ANTHROPIC, {"model": "big-1", "messages": [{"role": "user", "content": "Why?"}]}, "max_tokens"),
        (Api.CHAT, {"messages": [{"role": "user", "content": "Why?"}]}, "model must be"),
        (Api.CHAT, {"model": "big-1", "messages": "Why?"}, "messages must be"),
        (Api.CHAT, {"model": "big-1", "messages": []}, "holds no text"),
        (Api.CHAT, {"model": "big-1", "messages": [{"role": "user", "content": [{"type": "image"}]}]}, "every part"),
        (Api.CHAT, {"model": "big-1", "messages": [{"role": "user", "content": "Why?"}], "n": 2}, "n must be 1"),
        (Api.CHAT, {"model": "big-1", "messages": [], "stream": True}, "does not stream"),
        (Api.RESPONSES, {"model": "big-1", "input": "Why?", "temperature": "hot"}, "temperature must"),
        (Api.RESPONSES, {"model": "big-1", "input": "Why?", "max_output_tokens": 0}, "max_output_tokens must"),
        (Api.RESPONSES, [1], "JSON object"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_request_is_refused_with_its_reason(api: Api, sent: object, said: str) -> None:
    server = AuditedServer(endpoint=HONEST)
    (reply,) = ask(server, api, sent)
    assert reply.status == 400
    assert said in reply.body["error"]["message"]
    assert server.served == []
