"""The published vectors (`tests/data/tlog-vectors.json`), every member of them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import pytest

from overt.log.keys import signer_of
from overt.proof import b64, commit, dsse, merkle, tiles
from overt.proof.cosign import CosignerKey, cosign, cosignature_message, open_cosigned, parse_cosigner_key
from overt.proof.note import Checkpoint, open_checkpoint, open_note, parse_vkey, sign_checkpoint, with_lines
from overt.proof.tlogproof import decode_proof, encode_proof, verify_proof
from overt.proof.witness import AddCheckpoint, Continues, decode_add_checkpoint, encode_add_checkpoint, weigh

VECTORS: Final[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "data" / "tlog-vectors.json").read_text())
ENTRIES: Final = [entry.encode() for entry in VECTORS["entries"]]
LEAVES: Final = [merkle.leaf_hash(entry) for entry in ENTRIES]
LOG: Final = signer_of("overt.example/log", bytes.fromhex(VECTORS["log_seed"]))
WITNESS: Final = signer_of("witness.example/w1", bytes.fromhex(VECTORS["witness_seed"]))
COSIGNED_AT: Final = 1_793_000_007


def hexes(hashes: tuple[bytes, ...]) -> list[str]:
    return [hash_.hex() for hash_ in hashes]


def test_the_leaf_hashes_are_those_of_the_vectors() -> None:
    assert hexes(tuple(LEAVES)) == VECTORS["leaf_hashes"]


def test_the_empty_root_is_that_of_the_vectors() -> None:
    assert merkle.EMPTY_ROOT.hex() == merkle.root([]).hex() == VECTORS["empty_root"]


@pytest.mark.parametrize("size", [int(size) for size in VECTORS["roots"]])
def test_each_root_is_that_of_the_vectors(size: int) -> None:
    assert merkle.root(LEAVES[:size]).hex() == VECTORS["roots"][str(size)]
    assert tiles.grow(tiles.Edge(), ENTRIES[:size])[0].root.hex() == VECTORS["roots"][str(size)]


@pytest.mark.parametrize("name", list(VECTORS["inclusion"]))
def test_each_inclusion_proof_is_that_of_the_vectors(name: str) -> None:
    index, size = (int(part.lstrip("indexsz")) for part in name.split("_"))
    path = merkle.prove_inclusion(index, size, merkle.hashes_of(LEAVES))
    assert hexes(path) == VECTORS["inclusion"][name]
    root = bytes.fromhex(VECTORS["roots"][str(size)])
    merkle.verify_inclusion(index=index, size=size, leaf=LEAVES[index], path=path, root=root)


@pytest.mark.parametrize("name", list(VECTORS["consistency"]))
def test_each_consistency_proof_is_that_of_the_vectors(name: str) -> None:
    old, new = (int(part) for part in name.split("_"))
    path = merkle.prove_consistency(old, new, merkle.hashes_of(LEAVES))
    assert hexes(path) == VECTORS["consistency"][name]
    old_root, new_root = (bytes.fromhex(VECTORS["roots"][str(size)]) for size in (old, new))
    merkle.verify_consistency(old=old, new=new, path=path, old_root=old_root, new_root=new_root)


@pytest.mark.parametrize("index", [0, 255, 1000, 1_234_067])
def test_each_tile_path_is_that_of_the_vectors(index: int) -> None:
    assert tiles.Tile(0, index).path == f"tile/0/{VECTORS['paths'][str(index)]}"


def test_partial_paths_are_those_of_the_vectors() -> None:
    assert tiles.Tile(0, 273, 112).path == VECTORS["paths"]["tile0_273_w112"]
    assert tiles.Tile(tiles.ENTRIES, 0, 7).path == VECTORS["paths"]["entries_0_w7"]


def test_the_entry_bundle_is_that_of_the_vectors() -> None:
    raw = bytes.fromhex(VECTORS["entry_bundle_7_hex"])
    assert tiles.encode_bundle(ENTRIES[:7]) == raw
    assert tiles.decode_bundle(raw) == tuple(ENTRIES[:7])


def test_the_tiles_of_seventy_thousand_entries_are_those_of_the_vectors() -> None:
    big = VECTORS["big"]
    edge, files = tiles.grow(tiles.Edge(), [b"overt-%d" % i for i in range(big["size"])])
    assert edge.root.hex() == big["root"]
    for name, path in (
        ("level0_tile0_sha256", "tile/0/000"),
        ("level0_tile273_w112_sha256", "tile/0/273.p/112"),
        ("level1_tile0_sha256", "tile/1/000"),
        ("level1_tile1_w17_sha256", "tile/1/001.p/17"),
    ):
        assert hashlib.sha256(files[path]).hexdigest() == big[name], path
    assert files["tile/2/000.p/1"].hex() == big["level2_tile0_w1"]


def test_the_log_key_is_that_of_the_vectors() -> None:
    assert LOG.vkey == VECTORS["log_vkey"] == parse_vkey(VECTORS["log_vkey"]).text


def test_the_signed_checkpoint_is_that_of_the_vectors() -> None:
    checkpoint = Checkpoint(origin="overt.example/log", size=7, root=bytes.fromhex(VECTORS["roots"]["7"]))
    raw = sign_checkpoint(checkpoint, parse_vkey(LOG.vkey), LOG.sign)
    assert raw.decode() == VECTORS["checkpoint"]
    assert open_checkpoint(raw, parse_vkey(LOG.vkey)) == checkpoint


def test_a_cosigned_checkpoint_opens_with_the_key_of_the_log() -> None:
    text = open_note(VECTORS["cosigned"].encode(), parse_vkey(LOG.vkey))
    assert VECTORS["cosignature_message"].endswith(text)


def test_the_witness_key_is_that_of_the_vectors() -> None:
    key = CosignerKey(name="witness.example/w1", public=parse_vkey(WITNESS.vkey).public)
    assert key.text == VECTORS["witness_vkey"]
    assert parse_cosigner_key(VECTORS["witness_vkey"]) == key


def test_the_message_that_a_witness_signs_is_that_of_the_vectors() -> None:
    text = open_note(VECTORS["checkpoint"].encode(), parse_vkey(LOG.vkey))
    assert cosignature_message(COSIGNED_AT, text).decode() == VECTORS["cosignature_message"]


def test_the_cosigned_checkpoint_is_that_of_the_vectors() -> None:
    key = parse_cosigner_key(VECTORS["witness_vkey"])
    raw = VECTORS["checkpoint"].encode()
    line = cosign(open_note(raw, parse_vkey(LOG.vkey)), key, COSIGNED_AT, WITNESS.sign)
    assert with_lines(raw, [line]).decode() == VECTORS["cosigned"]
    opened = open_cosigned(VECTORS["cosigned"].encode(), [parse_vkey(LOG.vkey)], [key])
    assert opened.checkpoint.size == 7
    assert [(each.key, each.time, each.line) for each in opened.cosignatures] == [(key, COSIGNED_AT, line)]


def test_the_question_to_a_witness_is_that_of_the_vectors() -> None:
    raw = VECTORS["add_checkpoint_6_to_8_body"].encode()
    path = merkle.prove_consistency(6, 8, merkle.hashes_of(LEAVES))
    checkpoint = Checkpoint(origin="overt.example/log", size=8, root=bytes.fromhex(VECTORS["roots"]["8"]))
    message = AddCheckpoint(old=6, path=path, note=sign_checkpoint(checkpoint, parse_vkey(LOG.vkey), LOG.sign))
    assert encode_add_checkpoint(message) == raw
    assert decode_add_checkpoint(raw) == message
    last = Checkpoint(origin="overt.example/log", size=6, root=bytes.fromhex(VECTORS["roots"]["6"]))
    answer = weigh(raw, lambda _: [parse_vkey(LOG.vkey)], lambda _: last)
    assert answer == Continues(checkpoint=checkpoint, text=checkpoint.text)


def test_the_proof_as_text_is_that_of_the_vectors() -> None:
    raw = VECTORS["tlog_proof_index5"].encode()
    proof = decode_proof(raw)
    assert encode_proof(proof) == raw
    assert verify_proof(proof, LEAVES[5], parse_vkey(LOG.vkey)).size == 7


def test_the_consistency_hashes_sent_to_a_witness_are_those_of_the_vectors() -> None:
    lines = VECTORS["add_checkpoint_6_to_8_body"].split("\n\n")[0].split("\n")
    path = merkle.prove_consistency(6, 8, merkle.hashes_of(LEAVES))
    assert lines == ["old 6", *(b64.encode(hash_) for hash_ in path)]


def test_the_signed_document_is_that_of_the_vectors() -> None:
    vector = VECTORS["dsse"]
    body = vector["payload"].encode()
    assert dsse.pae(vector["payloadType"], body).decode() == vector["pae"]
    signed = dsse.sign_document(vector["payloadType"], body, LOG.sign)
    assert b64.encode(signed.sig) == vector["sig_with_log_seed"]


def test_the_commitment_is_that_of_the_vectors() -> None:
    vector = VECTORS["commit"]
    secret = bytes.fromhex(vector["master_salt"])
    assert commit.field_salt(secret, vector["field"]).hex() == vector["field_salt"]
    assert commit.commit(secret, vector["field"], vector["value"].encode()).hex() == vector["commitment"]
