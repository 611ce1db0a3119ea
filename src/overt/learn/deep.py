"""all-MiniLM-L6-v2 with sixteen heads, as a function over named tensors that can be trained (PyTorch, CPU).

The twin of `overt.learn.encoder` for whole texts: token ids (rows, length) and their mask to logits (rows, heads).
Pooling is the mean over tokens (the markers included), as the model was trained (Reimers and Gurevych 2019). The heads
read that mean and the first token side by side, through one hidden layer. Attention is written out: on a CPU the fused
kernel's backward pass takes as long as everything else together.

Needs PyTorch, which only the people who train need: ``pip install torch`` (the CPU build is enough).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch.nn import functional

from overt.classify.model import WIDTH
from overt.learn.encoder import HEADS, LAYERS, Encoder

Tensor: TypeAlias = torch.Tensor
Tensors: TypeAlias = dict[str, torch.Tensor]

HIDDEN = 384
INNER = 256
"""Width of the layer between the pooled text and the heads."""
FROZEN_LAYERS = 2
NORM_FLOOR = 1e-12
IMPOSSIBLE = -1e4
"""The score of a place without a token."""


def trainable_copy(encoder: Encoder, *, seed: int) -> Tensors:
    """The encoder's tensors with fresh heads. Embeddings and the first two layers do not learn."""
    made = torch.Generator().manual_seed(seed)
    tensors = {
        name: torch.from_numpy(tensor.copy())
        for name, tensor in encoder.tensors.items()
        if not name.startswith("pooler")
    }
    tensors["heads.inner.weight"] = torch.randn(INNER, 2 * HIDDEN, generator=made) / (2 * HIDDEN) ** 0.5
    tensors["heads.inner.bias"] = torch.zeros(INNER)
    tensors["heads.outer.weight"] = torch.randn(WIDTH, INNER, generator=made) / INNER**0.5
    tensors["heads.outer.bias"] = torch.full((WIDTH,), -3.0)
    for name, tensor in tensors.items():
        tensor.requires_grad_(learns(name))
    return tensors


def learns(name: str) -> bool:
    """Whether a tensor is trained."""
    if name.startswith("embeddings."):
        return False
    return not any(name.startswith(f"encoder.layer.{layer}.") for layer in range(FROZEN_LAYERS))


def logits(t: Mapping[str, Tensor], ids: Tensor, mask: Tensor, *, dropout: float = 0.0) -> Tensor:
    """Shape (rows, heads). ``mask`` is true where a token is."""
    hidden = t["embeddings.word_embeddings.weight"][ids]
    hidden = hidden + t["embeddings.position_embeddings.weight"][: ids.shape[1]]
    hidden = _normed(t, "embeddings.LayerNorm", hidden + t["embeddings.token_type_embeddings.weight"][0])
    if torch.is_autocast_enabled("cpu"):
        hidden = hidden.to(torch.get_autocast_dtype("cpu"))
    allowed = mask[:, None, None, :]
    for layer in range(LAYERS):
        hidden = _layer(t, f"encoder.layer.{layer}", hidden, allowed, dropout if layer >= FROZEN_LAYERS else 0.0)
    share = (mask / mask.sum(1, keepdim=True)).to(hidden.dtype)
    pooled = torch.cat([(hidden * share[:, :, None]).sum(1), hidden[:, 0]], dim=1)
    inner = functional.gelu(_linear(t, "heads.inner", functional.dropout(pooled, dropout, dropout > 0)))
    return _linear(t, "heads.outer", functional.dropout(inner, dropout, dropout > 0)).float()


def _layer(t: Mapping[str, Tensor], name: str, hidden: Tensor, allowed: Tensor, dropout: float) -> Tensor:
    attended = _linear(t, f"{name}.attention.output.dense", _attention(t, f"{name}.attention.self", hidden, allowed))
    attended = _dropped(attended, dropout)
    hidden = _normed(t, f"{name}.attention.output.LayerNorm", hidden + attended)
    inner = functional.gelu(_linear(t, f"{name}.intermediate.dense", hidden))
    outer = _dropped(_linear(t, f"{name}.output.dense", inner), dropout)
    return _normed(t, f"{name}.output.LayerNorm", hidden + outer)


def _attention(t: Mapping[str, Tensor], name: str, hidden: Tensor, allowed: Tensor) -> Tensor:
    rows, length, width = hidden.shape

    def split(part: str) -> Tensor:
        return _linear(t, f"{name}.{part}", hidden).view(rows, length, HEADS, width // HEADS).transpose(1, 2)

    scores = split("query") @ split("key").transpose(-1, -2) * (HEADS / width) ** 0.5
    found = functional.softmax(scores.masked_fill(~allowed, IMPOSSIBLE), dim=-1) @ split("value")
    return found.transpose(1, 2).reshape(rows, length, width)


def _dropped(hidden: Tensor, share: float) -> Tensor:
    """Dropout of whole features of a text, at all its tokens (Gal and Ghahramani 2016): far fewer random numbers."""
    if share == 0.0:
        return hidden
    kept = torch.rand(hidden.shape[0], 1, hidden.shape[2]) >= share
    return hidden * (kept / (1 - share)).to(hidden.dtype)


def _linear(t: Mapping[str, Tensor], name: str, hidden: Tensor) -> Tensor:
    return functional.linear(hidden, t[f"{name}.weight"], t[f"{name}.bias"])


def _normed(t: Mapping[str, Tensor], name: str, hidden: Tensor) -> Tensor:
    return functional.layer_norm(hidden, hidden.shape[-1:], t[f"{name}.weight"], t[f"{name}.bias"], NORM_FLOOR)
