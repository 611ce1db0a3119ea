"""COSE receipts: the bytes are those of another encoder, and no false one is signed."""

from __future__ import annotations

import pytest

from overt.errors import VerificationFailed
from overt.proof.cose import Value, cose_receipt, encode
from overt.proof.merkle import leaf_hash
from overt.proof.note import Checkpoint, parse_vkey
from overt.proof.tlogproof import TlogProof
from overt.testing.log import known_signer


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # From RFC 8949, appendix A.
        pytest.param(0, "00", id="zero"),
        pytest.param(23, "17", id="23"),
        pytest.param(24, "1818", id="24"),
        pytest.param(255, "18ff", id="255"),
        pytest.param(256, "190100", id="256"),
        pytest.param(1000, "1903e8", id="thousand"),
        pytest.param(1000000, "1a000f4240", id="million"),
        pytest.param(1000000000000, "1b000000e8d4a51000", id="million millions"),
        pytest.param(18446744073709551615, "1bffffffffffffffff", id="largest"),
        pytest.param(-1, "20", id="minus one"),
        pytest.param(-1000, "3903e7", id="minus thousand"),
        pytest.param(b"", "40", id="no bytes"),
        pytest.param(b"\x01\x02\x03\x04", "4401020304", id="bytes"),
        pytest.param("ü", "62c3bc", id="text"),
        pytest.param((), "80", id="empty list"),
        pytest.param((1, (2, 3), (4, 5)), "8301820203820405", id="lists"),
        pytest.param({1: 2, 3: 4}, "a201020304", id="map"),
        pytest.param(None, "f6", id="null"),
        # Section 4.2.1: 10, 100, -1, by the bytes of the keys.
        pytest.param({100: 0, -1: 0, 10: 0}, "a30a001864002000", id="order of keys"),
    ],
)
def test_cbor_is_deterministic(value: Value, expected: str) -> None:
    assert encode(value).hex() == expected


def test_a_number_of_more_than_64_bits_is_refused() -> None:
    with pytest.raises(OverflowError):
        encode(2**64)


def test_a_proof_that_leads_elsewhere_is_not_signed() -> None:
    signer = known_signer()
    checkpoint = Checkpoint(origin="log.example", size=1, root=leaf_hash(b"another"))
    proof = TlogProof(index=0, path=(), checkpoint=b"")
    with pytest.raises(VerificationFailed):
        cose_receipt(
            proof,
            leaf=leaf_hash(b"entry"),
            checkpoint=checkpoint,
            subject="x",
            key=parse_vkey(signer.vkey),
            sign=signer.sign,
        )
