"""Proofs: 10,000 that others accept and 10,000 that others refuse, half of them of inclusion; tiles byte for byte.

Others are Go's ``x/mod/sumdb/tlog``, `pymerkle`, `scitt-cose`, `@sigstore/verify`, and plain RFC 9162 in JavaScript.
"""

from __future__ import annotations

import hashlib
import os
import random
from dataclasses import replace
from functools import cache
from typing import Final

import pytest
from outside import go, node, sigstore
from proof_cases import (
    Consistency,
    Inclusion,
    Sample,
    changed_consistency,
    changed_inclusion,
    consistencies,
    entry_at,
    inclusions,
)
from pymerkle import ConsistencyProof, InclusionProof, InmemoryTree, InvalidProof
from scitt_cose import merkle as scitt

from overt.proof import tiles
from overt.proof.merkle import leaf_hash

SIZE: Final = 70_000
COUNT: Final = int(os.environ.get("OVERT_PROOFS", "5000"))
"""Of inclusion, and again of consistency; and as many of each again with one thing changed."""
SIZES: Final = (0, 1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 70_000)


@cache
def sample() -> Sample:
    return Sample(SIZE)


@cache
def true_inclusions() -> list[Inclusion]:
    return inclusions(sample(), random.Random(1), COUNT)


@cache
def true_consistencies() -> list[Consistency]:
    return consistencies(sample(), random.Random(2), COUNT)


@cache
def false_inclusions() -> list[Inclusion]:
    rng = random.Random(3)
    return [changed_inclusion(case, rng) for case in true_inclusions()]


@cache
def false_consistencies() -> list[Consistency]:
    rng = random.Random(4)
    return [changed_consistency(case, rng) for case in true_consistencies()]


def all_lines() -> list[str]:
    cases: list[Inclusion | Consistency] = [
        *true_inclusions(),
        *true_consistencies(),
        *false_inclusions(),
        *false_consistencies(),
    ]
    return [case.line for case in cases]


def test_we_accept_the_true_proofs_and_refuse_the_false_ones() -> None:
    assert all(case.holds for case in true_inclusions())
    assert all(case.holds for case in true_consistencies())
    assert not [case for case in false_inclusions() if case.holds]
    assert not [case for case in false_consistencies() if case.holds]


def test_an_index_outside_the_log_is_refused_by_all() -> None:
    outside = [replace(case, index=case.size) for case in true_inclusions()[:100]]
    lines = [case.line for case in outside]
    assert not any(case.holds or scitt_includes(case) for case in outside)
    assert go("proofs", str(SIZE), lines=lines) == node("check.mjs", "proofs", lines=lines) == ["n"] * 100
    assert sigstore("proofs", lines=lines) == ["n"] * 100


def test_go_gives_the_same_proofs_and_refuses_the_false_ones() -> None:
    answers = go("proofs", str(SIZE), lines=all_lines())
    assert answers == ["y"] * (2 * COUNT) + ["n"] * (2 * COUNT)


def test_javascript_accepts_the_same_proofs_and_refuses_the_false_ones() -> None:
    answers = node("check.mjs", "proofs", lines=all_lines())
    assert answers == ["y"] * (2 * COUNT) + ["n"] * (2 * COUNT)


def test_sigstore_accepts_the_same_inclusion_proofs_and_refuses_the_false_ones() -> None:
    lines = [case.line for case in [*true_inclusions(), *false_inclusions()]]
    assert sigstore("proofs", lines=lines) == ["y"] * COUNT + ["n"] * COUNT


def test_scitt_cose_accepts_the_same_proofs_and_refuses_the_false_ones() -> None:
    assert all(scitt_includes(case) for case in true_inclusions())
    assert all(scitt_continues(case) for case in true_consistencies())
    assert not any(scitt_includes(case) for case in false_inclusions())
    assert not any(scitt_continues(case) for case in false_consistencies())


def scitt_includes(case: Inclusion) -> bool:
    path = [hash_.hex() for hash_ in case.path]
    return bool(scitt.verify_inclusion(case.entry.hex(), case.index, case.size, path, case.root.hex()))


def scitt_continues(case: Consistency) -> bool:
    path = [hash_.hex() for hash_ in case.path]
    return bool(scitt.verify_consistency(case.old_root.hex(), case.new_root.hex(), case.old, case.new, path))


@cache
def their_tree() -> InmemoryTree:
    tree = InmemoryTree(algorithm="sha256")
    tree.append_entries([entry_at(i) for i in range(SIZE)])
    return tree


def test_pymerkle_gives_the_same_inclusion_proofs_and_refuses_the_false_ones() -> None:
    for true, false in zip(true_inclusions(), false_inclusions(), strict=True):
        assert pymerkle_includes(true, same=True), true
        assert not pymerkle_includes(false, same=False), false


def test_pymerkle_proves_in_its_own_way_that_the_new_root_continues_the_old_one() -> None:
    for case in true_consistencies():
        assert pymerkle_continues(case), case


def pymerkle_includes(case: Inclusion, *, same: bool) -> bool:
    theirs: InclusionProof = their_tree().prove_inclusion(case.index + 1, case.size)
    leaf = leaf_hash(case.entry)
    assert not same or theirs.path == [leaf, *case.path]
    theirs.path = [leaf, *case.path]
    try:
        theirs.verify(leaf, case.root, index=case.index + 1, size=case.size)
    except InvalidProof:
        return False
    return True


def pymerkle_continues(case: Consistency) -> bool:
    # Its consistency proofs are not those of RFC 9162: it splits further where an old tree ends at a node. So the
    # roots are compared, and the paths are left to scitt-cose, Go and JavaScript.
    theirs: ConsistencyProof = their_tree().prove_consistency(case.old, case.new)
    try:
        theirs.verify(case.old_root, case.new_root, prior_size=case.old, later_size=case.new)
    except InvalidProof:
        return False
    return True


@pytest.mark.parametrize("size", SIZES)
def test_our_root_is_that_of_pymerkle(size: int) -> None:
    ours = tiles.grow(tiles.Edge(), [entry_at(i) for i in range(size)])[0].root
    assert ours == their_tree().get_root(size) == sample().root(size)


def test_go_builds_the_same_tiles_byte_for_byte() -> None:
    answers = sorted(go("tiles", *map(str, SIZES)))
    ours: list[str] = []
    for size in SIZES:
        edge, files = tiles.grow(tiles.Edge(), [entry_at(i) for i in range(size)])
        ours.append(f"{size} root {edge.root.hex()}")
        ours += [f"{size} {path} {hashlib.sha256(raw).hexdigest()}" for path, raw in files.items()]
    assert answers == sorted(ours)
