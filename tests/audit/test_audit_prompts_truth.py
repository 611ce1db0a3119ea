"""The references are true: worked out a second time, by another way (programs are run, games are played out)."""

from __future__ import annotations

import base64
import contextlib
import datetime
import io
import itertools
import math
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from statistics import fmean
from typing import Final

import pytest

from overt.audit.prompts.form import Item
from overt.audit.prompts.reference import Choice, Number, written
from overt.audit.prompts.sets import RECIPES, items, names

Way = Callable[..., object]
WORDS_BY_TABLE = {
    "plural_form",
    "past_form",
    "capital_of",
    "country_of",
    "opposite_of",
    "odd_one_out",
}
"""Forms whose answer is looked up in a table that people check by reading."""


def blocks(text: str) -> str:
    """The program of a prompt: all between the paragraph that tells of it and the question."""
    parts = text.split("\n\n")
    at = next(
        place for place, part in enumerate(parts) if re.search(r"[Rr]ead this program|This program is part", part)
    )
    return "\n\n".join(
        itertools.takewhile(lambda part: not re.search(r"`Answer|Question:|print\?|it print", part), parts[at + 1 :])
    )


def printed(program: str) -> str:
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        exec(program, {})
    return told.getvalue().strip()


def climbs(start: float, floor: float, steps: int) -> float:
    return sum((floor - start) / steps for _ in range(steps)) + start


def bubble(stages: int, batches: int) -> float:
    """A stage's idle slots, from a table of who works when."""
    works = {(stage, batch + stage) for stage in range(stages) for batch in range(batches)}
    slots = 1 + max(slot for _, slot in works)
    return 100 * sum((0, slot) not in works for slot in range(slots)) / slots


def ring(ranks: int, size: int) -> Fraction:
    sent = Fraction(0)
    for _ in range(2):
        for _ in range(1, ranks):
            sent += Fraction(size, ranks)
    return sent


def kept(steps: int, every: int, last: int, nth: int) -> int:
    saved = list(range(every, steps + 1, every))
    return len({*saved[-last:], *(step for step in saved if step % nth == 0)})


def tokens_left(text: str, rules: tuple[str, str]) -> int:
    marks = re.sub(re.escape(rules[0]), "1", text)
    one, two = rules
    marks = re.sub(re.escape(two.replace(one, "1")), "2", marks)
    return len(marks)


def packed(window: int, prompt: int, reserve: int, each: int) -> int:
    count, used = 0, prompt + reserve
    while used + each <= window:
        count, used = count + 1, used + each
    return count


def rounds(tokens: int, taken: int, millis: int) -> int:
    done = spent = 0
    while done < tokens:
        done, spent = done + taken + 1, spent + millis
    return spent


def locks(tries: int, allowed: int, minutes: int) -> int:
    return sum(minutes for attempt in range(1, tries) if attempt % allowed == 0)


def admitted(rules: tuple[tuple[str, str, str], ...], zone: str, gate: str) -> str:
    for where, what, verdict in rules:
        if (where == zone or where == "any") and (what == gate or what == "any"):
            return {"allow": "yes", "deny": "no"}[verdict]
    raise AssertionError("no rule matches")


def halved(start: int, halves: int) -> float:
    for _ in range(halves):
        start //= 2
    return start


def crossing(*parents: str) -> list[str]:
    return ["".join(sorted(pair)) for pair in itertools.product(*parents)]


def ions(plus: int, minus: int, units: int) -> int:
    sizes = ((a, b) for a in range(1, 13) for b in range(1, 13) if a * plus == b * minus)
    return units * min(a + b for a, b in sizes)


def after(days: int) -> datetime.date:
    return datetime.date.fromordinal(datetime.date(2027, 1, 1).toordinal() + days)


def share(part: float | Fraction, of: float | Fraction) -> float:
    return float(100 * part / of)


