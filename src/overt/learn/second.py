"""Stage 2 of a release: fine-tuned once on all training rows and once without each fold, as int8 graphs.

Fine-tuning is the long part (some twenty minutes each on one core), so every graph is kept in the cache under the
digest of what it depends on, rounds that are done are not done again, and several run side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeAlias, final

from overt.classify.release import digest_of
from overt.learn import cache
from overt.learn.corpus import Row
from overt.learn.encoder import WEIGHTS_SHA256
from overt.learn.schedule import Schedule
from overt.learn.train import Recipe

Progress: TypeAlias = Callable[[str], None]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One fine-tuning: on which rows, from which encoder, kept where. ``name`` is what progress calls it."""

    name: str
    rows: tuple[Row, ...]
    encoder: Path
    vocabulary: bytes
    recipe: Recipe
    schedule: Schedule
    folder: Path

    @property
    def graph(self) -> Path:
        """Where the finished graph is kept."""
        said = cache.digest_of(*(part for row in self.rows for part in (row.text, row.label, row.twin is None)))
        basis = cache.digest_of(WEIGHTS_SHA256, digest_of(self.vocabulary), self.recipe, self.schedule, said)
        return self.folder / f"stage2-{basis}.onnx"


Tune: TypeAlias = Callable[[Job], str]
"""Makes the graph of a job and gives its name: `overt.learn.tuned.tune`, which needs PyTorch."""


def graphs(jobs: Sequence[Job], workers: int, tune: Tune, progress: Progress) -> list[bytes]:
    """The graph of each job, from the cache or made; ``workers`` are made at a time, one core each."""
    waiting = [job for job in jobs if not job.graph.is_file()]
    if waiting:
        progress(f"fine-tuning stage 2: {len(waiting)} of {len(jobs)} to do, {workers} at a time")
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            for name in pool.map(tune, waiting):
                progress(f"fine-tuned {name}")
    return [job.graph.read_bytes() for job in jobs]
