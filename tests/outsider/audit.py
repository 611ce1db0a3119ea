"""An outsider's audit of a transparency log: what it holds, and what it says happened, with none of Overt's code.

    python audit.py URL|DIR VKEY

Uses Python's standard library and public formats alone: C2SP signed-note, tlog-checkpoint and tlog-tiles, RFC 6962
hashing, RFC 8032 signatures, and JSON. Reads every entry, rebuilds the root from the entries, demands the root that the
log signed, compares every hash tile, and counts decisions by requested model, domain, outcome and ground.

Prints JSON. Exit status: 0 if the log is what was signed, 1 if not, and then why on standard error.
"""

from __future__ import annotations

import base64
import collections
import hashlib
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Point = tuple[int, int, int, int]
Row = tuple[tuple[int, int], list[bytes]]


class Broken(Exception):
    """The log is not what it was signed to be."""


# --- Reading (tlog-tiles) ---------------------------------------------------------------------------------------------


def fetch(source: str, path: str) -> bytes | None:
    """The bytes at a path of the log, None if there is nothing."""
    if not source.startswith(("http://", "https://")):
        file = Path(source) / path
        return file.read_bytes() if file.is_file() else None
    try:
        with urllib.request.urlopen(f"{source.rstrip('/')}/{path}", timeout=30) as response:
            body: bytes = response.read()
            return body
    except urllib.error.HTTPError as error:
        with error:
            if error.code in (404, 410):
                return None
            raise


