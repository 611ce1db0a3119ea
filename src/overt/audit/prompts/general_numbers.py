"""The general set, first half: subtopics whose answers are numbers. Two forms each, for comparison with no "
"topic in mind."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Final

from overt.audit.prompts.draw import number_lists
from overt.audit.prompts.form import Form, Side
from overt.audit.prompts.reference import Reference, decimal, whole

ROMAN: Final = ((100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


def one(
    topic: str,
    name: str,
    level: int,
    told: tuple[str, str],
    choices: Mapping[str, Sequence[object]],
    answer: Callable[..., Reference],
    *,
    more: Callable[..., Mapping[str, object]] | None = None,
    holds: Callable[..., bool] | None = None,
    stratum: str = "number",
) -> Form:
    """A form with one side: ``told`` are its fact and its question."""
    side = Side(facts=(told[0],), ask=told[1])
    return Form(
        name=name,
        level=level,
        sides=(side,),
        choices=choices,
        answer=answer,
        more=more,
        holds=holds,
        topic=topic,
        stratum=f"{stratum}/{level}",
    )


def roman(value: int) -> str:
    """The Roman numeral of a number below 400."""
    found = ""
    for size, sign in ROMAN:
        found += sign * (value // size)
        value %= size
    return found


def _day(number: int) -> datetime.date:
    return datetime.date(2027, 1, 1) + datetime.timedelta(days=number)


def _date(number: int) -> str:
    return f"{_day(number).day} {_day(number):%B} {_day(number).year}"


GENERAL_NUMBERS: Final = (
    one(
        "arithmetic",
        "sum_of_products",
        1,
        ("Multiply {a} by {b} and {c} by {d}.", "[What is|How large is] the sum of the two products?"),
        {"a": range(12, 60), "b": range(3, 20), "c": range(11, 50), "d": range(4, 15)},
        lambda a, b, c, d: whole(a * b + c * d),
    ),
    one(
        "arithmetic",
        "bracket_value",
        2,
        ("Take the expression ({a} - {b}) * {c} + {d}.", "[What is|How large is] its value?"),
        {"a": range(40, 99), "b": range(5, 39), "c": range(6, 19), "d": range(10, 90)},
        lambda a, b, c, d: whole((a - b) * c + d),
    ),
    one(
        "percentages",
        "price_cut",
        1,
        (
            "A coat costs {price} euros and gets {cut} percent cheaper.",
            "[How many|What number of] euros does it cost now?",
        ),
        {"price": range(60, 400, 20), "cut": (5, 10, 15, 20, 25, 30)},
        lambda price, cut: whole(price * (100 - cut) / 100),
        holds=lambda price, cut: price * cut % 100 == 0,
    ),
    one(
        "percentages",
        "part_of_whole",
        2,
        (
            "Of {all} letters, {some} were late and the others on time.",
            "[What percentage|How many percent] of the letters were on time?",
        ),
        {"all": (80, 120, 160, 250, 320, 450), "some": range(12, 70, 3)},
        lambda all, some: decimal(100 * (all - some) / all, 1),
    ),
    one(
        "fractions",
        "fraction_of_fraction",
        2,
        (
            "A cook uses {a}/{b} of a sack and later {c}/{d} of what is left. The sack held {grams} grams.",
            "[How many|What number of] grams remain?",
        ),
        {"a": (1, 2), "b": (3, 5), "c": (1, 3), "d": (4, 8), "grams": (1200, 2400, 3600, 6000)},
        lambda a, b, c, d, grams: whole(grams * (b - a) * (d - c) / (b * d)),
    ),
    one(
        "fractions",
        "fraction_sum",
        1,
        ("Add the fractions {a}/{b} and {c}/{d}.", "[What is|How large is] the sum as a decimal number?"),
        {"a": (1, 2, 3), "b": (4, 5, 8), "c": (1, 3, 7), "d": (6, 9, 12)},
        lambda a, b, c, d: decimal(a / b + c / d, 3),
    ),
    one(
        "dates",
        "days_between",
        2,
        (
            "A trip begins on {start} and ends on {end}.",
            "[How many|What number of] days after its first day does it end?",
        ),
        {"first": range(10, 200, 7), "days": range(20, 120)},
        lambda days, **_: whole(days),
        more=lambda first, days: {"start": _date(first), "end": _date(first + days)},
    ),
    one(
        "dates",
        "day_of_month",
        2,
        (
            "A parcel is posted on {start} and arrives {days} days later.",
            "On [which|what] day of the month (a number) does it arrive?",
        ),
        {"first": range(15, 300, 11), "days": range(15, 60)},
        lambda first, days: whole(_day(first + days).day),
        more=lambda first, **_: {"start": _date(first)},
    ),
    one(
        "clock",
        "minutes_between",
        1,
        (
            "A film runs from {h}:{m} to {h2}:{m2} on the same evening.",
            "[How many|What number of] minutes does it last?",
        ),
        {"h": (17, 18, 19), "m": range(10, 60), "h2": (20, 21, 22), "m2": range(10, 60)},
        lambda h, m, h2, m2: whole((h2 - h) * 60 + m2 - m),
    ),
    one(
        "clock",
        "hand_angle",
        2,
        (
            "The minute hand of a clock moves on by {minutes} minutes.",
            "By [how many|what number of] degrees does it turn, and the hour hand with it, added together?",
        ),
        {"minutes": range(2, 119, 2)},
        lambda minutes: whole(minutes * 6 + minutes / 2),
    ),
    one(
        "units",
        "mixed_length",
        1,
        (
            "A rope has {m} metres, {dm} decimetres and {cm} centimetres.",
            "[How many|What number of] millimetres is that?",
        ),
        {"m": range(2, 30), "dm": range(1, 10), "cm": range(1, 10)},
        lambda m, dm, cm: whole(m * 1000 + dm * 100 + cm * 10),
    ),
    one(
        "units",
        "speed_change",
        2,
        (
            "A cyclist rides at {kmh} kilometres an hour.",
            "[How many|What number of] metres does she ride in {seconds} seconds?",
        ),
        {"kmh": (18, 27, 36, 45), "seconds": range(12, 90, 6)},
        lambda kmh, seconds: whole(kmh * seconds * 10 / 36),
        holds=lambda kmh, seconds: kmh * seconds * 10 % 36 == 0,
    ),
    one(
        "geometry",
        "frame_area",
        2,
        (
            "A picture of {w} by {h} cm has a frame that is {f} cm wide all round.",
            "[How many|What number of] square centimetres does the frame alone cover?",
        ),
        {"w": range(20, 60), "h": range(15, 50), "f": (2, 3, 4, 5)},
        lambda w, h, f: whole((w + 2 * f) * (h + 2 * f) - w * h),
    ),
    one(
        "geometry",
        "polygon_angle",
        1,
        ("A regular polygon has {n} corners.", "[What is|How large is] each inner angle in degrees?"),
        {"n": range(5, 61)},
        lambda n: decimal(180 - 360 / n, 1),
    ),
    one(
        "number_theory",
        "common_divisor",
        1,
        ("Take the numbers {a} and {b}.", "[What is|Which number is] their greatest common divisor?"),
        {"a": range(36, 200, 6), "b": range(40, 180, 4)},
        lambda a, b: whole(math.gcd(a, b)),
    ),
    one(
        "number_theory",
        "divisor_count",
        2,
        ("Take the number {n}.", "[How many|What number of] positive divisors does it have, 1 and itself included?"),
        {"n": range(24, 200)},
        lambda n: whole(sum(n % d == 0 for d in range(1, n + 1))),
    ),
    one(
        "sequences",
        "next_term",
        1,
        (
            "A sequence starts with {a}, and every term is {k} times the one before, plus {c}.",
            "[What is|How large is] its fourth term?",
        ),
        {"a": range(1, 8), "k": (2, 3, 4), "c": range(1, 9)},
        lambda a, k, c: whole(((a * k + c) * k + c) * k + c),
    ),
    one(
        "sequences",
        "series_sum",
        2,
        (
            "The numbers {a}, {b}, {c} and so on go up by the same step each time.",
            "[What is|How large is] the sum of the first {n}?",
        ),
        {"a": range(2, 20), "step": range(3, 9), "n": (8, 10, 12)},
        lambda a, step, n: whole(n * a + step * n * (n - 1) / 2),
        more=lambda a, step, **_: {"b": a + step, "c": a + 2 * step},
    ),
    one(
        "probability",
        "two_draws",
        2,
        (
            "A bag has {r} red and {b} blue balls; two are drawn without putting back.",
            "[What is|How large is] the probability that both are red?",
        ),
        {"r": range(3, 10), "b": range(2, 9)},
        lambda r, b: decimal(r * (r - 1) / ((r + b) * (r + b - 1)), 3),
    ),
    one(
        "probability",
        "dice_sum",
        2,
        (
            "Two fair dice with faces 1 to {s} are rolled.",
            "[How many|What number] of the ordered outcomes have the sum {t}?",
        ),
        {"s": (6, 8, 10, 12), "t": range(4, 16)},
        lambda s, t: whole(sum(a + b == t for a in range(1, s + 1) for b in range(1, s + 1))),
    ),
    one(
        "statistics",
        "median_of",
        1,
        ("Five friends are asked how often they swim a month: {shown}.", "[What is|How large is] the median?"),
        {"values": number_lists("median", 60, length=5, among=range(1, 17))},
        lambda values: whole(median(values)),
        more=lambda values: {"shown": ", ".join(map(str, values))},
    ),
    one(
        "statistics",
        "missing_value",
        2,
        (
            "The mean of {n} test marks is {mean}. All but one of them add up to {part}.",
            "[What is|How large is] the missing mark?",
        ),
        {"n": (4, 5, 6), "mean": range(60, 80), "missing": range(50, 90)},
        lambda missing, **_: whole(missing),
        more=lambda n, mean, missing: {"part": n * mean - missing},
    ),
    one(
        "money",
        "change_given",
        1,
        (
            "{a} stamps of {p} cents and {b} cards of {q} cents are paid with a note of 50 euros.",
            "[How many|What number of] cents are given back?",
        ),
        {"a": range(3, 12), "p": (85, 95, 110), "b": range(2, 9), "q": (140, 175, 190)},
        lambda a, p, b, q: whole(5000 - a * p - b * q),
    ),
    one(
        "money",
        "savings_grow",
        2,
        (
            "{start} euros earn {rate} percent interest a year, which is added each year.",
            "[How many|What number of] euros are there after two years?",
        ),
        {"start": range(400, 3000, 200), "rate": (2, 3, 4, 5)},
        lambda start, rate: decimal(start * (1 + rate / 100) ** 2, 2),
    ),
    one(
        "number_systems",
        "roman_value",
        1,
        ("A clock tower bears the Roman numeral {sign}.", "[Which number|What number] is it?"),
        {"value": range(24, 399)},
        lambda value: whole(value),
        more=lambda value: {"sign": roman(value)},
    ),
    one(
        "number_systems",
        "from_binary",
        1,
        (
            "A row of coins shows the binary number {bits}, with its highest digit first.",
            "[Which decimal number|What decimal number] is it?",
        ),
        {"value": range(70, 250)},
        lambda value: whole(value),
        more=lambda value: {"bits": f"{value:b}"},
    ),
)
