"""Policies of trust (C2SP tlog-policy): which logs, which witnesses, and how many of them must have cosigned.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <member>...
    quorum <name>|none

Names are octets without meaning outside the file. A name is defined before it is used and is a member of one group at
most, so every witness counts in one way only. Two keys with the same public key are one key, and refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, final

from overt.errors import VerificationFailed
from overt.proof.cosign import Cosigned, CosignerKey, WitnessKey, open_cosigned, parse_witness_key
from overt.proof.merkle import verify_inclusion
from overt.proof.note import VerifierKey, parse_vkey
from overt.proof.tlogproof import TlogProof

NONE: Final = "none"
_WHAT: Final = "policy"
_BLANKS = re.compile(r"[ \t]+")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLog:
    """A log whose checkpoints are accepted."""

    key: VerifierKey
    url: str | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A witness under the name that the policy gives it."""

    name: str
    key: WitnessKey
    url: str | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Counts as a witness when at least ``least`` of its members do."""

    name: str
    least: int
    members: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """``groups`` are in the order of their definition. ``quorum`` None asks for the signature of the log only."""

    logs: tuple[KnownLog, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    quorum: str | None

    @property
    def cosigners(self) -> tuple[CosignerKey, ...]:
        """The keys of the witnesses whose cosignatures can be verified."""
        return tuple(witness.key for witness in self.witnesses if isinstance(witness.key, CosignerKey))


def log_only(*keys: VerifierKey) -> Policy:
    """The policy that asks for no witness: it does not exclude that others were shown another history."""
    return Policy(logs=tuple(KnownLog(key=key) for key in keys), witnesses=(), groups=(), quorum=None)


def parse_policy(raw: bytes) -> Policy:
    """The policy, or `VerificationFailed` with the first line that is wrong."""
    bad = next((octet for octet in raw if octet == 0x7F or (octet < 0x20 and octet not in b"\t\n")), None)
    if bad is not None:
        raise VerificationFailed(_WHAT, f"it holds the control character {bad:#04x}")
    if raw and not raw.endswith(b"\n"):
        raise VerificationFailed(_WHAT, "its last line does not end; it may have been cut off")
    # Octets are opaque: those that are not UTF-8 survive as surrogates, so no two names become one.
    text = raw.decode("utf-8", "surrogateescape")
    draft = _Draft()
    for number, line in enumerate(text.split("\n"), 1):
        words = [word for word in _BLANKS.split(line) if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            _read(draft, words)
        except VerificationFailed as error:
            raise VerificationFailed(_WHAT, f"line {number}: {error.reason}") from error
    if draft.quorum is None:
        raise VerificationFailed(_WHAT, "it has no 'quorum' line; write 'quorum none' to ask for no witness")
    return Policy(
        logs=tuple(draft.logs),
        witnesses=tuple(draft.witnesses),
        groups=tuple(draft.groups),
        quorum=None if draft.quorum == NONE else draft.quorum,
    )


def satisfied(policy: Policy, cosigners: Collection[CosignerKey]) -> bool:
    """Whether these witnesses, having cosigned, make the quorum."""
    if policy.quorum is None:
        return True
    counted = {witness.name for witness in policy.witnesses if witness.key in cosigners}
    for group in policy.groups:
        if sum(member in counted for member in group.members) >= group.least:
            counted.add(group.name)
    return policy.quorum in counted


def accept(policy: Policy, note: bytes, *log: VerifierKey) -> Cosigned:
    """The checkpoint if the policy accepts it, or `VerificationFailed`.

    ``log``: the keys of the one log that is meant, where that is known; a policy with logs must list them.
    """
    listed = [known.key for known in policy.logs]
    for key in log:
        if listed and key not in listed:
            raise VerificationFailed(_WHAT, f"it does not list the log {key.text!r}; add a 'log' line")
    cosigned = open_cosigned(note, log or listed, policy.cosigners)
    if not satisfied(policy, [each.key for each in cosigned.cosignatures]):
        names = list(_names(policy, cosigned))
        raise VerificationFailed(_WHAT, f"the quorum {policy.quorum!r} is not met: cosigned by {names!r} only")
    return cosigned


def verify_proof_under(proof: TlogProof, leaf: bytes, policy: Policy, *log: VerifierKey) -> Cosigned:
    """The checkpoint that the proof leads to, if the policy accepts it; or `VerificationFailed`."""
    cosigned = accept(policy, proof.checkpoint, *log)
    state = cosigned.checkpoint
    verify_inclusion(index=proof.index, size=state.size, leaf=leaf, path=proof.path, root=state.root)
    return cosigned


def _names(policy: Policy, cosigned: Cosigned) -> Iterator[str]:
    keys = [each.key for each in cosigned.cosignatures]
    return (witness.name for witness in policy.witnesses if witness.key in keys)


@final
@dataclass(slots=True)
class _Draft:
    logs: list[KnownLog] = field(default_factory=list)
    witnesses: list[Witness] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    free: dict[str, bool] = field(default_factory=dict)
    """The names that are defined, and whether each may still become a member."""
    quorum: str | None = None


def _read(draft: _Draft, words: Sequence[str]) -> None:
    match words:
        case ["log", vkey, *url] if len(url) <= 1:
            _add_log(draft, vkey, *url)
        case ["witness", name, vkey, *url] if len(url) <= 1:
            _add_witness(draft, name, vkey, *url)
        case ["group", name, least, first, *others]:
            _add_group(draft, name, least, (first, *others))
        case ["quorum", name]:
            _set_quorum(draft, name)
        case _:
            raise VerificationFailed(
                _WHAT,
                f"{' '.join(words)!r} is none of 'log VKEY [URL]', 'witness NAME VKEY [URL]', "
                "'group NAME all|any|K MEMBER...', 'quorum NAME|none'",
            )


def _add_log(draft: _Draft, vkey: str, url: str | None = None) -> None:
    key = parse_vkey(vkey)
    if any(known.key.public == key.public for known in draft.logs):
        raise VerificationFailed(_WHAT, f"the key of the log {key.name!r} is listed twice")
    draft.logs.append(KnownLog(key=key, url=url))


def _add_witness(draft: _Draft, name: str, vkey: str, url: str | None = None) -> None:
    key = parse_witness_key(vkey)
    if any(known.key.public == key.public for known in draft.witnesses):
        raise VerificationFailed(_WHAT, f"the key of the witness {name!r} is listed twice")
    _define(draft, name)
    draft.witnesses.append(Witness(name=name, key=key, url=url))


def _add_group(draft: _Draft, name: str, threshold: str, members: tuple[str, ...]) -> None:
    for member in members:
        if member not in draft.free:
            raise VerificationFailed(_WHAT, f"the member {member!r} of {name!r} is not defined on a line before")
        if not draft.free[member]:
            raise VerificationFailed(_WHAT, f"{member!r} is a member already; it can count in one way only")
        draft.free[member] = False
    least = {"all": len(members), "any": 1}.get(threshold)
    if least is None and _NUMBER.fullmatch(threshold):
        least = int(threshold)
    if least is None or least > len(members):
        raise VerificationFailed(
            _WHAT, f"{threshold!r} is not 'all', 'any' or a number from 1 to the {len(members)} members of {name!r}"
        )
    _define(draft, name)
    draft.groups.append(Group(name=name, least=least, members=members))


def _set_quorum(draft: _Draft, name: str) -> None:
    if draft.quorum is not None:
        raise VerificationFailed(_WHAT, f"a second quorum, {name!r}; there is exactly one")
    if name != NONE and name not in draft.free:
        raise VerificationFailed(_WHAT, f"the quorum {name!r} is not defined on a line before")
    draft.quorum = name


def _define(draft: _Draft, name: str) -> None:
    if name == NONE or name in draft.free:
        raise VerificationFailed(_WHAT, f"the name {name!r} is taken; choose another")
    draft.free[name] = True
