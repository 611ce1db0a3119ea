"""Slow results kept in a folder, named by the digest of everything they depend on: a stale one is never read."""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from overt.learn.heads import Head
from overt.learn.matrix import Matrix

Arrays: TypeAlias = dict[str, npt.NDArray[np.generic]]


def digest_of(*parts: object) -> str:
    """A short name for what a result depends on."""
    return sha256("\x1f".join(str(part) for part in parts).encode("utf-8", "replace")).hexdigest()[:24]


def kept(folder: Path | None, name: str, make: Callable[[], Arrays]) -> Arrays:
    """The arrays of this name, made if they are not there. Written whole or not at all."""
    if folder is None:
        return make()
    path = folder / f"{name}.npz"
    if path.is_file():
        with np.load(path, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    made = make()
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"{name}.unfinished.npz"
    np.savez(unfinished, allow_pickle=False, **made)
    os.replace(unfinished, path)
    return made


def kept_matrix(folder: Path | None, name: str, make: Callable[[], Matrix]) -> Matrix:
    """A matrix from the cache."""

    def arrays() -> Arrays:
        made = make()
        hashed = made.hashed
        return {"data": hashed.data, "indices": hashed.indices, "indptr": hashed.indptr,
                "shape": np.asarray(hashed.shape), "static": made.static, "row": made.row}  # fmt: skip

    found = kept(folder, name, arrays)
    shape = (int(found["shape"][0]), int(found["shape"][1]))
    hashed = csr_matrix((found["data"], found["indices"], found["indptr"]), shape)
    return Matrix(hashed, found["static"].astype(np.float32), found["row"].astype(np.int64))


def kept_head(folder: Path | None, name: str, make: Callable[[], Head | None]) -> Head | None:
    """A head from the cache; the absence of one is kept too."""

    def arrays() -> Arrays:
        made = make()
        if made is None:
            return {}
        return {"bias": np.asarray([made.bias]), "hashed": made.hashed, "static": made.static}

    found = kept(folder, name, arrays)
    if not found:
        return None
    return Head(float(found["bias"][0]), found["hashed"].astype(np.float32), found["static"].astype(np.float32))
