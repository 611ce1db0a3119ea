"""How a release bears what people and attackers do to a request, measured on our own requests.

- *Stability*: the same request padded, mistyped or paraphrased keeps its action.
- *Obfuscation*: of the sensitive requests that are acted on as they stand, how many still are when encoded.
- *Preambles*: positives stay caught behind what agents put in front of them.
- *Deletion*: without the span that a finding points at, the decision changes.
Requests were drawn from our own rows, which the release has seen; what is measured is change, not recall.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np

from overt.core.policy import Policy
from overt.learn.corpus import read_rows
from overt.learn.judged import ACTED, Progress, decided, judge_text
from overt.learn.rates import Rate
from overt.learn.score import Assessor
from overt.learn.suite import PREAMBLES
from overt.learn.variants import OBFUSCATIONS

BEHIND: Final = 100
"""Of those, how many are put behind every preamble."""
POSITIVES: Final = 300
"""Requests that are acted on, for each of the measurements below."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """``obfuscated``: still acted on, by encoding. ``behind``: still acted on behind a preamble, pairs. ``deleted``:
    decisions that change without the span; ``span_share``: the mean share of the text that the span is."""

    obfuscated: Mapping[str, Rate]
    behind: Rate
    deleted: Rate
    span_share: float | None


def robustness(
    classifier: Assessor,
    tracing: Assessor,
    policy: Policy,
    sensitive: Sequence[str],
    requests: Path,
    progress: Progress,
) -> Robustness:
    """Measure on the first `POSITIVES` of ``sensitive`` that are acted on; ``tracing`` is asked for their triggers."""
    caught = [text for text in sensitive if decided(classifier, policy, text) in ACTED][:POSITIVES]
    progress(f"obfuscations, preambles and deleted spans of {len(caught)} requests")
    obfuscated = {
        name: Rate(sum(decided(classifier, policy, change(text)) in ACTED for text in caught), len(caught))
        for name, change in OBFUSCATIONS.items()
    }
    shares, changed = [], 0
    for text in caught:
        span = judge_text(tracing, policy, text).trigger
        if span is not None:
            start, end = span
            shares.append((end - start) / len(text))
            changed += decided(classifier, policy, f"{text[:start]} {text[end:]}") not in ACTED
    return Robustness(
        obfuscated=obfuscated,
        behind=_behind(classifier, policy, caught, requests / PREAMBLES),
        deleted=Rate(changed, len(caught)),
        span_share=float(np.mean(shares)) if shares else None,
    )


def _behind(classifier: Assessor, policy: Policy, caught: Sequence[str], path: Path) -> Rate:
    preambles = [str(row["text"]) for row in read_rows(path)] if path.is_file() else []
    pairs = [(text, preamble) for text in caught[:BEHIND] for preamble in preambles]
    return Rate(sum(judge_text(classifier, policy, *pair).acted for pair in pairs), len(pairs))
