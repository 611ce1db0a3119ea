"""What a client remembers between calls, and between runs if it has a file: the last checkpoint, and what is open.

``overt-client/1`` is one canonical JSON document. A file belongs to one process at a time: a second one that opened it
would forget what the first one learnt, so it is refused. Receipts are kept without the secret that opens them; the
file still tells how often and when somebody asked, so only its owner may read it.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from overt.errors import OperatorError, VerificationFailed
from overt.proof import b64, canonical
from overt.proof.members import Members, members_of

if sys.platform != "win32":
    import fcntl

VERSION: Final = "overt-client/1"
_STATE = frozenset(("v", "log_key", "checkpoint", "promised", "owed", "broken"))
FOLLOWED: Final = "followed"
_PROMISED = frozenset(("receipt", "seen", "since"))
_OWED = frozenset(("id", "leaf", "seen"))
_WHAT: Final = "state"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """A receipt whose entry was not proved to be in the log yet, without its secret.

    ``seen`` is when it came by our clock (POSIX milliseconds), ``since`` the size of the log that we knew before.
    """

    receipt: bytes
    seen: int
    since: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A stream that we left before its end: the receipt that closes it has to appear. ``leaf`` is the decision's."""

    id: str
    leaf: bytes
    seen: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """See the module. ``checkpoint`` is the signed note, ``broken`` what was found false, kept as evidence.

    ``log_key`` is the key that we were given, ``followed`` the announcements that lead from it to later ones
    (`overt.proof.keys`).
    """

    log_key: str
    followed: bytes = b""
    checkpoint: bytes | None = None
    promised: tuple[Promised, ...] = ()
    owed: tuple[Owed, ...] = ()
    broken: tuple[str, ...] = ()


def encode_state(state: State) -> bytes:
    """The document, with its line feed."""
    value: canonical.Value = {
        "v": VERSION,
        "log_key": state.log_key,
        "followed": state.followed.decode(),
        "checkpoint": None if state.checkpoint is None else state.checkpoint.decode(),
        "promised": [
            {"receipt": b64.encode(each.receipt), "seen": each.seen, "since": each.since} for each in state.promised
        ],
        "owed": [{"id": each.id, "leaf": each.leaf.hex(), "seen": each.seen} for each in state.owed],
        "broken": list(state.broken),
    }
    return canonical.encode(value) + b"\n"


def decode_state(raw: bytes) -> State:
    """The state, or `VerificationFailed`."""
    value = canonical.decode(raw.removesuffix(b"\n"))
    members = members_of(value, _WHAT, _STATE, frozenset((FOLLOWED,)))
    members.constant("v", VERSION)
    checkpoint = members.text_or_none("checkpoint")
    return State(
        log_key=members.text("log_key"),
        followed=members.string(FOLLOWED).encode() if isinstance(value, dict) and FOLLOWED in value else b"",
        checkpoint=None if checkpoint is None else checkpoint.encode(),
        promised=tuple(
            Promised(receipt=each.base64("receipt"), seen=each.integer("seen"), since=each.integer("since"))
            for each in _objects(value, "promised", _PROMISED)
        ),
        owed=tuple(
            Owed(id=each.text("id"), leaf=each.hash("leaf"), seen=each.integer("seen"))
            for each in _objects(value, "owed", _OWED)
        ),
        broken=members.texts("broken"),
    )


def _objects(value: canonical.Value, name: str, names: frozenset[str]) -> list[Members]:
    listed = value.get(name) if isinstance(value, dict) else None
    if not isinstance(listed, list):
        raise VerificationFailed(_WHAT, f"member {name!r} is {listed!r}, expected a list")
    return [members_of(each, f"{_WHAT}.{name}", names) for each in listed]


@final
class StateFile:
    """The file of one process. `read` once, then `write` as often as something changes; both block."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._lock: int | None = None

    def read(self) -> State | None:
        """What was remembered, None if there is no file yet. From here on the file is ours until `close`."""
        self._take()
        try:
            return decode_state(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (VerificationFailed, OSError) as error:
            self.close()
            raise OperatorError(
                f"the client's state {str(self._path)!r} cannot be read: {error}; restore it: without it nobody "
                "notices a log that was rolled back"
            ) from error

    def write(self, raw: bytes) -> None:
        """Replace the file: after a crash it has its old content or this one."""
        new = self._path.with_name(f".{self._path.name}.new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self._path)

    def close(self) -> None:
        """Leave the file to others. Idempotent."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._path.with_name(f"{self._path.name}.lock"), os.O_WRONLY | os.O_CREAT, 0o600)
        if sys.platform != "win32":
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(lock)
                raise OperatorError(
                    f"the client's state {str(self._path)!r} is in use by another client; give each its own file"
                ) from error
        self._lock = lock
