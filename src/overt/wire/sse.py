"""Server-sent events, read as they come, each with the exact bytes in which it came.

The raw bytes of all units together are the input, however it was cut. A unit is an event with its closing blank
line, or a comment or blank line that stands between events: those are given at once, because they keep connections
alive. A carriage return at the end of a chunk waits for the next byte, which may be its line feed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import final

from overt.errors import UpstreamGarbage

LIMIT = 16 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_LF = 0x0A
_LINE_END = re.compile(rb"[\r\n]")


@final
@dataclass(frozen=True, slots=True)
class Event:
    """One unit. ``data`` is None where it has no data line; ``name`` is empty where it has no event line."""

    raw: bytes
    name: str = ""
    data: bytes | None = None


@final
class SseReader:
    """Feed it bytes; it gives events. Raises `UpstreamGarbage` for an event of more than ``limit`` bytes."""

    def __init__(self, *, limit: int = LIMIT) -> None:
        self._limit = limit
        self._pending = bytearray()
        self._line = 0
        self._scanned = 0
        self._fields: list[bytes] = []
        self._begun = False

    def feed(self, chunk: bytes) -> list[Event]:
        """More bytes came: the units that they complete."""
        self._pending += chunk
        return self._units(final_chunk=False)

    def end(self) -> list[Event]:
        """The connection closed: what is left, as it is. A last event without its blank line is kept."""
        events = self._units(final_chunk=True)
        if self._pending:
            self._take_line(len(self._pending), len(self._pending))
            events.append(self._cut())
        return events

    def _units(self, *, final_chunk: bool) -> list[Event]:
        events: list[Event] = []
        while (ends := self._line_end(final_chunk=final_chunk)) is not None:
            if self._take_line(*ends):
                events.append(self._cut())
        self._check(len(self._pending))
        return events

    def _line_end(self, *, final_chunk: bool) -> tuple[int, int] | None:
        """Where the current line's text ends, and where the next line starts."""
        found = _LINE_END.search(self._pending, self._scanned)
        if found is None:
            self._scanned = len(self._pending)
            return None
        at = found.start()
        if self._pending[at] == _LF:
            return at, at + 1
        if at + 1 == len(self._pending) and not final_chunk:
            self._scanned = at
            return None
        return at, at + 2 if self._pending[at + 1 : at + 2] == b"\n" else at + 1

    def _take_line(self, end: int, after: int) -> bool:
        """Read one line; whether a unit ends with it."""
        line = bytes(self._pending[self._line : end])
        if not self._begun:
            self._begun = True
            line = line.removeprefix(_BOM)
        self._line = self._scanned = after
        if not line or (line.startswith(b":") and not self._fields):
            return True
        self._fields.append(line)
        return False

    def _cut(self) -> Event:
        self._check(self._line)
        raw = bytes(self._pending[: self._line])
        del self._pending[: self._line]
        fields, self._fields = self._fields, []
        self._line = self._scanned = 0
        return _event(raw, fields)

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise UpstreamGarbage(f"the upstream sent an event of over {self._limit!r} bytes: nothing we can relay")


def _event(raw: bytes, lines: list[bytes]) -> Event:
    name = ""
    data: list[bytes] = []
    for line in lines:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            name = value.decode("utf-8", "replace")
        elif field == b"data":
            data.append(value)
    return Event(raw, name, b"\n".join(data) if data else None)


def one(raw: bytes) -> Event:
    """The event in the bytes of one unit."""
    reader = SseReader(limit=len(raw))
    events = [*reader.feed(raw), *reader.end()]
    return next((event for event in events if event.data is not None), Event(raw))


def frame(name: str, data: bytes) -> bytes:
    """An event that we write, with data on one line."""
    return b"event: %s\ndata: %s\n\n" % (name.encode("utf-8"), data)


def with_data(event: Event, data: bytes) -> bytes:
    """The bytes of an event with other data: its line ends, comments and other fields stay where they can."""
    if event.data is not None and event.data and event.raw.count(event.data) == 1:
        return event.raw.replace(event.data, data)
    return frame(event.name, data)