def fetch_tile(source: str, level: int | str, number: int, width: int) -> bytes:
    """A tile or bundle; a partial one may have been dropped since the full one is there."""
    digits = str(number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    path = f"tile/{level}/" + "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    raw = fetch(source, f"{path}.p/{width}") if width < 256 else None
    raw = fetch(source, path) if raw is None else raw
    if raw is None:
        raise Broken(f"{path} is missing")
    return raw


def bundles(source: str, size: int) -> Iterator[list[bytes]]:
    """Every entry, bundle by bundle."""
    for number in range(-(-size // 256)):
        width = min(256, size - number * 256)
        raw = fetch_tile(source, "entries", number, width)
        entries: list[bytes] = []
        at = 0
        while at < len(raw) and len(entries) < width:
            end = at + 2 + int.from_bytes(raw[at : at + 2], "big")
            if end > len(raw):
                raise Broken(f"bundle {number} is cut off")
            entries.append(raw[at + 2 : end])
            at = end
        if len(entries) != width:
            raise Broken(f"bundle {number} holds {len(entries)} entries, not {width}")
        yield entries


# --- Hashing (RFC 6962) -----------------------------------------------------------------------------------------------


def leaf(entry: bytes) -> bytes:
    """The hash of an entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash over two hashes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """Grows leaf by leaf: the complete subtrees at its right edge, and the rows that the tiles must hold."""

    def __init__(self) -> None:
        self.size = 0
        self.peaks: list[bytes] = []
        self.rows: dict[tuple[int, int], list[bytes]] = {}

    def add(self, hash_: bytes) -> None:
        """One leaf more."""
        index, height = self.size, 0
        self.row(0, index, hash_)
        while index % 2 == 1:
            hash_ = node(self.peaks.pop(), hash_)
            index //= 2
            height += 1
            if height % 8 == 0:
                self.row(height // 8, index, hash_)
        self.peaks.append(hash_)
        self.size += 1

    def row(self, level: int, index: int, hash_: bytes) -> None:
        """A hash that a tile of this level must hold."""
        self.rows.setdefault((level, index // 256), []).append(hash_)

    def root(self) -> bytes:
        """The root over all leaves."""
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        hash_ = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            hash_ = node(peak, hash_)
        return hash_

    def full(self) -> Iterator[Row]:
        """The rows that became full, which are then forgotten: memory stays flat."""
        for key in [key for key, row in self.rows.items() if len(row) == 256]:
            yield key, self.rows.pop(key)


def compare_tiles(source: str, rows: Iterable[Row]) -> int:
    """How many tiles there are; each must be what the entries give."""
    count = 0
    for (level, number), row in rows:
        if fetch_tile(source, level, number, len(row))[: 32 * len(row)] != b"".join(row):
            raise Broken(f"tile {number} of level {level} is not what the entries give")
        count += 1
    return count


# --- Signatures (signed-note, RFC 8032) -------------------------------------------------------------------------------


def open_checkpoint(note: bytes, vkey: str) -> tuple[int, bytes]:
    """Size and root, if the log's key signed them."""
    name, _, rest = vkey.partition("+")
    public = base64.b64decode(rest.partition("+")[2], validate=True)
    if public[:1] != b"\x01" or len(public) != 33:
        raise Broken(f"{vkey!r} is not an Ed25519 key")
    key_id = hashlib.sha256(name.encode() + b"\n" + public).digest()[:4]
    text, _, signatures = note.decode().rpartition("\n\n")
    text += "\n"
    for line in signatures.splitlines():
        dash, signer, encoded = line.split(" ")
        raw = base64.b64decode(encoded)
        if (dash, signer, raw[:4]) != ("\N{EM DASH}", name, key_id):
            continue
        if not verifies(public[1:], raw[4:], text.encode()):
            raise Broken("the signature of the checkpoint does not verify")
        origin, size, root = text.splitlines()[:3]
        if origin != name:
            raise Broken(f"the checkpoint is of {origin!r}")
        return int(size), base64.b64decode(root, validate=True)
    raise Broken("the log's key did not sign the checkpoint")


P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def verifies(public: bytes, signature: bytes, message: bytes) -> bool:
    """Ed25519, by its definition: slow, and enough for one checkpoint."""
    if len(signature) != 64:
        return False
    base = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    key, commitment = point_of(public), point_of(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if base is None or key is None or commitment is None or scalar >= L:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = times(scalar, base), add(commitment, times(challenge, key))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


def add(a: Point, b: Point) -> Point:
    """The sum of two points in extended coordinates (RFC 8032, 5.1.4)."""
    one, two = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0])
    three, four = 2 * a[3] * b[3] * D, 2 * a[2] * b[2]
    e, f, g, h = two - one, four - three, four + three, two + one
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar: int, point: Point) -> Point:
    """A multiple of a point."""
    total: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


def point_of(raw: bytes) -> Point | None:
    """A point from its encoding (RFC 8032, 5.1.3), None if there is none."""
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


# --- The audit --------------------------------------------------------------------------------------------------------


def audit(source: str, vkey: str) -> dict[str, Any]:
    """What the log holds; raises `Broken`."""
    note = fetch(source, "checkpoint")
    if note is None:
        raise Broken("there is no checkpoint")
    size, root = open_checkpoint(note, vkey)
    tree, compared = Tree(), 0
    kinds: collections.Counter[str] = collections.Counter()
    counts: collections.Counter[tuple[str, str, str, str]] = collections.Counter()
    for bundle in bundles(source, size):
        for raw in bundle:
            tree.add(leaf(raw))
            entry = json.loads(raw)
            kinds[entry["type"]] += 1
            if entry["type"] == "decision":
                reason = entry["reason"] or {}
                domain, ground = reason.get("domain") or "", reason.get("ground") or ""
                counts[entry["req"]["model"], domain, entry["outcome"], ground] += 1
        compared += compare_tiles(source, tree.full())
    if tree.root() != root:
        raise Broken(f"the entries give {tree.root().hex()}, not the signed root {root.hex()}")
    compared += compare_tiles(source, tree.rows.items())
    outcomes = [
        {"model": model, "domain": domain or None, "outcome": outcome, "ground": ground or None, "number": number}
        for (model, domain, outcome, ground), number in sorted(counts.items())
    ]
    return {"size": size, "root": root.hex(), "tiles": compared, "types": dict(kinds), "outcomes": outcomes}


if __name__ == "__main__":
    try:
        print(json.dumps(audit(*sys.argv[1:3]), ensure_ascii=False, indent=1))
    except Broken as broken:
        sys.exit(str(broken))
