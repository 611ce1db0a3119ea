"""The memory of one client: shared by all its calls and threads, saved to its state file when it changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, final

from overt.client.state import Owed, Promised, State, StateFile, encode_state
from overt.errors import OperatorError
from overt.proof.keys import decode_keys, keys_after
from overt.proof.note import Checkpoint, VerifierKey, open_checkpoint, parse_vkey

USED_MOST: Final = 4096
"""How many receipt ids are remembered as used, so that no receipt serves twice."""


@final
class Memory:
    """See the module. Every method may be called from any thread; `save` blocks while it writes."""

    def __init__(self, state: State, file: StateFile | None) -> None:
        self._state = state
        self._file = file
        self._saved = state
        self._used: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._keys = keys_after(parse_vkey(state.log_key), decode_keys(state.followed))
        self._checkpoint = None if state.checkpoint is None else open_checkpoint(state.checkpoint, *self._keys)

    @property
    def log_key(self) -> str:
        """The log's verifier key, as it was given."""
        return self._state.log_key

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """That key, and the later ones to which it has led so far."""
        return self._keys

    @property
    def state(self) -> State:
        """Everything that is remembered, as it is now."""
        return self._state

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The last checkpoint seen."""
        return self._checkpoint

    @property
    def note(self) -> bytes | None:
        """The last checkpoint seen, as the log signed it."""
        return self._state.checkpoint

    def use(self, receipt_id: str) -> bool:
        """Mark a receipt as used; False if it was already."""
        with self._lock:
            if receipt_id in self._used:
                return False
            self._used[receipt_id] = None
            while len(self._used) > USED_MOST:
                self._used.popitem(last=False)
            return True

    def adopt(self, note: bytes, after: Checkpoint | None) -> bool:
        """Remember a verified checkpoint that continues ``after``; False if something else came in between."""
        with self._lock:
            if self._checkpoint != after:
                return False
            self._checkpoint = open_checkpoint(note, *self._keys)
            self._state = replace(self._state, checkpoint=note)
            return True

    def learn(self, announced: bytes) -> bool:
        """Follow the log's key to later ones; whether there were any that we did not know. A key once known stays.

        Raises `VerificationFailed` for announcements that do not verify.
        """
        entries = decode_keys(announced)
        with self._lock:
            keys = keys_after(self._keys[0], entries)
            if not frozenset(self._keys) < frozenset(keys):
                return False
            self._keys = keys
            self._state = replace(self._state, followed=announced)
            return True

    def change(self, edit: Callable[[State], State]) -> None:
        """Change what is open. ``edit`` must leave keys and checkpoint alone."""
        with self._lock:
            self._state = edit(self._state)

    def save(self) -> None:
        """Write what changed since the last time, if there is a file."""
        with self._saving:
            state = self._state
            if self._file is not None and state != self._saved:
                self._file.write(encode_state(state))
                self._saved = state

    def close(self) -> None:
        """Leave the file to others. Idempotent."""
        if self._file is not None:
            self._file.close()


def open_memory(log_key: str, path: Path | None) -> Memory:
    """The memory in a file, or one that ends with the process. Raises `OperatorError` for a file of another log."""
    parse_vkey(log_key)
    if path is None:
        return Memory(State(log_key=log_key), None)
    file = StateFile(path)
    known = file.read()
    if known is not None and known.log_key != log_key:
        file.close()
        raise OperatorError(
            f"the client's state {str(path)!r} remembers the log key {known.log_key!r}, not {log_key!r}; "
            "use another file, or find out why the key changed"
        )
    return Memory(known or State(log_key=log_key), file)


def promise(promised: Promised) -> Callable[[State], State]:
    """Add a promise that is to be kept."""
    return lambda state: replace(state, promised=(*state.promised, promised))


def kept(promised: Promised) -> Callable[[State], State]:
    """The promise was kept: forget it."""
    return lambda state: replace(state, promised=tuple(each for each in state.promised if each != promised))


def owe(owed: Owed) -> Callable[[State], State]:
    """Add a completion that has to appear."""
    return lambda state: replace(state, owed=(*state.owed, owed))


def paid(owed: Owed) -> Callable[[State], State]:
    """The completion appeared, or it was told that it did not."""
    return lambda state: replace(state, owed=tuple(each for each in state.owed if each != owed))


def break_(evidence: str) -> Callable[[State], State]:
    """Keep evidence of something false."""

    def edit(state: State) -> State:
        return state if evidence in state.broken else replace(state, broken=(*state.broken, evidence))

    return edit
