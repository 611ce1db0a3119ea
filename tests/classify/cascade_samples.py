"""A tiny cascade whose second stage can be read off too: each word piece adds what this table says to a logit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import numpy.typing as npt
import onnx
from classify_samples import model_of, tiny_weights, wordpiece
from onnx import TensorProto, helper, numpy_helper

from overt.classify.cascade import Cascade
from overt.classify.encoder import Encoder
from overt.classify.joint import Joint
from overt.classify.model import HEADS, WIDTH
from overt.classify.stage1 import Stage1

BIAS = -6.0
PIECES: Mapping[str, Mapping[str, float]] = {
    "attack": {"cyber.topic": 9, "cyber.low_dual": 9, "cyber.high_dual": 9},
    "hospital": {"cyber.prohibited": 9},
    "virus": {"bio.topic": 9, "bio.low_dual": 9, "bio.high_dual": 9},
    "part": {"cyber.topic": 5, "cyber.low_dual": 5, "cyber.high_dual": 5},
    "harmless": {"cyber.high_dual": -20, "cyber.low_dual": -20},
}
GATES = np.full(4, 0.1, np.float32)


@cache
def tiny_graph() -> bytes:
    """A graph with the inputs and the output of a released one: the sum of a row per word piece, and a bias."""
    table = np.zeros((len(wordpiece()), WIDTH), np.float32)
    for word, heads in PIECES.items():
        (piece,) = wordpiece().pieces(word)
        for head, weight in heads.items():
            table[piece, HEADS.index(head)] = weight
    constants: dict[str, npt.NDArray[np.generic]] = {
        "table": table,
        "bias": np.full(WIDTH, BIAS, np.float32),
        "axis": np.asarray([1], np.int64),
    }
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("ReduceSum", ["rows", "axis"], ["sums"], keepdims=0),
        helper.make_node("Add", ["sums", "bias"], ["logits"]),
    ]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT32, ["n", "length"]) for name in ("ids", "mask")]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", WIDTH])]
    named = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, named)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    made: bytes = model.SerializeToString()
    return made


def tiny_joint() -> Joint:
    """Stage 2 alone decides, once a gate is open."""
    zeros, ones = np.zeros(WIDTH, np.float32), np.ones(WIDTH, np.float32)
    return Joint(linear=zeros, deep=ones, bias=zeros, gates=GATES)


@cache
def tiny_encoder() -> Encoder:
    """The loaded graph."""
    return Encoder(tiny_graph(), wordpiece())


def tiny_cascade(languages: frozenset[str] = frozenset()) -> Cascade:
    """A fresh cascade."""
    return Cascade(Stage1(model_of(tiny_weights()), alone=False), tiny_encoder(), tiny_joint(), languages)
