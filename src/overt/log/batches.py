"""A staged batch as bytes: its head and all its files, under a digest that shows whether it was cut off."""

from __future__ import annotations

import hashlib

from overt.log.parts import Batch, Head
from overt.proof.merkle import HASH_BYTES


def encode_batch(batch: Batch) -> bytes:
    """The bytes to be staged."""
    body = b"".join(b"%s %d\n%s" % (path.encode(), len(data), data) for path, data in batch.files.items())
    body = b"%d %s\n%s" % (batch.head.size, batch.head.root.hex().encode(), body)
    return hashlib.sha256(body).digest() + body


def decode_batch(raw: bytes) -> Batch | None:
    """The batch, None if it was cut off: then it was never committed to."""
    digest, body = raw[:HASH_BYTES], raw[HASH_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        return None
    first, _, rest = body.partition(b"\n")
    size, _, root = first.decode("ascii").partition(" ")
    files: dict[str, bytes] = {}
    while rest:
        line, _, rest = rest.partition(b"\n")
        path, _, length = line.decode("ascii").rpartition(" ")
        files[path], rest = rest[: int(length)], rest[int(length) :]
    return Batch(Head(int(size), bytes.fromhex(root)), files)
