"""The trained encoder as one ONNX graph: built operator by operator, then quantised to int8.

The graph uses onnxruntime's fused transformer operators (``com.microsoft``: Attention, SkipLayerNormalization,
BiasGelu), holds pooling and heads, takes ``ids`` and ``mask`` (rows, length; int32) and gives ``logits`` (rows, 16;
float32). Weights become int8 per channel with a reduced range (7 bits), so processors with and without VNNI compute the
same integers; activations are quantised as they come. The last layers of the heads stay float32.

Needs ``onnx`` and ``onnxruntime``, at build time only (serving needs onnxruntime alone).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from overt.learn.encoder import HEADS, LAYERS

Floats: TypeAlias = npt.NDArray[np.float32]

OPSET: Final = 17
NORM_FLOOR: Final = 1e-12
FUSED: Final = "com.microsoft"
FLOAT_NODES: Final = ("heads.inner", "heads.outer")
LONGEST_POSITION: Final = 128
"""Rows of the position table that are shipped; windows are shorter."""
_SKIPPED_NORM: Final = "SkipLayerNormalization"


class _Graph:
    """Nodes and constants as they are added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def add(self, kind: str, inputs: list[str], output: str, *, domain: str = "", **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
        return output


def to_onnx(tensors: Mapping[str, Floats]) -> bytes:
    """The float32 graph."""
    graph = _Graph()
    hidden = _embedded(graph, tensors)
    for layer in range(LAYERS):
        hidden = _layer(graph, tensors, f"encoder.layer.{layer}", hidden)
    _heads(graph, tensors, _pooled(graph, hidden))
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT32, ["rows", "length"]) for name in ("ids", "mask")]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", "heads"])]
    made = helper.make_graph(graph.nodes, "overt-stage2", inputs, outputs, graph.constants)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)]
    model: bytes = helper.make_model(made, opset_imports=opsets, ir_version=9).SerializeToString()
    return model


def quantised(model: bytes) -> bytes:
    """The same graph in int8."""
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        before.write_bytes(model)
        quantize_dynamic(
            before,
            after,
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=list(FLOAT_NODES),
            extra_options={"MatMulConstBOnly": True, "DefaultTensorType": TensorProto.FLOAT},
        )
        return after.read_bytes()


def _embedded(graph: _Graph, t: Mapping[str, Floats]) -> str:
    word = graph.constant("embeddings.word", t["embeddings.word_embeddings.weight"])
    places = t["embeddings.position_embeddings.weight"] + t["embeddings.token_type_embeddings.weight"][0]
    place = graph.constant("embeddings.place", places[:LONGEST_POSITION].astype(np.float32))
    graph.add("Gather", [word, "ids"], "embedded.word")
    graph.add("Shape", ["ids"], "ids.shape", start=1, end=2)
    for name, value in (("zero", 0), ("axis.length", 0)):
        graph.constant(name, np.asarray([value], np.int64))
    graph.add("Slice", [place, "zero", "ids.shape", "axis.length"], "embedded.place")
    graph.add("Add", ["embedded.word", "embedded.place"], "embedded.sum")
    return _normed(graph, t, "embeddings.LayerNorm", "embedded.sum")


def _layer(graph: _Graph, t: Mapping[str, Floats], name: str, hidden: str) -> str:
    parts = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
    weight = graph.constant(f"{name}.qkv.weight", np.concatenate([t[f"{part}.weight"].T for part in parts], axis=1))
    bias = graph.constant(f"{name}.qkv.bias", np.concatenate([t[f"{part}.bias"] for part in parts]))
    attended = graph.add("Attention", [hidden, weight, bias, "mask"], f"{name}.attended", domain=FUSED, num_heads=HEADS)
    out = _product(graph, t, f"{name}.attention.output.dense", attended)
    middle = _skipped(graph, t, f"{name}.attention.output", out, hidden)
    inner = _product(graph, t, f"{name}.intermediate.dense", middle)
    bias = graph.constant(f"{name}.intermediate.bias", t[f"{name}.intermediate.dense.bias"])
    curved = graph.add("BiasGelu", [inner, bias], f"{name}.curved", domain=FUSED)
    return _skipped(graph, t, f"{name}.output", _product(graph, t, f"{name}.output.dense", curved), middle)


def _product(graph: _Graph, t: Mapping[str, Floats], name: str, hidden: str) -> str:
    weight = graph.constant(f"{name}.weight", t[f"{name}.weight"].T)
    return graph.add("MatMul", [hidden, weight], f"{name}.product")


def _skipped(graph: _Graph, t: Mapping[str, Floats], name: str, hidden: str, skip: str) -> str:
    """Bias, residual and layer norm in one operator."""
    scale = graph.constant(f"{name}.norm.weight", t[f"{name}.LayerNorm.weight"])
    shift = graph.constant(f"{name}.norm.bias", t[f"{name}.LayerNorm.bias"])
    bias = graph.constant(f"{name}.bias", t[f"{name}.dense.bias"])
    return graph.add(
        _SKIPPED_NORM, [hidden, skip, scale, shift, bias], f"{name}.normed", domain=FUSED, epsilon=NORM_FLOOR
    )


def _normed(graph: _Graph, t: Mapping[str, Floats], name: str, hidden: str) -> str:
    scale = graph.constant(f"{name}.weight", t[f"{name}.weight"])
    shift = graph.constant(f"{name}.bias", t[f"{name}.bias"])
    return graph.add("LayerNormalization", [hidden, scale, shift], f"{name}.normed", axis=-1, epsilon=NORM_FLOOR)


def _pooled(graph: _Graph, hidden: str) -> str:
    """The mean over the tokens that are there, beside the first token."""
    graph.constant("axis.2", np.asarray([2], np.int64))
    graph.constant("axis.1", np.asarray([1], np.int64))
    graph.add("Cast", ["mask"], "mask.float", to=TensorProto.FLOAT)
    graph.add("Unsqueeze", ["mask.float", "axis.2"], "mask.wide")
    graph.add("Mul", [hidden, "mask.wide"], "masked")
    graph.add("ReduceSum", ["masked", "axis.1"], "summed", keepdims=0)
    graph.add("ReduceSum", ["mask.float", "axis.1"], "counted", keepdims=1)
    graph.add("Div", ["summed", "counted"], "mean")
    graph.constant("first", np.asarray(0, np.int64))
    graph.add("Gather", [hidden, "first"], "opening", axis=1)
    return graph.add("Concat", ["mean", "opening"], "pooled", axis=-1)


def _heads(graph: _Graph, t: Mapping[str, Floats], pooled: str) -> str:
    for name in ("inner", "outer"):
        graph.constant(f"heads.{name}.weight", t[f"heads.{name}.weight"].T)
        graph.constant(f"heads.{name}.bias", t[f"heads.{name}.bias"])
    graph.add("MatMul", [pooled, "heads.inner.weight"], "heads.inner")
    curved = graph.add("BiasGelu", ["heads.inner", "heads.inner.bias"], "heads.curved", domain=FUSED)
    graph.add("MatMul", [curved, "heads.outer.weight"], "heads.outer")
    return graph.add("Add", ["heads.outer", "heads.outer.bias"], "logits")
