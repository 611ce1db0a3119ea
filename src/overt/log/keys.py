"""Private keys in files that only their owner may read: the log's, and the gateway's short-lived receipt key.

A file is written whole before it gets its name, so that a crash leaves no half key. A file that others may read is
refused: the key in it may be known already.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from overt.errors import OperatorError, VerificationFailed
from overt.log.files import write_durably
from overt.ports import Clock, Signer
from overt.proof import b64, canonical
from overt.proof.members import members_of
from overt.proof.note import VerifierKey, valid_name
from overt.proof.receipt import Issuer, certify

VERSION: Final = "overt-seed/1"
SEED_BYTES: Final = 32
RECEIPT_KEY_DAYS: Final = 30
_DAY_MS: Final = 86_400_000
_MEMBERS = frozenset(("name", "not_after", "seed", "v"))


@final
class SeedSigner:
    """A `Signer` over an Ed25519 seed."""

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self._private = private
        self._key = VerifierKey(name=name, public=private.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"SeedSigner({self.vkey!r})"

    @property
    def vkey(self) -> str:
        """The public key."""
        return self._key.text

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature."""
        return self._private.sign(message)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Seed:
    name: str
    seed: bytes
    not_after: int | None


def signer_of(name: str, seed: bytes) -> SeedSigner:
    """The signer of a 32-byte seed."""
    if len(seed) != SEED_BYTES or not valid_name(name):
        raise OperatorError(
            f"a key needs {SEED_BYTES} bytes (got {len(seed)}) and a name without space or '+', not {name!r}"
        )
    return SeedSigner(name, Ed25519PrivateKey.from_private_bytes(seed))


def log_signer(path: Path, origin: str) -> SeedSigner:
    """The log's key, made at the first call. It does not expire."""
    if not path.exists():
        write_log_key(path, origin)
    seed = _load(path)
    if seed.name != origin:
        raise OperatorError(f"the key in {str(path)!r} is for {seed.name!r}, not {origin!r}; use another file")
    return signer_of(seed.name, seed.seed)


def write_log_key(path: Path, origin: str) -> None:
    """A fresh key of a log, in a file that is not there yet. One that is there stays."""
    _create(path, _Seed(name=origin, seed=secrets.token_bytes(SEED_BYTES), not_after=None))


def read_signer(path: Path) -> SeedSigner:
    """The key in a file that is there: a log's, or another that does not expire."""
    seed = _load(path)
    if seed.not_after is not None:
        raise OperatorError(f"{str(path)!r} holds the receipt key {seed.name!r}, which expires; use the log's key file")
    return signer_of(seed.name, seed.seed)


def release_signer(path: Path, name: str) -> SeedSigner:
    """A key that signs releases, made under this name at the first call. One that is there keeps the name it has."""
    if not path.exists():
        signer_of(name, bytes(SEED_BYTES))  # refuses a name that no key may have
        _create(path, _Seed(name=name, seed=secrets.token_bytes(SEED_BYTES), not_after=None))
    seed = _load(path)
    if seed.not_after is not None:
        raise OperatorError(f"{str(path)!r} holds the receipt key {seed.name!r}, which expires; use another file")
    return signer_of(seed.name, seed.seed)


def receipt_issuer(path: Path, log: Signer, origin: str, clock: Clock) -> Issuer:
    """The gateway's receipt key, certified by the log key. Made anew when it has less than a day left."""
    now = int(clock.now() * 1000)
    name = f"{origin}/receipts"
    if path.exists() and _expiry(path, name) < now + _DAY_MS:
        path.unlink()
    if not path.exists():
        fresh = _Seed(name=name, seed=secrets.token_bytes(SEED_BYTES), not_after=now + RECEIPT_KEY_DAYS * _DAY_MS)
        _create(path, fresh)
    not_after = _expiry(path, name)
    signer = signer_of(name, _load(path).seed)
    return certify(log_key=log.vkey, sign_as_log=log.sign, vkey=signer.vkey, not_after=not_after, sign=signer.sign)


def _expiry(path: Path, name: str) -> int:
    seed = _load(path)
    if seed.name != name or seed.not_after is None:
        raise OperatorError(f"{str(path)!r} holds the key {seed.name!r}, not a receipt key {name!r}; use another file")
    return seed.not_after


def _create(path: Path, seed: _Seed) -> None:
    value: canonical.Value = {
        "name": seed.name,
        "not_after": seed.not_after,
        "seed": b64.encode(seed.seed),
        "v": VERSION,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    # Another process that made the key in between wins: both then read the same file.
    with contextlib.suppress(FileExistsError):
        write_durably(path, canonical.encode(value) + b"\n", mode=0o600, replace=False)


def _load(path: Path) -> _Seed:
    try:
        mode = path.stat().st_mode & 0o777
        raw = path.read_bytes()
    except OSError as error:
        raise OperatorError(f"the key file {str(path)!r} cannot be read: {error}; check its owner") from error
    if os.name == "posix" and mode & 0o077:
        raise OperatorError(f"the key file {str(path)!r} has mode {mode:o}; others may read it; run chmod 600 on it")
    try:
        members = members_of(canonical.decode(raw.removesuffix(b"\n")), "key file", _MEMBERS)
        members.constant("v", VERSION)
        return _Seed(
            name=members.text("name"), seed=members.base64("seed"), not_after=members.integer_or_none("not_after")
        )
    except VerificationFailed as error:
        raise OperatorError(f"the key file {str(path)!r} is damaged: {error}; restore it from a backup") from error
