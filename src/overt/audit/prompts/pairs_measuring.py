"""Arithmetic of data and of measured losses of a language model, each form told again in a workaday field."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from overt.audit.prompts.draw import number_lists
from overt.audit.prompts.form import Form, Side
from overt.audit.prompts.reference import Reference, decimal, fields, row, whole, word

RUNS: Final = "ABCDE"


def _table(values: Sequence[tuple[int, ...]]) -> Mapping[str, object]:
    return {
        "table": "\n".join(
            f"{name} | " + " | ".join(map(str, cells)) for name, cells in zip(RUNS, values, strict=False)
        )
    }


def _hundredths(values: Sequence[int]) -> str:
    return ", ".join(f"{value / 100:.2f}" for value in values)


def _best(first: tuple[int, ...], second: tuple[int, ...], third: tuple[int, ...]) -> Reference:
    lasts = {name: cells[-1] for name, cells in zip(RUNS, (first, second, third), strict=False)}
    best = min(lasts, key=lambda name: lasts[name])
    return word(best, f"run {best}", f"shop {best}")


MEASURING: Final = (
    Form(
        name="filter_chain",
        level=2,
        choices={
            "start": (4000, 8000, 6000, 9000),
            "first": (20, 25, 30, 40),
            "second": (10, 15, 50, 60),
            "third": (20, 30),
        },
        answer=lambda start, first, second, third: whole(
            start * (100 - first) * (100 - second) * (100 - third) / 1_000_000
        ),
        holds=lambda start, first, second, third: start * (100 - first) * (100 - second) * (100 - third) % 10**6 == 0,
        sides=(
            Side(
                facts=(
                    "A pretraining corpus [starts with|begins at] {start} thousand documents.",
                    "Deduplication removes {first} percent of them, a language filter {second} percent of the rest, "
                    "and a quality filter {third} percent of what is then left.",
                ),
                ask="[How many|What number of] thousand documents remain?",
            ),
            Side(
                facts=(
                    "A sheep farm's wool store [starts with|begins at] {start} thousand fleeces.",
                    "Washing removes {first} percent of them, a colour check {second} percent of the rest, "
                    "and a length check {third} percent of what is then left.",
                ),
                ask="[How many|What number of] thousand fleeces remain?",
            ),
        ),
    ),
    Form(
        name="mixture_epochs",
        level=2,
        choices={"total": (200, 300, 400, 500, 800), "share": (4, 6, 8, 12, 15), "source": (5, 6, 8, 9, 11)},
        answer=lambda total, share, source: decimal(total * share / 100 / source, 2),
        sides=(
            Side(
                facts=(
                    "A language model is trained on {total} billion tokens, {share} percent of them from "
                    "encyclopedias.",
                    "The encyclopedias [hold|contain] {source} billion different tokens.",
                ),
                ask="[How many times|How often] is each of their tokens seen on average?",
            ),
            Side(
                facts=(
                    "A radio station plays {total} thousand songs a year, {share} percent of them from "
                    "string quartets.",
                    "The quartet shelf [holds|contains] {source} thousand different songs.",
                ),
                ask="[How many times|How often] is each of its songs played on average?",
            ),
        ),
    ),
    Form(
        name="exponential_loss",
        level=1,
        choices={"hundredths": range(110, 335, 3)},
        more=lambda hundredths: {"loss": hundredths / 100},
        answer=lambda hundredths: decimal(math.exp(hundredths / 100), 1),
        sides=(
            Side(
                facts=(
                    "The perplexity of a language model is e (2.71828) to the power of its loss in nats.",
                    "The [validation loss|loss on held-out text] is {loss}.",
                ),
                ask="[What is|How large is] the perplexity?",
            ),
            Side(
                facts=(
                    "The growth factor of a pond of algae is e (2.71828) to the power of its age in weeks.",
                    "The [age of the pond|pond's present age] is {loss}.",
                ),
                ask="[What is|How large is] the growth factor?",
            ),
        ),
    ),
    Form(
        name="lowest_last",
        level=1,
        choices={
            "first": ((341, 302, 288, 281), (322, 297, 285, 279), (338, 310, 287, 276)),
            "second": ((355, 299, 283, 284), (330, 291, 282, 277), (312, 296, 289, 286)),
            "third": ((349, 305, 286, 280), (327, 300, 284, 278), (319, 290, 281, 283)),
        },
        more=lambda first, second, third: _table((first, second, third)),
        answer=_best,
        block="name | {first_head} | {second_head} | {third_head} | {last_head}\n{table}",
        sides=(
            Side(
                facts=(
                    "The table [shows|gives] the loss of three pretraining runs, in hundredths, after 1 to 4 "
                    "billion tokens.",
                ),
                ask="[Which run|What is the name of the run that] has the lowest loss in the last column?",
                words={"first_head": "b1", "second_head": "b2", "third_head": "b3", "last_head": "b4"},
            ),
            Side(
                facts=(
                    "The table [shows|gives] the waste of three bakery shops, in tenths of a kilogram, in weeks 1 "
                    "to 4 of May.",
                ),
                ask="[Which shop|What is the name of the shop that] has the lowest waste in the last column?",
                words={"first_head": "w1", "second_head": "w2", "third_head": "w3", "last_head": "w4"},
            ),
        ),
    ),
    Form(
        name="spikes",
        level=2,
        choices={"series": number_lists("spikes", 40, length=8, among=range(280, 330)), "limit": (10, 15, 20, 23)},
        more=lambda series, limit: {"shown": _hundredths(series), "jump": f"{limit / 100:.2f}"},
        answer=lambda series, limit: whole(sum(after - before > limit for before, after in pairwise(series))),
        sides=(
            Side(
                facts=(
                    "The loss of a language model run was logged in this order: {shown}.",
                    "A spike is a value that is more than {jump} above the one [just before|right before] it.",
                ),
                ask="[How many|What number of] spikes are there?",
            ),
            Side(
                facts=(
                    "The level of a mountain brook was noted in this order: {shown}.",
                    "A surge is a value that is more than {jump} above the one [just before|right before] it.",
                ),
                ask="[How many|What number of] surges are there?",
            ),
        ),
    ),
    Form(
        name="order_by_value",
        level=1,
        choices={"values": number_lists("order", 60, length=4, among=range(271, 330), distinct=True)},
        more=lambda values: {name: f"{value / 100:.2f}" for name, value in zip(RUNS, values, strict=False)},
        answer=lambda values: row(*(name for _, name in sorted(zip(values, RUNS, strict=False)))),
        sides=(
            Side(
                facts=("Four pretraining runs ended with these losses: run A {A}, run B {B}, run C {C}, run D {D}.",),
                ask="[List the letters|Give the letters] of the runs from the lowest loss to the highest.",
            ),
            Side(
                facts=(
                    "Four garden ponds ended with these water levels: pond A {A}, pond B {B}, pond C {C}, pond D {D}.",
                ),
                ask="[List the letters|Give the letters] of the ponds from the lowest level to the highest.",
            ),
        ),
    ),
    Form(
        name="best_and_mean",
        level=2,
        choices={"scores": number_lists("scores", 240, length=3, among=range(45, 92), distinct=True)},
        more=lambda scores: dict(zip(RUNS, scores, strict=False)),
        answer=lambda scores: fields(best=max(zip(scores, RUNS, strict=False))[1], mean=sum(scores) / len(scores)),
        holds=lambda scores: sum(scores) % 3 == 0,
        sides=(
            Side(
                facts=("Three checkpoints of a language model score A: {A}, B: {B} and C: {C} on a benchmark.",),
                ask='[Give|Write] a JSON object with "best" (the letter of the best one) and "mean" (of the '
                "three scores).",
            ),
            Side(
                facts=("Three varieties of a garden tomato yield A: {A}, B: {B} and C: {C} fruits on a plot.",),
                ask='[Give|Write] a JSON object with "best" (the letter of the best one) and "mean" (of the '
                "three yields).",
            ),
        ),
    ),
)
