"""What a change looks like where there is no pilot: power of the paired text test, measured on real answers.

These are assumptions about an endpoint that nobody has seen yet, and the planner says so. Each row is one real pair of
models and the share of 400 draws (100 from 200 pairs on) that were rejected, with one answer per prompt, alpha .05 and
four plain kernels (characters, words, opening, length; the largest standardised one). The paired test of today sees
more, so these err low; `bench/audit_power.py --assumed` measures it. Between the sizes we interpolate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Final

from overt.errors import BadRequest

SIZES: Final = (10, 25, 50, 100, 200, 400)
MEASURED_ALPHA: Final = 0.05
ASSUMED: Final[Mapping[str, tuple[str, tuple[float, ...]]]] = {
    "instruction": ("gpt-4-0613 behind a hidden 'be concise'", (0.94, 1.0, 1.0, 1.0, 1.0, 1.0)),
    "vendor": ("gpt-4-0613 replaced by Mixtral-8x7B", (0.48, 0.93, 0.99, 1.0, 1.0, 1.0)),
    "version": ("gpt-4-0314 replaced by gpt-4-0613", (0.22, 0.55, 0.9, 1.0, 1.0, 1.0)),
    "host": ("Llama-3.1-405B in fp8 at another host", (0.05, 0.18, 0.34, 0.78, 0.99, 1.0)),
    "size": ("Llama-3-70B replaced by Llama-3-8B", (0.07, 0.08, 0.12, 0.31, 0.78, 1.0)),
}
_NORMAL: Final = NormalDist()
_LEAST: Final = 0.001
"""Measured rates of 0 and 1 stand for no less and no more than this off them."""


def assumed_power(change: str, pairs: int, *, alpha: float, share: float = 1.0) -> float:
    """The power of the paired text test for a change like this one; n pairs with share q are as n q^2 pairs."""
    if change not in ASSUMED:
        raise BadRequest(f"there is no change {change!r} to assume: name one of {', '.join(ASSUMED)}, or a number")
    if not 0 < share <= 1:
        raise BadRequest(f"the share of substituted answers is above 0 and at most 1, found {share!r}")
    measured = [_NORMAL.inv_cdf(min(1 - _LEAST, max(MEASURED_ALPHA, rate))) for rate in ASSUMED[change][1]]
    shift = _NORMAL.inv_cdf(1 - MEASURED_ALPHA) - _NORMAL.inv_cdf(1 - alpha)
    return max(alpha, _NORMAL.cdf(_between(pairs * share**2, measured) + shift))


def _between(pairs: float, probits: list[float]) -> float:
    """Linear in the logarithm of the size; below the smallest size towards a size of 2, where nothing is seen."""
    sizes = (2, *SIZES)
    values = (_NORMAL.inv_cdf(MEASURED_ALPHA), *probits)
    if pairs <= sizes[0]:
        return values[0]
    for low, high, left, right in zip(sizes, sizes[1:], values, values[1:], strict=False):
        if pairs <= high:
            return left + (right - left) * math.log(pairs / low) / math.log(high / low)
    return values[-1]
