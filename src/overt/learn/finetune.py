"""Fine-tune the encoder: seeded, resumable after each round, on a CPU.

AdamW with a short warm-up and a linear descent; the tensors that are kept are a running mean of those that were
trained (EMA), which forgets less. Batches hold texts of like length, so little is padded. bfloat16 where the processor
has it, with float32 weights. Two runs with the same seed on one machine give the same tensors.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from overt.classify.encoder import CLS, SEP, clipped
from overt.learn.deep import Tensors, learns, logits, trainable_copy
from overt.learn.encoder import Encoder
from overt.learn.lessons import Course, Lesson, draw_lessons
from overt.learn.schedule import Schedule

Progress: TypeAlias = Callable[[str], None]
Floats: TypeAlias = npt.NDArray[np.float32]

POOL: Final = 64
"""Batches that are sorted by length together."""
EVERY: Final = 200
"""Batches between two lines of progress."""


@final
@dataclass(frozen=True, slots=True)
class _State:
    """What is being trained, and the running mean of it."""

    tensors: Tensors
    kept: Tensors
    optimiser: torch.optim.Optimizer


def finetune(
    encoder: Encoder, course: Course, schedule: Schedule, progress: Progress, *, folder: Path | None = None
) -> Tensors:
    """The fine-tuned tensors (the running mean). With ``folder``, a round that is done is not done again."""
    state = _begin(encoder, schedule)
    steps = schedule.rounds * (schedule.lessons // schedule.batch)
    done = _resume(folder, state)
    for number in range(done, schedule.rounds):
        torch.manual_seed(schedule.seed * 1_000 + number)
        random = np.random.default_rng((schedule.seed, number))
        lessons = draw_lessons(course, schedule.lessons, random)
        first = number * (schedule.lessons // schedule.batch)
        _round(state, lessons, schedule, random, first, steps, progress)
        _keep(folder, state, number + 1)
    return {name: tensor.detach() for name, tensor in state.kept.items()}


def _begin(encoder: Encoder, schedule: Schedule) -> _State:
    tensors = trainable_copy(encoder, seed=schedule.seed)
    trained = {name: tensor for name, tensor in tensors.items() if learns(name)}
    groups = [
        {"params": [x for n, x in trained.items() if n.startswith("heads.") is heads], "lr": rate, "top": rate}
        for heads, rate in ((False, schedule.encoder_rate), (True, schedule.head_rate))
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=schedule.decay, fused=True)
    kept = {name: tensor.detach().clone() if learns(name) else tensor for name, tensor in tensors.items()}
    return _State(tensors, kept, optimiser)


def _round(
    state: _State,
    lessons: Sequence[Lesson],
    schedule: Schedule,
    random: np.random.Generator,
    first: int,
    steps: int,
    progress: Progress,
) -> None:
    started, losses = time.monotonic(), []
    for number, batch in enumerate(_batches(lessons, schedule.batch, random)):
        step = first + number
        pace = min(1.0, (step + 1) / (schedule.warm_up * steps)) * max(0.02, 1 - step / steps)
        for group in state.optimiser.param_groups:
            group["lr"] = group["top"] * pace
        losses.append(_step(state, batch, schedule))
        if number % EVERY == EVERY - 1:
            rate = (number + 1) * schedule.batch / (time.monotonic() - started)
            progress(f"step {step + 1:,} of {steps:,}: loss {np.mean(losses[-EVERY:]):.4f}, {rate:.0f} texts/s")


def _step(state: _State, batch: Sequence[Lesson], schedule: Schedule) -> float:
    ids, mask = padded([lesson.ids for lesson in batch])
    answers = torch.from_numpy(np.stack([lesson.answers for lesson in batch]))
    told = torch.from_numpy(np.stack([lesson.told for lesson in batch]))
    smooth = answers * (1 - 2 * schedule.smoothing) + schedule.smoothing
    with torch.autocast("cpu", torch.bfloat16):
        found = logits(state.tensors, ids, mask, dropout=schedule.dropout)
    loss = (functional.binary_cross_entropy_with_logits(found, smooth, reduction="none") * told).sum() / len(batch)
    state.optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_([x for n, x in state.tensors.items() if learns(n)], 1.0)
    state.optimiser.step()
    with torch.no_grad():
        names = [name for name in state.kept if learns(name)]
        torch._foreach_lerp_(
            [state.kept[name] for name in names], [state.tensors[name] for name in names], 1 - schedule.kept
        )
    return float(loss.detach())


def _batches(lessons: Sequence[Lesson], size: int, random: np.random.Generator) -> Iterator[list[Lesson]]:
    """Batches of like length, in random order; what does not fill a last batch is left for another round."""
    whole = len(lessons) // size * size
    for low in range(0, whole, size * POOL):
        pool = sorted(lessons[low : min(low + size * POOL, whole)], key=lambda lesson: len(lesson.ids))
        batches = [pool[at : at + size] for at in range(0, len(pool), size)]
        for place in random.permutation(len(batches)):
            yield batches[place]


def padded(texts: Sequence[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids with their markers, cut to `LONGEST` and filled with zeros, and where a token is."""
    cut = [[CLS, *clipped(ids), SEP] for ids in texts]
    length = max(map(len, cut))
    ids = torch.zeros(len(cut), length, dtype=torch.int64)
    for place, found in enumerate(cut):
        ids[place, : len(found)] = torch.tensor(found)
    return ids, ids != 0


def logits_of(tensors: Tensors, texts: Sequence[list[int]], *, batch: int = 64) -> Floats:
    """The logits of whole texts, each as one window: shape (texts, heads). For measuring; serving uses ONNX."""
    order = np.argsort([len(ids) for ids in texts], kind="stable")
    found = np.zeros((len(texts), len(tensors["heads.outer.bias"])), np.float32)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for low in range(0, len(order), batch):
            places = order[low : low + batch]
            ids, mask = padded([texts[place] for place in places])
            found[places] = logits(tensors, ids, mask).numpy()
    return found


def save(tensors: Tensors, path: Path) -> None:
    """Keep tensors in a file of numpy arrays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting = path.with_suffix(".part")
    with waiting.open("wb") as file:
        np.savez(file, **{name: tensor.detach().numpy() for name, tensor in tensors.items()})
    waiting.replace(path)


def load(path: Path) -> Tensors:
    """The tensors that `save` kept."""
    with np.load(path, allow_pickle=False) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def _keep(folder: Path | None, state: _State, done: int) -> None:
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    held = {"done": done, "kept": state.kept, "tensors": state.tensors, "optimiser": state.optimiser.state_dict()}
    waiting = folder / "round.part"
    torch.save(held, waiting)
    waiting.replace(folder / "round.pt")


def _resume(folder: Path | None, state: _State) -> int:
    path = folder / "round.pt" if folder is not None else None
    if path is None or not path.is_file():
        return 0
    held = torch.load(path, weights_only=True)
    with torch.no_grad():
        for name, tensor in state.tensors.items():
            tensor.copy_(held["tensors"][name])
            state.kept[name].copy_(held["kept"][name])
    state.optimiser.load_state_dict(held["optimiser"])
    return int(held["done"])
