"""What responses say about themselves: facts with their rows, notes apart from facts, and silence without a change."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from overt.audit.chain import encode_record
from overt.audit.plan import Api, Role
from overt.audit.record import Record
from overt.audit.stats.metadata import (
    BOUNDARY_TEXTS,
    MOST_ROWS,
    Kind,
    Reply,
    days_of_replies,
    metadata_findings,
    quantile,
    tokenizer_of,
)
from overt.audit.watching.replies import read_replies, reply_of
from overt.errors import BadRequest
from overt.testing.audited_shapes import Fingerprint, Served, Tells, answer, read
from overt.testing.language_models import Asked, Faults, LanguageModel, SimulatedEndpoint, SimulatedModel

GOOD = SimulatedModel(name="big-1", words=LanguageModel(seed=1, least=5, most=9))
TEXTS = ("Why is the sky blue?", "Name a prime.", "Say yes.")


def replies(days: int = 4, **changed: Any) -> list[Reply]:
    """Three requests, ten times a day; from the third day on with ``changed``."""
    base = Reply(number=0, at="", request="", served="big-1", fingerprint="fp", prompt_tokens=10, total_ms=400)
    found: list[Reply] = []
    for day in range(days):
        for call in range(30):
            now = changed if day >= 2 else {}
            known: dict[str, Any] = {
                "number": len(found),
                "at": f"2026-01-{day + 1:02}T08:00:{call:02}Z",
                "request": f"r{call % 3}",
            }
            found.append(replace(base, **{**known, **now}))
    return found


def test_nothing_is_found_where_nothing_changed() -> None:
    assert metadata_findings(replies()) == ()
    assert metadata_findings([]) == ()


@pytest.mark.parametrize(
    ("changed", "kind", "fact"),
    [
        ({"served": "small-1"}, Kind.SERVED, True),
        ({"prompt_tokens": 19}, Kind.TOKENS, True),
        ({"served": None}, Kind.UNTOLD, False),
        ({"fingerprint": "fp2"}, Kind.FINGERPRINT, False),
        ({"total_ms": 2000}, Kind.LATENCY, False),
    ],
    ids=["model", "tokens", "untold", "fingerprint", "latency"],
)
def test_a_change_is_one_finding_with_its_first_rows(changed: dict[str, Any], kind: Kind, fact: bool) -> None:
    (found,) = metadata_findings(replies(**changed))
    assert (found.kind, found.kind.is_fact) == (kind, fact)
    assert found.since == "2026-01-03T08:00:00Z"
    assert [row.number for row in found.rows] == list(range(60, 60 + MOST_ROWS))


def test_the_same_difference_on_all_requests_looks_like_an_instruction_before_them() -> None:
    (found,) = metadata_findings(replies(prompt_tokens=19))
    assert "3 of 3 requests that were sent more than once count +9 tokens" in found.said
    assert "as an instruction put before all of them would" in found.said
    one = [replace(each, prompt_tokens=11) if each.number == 80 else each for each in replies()]
    (found,) = metadata_findings(one)
    assert found.count == 1
    assert "instruction" not in found.said


def test_tokens_are_compared_between_equal_requests_alone() -> None:
    assert (
        metadata_findings([replace(each, request=f"{each.number}", prompt_tokens=each.number) for each in replies()])
        == ()
    )


def test_a_provider_that_was_never_told_is_no_new_one_and_a_known_reply_counts_as_before() -> None:
    told = replies(provider="p")
    assert metadata_findings(told) == ()
    assert metadata_findings(replies(served="small-1"), known=[replace(each, served="small-1") for each in replies()])


def test_what_is_known_stands_in_for_the_first_day() -> None:
    known = [replace(each, served="small-1") for each in replies(1)]
    found = metadata_findings(replies(), known)
    assert [each.kind for each in found] == [Kind.SERVED]
    assert found[0].since == "2026-01-01T08:00:00Z"


def test_latency_is_compared_where_a_day_has_enough_calls() -> None:
    assert metadata_findings([each for each in replies(total_ms=9000) if each.number % 3 == 0]) == ()


def test_days_are_told_in_figures() -> None:
    first, *_, last = days_of_replies(replies(served=None, total_ms=800, output_tokens=4))
    assert (first.day, first.replies, first.served, first.median_ms) == ("2026-01-01", 30, {"big-1": 30}, 400.0)
    assert (last.served, last.slow_ms, last.ms_per_token, first.ms_per_token) == ({"": 30}, 800.0, 200.0, None)


def test_quantiles_lie_between_neighbours() -> None:
    assert quantile([1, 2, 3, 4], 0.5) == 2.5
    assert quantile([5], 0.9) == 5
    assert quantile([], 0.5) is None


def test_an_instruction_does_not_change_the_signature_of_a_tokenizer_and_another_tokenizer_does() -> None:
    words = [len(text.split()) + 1 for text in BOUNDARY_TEXTS]
    letters = [len(text.encode()) for text in BOUNDARY_TEXTS]
    assert tokenizer_of(words) == tokenizer_of([count + 9 for count in words])
    assert tokenizer_of(words) != tokenizer_of(letters)
    with pytest.raises(BadRequest, match="boundary texts, found 2"):
        tokenizer_of([1, 2])


# --- from records ----------------------------------------------------------------------------------------------------


def recorded(api: Api, endpoint: SimulatedEndpoint, tells: Tells, days: int = 4) -> list[Record]:
    """Each text twice a day, over as many days."""
    found: list[Record] = []
    for day in range(days):
        for call in range(2):
            for text in TEXTS:
                body: dict[str, object] = {"model": "big-1"}
                body |= {"input": text} if api is Api.RESPONSES else {"messages": [{"role": "user", "content": text}]}
                body |= {"max_tokens": 50} if api is Api.ANTHROPIC else {}
                asked = Asked(prompt=text, call=call, day=day)
                served = Served(
                    number=len(found),
                    request=read(api, body),
                    asked=asked,
                    spoken=endpoint.answer(asked),
                    claimed="big-1",
                    declared=endpoint.faults.declared,
                    tells=tells,
                )
                found.append(
                    Record(
                        number=len(found),
                        previous="00" * 32,
                        at=f"2026-01-{day + 1:02}T08:00:00.000Z",
                        route="far",
                        role=Role.ENDPOINT,
                        api=api,
                        pid=text,
                        rep=call,
                        model="big-1",
                        request=json.dumps(body),
                        status=200,
                        headers=(("x-inference-provider", "host-a" if day < 2 else "host-b"),),
                        body=json.dumps(answer(served)),
                        first_byte_ms=90,
                        total_ms=300,
                    )
                )
    return found


def written(path: Path, records: list[Record], rest: bytes = b"") -> Path:
    path.write_bytes(b"".join(map(encode_record, records)) + rest)
    return path


@pytest.mark.parametrize("api", list(Api))
def test_a_hidden_instruction_shows_in_the_tokens_of_every_api(api: Api, tmp_path: Path) -> None:
    hidden = replace(GOOD, words=replace(GOOD.words, hidden="You are terse and never apologise.", pull=0.5))
    endpoint = SimulatedEndpoint(serves=GOOD, seed=1, faults=Faults(everywhere=hidden, since=2))
    found = metadata_findings(read_replies(written(tmp_path / "r.jsonl", recorded(api, endpoint, Tells()))))
    assert [each.kind for each in found] == [Kind.TOKENS, Kind.PROVIDER]
    assert "count +6 tokens" in found[0].said
    assert found[0].since == "2026-01-03T08:00:00.000Z"
    honest = SimulatedEndpoint(serves=GOOD, seed=1)
    assert [each.kind for each in metadata_findings(map_replies(recorded(api, honest, Tells())))] == [Kind.PROVIDER]


def map_replies(records: list[Record]) -> list[Reply]:
    return [reply for record in records if (reply := reply_of(record)) is not None]


@pytest.mark.parametrize("api", list(Api))
def test_a_model_that_names_itself_is_seen_and_the_fingerprint_where_there_is_one(api: Api) -> None:
    other = SimulatedModel(name="small-1", words=LanguageModel(seed=2, least=5, most=9))
    endpoint = SimulatedEndpoint(serves=GOOD, seed=1, faults=Faults(everywhere=other, since=3))
    tells = Tells(truthful=True, fingerprint=Fingerprint.SERVED)
    found = metadata_findings(map_replies(recorded(api, endpoint, tells)))
    expected = [Kind.SERVED, Kind.PROVIDER, *([Kind.FINGERPRINT] if api is Api.CHAT else [])]
    assert [each.kind for each in found] == expected
    assert found[0].said == "'small-1' in 6 of 18 responses; before it was big-1"


def test_a_cache_that_warms_up_is_no_change_of_the_prompt() -> None:
    record = recorded(Api.ANTHROPIC, SimulatedEndpoint(serves=GOOD, seed=1), Tells(), days=1)[0]
    body = json.loads(record.body)
    body["usage"] |= {"input_tokens": 2, "cache_read_input_tokens": body["usage"]["input_tokens"] - 2}
    cached = reply_of(replace(record, body=json.dumps(body)))
    plain = reply_of(record)
    assert cached is not None
    assert plain is not None
    assert cached.prompt_tokens == plain.prompt_tokens


def test_failed_calls_and_the_reference_are_left_out_and_a_line_under_way_too(tmp_path: Path) -> None:
    records = recorded(Api.CHAT, SimulatedEndpoint(serves=GOOD, seed=1), Tells(), days=1)
    records[0] = replace(records[0], status=500, body='{"error": {"message": "no"}}')
    records[1] = replace(records[1], status=0, body="", fault="no connection")
    records[2] = replace(records[2], role=Role.REFERENCE)
    assert len(read_replies(written(tmp_path / "r.jsonl", records, b'{"api": "ch'))) == 3


def test_a_file_that_holds_no_records_is_an_error_that_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"pid": "a"}\n')
    with pytest.raises(BadRequest, match=r"rows\.jsonl:1: .*give the records of 'overt audit collect'"):
        read_replies(path)
    with pytest.raises(BadRequest, match="cannot read the records"):
        read_replies(tmp_path / "none")
