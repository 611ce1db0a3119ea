"""What is remembered between requests: scores of texts, and what words weigh. Bounded, and safe in several threads.

Nothing here changes a result: whatever is forgotten is made again, and comes out the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar, final

Value = TypeVar("Value")


@final
class Memory(Generic[Value]):
    """At most ``size`` values by digest, the least recently asked forgotten first; two that miss at once compute the
    same value twice. For scores of texts, which are kept under the SHA-256 of the text."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[bytes, Value] = OrderedDict()
        self._lock = Lock()

    def get(self, key: bytes, make: Callable[[], Value]) -> Value:
        """The value of a key, made if it is not there."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        value = make()
        with self._lock:
            self._kept[key] = value
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return value


@final
class Lexicon(Generic[Value]):
    """Values of short strings, in two generations of at most ``size`` each: what is asked in the life of a generation
    lives on in the next. A look-up is one step in a dict, without a lock; a value lost to a race is made again."""

    def __init__(self, size: int, make: Callable[[str], Value]) -> None:
        self._size = size
        self._make = make
        self._young: dict[str, Value] = {}
        self._old: dict[str, Value] = {}

    def all(self, keys: Sequence[str]) -> list[Value]:
        """The value of each key."""
        young = self._young
        try:
            return list(map(young.__getitem__, keys))
        except KeyError:
            return [young[key] if key in young else self.get(key) for key in keys]

    def get(self, key: str) -> Value:
        """The value of a key, made if it is not there."""
        young, old = self._young, self._old
        if key in young:
            return young[key]
        value = old[key] if key in old else self._make(key)
        if len(young) >= self._size:
            self._old, young = young, {}
            self._young = young
        young[key] = value
        return value
