"""``--policy`` of ``overt verify`` and ``overt log check``: the exit status says whether the quorum cosigned."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_log_samples import log_of
from click.testing import CliRunner, Result

from overt.cli.log import command as log_command
from overt.cli.verify import command as verify_command
from overt.log.keys import signer_of
from overt.proof.cosign import CosignerKey, cosign
from overt.proof.note import parse_vkey, unverified_text, with_lines
from overt.proof.receipt import encode_receipt, with_proof
from overt.testing.log import known_signer
from overt.testing.receipts import known_issuer, made_up

LOG = known_signer()
WITNESS = signer_of("witness.test/w1", bytes(range(7, 39)))
KEY = CosignerKey(name="witness.test/w1", public=parse_vkey(WITNESS.vkey).public)
EXCHANGE = made_up(known_issuer(), 1)
Look = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log that no witness has cosigned, a receipt, and a policy that asks for one."""
    proof = asyncio.run(log_of(tmp_path / "log", EXCHANGE))
    (tmp_path / "receipt.json").write_bytes(encode_receipt(with_proof(EXCHANGE.receipt, proof)))
    (tmp_path / "policy.txt").write_text(f"log {LOG.vkey}\nwitness w1 {KEY.text}\nquorum w1\n")
    return tmp_path


def cosign_log(folder: Path, ahead: int = 0) -> None:
    path = folder / "log" / "checkpoint"
    note = path.read_bytes()
    path.write_bytes(with_lines(note, [cosign(unverified_text(note), KEY, int(time.time()) + ahead, WITNESS.sign)]))


def verify(folder: Path, *options: str) -> Result:
    given = (str(folder / "receipt.json"), "--key", LOG.vkey, "--log", str(folder / "log"))
    return CliRunner().invoke(verify_command, [*given, *options])


def check(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(log_command, ["check", str(folder / "log"), "--key", LOG.vkey, *options])


@pytest.mark.parametrize("look", [verify, check])
def test_without_the_quorum_it_does_not_verify_and_with_it_it_does(folder: Path, look: Look) -> None:
    policy = ("--policy", str(folder / "policy.txt"))
    assert look(folder).exit_code == 0
    lacking = look(folder, *policy)
    assert lacking.exit_code == 1
    assert "the quorum 'w1' is not met: cosigned by no witness of the policy" in lacking.output
    cosign_log(folder, ahead=3600)
    ahead = look(folder, *policy)
    assert ahead.exit_code == 1
    assert "dated in the future and not counted: w1 (" in ahead.output
    cosign_log(folder)
    met = look(folder, *policy)
    assert met.exit_code == 0, met.output
    assert "the quorum 'w1' is met: cosigned by w1 (" in met.output


@pytest.mark.parametrize("look", [verify, check])
@pytest.mark.parametrize("text", [None, "quorum w2\n", "witness w1 x\n"], ids=["no file", "no such witness", "no key"])
def test_a_policy_that_cannot_be_read_is_no_verdict(folder: Path, look: Look, text: str | None) -> None:
    path = folder / "policy.txt"
    path.unlink()
    if text is not None:
        path.write_text(text)
    result = look(folder, "--policy", str(path))
    assert result.exit_code == 2
    assert "cannot be used" in result.output