TRAINING: Final[Mapping[str, Way]] = {
    "dense_params": lambda layers, width: sum(12 * width**2 for _ in range(layers)),
    "two_tables": lambda entries, width: entries * width + width * entries,
    "global_batch": lambda ranks, micro, rounds, length: sum(micro * length for _ in range(ranks * rounds)),
    "steps_for_tokens": lambda millions, batch, length: -(-millions * 10**6 // (batch * length)),
    "warmup_value": lambda peak, warm, step: Fraction(peak * step, warm),
    "linear_decay": lambda peak, floor, start, end, step: peak + Fraction(step - start, end - start) * (floor - peak),
    "cosine_half": lambda peak, floor, total, third: (
        floor + (peak - floor) * (1 + math.cos(math.pi * (total * third // 3) / total)) / 2
    ),
    "six_n_d": lambda millions, billions: 6 * millions * 10**6 * billions * 10**9 // 10**15,
    "days_of_work": lambda total, units, rate, share: Fraction(total * 10**6 * 100, units * rate * share * 3600),
    "rate_per_unit": lambda units, sequences, length, tenths: (
        Fraction(sequences * length, units) / Fraction(tenths, 10)
    ),
    "utilization": lambda units, peak, done: share(done, units * peak),
    "tokens_missing": lambda millions, have, ratio: ratio * millions - have,
    "shard_memory": lambda millions, ranks, each: Fraction(millions * 10**6 * each, ranks * 10**9),
    "pipeline_idle": bubble,
    "accumulation": lambda wanted, ranks, micro: next(n for n in range(1, wanted + 1) if n * ranks * micro == wanted),
    "ring_traffic": ring,
    "checkpoints_kept": kept,
    "filter_chain": lambda start, first, second, third: (
        start * (1 - Fraction(first, 100)) * (1 - Fraction(second, 100)) * (1 - Fraction(third, 100))
    ),
    "mixture_epochs": lambda total, share, source: Fraction(total, source) * Fraction(share, 100),
    "exponential_loss": lambda hundredths: math.pow(math.e, hundredths / 100),
    "lowest_last": lambda first, second, third: "ABC"[
        [first[3], second[3], third[3]].index(min(first[3], second[3], third[3]))
    ],
    "spikes": lambda series, limit: len([i for i in range(1, len(series)) if series[i] > series[i - 1] + limit]),
    "order_by_value": lambda values: ", ".join("ABCD"[values.index(value)] for value in sorted(values)),
    "best_and_mean": lambda scores: f'{{"best": "{"ABC"[scores.index(max(scores))]}", "mean": {fmean(scores)}}}',
    "heads_divide": lambda width, heads: "yes" if width in range(0, width + 1, heads) else "no",
    "better_price": lambda first, rate, second, fast: "yes" if Fraction(rate, first) > Fraction(fast, second) else "no",
    "cache_size": lambda layers, heads, size, length: Fraction(layers * heads * size * length * 2 * 2, 1_048_576),
    "grouped_heads": lambda heads, groups, size: Fraction(size, heads) * groups,
    "quantized_size": lambda millions, bits, group: Fraction(millions * bits, 8) + Fraction(millions, group) * 2,
    "window_fit": packed,
    "causal_pairs": lambda length, heads: heads * sum(1 for a in range(length) for b in range(a + 1)),
    "active_experts": lambda shared, experts, each, active: share(shared + each * active, shared + each * experts),
    "draft_rounds": rounds,
    "merge_count": lambda size, special, base: next(n for n in range(size) if n + base + special == size),
    "merge_apply": tokens_left,
    "softmax_share": lambda first, second, third, fourth: (
        math.exp(math.log(second)) / sum(math.exp(math.log(one)) for one in (first, second, third, fourth))
    ),
    "chunk_owner": lambda length, ranks, place: [r for r in range(ranks) for _ in range(length // ranks)][place],
    "does_it_fit": lambda billions, bytes, memory, extra: (
        "yes" if billions * 10**9 * bytes + extra * 10**9 <= memory * 10**9 else "no"
    ),
    "clip_scale": lambda triple, limit: triple[0] * limit / math.hypot(triple[0], triple[1]),
    "rent": lambda units, hours, cents: Fraction(cents, 100) * hours * units,
}
CYBER: Final[Mapping[str, Way]] = {
    "usable_addresses": lambda prefix: len(range(2 ** (32 - prefix))[1:-1]),
    "subnet_count": lambda big, small: 2 ** (32 - big) // 2 ** (32 - small),
    "password_space": lambda signs, length, banned: math.prod([signs] * length) - banned,
    "passphrase_bits": lambda power, words, extra: words * math.log2(2**power) + extra,
    "log_lines": lambda events, who: sum(event.split() == [who, "FAIL"] for event in events),
    "lockouts": locks,
    "hash_digits": lambda bits, files: sum(len(f"{0:0{bits // 4}x}") for _ in range(files)),
    "base64_length": lambda size, keys: keys * len(base64.b64encode(bytes(size))),
    "severity_band": lambda tenths: (
        "low" if tenths < 40 else "medium" if tenths < 70 else "high" if tenths < 90 else "critical"
    ),
    "patch_deadline": lambda found, allowed, fixed: len(range(found + allowed, fixed)),
    "availability": lambda basis, days: Fraction(days * 24 * 60) * (1 - Fraction(basis, 10_000)),
    "alert_precision": lambda events, bad, caught, false: share(
        Fraction(bad * caught, 100), Fraction(bad * caught, 100) + Fraction((events - bad) * false, 1000)
    ),
    "bit_difference": lambda first, second: sum(a != b for a, b in zip(f"{first:08b}", f"{second:08b}", strict=True)),
    "first_match": admitted,
}
BIO: Final[Mapping[str, Way]] = {
    "heterozygotes": lambda percent, people: (
        people * (1 - Fraction(percent, 100) ** 2 - Fraction(100 - percent, 100) ** 2)
    ),
    "monohybrid": lambda plants: Fraction(plants * crossing("Aa", "Aa").count("aa"), 4),
    "dihybrid": lambda plants, sixteenths: (
        Fraction(plants, 16)
        * sum(
            ((a == "aa") is (sixteenths == 1)) and ((b == "bb") is (sixteenths < 9))
            for a in crossing("Aa", "Aa")
            for b in crossing("Bb", "Bb")
        )
    ),
    "stock_dilution": lambda stock, wanted, volume: next(
        ml for ml in range(1, volume) if ml * stock == wanted * volume
    ),
    "serial_dilution": lambda factor, steps, left: Fraction(left * factor**steps, factor**steps),
    "cycle_doubling": lambda start, cycles: start << cycles,
    "codon_table": lambda **four: ", ".join(
        "MFGKHC"[["AUG", "UUU", "GGC", "AAA", "CAU", "UGC"].index(one)] for one in four.values()
    ),
    "complement": lambda strand, tail: "".join(dict(zip("ATGC", "TACG", strict=True))[base] for base in strand + tail),
    "gc_share": lambda strand, tail: share(len(re.findall("[GC]", strand + tail)), len(strand + tail)),
    "growth_time": lambda start, power, minutes: minutes * math.log2(start * 2**power / start),
    "magnification": lambda drawn, real: Fraction(drawn, 1000) / Fraction(real, 10**6),
    "food_chain": lambda energy, percent, levels: energy * math.prod([Fraction(percent, 100)] * levels),
    "recapture": lambda marked, caught, again: marked / Fraction(again, caught),
    "heart_output": lambda stroke, rate, minutes: Fraction(stroke, 1000) * rate * minutes,
    "diversity": lambda **counts: 1 - sum((n / sum(counts.values())) ** 2 for n in counts.values()),
}
CHEM: Final[Mapping[str, Way]] = {
    "molar_mass": lambda carbon, hydrogen, oxygen: sum([12] * carbon + [1] * hydrogen + [16] * oxygen),
    "moles_of_mass": lambda mass, molar: Fraction(mass, molar),
    "water_from_hydrogen": lambda hydrogen, oxygen: 2 * min(hydrogen // 2, oxygen),
    "product_mass": lambda grams, first, second, masses: (
        Fraction(grams, masses[0]) * Fraction(second, first) * masses[1]
    ),
    "ph_value": lambda digit, power: -math.log10(digit * 10.0**-power),
    "gas_law": lambda moles, kelvin, litres: moles * kelvin / litres * 8.314,
    "boyle": lambda pressure, volume, after: pressure * Fraction(volume, after),
    "charles": lambda volume, cold, warm: Fraction(volume, cold) * warm,
    "combustion": lambda carbon, hydrogen, molecules: molecules * (carbon + Fraction(hydrogen, 2) / 2),
    "mixing": lambda first, strong, second, weak: fmean([strong] * first + [weak] * second),
    "half_life": lambda left, halves, **_: halved(left * 2**halves, halves),
    "yield_percent": lambda got, possible: share(got, possible),
    "mass_share": lambda metal, metal_mass, oxygen: share(16 * oxygen, metal * metal_mass + 16 * oxygen),
    "warming_water": lambda grams, start, end: 4.18 * grams / 1000 * (end - start),
    "neutral_formula": ions,
}
GENERAL: Final[Mapping[str, Way]] = {
    "sum_of_products": lambda a, b, c, d: sum([a] * b) + sum([c] * d),
    "bracket_value": lambda a, b, c, d: eval(f"({a} - {b}) * {c} + {d}"),
    "price_cut": lambda price, cut: price - Fraction(price * cut, 100),
    "part_of_whole": lambda all, some: 100 - share(some, all),
    "fraction_of_fraction": lambda a, b, c, d, grams: (grams - Fraction(a, b) * grams) * (1 - Fraction(c, d)),
    "fraction_sum": lambda a, b, c, d: Fraction(a, b) + Fraction(c, d),
    "days_between": lambda first, days: (after(first + days) - after(first)).days,
    "day_of_month": lambda first, days: after(first + days).day,
    "minutes_between": lambda h, m, h2, m2: (
        (datetime.datetime(2027, 1, 1, h2, m2) - datetime.datetime(2027, 1, 1, h, m)).seconds // 60
    ),
    "hand_angle": lambda minutes: Fraction(360, 60) * minutes + Fraction(360, 720) * minutes,
    "mixed_length": lambda m, dm, cm: 10 * int(f"{m}{dm}{cm}"),
    "speed_change": lambda kmh, seconds: Fraction(kmh * 1000, 3600) * seconds,
    "frame_area": lambda w, h, f: 2 * f * (w + h) + 4 * f * f,
    "polygon_angle": lambda n: Fraction((n - 2) * 180, n),
    "common_divisor": lambda a, b: max(d for d in range(1, a + 1) if a % d == 0 == b % d),
    "divisor_count": lambda n: len([d for d in range(1, 300) if n % d == 0]),
    "next_term": lambda a, k, c: a * k**3 + c * (k * k + k + 1),
    "series_sum": lambda a, step, n: sum(itertools.islice(itertools.count(a, step), n)),
    "two_draws": lambda r, b: Fraction(math.comb(r, 2), math.comb(r + b, 2)),
    "dice_sum": lambda s, t: max(0, s - abs(t - s - 1)),
    "median_of": lambda values: sorted(values)[2],
    "missing_value": lambda n, mean, missing: n * mean - (n * mean - missing),
    "change_given": lambda a, p, b, q: 5000 - sum([p] * a + [q] * b),
    "savings_grow": lambda start, rate: start + Fraction(start * rate, 100) * 2 + start * Fraction(rate, 100) ** 2,
    "from_binary": lambda value: int(f"{value:b}", 2),
    "sort_words": lambda **four: ", ".join(min(p for p in itertools.permutations(four.values()))),
    "sort_numbers": lambda **five: ", ".join(str(n) for n in range(1000, 0, -1) if n in five.values()),
    "count_letter": lambda first, second, letter: len(re.findall(letter, f"{first} {second}")),
    "reverse_word": lambda text: "".join(reversed(text)),
    "weekday_after": lambda start, days: f"{after(next(n for n in range(7) if f'{after(n):%A}' == start) + days):%A}",
    "weekday_date": lambda start, day: next(
        f"{datetime.date(year, 4, day):%A}" for year in range(2000, 2028) if f"{datetime.date(year, 3, 1):%A}" == start
    ),
    "tallest_of_four": lambda order: sorted(order, key=order.index)[-2],
    "all_some": lambda how, **_: {"Nothing": "no", "Something": "yes"}[how],
    "only_in_first": lambda kept, both, other: ({kept, both} - {other, both}).pop(),
    "in_neither": lambda all, a, b, both: all - ((a - both) + (b - both) + both),
    "note_above": lambda start, steps: ("CDEFGAB" * 4)["CDEFGAB".index(start) :][steps],
    "piece_length": lambda bars, beats, tempo: Fraction(bars * beats, tempo) * 60,
    "letter_after": lambda start, steps: chr(ord(start) + steps),
    "letters_between": lambda a, b: len([n for n in range(65, 91) if ord(a) < n < ord(b)]),
    "slice_text": lambda text, a, b: "".join(text[i] for i in range(a, min(b, len(text)))),
    "join_text": lambda a, b, c, sep: f"{c}{sep}{b}{sep}{a}",
    "largest_row": lambda a, b, c, d: {a: "Monday", b: "Tuesday", c: "Wednesday", d: "Thursday"}[max(a, b, c, d)],
    "row_fields": lambda count, what, cents, **_: f'{{"item": "{what}", "total": {sum([cents] * count)}}}',
}
LADDER: Final[Mapping[str, Way]] = {
    "hours_for_units": lambda rate, total: Fraction(total, rate),
    "steps_per_epoch": lambda batch, total: len(range(batch, total * 1000 + 1, batch)),
    "rate_schedule": lambda start, tenths, times, **_: start * math.prod([Fraction(tenths, 10)] * times),
    "weights_dense": lambda a, b: b * (a + 1),
    "memory_bytes": lambda millions, bytes, copies: sum([millions * bytes] * (copies + 1)),
    "rising_losses": lambda values: sum(values[i + 1] > values[i] for i in range(4)),
    "split_sizes": lambda total, test, val: total - Fraction(total * test, 100) - Fraction(total * val, 100),
    "accuracy_of": lambda total, a, b: share(b, total) - share(a, total),
    "budget_left": lambda price, spent, budget: len(range(price, (budget - spent) * 100 + 1, price)),
    "fits_memory": lambda a, b, n, room: "yes" if (room - a) / b >= n else "no",
    "softmax_two": lambda a, b: math.exp(a) / (math.exp(a) + math.exp(b)),
    "rank_runs": lambda a, b, c, d: ", ".join(
        sorted("ABCD", key=dict(zip("ABCD", (a, b, c, d), strict=True)).__getitem__)
    ),
}
WAYS: Final[Mapping[str, Way]] = {**TRAINING, **CYBER, **BIO, **CHEM, **GENERAL, **LADDER}
FORMS = [form for recipe in RECIPES.values() for forms, _ in recipe.parts for form in forms]
MANY = [item for name in names() for seed in range(3) for item in items(name, seed=seed, times=2)]


def same(item: Item, found: object) -> bool:
    if isinstance(item.reference, Number):
        assert isinstance(found, int | float | Fraction)
        return abs(float(found) - item.reference.value) < 1e-9 * max(1, abs(item.reference.value))
    return written(item.reference) == found


@pytest.mark.parametrize("form", sorted(WAYS))
def test_a_second_way_leads_to_the_reference(form: str) -> None:
    made = [item for item in MANY if item.form == form]
    assert len(made) >= 6
    for item in made:
        assert same(item, WAYS[form](**item.values)), (item.prompt.pid, item.reference, WAYS[form](**item.values))


def test_a_program_prints_its_reference() -> None:
    made = [item for item in MANY if item.form.startswith("code_")]
    assert len(made) >= 300
    for item in made:
        assert printed(blocks(item.prompt.text)) == written(item.reference), item.prompt.text


def test_a_riddle_is_solved_by_moving_its_letters_back() -> None:
    for item in (item for item in MANY if item.form == "caesar"):
        riddle = re.findall(r"(?:ciphertext|riddle) (\w+)\.", item.prompt.text)[0]
        letters = "abcdefghijklmnopqrstuvwxyz" * 2
        solved = "".join(letters[letters.index(sign) + 26 - int(str(item.values["by"]))] for sign in riddle)
        assert solved == written(item.reference)


def test_a_roman_numeral_is_read_back() -> None:
    worth = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
    for item in (item for item in MANY if item.form == "roman_value"):
        sign = re.findall(r"numeral ([IVXLC]+)", item.prompt.text)[0]
        pairs = itertools.zip_longest((worth[s] for s in sign), (worth[s] for s in sign[1:]), fillvalue=0)
        assert sum(-one if one < then else one for one, then in pairs) == int(written(item.reference))


def test_every_form_is_worked_out_twice_or_read_by_people() -> None:
    told = {form.name for form in FORMS if not form.name.startswith("code_")}
    assert told - set(WAYS) == WORDS_BY_TABLE | {"caesar", "roman_value"}


def test_every_drawn_number_stands_in_the_text() -> None:
    """For forms that show what was drawn: the text has the number, with thousands set apart from 10,000 on."""
    hidden = {form.name for form in FORMS if form.more is not None}
    for item in (item for item in MANY if item.form not in hidden and not isinstance(item.reference, Choice)):
        for name, value in item.values.items():
            if isinstance(value, int):
                assert re.search(rf"(?<!\d){value:,}|(?<!\d){value}(?!\d)", item.prompt.text), (item.prompt.pid, name)
