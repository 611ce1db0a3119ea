"""Each checkpoint that is seen must continue the last one, or be continued by it; the later one is remembered.

The same size under two roots, or a root that does not begin with the other, is a log that was rewritten, or that is
not the same for everybody. Both notes are signed, so together they are evidence; both are kept.
"""

from __future__ import annotations

from overt.client.keys import checkpoint_in
from overt.client.memory import Memory, break_
from overt.client.steps import Course, Save, over_log
from overt.errors import HistoryChanged, VerificationFailed
from overt.proof.note import Checkpoint
from overt.proof.verify import verify_continues


def follow(memory: Memory, note: bytes, root: str) -> Course[Checkpoint]:
    """The verified checkpoint, remembered if it is the later one. Raises `HistoryChanged`, `Unreadable`."""
    new = yield from checkpoint_in(memory, note, root)
    while True:
        old = memory.checkpoint
        if old is not None:
            yield from _compare(memory, old, new, note, root)
            if new.size <= old.size:
                return new
        if memory.adopt(note, old):
            return new


def _compare(memory: Memory, old: Checkpoint, new: Checkpoint, note: bytes, root: str) -> Course[None]:
    first, second = sorted((old, new), key=lambda each: each.size)
    try:
        yield from over_log(root, lambda read: verify_continues(read, first, second))
    except VerificationFailed as failure:
        memory.change(break_(note.decode()))
        yield Save()
        raise HistoryChanged(
            f"the log {old.origin} signed {new.size} entries under {new.root.hex()}, which does not fit the "
            f"{old.size} under {old.root.hex()} that it signed before ({failure}); both notes are in the client's "
            "state: show them to others who use this log"
        ) from failure
