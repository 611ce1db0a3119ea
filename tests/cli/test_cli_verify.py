"""``overt verify``: what people and programs see, and the exit status they can rely on."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from cli_log_samples import log_of
from click.testing import CliRunner, Result

from overt.cli.verify import command
from overt.proof.receipt import encode_receipt, with_proof
from overt.proof.verify import STEPS
from overt.testing.log import known_signer
from overt.testing.receipts import known_issuer, made_up

LOG = known_signer()
EXCHANGE = made_up(known_issuer(), 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a log, a receipt, and the bytes that were exchanged."""
    proof = asyncio.run(log_of(tmp_path / "log", EXCHANGE))
    (tmp_path / "receipt.json").write_bytes(encode_receipt(with_proof(EXCHANGE.receipt, proof)))
    (tmp_path / "request").write_bytes(EXCHANGE.request)
    (tmp_path / "response").write_bytes(EXCHANGE.response)
    return tmp_path


def run(folder: Path, *options: str, receipt: str = "receipt.json") -> Result:
    return CliRunner().invoke(command, [str(folder / receipt), *options])


def test_everything_given_verifies_in_thirteen_numbered_lines(folder: Path) -> None:
    given = ["--key", LOG.vkey, "--log", str(folder / "log")]
    result = run(folder, *given, "--request", str(folder / "request"), "--response", str(folder / "response"))
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == [
        f"{'·' if name == 'limits' else '✓'} {number:2} {name}" for number, name in enumerate(STEPS, 1)
    ]
    assert lines[-1] == "Verified."


def test_without_a_key_the_last_line_does_not_say_verified(folder: Path) -> None:
    result = run(folder)
    assert result.exit_code == 0
    assert "integrity only: the key came with the receipt" in result.output
    assert result.output.splitlines()[-1] == "Intact. Who issued it is not proved: no --key was given."


def test_an_altered_receipt_exits_with_one_and_names_the_step(folder: Path) -> None:
    path = folder / "receipt.json"
    path.write_bytes(path.read_bytes().replace(b"small answers", b"large answers"))
    result = run(folder, "--key", LOG.vkey)
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == "Does not verify: step 8, notice."


def test_a_file_that_is_no_receipt_does_not_verify(folder: Path) -> None:
    result = run(folder, receipt="request")
    assert (result.exit_code, result.output.splitlines()[-1]) == (1, "Does not verify: step 1, form.")


def test_json_holds_every_step(folder: Path) -> None:
    result = run(folder, "--json", "--key", LOG.vkey)
    found = json.loads(result.output)
    assert found["ok"] is True
    assert found["key_given"] is True
    assert [step["name"] for step in found["steps"]] == list(STEPS)
    assert {step["mark"] for step in found["steps"]} == {"holds", "open"}


def test_json_of_a_failure_says_so(folder: Path) -> None:
    result = run(folder, "--json", "--request", str(folder / "response"))
    found = json.loads(result.output)
    assert (result.exit_code, found["ok"], found["steps"][-1]["mark"]) == (1, False, "fails")


@pytest.mark.parametrize(
    "options",
    [["--key", "not a key"], ["--log", "no/such/folder"], ["--log", "http://127.0.0.1:1/"], ["--request", "no such"]],
    ids=["key", "folder", "address", "request"],
)
def test_bad_usage_and_unreadable_input_exit_with_two(folder: Path, options: list[str]) -> None:
    assert run(folder, *options).exit_code == 2


def test_a_receipt_that_is_not_there_exits_with_two(folder: Path) -> None:
    assert run(folder, receipt="none.json").exit_code == 2


def test_a_receipt_can_come_on_standard_input(folder: Path) -> None:
    raw = (folder / "receipt.json").read_bytes()
    result = CliRunner().invoke(command, ["-", "--key", LOG.vkey], input=raw)
    assert result.exit_code == 0


def test_a_hostile_notice_cannot_move_the_cursor(folder: Path) -> None:
    (folder / "evil").write_bytes(b'{"\x1b[2J":1}\n')
    result = run(folder, receipt="evil")
    assert result.exit_code == 1
    assert "\x1b" not in result.output
