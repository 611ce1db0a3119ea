"""Policies of trust: how they are read, what they accept, and what is refused."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.errors import VerificationFailed
from overt.log.keys import SeedSigner, signer_of
from overt.proof.cosign import ML_DSA, ML_DSA_KEY_BYTES, CosignerKey, cosign
from overt.proof.merkle import hashes_of, leaf_hash, prove_inclusion, root
from overt.proof.note import Checkpoint, parse_vkey, sign_checkpoint, vkey_text, with_lines
from overt.proof.policy import accept, log_only, parse_policy, satisfied, verify_proof_under
from overt.proof.tlogproof import TlogProof
from overt.testing.log import ORIGIN, known_signer

LOG = known_signer()
KEY = parse_vkey(LOG.vkey)
OTHER = parse_vkey(signer_of("overt.test/other", bytes(32)).vkey)
LEAVES = [leaf_hash(b"%d" % i) for i in range(7)]
CHECKPOINT = Checkpoint(origin=ORIGIN, size=7, root=root(LEAVES))
NOW = 1_793_000_007


def witness(number: int) -> tuple[CosignerKey, SeedSigner]:
    signer = signer_of(f"witness.example/w{number}", bytes([number]) * 32)
    return CosignerKey(name=signer.vkey.split("+")[0], public=parse_vkey(signer.vkey).public), signer


WITNESSES = [witness(number) for number in range(1, 7)]
V1, V2, V3, V4, V5, V6 = (key.text for key, _ in WITNESSES)
TWO_LEVELS = f"""# the example of the specification
log {KEY.text} https://log.example/

witness X1 {V1}
witness X2 {V2}\thttps://w2.example/
  witness X3 {V3}
group X-witnesses 2 X1 X2 X3

witness Y1 {V4}
witness Y2 {V5}
witness Y3 {V6}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def note(*numbers: int) -> bytes:
    raw = sign_checkpoint(CHECKPOINT, KEY, LOG.sign)
    signing = (WITNESSES[number - 1] for number in numbers)
    return with_lines(raw, [cosign(CHECKPOINT.text, key, NOW, signer.sign) for key, signer in signing])


def test_a_policy_is_read_whole() -> None:
    policy = parse_policy(TWO_LEVELS.encode())
    assert [(known.key, known.url) for known in policy.logs] == [(KEY, "https://log.example/")]
    assert [each.name for each in policy.witnesses] == ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
    assert [each.url for each in policy.witnesses if each.url] == ["https://w2.example/"]
    assert [(each.name, each.least) for each in policy.groups] == [
        ("X-witnesses", 2),
        ("Y-witnesses", 1),
        ("X-and-Y", 2),
    ]
    assert policy.quorum == "X-and-Y"


def test_the_quorum_is_met_by_exactly_those_that_the_rule_names() -> None:
    policy = parse_policy(TWO_LEVELS.encode())
    for chosen in itertools.product([False, True], repeat=6):
        keys = [key for (key, _), taken in zip(WITNESSES, chosen, strict=True) if taken]
        assert satisfied(policy, keys) == (sum(chosen[:3]) >= 2 and any(chosen[3:])), chosen


def test_a_checkpoint_that_meets_the_quorum_is_accepted() -> None:
    cosigned = accept(parse_policy(TWO_LEVELS.encode()), note(1, 3, 5))
    assert cosigned.checkpoint == CHECKPOINT
    assert [each.key for each in cosigned.cosignatures] == [WITNESSES[i][0] for i in (0, 2, 4)]


@pytest.mark.parametrize("numbers", [(), (1, 4), (1, 2, 3), (4, 5, 6)])
def test_a_checkpoint_that_does_not_meet_the_quorum_is_refused(numbers: tuple[int, ...]) -> None:
    with pytest.raises(VerificationFailed, match="the quorum 'X-and-Y' is not met"):
        accept(parse_policy(TWO_LEVELS.encode()), note(*numbers))


