"""The chain of records: what is written is read back, and whatever is changed is found at its line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.audit.chain import Chain, decode_record, digest, encode_record, read_chain, root_of, verify_chain
from overt.audit.plan import Api, Role
from overt.audit.record import Record
from overt.errors import BadRequest, VerificationFailed
from overt.proof import merkle

PLAN = hashlib.sha256(b"a plan").hexdigest()
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NAMES = TEXTS.filter(bool)

RECORD = Record(
    number=0,
    previous=PLAN,
    at="2026-11-23T20:00:00.000Z",
    route="cloud",
    role=Role.ENDPOINT,
    api=Api.ANTHROPIC,
    pid="p1",
    rep=0,
    model="m",
    request='{"model":"m"}',
    status=200,
    headers=(("request-id", "req_1"), ("set", "a"), ("set", "b")),
    body='{"content":[]}\r\n\u2028',
    first_byte_ms=12,
    total_ms=40,
)


def chained(count: int) -> list[bytes]:
    lines: list[bytes] = []
    head = PLAN
    for number in range(count):
        lines.append(encode_record(replace(RECORD, number=number, previous=head, pid=f"p{number}")))
        head = digest(lines[-1])
    return lines


@given(
    st.builds(
        Record,
        number=st.integers(0, 2**53 - 1),
        previous=st.just(PLAN),
        at=NAMES,
        route=NAMES,
        role=st.sampled_from(Role),
        api=st.sampled_from(Api),
        pid=NAMES,
        rep=st.integers(0, 100),
        model=NAMES,
        request=TEXTS,
        status=st.integers(0, 599),
        headers=st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple),
        body=TEXTS,
        first_byte_ms=st.none() | st.integers(0, 10**6),
        total_ms=st.integers(0, 10**6),
        fault=st.none() | NAMES,
    )
)
def test_a_record_is_read_back_from_its_one_line(record: Record) -> None:
    line = encode_record(record)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_record(line) == record


def test_a_chain_holds_and_names_its_head_and_root() -> None:
    lines = chained(5)
    chain = verify_chain(b"".join(lines), PLAN)
    assert [record.pid for record in chain.records] == ["p0", "p1", "p2", "p3", "p4"]
    assert chain.head == hashlib.sha256(lines[-1]).hexdigest()
    assert chain.root == root_of(lines)
    assert (chain.whole, chain.torn) == (sum(map(len, lines)), b"")


def test_an_empty_file_continues_the_plan() -> None:
    assert verify_chain(b"", PLAN) == Chain(records=(), head=PLAN, root=merkle.EMPTY_ROOT.hex(), whole=0, torn=b"")


def test_every_changed_byte_of_a_chain_is_found() -> None:
    raw = b"".join(chained(3))
    intact = verify_chain(raw, PLAN)
    for position in range(len(raw)):
        changed = raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :]
        try:
            found = verify_chain(changed, PLAN)
        except VerificationFailed:
            continue
        # Only the last line may be changed without breaking the chain, and then neither head nor root is the same.
        assert position >= len(raw) - len(chained(3)[-1])
        assert found.head != intact.head
        assert found.root != intact.root


@pytest.mark.parametrize(
    ("harm", "line", "what"),
    [
        pytest.param(lambda lines: lines[1:], "line 1", "record 1, expected 0", id="the first is lost"),
        pytest.param(lambda lines: [*lines[:2], *lines[3:]], "line 3", "record 3, expected 2", id="one is lost"),
        pytest.param(lambda lines: [lines[0], lines[2], lines[1]], "line 2", "expected 1", id="two are swapped"),
        pytest.param(lambda lines: [lines[0], *lines], "line 2", "record 0, expected 1", id="one is there twice"),
        pytest.param(
            lambda lines: [lines[0].replace(b"p0", b"pX"), *lines[1:]],
            "line 2",
            "but line 1 is",
            id="an answer is changed",
        ),
        pytest.param(
            lambda lines: [lines[0], b" " + lines[1], *lines[2:]], "line 2", "canonical", id="a blank is added"
        ),
        pytest.param(lambda lines: [lines[0], b"\n", *lines[1:]], "line 2", "not JSON", id="an empty line"),
        pytest.param(
            lambda lines: [lines[0].replace(b'"rep":0', b'"rep":true'), *lines[1:]], "line 1", "'rep'", id="a type"
        ),
        pytest.param(
            lambda lines: [lines[0].replace(b'["set","a"]', b'["set"]'), *lines[1:]], "line 1", "header", id="a header"
        ),
    ],
)
def test_a_broken_chain_names_the_line_and_what_differs(
    harm: Callable[[list[bytes]], list[bytes]], line: str, what: str
) -> None:
    with pytest.raises(VerificationFailed) as caught:
        verify_chain(b"".join(harm(chained(4))), PLAN)
    assert caught.value.step == line
    assert what in caught.value.reason


def test_records_of_another_plan_are_refused() -> None:
    other = hashlib.sha256(b"another plan").hexdigest()
    with pytest.raises(VerificationFailed, match=r"line 1: .* the plan is") as caught:
        verify_chain(b"".join(chained(2)), other)
    assert other in caught.value.reason


def test_a_line_torn_by_a_crash_is_told_apart_wherever_it_was_cut() -> None:
    lines = chained(3)
    before = b"".join(lines[:2])
    for cut in range(1, len(lines[2])):
        chain = verify_chain(before + lines[2][:cut], PLAN)
        assert len(chain.records) == 2
        assert chain.torn == lines[2][:cut]
        assert chain.whole == len(before)
        assert chain.head == digest(lines[1])
        assert chain.root == root_of(lines[:2])


def test_a_torn_line_that_was_written_on_is_a_broken_chain() -> None:
    lines = chained(3)
    with pytest.raises(VerificationFailed, match="line 2"):
        verify_chain(lines[0] + lines[1][:50] + lines[2], PLAN)


def test_a_chain_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"".join(chained(2)))
    assert len(read_chain(path, PLAN).records) == 2
    with pytest.raises(BadRequest, match=r"none\.jsonl"):
        read_chain(tmp_path / "none.jsonl", PLAN)


def test_text_without_utf_8_cannot_be_recorded() -> None:
    with pytest.raises(VerificationFailed, match="surrogate"):
        encode_record(replace(RECORD, body="\ud800"))
