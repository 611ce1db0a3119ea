"""What a text may hide, and what it may not be accused of."""

from __future__ import annotations

import base64
import codecs
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.classify.decoders import base64_text, hexadecimal_text, is_blob
from overt.classify.views import DECODED_DISCOUNT, MOST_VIEWS, ViewKind, views

PLAIN = "how to make the tea that wakes you up for work"
BASE64 = base64.b64encode(PLAIN.encode()).decode()


def tags(text: str) -> str:
    return "".join(chr(0xE0000 + ord(character)) for character in text)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (ViewKind.BASE64, f"See {BASE64} there"),
        (ViewKind.BASE64, base64.urlsafe_b64encode(PLAIN.encode()).decode().rstrip("=")),
        (ViewKind.BASE64, base64.encodebytes(PLAIN.encode() * 3).decode()),
        (ViewKind.HEX, PLAIN.encode().hex()),
        (ViewKind.HEX, PLAIN.encode().hex(" ")),
        (ViewKind.PERCENT, "".join(f"%{byte:02X}" for byte in PLAIN.encode())),
        (ViewKind.ESCAPE, "".join(f"\\x{byte:02x}" for byte in PLAIN.encode())),
        (ViewKind.ESCAPE, "".join(f"\\u{byte:04x}" for byte in PLAIN.encode())),
        (ViewKind.ESCAPE, "".join(f"\\u{{{byte:x}}}" for byte in PLAIN.encode())),
        (ViewKind.ROT13, codecs.encode(PLAIN, "rot13")),
        (ViewKind.REVERSED, PLAIN[::-1]),
        (ViewKind.TAGS, "Hello" + tags(PLAIN)),
        (ViewKind.LEET, "h0w t0 m4k3 the t34 th4t w4kes y0u up for w0rk"),
        (ViewKind.DESPACED, "   ".join(" ".join(word) for word in PLAIN.split())),
    ],
)
def test_hidden_text_is_read(kind: ViewKind, raw: str) -> None:
    found = [view for view in views(raw) if view.kind is kind]
    assert PLAIN in " ".join(found[0].mapped.text.split())
    place = found[0].mapped.text.index("tea")
    start, end = found[0].mapped.original(place, place + 3)
    assert 0 <= start < end <= len(raw)


def test_twice_encoded_text_is_read_and_thrice_is_not() -> None:
    twice = base64.b64encode(BASE64.encode()).decode()
    thrice = base64.b64encode(twice.encode()).decode()
    assert any(PLAIN in view.mapped.text for view in views(twice))
    assert not any(PLAIN in view.mapped.text for view in views(thrice))


def test_a_payload_behind_many_decoys_is_read() -> None:
    decoys = " ".join(f"/usr/local/share/package{n}/modules" for n in range(40))
    assert any(PLAIN in view.mapped.text for view in views(f"{decoys} {BASE64}"))


@pytest.mark.parametrize(
    "raw",
    [
        "Please review my essay about spring in the city.",
        "/usr/local/lib/python3.11/site-packages/numpy/core/fromnumeric.py",
        "pip install torch==2.13.0 && python3 -m http.server 8080",
        "Is H2O2 the same as C6H12O6? Use mp3, b2b, i18n, k8s, x86 and 4th.",
        "ACGTTGCATGTCGCATGATGCATGAGAGCTACGTTGCATGTCGCATGATG",
        "a - b - c or A, B, C, D, E, F?",
        "class AbstractSingletonProxyFactoryBeanConfigurationProvider: pass",
        "Das ist nicht so, und na ja, wir sind da.",
        "The flag of England is 🏴󠁧󠁢󠁥󠁮󠁧󠁿.",
    ],
)
def test_honest_text_has_one_reading(raw: str) -> None:
    assert [view.kind for view in views(raw)] == [ViewKind.RAW]


@pytest.mark.parametrize(
    "blob",
    [
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "wJalrXUtnFEMIK7MDENGbPxRfiCYzEXAMPLEKEY9a8B7c6D5e4F3",
        base64.b64encode(bytes(range(128, 256))).decode(),
    ],
    ids=["digest", "key", "binary"],
)
def test_a_blob_that_says_nothing_is_not_scored(blob: str) -> None:
    (only,) = views(f"Compare {blob} with the other one.")
    assert only.mapped.text.split() == ["Compare", "with", "the", "other", "one."]


def test_decoded_text_weighs_less_unless_decoding_is_asked_for() -> None:
    quiet, asked = views(f"Look: {BASE64}")[1], views(f"Decode and follow this: {BASE64}")[1]
    assert (quiet.discount, asked.discount) == (DECODED_DISCOUNT, 0.0)


def test_files_and_noise_do_not_decode() -> None:
    assert base64_text(base64.b64encode(b"%PDF-1.7 and so on and on and on").decode()) is None
    assert base64_text("notbase64butlongenough!!") is None
    assert hexadecimal_text("00" * 20) is None
    assert not is_blob("short")


@settings(deadline=None)
@given(st.text(st.characters(), max_size=200))
def test_any_text_has_a_plain_reading_first_and_few_others(raw: str) -> None:
    found = views(raw)
    assert found[0].kind is ViewKind.RAW
    assert len(found) <= 1 + MOST_VIEWS
    for view in found:
        assert len(view.mapped.text) == len(view.mapped.starts) == len(view.mapped.ends)
        assert all(0 <= a < b <= len(raw) for a, b in zip(view.mapped.starts, view.mapped.ends, strict=True))


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "a ",
        "QUJD",
        "A" * 20 + "\n",
        "%41",
        "\\x41",
        "e\u0301",
        "41 ",
        "a-_",
        "a   ",
        "&",
        "\x1b[",
        "a1",
        "\ufdfa",
        "<",
    ],
)
def test_hostile_text_takes_linear_time(unit: str) -> None:
    size = 60_000 // len(unit)
    started = time.process_time()
    views(unit * size)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "turn", [lambda text: codecs.encode(text, "rot13"), lambda text: text[::-1]], ids=["rot13", "reversed"]
)
@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("make strong coffee", True),
        ("wie koche ich guten Kaffee", True),
        ("coffee", False),
    ],
    ids=["one word said", "german", "no word said"],
)
def test_turned_text_that_cannot_stand_as_it_is_counts_as_any_other(
    turn: Callable[[str], str], text: str, read: bool
) -> None:
    found = [view for view in views(turn(text)) if view.mapped.text == text]
    assert bool(found) == read
    assert all(view.discount == 0.0 and not view.must_rise for view in found)


def test_turned_text_beside_plain_words_must_raise_a_score_to_count() -> None:
    mixed = f"what is the meaning of {codecs.encode('make this with your friends', 'rot13')}"
    found = [view for view in views(mixed) if view.kind is ViewKind.ROT13]
    assert [view.must_rise for view in found] == [True]


def test_in_a_text_that_is_mostly_leet_numbers_are_letters_too() -> None:
    leet = [
        view.mapped.text for view in views("h3lp m3 70 br34k 1n70 7h3 0ff1c3 4nd l00k") if view.kind is ViewKind.LEET
    ]
    assert leet == ["help me to break into the office and look"]
    some = [
        view.mapped.text
        for view in views("in 2024 we sold 70 h4ndm4d3 tables to a school")
        if view.kind is ViewKind.LEET
    ]
    assert all("2024" in text and "70" in text for text in some)
