"""An evaluation that passes every gate, as ``overt evaluate`` writes it, to be spoilt one member at a time."""

from __future__ import annotations

from typing import Any

from overt.core.domain import DOMAINS

DIGEST = "sha256:" + "a" * 64


def rate(hits: int, trials: int) -> dict[str, int]:
    """A rate as JSON has it."""
    return {"hits": hits, "trials": trials}


def evaluation() -> dict[str, Any]:
    """A fresh one."""
    return {
        "release": {"digest": DIGEST},
        "domains": {d: {"general": {"alpaca": rate(1, 8_000), "own": rate(0, 2_000)}, "other": 1} for d in DOMAINS},
        "suite": {"passed": rate(200, 200), "failures": [], "unmoved": rate(400, 400), "moved": []},
        "left_out": {d: {"large": rate(500, 1_000), "small": rate(8, 10)} for d in DOMAINS},
        "latency": {"p50": 1.0},
    }
