"""One fine-tuning from job to int8 graph. The only way in to what needs PyTorch; runs in a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch

from overt.classify.wordpiece import WordPiece, parse_vocabulary
from overt.learn.encoder import read_encoder
from overt.learn.export import quantised, to_onnx
from overt.learn.finetune import finetune
from overt.learn.lessons import course_of
from overt.learn.second import Job

OWN_WEIGHT: Final = 2.5
TWIN_WEIGHT: Final = 1.5
"""Our own rows count less here than in stage 1: an encoder that sees a row often learns it by heart."""


def tune(job: Job) -> str:
    """Make the graph of a job, on one core, with progress on standard error. Gives the job's name."""
    torch.set_num_threads(1)
    wordpiece = WordPiece(parse_vocabulary(job.vocabulary, "vocab.txt"))
    recipe = replace(job.recipe, own_weight=OWN_WEIGHT, twin_weight=TWIN_WEIGHT)
    rounds = job.graph.with_suffix(".rounds")
    tensors = finetune(
        read_encoder(job.encoder),
        course_of(job.rows, wordpiece.encode, recipe),
        job.schedule,
        lambda line: print(f"{job.name}: {line}", file=sys.stderr, flush=True),
        folder=rounds,
    )
    unfinished = job.graph.with_suffix(".unfinished")
    unfinished.write_bytes(quantised(to_onnx({name: tensor.numpy() for name, tensor in tensors.items()})))
    os.replace(unfinished, job.graph)
    for path in _files(rounds):
        path.unlink()
    return job.name


def _files(folder: Path) -> Iterator[Path]:
    return folder.iterdir() if folder.is_dir() else iter(())
