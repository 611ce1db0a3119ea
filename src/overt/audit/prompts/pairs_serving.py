"""Arithmetic of serving, tokenizing and evaluating a language model, each form told again in a workaday field."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from overt.audit.prompts.form import Form, Side
from overt.audit.prompts.reference import decimal, whole, yes_no

STRINGS: Final = (
    "abababcab",
    "aabaabaab",
    "abcabcabab",
    "bababaabb",
    "cabcababc",
    "abbabbabca",
    "aabbaabbab",
    "bcabcabca",
    "abcbcabab",
    "caabcaaba",
    "babcababca",
    "aabcbabab",
)
MERGES: Final = (("ab", "abc"), ("ab", "aab"), ("ba", "bab"), ("bc", "abc"), ("ca", "cab"), ("ab", "abab"))


def merged(text: str, rules: Sequence[str]) -> list[str]:
    """The pieces after every rule, in order, has joined each adjacent pair that spells it, from left to right."""
    pieces = list(text)
    for rule in rules:
        joined: list[str] = []
        for piece in pieces:
            if joined and joined[-1] + piece == rule:
                joined[-1] = rule
            else:
                joined.append(piece)
        pieces = joined
    return pieces


SERVING: Final = (
    Form(
        name="heads_divide",
        level=1,
        choices={"width": range(288, 2100, 48), "heads": (7, 9, 11, 12, 16, 18, 20, 24, 32)},
        answer=lambda width, heads: yes_no(width % heads == 0),
        sides=(
            Side(
                facts=("An attention layer of a language model [has|shows] a width of {width} numbers.",),
                ask="Can it be [split|cut] into {heads} heads of equal size with none left over?",
            ),
            Side(
                facts=("The storehouse of a shoe factory [has|shows] a stock of {width} pairs.",),
                ask="Can it be [split|cut] into {heads} loads of equal size with none left over?",
            ),
        ),
    ),
    Form(
        name="better_price",
        level=2,
        choices={
            "first": (120, 150, 180, 240),
            "rate": range(400, 1000, 70),
            "second": (300, 360, 420),
            "fast": range(900, 2000, 130),
        },
        answer=lambda first, rate, second, fast: yes_no(rate * second > fast * first),
        holds=lambda first, rate, second, fast: rate * second != fast * first,
        sides=(
            Side(
                facts=(
                    "An older GPU costs {first} cents an hour and generates {rate} language model tokens a second.",
                    "A newer GPU costs {second} cents an hour and generates {fast} language model tokens a second.",
                ),
                ask="[Does the older GPU|Would the older GPU] give more tokens per cent?",
            ),
            Side(
                facts=(
                    "A brick oven costs {first} cents an hour and turns out {rate} wholemeal oat biscuits a shift.",
                    "A steam oven costs {second} cents an hour and turns out {fast} wholemeal oat biscuits a shift.",
                ),
                ask="[Does the brick oven|Would the brick oven] give more biscuits per cent?",
            ),
        ),
    ),
    Form(
        name="cache_size",
        level=2,
        choices={"layers": (12, 16, 24, 32), "heads": (4, 8, 12), "size": (64, 128), "length": (512, 1024, 2048)},
        answer=lambda layers, heads, size, length: whole(2 * layers * heads * size * length * 2 / 2**20),
        holds=lambda layers, heads, size, length: 4 * layers * heads * size * length % 2**20 == 0,
        sides=(
            Side(
                facts=(
                    "A transformer caches a key and a value vector per layer, per head and per token.",
                    "It has {layers} layers and {heads} heads; [each vector has|a vector has] {size} "
                    "numbers of 2 bytes.",
                ),
                ask="[How many|What number of] MiB (1,048,576 bytes) does the cache of {length} tokens take?",
            ),
            Side(
                facts=(
                    "A seed bank keeps a red and a blue packet per hall, per shelf and per plant.",
                    "It has {layers} halls and {heads} shelves each; [each packet has|a packet has] {size} "
                    "seeds of 2 grams.",
                ),
                ask="[How many|What number of] sacks (1,048,576 grams) do the packets of {length} plants fill?",
            ),
        ),
    ),
    Form(
        name="grouped_heads",
        level=2,
        choices={"heads": (16, 24, 32, 40, 48, 56, 64, 96), "groups": (2, 4, 8), "size": range(480, 2100, 160)},
        answer=lambda heads, groups, size: whole(size * groups / heads),
        holds=lambda heads, groups, size: size * groups % heads == 0,
        sides=(
            Side(
                facts=(
                    "With one key-value head for each of its {heads} query heads, a language model's cache "
                    "takes {size} MB.",
                    "Now the query heads [share|use] {groups} key-value heads, all else being equal.",
                ),
                ask="[How many|What number of] MB does the cache take?",
            ),
            Side(
                facts=(
                    "With one music stand for each of its {heads} players, a festival orchestra's sheets weigh "
                    "{size} grams.",
                    "Now the players [share|use] {groups} music stands, all else being equal.",
                ),
                ask="[How many|What number of] grams do the sheets weigh?",
            ),
        ),
    ),
    Form(
        name="quantized_size",
        level=3,
        choices={"millions": (640, 1280, 2560, 3200, 6400), "bits": (3, 4, 5, 8), "group": (32, 64, 128)},
        answer=lambda millions, bits, group: whole((millions * bits + millions / group * 16) / 8),
        holds=lambda millions, bits, group: (millions * bits + millions // group * 16) % 8 == 0 == millions % group,
        sides=(
            Side(
                facts=(
                    "A language model of {millions} million weights is quantized to {bits} bits per weight.",
                    "Every group of {group} weights [needs|gets] one extra scale of 16 bits.",
                ),
                ask="[How many|What number of] million bytes (8 bits each) does it take?",
            ),
            Side(
                facts=(
                    "A hardware shipment of {millions} million screws is packed at {bits} grams per screw.",
                    "Every group of {group} screws [needs|gets] one extra label of 16 grams.",
                ),
                ask="[How many|What number of] million ladles (8 grams each) does it weigh?",
            ),
        ),
    ),
    Form(
        name="window_fit",
        level=2,
        choices={
            "window": (4096, 8192, 16384, 32768),
            "prompt": (350, 420, 600, 900),
            "reserve": (500, 800, 1000),
            "each": (270, 310, 450, 640),
        },
        answer=lambda window, prompt, reserve, each: whole((window - prompt - reserve) // each),
        sides=(
            Side(
                facts=(
                    "A language model [has|offers] a window of {window} tokens.",
                    "Instructions take {prompt} tokens, and {reserve} are reserved for its reply.",
                    "Each document to add has {each} tokens.",
                ),
                ask="[How many|What number of] whole documents fit?",
            ),
            Side(
                facts=(
                    "A delivery lorry [has|offers] a payload of {window} kilograms.",
                    "Tools take {prompt} kilograms, and {reserve} are reserved for returns.",
                    "Each pallet to add has {each} kilograms.",
                ),
                ask="[How many|What number of] whole pallets fit?",
            ),
        ),
    ),
    Form(
        name="causal_pairs",
        level=2,
        choices={"length": range(11, 48), "heads": (4, 6, 8, 10, 12, 16)},
        answer=lambda length, heads: whole(heads * length * (length + 1) / 2),
        sides=(
            Side(
                facts=(
                    "In causal attention each token [attends to|looks at] itself and to every token before it.",
                    "A transformer layer with {heads} heads reads a sequence of {length} tokens.",
                ),
                ask="[How many|What number of] pairs of tokens are scored in this layer?",
            ),
            Side(
                facts=(
                    "In a rehearsal each dancer [bows to|greets] their own mirror and every dancer who came before.",
                    "A village school with {heads} halls receives {length} dancers in each.",
                ),
                ask="[How many|What number of] bows are made in this school?",
            ),
        ),
    ),
    Form(
        name="active_experts",
        level=2,
        choices={"shared": (30, 45, 60, 90), "experts": (8, 16, 32, 64), "each": (12, 15, 25), "active": (2, 4)},
        answer=lambda shared, experts, each, active: decimal(
            100 * (shared + active * each) / (shared + experts * each), 1
        ),
        sides=(
            Side(
                facts=(
                    "A mixture-of-experts model has {shared} million shared weights and {experts} experts of "
                    "{each} million.",
                    "For each token the shared weights and {active} experts [are used|work].",
                ),
                ask="[What percentage|How many percent] of all weights is used for a token?",
            ),
            Side(
                facts=(
                    "A ferry company has {shared} permanent sailors and {experts} on-call crews of {each} sailors.",
                    "For each crossing the permanent sailors and {active} crews [are used|work].",
                ),
                ask="[What percentage|How many percent] of all sailors is used for a crossing?",
            ),
        ),
    ),
    Form(
        name="draft_rounds",
        level=2,
        choices={"tokens": (230, 310, 450, 520, 700), "taken": (2, 3, 4, 5), "millis": (24, 30, 42)},
        answer=lambda tokens, taken, millis: whole(math.ceil(tokens / (taken + 1)) * millis),
        sides=(
            Side(
                facts=(
                    "With speculative decoding each round yields {taken} accepted draft tokens and 1 of the "
                    "large model.",
                    "A round [takes|lasts] {millis} milliseconds, and {tokens} tokens are wanted.",
                ),
                ask="[How many|What number of] milliseconds do the rounds take in all, each being completed?",
            ),
            Side(
                facts=(
                    "With a helper boat each fishing trip yields {taken} crates of small fish and 1 of large fish.",
                    "A trip [takes|lasts] {millis} minutes, and {tokens} crates are wanted.",
                ),
                ask="[How many|What number of] minutes do the trips take in all, each being completed?",
            ),
        ),
    ),
    Form(
        name="merge_count",
        level=1,
        choices={"size": (8192, 16384, 32000, 50257, 32768), "special": (1, 3, 5, 10, 12), "base": (256, 128)},
        answer=lambda size, special, base: whole(size - base - special),
        sides=(
            Side(
                facts=(
                    "A byte-pair tokenizer [starts from|begins with] {base} single symbols; each merge adds one token.",
                    "It also has {special} special tokens, and its final vocabulary is {size}.",
                ),
                ask="[How many|What number of] merges were learned?",
            ),
            Side(
                facts=(
                    "A village library [starts from|begins with] {base} donated books; each visit adds one book.",
                    "It also has {special} reference atlases, and its final stock is {size}.",
                ),
                ask="[How many|What number of] visits were made?",
            ),
        ),
    ),
    Form(
        name="merge_apply",
        level=3,
        choices={"text": STRINGS, "rules": MERGES},
        more=lambda text, rules: {"spaced": " ".join(text), "one": rules[0], "two": rules[1]},
        holds=lambda text, rules: len(merged(text, rules)) < len(merged(text, rules[:1])) < len(text),
        answer=lambda text, rules: whole(len(merged(text, rules))),
        sides=(
            Side(
                facts=(
                    "A tokenizer splits a word into single letters: {spaced}.",
                    'First it joins, from left to right, every adjacent pair that spells "{one}" into one token.',
                    'Then it joins, [in the same way|likewise], adjacent tokens that together spell "{two}".',
                ),
                ask="[How many|What number of] tokens are left?",
            ),
            Side(
                facts=(
                    "A jeweller lays out single beads with letters: {spaced}.",
                    'First she glues, from left to right, every adjacent pair that spells "{one}" into one piece.',
                    'Then she glues, [in the same way|likewise], adjacent pieces that together spell "{two}".',
                ),
                ask="[How many|What number of] pieces are left?",
            ),
        ),
    ),
    Form(
        name="softmax_share",
        level=2,
        choices={"first": (1, 2, 3), "second": (2, 4, 5, 6), "third": (1, 3, 7), "fourth": (2, 8, 10)},
        answer=lambda first, second, third, fourth: decimal(second / (first + second + third + fourth), 3),
        sides=(
            Side(
                facts=(
                    "For the next token a language model gives four candidates the logits ln {first}, ln "
                    "{second}, ln {third} "
                    "and ln {fourth} [in this order|one after the other].",
                    "Softmax divides each e^logit by the sum of all four.",
                ),
                ask="[What is|How large is] the probability of the second candidate?",
            ),
            Side(
                facts=(
                    "For the village draw a clerk gives four families ticket heaps of e^(ln {first}), e^(ln {second}), "
                    "e^(ln {third}) and e^(ln {fourth}) [in this order|one after the other].",
                    "One ticket out of all four heaps wins.",
                ),
                ask="[What is|How large is] the probability of the second family?",
            ),
        ),
    ),
    Form(
        name="chunk_owner",
        level=2,
        choices={"length": (4096, 8192, 6144, 3072), "ranks": (4, 8, 16), "place": range(700, 3050, 50)},
        answer=lambda length, ranks, place: whole(place // (length // ranks)),
        sides=(
            Side(
                facts=(
                    "A transformer's sequence of {length} tokens is cut into {ranks} equal consecutive chunks, "
                    "one per GPU.",
                    "Tokens and GPUs are [both numbered|counted] from 0.",
                ),
                ask="[Which is the number of|What number has] the GPU that holds token {place}?",
            ),
            Side(
                facts=(
                    "A seaside theatre of {length} chairs is cut into {ranks} equal consecutive blocks, one per usher.",
                    "Chairs and ushers are [both numbered|counted] from 0.",
                ),
                ask="[Which is the number of|What number has] the usher who looks after chair {place}?",
            ),
        ),
    ),
    Form(
        name="does_it_fit",
        level=2,
        choices={"billions": (3, 7, 8, 13, 34), "bytes": (1, 2), "memory": (16, 24, 40, 48), "extra": (2, 3, 6)},
        answer=lambda billions, bytes, memory, extra: yes_no(billions * bytes + extra <= memory),
        sides=(
            Side(
                facts=(
                    "A language model has {billions} billion weights of {bytes} byte(s) each.",
                    "Its cache needs {extra} GB more, and the GPU [has|offers] {memory} GB (1,000 MB).",
                ),
                ask="[Do model and cache fit|Is there room for model and cache]?",
            ),
            Side(
                facts=(
                    "A paper archive has {billions} thousand folders of {bytes} kilogram(s) each.",
                    "Its shelves weigh {extra} tonnes more, and the floor [bears|carries] {memory} tonnes (1,000 kg).",
                ),
                ask="[Can the floor bear both|Is the floor strong enough for both]?",
            ),
        ),
    ),
    Form(
        name="clip_scale",
        level=2,
        choices={
            "triple": (
                (3, 4, 5),
                (6, 8, 10),
                (5, 12, 13),
                (8, 15, 17),
                (9, 12, 15),
                (7, 24, 25),
                (20, 21, 29),
                (12, 35, 37),
            ),
            "limit": (1, 2, 3, 4),
        },
        more=lambda triple, **_: {"across": triple[0], "along": triple[1]},
        answer=lambda triple, limit: decimal(triple[0] * limit / triple[2], 2),
        sides=(
            Side(
                facts=(
                    "A language model's gradient has the two entries {across} and {along}.",
                    "Clipping scales it so that its Euclidean norm [becomes|is] {limit}, and keeps its direction.",
                ),
                ask="[What is|How large is] its first entry afterwards?",
            ),
            Side(
                facts=(
                    "A child's paper kite lies {across} metres east and {along} metres north of its owner.",
                    "He winds the string in so that the distance [becomes|is] {limit}, and keeps its direction.",
                ),
                ask="[How many|What number of] metres east is it afterwards?",
            ),
        ),
    ),
    Form(
        name="rent",
        level=1,
        choices={"units": (16, 24, 32, 48, 64), "hours": (30, 45, 72, 96, 120), "cents": (150, 180, 225, 240, 310)},
        more=lambda cents, **_: {"price": f"{cents / 100:.2f}"},
        answer=lambda units, hours, cents: whole(units * hours * cents / 100),
        holds=lambda units, hours, cents: units * hours * cents % 100 == 0,
        sides=(
            Side(
                facts=(
                    "Pretraining a small language model [occupies|uses] {units} rented GPUs for {hours} hours.",
                    "One GPU costs {price} dollars an hour.",
                ),
                ask="[How many|What number of] dollars does the run cost?",
            ),
            Side(
                facts=(
                    "Restoring the floor of a ballroom [occupies|uses] {units} rented lamps for {hours} hours.",
                    "One lamp costs {price} dollars an hour.",
                ),
                ask="[How many|What number of] dollars does the work cost?",
            ),
        ),
    ),
)
