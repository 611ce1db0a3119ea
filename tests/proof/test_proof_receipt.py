"""Receipts: issued, read back, verified step by step; and no byte of one that may be changed."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from overt.core.domain import Domain
from overt.core.finding import Cause
from overt.core.receipt import Kind, Reason
from overt.errors import BadRequest, InvariantBroken, TooLarge, VerificationFailed
from overt.proof import b64, canonical, commit, dsse
from overt.proof.receipt import (
    Openings,
    Receipt,
    announce,
    certify,
    encode_receipt,
    issue,
    parse_receipt,
    with_proof,
    without_secret,
)
from overt.proof.statement import decode_entry, encode_entry
from overt.proof.verify import LIMITS, STEPS, Mark, Step, holds, verify_receipt
from overt.testing.log import MemoryLog, known_signer
from overt.testing.receipts import (
    MINUTE,
    NOT_AFTER,
    TIME,
    Exchange,
    announcements,
    known_issuer,
    known_receipt_signer,
    made_up,
)

LOG = known_signer()
ISSUER = known_issuer()


async def _logged(count: int, *, changed: bool) -> tuple[MemoryLog, Exchange, Receipt]:
    log = MemoryLog()
    exchanges = [made_up(ISSUER, number, changed=changed) for number in range(count)]
    for entry in (*announcements(ISSUER), *(exchange.entry for exchange in exchanges)):
        await log.append(entry)
    proof = await log.proof(exchanges[-1].receipt.leaf)
    assert proof is not None
    return log, exchanges[-1], with_proof(exchanges[-1].receipt, proof)


def logged(count: int = 4, *, changed: bool = True) -> tuple[MemoryLog, Exchange, Receipt]:
    """A log, its last exchange, and that exchange's receipt with its proof."""
    return asyncio.run(_logged(count, changed=changed))


def failed(steps: tuple[Step, ...]) -> str | None:
    """The name of the step that failed, None if all hold."""
    return None if holds(steps) else steps[-1].name


@pytest.mark.parametrize("changed", [True, False], ids=["redirected", "passed"])
def test_a_receipt_verifies_in_every_step(changed: bool) -> None:
    log, exchange, receipt = logged(changed=changed)
    steps = verify_receipt(
        encode_receipt(receipt),
        log_vkey=LOG.vkey,
        request=exchange.request,
        response=exchange.response,
        fetched=log.reader,
    )
    assert [(step.number, step.name) for step in steps] == list(enumerate(STEPS, 1))
    assert [step.mark for step in steps] == [Mark.HOLDS] * 12 + [Mark.OPEN]
    assert steps[-1].detail == LIMITS


def test_without_a_key_the_steps_say_that_only_integrity_is_shown() -> None:
    steps = verify_receipt(encode_receipt(logged()[2]))
    assert holds(steps)
    assert steps[1].mark is Mark.OPEN
    assert "integrity only: the key came with the receipt" in steps[1].detail


def test_what_was_not_given_is_not_said_to_hold() -> None:
    steps = verify_receipt(encode_receipt(made_up(ISSUER, 1).receipt), log_vkey=LOG.vkey)
    assert [step.name for step in steps if step.mark is Mark.OPEN] == ["request", "response", "proof", "log", "limits"]


@pytest.mark.parametrize("key_given", [True, False], ids=["with key", "without key"])
@pytest.mark.parametrize("changed", [True, False], ids=["redirected", "passed"])
def test_no_byte_of_a_receipt_can_be_changed(changed: bool, key_given: bool) -> None:
    raw = encode_receipt(logged(changed=changed)[2])
    key = LOG.vkey if key_given else None
    assert holds(verify_receipt(raw, log_vkey=key))
    for place, byte in enumerate(raw):
        # The low bit makes a neighbour of a base64 digit, 0x20 turns the case of a letter.
        for other in (byte ^ 0x01, byte ^ 0x20):
            mutant = raw[:place] + bytes([other]) + raw[place + 1 :]
            last = verify_receipt(mutant, log_vkey=key)[-1]
            assert last.mark is Mark.FAILS, f"byte {place}: {raw[max(0, place - 20) : place + 5]!r}"
            assert last.name in STEPS
            assert last.detail


