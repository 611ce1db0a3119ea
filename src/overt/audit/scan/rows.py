"""Rows of JSON: raw responses, bare or wrapped with their request, and what other tools put around them.

Known wrappers: ``{request, response}`` under their usual names, batch results of Anthropic and of OpenAI, records of
our own audits, and samples of several ``turns``. Rows that share a ``sample_id`` are turns of one sample. A row that
cannot be read is an *error* with its line, never left out; a row with only a text is *unknown*.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, final

from overt.audit.scan.answer import Object, asked, judge, named
from overt.audit.scan.inspect_log import Options, number_of, stratum_of
from overt.audit.scan.sample import Evidence, Kind, Sample, Standing, Turn, whole
from overt.audit.scan.stream import joined, looks_like_stream, read_stream
from overt.errors import BadRequest

REQUESTS: Final = ("request", "params", "kwargs", "request_body")
RESPONSES: Final = ("response", "raw_response", "response_body", "result", "raw", "message", "completion", "stream")
TEXTS: Final = ("text", "completion", "answer", "output", "response", "content", "prediction")
_IDS: Final = ("sample_id", "id", "custom_id", "pid", "task_id", "uid", "request_id")
_TASKS: Final = ("task_id", "task", "pid", "prompt_id", "cluster")
_DECISION = re.compile(r"(redirect|refuse)\b.*")


@final
@dataclass(frozen=True, slots=True)
class Bad:
    """A row that is no JSON object: what is wrong with it."""

    what: str


def read_rows(file: str, rows: Iterable[tuple[int, Object | Bad]], options: Options) -> list[Sample]:
    """Every row as a sample, rows of one ``sample_id`` as one; nothing is left out."""
    samples: list[Sample] = []
    places: dict[tuple[str, int], int] = {}
    turns: dict[int, tuple[Turn, ...]] = {}
    for number, row in rows:
        made, its_turns = _sample(file, number, row, options)
        key = (made.id, made.epoch) if isinstance(row, dict) and _joins(row) else None
        if key is None or key not in places:
            if key is not None:
                places[key] = len(samples)
                turns[len(samples)] = its_turns
            samples.append(made)
            continue
        place = places[key]
        turns[place] += its_turns
        samples[place] = _longer(samples[place], made, turns[place])
    return samples


def _joins(row: Object) -> bool:
    return row.get("sample_id") is not None


def _longer(sample: Sample, more: Sample, turns: tuple[Turn, ...]) -> Sample:
    return replace(
        sample,
        **_judged(turns),
        score=sample.score if more.score is None else more.score,
        stratum=sample.stratum or more.stratum,
        evidence=sample.evidence + more.evidence,
    )


def _sample(file: str, number: int, row: Object | Bad, options: Options) -> tuple[Sample, tuple[Turn, ...]]:
    if isinstance(row, Bad):
        members: Object = {}
        turns: tuple[Turn, ...] = (_fault(None, f"line {number}", row.what),)
    else:
        members = row
        turns = tuple(_turns(row, options))
    identity = str(next((members[name] for name in _IDS if members.get(name) is not None), f"line {number}"))
    if identity == f"line {number}" and isinstance(body := _nested(members), dict):
        identity = str(body.get("id") or identity)
    rep = next((members[name] for name in ("epoch", "rep") if isinstance(members.get(name), int)), 1)
    sample = Sample(
        file=file,
        id=identity,
        epoch=rep,
        group=str(members.get("run") or members.get("route") or ""),
        task=str(next((members[name] for name in _TASKS if members.get(name) is not None), identity)),
        requested=next((turn.requested for turn in turns if turn.requested), None),
        **_judged(turns),
        score=number_of(members.get("score")),
        stratum=stratum_of(members, options.strata or ("stratum",)),
        evidence=tuple(each for turn in turns for each in turn.evidence),
    )
    return sample, turns


def _judged(turns: Sequence[Turn]) -> dict[str, Any]:
    kind, standing = whole(turns)
    return {
        "kind": kind,
        "standing": standing,
        "served": next((turn.served for turn in reversed(turns) if turn.served), None),
        "turns": len(turns),
        "others": sum(turn.standing is Standing.OTHER for turn in turns),
    }


# --- One row ----------------------------------------------------------------------------------------------------------


def _turns(row: Object, options: Options) -> Iterator[Turn]:
    several = row.get("turns") or row.get("responses")
    if isinstance(several, list) and several:
        for each in several:
            inner = each if isinstance(each, dict) else {"response": each}
            yield _turn({**_outer(row), **inner}, options)
        return
    yield _turn(row, options)


def _outer(row: Object) -> Object:
    names = ("request", "requested_model", "requested")
    return {name: row[name] for name in names if row.get(name) is not None}


def _turn(row: Object, options: Options) -> Turn:
    if "request" in row and "body" in row and "status" in row:
        return _recorded(row, options)
    body, status = _nested(row), 200
    request = next((_parsed(row[name]) for name in REQUESTS if row.get(name)), None)
    wrapped = body is not None
    if isinstance(body, dict) and "body" in body and "status_code" in body:
        status, body = body["status_code"], body["body"]
    elif isinstance(body, dict) and body.get("type") in ("succeeded", "errored", "canceled", "expired"):
        body = body.get("message") or body.get("error") or {"type": "error", "error": {"type": body["type"]}}
    recorded = row.get("requested_model") or row.get("requested") or _model_of(request)
    requested = asked(recorded, options.requested)
    if requested is None and wrapped:
        requested = asked(row.get("model"), None)
    turn = _answer(body if wrapped else row, requested, wrapped=wrapped)
    extra = [*_from_headers(row.get("headers") or row.get("response_headers"), requested), *_failed(status)]
    return replace(turn, evidence=(*turn.evidence, *extra))


def _nested(row: Object) -> Any:
    """The response within a wrapper, None if the row is no wrapper."""
    if (
        isinstance(row.get("choices"), list)
        or row.get("type") in ("message", "error")
        or row.get("object") == "response"
    ):
        return None
    found = next((row[name] for name in RESPONSES if row.get(name) not in (None, "")), None)
    if found is None and row.get("error") and any(name in row for name in REQUESTS):
        return {"type": "error", "error": row["error"]}
    return found


def _answer(body: Any, requested: str | None, *, wrapped: bool) -> Turn:
    if isinstance(body, str):
        return _from_text(body, requested)
    if isinstance(body, list) and body and all(isinstance(each, dict) for each in body):
        body = joined(body)
    if not isinstance(body, dict):
        return _fault(requested, "response", f"it is {_shown(body)}, expected a response, its stream or its text")
    turn = judge(body, requested)
    if turn is not None:
        return turn
    if any(isinstance(body.get(name), str) for name in TEXTS):
        what = "the row holds a text and nothing that says who gave it"
        return Turn(requested=requested, served=None, evidence=(Evidence(Kind.UNKNOWN, "row", what),))
    names = ", ".join(list(body)[:8]) or "no members"
    where = "response" if wrapped else "row"
    return _fault(requested, where, f"no response of a known shape (it has {names})")


def _from_text(text: str, requested: str | None) -> Turn:
    if looks_like_stream(text):
        try:
            return _answer(read_stream(text), requested, wrapped=True)
        except BadRequest as error:
            return _fault(requested, "response", str(error))
    parsed = _parsed(text)
    if isinstance(parsed, dict):
        return _answer(parsed, requested, wrapped=True)
    what = "only the text of the answer was stored" if text.strip() else "the response is empty"
    kind = Kind.UNKNOWN if text.strip() else Kind.ERROR
    return Turn(requested=requested, served=None, evidence=(Evidence(kind, "response", what),))


def _recorded(row: Object, options: Options) -> Turn:
    """A line of our own records (`overt.audit.record`)."""
    requested = asked(row.get("model") or _model_of(_parsed(row["request"])), options.requested)
    if row.get("fault") and not row.get("body"):
        return _fault(requested, "fault", str(row["fault"]))
    turn = _from_text(str(row["body"]), requested)
    extra = [*_from_headers(row.get("headers"), requested), *_failed(row["status"])]
    return replace(turn, evidence=(*turn.evidence, *extra))


def _from_headers(headers: object, requested: str | None) -> Iterator[Evidence]:
    """What headers say about the model: OpenAI's own, and that of an Overt gateway."""
    pairs = headers.items() if isinstance(headers, dict) else headers if isinstance(headers, list | tuple) else ()
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            continue
        name, value = str(pair[0]).lower(), str(pair[1])
        if name == "openai-model":
            yield from named(value, requested, f"header {name}")
        elif name == "overt-decision" and (decision := _DECISION.fullmatch(value)):
            kind = Kind.SERVED_BY_OTHER if decision[1] == "redirect" else Kind.REFUSED
            yield Evidence(kind, f"header {name}", value[:160])


def _failed(status: object) -> Iterator[Evidence]:
    if isinstance(status, int) and status >= 400:
        yield Evidence(Kind.ERROR, "status", f"HTTP {status}")


def _fault(requested: str | None, where: str, what: str) -> Turn:
    return Turn(requested=requested, served=None, evidence=(Evidence(Kind.ERROR, where, what[:200]),))


def _model_of(request: object) -> object:
    if not isinstance(request, Mapping):
        return None
    inner = request.get("body")
    return request.get("model") or (inner.get("model") if isinstance(inner, dict) else None)


def _parsed(value: object) -> Any:
    """A value, parsed where it is a string of JSON; None where it is a string of something else."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _shown(value: object) -> str:
    return repr(value)[:40]
