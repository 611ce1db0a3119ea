"""What was asked, noted before it is asked: calls that a kill cut off were paid for perhaps, and no record says so.

One line of JSON for each call, ``[route, pid, rep]``, in a file beside the records. Calls noted more often than
recorded are lost ones; a budget counts them at the most that they may have cost. Only routes that cost are noted. The
lines reach the kernel before the request leaves, so they survive the end of the process, and a power failure mostly.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import final

from overt.audit.collect.ledger import Call
from overt.audit.record import Record
from overt.errors import OperatorError


@final
class Journal:
    """See the module. Open it with `open_journal`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    def note(self, call: Call) -> None:
        """Say that a call is about to be made."""
        line = json.dumps(list(call), separators=(",", ":")) + "\n"
        try:
            os.write(self._descriptor, line.encode())
        except OSError as error:
            raise OperatorError(f"cannot write {str(self._path)!r}: {error.strerror}; nothing more is asked") from error

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def open_journal(path: Path) -> Journal:
    """Go on with a journal, or begin one."""
    try:
        return Journal(path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    except OSError as error:
        raise OperatorError(f"cannot write {str(path)!r}: {error.strerror}") from error


def lost_calls(path: Path, records: Iterable[Record]) -> Counter[Call]:
    """The calls that were asked, and how many times more than records tell."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return Counter()
    except OSError as error:
        raise OperatorError(f"cannot read {str(path)!r}: {error.strerror}") from error
    asked = Counter(call for line in lines if (call := _call_of(line)) is not None)
    return asked - Counter((record.route, record.pid, record.rep) for record in records)


def _call_of(line: bytes) -> Call | None:
    """The call of a line; None for one that a power failure left unfinished: it was never sent."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    match found:
        case [str() as route, str() as pid, int() as rep]:
            return route, pid, rep
        case _:
            return None