def test_no_byte_of_a_receipt_can_be_left_out_or_added() -> None:
    raw = encode_receipt(logged()[2])
    for place in range(len(raw) + 1):
        for mutant in (raw[:place] + raw[place + 1 :], raw[:place], raw[:place] + b" " + raw[place:]):
            assert mutant == raw or not holds(verify_receipt(mutant, log_vkey=LOG.vkey)), place


def test_a_receipt_reads_back() -> None:
    receipt = logged()[2]
    assert parse_receipt(encode_receipt(receipt)) == receipt


def test_the_receipt_of_another_log_key_fails_at_the_key() -> None:
    other = known_signer("other.test/log")
    assert failed(verify_receipt(encode_receipt(logged()[2]), log_vkey=other.vkey)) == "log key"


def test_a_signer_certified_by_another_key_fails_although_everything_else_is_its_own() -> None:
    rogue = certify(
        log_key=LOG.vkey,
        sign_as_log=known_receipt_signer().sign,
        vkey=known_receipt_signer().vkey,
        not_after=NOT_AFTER,
        sign=known_receipt_signer().sign,
    )
    raw = encode_receipt(made_up(rogue, 1).receipt)
    assert failed(verify_receipt(raw, log_vkey=LOG.vkey)) == "signer"


def signed_promise(receipt: Receipt, **changes: canonical.Value) -> Receipt:
    """The receipt with another promise, which the receipt key really signed."""
    value = canonical.decode(receipt.promise.body)
    assert isinstance(value, dict)
    body = canonical.encode({**value, **changes})
    return replace(receipt, promise=dsse.sign_document(dsse.PROMISE, body, known_receipt_signer().sign))


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"leaf": "00" * 32}, "promise"),
        ({"log": "other.test/log"}, "promise"),
        ({"kid": "00000000"}, "promise"),
        ({"v": "overt-promise/2"}, "promise"),
        ({"t": NOT_AFTER + 1, "due": NOT_AFTER + 2}, "times"),
        ({"due": TIME - 1}, "times"),
        ({"t": TIME + 60_000, "due": TIME + 120_000}, "times"),
        ({"t": TIME + 1}, "openings"),
    ],
    ids=str,
)
def test_a_truly_signed_promise_that_does_not_fit_fails(changes: dict[str, canonical.Value], step: str) -> None:
    raw = encode_receipt(signed_promise(made_up(ISSUER, 1).receipt, **changes))
    assert failed(verify_receipt(raw, log_vkey=LOG.vkey)) == step


def test_a_key_past_its_end_cannot_issue() -> None:
    exchange = made_up(ISSUER, 1)
    with pytest.raises(InvariantBroken, match="expired"):
        issue(ISSUER, entry=exchange.entry, time=NOT_AFTER + 1, openings=None, notice=None)


def test_an_announcement_has_no_receipt() -> None:
    with pytest.raises(InvariantBroken, match="announcements"):
        issue(ISSUER, entry=announcements(ISSUER)[0], time=TIME, openings=None, notice=None)


OPENED = made_up(ISSUER, 1).receipt.openings
assert OPENED is not None


@pytest.mark.parametrize(
    "openings",
    [
        Openings(secret=bytes(32), values=OPENED.values),
        Openings(secret=OPENED.secret, values={}),
        Openings(secret=OPENED.secret, values={commit.TIME: str(TIME)}),
        Openings(secret=OPENED.secret, values={**OPENED.values, commit.CALLER: "key_other"}),
        Openings(secret=OPENED.secret, values={**OPENED.values, "unknown": "x"}),
    ],
    ids=["other secret", "nothing opened", "no caller", "other caller", "unknown field"],
)
def test_openings_that_the_entry_does_not_commit_to_fail(openings: Openings) -> None:
    raw = encode_receipt(replace(made_up(ISSUER, 1).receipt, openings=openings))
    assert failed(verify_receipt(raw, log_vkey=LOG.vkey)) == "openings"


def test_an_erased_secret_opens_nothing_and_everything_else_still_holds() -> None:
    log, exchange, receipt = logged()
    raw = encode_receipt(without_secret(receipt))
    steps = verify_receipt(raw, log_vkey=LOG.vkey, fetched=log.reader)
    assert holds(steps)
    assert steps[6].mark is Mark.OPEN
    assert failed(verify_receipt(raw, log_vkey=LOG.vkey, request=exchange.request)) == "request"


