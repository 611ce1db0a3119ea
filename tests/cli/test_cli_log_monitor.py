"""``overt log monitor``: what it prints, what it remembers, and how it exits."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cli_log_samples import served
from click.testing import CliRunner, Result

from overt.cli.log import command
from overt.errors import OvertError
from overt.proof import tiles
from overt.proof.note import Checkpoint, parse_vkey, sign_checkpoint
from overt.proof.receipt import encode_receipt
from overt.proof.statement import encode_entry
from overt.testing.log import ORIGIN, known_signer
from overt.testing.receipts import announcements, known_issuer, made_up

LOG = known_signer()
ISSUER = known_issuer()
ENTRIES = [*announcements(ISSUER), *(made_up(ISSUER, number).entry for number in range(40))]


def write(folder: Path, size: int, entries: list[bytes] | None = None) -> Path:
    edge, files = tiles.grow(tiles.Edge(), (entries or ENTRIES)[:size])
    checkpoint = Checkpoint(origin=ORIGIN, size=edge.size, root=edge.root)
    files[tiles.CHECKPOINT] = sign_checkpoint(checkpoint, parse_vkey(LOG.vkey), LOG.sign)
    for path, raw in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(raw)
    return folder


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, ["monitor", *map(str, arguments)])


def test_people_are_told_the_size_the_numbers_and_that_there_is_no_alarm(tmp_path: Path) -> None:
    result = run(write(tmp_path / "log", 43), "--key", LOG.vkey)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0].startswith(f"{ORIGIN}: 43 entries under ")
    assert lines[1].split() == ["40", "large", "cyber", "redirect", "policy"]
    assert lines[-1] == "No alarm."


def test_a_state_goes_on_and_remembers_the_key_and_the_numbers(tmp_path: Path) -> None:
    state = tmp_path / "state"
    first = run(write(tmp_path / "log", 20), "--key", LOG.vkey, "--state", state, "--json")
    second = run(write(tmp_path / "log", 43), "--state", state, "--json")
    assert (first.exit_code, second.exit_code) == (0, 0), second.output
    found = json.loads(second.output)
    assert (found["entries"], found["size"], found["key_from"]) == (23, 43, "state")
    assert [row["number"] for row in found["outcomes"]] == [40]


def test_without_a_key_the_last_line_says_whose_log_it_is_not_proved_to_be(tmp_path: Path) -> None:
    folder = write(tmp_path / "log", 9)
    (folder / "log.vkey").write_text(LOG.vkey)
    assert "is not proved" in run(folder).output.splitlines()[-1]


def test_an_alarm_exits_with_one_and_is_known_the_next_time(tmp_path: Path) -> None:
    again = encode_entry(replace(made_up(ISSUER, 1).statement, outcome="refuse"))
    folder, state = write(tmp_path / "log", 44, [*ENTRIES, again]), tmp_path / "state"
    result = run(folder, "--key", LOG.vkey, "--state", state)
    assert (result.exit_code, "✗ entry: entry 43" in result.output) == (1, True)
    result = run(folder, "--state", state, "--json")
    assert (result.exit_code, json.loads(result.output)["alarms_ever"]) == (0, 1)


def test_a_rollback_exits_with_one_every_time(tmp_path: Path) -> None:
    state = tmp_path / "state"
    run(write(tmp_path / "long", 43), "--key", LOG.vkey, "--state", state)
    for known in ("", " (known)"):
        result = run(write(tmp_path / "short", 9), "--state", state)
        assert (result.exit_code, f"✗ rollback{known}: " in result.output) == (1, True)


def test_the_archive_beside_a_log_is_used_and_a_document_that_is_missing_is_an_alarm(tmp_path: Path) -> None:
    folder = write(tmp_path / "log", 9)
    for raw in (b"policy", b"w"):
        (tmp_path / "archive").mkdir(exist_ok=True)
        (tmp_path / "archive" / f"sha256:{hashlib.sha256(raw).hexdigest()}").write_bytes(raw)
    assert run(folder, "--key", LOG.vkey).exit_code == 0
    (tmp_path / "empty").mkdir()
    result = run(folder, "--key", LOG.vkey, "--archive", tmp_path / "empty", "--json")
    assert [alarm["kind"] for alarm in json.loads(result.output)["alarms"]] == ["document"] * 2


def test_promises_are_read_from_a_folder_of_receipts(tmp_path: Path) -> None:
    receipts = tmp_path / "receipts"
    receipts.mkdir()
    for number in (1, 39, 99):
        (receipts / f"{number}.json").write_bytes(encode_receipt(made_up(ISSUER, number).receipt))
    result = run(write(tmp_path / "log", 43), "--key", LOG.vkey, "--promise", receipts, "--json")
    found = json.loads(result.output)
    assert found["promises_open"] == 1
    assert [alarm["kind"] for alarm in found["alarms"]] == ["promise"]


def test_with_every_it_goes_on_until_it_is_interrupted(tmp_path: Path) -> None:
    folder = write(tmp_path / "log", 20)
    line = [sys.executable, "-m", "overt.cli", "log", "monitor", str(folder), "--key", LOG.vkey, "--json"]
    process = subprocess.Popen([*line, "--every", "0.05"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["size"] == 20
    write(folder, 43)
    assert any(json.loads(row)["size"] == 43 for row in process.stdout)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, "interrupted" in said) == (0, True), said


def test_with_every_and_rounds_it_ends_by_itself(tmp_path: Path) -> None:
    folder = write(tmp_path / "log", 20)
    result = run(folder, "--key", LOG.vkey, "--every", "0.01", "--rounds", "3", "--json")
    assert (result.exit_code, len(result.output.splitlines())) == (0, 3)


def operated(root: Path, **members: str) -> Path:
    """What a log's operator serves, with these members in what it says about itself."""
    write(root / "log", 9)
    (root / ".well-known").mkdir()
    (root / ".well-known" / "overt.json").write_text(json.dumps(members))
    return root


