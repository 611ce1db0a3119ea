"""The exported graph computes what the encoder is defined to compute; int8 stays close; the torch twin agrees."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import erf

from overt.classify.encoder import Encoder
from overt.classify.model import WIDTH
from overt.classify.wordpiece import WordPiece
from overt.learn.encoder import HEADS, LAYERS
from overt.learn.export import quantised, to_onnx

Floats = npt.NDArray[np.float32]

HIDDEN, INNER, MIDDLE = 48, 16, 96
LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOCABULARY = {piece: place for place, piece in enumerate(["[PAD]", "[UNK]", *LETTERS, *(f"##{c}" for c in LETTERS)])}
TEXTS = ["a", "hello there", "the quick brown fox jumps over the lazy dog and goes home", ""]


def small_tensors() -> Mapping[str, Floats]:
    """An encoder of the right shape and a small size."""
    draw = np.random.default_rng(5)
    tensors: dict[str, Floats] = {}

    def dense(name: str, out: int, into: int) -> None:
        tensors[f"{name}.weight"] = (draw.normal(size=(out, into)) / np.sqrt(into)).astype(np.float32)
        tensors[f"{name}.bias"] = draw.normal(size=out).astype(np.float32) * np.float32(0.1)

    def norm(name: str) -> None:
        tensors[f"{name}.weight"] = (1 + 0.1 * draw.normal(size=HIDDEN)).astype(np.float32)
        tensors[f"{name}.bias"] = (0.1 * draw.normal(size=HIDDEN)).astype(np.float32)

    for name, rows in (("word", 128), ("position", 128), ("token_type", 2)):
        tensors[f"embeddings.{name}_embeddings.weight"] = draw.normal(size=(rows, HIDDEN)).astype(np.float32)
    norm("embeddings.LayerNorm")
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            dense(f"{at}.attention.self.{part}", HIDDEN, HIDDEN)
        dense(f"{at}.attention.output.dense", HIDDEN, HIDDEN)
        norm(f"{at}.attention.output.LayerNorm")
        dense(f"{at}.intermediate.dense", MIDDLE, HIDDEN)
        dense(f"{at}.output.dense", HIDDEN, MIDDLE)
        norm(f"{at}.output.LayerNorm")
    dense("heads.inner", INNER, 2 * HIDDEN)
    dense("heads.outer", WIDTH, INNER)
    return tensors


def reference(t: Mapping[str, Floats], ids: list[int]) -> Floats:
    """One text, step by step as BERT is defined (Devlin et al. 2019), with the mean and the first token pooled."""

    def linear(name: str, x: Floats) -> Floats:
        return x @ t[f"{name}.weight"].T + t[f"{name}.bias"]

    def normed(name: str, x: Floats) -> Floats:
        spread = np.sqrt(((x - x.mean(-1, keepdims=True)) ** 2).mean(-1, keepdims=True) + 1e-12)
        found: Floats = (x - x.mean(-1, keepdims=True)) / spread * t[f"{name}.weight"] + t[f"{name}.bias"]
        return found

    def gelu(x: Floats) -> Floats:
        curved: Floats = 0.5 * x * (1 + erf(x / np.sqrt(2)))
        return curved

    size = HIDDEN // HEADS
    x: Floats = t["embeddings.word_embeddings.weight"][ids] + t["embeddings.position_embeddings.weight"][: len(ids)]
    x = normed("embeddings.LayerNorm", x + t["embeddings.token_type_embeddings.weight"][0])
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        query, key, value = (
            linear(f"{at}.attention.self.{part}", x).reshape(len(ids), HEADS, size)
            for part in ("query", "key", "value")
        )
        scores = np.einsum("ihd,jhd->hij", query, key) / np.sqrt(size)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        attended = np.einsum("hij,jhd->ihd", weights, value).reshape(len(ids), HIDDEN).astype(np.float32)
        x = normed(f"{at}.attention.output.LayerNorm", x + linear(f"{at}.attention.output.dense", attended))
        inner = gelu(linear(f"{at}.intermediate.dense", x))
        x = normed(f"{at}.output.LayerNorm", x + linear(f"{at}.output.dense", inner))
    pooled = np.concatenate([x.mean(0), x[0]])
    return linear("heads.outer", gelu(linear("heads.inner", pooled)))


def pieces_of(text: str) -> list[int]:
    """The ids that the encoder reads of a text, with their markers."""
    return [101, *WordPiece(VOCABULARY).encode(text), 102]


def test_the_graph_computes_what_the_encoder_is_defined_to_compute() -> None:
    tensors = small_tensors()
    found = Encoder(to_onnx(tensors), WordPiece(VOCABULARY)).logits(TEXTS)
    expected = np.stack([reference(tensors, pieces_of(text)) for text in TEXTS])
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_int8_stays_close_and_is_smaller() -> None:
    graph = to_onnx(small_tensors())
    small = quantised(graph)
    exact, rounded = (Encoder(each, WordPiece(VOCABULARY)).logits(TEXTS) for each in (graph, small))
    assert len(small) < len(graph)
    assert np.abs(exact - rounded).max() < 0.35 * exact.std()
    assert np.corrcoef(exact.ravel(), rounded.ravel())[0, 1] > 0.97


def test_the_torch_twin_computes_the_same() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: the trainable twin is NOT tested here")
    from overt.learn.deep import logits

    tensors = small_tensors()
    for text in TEXTS:
        ids = torch.tensor([pieces_of(text)])
        with torch.no_grad():
            found = logits({name: torch.from_numpy(x) for name, x in tensors.items()}, ids, ids >= 0)
        np.testing.assert_allclose(found[0].numpy(), reference(tensors, pieces_of(text)), atol=2e-4)
