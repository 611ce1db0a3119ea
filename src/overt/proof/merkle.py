"""The hash tree of RFC 6962 §2.1: roots, inclusion proofs, consistency proofs.

A prover needs only the hashes of complete subtrees: `Hashes` gives the one over leaves
``[index * 2**level, (index + 1) * 2**level)``. Lists of leaves and folders of tiles both can answer that.
Verifying follows RFC 9162 §2.1.3.2 and §2.1.4.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from overt.errors import VerificationFailed

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Hashes = Callable[[int, int], bytes]
"""The hash of the complete subtree of height ``level`` at ``index``."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def hashes_of(leaves: Sequence[bytes]) -> Hashes:
    """Answers from a list of leaf hashes."""

    def hashes(level: int, index: int) -> bytes:
        return complete_root(leaves[index << level : (index + 1) << level])

    return hashes


def complete_root(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    row = list(hashes)
    if not row or len(row) & (len(row) - 1):
        raise VerificationFailed("tree", f"{len(row)} hashes do not make a complete subtree")
    while len(row) > 1:
        row = parents(row)
    return row[0]


def parents(row: Sequence[bytes]) -> list[bytes]:
    """The nodes over a row of nodes, two by two; a last one alone has no parent. A loop of its own: it is the work."""
    sha256 = hashlib.sha256
    nodes = iter(row)
    return [sha256(b"\x01" + left + right).digest() for left, right in zip(nodes, nodes, strict=False)]


def complete_subtrees(size: int) -> tuple[tuple[int, int], ...]:
    """The complete subtrees ``(level, index)`` that make a tree of this size, from left to right."""
    found: list[tuple[int, int]] = []
    start = 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            found.append((level, start >> level))
            start += 1 << level
    return tuple(found)


def fold(peaks: Sequence[bytes]) -> bytes:
    """The root over the hashes of `complete_subtrees`."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def root_of(size: int, hashes: Hashes) -> bytes:
    """The root of the first ``size`` leaves."""
    return fold([hashes(level, index) for level, index in complete_subtrees(size)])


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes."""
    return root_of(len(leaves), hashes_of(leaves))


def _range_root(start: int, end: int, hashes: Hashes) -> bytes:
    """The root over leaves ``[start, end)``, where ``start`` is a multiple of a power of two at least as wide."""
    peaks = complete_subtrees(end - start)
    return fold([hashes(level, (start >> level) + index) for level, index in peaks])


def _split(width: int) -> int:
    """The largest power of two below ``width``."""
    return 1 << (width - 1).bit_length() - 1


def prove_inclusion(index: int, size: int, hashes: Hashes) -> tuple[bytes, ...]:
    """The siblings of a leaf on its way to the root, lowest first."""
    if not 0 <= index < size:
        raise VerificationFailed("inclusion proof", f"there is no leaf {index!r} in a tree of {size!r}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_root(middle, end, hashes))
            end = middle
        else:
            path.append(_range_root(start, middle, hashes))
            start = middle
    return tuple(reversed(path))


def prove_consistency(old: int, new: int, hashes: Hashes) -> tuple[bytes, ...]:
    """The hashes that show that the first ``old`` leaves of the tree of ``new`` are the old tree."""
    if not 0 <= old <= new:
        raise VerificationFailed("consistency proof", f"{old!r} is not a size before {new!r}")
    if old in (0, new):
        return ()
    path: list[bytes] = []
    start, end = 0, new
    while old < end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_range_root(middle, end, hashes))
            end = middle
        else:
            path.append(_range_root(start, middle, hashes))
            start = middle
    if start:
        path.append(_range_root(start, end, hashes))
    return tuple(reversed(path))


def verify_inclusion(*, index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> None:
    """Raise `VerificationFailed` unless the path leads from the leaf to the root."""
    what = "inclusion proof"
    if not 0 <= index < size:
        raise VerificationFailed(what, f"there is no leaf {index!r} in a tree of {size!r}")
    node, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise VerificationFailed(what, f"it is longer than the tree is high ({len(path)} hashes)")
        if node & 1 or node == last:
            found = node_hash(sibling, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise VerificationFailed(what, f"it is too short for a tree of {size!r} ({len(path)} hashes)")
    if found != root:
        raise VerificationFailed(what, f"it leads to the root {found.hex()}, not to {root.hex()}")


def verify_consistency(*, old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Raise `VerificationFailed` unless the tree of ``new`` begins with the tree of ``old``."""
    what = "consistency proof"
    if not 0 <= old <= new:
        raise VerificationFailed(what, f"the log shrank from {old!r} to {new!r} entries")
    if old in (0, new):
        expected = EMPTY_ROOT if old == 0 else new_root
        if path or old_root != expected:
            raise VerificationFailed(what, f"the tree of {old!r} has the root {old_root.hex()}, not {expected.hex()}")
        return
    rest = list(path) if old & (old - 1) else [old_root, *path]
    if not rest:
        raise VerificationFailed(what, "it is empty")
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = rest[0]
    for sibling in rest[1:]:
        if last == 0:
            raise VerificationFailed(what, f"it is longer than needed ({len(path)} hashes)")
        if node & 1 or node == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        node, last = node >> 1, last >> 1
    if last != 0 or first != old_root or second != new_root:
        raise VerificationFailed(what, f"the tree of {new!r} does not begin with the tree of {old!r}")
