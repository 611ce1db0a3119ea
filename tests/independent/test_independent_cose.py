"""COSE receipts (RFC 9942) that ``overt log export --cose`` writes, read by `scitt-cose` and its CBOR library."""

from __future__ import annotations

import asyncio
from pathlib import Path

import cbor2
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from scitt_cose import verify_receipt

from overt.cli.log_export import command
from overt.log.keys import SeedSigner, log_signer
from overt.log.sqlite import open_log
from overt.proof.merkle import leaf_hash
from overt.proof.note import parse_vkey
from overt.proof.tlogproof import decode_proof, verify_proof

ORIGIN = "log.example/cose"
SIZES = (1, 2, 7, 8, 257)


def entry(index: int) -> bytes:
    return b"entry %d" % index


def filled(directory: Path, size: int) -> tuple[Path, SeedSigner]:
    signer = log_signer(directory / "log.key", ORIGIN)

    async def fill() -> None:
        log = await open_log(directory / "log", ORIGIN, signer, period=0.01)
        await asyncio.gather(*(log.append(entry(i)) for i in range(size)))
        await log.aclose()

    asyncio.run(fill())
    return directory / "log", signer


def pem(signer: SeedSigner) -> bytes:
    key = Ed25519PublicKey.from_public_bytes(parse_vkey(signer.vkey).public)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def export(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments])


@pytest.mark.parametrize("size", SIZES)
def test_scitt_cose_accepts_our_receipts_and_refuses_changed_ones(size: int, tmp_path: Path) -> None:
    log, signer = filled(tmp_path, size)
    for index in {0, size // 2, size - 1}:
        leaf = leaf_hash(entry(index)).hex()
        out = tmp_path / "receipt.cose"
        made = export(log, "--leaf", leaf, "--out", out, "--cose", tmp_path / "log.key")
        assert made.exit_code == 0, made.output
        raw = out.read_bytes()
        found = verify_receipt(raw, leaf_entry_hex=entry(index).hex(), log_public_key_pem=pem(signer))
        assert found.ok, found.errors
        assert (found.tree_size, found.leaf_index) == (size, index)
        assert (found.issuer, found.subject) == (ORIGIN, f"urn:sha256:{leaf}")
        assert not verify_receipt(raw, leaf_entry_hex=b"other".hex(), log_public_key_pem=pem(signer)).ok
        for place in range(0, len(raw), max(1, len(raw) // 40)):
            changed = raw[:place] + bytes((raw[place] ^ 1,)) + raw[place + 1 :]
            assert not verify_receipt(changed, leaf_entry_hex=entry(index).hex(), log_public_key_pem=pem(signer)).ok, (
                place
            )


def test_the_cbor_is_what_another_encoder_writes(tmp_path: Path) -> None:
    log, _ = filled(tmp_path, 300)
    out = tmp_path / "receipt.cose"
    assert export(log, "--index", "299", "--out", out, "--cose", tmp_path / "log.key").exit_code == 0
    raw = out.read_bytes()
    assert cbor2.dumps(cbor2.loads(raw), canonical=True) == raw


def test_the_text_proof_verifies_and_names_the_same_place(tmp_path: Path) -> None:
    log, signer = filled(tmp_path, 8)
    out = tmp_path / "proof"
    for arguments in (("--index", "5"), ("--leaf", leaf_hash(entry(5)).hex())):
        assert export(log, *arguments, "--key", signer.vkey, "--out", out).exit_code == 0
        proof = decode_proof(out.read_bytes())
        assert proof.index == 5
        assert verify_proof(proof, leaf_hash(entry(5)), parse_vkey(signer.vkey)).size == 8


def test_what_the_log_does_not_hold_exits_with_one_and_bad_input_with_two(tmp_path: Path) -> None:
    log, _ = filled(tmp_path, 3)
    other = log_signer(tmp_path / "other.key", ORIGIN)
    assert export(log, "--index", "3").exit_code == 1
    assert export(log, "--leaf", "00" * 32).exit_code == 1
    assert export(log, "--index", "0", "--key", other.vkey).exit_code == 1
    assert export(log, "--index", "0", "--cose", tmp_path / "other.key").exit_code == 2
    for bad in (("--leaf", "zz"), ("--leaf", "00"), (), ("--index", "0", "--leaf", "00" * 32)):
        assert export(log, *bad).exit_code == 2
