"""Logs of Inspect: summaries, samples, events, and the forms in which they are stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from scan_samples import ASKED, OTHER, header, log_members, output, sample, scanned, summary, write_eval

from overt.audit.scan.archive import Archive, members_before
from overt.audit.scan.inspect_log import number_of
from overt.audit.scan.sample import Kind, Sample, Standing
from overt.errors import BadRequest

FELL = {"model": ASKED, "fallback_model": OTHER, "count": 1}
REFUSED = {"type": "refusal", "category": "cyber", "explanation": "declined"}


def handed(count: int = 1, model: str = ASKED) -> dict[str, Any]:
    """The roll-up of fallbacks."""
    return {"model_fallbacks": [{"model": model, "fallback_model": OTHER, "count": count}]}


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "an own answer": (sample("a", output()), "own"),
    "a dated answer": (sample("a", output(f"{ASKED}-20260609")), "alias"),
    "a fallback in the output": (sample("a", output(OTHER, fallback=FELL)), "served_by_other"),
    "a fallback in the roll-up alone": (sample("a", output(), **handed()), "served_by_other"),
    "another model in the output": (sample("a", output(OTHER)), "served_by_other"),
    "a content filter": (sample("a", output(reason="content_filter", text="", details=REFUSED)), "refused"),
    "a content filter without details": (sample("a", output(reason="content_filter", text="")), "refused"),
    "one turn of three": (sample("a", output(), output(OTHER, fallback=FELL), output(), **handed()), "partial"),
    "every turn": (sample("a", *[output(OTHER, fallback=FELL)] * 3, **handed(3)), "served_by_other"),
    "a turn of a subagent, seen in the roll-up alone": (sample("a", output(), output(), **handed()), "partial"),
    "a refused turn": (sample("a", output(), output(reason="content_filter", text="")), "refused"),
    "an answer that is cut": (sample("a", output(reason="max_tokens")), "truncated"),
    "a limit": (sample("a", output(), limit={"type": "token", "limit": 9}), "truncated"),
    "an error": (sample("a", output(), error={"message": "boom"}), "error"),
    "an empty answer": (sample("a", output(text="")), "error"),
    "a cut turn before the last": (sample("a", output(reason="max_tokens"), output()), "own"),
    "a grader that fell back": (sample("a", output(), **handed(model="gpt-4o")), "own"),
    "no output and no name": (sample("a", {"choices": [{"message": {"content": "4"}}]}), "unknown"),
}


def only(path: Path, **options: Any) -> Sample:
    """The one sample of a log."""
    found = scanned(path, **options).samples
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(("record", "expected"), CASES.values(), ids=CASES.keys())
def test_a_sample_has_one_class_in_an_archive_and_in_a_json_log(
    record: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    packed = only(write_eval(tmp_path / "log.eval", log_members([record])))
    (tmp_path / "log.json").write_text(json.dumps({**header(), "samples": [record]}))
    plain = only(tmp_path / "log.json")
    assert (packed.kind.value, plain.kind.value) == (expected, expected)
    assert packed.evidence
    assert (packed.score, packed.group, packed.turns) == (1.0, "sums (includes)", plain.turns)


def test_turns_of_other_models_are_counted(tmp_path: Path) -> None:
    record = sample("a", output(), output(OTHER, fallback=FELL), output(), **handed())
    found = only(write_eval(tmp_path / "log.eval", log_members([record])))
    assert (found.others, found.turns, found.standing) == (1, 3, Standing.OTHER)


@pytest.mark.parametrize("method", [0, 8, 93])
def test_members_may_be_stored_deflated_or_packed_by_zstd(method: int, tmp_path: Path) -> None:
    assert only(write_eval(tmp_path / "log.eval", log_members([sample("a", output())]), method)).kind is Kind.OWN


def test_an_unknown_method_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="method 14"):
        scanned(write_eval(tmp_path / "log.eval", log_members([sample("a", output())]), 14))


@pytest.mark.parametrize(
    ("members", "version", "expected"),
    [
        ({}, "0.3.285", "own"),
        ({}, "0.3.200", "unknown"),
        ({}, None, "unknown"),
        ({"model_fallbacks": None}, "0.3.200", "own"),
        (handed(), "0.3.200", "served_by_other"),
        ({**handed(), "turn_count": 3}, "0.3.285", "partial"),
        ({"error": "boom"}, "0.3.285", "error"),
        ({"limit": "token"}, "0.3.285", "truncated"),
    ],
)
def test_summaries_alone_say_no_more_than_they_record(
    members: dict[str, Any], version: str | None, expected: str, tmp_path: Path
) -> None:
    rows = [summary(sample("a", output())) | members]
    found = scanned(
        write_eval(tmp_path / "log.eval", [("summaries.json", rows), ("header.json", header(version=version))])
    )
    assert [each.kind.value for each in found.samples] == [expected]
    assert any("only as summaries" in note for note in found.notes)


def test_an_old_log_in_which_one_sample_records_fallbacks_records_them_for_all(tmp_path: Path) -> None:
    rows = [summary(sample("a", output())) | handed(), summary(sample("b", output()))]
    path = write_eval(tmp_path / "log.eval", [("summaries.json", rows), ("header.json", header(version=None))])
    assert [each.kind for each in scanned(path).samples] == [Kind.SERVED_BY_OTHER, Kind.OWN]


def test_a_log_that_is_still_written_is_read_from_its_journal(tmp_path: Path) -> None:
    records = [sample("a", output()), sample("b", output(OTHER))]
    members = [(f"samples/{each['id']}_epoch_1.json", each) for each in records]
    journal = [(f"_journal/summaries/{n}.json", [summary(each)]) for n, each in enumerate(records, 1)]
    found = scanned(write_eval(tmp_path / "log.eval", [("_journal/start.json", header()), *members, *journal]))
    assert [each.kind for each in found.samples] == [Kind.OWN, Kind.SERVED_BY_OTHER]


def test_a_sample_in_chunks_and_an_id_with_a_slash_are_read(tmp_path: Path) -> None:
    record = sample("a/1", output(), output(OTHER, fallback=FELL))
    events = record.pop("events")
    prefix = "samples/a/1_epoch_1"
    members = [(f"{prefix}/sample.json", record), (f"{prefix}/events/1.json", events[1:])]
    members += [(f"{prefix}/events/0.json", events[:1]), (f"{prefix}/events/stats.json", {}), ("header.json", header())]
    found = only(write_eval(tmp_path / "log.eval", [*members, ("summaries.json", [summary(record, turn_count=2)])]))
    assert (found.id, found.kind, found.others) == ("a/1", Kind.PARTIAL, 1)


def test_a_damaged_sample_is_an_error_and_the_others_are_read(tmp_path: Path) -> None:
    path = write_eval(
        tmp_path / "log.eval",
        log_members(
            [sample("a", output()), sample("b", output())],
        ),
        0,
    )
    raw = path.read_bytes()
    at = raw.index(b'"id": "b"')
    path.write_bytes(raw[:at] + b'"id": "c"' + raw[at + 9 :])
    one, two = scanned(path).samples
    assert (one.kind, two.kind, two.id) == (Kind.OWN, Kind.ERROR, "b")
    assert "checksum" in two.evidence[0].what


def test_a_deployment_is_compared_by_the_given_name(tmp_path: Path) -> None:
    record = sample("a", output("gpt-4o-2024-08-06"), output("gpt-4o-mini"))
    for event in record["events"]:
        event["model"] = "openai/azure/my-deployment"
    path = write_eval(tmp_path / "log.eval", log_members([record], model="openai/azure/my-deployment"))
    assert only(path).kind is Kind.UNKNOWN
    given = only(path, requested="gpt-4o")
    assert (given.kind, given.others, given.turns) == (Kind.PARTIAL, 1, 2)


def test_a_scorer_may_be_chosen_and_strata_made_of_metadata(tmp_path: Path) -> None:
    record = sample("a", output(), metadata={"topic": "bio", "level": 2})
    record["scores"] = {"includes": {"value": "I"}, "judged": {"value": 0.25}}
    path = write_eval(tmp_path / "log.eval", log_members([record]))
    assert only(path).score == 0.0
    found = only(path, scorer="judged", strata=("topic", "level"))
    assert (found.score, found.stratum, found.group) == (0.25, "bio / 2", "sums (judged)")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *[("C", 1.0), ("I", 0.0), ("P", 0.5), ("N", 0.0), ("yes", 1.0), (True, 1.0), (0.3, 0.3), ("0.3", 0.3)],
        *[(None, None), (float("nan"), None), ("maybe", None), ([1], None), ({"a": 1}, None)],
    ],
)
def test_scores_are_read_as_inspect_reads_them(value: object, expected: float | None) -> None:
    assert number_of(value) == expected


def test_a_zip_archive_that_is_no_log_and_a_log_without_samples_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"no header\.json"):
        scanned(write_eval(tmp_path / "a.eval", [("x.json", {})]))
    (tmp_path / "b.json").write_text(json.dumps(header()))
    with pytest.raises(BadRequest, match="without its samples"):
        scanned(tmp_path / "b.json")


def test_only_what_stands_before_a_member_is_parsed() -> None:
    assert members_before('{"a": 1, "b": {"c": []}, "events": [nonsense', "events") == {"a": 1, "b": {"c": []}}
    assert members_before(' { "a" : 1 } ', "events") == {"a": 1}
    assert members_before("[1]", "events") is None
    for broken in ('{"a" 1}', '{"a": }', '{"a": 1', "{"):
        with pytest.raises(ValueError):
            members_before(broken, "events")


def test_members_are_checked_by_length_and_checksum(tmp_path: Path) -> None:
    path = write_eval(tmp_path / "log.eval", [("a.json", {"a": 1})])
    archive = Archive(path)
    assert archive.json("a.json") == {"a": 1}
    archive.close()
    raw = bytearray(path.read_bytes())
    raw[40] ^= 1
    path.write_bytes(raw)
    archive = Archive(path)
    with pytest.raises(BadRequest, match="damaged"):
        archive.read("a.json")
    archive.close()
