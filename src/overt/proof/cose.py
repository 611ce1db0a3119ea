"""Inclusion proofs as COSE receipts (RFC 9942, profile ``RFC9162_SHA256``), for verifiers of the SCITT family.

The tree is the same as ours, so nothing is hashed anew: the log key signs the root once more, in the shape that COSE
wants. A receipt is written and not read here; `scitt-cose` reads it in the tests. The little CBOR that it takes is
deterministic (RFC 8949, section 4.2.1): shortest lengths, keys in the order of their bytes.

    18([ << {1: -8, 4: key id, 15: {1: origin, 2: subject}, 395: 1} >>, {396: {-1: [<< [size, index, [hash, ...]] >>]}},
         null, signature over ["Signature1", protected, h'', root] ])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, assert_never

from overt.proof.ed25519 import Sign
from overt.proof.merkle import verify_inclusion
from overt.proof.note import Checkpoint, VerifierKey
from overt.proof.tlogproof import TlogProof

Value: TypeAlias = "int | bytes | str | Sequence[Value] | Mapping[int, Value] | None"

_ALG, _KID, _CLAIMS, _VDS, _VDP = 1, 4, 15, 395, 396
_ISSUER, _SUBJECT = 1, 2
_EDDSA: Final = -8
_RFC9162_SHA256: Final = 1
_INCLUSION: Final = -1
_SIGN1_TAG: Final = 18
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG = range(7)
_NULL: Final = b"\xf6"


def cose_receipt(
    proof: TlogProof, *, leaf: bytes, checkpoint: Checkpoint, subject: str, key: VerifierKey, sign: Sign
) -> bytes:
    """The COSE receipt of an entry; ``sign`` is the log key's, ``subject`` what the entry is about.

    Raises `VerificationFailed` if the proof does not lead from the leaf to the checkpoint: no false one is signed.
    """
    verify_inclusion(index=proof.index, size=checkpoint.size, leaf=leaf, path=proof.path, root=checkpoint.root)
    protected = encode(
        {
            _ALG: _EDDSA,
            _KID: key.id,
            _CLAIMS: {_ISSUER: checkpoint.origin, _SUBJECT: subject},
            _VDS: _RFC9162_SHA256,
        }
    )
    signature = sign(encode(("Signature1", protected, b"", checkpoint.root)))
    inclusion = encode((checkpoint.size, proof.index, proof.path))
    return _head(_TAG, _SIGN1_TAG) + encode((protected, {_VDP: {_INCLUSION: (inclusion,)}}, None, signature))


def encode(value: Value) -> bytes:
    """Deterministic CBOR."""
    match value:
        case None:
            return _NULL
        case int():
            return _head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value)
        case bytes():
            return _head(_BYTES, len(value)) + value
        case str():
            raw = value.encode()
            return _head(_TEXT, len(raw)) + raw
        case Mapping():
            pairs = sorted((encode(name), encode(each)) for name, each in value.items())
            return _head(_MAP, len(pairs)) + b"".join(name + each for name, each in pairs)
        case Sequence():
            return _head(_ARRAY, len(value)) + b"".join(encode(each) for each in value)
        case _ as unreachable:
            assert_never(unreachable)


def _head(kind: int, number: int) -> bytes:
    """The first bytes of an item: its major type, and a number in the fewest bytes that hold it."""
    if number < 24:
        return bytes((kind << 5 | number,))
    for more, length in enumerate((1, 2, 4, 8)):
        if number < 1 << 8 * length:
            return bytes((kind << 5 | 24 + more,)) + number.to_bytes(length, "big")
    raise OverflowError(f"{number} does not fit into 64 bits")
