"""``overt audit report`` and ``overt audit verify`` as commands: what they print, write, and how they exit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from report_samples import changed, honest, laid_out, plan_of, prompts, prose, records_of, route, sha256

from overt.audit.plan import Plan
from overt.audit.planning.seal import KEY_FILE, VKEY_FILE
from overt.audit.report.material import RECORDED_FILE, RECORDS_FILE
from overt.audit.report.seal import RESULT_FILE
from overt.cli.audit_report import command as report
from overt.cli.audit_verify import command as verify
from overt.errors import BadRequest, OvertError, VerificationFailed
from overt.log.keys import write_log_key

PLAN = plan_of(asked=prompts(12))


def ran(command: object, *arguments: str | Path) -> Result:
    assert command in (report, verify)
    chosen = report if command is report else verify
    return CliRunner().invoke(chosen, [str(each) for each in arguments])


def audit(folder: Path, plan: Plan = PLAN, **speakers: object) -> Path:
    laid_out(folder, plan, records_of(plan, {"official": honest("a"), "reseller": changed("b"), **speakers}))  # type: ignore[dict-item]
    return folder


def test_a_changed_endpoint_is_reported_with_a_page_and_verifies(tmp_path: Path) -> None:
    folder, page = audit(tmp_path / "audit"), tmp_path / "page.html"
    told = ran(report, folder, "--html", page)
    assert told.exit_code == 1, told.output
    assert told.output.startswith("Verdict: changed.\nThe answers of reseller changed")
    assert "alarm after" in told.output
    assert "Check it with: overt audit verify" in told.output
    assert page.read_text("utf-8").startswith("<!doctype html>")
    found = ran(verify, folder)
    assert found.exit_code == 0, found.output
    assert found.output.splitlines()[-1] == "Intact. Whose report it is is not proved: no --key was given."
    sure = ran(verify, folder, "--key", (folder / VKEY_FILE).read_text().strip())
    assert (sure.exit_code, sure.output.splitlines()[-1]) == (0, "Verified.")


def test_an_honest_endpoint_exits_with_0_and_json_is_the_signed_document(tmp_path: Path) -> None:
    folder = audit(tmp_path, reseller=honest("b"))
    told = ran(report, folder, "--json")
    assert told.exit_code == 0, told.output
    document = json.loads(told.output)
    assert document["verdict"] == "no change detected"
    found = json.loads(ran(verify, folder, "--json").output)
    assert (found["ok"], found["key_given"], len(found["steps"])) == (True, False, 11)


def test_a_report_that_was_changed_does_not_verify(tmp_path: Path) -> None:
    folder = audit(tmp_path)
    ran(report, folder)
    path = folder / RESULT_FILE
    path.write_bytes(path.read_bytes().replace(b"overt-audit", b"overt-audot", 1) + b" ")
    found = ran(verify, folder)
    assert found.exit_code == 1
    assert found.output.splitlines()[-1] == "Does not verify: step 7, result."


def test_only_the_key_that_signed_the_plan_signs_the_result(tmp_path: Path) -> None:
    folder = audit(tmp_path / "audit")
    write_log_key(tmp_path / "other.key", "other.example")
    told = ran(report, folder, "--key", tmp_path / "other.key")
    assert isinstance(told.exception, VerificationFailed)
    moved = tmp_path / "moved.key"
    (folder / KEY_FILE).rename(moved)
    assert isinstance(ran(report, folder).exception, BadRequest)
    assert ran(report, folder, "--key", moved).exit_code == 1
    assert not (tmp_path / "other" / RESULT_FILE).exists()


def test_a_recording_is_kept_beside_the_records(tmp_path: Path) -> None:
    rows = [{"pid": each.pid, "model": "big", "rep": 0, "text": prose(f"a {each.pid} 0")} for each in PLAN.prompts]
    recording = tmp_path / "old.jsonl"
    recording.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    digest = sha256(recording.read_bytes())
    plan = plan_of(asked=PLAN.prompts, routes=(route("reseller"),), recorded=digest)
    folder = audit(tmp_path / "audit", plan)
    assert isinstance(ran(report, folder).exception, BadRequest)
    assert ran(report, folder, "--recorded", recording).exit_code == 1
    assert (folder / RECORDED_FILE).read_bytes() == recording.read_bytes()
    assert ran(verify, folder).exit_code == 0
    (folder / RECORDED_FILE).write_bytes(b"{}\n")
    found = ran(verify, folder)
    assert (found.exit_code, found.output.splitlines()[-1]) == (1, "Does not verify: step 3, reference.")


@pytest.mark.parametrize("missing", [RECORDS_FILE, RESULT_FILE, "plan.json", VKEY_FILE])
def test_a_missing_file_is_bad_input_and_is_named(tmp_path: Path, missing: str) -> None:
    folder = audit(tmp_path)
    ran(report, folder)
    (folder / missing).unlink()
    found = ran(verify, folder)
    assert isinstance(found.exception, OvertError)
    assert missing in str(found.exception)


def test_derived_rows_are_never_read(tmp_path: Path) -> None:
    folder = audit(tmp_path)
    ran(report, folder)
    for name in ("reference.jsonl", "endpoint.jsonl", "asked.jsonl"):
        (folder / name).write_bytes(b"not what was said")
    assert ran(verify, folder).exit_code == 0
