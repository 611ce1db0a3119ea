"""Files come from strangers: whatever stands where a member is expected, every row becomes a sample with a class."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from scan_samples import OTHER, answer, chat, header, iterations, message, midway, output, row, sample, sse, summary

from overt.audit.scan.inspect_log import Options, header_of, read_sample
from overt.audit.scan.rows import read_rows
from overt.audit.scan.sample import Kind

FELL = {"model": "a", "fallback_model": OTHER, "count": 1}
USED = iterations(("message", "a"), ("fallback_message", "b"))
ROWS: list[dict[str, Any]] = [
    row(
        message(content=[midway()[4]["content_block"], {"type": "text", "text": "4"}], usage=USED), score=1, stratum="x"
    ),
    row(message(stop_reason="refusal", stop_details={"type": "refusal", "category": "cyber"}), headers={"a": "b"}),
    row(chat(provider="x", error={"code": 1, "innererror": {"a": 1}}), "gpt-4o", headers=[["openai-model", "x"]]),
    row(answer(incomplete_details={"reason": "x"}, overt={"decision": "redirect"}), "gpt-5"),
    row(midway()),
    row([{"type": "response.created", "response": answer()}, {"type": "error", "error": {}}]),
    row([{"object": "chat.completion.chunk", "model": "x", "choices": [{"index": 0, "delta": {"content": "4"}}]}]),
    row(sse(midway()), sample_id="a", epoch=1),
    {"turns": [row(message()), message()], "request": {"body": {"model": "a"}}},
    {"custom_id": "1", "response": {"status_code": 200, "body": chat()}},
    {"custom_id": "1", "result": {"type": "errored", "error": {"type": "x"}}},
    {"request": json.dumps({"model": "a"}), "body": json.dumps(message()), "status": 200, "headers": [], "fault": None},
]
RECORD = sample(
    "a", output(fallback=FELL, details={"type": "refusal"}), output(), limit={"type": "x"}, error={"message": "x"}
)
RECORD |= {"model_fallbacks": [FELL], "scores": {"includes": {"value": "C"}}, "metadata": {"topic": "x"}}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to everything within a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from places(each, (*path, key))


def spoiled(draw: st.DataObject, value: Any) -> Any:
    """A copy in which up to three places hold something else."""
    made = copy.deepcopy(value)
    for _ in range(draw.draw(st.integers(1, 3))):
        found = list(places(made))
        if not found:
            break
        *path, last = draw.draw(st.sampled_from(found))
        inner = made
        for key in path:
            inner = inner[key]
        inner[last] = draw.draw(json_values)
    return made


@given(st.data())
def test_any_row_becomes_a_sample(data: st.DataObject) -> None:
    stored = spoiled(data, data.draw(st.sampled_from(ROWS)))
    (found,) = read_rows("rows", [(1, stored)], Options(strata=("stratum",)))
    assert found.kind in Kind
    json.dumps([found.id, found.epoch, found.requested, found.served, [each.what for each in found.evidence]])


@given(json_values.filter(lambda value: isinstance(value, dict)))
def test_any_object_becomes_a_sample(stored: dict[str, Any]) -> None:
    (found,) = read_rows("rows", [(1, stored)], Options())
    assert found.evidence


@given(st.data())
def test_any_sample_of_a_log_has_a_class_or_no_id(data: st.DataObject) -> None:
    record = spoiled(data, RECORD)
    log = spoiled(data, header()) if data.draw(st.booleans()) else header()
    short = spoiled(data, summary(RECORD)) if data.draw(st.booleans()) else None
    found = read_sample("log", header_of(log), short, record, Options(scorer="includes", strata=("topic",)))
    assert found is None or (found.kind in Kind and found.evidence)
