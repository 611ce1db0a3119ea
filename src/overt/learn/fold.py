"""Fitted heads to the arrays of a release: the static table multiplied out, outliers clipped, small weights dropped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from overt.classify.features import HASHES
from overt.classify.model import HEADS, WIDTH, Weights, pack
from overt.learn.heads import Head

Floats: TypeAlias = npt.NDArray[np.float32]

CLIP_QUANTILE: Final = 0.9999
"""Beyond this share of the absolute weights of a head a weight is clipped, so that a few outliers do not cost all the
others their resolution."""
PRUNED_STEPS: Final = 1.5
"""Weights below this many of the 127 steps are dropped."""
SILENT: Final = -20.0
"""The bias of a head that was not fitted: never."""


def fold(heads: Mapping[str, Head | None], table: Floats) -> Weights:
    """The arrays of a release."""
    bias = np.full(WIDTH, SILENT, np.float32)
    hashed = np.zeros((HASHES, WIDTH), np.float32)
    static = np.zeros((len(table), WIDTH), np.float32)
    for number, name in enumerate(HEADS):
        head = heads[name]
        if head is not None:
            bias[number] = head.bias
            hashed[:, number] = _trimmed(head.hashed)
            static[:, number] = table @ head.static
    return pack(bias=bias, static=static, hashed=hashed)


def _trimmed(weights: Floats) -> Floats:
    size = np.abs(weights)
    if not size.any():
        return weights
    most = np.quantile(size[size > 0], CLIP_QUANTILE)
    clipped = np.clip(weights, -most, most)
    clipped[size < PRUNED_STEPS * most / 127] = 0.0
    return clipped.astype(np.float32)
