"""Stage 2: all-MiniLM-L6-v2, fine-tuned, with sixteen heads in one int8 ONNX graph (CPU, one thread).

A window of text becomes word pieces, at most `LONGEST` of them, and gives sixteen logits. onnxruntime releases the
interpreter while it computes, so calls from several threads run side by side; each call uses one core.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, final

import numpy as np
import onnxruntime

from overt.classify.model import WIDTH, Floats
from overt.classify.wordpiece import WordPiece
from overt.errors import BadRelease

CLS: Final = 101
SEP: Final = 102
LONGEST: Final = 94
"""Word pieces in a window, without the two markers."""
HEAD: Final = 70
"""Of a text that is cut, the pieces kept from its beginning; the others are from its end."""
BATCH: Final = 8
"""Windows that are computed together: a batch saves little on one core and costs memory."""
PADDED: Final = 3
"""By how many pieces the windows of a batch may differ: filling up costs as much as what is said."""
_ERRORS_ONLY: Final = 3


@final
class Encoder:
    """A loaded graph. Safe to call from several threads."""

    def __init__(self, graph: bytes, wordpiece: WordPiece, *, name: str = "stage2.onnx") -> None:
        self._wordpiece = wordpiece
        self._session = _session(graph, name)

    def logits(self, texts: Sequence[str]) -> Floats:
        """The logits of each text as one window: shape (texts, 16). Normalise the texts first."""
        pieces = [[CLS, *clipped(self._wordpiece.encode(text)), SEP] for text in texts]
        found = np.zeros((len(pieces), WIDTH), np.float32)
        for places in batches([len(each) for each in pieces]):
            found[places] = self._batch([pieces[place] for place in places])
        return found

    def _batch(self, pieces: Sequence[Sequence[int]]) -> Floats:
        ids = np.zeros((len(pieces), max(map(len, pieces))), np.int32)
        for place, each in enumerate(pieces):
            ids[place, : len(each)] = each
        logits: Floats = self._session.run(None, {"ids": ids, "mask": (ids != 0).astype(np.int32)})[0]
        return logits


def batches(sizes: Sequence[int]) -> Iterator[list[int]]:
    """The places of windows of these sizes, those of like size together."""
    batch: list[int] = []
    for place in sorted(range(len(sizes)), key=sizes.__getitem__):
        if batch and (len(batch) == BATCH or sizes[place] - sizes[batch[0]] > PADDED):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def clipped(ids: Sequence[int]) -> Sequence[int]:
    """The pieces of one window: of more than `LONGEST`, the first and the last."""
    if len(ids) <= LONGEST:
        return ids
    return [*ids[:HEAD], *ids[len(ids) - (LONGEST - HEAD) :]]


def _session(graph: bytes, name: str) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as fault:
        raise BadRelease(f"{name!r} is not a graph that onnxruntime can run ({fault}); install overt again") from fault