@pytest.mark.parametrize("notice", ["another text", None])
def test_a_notice_that_is_not_the_one_in_the_entry_fails(notice: str | None) -> None:
    raw = encode_receipt(replace(made_up(ISSUER, 1).receipt, notice=notice))
    assert failed(verify_receipt(raw, log_vkey=LOG.vkey)) == "notice"


def test_a_notice_where_the_entry_has_none_fails() -> None:
    raw = encode_receipt(replace(made_up(ISSUER, 1, changed=False).receipt, notice="made up"))
    assert failed(verify_receipt(raw, log_vkey=LOG.vkey)) == "notice"


def test_another_request_or_response_fails() -> None:
    exchange = made_up(ISSUER, 1)
    raw = encode_receipt(exchange.receipt)
    assert failed(verify_receipt(raw, request=exchange.request + b" ")) == "request"
    assert failed(verify_receipt(raw, request=exchange.request, response=exchange.request)) == "response"


def test_the_proof_of_another_entry_fails() -> None:
    _, _, receipt = logged()
    raw = encode_receipt(replace(made_up(ISSUER, 0).receipt, proof=receipt.proof))
    assert failed(verify_receipt(raw, log_vkey=LOG.vkey)) == "proof"


def test_a_line_in_the_proof_that_nothing_authenticates_fails() -> None:
    receipt = logged()[2]
    assert receipt.proof is not None
    raw = encode_receipt(replace(receipt, proof=receipt.proof.replace("@v1\n", "@v1\nextra QUJD\n")))
    assert failed(verify_receipt(raw, log_vkey=LOG.vkey)) == "proof"


def test_a_receipt_without_proof_is_found_in_the_log() -> None:
    log, exchange, _ = logged()
    steps = verify_receipt(encode_receipt(exchange.receipt), log_vkey=LOG.vkey, fetched=log.reader)
    assert steps[11].mark is Mark.HOLDS


@pytest.mark.parametrize(("now", "mark"), [(TIME + 1, Mark.OPEN), (TIME + 60_001, Mark.FAILS), (None, Mark.FAILS)])
def test_an_entry_that_is_missing_is_late_until_it_was_due_and_then_a_broken_promise(
    now: int | None, mark: Mark
) -> None:
    log, _, _ = logged()
    raw = encode_receipt(made_up(ISSUER, 99).receipt)
    steps = verify_receipt(raw, log_vkey=LOG.vkey, fetched=log.reader, now=now)
    assert steps[11].mark is mark


def test_a_log_that_shows_another_history_than_the_proof_fails() -> None:
    receipt = logged()[2]
    other, _, _ = logged(9, changed=False)
    assert failed(verify_receipt(encode_receipt(receipt), log_vkey=LOG.vkey, fetched=other.reader)) == "log"


def test_a_log_that_lost_its_end_fails() -> None:
    receipt = logged()[2]
    shorter, _, _ = logged(2)
    steps = verify_receipt(encode_receipt(receipt), log_vkey=LOG.vkey, fetched=shorter.reader)
    assert failed(steps) == "log"
    assert "shrank" in steps[-1].detail


def test_a_log_that_serves_another_entry_under_the_right_hash_fails() -> None:
    log, exchange, receipt = logged()

    def lying(path: str) -> bytes | None:
        raw = log.reader(path)
        return raw and raw.replace(exchange.entry, exchange.entry.replace(b"small", b"other"))

    assert failed(verify_receipt(encode_receipt(receipt), log_vkey=LOG.vkey, fetched=lying)) == "log"


def document(entry: bytes) -> Any:
    return json.loads(entry)


@pytest.mark.parametrize(
    "change",
    [
        {"v": "overt-entry/2"},
        {"type": "other"},
        {"type": 1},
        {"type": "completion"},
        {"id": ""},
        {"id": "a b"},
        {"t": MINUTE + 1},
        {"t": -60},
        {"t": True},
        {"outcome": "allow"},
        {"served": {"model": None, "provider": "x", "basis": "attested"}},
        {"served": {"model": None, "provider": "x"}},
        {"policy": {"name": "x", "digest": "sha256:AB"}},
        {"reason": {"ground": "policy", "rule": None, "domain": "chess", "band": None, "trigger": None}},
        {"commit": {"time": "00"}},
        {"shadow": "bio-1"},
        {"unavailable": {}},
        {"unavailable": None},
        {"unavailable": ["bio"]},
        {"unavailable": {"chess": "fault"}},
        {"unavailable": {"bio": "fault", "chess": "fault"}},
        {"unavailable": {"bio": "weather"}},
        {"unavailable": {"bio": None}},
        {"prev": "xyz"},
        {"more": 1},
    ],
    ids=str,
)
def test_an_entry_outside_the_schema_is_not_read(change: dict[str, Any]) -> None:
    raw = canonical.encode({**document(made_up(ISSUER, 1).entry), **change})
    with pytest.raises(VerificationFailed, match="entry"):
        decode_entry(raw)


