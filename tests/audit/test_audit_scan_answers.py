"""Every rule of the table, for every shape of raw response: what class a stored answer has, and on what evidence."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from scan_samples import (
    ASKED,
    OTHER,
    SEAM,
    TEXT,
    answer,
    chat,
    iterations,
    message,
    midway,
    row,
    scanned,
    sse,
    write_rows,
)

from overt.audit.scan.read import ACCEPTED
from overt.audit.scan.sample import Kind, Standing
from overt.errors import BadRequest

REFUSED = {"type": "refusal", "category": "cyber", "explanation": "declined"}
CHUNKS = [
    {
        "object": "chat.completion.chunk",
        "model": "gpt-4o-2024-08-06",
        "choices": [{"index": 0, "delta": {"content": "4"}}],
    },
    {
        "object": "chat.completion.chunk",
        "model": "gpt-4o-2024-08-06",
        "choices": [{"index": 0, "finish_reason": "stop"}],
    },
]
SWITCHED = [CHUNKS[0], {**CHUNKS[1], "model": "gpt-4o-mini"}]
FILTERED = [CHUNKS[0], {**CHUNKS[1], "choices": [{"index": 0, "delta": {}, "finish_reason": "content_filter"}]}]
COMPLETED = [
    {"type": "response.created", "response": answer(output=[], status="in_progress")},
    {"type": "response.completed", "response": answer()},
]
OVERT = {"decision": "redirect", "requested_model": ASKED, "served_model": OTHER}
TOOLS = {"content": None, "tool_calls": [{"id": "1"}]}
RECORD = {"pid": "p1", "rep": 0, "route": "e", "model": ASKED, "headers": [], "fault": None}
RECORD |= {"request": json.dumps({"model": ASKED}), "status": 200, "body": json.dumps(message())}

CASES: dict[str, tuple[Any, str]] = {
    # served_by_other
    "a fallback block": (row(message(model=OTHER, content=[SEAM, TEXT])), "served_by_other"),
    "a fallback block without its request": (message(model=OTHER, content=[SEAM, TEXT]), "served_by_other"),
    "a block while the message names the requested model": (
        row(message(content=[TEXT, SEAM, TEXT])),
        "served_by_other",
    ),
    "a sticky turn, by its iterations alone": (
        row(message(model=ASKED, usage=iterations(("fallback_message", OTHER)))),
        "served_by_other",
    ),
    "iterations without a request": (
        message(model=OTHER, usage=iterations(("message", ASKED), ("fallback_message", OTHER))),
        "served_by_other",
    ),
    "another model by name alone": (row(message(model=OTHER)), "served_by_other"),
    "a decline in the middle of a stream": (row(sse(midway())), "served_by_other"),
    "a stream as a list of events": (row(midway()), "served_by_other"),
    "a chain that declined to its end": (
        row(message(model=OTHER, content=[SEAM], stop_reason="refusal", stop_details=REFUSED)),
        "served_by_other",
    ),
    "a chat completion of another family": (row(chat("gpt-4o-mini-2024-07-18"), "gpt-4o"), "served_by_other"),
    "another snapshot than the pinned one": (row(chat("gpt-4o-2024-08-06"), "gpt-4o-2024-05-13"), "served_by_other"),
    "a stream whose model changes": (row(sse(SWITCHED, named=False), "gpt-4o"), "served_by_other"),
    "a response of another model": (row(answer("gpt-5-mini"), "gpt-5"), "served_by_other"),
    "a router's answer": (row(chat("openai/gpt-4o", provider="Azure"), "anthropic/claude-opus-4.8"), "served_by_other"),
    "a redirect that Overt discloses": (row(message(overt=OVERT)), "served_by_other"),
    "a header that names another model": (
        row(chat(None), "gpt-5", headers={"OpenAI-Model": "gpt-5-mini"}),
        "served_by_other",
    ),
    # partial
    "one turn of three": ({"id": "a", "turns": [row(message()), row(message(model=OTHER)), row(message())]}, "partial"),
    # alias
    "a dated snapshot": (row(chat("gpt-4o-2024-08-06"), "gpt-4o"), "alias"),
    "a dated snapshot, streamed": (row(sse(CHUNKS, named=False), "gpt-4o"), "alias"),
    "a dated message": (row(message(model=f"{ASKED}-20260609")), "alias"),
    "a dated response": (row(answer("gpt-5-2025-08-07"), "gpt-5"), "alias"),
    # refused
    "a refusal": (row(message(content=[], stop_reason="refusal", stop_details=REFUSED)), "refused"),
    "a refusal without details": (row(message(content=[], stop_reason="refusal")), "refused"),
    "a refusal of the alias's snapshot": (
        row(message(model=f"{ASKED}-20260609", content=[], stop_reason="refusal")),
        "refused",
    ),
    "a refusal whose request was not recorded": (message(content=[], stop_reason="refusal"), "refused"),
    "a content filter": (row(chat(reason="content_filter", message={"content": None}), "gpt-4o"), "refused"),
    "a content filter, streamed": (row(sse(FILTERED, named=False), "gpt-4o"), "refused"),
    "a refusal text": (row(chat(message={"content": None, "refusal": "I cannot"}), "gpt-4o"), "refused"),
    "a refusal part": (row(answer(part={"type": "refusal", "refusal": "no"}), "gpt-5"), "refused"),
    "an incomplete response": (
        row(answer(status="incomplete", incomplete_details={"reason": "content_filter"}, output=[]), "gpt-5"),
        "refused",
    ),
    "a blocked prompt": (row({"error": {"code": "content_filter", "message": "no"}}, "gpt-4o"), "refused"),
    "a policy's error": (row(answer(status="failed", output=[], error={"code": "bio_policy"}), "gpt-5"), "refused"),
    # truncated
    "max_tokens": (row(message(stop_reason="max_tokens")), "truncated"),
    "a length": (row(chat(reason="length"), "gpt-4o"), "truncated"),
    "an incomplete response for its length": (
        row(answer(status="incomplete", incomplete_details={"reason": "max_output_tokens"}), "gpt-5"),
        "truncated",
    ),
    "a stream that breaks off": (row(sse(midway()[:4])), "truncated"),
    # error
    "an empty content": (row(message(content=[])), "error"),
    "a blank text": (row(message(content=[{"type": "text", "text": " "}])), "error"),
    "an empty completion": (row(chat(message={"content": ""}), "gpt-4o"), "error"),
    "an error of the provider": (
        row({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}),
        "error",
    ),
    "a failed batch item": ({"custom_id": "1", "result": {"type": "errored", "error": {"type": "api_error"}}}, "error"),
    "an HTTP status": ({"custom_id": "1", "response": {"status_code": 500, "body": {"error": {"code": 1}}}}, "error"),
    "a line that is no JSON": ("{nonsense", "error"),
    "a line that is no object": ("[1]", "error"),
    "a shape that nobody knows": ({"id": "x", "wobble": 1}, "error"),
    "a call that never answered": ({**RECORD, "status": 0, "body": "", "fault": "timed out"}, "error"),
    # own
    "its own answer": (row(message()), "own"),
    "its own answer, with attempts": (row(message(usage=iterations(("message", ASKED)))), "own"),
    "its own compaction": (row(message(usage=iterations(("compaction", ASKED), ("message", ASKED)))), "own"),
    "a call of a tool": (row(chat(message=TOOLS), "gpt-4o"), "own"),
    "a provider's spelling": (row(chat("anthropic/claude-opus-4.8", provider="X"), "claude-opus-4-8"), "own"),
    "a response, streamed": (row(sse(COMPLETED), "gpt-5"), "own"),
    "a batch item": (
        {"custom_id": "1", "requested_model": ASKED, "result": {"type": "succeeded", "message": message()}},
        "own",
    ),
    "an OpenAI batch item": (
        {"custom_id": "1", "requested": "gpt-4o", "response": {"status_code": 200, "body": chat()}},
        "own",
    ),
    "a record of ours": (RECORD, "own"),
    # unknown
    "no request": (message(), "unknown"),
    "no model": (row(chat(None), "gpt-4o"), "unknown"),
    "a text alone": ({"pid": "1", "model": ASKED, "text": "4"}, "unknown"),
    "a stored text": (row("The answer is 4."), "unknown"),
    "a deployment's name": (row(chat("gpt-4o-2024-08-06"), "my-deployment"), "unknown"),
}


@pytest.mark.parametrize(("stored", "expected"), CASES.values(), ids=CASES.keys())
def test_each_row_of_the_table_gives_its_class_and_its_evidence(stored: Any, expected: str, tmp_path: Path) -> None:
    found = scanned(write_rows(tmp_path / "rows.jsonl", ["{}" if stored is None else stored, row(message())]))
    assert [sample.kind.value for sample in found.samples] == [expected, "own"]
    assert found.samples[0].evidence


def test_all_rows_together_have_full_recall_and_precision(tmp_path: Path) -> None:
    stored = [value for value, _ in CASES.values()]
    found = scanned(write_rows(tmp_path / "rows.jsonl", stored))
    pairs = Counter(
        (expected, sample.kind.value) for (_, expected), sample in zip(CASES.values(), found.samples, strict=True)
    )
    assert {expected for expected, _ in pairs} == {kind.value for kind in Kind}
    assert all(expected == given for expected, given in pairs)


def test_evidence_that_does_not_give_the_class_is_kept(tmp_path: Path) -> None:
    stored = row(message(content=[TEXT, SEAM], stop_reason="max_tokens", usage=iterations(("fallback_message", OTHER))))
    found = scanned(write_rows(tmp_path / "rows.jsonl", [stored])).samples[0]
    assert [(each.kind, each.where) for each in found.evidence] == [
        (Kind.SERVED_BY_OTHER, "content[1]"),
        (Kind.SERVED_BY_OTHER, "usage.iterations[0]"),
        (Kind.OWN, "model"),
        (Kind.TRUNCATED, "stop_reason"),
    ]
    assert found.served == OTHER


def test_the_requested_model_may_be_given(tmp_path: Path) -> None:
    rows = [message(), row(chat("gpt-4o-2024-08-06"), "my-deployment"), row(message(model=OTHER))]
    path = write_rows(tmp_path / "rows.jsonl", rows)
    assert [each.kind for each in scanned(path).samples] == [Kind.UNKNOWN, Kind.UNKNOWN, Kind.SERVED_BY_OTHER]
    given = scanned(path, requested="gpt-4o").samples
    assert [each.kind for each in given] == [Kind.SERVED_BY_OTHER, Kind.ALIAS, Kind.SERVED_BY_OTHER]
    assert given[2].requested == ASKED


def test_rows_of_one_sample_are_its_turns(tmp_path: Path) -> None:
    rows = [
        row(message(), sample_id="a"),
        row(message(model=OTHER), sample_id="a", score=1),
        row(message(), sample_id="b"),
    ]
    one, two = scanned(write_rows(tmp_path / "rows.jsonl", rows)).samples
    assert (one.kind, one.others, one.turns, one.score) == (Kind.PARTIAL, 1, 2, 1.0)
    assert (two.kind, two.turns) == (Kind.OWN, 1)


def test_an_error_that_was_got_over_gives_no_class_and_a_turn_that_nothing_is_known_of_does(tmp_path: Path) -> None:
    failed = row({"type": "error", "error": {"type": "overloaded_error"}})
    rows = [{"id": "a", "turns": [failed, row(message())]}, {"id": "b", "turns": [row("4"), row(message())]}]
    one, two = scanned(write_rows(tmp_path / "rows.jsonl", rows)).samples
    assert (one.kind, one.standing) == (Kind.OWN, Standing.OWN)
    assert (two.kind, two.standing) == (Kind.UNKNOWN, Standing.UNKNOWN)


def test_a_bad_line_is_listed_with_its_number(tmp_path: Path) -> None:
    found = scanned(write_rows(tmp_path / "rows.jsonl", [row(message()), "{half", row(message())]))
    assert [each.kind for each in found.samples] == [Kind.OWN, Kind.ERROR, Kind.OWN]
    assert found.samples[1].evidence[0].where == "line 2"
    assert "not JSON" in found.samples[1].evidence[0].what


def test_gzip_lists_single_responses_and_streams_are_read(tmp_path: Path) -> None:
    lines = gzip.compress((json.dumps(row(message())) + "\n").encode() * 2)
    (tmp_path / "a.jsonl.gz").write_bytes(lines)
    (tmp_path / "b.json").write_text(json.dumps([row(message()), 7]))
    (tmp_path / "c.json").write_text(json.dumps(message(), indent=2))
    (tmp_path / "d.sse").write_text(sse(midway()))
    found = scanned(tmp_path)
    kinds = [each.kind.value for each in found.samples]
    assert kinds == ["own", "own", "own", "error", "unknown", "served_by_other"]
    assert [number for _, _, number in found.files] == [2, 2, 1, 1]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.bin", b"\x89PNG\r\n\x1a\n\xff", "neither an archive nor text"),
        ("a.txt", b"hello", "begins with 'hello'"),
        ("a.jsonl", b"", "is empty"),
        ("a.jsonl", b"{x\n{y\n", "no line that is a JSON object"),
        ("a.eval", b"PK\x03\x04 cut off", "no readable zip archive"),
        ("a.jsonl.gz", b"\x1f\x8b\x08 cut off", "cannot be read"),
    ],
)
def test_a_file_of_no_kind_is_named_with_what_was_found(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadRequest, match=said) as raised:
        scanned(tmp_path / name)
    assert name in str(raised.value)


def test_what_a_folder_holds_beside_runs_is_left_out_and_named(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", [row(message())])
    (tmp_path / "notes.md").write_text("# Notes")
    (tmp_path / "odd.json").write_text("")
    found = scanned(tmp_path)
    assert len(found.samples) == 1
    assert any("notes.md" in note for note in found.notes)
    assert any("odd.json" in note for note in found.notes)
    with pytest.raises(BadRequest) as raised:
        scanned(tmp_path / "odd.json")
    assert ACCEPTED in str(raised.value)
