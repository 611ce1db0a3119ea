"""Key files: made once, readable by their owner only, and receipt keys renewed before they expire."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from overt.errors import OperatorError
from overt.log.keys import RECEIPT_KEY_DAYS, log_signer, receipt_issuer, release_signer, signer_of
from overt.proof.ed25519 import verifies
from overt.proof.note import parse_vkey
from overt.proof.receipt import open_certificate
from overt.testing.clock import ManualClock

ORIGIN = "overt.test/log"
DAY = 86_400.0


def test_a_log_key_is_made_once_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "log.key"
    first = log_signer(path, ORIGIN)
    assert log_signer(path, ORIGIN).vkey == first.vkey
    assert parse_vkey(first.vkey).name == ORIGIN
    assert verifies(parse_vkey(first.vkey).public, first.sign(b"x"), b"x")


def test_two_logs_have_different_keys(tmp_path: Path) -> None:
    assert log_signer(tmp_path / "a", ORIGIN).vkey != log_signer(tmp_path / "b", ORIGIN).vkey


def test_only_the_owner_may_read_a_key_file(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    log_signer(path, ORIGIN)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(OperatorError, match="chmod 600"):
        log_signer(path, ORIGIN)


def test_the_key_of_another_log_is_refused(tmp_path: Path) -> None:
    log_signer(tmp_path / "log.key", ORIGIN)
    with pytest.raises(OperatorError, match=r"is for 'overt\.test/log'"):
        log_signer(tmp_path / "log.key", "other.test/log")


@pytest.mark.parametrize("raw", [b"", b"{}", b"not a key", b'{"v":"overt-seed/1"}\n'])
def test_a_damaged_key_file_is_refused_and_left_alone(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    path.touch(mode=0o600)
    path.write_bytes(raw)
    with pytest.raises(OperatorError, match="damaged"):
        log_signer(path, ORIGIN)
    assert path.read_bytes() == raw


def test_a_signer_does_not_show_its_seed() -> None:
    seed = bytes(range(32))
    assert seed.hex() not in repr(signer_of(ORIGIN, seed))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_seed_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(OperatorError, match="32 bytes"):
        signer_of(ORIGIN, bytes(length))


def test_a_receipt_key_is_certified_by_the_log_for_thirty_days(tmp_path: Path) -> None:
    clock = ManualClock(1_793_000_000.0)
    log = log_signer(tmp_path / "log.key", ORIGIN)
    issuer = receipt_issuer(tmp_path / "receipt.key", log, ORIGIN, clock)
    certificate, key = open_certificate(issuer.signer, parse_vkey(log.vkey))
    assert certificate == issuer.certificate
    assert certificate.not_after == int((clock.now() + RECEIPT_KEY_DAYS * DAY) * 1000)
    assert verifies(key.public, issuer.sign(b"x"), b"x")
    assert (tmp_path / "receipt.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("days", "same"), [(0.0, True), (28.9, True), (29.1, False), (31.0, False)])
def test_a_receipt_key_is_renewed_when_less_than_a_day_is_left(days: float, same: bool, tmp_path: Path) -> None:
    log = log_signer(tmp_path / "log.key", ORIGIN)
    path = tmp_path / "receipt.key"
    first = receipt_issuer(path, log, ORIGIN, ManualClock(1_793_000_000.0))
    second = receipt_issuer(path, log, ORIGIN, ManualClock(1_793_000_000.0 + days * DAY))
    assert (first.certificate == second.certificate) is same


def test_a_log_key_is_not_taken_for_a_receipt_key(tmp_path: Path) -> None:
    log = log_signer(tmp_path / "log.key", ORIGIN)
    with pytest.raises(OperatorError, match="not a receipt key"):
        receipt_issuer(tmp_path / "log.key", log, ORIGIN, ManualClock(0.0))


def test_no_half_written_key_is_left_behind(tmp_path: Path) -> None:
    log_signer(tmp_path / "log.key", ORIGIN)
    assert os.listdir(tmp_path) == ["log.key"]


def test_a_release_key_is_made_once_and_keeps_its_name(tmp_path: Path) -> None:
    made = release_signer(tmp_path / "release.key", "lab.example")
    assert release_signer(tmp_path / "release.key", "another.name").vkey == made.vkey
    assert made.vkey.startswith("lab.example+")


def test_a_key_that_expires_signs_no_release_and_a_name_that_no_key_may_have_makes_none(tmp_path: Path) -> None:
    receipt_issuer(tmp_path / "receipts.key", log_signer(tmp_path / "log.key", ORIGIN), ORIGIN, ManualClock())
    with pytest.raises(OperatorError, match="expires"):
        release_signer(tmp_path / "receipts.key", "lab.example")
    with pytest.raises(OperatorError, match="without space"):
        release_signer(tmp_path / "release.key", "our lab")
    assert not (tmp_path / "release.key").exists()
