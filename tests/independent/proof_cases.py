"""Random proofs by our prover, and the same with one thing changed: what every verifier must accept, and refuse."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

from overt.errors import VerificationFailed
from overt.proof import merkle


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Inclusion:
    """That an entry is at an index of a log of this size."""

    size: int
    index: int
    entry: bytes
    root: bytes
    path: tuple[bytes, ...]

    @property
    def line(self) -> str:
        """As the checkers read it."""
        return f"I {self.size} {self.index} {self.entry.hex()} {self.root.hex()} {_hexes(self.path)}"

    @property
    def holds(self) -> bool:
        """What we say."""
        leaf = merkle.leaf_hash(self.entry)
        try:
            merkle.verify_inclusion(index=self.index, size=self.size, leaf=leaf, path=self.path, root=self.root)
        except VerificationFailed:
            return False
        return True


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Consistency:
    """That a log of the new size begins with the log of the old size."""

    old: int
    new: int
    old_root: bytes
    new_root: bytes
    path: tuple[bytes, ...]

    @property
    def line(self) -> str:
        """As the checkers read it."""
        return f"C {self.old} {self.new} {self.old_root.hex()} {self.new_root.hex()} {_hexes(self.path)}"

    @property
    def holds(self) -> bool:
        """What we say."""
        try:
            merkle.verify_consistency(
                old=self.old, new=self.new, path=self.path, old_root=self.old_root, new_root=self.new_root
            )
        except VerificationFailed:
            return False
        return True


@final
class Sample:
    """The log of the entries overt-0, overt-1, ... with every hash of it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._rows = [[merkle.leaf_hash(entry_at(i)) for i in range(size)]]
        while len(self._rows[-1]) > 1:
            row = self._rows[-1]
            self._rows.append([merkle.node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)])

    def hashes(self, level: int, index: int) -> bytes:
        """The hash of a complete subtree."""
        return self._rows[level][index]

    def root(self, size: int) -> bytes:
        """The root of the first entries."""
        return merkle.root_of(size, self.hashes)

    def inclusion(self, index: int, size: int) -> Inclusion:
        """A proof by our prover."""
        path = merkle.prove_inclusion(index, size, self.hashes)
        return Inclusion(size=size, index=index, entry=entry_at(index), root=self.root(size), path=path)

    def consistency(self, old: int, new: int) -> Consistency:
        """A proof by our prover."""
        path = merkle.prove_consistency(old, new, self.hashes)
        return Consistency(old=old, new=new, old_root=self.root(old), new_root=self.root(new), path=path)


def entry_at(index: int) -> bytes:
    """An entry of the sample."""
    return b"overt-%d" % index


def some_size(rng: random.Random, most: int) -> int:
    """A size of at least one: any, or near a power of two, or near a multiple of a tile."""
    near = rng.choice([None, 1 << rng.randrange(most.bit_length()), 256 * rng.randrange(1, most // 256 + 1)])
    size = rng.randint(1, most) if near is None else near + rng.randint(-1, 1)
    return min(max(size, 1), most)


def inclusions(sample: Sample, rng: random.Random, count: int) -> list[Inclusion]:
    """Random proofs of inclusion."""
    sizes = [some_size(rng, sample.size) for _ in range(count)]
    return [sample.inclusion(rng.choice([0, size - 1, rng.randrange(size)]), size) for size in sizes]


def consistencies(sample: Sample, rng: random.Random, count: int) -> list[Consistency]:
    """Random proofs of consistency."""
    pairs = [sorted((some_size(rng, sample.size), some_size(rng, sample.size))) for _ in range(count)]
    return [sample.consistency(old, new) for old, new in pairs]


def changed_inclusion(case: Inclusion, rng: random.Random) -> Inclusion:
    """The same with one thing changed, so that it does not hold."""
    choice = rng.randrange(5)
    if choice == 0:
        return replace(case, entry=case.entry + b"!")
    if choice == 1:
        return replace(case, root=_flipped(case.root, rng))
    if choice == 2 and case.size > 1:
        return replace(case, index=(case.index + rng.randrange(1, case.size)) % case.size)
    return replace(case, path=_changed(case.path, rng))


def changed_consistency(case: Consistency, rng: random.Random) -> Consistency:
    """The same with one thing changed, so that it does not hold."""
    choice = rng.randrange(5)
    if choice == 0:
        return replace(case, old_root=_flipped(case.old_root, rng))
    if choice == 1:
        return replace(case, new_root=_flipped(case.new_root, rng))
    if choice == 2 and case.old != case.new and case.old != _other_size(case):
        return replace(case, old=_other_size(case))
    return replace(case, path=_changed(case.path, rng))


def _other_size(case: Consistency) -> int:
    return max(1, case.old ^ 1)


def _changed(path: tuple[bytes, ...], rng: random.Random) -> tuple[bytes, ...]:
    at = rng.randrange(len(path)) if path else 0
    choice = rng.randrange(4) if path else 3
    if choice == 0:
        return (*path[:at], _flipped(path[at], rng), *path[at + 1 :])
    if choice == 1:
        return (*path[:at], *path[at + 1 :])
    if choice == 2 and len(path) > 1:
        other = (at + 1) % len(path)
        swapped = list(path)
        swapped[at], swapped[other] = path[other], path[at]
        return tuple(swapped)
    return (*path[:at], rng.randbytes(32), *path[at:])


def _flipped(hash_: bytes, rng: random.Random) -> bytes:
    bit = rng.randrange(256)
    return (int.from_bytes(hash_, "big") ^ (1 << bit)).to_bytes(32, "big")


def _hexes(path: Sequence[bytes]) -> str:
    return ",".join(hash_.hex() for hash_ in path) or "-"
