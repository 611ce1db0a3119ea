"""Arithmetic of training a language model, each form told again with the same numbers in a workaday field."""

from __future__ import annotations

import math
from typing import Final

from overt.audit.prompts.form import Form, Side
from overt.audit.prompts.reference import decimal, whole

TRAINING: Final = (
    Form(
        name="dense_params",
        level=2,
        choices={"layers": range(6, 40, 2), "width": (96, 128, 160, 192, 256, 320, 384, 448, 512, 640)},
        answer=lambda layers, width: whole(12 * layers * width * width),
        sides=(
            Side(
                facts=(
                    "A decoder-only transformer [has|consists of] {layers} layers of model width {width}.",
                    "Each layer holds 12 weights for every entry of a {width} by {width} matrix.",
                    "Embeddings and biases are left out.",
                ),
                ask="[How many weights do|What number of weights do] all layers hold together?",
            ),
            Side(
                facts=(
                    "A mosaic workshop [lays|covers] {layers} floors with a side of {width} cells.",
                    "Each floor needs 12 tiles for every cell of a {width} by {width} square.",
                    "Borders and spare tiles are left out.",
                ),
                ask="[How many tiles do|What number of tiles do] all floors need together?",
            ),
        ),
    ),
    Form(
        name="two_tables",
        level=1,
        choices={"entries": range(8000, 52000, 2000), "width": (48, 64, 80, 96, 128, 160, 192, 256, 320, 512)},
        answer=lambda entries, width: whole(2 * entries * width),
        sides=(
            Side(
                facts=(
                    "A language model has a vocabulary of {entries} tokens and a model width of {width}.",
                    "Its input embedding and its output projection are [separate|not shared], one row per token.",
                ),
                ask="[How many|What number of] weights are in the two tables together?",
            ),
            Side(
                facts=(
                    "A seed archive keeps {entries} plant species, with {width} seeds of each in a drawer.",
                    "Its cold store and its reading room are [separate|not shared], one drawer per species.",
                ),
                ask="[How many|What number of] seeds are in the two places together?",
            ),
        ),
    ),
    Form(
        name="global_batch",
        level=1,
        choices={
            "ranks": (8, 16, 24, 32, 48, 64),
            "micro": (2, 3, 4, 6, 8),
            "rounds": (2, 4, 5, 8),
            "length": (256, 512, 1024, 2048),
        },
        answer=lambda ranks, micro, rounds, length: whole(ranks * micro * rounds * length),
        sides=(
            Side(
                facts=(
                    "Pretraining [runs|is run] data-parallel on {ranks} GPUs.",
                    "Each GPU takes {micro} sequences at a time and accumulates gradients over {rounds} passes.",
                    "Every sequence has {length} tokens.",
                ),
                ask="[How many|What number of] tokens go into one optimizer step?",
            ),
            Side(
                facts=(
                    "A harvest [runs|is run] side by side with {ranks} wagons.",
                    "Each wagon takes {micro} crates at a time and collects them over {rounds} trips.",
                    "Every crate has {length} apples.",
                ),
                ask="[How many|What number of] apples go into one delivery day?",
            ),
        ),
    ),
    Form(
        name="steps_for_tokens",
        level=2,
        choices={"millions": (300, 450, 700, 900, 1300, 2500), "batch": (128, 192, 256, 384), "length": (512, 1024)},
        answer=lambda millions, batch, length: whole(math.ceil(millions * 1_000_000 / (batch * length))),
        sides=(
            Side(
                facts=(
                    "A pretraining run [is to see|shall see] {millions} million tokens.",
                    "One optimizer step uses a batch of {batch} sequences with {length} tokens each.",
                ),
                ask="[How many|What number of] steps are needed, where the last one may be incomplete?",
            ),
            Side(
                facts=(
                    "A canning plant [is to pack|shall pack] {millions} million olives.",
                    "One truck carries a load of {batch} boxes with {length} olives each.",
                ),
                ask="[How many|What number of] trucks are needed, where the last one may be part empty?",
            ),
        ),
    ),
    Form(
        name="warmup_value",
        level=1,
        choices={
            "peak": (120, 150, 240, 300, 600),
            "warm": (400, 500, 800, 1000, 2000),
            "step": (50, 120, 150, 260, 350),
        },
        answer=lambda peak, warm, step: decimal(peak * step / warm, 1),
        sides=(
            Side(
                facts=(
                    "The learning rate of a pretraining run rises [linearly|in a straight line] from 0 at step 0 "
                    "to {peak} millionths at step {warm}.",
                ),
                ask="[What is|How large is] the learning rate at step {step}, in millionths?",
            ),
            Side(
                facts=(
                    "The flow of a drip irrigation line rises [linearly|in a straight line] from 0 at second 0 "
                    "to {peak} litres an hour at second {warm}.",
                ),
                ask="[What is|How large is] the flow at second {step}, in litres an hour?",
            ),
        ),
    ),
    Form(
        name="linear_decay",
        level=2,
        choices={
            "peak": (200, 300, 400, 600),
            "floor": (20, 30, 40, 60),
            "start": (1000, 2000),
            "end": (9000, 6000, 7000),
            "step": (3000, 3500, 4000, 5500),
        },
        answer=lambda peak, floor, start, end, step: decimal(peak - (peak - floor) * (step - start) / (end - start), 1),
        sides=(
            Side(
                facts=(
                    "A pretraining schedule [holds|keeps] the learning rate at {peak} millionths until step {start}.",
                    "Then it falls linearly and reaches {floor} millionths at step {end}.",
                ),
                ask="[What is|How large is] the learning rate at step {step}, in millionths?",
            ),
            Side(
                facts=(
                    "A pottery kiln program [holds|keeps] the furnace at {peak} degrees until second {start}.",
                    "Then it falls linearly and reaches {floor} degrees at second {end}.",
                ),
                ask="[What is|How hot is] the furnace at second {step}, in degrees?",
            ),
        ),
    ),
    Form(
        name="cosine_half",
        level=3,
        choices={
            "peak": (200, 300, 400, 500, 640),
            "floor": (20, 40, 50),
            "total": (6000, 9000, 1200),
            "third": (1, 2),
        },
        more=lambda total, third, **_: {"step": total * third // 3},
        answer=lambda peak, floor, third, **_: decimal(
            floor + (peak - floor) * (1 + (0.5 if third == 1 else -0.5)) / 2, 1
        ),
        sides=(
            Side(
                facts=(
                    "A pretraining schedule sets the learning rate at step s to "
                    "low + (high - low) · (1 + cos(pi · s / {total})) / 2.",
                    "Here high is {peak} and low is {floor}, [both in millionths|each in millionths].",
                ),
                ask="[What is|How large is] the learning rate at step {step}, in millionths?",
            ),
            Side(
                facts=(
                    "A stage lighting desk sets the brightness at second s to "
                    "low + (high - low) · (1 + cos(pi · s / {total})) / 2.",
                    "Here high is {peak} and low is {floor}, [both in candelas|each in candelas].",
                ),
                ask="[What is|How large is] the brightness at second {step}, in candelas?",
            ),
        ),
    ),
    Form(
        name="six_n_d",
        level=2,
        choices={"millions": range(70, 900, 30), "billions": (2, 3, 4, 5, 7, 8, 9, 12, 15)},
        answer=lambda millions, billions: whole(6 * millions * billions),
        sides=(
            Side(
                facts=(
                    "Training a dense language model costs about 6 operations per weight and token.",
                    "The model has {millions} million weights and [sees|is shown] {billions} billion tokens.",
                ),
                ask="[How many|What number of] million billion (10^15) operations is that?",
            ),
            Side(
                facts=(
                    "Sorting a dry lentil harvest costs about 6 checks per lentil and colour shade.",
                    "The harvest has {millions} million lentils and [uses|is given] {billions} billion shades.",
                ),
                ask="[How many|What number of] million billion (10^15) checks is that?",
            ),
        ),
    ),
    Form(
        name="days_of_work",
        level=3,
        choices={
            "total": (300, 450, 500, 720, 900),
            "units": (64, 96, 128, 256),
            "rate": (200, 250, 300),
            "share": (35, 40, 45, 50),
        },
        answer=lambda total, units, rate, share: decimal(total * 1e6 / (units * rate * share / 100) / 3600, 1),
        sides=(
            Side(
                facts=(
                    "A pretraining run needs {total} million tera-operations.",
                    "It has {units} GPUs, each with a peak of {rate} tera-operations a second.",
                    "On average {share} percent of the peak [is reached|is achieved].",
                ),
                ask="[How many hours does|For how many hours does] the run take?",
            ),
            Side(
                facts=(
                    "A reservoir needs {total} million litres of water.",
                    "It has {units} pumps, each with a peak of {rate} litres a second.",
                    "On average {share} percent of the peak [is reached|is achieved].",
                ),
                ask="[How many hours does|For how many hours does] the filling take?",
            ),
        ),
    ),
    Form(
        name="rate_per_unit",
        level=2,
        choices={
            "units": (16, 32, 40, 64),
            "sequences": (256, 320, 512, 640),
            "length": (1024, 2048, 4096),
            "tenths": (25, 40, 64, 80),
        },
        more=lambda tenths, **_: {"seconds": tenths / 10},
        answer=lambda units, sequences, length, tenths: whole(sequences * length * 10 / (units * tenths)),
        holds=lambda units, sequences, length, tenths: sequences * length * 10 % (units * tenths) == 0,
        sides=(
            Side(
                facts=(
                    "A pretraining step on {units} GPUs [takes|lasts] {seconds} seconds.",
                    "In it {sequences} sequences of {length} tokens are processed.",
                ),
                ask="[How many|What number of] tokens does each GPU process a second?",
            ),
            Side(
                facts=(
                    "A sorting round on {units} belts [takes|lasts] {seconds} seconds.",
                    "In it {sequences} boxes of {length} cherries are processed.",
                ),
                ask="[How many|What number of] cherries does each belt process a second?",
            ),
        ),
    ),
    Form(
        name="utilization",
        level=2,
        choices={
            "units": (8, 12, 16, 24, 32, 48, 64),
            "peak": (125, 165, 312, 400, 660, 990),
            "done": range(900, 5400, 300),
        },
        answer=lambda units, peak, done: decimal(100 * done / (units * peak), 1),
        holds=lambda units, peak, done: 0.15 < done / (units * peak) < 0.65,
        sides=(
            Side(
                facts=(
                    "A cluster trains a language model on {units} GPUs, each with a peak of {peak} teraflops.",
                    "The whole cluster [achieves|sustains] {done} teraflops.",
                ),
                ask="[What percentage|How many percent] of the peak is used?",
            ),
            Side(
                facts=(
                    "A dairy bottles fresh milk on {units} lines, each with a peak of {peak} bottles a minute.",
                    "The whole dairy [achieves|sustains] {done} bottles a minute.",
                ),
                ask="[What percentage|How many percent] of the peak is used?",
            ),
        ),
    ),
    Form(
        name="tokens_missing",
        level=2,
        choices={"millions": (110, 160, 240, 350, 410, 770), "have": (1200, 1500, 1900, 2100), "ratio": (20, 22, 25)},
        answer=lambda millions, have, ratio: whole(millions * ratio - have),
        holds=lambda millions, have, ratio: millions * ratio > have,
        sides=(
            Side(
                facts=(
                    "A rule of thumb [asks for|wants] {ratio} training tokens per weight.",
                    "The language model has {millions} million weights, the corpus {have} million tokens.",
                ),
                ask="[How many|What number of] million tokens are missing?",
            ),
            Side(
                facts=(
                    "A nursery's rule of thumb [asks for|wants] {ratio} drops of water per seed.",
                    "The big field has {millions} million seeds, the cistern {have} million drops.",
                ),
                ask="[How many|What number of] million drops are missing?",
            ),
        ),
    ),
    Form(
        name="shard_memory",
        level=2,
        choices={"millions": (640, 800, 1200, 2400, 3200, 7000), "ranks": (8, 16, 32, 64), "each": (12, 16, 18)},
        answer=lambda millions, ranks, each: decimal(millions * each / ranks / 1000, 2),
        sides=(
            Side(
                facts=(
                    "Weights, gradients and optimizer states take {each} bytes per weight.",
                    "A language model of {millions} million weights is sharded [evenly|in equal parts] over "
                    "{ranks} GPUs.",
                ),
                ask="[How many|What number of] gigabytes (10^9 bytes) does each GPU hold?",
            ),
            Side(
                facts=(
                    "Stem, leaves and roots of a seedling take {each} grams of soil mix.",
                    "A cabbage crop of {millions} million seedlings is spread [evenly|in equal parts] over "
                    "{ranks} farms.",
                ),
                ask="[How many|What number of] thousand tonnes (10^9 grams) does each farm need?",
            ),
        ),
    ),
    Form(
        name="pipeline_idle",
        level=2,
        choices={"stages": range(3, 13), "batches": range(7, 40)},
        answer=lambda stages, batches: decimal(100 * (stages - 1) / (batches + stages - 1), 1),
        sides=(
            Side(
                facts=(
                    "A language model is trained in a pipeline of {stages} stages with {batches} "
                    "micro-batches per pass.",
                    "A stage handles one micro-batch per time slot and [passes it on|hands it over].",
                ),
                ask="[What percentage|How many percent] of a pass does a stage spend idle, from first slot to last?",
            ),
            Side(
                facts=(
                    "Farmhouse bread is baked on a line of {stages} stations with {batches} trays of dough per shift.",
                    "A station handles one tray per time slot and [passes it on|hands it over].",
                ),
                ask="[What percentage|How many percent] of a shift does a station spend idle, from first slot to last?",
            ),
        ),
    ),
    Form(
        name="accumulation",
        level=1,
        choices={"wanted": range(512, 4097, 256), "ranks": (8, 16, 32, 64), "micro": (1, 2, 4, 8)},
        answer=lambda wanted, ranks, micro: whole(wanted / (ranks * micro)),
        holds=lambda wanted, ranks, micro: wanted % (ranks * micro) == 0 and wanted > ranks * micro,
        sides=(
            Side(
                facts=(
                    "A pretraining recipe [asks for|wants] {wanted} sequences per optimizer step.",
                    "There are {ranks} GPUs, and {micro} sequences fit on one at a time.",
                ),
                ask="Over [how many|what number of] passes must gradients be accumulated?",
            ),
            Side(
                facts=(
                    "A banquet menu [asks for|wants] {wanted} filled pastries for one evening.",
                    "There are {ranks} ovens, and {micro} pastries fit in one at a time.",
                ),
                ask="Over [how many|what number of] rounds must pastries be baked?",
            ),
        ),
    ),
    Form(
        name="ring_traffic",
        level=2,
        choices={"ranks": (4, 5, 6, 8, 10, 12, 16, 20), "size": range(240, 1000, 40)},
        answer=lambda ranks, size: whole(2 * (ranks - 1) * size / ranks),
        holds=lambda ranks, size: 2 * (ranks - 1) * size % ranks == 0,
        sides=(
            Side(
                facts=(
                    "A ring all-reduce over {ranks} GPUs cuts {size} MB of a language model's gradients into {ranks} "
                    "equal pieces.",
                    "Each GPU sends one piece per round, in {ranks} - 1 rounds of summing and [again|then] {ranks} - "
                    "1 of copying.",
                ),
                ask="[How many|What number of] MB does each GPU send?",
            ),
            Side(
                facts=(
                    "A ring of {ranks} book clubs cuts {size} kg of a lending library's novels into {ranks} "
                    "equal parcels.",
                    "Each club posts one parcel per week, in {ranks} - 1 weeks of reading and [again|then] {ranks} - "
                    "1 of returning.",
                ),
                ask="[How many|What number of] kg does each club post?",
            ),
        ),
    ),
    Form(
        name="checkpoints_kept",
        level=3,
        choices={
            "steps": (3000, 4500, 6000, 9000),
            "every": (100, 150, 250),
            "last": (2, 3, 4, 5),
            "nth": (1000, 1500, 3000),
        },
        holds=lambda steps, every, last, nth: nth % every == 0 and steps % nth == 0 and last * every < nth,
        answer=lambda steps, nth, last, **_: whole(steps // nth + last - 1),
        sides=(
            Side(
                facts=(
                    "A pretraining run of {steps} steps saves a checkpoint after every {every} steps, the final "
                    "one included.",
                    "At the end only the last {last} are kept, [and also|together with] all whose step is a "
                    "multiple of {nth}.",
                ),
                ask="[How many|What number of] checkpoints are left?",
            ),
            Side(
                facts=(
                    "A mountain hike of {steps} metres leaves a marker after every {every} metres, the final "
                    "one included.",
                    "At the end only the last {last} are kept, [and also|together with] all whose metre is a "
                    "multiple of {nth}.",
                ),
                ask="[How many|What number of] markers are left?",
            ),
        ),
    ),
)
