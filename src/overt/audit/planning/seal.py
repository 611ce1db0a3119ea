"""A plan in its signed envelope (DSSE): made before the first call, opened by whoever carries it out or checks it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from overt.audit.plan import Plan
from overt.audit.planning.encode import decode_plan, encode_plan
from overt.errors import BadRequest, VerificationFailed
from overt.proof.ed25519 import Sign
from overt.proof.envelope import open_envelope, sign_envelope
from overt.proof.note import parse_vkey

KIND: Final = "application/vnd.overt.audit-plan+json"
PLAN_FILE: Final = "plan.json"
KEY_FILE: Final = "audit.key"
VKEY_FILE: Final = "audit.vkey"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPlan:
    """A plan whose signature holds. ``digest`` is the SHA-256 of its encoding, in hexadecimal."""

    plan: Plan
    digest: str


def seal_plan(plan: Plan, vkey: str, sign: Sign) -> bytes:
    """The signed envelope of a plan; ``sign`` is that of the private half of ``vkey``."""
    return sign_envelope(KIND, encode_plan(plan), parse_vkey(vkey), sign)


def open_plan(raw: bytes, vkey: str) -> SealedPlan:
    """The plan in an envelope; `VerificationFailed` if this key did not sign it, or it is no plan as we write it."""
    body = open_envelope(raw, KIND, parse_vkey(vkey))
    return SealedPlan(plan=decode_plan(body), digest=hashlib.sha256(body).hexdigest())


def read_plan(folder: Path, vkey: str | None = None) -> SealedPlan:
    """The plan in the folder of an audit. Without a key from a source that one trusts, the one beside it is taken:
    then the signature shows that plan and key belong together, not whose they are.
    """
    try:
        trusted = vkey if vkey is not None else (folder / VKEY_FILE).read_text("utf-8").strip()
        raw = (folder / PLAN_FILE).read_bytes()
    except OSError as error:
        raise BadRequest(
            f"cannot read {str(error.filename)!r} ({error.strerror}): 'overt audit plan' makes the folder of an audit"
        ) from error
    except UnicodeDecodeError as error:
        raise BadRequest(f"{str(folder / VKEY_FILE)!r} holds no key ({error}): see 'overt audit plan'") from error
    try:
        return open_plan(raw, trusted)
    except VerificationFailed as error:
        what = "the key beside it is none" if error.step == "key" else "it was changed, or another key signed it"
        raise VerificationFailed(str(folder / PLAN_FILE), f"{what} ({error})") from error
