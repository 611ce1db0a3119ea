"""What the caller holds: the entry, the log's promise to include it, the openings of its commitments, the proof.

One canonical JSON document and a line feed, ``overt-receipt/1``. It can be verified offline with nothing but the
log's verifier key: the log key certifies the gateway's short-lived receipt key (``signer``), the receipt key signs the
promise, the promise names the entry by its leaf hash, and the entry commits to everything else.
`overt.proof.verify` checks that every byte is covered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, final

from overt.core.domain import ReceiptId
from overt.core.receipt import Statement
from overt.errors import InvariantBroken, VerificationFailed
from overt.proof import b64, canonical, commit, dsse
from overt.proof.dsse import Signed
from overt.proof.ed25519 import Sign
from overt.proof.members import Members, members_of
from overt.proof.merkle import leaf_hash
from overt.proof.note import VerifierKey, parse_vkey
from overt.proof.statement import KeyAnnouncement, decode_entry

VERSION: Final = "overt-receipt/1"
PROMISE_VERSION: Final = "overt-promise/1"
KEY_VERSION: Final = "overt-key/1"
MERGE_DELAY_MS: Final = 60_000
"""How long after the promise the log may take to include the entry."""

_RECEIPT = frozenset(("v", "id", "entry", "promise", "signer", "log_key", "openings", "notice", "proof"))
_SIGNED = frozenset(("body", "sig"))
_OPENINGS = frozenset(("secret", "values"))
_PROMISE = frozenset(("due", "kid", "leaf", "log", "t", "v"))
_KEY = frozenset(("kid", "log", "not_after", "v", "vkey"))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Openings:
    """The secret that opens the commitments, and the values that the receipt itself opens, by field."""

    secret: bytes
    values: Mapping[str, str]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """The entry with this leaf hash is durable and will be in the log by ``due`` (POSIX milliseconds)."""

    due: int
    kid: str
    leaf: bytes
    log: str
    time: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The log says that this key may sign its promises until ``not_after`` (POSIX milliseconds)."""

    kid: str
    log: str
    not_after: int
    vkey: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """See the module. ``openings`` is None where the secret was erased; ``proof`` until the entry is included."""

    id: ReceiptId
    entry: bytes
    promise: Signed
    signer: Signed
    log_key: str
    openings: Openings | None
    notice: str | None
    proof: str | None = None

    @property
    def leaf(self) -> bytes:
        """The leaf hash of the entry."""
        return leaf_hash(self.entry)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """What signs receipts for one log: its certificate by the log key, and the receipt key itself."""

    log_key: str
    certificate: Certificate
    signer: Signed
    sign: Sign


def kid_of(vkey: str) -> str:
    """The id by which statements and promises name a receipt key."""
    return parse_vkey(vkey).id.hex()


def certify(*, log_key: str, sign_as_log: Sign, vkey: str, not_after: int, sign: Sign) -> Issuer:
    """Have the log key certify a receipt key: ``sign`` is the receipt key's, ``not_after`` POSIX milliseconds."""
    certificate = Certificate(kid=kid_of(vkey), log=parse_vkey(log_key).name, not_after=not_after, vkey=vkey)
    body = canonical.encode(
        {
            "kid": certificate.kid,
            "log": certificate.log,
            "not_after": certificate.not_after,
            "v": KEY_VERSION,
            "vkey": certificate.vkey,
        }
    )
    signer = dsse.sign_document(dsse.KEY, body, sign_as_log)
    return Issuer(log_key=log_key, certificate=certificate, signer=signer, sign=sign)


def announce(certificate: Certificate, minute: int) -> KeyAnnouncement:
    """The entry that must be in the log before the first statement of this key; ``minute`` as in `Statement`."""
    return KeyAnnouncement(
        log=certificate.log,
        minute=minute,
        kid=certificate.kid,
        vkey=certificate.vkey,
        not_after=certificate.not_after,
    )


def issue(
    issuer: Issuer,
    *,
    entry: bytes,
    time: int,
    openings: Openings | None,
    notice: str | None,
    delay: int = MERGE_DELAY_MS,
) -> Receipt:
    """The receipt of an entry that the log has stored, promised at ``time`` (POSIX milliseconds).

    Call it only after `Log.append` returned. Raises `InvariantBroken` if the receipt could not be verified.
    """
    statement = decode_entry(entry)
    if not isinstance(statement, Statement):
        raise InvariantBroken("only statements about exchanges have receipts, not announcements")
    certificate = issuer.certificate
    if time > certificate.not_after:
        raise InvariantBroken(f"the receipt key {certificate.kid} expired at {certificate.not_after}; make a new one")
    if (statement.log, statement.key) != (certificate.log, certificate.kid):
        raise InvariantBroken(f"the entry names log {statement.log!r} and key {statement.key!r}, not ours")
    promise = Promise(due=time + delay, kid=certificate.kid, leaf=leaf_hash(entry), log=certificate.log, time=time)
    return Receipt(
        id=statement.id,
        entry=entry,
        promise=dsse.sign_document(dsse.PROMISE, _promise_body(promise), issuer.sign),
        signer=issuer.signer,
        log_key=issuer.log_key,
        openings=openings,
        notice=notice,
    )


