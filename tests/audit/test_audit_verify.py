"""Whatever is changed in a plan, its data or its report is found, and the step that finds it is named."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from report_samples import (
    FIRST,
    audited,
    chained,
    changed,
    honest,
    laid_out,
    plan_of,
    prompts,
    records_of,
    reported,
)

from overt.audit.plan import Plan, Question, Role
from overt.audit.planning.seal import PLAN_FILE, VKEY_FILE, seal_plan
from overt.audit.record import Record
from overt.audit.report.follows import check_verdict
from overt.audit.report.material import RECORDS_FILE, read_files
from overt.audit.report.seal import KIND, RESULT_FILE, open_exactly, open_result
from overt.audit.report.verify import STEPS, check_order, verify_report
from overt.errors import VerificationFailed
from overt.log.keys import read_signer
from overt.proof.note import VerifierKey
from overt.proof.verify import Mark, Step, holds

PLAN = plan_of(asked=prompts(16))
SPEAKERS = {"official": honest("a"), "reseller": changed("b")}
FLIPS = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("audit")
    audited(found, PLAN, SPEAKERS)
    return found


def vkey_of(folder: Path) -> str:
    return (folder / VKEY_FILE).read_text("utf-8").strip()


def verified(folder: Path) -> tuple[Step, ...]:
    raw = (folder / RESULT_FILE).read_bytes()
    return verify_report(read_files(folder), raw, vkey_of(folder), trusted=True)


def failure(steps: tuple[Step, ...]) -> tuple[str, str]:
    assert not holds(steps)
    return steps[-1].name, steps[-1].detail


def test_an_honest_report_holds_to_the_bit(folder: Path) -> None:
    steps = verified(folder)
    assert [step.name for step in steps] == list(STEPS)
    assert [step.mark for step in steps] == [Mark.HOLDS] * 10 + [Mark.OPEN]
    assert "the same to the bit" in steps[8].detail


def test_with_the_key_beside_it_nobody_is_named(folder: Path) -> None:
    raw = (folder / RESULT_FILE).read_bytes()
    first = verify_report(read_files(folder), raw, vkey_of(folder), trusted=False)[0]
    assert first.mark is Mark.OPEN
    assert "not whose" in first.detail


@pytest.mark.parametrize("name", [PLAN_FILE, RECORDS_FILE, RESULT_FILE])
def test_every_flipped_byte_is_found(folder: Path, tmp_path: Path, name: str) -> None:
    files = {each: (folder / each).read_bytes() for each in (PLAN_FILE, RECORDS_FILE, RESULT_FILE, VKEY_FILE)}
    for each, raw in files.items():
        (tmp_path / each).write_bytes(raw)
    drawn = random.Random(name)
    whole = files[name]
    places = {*drawn.sample(range(len(whole)), FLIPS), 0, len(whole) - 1, len(whole) - 2}
    for place in places:
        flipped = bytes([whole[place] ^ (1 << drawn.randrange(8))])
        (tmp_path / name).write_bytes(whole[:place] + flipped + whole[place + 1 :])
        assert not holds(verified(tmp_path)), f"byte {place} of {name}"


@pytest.mark.parametrize("name", [PLAN_FILE, RESULT_FILE])
def test_every_byte_of_an_envelope_counts(folder: Path, name: str) -> None:
    """Also those that a signature does not cover: every single byte of the first and last hundred, and white space."""
    whole, key = (folder / name).read_bytes(), vkey_of(folder)
    kind = KIND if name == RESULT_FILE else "application/vnd.overt.audit-plan+json"
    for place in (*range(100), *range(len(whole) - 300, len(whole))):
        with pytest.raises(VerificationFailed):
            open_exactly(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :], kind, key)
    spaced = json.dumps(json.loads(whole)).encode()
    for other in (spaced, whole + b"\n", whole[:-1], whole[:-2] + b',"more":1}\n'):
        with pytest.raises(VerificationFailed):
            open_exactly(other, kind, key)


@pytest.mark.parametrize(
    ("cut", "step"),
    [
        pytest.param(lambda raw: raw[: raw.rindex(b"\n", 0, -1) + 1], "data", id="the last record is left out"),
        pytest.param(lambda raw: raw + b"{", "records", id="a torn line"),
        pytest.param(lambda _: b"", "data", id="no record at all"),
    ],
)
def test_records_that_are_left_out_are_found(
    folder: Path, tmp_path: Path, cut: Callable[[bytes], bytes], step: str
) -> None:
    for name in (PLAN_FILE, RECORDS_FILE, RESULT_FILE, VKEY_FILE):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / RECORDS_FILE).write_bytes(cut((folder / RECORDS_FILE).read_bytes()))
    assert failure(verified(tmp_path))[0] == step


# --- an auditor who signs what is not so -----------------------------------------------------------------------------


def edits() -> Iterator[Any]:
    def verdict(document: dict[str, Any]) -> None:
        document["verdict"] = document["endpoints"][0]["verdict"] = "no change detected"

    def p_value(document: dict[str, Any]) -> None:
        document["endpoints"][0]["change"]["p_value"] = "0.0004"

    def size(document: dict[str, Any]) -> None:
        document["endpoints"][0]["change"]["effect"]["value"] = "0.5"

    def wealth(document: dict[str, Any]) -> None:
        document["endpoints"][0]["path"]["log10_wealth"][3] = "9.0"

    def count(document: dict[str, Any]) -> None:
        document["routes"][0]["refused"] = 3

    def note(document: dict[str, Any]) -> None:
        document["notes"] = ["the provider knew"]

    def limit(document: dict[str, Any]) -> None:
        del document["limits"][0]

    def member(document: dict[str, Any]) -> None:
        document["opinion"] = "bad"

    def seed(document: dict[str, Any]) -> None:
        document["asked"]["seed"] = 8

    for edit in (verdict, p_value, size, wealth, count, note, limit, member, seed):
        yield pytest.param(edit, id=edit.__name__)


@pytest.mark.parametrize("edit", list(edits()))
def test_a_signed_result_that_the_records_do_not_give_is_found(
    tmp_path: Path, edit: Callable[[dict[str, Any]], None]
) -> None:
    reported(tmp_path, laid_out(tmp_path, PLAN, records_of(PLAN, SPEAKERS)), edit)
    step, detail = failure(verified(tmp_path))
    assert step == "numbers"
    assert "result" in detail


def again(records: list[Record]) -> list[Record]:
    return [*records, replace(records[0], at=records[-1].at)]


def asked_otherwise(records: list[Record]) -> list[Record]:
    return [replace(records[0], request=records[0].request.replace("Question", "A question")), *records[1:]]


def other_model(records: list[Record]) -> list[Record]:
    return [replace(records[0], model="big-2"), *records[1:]]


def other_side(records: list[Record]) -> list[Record]:
    swapped = Role.ENDPOINT if records[0].role is Role.REFERENCE else Role.REFERENCE
    return [replace(records[0], role=swapped), *records[1:]]


def one_more(records: list[Record]) -> list[Record]:
    return [*records, replace(records[-1], rep=1)]


def too_early(records: list[Record]) -> list[Record]:
    return [replace(records[0], at="2026-11-23T08:59:59.999Z"), *records[1:]]


def without_zone(records: list[Record]) -> list[Record]:
    return [replace(records[0], at="2026-11-23T11:00:00"), *records[1:]]


def backwards(records: list[Record]) -> list[Record]:
    times = [record.at for record in records]
    return [replace(record, at=at) for record, at in zip(reversed(records), times, strict=True)]


@pytest.mark.parametrize(
    ("harm", "step", "what"),
    [
        pytest.param(again, "calls", "was asked again", id="asked until it suits"),
        pytest.param(asked_otherwise, "calls", "request", id="another prompt"),
        pytest.param(other_model, "calls", "model", id="another model"),
        pytest.param(other_side, "calls", "role", id="another side"),
        pytest.param(one_more, "calls", "does not ask", id="more repetitions"),
        pytest.param(too_early, "times", "before the plan", id="before the plan"),
        pytest.param(without_zone, "times", "zone", id="a time without a zone"),
        pytest.param(backwards, "order", "plan's order", id="another order"),
    ],
)
def test_calls_that_the_plan_does_not_give_are_found(
    tmp_path: Path, harm: Callable[[list[Record]], list[Record]], step: str, what: str
) -> None:
    key = laid_out(tmp_path, PLAN, records_of(PLAN, SPEAKERS))
    reported(tmp_path, key)
    (tmp_path / RECORDS_FILE).write_bytes(chained(PLAN, harm(records_of(PLAN, SPEAKERS))))
    found, detail = failure(verified(tmp_path))
    assert found == step
    assert what in detail


def test_a_result_by_another_key_is_refused(folder: Path, tmp_path: Path) -> None:
    private = Ed25519PrivateKey.generate()
    key = VerifierKey(name="other.example", public=private.public_key().public_bytes_raw())
    for name in (RECORDS_FILE, RESULT_FILE):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / PLAN_FILE).write_bytes(seal_plan(PLAN, key.text, private.sign))
    (tmp_path / VKEY_FILE).write_text(key.text, "utf-8")
    assert failure(verified(tmp_path))[0] == "result"


def test_a_plan_that_was_signed_anew_with_another_question_has_other_data(folder: Path, tmp_path: Path) -> None:
    for name in (RECORDS_FILE, RESULT_FILE, VKEY_FILE, "audit.key"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "audit.key").chmod(0o600)
    key = read_signer(tmp_path / "audit.key")
    (tmp_path / PLAN_FILE).write_bytes(seal_plan(replace(PLAN, alpha=0.2), key.vkey, key.sign))
    assert failure(verified(tmp_path))[0] == "records"


# --- order -----------------------------------------------------------------------------------------------------------


def test_calls_under_way_together_may_overtake_each_other_and_a_stop_may_lose_some() -> None:
    records = records_of(PLAN, SPEAKERS)
    rng = random.Random(3)
    overtaken = [replace(record, at=moved(place + rng.randrange(4))) for place, record in enumerate(records)]
    assert check_order(PLAN, tuple(overtaken))[0] is Mark.HOLDS
    lost, kept = records[4:10:2], [record for record in records if record not in records[4:10:2]]
    resumed = [replace(record, at=moved(place)) for place, record in enumerate([*kept[:12], *lost, *kept[12:]])]
    assert check_order(PLAN, tuple(resumed))[0] is Mark.HOLDS


def moved(seconds: int) -> str:
    return (FIRST + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_prompts_that_were_skipped_for_long_are_no_order_of_the_plan() -> None:
    skipped = records_of(PLAN, SPEAKERS)[20:]
    with pytest.raises(VerificationFailed, match="can be under way"):
        check_order(PLAN, tuple(skipped))


# --- the verdict -----------------------------------------------------------------------------------------------------


def says(verdict: str, plan: Plan, **numbers: str | None) -> dict[str, Any]:
    kind = "change" if plan.topic is None else "topic"
    return {"verdict": verdict, "endpoints": [{"verdict": verdict, kind: numbers}]}


TOPIC = replace(PLAN, topic="chem", control="c", question=Question.TOPIC)
LOSS: dict[str, str | None] = {"p_value": "0.01", "placebo_p": "0.02", "p_change": "0.01", "delta": "0.2"}
ON_TOPIC = "changed more on topic than on matched control"


@pytest.mark.parametrize(
    ("verdict", "plan", "numbers", "follows"),
    [
        pytest.param("changed", PLAN, {"p_value": "0.05"}, True, id="at alpha"),
        pytest.param("changed", PLAN, {"p_value": "0.0502"}, False, id="above alpha"),
        pytest.param("no change detected", PLAN, {"p_value": "0.01"}, False, id="below alpha"),
        pytest.param("degraded", PLAN, {"p_value": "0.01"}, False, id="a fifth word"),
        pytest.param(ON_TOPIC, PLAN, {"p_value": "0.01"}, False, id="a topic that was not asked about"),
        pytest.param(ON_TOPIC, TOPIC, LOSS, True, id="on the topic"),
        pytest.param(ON_TOPIC, TOPIC, LOSS | {"p_value": "0.06"}, False, id="on the topic by chance"),
        pytest.param(ON_TOPIC, TOPIC, LOSS | {"placebo_p": None}, False, id="without placebo topics"),
        pytest.param(ON_TOPIC, TOPIC, LOSS | {"delta": "-0.1"}, False, id="the control lost more"),
        pytest.param("no change detected", TOPIC, LOSS, False, id="everything changed"),
    ],
)
def test_a_verdict_follows_from_its_numbers_or_is_refused(
    verdict: str, plan: Plan, numbers: dict[str, str | None], follows: bool
) -> None:
    document = says(verdict, plan, **numbers)
    if follows:
        assert verdict in check_verdict(document, plan)
        return
    with pytest.raises(VerificationFailed):
        check_verdict(document, plan)


def test_the_result_is_of_its_own_kind(folder: Path) -> None:
    with pytest.raises(VerificationFailed, match="type"):
        open_result((folder / PLAN_FILE).read_bytes(), vkey_of(folder))
