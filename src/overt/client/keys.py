"""A log's key may be replaced: the client follows the announcements that lead from the key it was given to later ones.

Each is signed by a key before it, so nothing is believed that the key we trust has not said. Whoever stole that key
could say it as well; that such a thing is in the log for everybody to see is what monitors look after.
"""

from __future__ import annotations

from overt.client.memory import Memory
from overt.client.steps import Course, Save, log_file
from overt.errors import VerificationFailed
from overt.proof.keys import KEYS
from overt.proof.note import Checkpoint, open_checkpoint


def learnt(memory: Memory, root: str) -> Course[bool]:
    """Read the announcements beside the log; whether they led to a key that we did not know.

    Raises `VerificationFailed` where they are false, `Unreadable` where they cannot be had.
    """
    announced = yield from log_file(root, KEYS)
    if announced is None or not memory.learn(announced):
        return False
    yield Save()
    return True


def checkpoint_in(memory: Memory, note: bytes, root: str) -> Course[Checkpoint]:
    """The checkpoint that a key of the log signed, a later one than we know perhaps; else `VerificationFailed`."""
    try:
        return open_checkpoint(note, *memory.keys)
    except VerificationFailed:
        if not (yield from learnt(memory, root)):
            raise
    return open_checkpoint(note, *memory.keys)
