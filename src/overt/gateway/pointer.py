"""Which release a gateway uses: the content of ``releases/active.json``, as a value and as canonical bytes.

The pointer holds the release in use, those before it (a rollback goes back one), and every change there was. None
stands for the release that comes with the package. A pointer proves nothing by itself: whoever reads it holds it
against the release's folder and against the log (`overt.gateway.releases`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, final

from overt.core.domain import Digest
from overt.errors import OperatorError, VerificationFailed
from overt.proof import b64, canonical
from overt.proof.members import Members, members_of

VERSION: Final = "overt-active/1"
_WHAT: Final = "pointer"
_POINTER = frozenset(("v", "active", "before", "changes"))
_ACTIVATION = frozenset(("digest", "name", "version", "entry", "when", "failed", "reason", "signed_by"))
_CHANGE = frozenset(("when", "command", "previous", "digest", "reason"))


class Command(StrEnum):
    """What changed the pointer."""

    ACTIVATE = "activate"
    ROLLBACK = "rollback"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """A release that was put to use. ``entry`` is its announcement in the log, ``when`` POSIX seconds. ``failed`` are
    the gates that it failed, and ``reason`` why it was used all the same. ``signed_by`` is the key whose signature was
    checked, None if none was."""

    digest: Digest
    name: str
    version: str
    entry: bytes
    when: int
    failed: tuple[str, ...] = ()
    reason: str | None = None
    signed_by: str | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One move of the pointer. None is the release that comes with the package."""

    when: int
    command: Command
    previous: Digest | None
    digest: Digest | None
    reason: str | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """See the module. ``before`` are the releases to go back to, the next one last."""

    active: Activation | None = None
    before: tuple[Activation, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def digest(self) -> Digest | None:
        """The release in use."""
        return self.active.digest if self.active is not None else None


def activated(pointer: Pointer, activation: Activation) -> Pointer:
    """The pointer after an activation."""
    before = pointer.before if pointer.active is None else (*pointer.before, pointer.active)
    return _changed(
        Pointer(active=activation, before=before, changes=pointer.changes),
        Change(
            when=activation.when,
            command=Command.ACTIVATE,
            previous=pointer.digest,
            digest=activation.digest,
            reason=activation.reason,
        ),
    )


def rolled_back(pointer: Pointer, when: int, reason: str | None) -> Pointer:
    """The pointer one release back: to the one before, or to the one that comes with the package."""
    if pointer.active is None:
        raise OperatorError("there is nothing to go back to: the release that comes with the package is in use")
    active = pointer.before[-1] if pointer.before else None
    return _changed(
        Pointer(active=active, before=pointer.before[:-1], changes=pointer.changes),
        Change(
            when=when,
            command=Command.ROLLBACK,
            previous=pointer.digest,
            digest=active.digest if active is not None else None,
            reason=reason,
        ),
    )


def _changed(pointer: Pointer, change: Change) -> Pointer:
    return replace(pointer, changes=(*pointer.changes, change))


def encode_pointer(pointer: Pointer) -> bytes:
    """The canonical bytes, and a line end."""
    value: canonical.Value = {
        "v": VERSION,
        "active": None if pointer.active is None else _activation_value(pointer.active),
        "before": [_activation_value(activation) for activation in pointer.before],
        "changes": [
            {
                "when": change.when,
                "command": str(change.command),
                "previous": change.previous,
                "digest": change.digest,
                "reason": change.reason,
            }
            for change in pointer.changes
        ],
    }
    return canonical.encode(value) + b"\n"


def decode_pointer(raw: bytes) -> Pointer:
    """The pointer, or `VerificationFailed` if the bytes are not one."""
    value = canonical.decode(raw.removesuffix(b"\n"))
    members = members_of(value, _WHAT, _POINTER)
    members.constant("v", VERSION)
    active = members.object_or_none("active", _ACTIVATION)
    return Pointer(
        active=None if active is None else _read_activation(active),
        before=tuple(_read_activation(each) for each in _objects(value, "before", _ACTIVATION)),
        changes=tuple(_read_change(each) for each in _objects(value, "changes", _CHANGE)),
    )


def _activation_value(activation: Activation) -> canonical.Value:
    return {
        "digest": activation.digest,
        "name": activation.name,
        "version": activation.version,
        "entry": b64.encode(activation.entry),
        "when": activation.when,
        "failed": list(activation.failed),
        "reason": activation.reason,
        "signed_by": activation.signed_by,
    }


def _read_activation(members: Members) -> Activation:
    return Activation(
        digest=members.digest("digest"),
        name=members.text("name"),
        version=members.text("version"),
        entry=members.base64("entry"),
        when=members.integer("when"),
        failed=members.texts("failed"),
        reason=members.text_or_none("reason"),
        signed_by=members.text_or_none("signed_by"),
    )


def _read_change(members: Members) -> Change:
    return Change(
        when=members.integer("when"),
        command=members.word("command", Command),
        previous=_digest_or_none(members, "previous"),
        digest=_digest_or_none(members, "digest"),
        reason=members.text_or_none("reason"),
    )


def _digest_or_none(members: Members, name: str) -> Digest | None:
    return None if members.text_or_none(name) is None else members.digest(name)


def _objects(value: canonical.Value, name: str, names: frozenset[str]) -> list[Members]:
    found = value[name] if isinstance(value, dict) else None
    if not isinstance(found, list):
        raise VerificationFailed(_WHAT, f"member {name!r} is not a list")
    return [members_of(each, f"{_WHAT}.{name}", names) for each in found]
