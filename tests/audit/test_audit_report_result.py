"""A report says what its records say: honest and changed endpoints, refusals, recordings, topics, gaps."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from report_samples import (
    Said,
    Speak,
    audited,
    changed,
    graded,
    honest,
    laid_out,
    plan_of,
    prompts,
    prose,
    records_of,
    reported,
    route,
    sha256,
    topic_plan,
)

from overt.audit.plan import Plan, Role
from overt.audit.report.document import document_of
from overt.audit.report.material import RECORDED_FILE, opened, read_files
from overt.audit.report.result import Result, result_of
from overt.audit.rows import Prompt
from overt.audit.verdict import Verdict
from overt.errors import BadRequest, VerificationFailed
from overt.proof import canonical

FEW = prompts(24)


def one(folder: Path, endpoint: Speak, plan: Plan | None = None) -> Result:
    return audited(folder, plan or plan_of(asked=FEW), {"official": honest("a"), "reseller": endpoint})


def test_an_honest_endpoint_is_not_said_to_have_changed(tmp_path: Path) -> None:
    found = one(tmp_path, honest("b"))
    assert found.verdict is Verdict.NO_CHANGE
    (endpoint,) = found.endpoints
    assert endpoint.change is not None
    assert endpoint.change.p_value > 0.05
    assert endpoint.path is not None
    assert (endpoint.path.alarm_at, endpoint.path.pairs) == (None, 24)
    assert endpoint.notes == found.notes == ()


def test_another_model_is_found_by_the_test_and_by_the_e_process(tmp_path: Path) -> None:
    found = one(tmp_path, changed("b"))
    assert found.verdict is Verdict.CHANGED
    (endpoint,) = found.endpoints
    assert endpoint.change is not None
    assert endpoint.change.p_value <= 0.001
    assert endpoint.path is not None
    assert endpoint.path.alarm_at is not None
    assert endpoint.path.log10_wealth[endpoint.path.alarm_at - 1] >= 1.30
    assert len(endpoint.evidence) == 12
    assert endpoint.evidence[0].weight >= endpoint.evidence[-1].weight > 0


def test_what_responses_say_of_themselves_is_reported_and_decides_nothing(tmp_path: Path) -> None:
    def speak(prompt: Prompt, rep: int) -> Said:
        return replace(honest("b")(prompt, rep), served="small-2", given=77)

    found = one(tmp_path, speak)
    assert found.verdict is Verdict.NO_CHANGE
    (endpoint,) = found.endpoints
    assert (
        "24 of 24 responses of 'reseller' say that they are by another model than 'big-1': 'small-2'"
        in (endpoint.notes[0])
    )
    assert "+37 input tokens for 24 of 24" in endpoint.notes[1]
    assert endpoint.tokens is not None
    assert (endpoint.tokens.least, endpoint.tokens.most) == (37, 37)
    reference = found.routes[0]
    assert [(each.model, each.relation, each.answers) for each in reference.served] == [("big-1", "same", 24)]
    assert (reference.input_tokens, reference.refused) == (24 * 40, 0)
    assert found.collected.cost == sum((each.cost for each in found.routes), Decimal(0)) > 0


def test_a_change_that_is_all_refusals_is_told_apart(tmp_path: Path) -> None:
    def speak(prompt: Prompt, rep: int) -> Said:
        refuses = int(prompt.pid[1:]) % 2 == 0
        return Said(text="I cannot help with that.", refused=True) if refuses else honest("b")(prompt, rep)

    found = one(tmp_path, speak)
    (endpoint,) = found.endpoints
    assert found.verdict is Verdict.CHANGED
    assert endpoint.unrefused is not None
    assert endpoint.unrefused.verdict is Verdict.NO_CHANGE
    assert endpoint.unrefused.n_prompts == 12
    assert any("what changed is mostly what is refused" in note for note in endpoint.notes)


def test_several_endpoints_share_the_chance_of_a_false_alarm(tmp_path: Path) -> None:
    speakers = {"official": honest("a"), "x": honest("x"), "y": changed("y")}
    found = audited(tmp_path, plan_of("x", "y", asked=FEW), speakers)
    assert found.verdict is Verdict.CHANGED
    assert [each.verdict for each in found.endpoints] == [Verdict.NO_CHANGE, Verdict.CHANGED]
    assert [each.change.alpha for each in found.endpoints if each.change is not None] == [0.025, 0.025]


def test_repetitions_of_the_reference_are_held_against_each_other(tmp_path: Path) -> None:
    found = one(tmp_path, honest("b"), plan_of(asked=FEW, samples=2))
    assert found.baseline is not None
    assert (found.baseline.verdict, found.baseline.n_prompts) == (Verdict.NO_CHANGE, 24)
    (endpoint,) = found.endpoints
    assert endpoint.path is not None
    assert endpoint.path.pairs == 48


def test_a_reference_that_differs_from_itself_is_called_unsteady(tmp_path: Path) -> None:
    def two_faced(prompt: Prompt, rep: int) -> Said:
        return (changed("a") if rep % 2 else honest("a"))(prompt, rep)

    speakers = {"official": two_faced, "reseller": two_faced}
    found = audited(tmp_path, plan_of(asked=FEW, samples=2), speakers)
    assert any("the reference differs from itself" in note for note in found.notes)


def test_a_recorded_reference_must_be_the_one_that_was_planned_with(tmp_path: Path) -> None:
    rows = [{"pid": each.pid, "model": "big", "rep": 0, "text": prose(f"a {each.pid} 0")} for each in FEW]
    raw = "".join(json.dumps(row) + "\n" for row in rows).encode()
    recording = tmp_path / "old.jsonl"
    recording.write_bytes(raw)
    plan = plan_of(asked=FEW, routes=(route("reseller"),), recorded=sha256(raw))
    folder = tmp_path / "audit"
    key = laid_out(folder, plan, records_of(plan, {"reseller": changed("b")}))
    found = result_of(opened(read_files(folder, recording), key.vkey))
    assert found.verdict is Verdict.CHANGED
    assert "recording" in found.limits[0]
    assert found.endpoints[0].tokens is None
    with pytest.raises(BadRequest, match=r"recorded\.jsonl"):
        opened(read_files(folder), key.vkey)
    (folder / RECORDED_FILE).write_bytes(raw + b"\n")
    with pytest.raises(VerificationFailed, match="the plan names"):
        opened(read_files(folder), key.vkey)


def test_an_audit_that_ended_early_says_so_and_tests_what_is_there(tmp_path: Path) -> None:
    plan = plan_of(asked=FEW)
    records = records_of(plan, {"official": honest("a"), "reseller": honest("b")})
    found = reported(tmp_path / "some", laid_out(tmp_path / "some", plan, records[:20]))
    assert any("28 of 48 planned calls have no answer" in note for note in found.notes)
    assert found.endpoints[0].change is not None
    assert found.endpoints[0].change.n_prompts == 10
    none = reported(tmp_path / "none", laid_out(tmp_path / "none", plan, []))
    assert none.verdict is Verdict.CANNOT_TELL
    assert none.endpoints[0].change is None
    assert none.endpoints[0].path is None


@pytest.mark.parametrize(
    ("rate", "verdict"),
    [
        pytest.param(0.85, (Verdict.NO_CHANGE, Verdict.CHANGED), id="the same everywhere"),
        pytest.param(0.15, (Verdict.CHANGED_ON_TOPIC,), id="worse on the topic"),
    ],
)
def test_a_topic_is_graded_by_the_plans_checkers_and_tested(
    tmp_path: Path, rate: float, verdict: tuple[Verdict, ...]
) -> None:
    plan, references = topic_plan()
    speakers = {
        "official": graded("a", references, lambda _: 0.85),
        "reseller": graded("b", references, lambda prompt: rate if prompt.topic == "chem" else 0.85),
    }
    found = audited(tmp_path, plan, speakers)
    assert found.verdict in verdict
    (endpoint,) = found.endpoints
    assert endpoint.change is None
    assert endpoint.topic is not None
    assert endpoint.topic.score is not None
    assert endpoint.path is not None
    assert endpoint.path.bets_on.startswith("scores")
    assert endpoint.path.pairs == 40
    first = endpoint.evidence[0]
    assert (first.reference_score, first.endpoint_score) == (1.0, 0.0)


def test_the_same_records_give_the_same_document_which_is_canonical_and_holds_no_float(tmp_path: Path) -> None:
    one(tmp_path, changed("b"))
    material = opened(read_files(tmp_path), (tmp_path / "audit.vkey").read_text().strip())
    first, second = (document_of(result_of(material), "2026-11-23T12:00:00Z") for _ in range(2))
    raw = canonical.encode(first)
    assert raw == canonical.encode(second)
    assert canonical.decode(raw) == first
    assert set(first) >= {"v", "verdict", "plan", "data", "asked", "routes", "endpoints", "limits", "code", "collected"}


def test_a_report_never_speaks_of_intent(tmp_path: Path) -> None:
    found = one(tmp_path, changed("b"))
    words = json.dumps(document_of(found, "now")).lower()
    assert not [word for word in ("sabotag", "cheat", "degrad", "malicious") if word in words]


def test_the_reference_route_is_named_among_the_limits(tmp_path: Path) -> None:
    found = one(tmp_path, honest("b"))
    assert "'official'" in found.limits[0]
    assert [each.role for each in found.routes] == [Role.REFERENCE, Role.ENDPOINT]