def test_a_false_cosignature_is_refused_even_where_the_others_are_enough() -> None:
    key, _ = WITNESSES[1]
    false = cosign(CHECKPOINT.text, key, NOW, WITNESSES[2][1].sign)
    with pytest.raises(VerificationFailed, match="does not verify"):
        accept(parse_policy(TWO_LEVELS.encode()), with_lines(note(1, 3, 5), [false]))


def test_a_single_witness_can_be_the_quorum() -> None:
    policy = parse_policy(f"log {KEY.text}\nwitness W {V1}\nwitness V {V2}\nquorum W\n".encode())
    assert accept(policy, note(1)).checkpoint == CHECKPOINT
    with pytest.raises(VerificationFailed, match="not met"):
        accept(policy, note(2))


def test_a_policy_may_ask_for_the_log_only() -> None:
    assert accept(log_only(KEY), note()).checkpoint == CHECKPOINT
    assert parse_policy(f"log {KEY.text}\nquorum none\n".encode()) == log_only(KEY)
    with pytest.raises(VerificationFailed, match="no signature by"):
        accept(log_only(OTHER), note())


def test_a_policy_without_logs_needs_the_log_from_elsewhere() -> None:
    policy = parse_policy(f"witness W {V1}\nquorum W\n".encode())
    assert accept(policy, note(1), KEY).checkpoint == CHECKPOINT
    with pytest.raises(VerificationFailed, match="no log signed it"):
        accept(policy, note(1))


def test_a_policy_with_logs_must_list_the_one_that_is_meant() -> None:
    policy = parse_policy(f"log {KEY.text}\nlog {OTHER.text}\nquorum none\n".encode())
    assert accept(policy, note()).log == KEY
    assert accept(policy, note(), KEY).log == KEY
    with pytest.raises(VerificationFailed, match="no signature by"):
        accept(policy, note(), OTHER)
    with pytest.raises(VerificationFailed, match="does not list the log"):
        accept(log_only(OTHER), note(), KEY)


def test_a_proof_is_verified_under_a_policy() -> None:
    policy = parse_policy(TWO_LEVELS.encode())
    proof = TlogProof(index=5, path=prove_inclusion(5, 7, hashes_of(LEAVES)), checkpoint=note(1, 2, 4))
    assert verify_proof_under(proof, LEAVES[5], policy).checkpoint == CHECKPOINT
    with pytest.raises(VerificationFailed, match="inclusion proof"):
        verify_proof_under(proof, LEAVES[4], policy)
    with pytest.raises(VerificationFailed, match="not met"):
        verify_proof_under(TlogProof(index=5, path=proof.path, checkpoint=note(1, 4)), LEAVES[5], policy)


def test_an_ml_dsa_witness_may_be_named_and_never_counts() -> None:
    later = vkey_text("witness.example/pq", ML_DSA, bytes(ML_DSA_KEY_BYTES))
    policy = parse_policy(f"witness A {V1}\nwitness B {later}\ngroup any any A B\nquorum any\n".encode())
    assert accept(policy, note(1), KEY).checkpoint == CHECKPOINT
    assert not satisfied(policy, [])
    both = parse_policy(f"witness A {V1}\nwitness B {later}\ngroup both all A B\nquorum both\n".encode())
    with pytest.raises(VerificationFailed, match="not met"):
        accept(both, note(1), KEY)