def with_proof(receipt: Receipt, proof: bytes) -> Receipt:
    """The receipt with an inclusion proof (`Log.proof`)."""
    return replace(receipt, proof=proof.decode())


def without_secret(receipt: Receipt) -> Receipt:
    """The receipt after its secret was erased: it proves the same and opens nothing."""
    return replace(receipt, openings=None)


def encode_receipt(receipt: Receipt) -> bytes:
    """The document, with its line feed."""
    openings = receipt.openings
    value: canonical.Value = {
        "v": VERSION,
        "id": receipt.id,
        "entry": b64.encode(receipt.entry),
        "promise": _signed_value(receipt.promise),
        "signer": _signed_value(receipt.signer),
        "log_key": receipt.log_key,
        "openings": {
            "secret": None if openings is None else b64.encode(openings.secret),
            "values": {} if openings is None else dict(openings.values),
        },
        "notice": receipt.notice,
        "proof": receipt.proof,
    }
    return canonical.encode(value) + b"\n"


def parse_receipt(raw: bytes) -> Receipt:
    """The receipt, or `VerificationFailed`. Nothing in it is verified yet."""
    if not raw.endswith(b"\n"):
        raise VerificationFailed("receipt", "it does not end with a line feed: it was cut off or edited")
    members = members_of(canonical.decode(raw[:-1]), "receipt", _RECEIPT)
    members.constant("v", VERSION)
    return Receipt(
        id=ReceiptId(members.text("id")),
        entry=members.base64("entry"),
        promise=_read_signed(members.object("promise", _SIGNED)),
        signer=_read_signed(members.object("signer", _SIGNED)),
        log_key=members.text("log_key"),
        openings=_read_openings(members.object("openings", _OPENINGS)),
        notice=members.text_or_none("notice"),
        proof=members.text_or_none("proof"),
    )


def open_certificate(signed: Signed, log_key: VerifierKey) -> tuple[Certificate, VerifierKey]:
    """The certificate and the receipt key in it, or `VerificationFailed`."""
    what = "signer"
    body = dsse.open_document(dsse.KEY, signed, log_key.public, what)
    members = members_of(canonical.decode(body), what, _KEY)
    members.constant("v", KEY_VERSION)
    certificate = Certificate(
        kid=members.text("kid"),
        log=members.text("log"),
        not_after=members.integer("not_after"),
        vkey=members.text("vkey"),
    )
    key = parse_vkey(certificate.vkey)
    if certificate.kid != key.id.hex():
        raise VerificationFailed(what, f"it names the key {certificate.kid!r}, but holds {key.id.hex()!r}")
    if certificate.log != log_key.name:
        raise VerificationFailed(what, f"it is for the log {certificate.log!r}, not {log_key.name!r}")
    return certificate, key


def open_promise(signed: Signed, key: VerifierKey) -> Promise:
    """The promise that a receipt key signed, or `VerificationFailed`."""
    what = "promise"
    body = dsse.open_document(dsse.PROMISE, signed, key.public, what)
    members = members_of(canonical.decode(body), what, _PROMISE)
    members.constant("v", PROMISE_VERSION)
    return Promise(
        due=members.integer("due"),
        kid=members.text("kid"),
        leaf=members.hash("leaf"),
        log=members.text("log"),
        time=members.integer("t"),
    )


def _promise_body(promise: Promise) -> bytes:
    return canonical.encode(
        {
            "due": promise.due,
            "kid": promise.kid,
            "leaf": promise.leaf.hex(),
            "log": promise.log,
            "t": promise.time,
            "v": PROMISE_VERSION,
        }
    )


def _signed_value(signed: Signed) -> canonical.Value:
    return {"body": b64.encode(signed.body), "sig": b64.encode(signed.sig)}


def _read_signed(members: Members) -> Signed:
    return Signed(body=members.base64("body"), sig=members.base64("sig"))


def _read_openings(members: Members) -> Openings | None:
    values = members.mapping("values")
    if members.text_or_none("secret") is None:
        if values.names():
            raise VerificationFailed(
                "openings", f"values {sorted(values.names())!r} without the secret that opens them"
            )
        return None
    secret = members.base64("secret")
    if len(secret) != commit.SECRET_BYTES:
        raise VerificationFailed("openings", f"the secret has {len(secret)} bytes, expected {commit.SECRET_BYTES}")
    return Openings(secret=secret, values={name: values.string(name) for name in values.names()})