def test_documents_and_notices_are_looked_up_where_the_operator_says(tmp_path: Path) -> None:
    (tmp_path / "notices").mkdir()
    notice = made_up(ISSUER, 0).receipt.notice
    (tmp_path / "notices" / "ntc_1").write_text(json.dumps({"reason": notice}))
    with served(tmp_path) as url:
        operated(tmp_path, archive_url=f"{url}/none", notices_url=f"{url}/notices")
        result = run(url, "--key", LOG.vkey, "--json")
    found = json.loads(result.output)
    # All six made-up entries name one notice, and each of them another text.
    assert [alarm["kind"] for alarm in found["alarms"]] == ["document"] * 2 + ["notice"] * 5
    assert found["notices"] == {"new": 6, "looked_up": 6}


@pytest.mark.parametrize("name", ["archive_url", "notices_url"])
def test_an_operator_cannot_lead_the_monitor_to_files_of_its_own(name: str, tmp_path: Path) -> None:
    with served(operated(tmp_path, **{name: "file:///etc"})) as url:
        result = run(url, "--key", LOG.vkey)
    assert (result.exit_code, "no http(s) URL" in result.output) == (2, True)


def no_log(tmp_path: Path) -> list[str | Path]:
    return [tmp_path / "none", "--key", LOG.vkey]


def no_key(tmp_path: Path) -> list[str | Path]:
    return [write(tmp_path / "log", 3)]


def bad_key(tmp_path: Path) -> list[str | Path]:
    return [write(tmp_path / "log", 3), "--key", "x"]


def other_key(tmp_path: Path) -> list[str | Path]:
    run(write(tmp_path / "log", 3), "--key", LOG.vkey, "--state", tmp_path / "state")
    return [tmp_path / "log", "--state", tmp_path / "state", "--key", known_signer("other.test/log").vkey]


def damaged_state(tmp_path: Path) -> list[str | Path]:
    (tmp_path / "state").write_text("{}" * 999)
    return [write(tmp_path / "log", 3), "--key", LOG.vkey, "--state", tmp_path / "state"]


def bad_receipt(tmp_path: Path) -> list[str | Path]:
    (tmp_path / "receipt").write_text("{}")
    return [write(tmp_path / "log", 3), "--key", LOG.vkey, "--promise", tmp_path / "receipt"]


def bad_policy(tmp_path: Path) -> list[str | Path]:
    (tmp_path / "policy").write_text("quorum\n")
    return [write(tmp_path / "log", 3), "--key", LOG.vkey, "--policy", tmp_path / "policy"]


def bad_archive(tmp_path: Path) -> list[str | Path]:
    return [write(tmp_path / "log", 3), "--key", LOG.vkey, "--archive", tmp_path / "none"]


CASES = [no_log, no_key, bad_key, other_key, damaged_state, bad_receipt, bad_policy, bad_archive]


@pytest.mark.parametrize("arguments", CASES, ids=lambda f: f.__name__)
def test_what_cannot_be_read_exits_with_two(arguments: Callable[[Path], list[str | Path]], tmp_path: Path) -> None:
    result = run(*arguments(tmp_path))
    # `overt.cli.main.main` turns an `OvertError` into its message and exit 2.
    assert result.exit_code == 2 or isinstance(result.exception, OvertError), result.output