W = f"witness A {V1}\nwitness B {V2}\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no 'quorum' line"),
        (f"{W}", "no 'quorum' line"),
        (f"{W}quorum A", "does not end"),
        (f"{W}quorum A\nquorum B\n", "line 4: a second quorum"),
        (f"{W}quorum none\nquorum none\n", "second quorum"),
        (f"{W}quorum C\n", "'C' is not defined"),
        (f"quorum A\n{W}", "line 1: the quorum 'A' is not defined"),
        (f"{W}group g 2 A B C\nquorum g\n", "member 'C'"),
        (f"{W}group g any g\nquorum g\n", "member 'g'"),
        (f"{W}group g any none\nquorum g\n", "member 'none'"),
        (f"{W}group none any A\nquorum A\n", "'none' is taken"),
        (f"{W}group A any B\nquorum A\n", "'A' is taken"),
        (f"{W}witness A {V3}\nquorum A\n", "'A' is taken"),
        (f"{W}witness C {V1}\nquorum A\n", "listed twice"),
        (f"log {KEY.text}\nlog {KEY.text}\nquorum none\n", "listed twice"),
        (f"{W}group g 0 A B\nquorum g\n", "'0' is not"),
        (f"{W}group g 3 A B\nquorum g\n", "'3' is not"),
        (f"{W}group g 01 A B\nquorum g\n", "'01' is not"),
        (f"{W}group g +1 A B\nquorum g\n", r"'\+1' is not"),
        (f"{W}group g ٢ A B\nquorum g\n", "'٢' is not"),
        (f"{W}group g {'9' * 5000} A B\nquorum g\n", "is not 'all'"),
        (f"{W}group g all\nquorum g\n", "is none of"),
        (f"{W}group g any A A\nquorum g\n", "'A' is a member already"),
        (f"{W}group g any A\ngroup h any A\nquorum g\n", "'A' is a member already"),
        (f"{W}quorum A B\n", "is none of"),
        (f"{W}quorum\n", "is none of"),
        (f"{W}Quorum A\n", "is none of"),
        (f"witness A {V1} u v\nquorum A\n", "is none of"),
        (f"log {KEY.text} u v\nquorum none\n", "is none of"),
        (f"witness A {KEY.text}\nquorum A\n", "not the key of a witness"),
        (f"log {V1}\nquorum none\n", "not an Ed25519 key"),
        (f"{W}quorum A\r\n", "control character 0x0d"),
        (f"{W}quorum A\x7f\n", "control character 0x7f"),
        (f"{W}quorum\u00a0A\n", "is none of"),
    ],
)
def test_a_malformed_policy_is_refused(text: str, why: str) -> None:
    with pytest.raises(VerificationFailed, match=why):
        parse_policy(text.encode())


def test_names_are_octets_and_two_that_differ_stay_two() -> None:
    lines = [b"witness \xff %s\n" % V1.encode(), b"witness \xfe %s\n" % V2.encode(), b"# \xff\n", b"quorum \xfe\n"]
    policy = parse_policy(b"".join(lines))
    assert satisfied(policy, [WITNESSES[1][0]])
    assert not satisfied(policy, [WITNESSES[0][0]])
    with pytest.raises(VerificationFailed, match="'K' is not defined"):
        parse_policy(f"witness \N{KELVIN SIGN} {V1}\nquorum K\n".encode())


def test_a_key_whose_name_is_not_utf_8_is_refused() -> None:
    with pytest.raises(VerificationFailed, match="line 1"):
        parse_policy(b"log \xff" + KEY.text.encode() + b"\nquorum none\n")


def test_a_policy_of_a_thousand_groups_is_read_and_evaluated() -> None:
    lines = [
        f"witness w {V1}",
        "group g0 any w",
        *(f"group g{i} any g{i - 1}" for i in range(1, 1000)),
        "quorum g999",
        "",
    ]
    policy = parse_policy("\n".join(lines).encode())
    assert satisfied(policy, [WITNESSES[0][0]])
    assert not satisfied(policy, [WITNESSES[1][0]])


@given(st.binary(max_size=60) | st.text(alphabet="logwitnesgrupqm \t\n#A1", max_size=60).map(str.encode))
def test_any_octets_are_read_or_refused(raw: bytes) -> None:
    try:
        policy = parse_policy(raw)
    except VerificationFailed:
        return
    assert policy == log_only()
