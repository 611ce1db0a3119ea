"""Whether a checkpoint has the quorum that a policy asks for, in a sentence for people.

Cosignatures that are dated in the future do not count: a witness that could date ahead could deny to have seen more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from overt.errors import VerificationFailed
from overt.proof.cosign import Cosignature, open_cosigned
from overt.proof.instant import utc
from overt.proof.note import VerifierKey
from overt.proof.policy import Policy, satisfied

MOST_AHEAD_SECONDS: Final = 60
"""How far a cosignature may be dated in the future, by the reader's clock."""
_MOST_AHEAD_MS: Final = MOST_AHEAD_SECONDS * 1000
_WHAT: Final = "quorum"


def quorum_of(policy: Policy, note: bytes, keys: Sequence[VerifierKey], now: int | None) -> str:
    """Who cosigned a checkpoint of the log with these keys; `VerificationFailed` if that is not the quorum.

    ``now`` (POSIX milliseconds) finds cosignatures that are dated in the future; None looks for none.
    """
    listed = [known.key for known in policy.logs]
    meant = [key for key in keys if not listed or key in listed]
    if not meant:
        raise VerificationFailed(_WHAT, f"the policy does not list the log {keys[0].text!r}; add a 'log' line")
    cosigned = open_cosigned(note, meant, policy.cosigners)
    ahead = [each for each in cosigned.cosignatures if now is not None and each.time * 1000 > now + _MOST_AHEAD_MS]
    counted = [each for each in cosigned.cosignatures if each not in ahead]
    told = ", ".join(_told(policy, each) for each in counted) or "no witness of the policy"
    if ahead:
        told += f"; dated in the future and not counted: {', '.join(_told(policy, each) for each in ahead)}"
    if not satisfied(policy, [each.key for each in counted]):
        raise VerificationFailed(_WHAT, f"the quorum {policy.quorum!r} is not met: cosigned by {told}")
    if policy.quorum is None:
        return f"the policy asks for no quorum: cosigned by {told}; others may be shown another history"
    return f"the quorum {policy.quorum!r} is met: cosigned by {told}"


def _told(policy: Policy, cosignature: Cosignature) -> str:
    name = next(witness.name for witness in policy.witnesses if witness.key == cosignature.key)
    return f"{name} ({utc(cosignature.time * 1000)})"