def test_statements_and_announcements_read_back() -> None:
    exchange = made_up(ISSUER, 1)
    completion = replace(exchange.statement, kind=Kind.COMPLETION, previous=exchange.receipt.leaf)
    for entry in (exchange.statement, completion, announce(ISSUER.certificate, MINUTE)):
        assert decode_entry(encode_entry(entry)) == entry
    for raw in announcements(ISSUER):
        assert encode_entry(decode_entry(raw)) == raw


EVERY_DOMAIN = dict.fromkeys(Domain, Cause.LANGUAGE)


@pytest.mark.parametrize(
    "unavailable", [{}, {Domain.BIO: Cause.FAULT}, EVERY_DOMAIN], ids=["none", "one", "every domain"]
)
def test_an_entry_names_the_domains_without_a_finding_and_only_where_there_are_some(
    unavailable: dict[Domain, Cause],
) -> None:
    statement = replace(made_up(ISSUER, 1).statement, unavailable=unavailable)
    raw = encode_entry(statement)
    assert decode_entry(raw) == statement
    assert ("unavailable" in document(raw)) is bool(unavailable)
    assert document(raw).get("unavailable", {}) == unavailable
    assert len(raw) < len(made_up(ISSUER, 1).entry) + 100


def test_a_ground_of_a_reason_is_one_of_the_notices_grounds() -> None:
    reason = Reason(ground="language_not_covered", rule=None, domain=None, band=None, trigger=None)
    statement = replace(made_up(ISSUER, 1).statement, reason=reason)
    assert decode_entry(encode_entry(statement)) == statement
    with pytest.raises(InvariantBroken, match="ground"):
        encode_entry(replace(statement, reason=replace(reason, ground="language")))


def test_a_verification_says_which_domains_were_without_a_finding() -> None:
    exchange = made_up(ISSUER, 1)
    missing = {Domain.CYBER: Cause.LANGUAGE, Domain.BIO: Cause.FAULT}
    entry = encode_entry(replace(exchange.statement, unavailable=missing))
    receipt = issue(ISSUER, entry=entry, time=TIME, openings=exchange.receipt.openings, notice=exchange.receipt.notice)
    steps = verify_receipt(encode_receipt(receipt), log_vkey=LOG.vkey)
    assert holds(steps)
    assert steps[2].detail.endswith(", without a finding on cyber (language), bio (fault)")
    plain = verify_receipt(encode_receipt(exchange.receipt), log_vkey=LOG.vkey)
    assert "without a finding" not in plain[2].detail


def test_an_entry_says_nothing_of_the_caller_or_the_text() -> None:
    exchange = made_up(ISSUER, 1)
    for private in (b"key_made_up", str(TIME).encode(), exchange.request, exchange.response, b"answers request"):
        assert private not in exchange.entry


@pytest.mark.parametrize(
    ("model", "error"), [("x" * 65_536, TooLarge), ("\ud800", BadRequest)], ids=["too long", "half a pair"]
)
def test_a_model_name_that_cannot_be_recorded_is_the_callers_fault(model: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        encode_entry(replace(made_up(ISSUER, 1).statement, requested=model))


def test_an_entry_that_breaks_the_schema_is_our_bug() -> None:
    with pytest.raises(InvariantBroken, match="whole minute"):
        encode_entry(replace(made_up(ISSUER, 1).statement, minute=MINUTE + 1))


def test_every_field_of_a_receipt_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "verify.md").read_text()
    for name in json.loads(encode_receipt(logged()[2])):
        assert f"`{name}`" in page, name


def test_the_secret_has_its_length() -> None:
    value = json.loads(encode_receipt(made_up(ISSUER, 1).receipt))
    value["openings"]["secret"] = b64.encode(bytes(31))
    assert failed(verify_receipt(canonical.encode(value) + b"\n")) == "form"
