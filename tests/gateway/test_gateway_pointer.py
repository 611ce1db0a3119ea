"""The pointer goes forward by activations and back by rollbacks, and forgets nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.core.domain import Digest
from overt.errors import OperatorError, VerificationFailed
from overt.gateway.pointer import (
    Activation,
    Command,
    Pointer,
    activated,
    decode_pointer,
    encode_pointer,
    rolled_back,
)


def release(letter: str, **members: object) -> Activation:
    given = {"entry": b"entry of " + letter.encode(), "when": 1_000, **members}
    return Activation(digest=Digest("sha256:" + letter * 64), name="tiny", version=letter, **given)  # type: ignore[arg-type]


A, B, C = release("a"), release("b", reason="why not", failed=("must pass",)), release("c", signed_by="key")


def test_each_rollback_goes_one_back_down_to_the_shipped_release_and_no_further() -> None:
    pointer = activated(activated(activated(Pointer(), A), B), C)
    assert (pointer.active, pointer.before) == (C, (A, B))
    seen = []
    while pointer.active is not None:
        pointer = rolled_back(pointer, 2_000, None)
        seen.append(pointer.active)
    assert seen == [B, A, None]
    with pytest.raises(OperatorError, match="nothing to go back to"):
        rolled_back(pointer, 2_000, None)


def test_after_a_rollback_an_activation_goes_on_from_there() -> None:
    pointer = activated(rolled_back(activated(activated(Pointer(), A), B), 2_000, "it flagged homework"), C)
    assert (pointer.active, pointer.before) == (C, (A,))
    assert [(change.command, change.previous, change.digest, change.reason) for change in pointer.changes] == [
        (Command.ACTIVATE, None, A.digest, None),
        (Command.ACTIVATE, A.digest, B.digest, "why not"),
        (Command.ROLLBACK, B.digest, A.digest, "it flagged homework"),
        (Command.ACTIVATE, A.digest, C.digest, None),
    ]


@given(st.lists(st.sampled_from((A, B, C, None)), max_size=8))
def test_any_pointer_is_read_back_as_it_was_written(moves: list[Activation | None]) -> None:
    pointer = Pointer()
    for move in moves:
        if move is not None:
            pointer = activated(pointer, move)
        elif pointer.active is not None:
            pointer = rolled_back(pointer, 3_000, None)
    assert decode_pointer(encode_pointer(pointer)) == pointer


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"sha256:a", b"sha256:g"),
        (b'"when":1000', b'"when":-1'),
        (b'"command":"activate"', b'"command":"undo"'),
        (b'"before":[]', b'"before":{}'),
        (b"overt-active/1", b"overt-active/2"),
        (b'"failed":[]', b'"failed":[],"more":1'),
    ],
    ids=["digest", "time", "command", "list", "version", "member too many"],
)
def test_a_pointer_that_was_meddled_with_is_not_read(old: bytes, new: bytes) -> None:
    raw = encode_pointer(activated(Pointer(), A))
    assert old in raw
    with pytest.raises(VerificationFailed):
        decode_pointer(raw.replace(old, new))
