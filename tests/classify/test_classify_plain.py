"""Plain text is read the short way, and the short way says what the way over all views says."""

from __future__ import annotations

import string
from dataclasses import replace
from zlib import crc32

import numpy as np
import pytest
from classify_samples import assistant, model_of, random_model, random_weights, segments, user
from hypothesis import example, given, settings
from hypothesis import strategies as st

from overt.classify.features import HASHES, MASK, encoded, gram_ids, pair_id, pair_prefix, term_id, windows, words
from overt.classify.memory import Lexicon
from overt.classify.model import MILLION
from overt.classify.release import load, shipped
from overt.classify.stage1 import TRIGGER_FLOOR, Stage1, as_finding, only_turn
from overt.classify.turns import readings
from overt.classify.views import LONGEST_PLAIN, views
from overt.core.finding import Finding
from overt.core.request import Role, Segment
from overt.testing.contracts.classifier import asks

ORDINARY = (
    "the",
    "a",
    "I",
    "Denver?",
    "what's",
    "(see",
    "it)",
    "don\u2019t",
    "\u201cyes\u201d",
    "caf\xe9",
    "na\xefve",
    "e.g.",
    "10am",
)
ODD = (
    "de",
    "ad",
    "b",
    "c",
    "d",
    "gur",
    "naq",
    "eht",
    "dna",
    "m4lw4re",
    "wow!yes",
    "a.b.c",
    "getUserById",
    "PowerShell",
)
HIDING = (
    "aGVsbG8gdGhlcmUgeW91",
    "%41%42%43",
    "&amp;",
    "C:\\new",
    "\x1b[31m",
    "\u200b",
    "\u0430",
    "x" * 45,
    "++++",
    "0xdeadbeef",
)
pieces = st.one_of(st.sampled_from(ORDINARY), st.sampled_from(ODD), st.sampled_from(HIDING), st.text(max_size=6))
gaps = st.sampled_from((" ", " ", " ", "  ", "\n", "\t", ", ", " - ", "\u2026", "\xa0", "-", ":"))
texts = st.lists(st.tuples(pieces, gaps), max_size=30).map(lambda parts: "".join(map("".join, parts)))
chatty = st.lists(st.sampled_from((*ORDINARY, *ODD)), min_size=1, max_size=150).map(" ".join)


MODEL = random_model()
SHIPPED = load(shipped())


@settings(deadline=None, max_examples=400)
@given(texts)
@example("a b c d e f")
@example("a\u2026b\u2026c\u2026d\u2026e\u2026f")
@example("\xe9 \xe8 \xe0 \xf9 \xf2 \xec")
@example("de ad be ef de ad be ef de ad be ef de ad be ef")
@example("xde:ad:be:ef:de:ad:be:ef de:ad:be:ef:de:ad:be:ef")
@example("gur naq")
@example("eht htiw")
@example("-" * 20 + "\naB3xY9kQ2mZ7pL4wRt")
@example("wow! 10am! h0w t0")
@example("\ud800 lone")
def test_a_plain_text_has_one_view_with_the_same_words(text: str) -> None:
    known = MODEL.plain(text)
    if known is not None:
        (only,) = views(text)
        assert [each.word for each in known] == words(only.mapped.text)


def test_a_character_that_changes_words_is_never_plain() -> None:
    for letter in map(chr, range(0x80, 0x2600)):
        text = f"some{letter}thing {letter} b{letter}"
        known = MODEL.plain(text)
        if known is not None:
            (only,) = views(text)
            assert [each.word for each in known] == words(only.mapped.text), hex(ord(letter))


@pytest.mark.parametrize(
    "text",
    [
        "How do I get from Denver to Boston by train?",
        "What\u2019s a good name for a caf\xe9 \u2013 something short?",
        "I have a dog and a cat and a bird, and I need a sitter for a week.",
        "is the parcel (sent on 3 May at 10am) due by the 5th?",
    ],
)
def test_what_people_write_is_plain(text: str) -> None:
    assert MODEL.plain(text) is not None


@pytest.mark.parametrize(
    "text", ["", " \n", "???", "word " * (LONGEST_PLAIN // 5 + 1), "caf\u00e9\u0301", "m4lw4re please"]
)
def test_what_is_not_plain_is_read_in_full(text: str) -> None:
    assert MODEL.plain(text) is None


@settings(deadline=None)
@given(chatty)
def test_the_short_way_finds_what_the_long_way_finds(text: str) -> None:
    stage = Stage1(MODEL)
    long_way = stage.score_views(text)
    found = stage.score(text)
    if MODEL.plain(text) is None:
        return
    by_window = stage.probabilities(long_way[0].logits)
    np.testing.assert_allclose(found.probabilities, by_window.max(axis=0), atol=2e-6)
    reference = MODEL.logits_of(MODEL.extractor.of_text(text))
    np.testing.assert_allclose(long_way[0].logits, reference, atol=1e-4)
    spans = stage.spans([(long_way[0], by_window)] * 4, found.probabilities)
    assert [span is None for span in found.spans] == [span is None for span in spans]


@settings(deadline=None)
@given(st.lists(st.sampled_from(ORDINARY), min_size=1, max_size=60).map(" ".join))
def test_triggers_of_both_ways_are_the_same(text: str) -> None:
    stage = Stage1(SHIPPED)
    only = stage.score_views(text)[0]
    by_window = stage.probabilities(only.logits)
    found = stage.score(text)
    close = np.abs(by_window[0, :, 0] - TRIGGER_FLOOR) < 1e-5
    if SHIPPED.plain(text) is not None and not close.any():
        assert found.spans == stage.spans([(only, by_window)] * 4, found.probabilities)


@pytest.mark.parametrize(
    "text", ["spread ransomware", "spread r4nsomware now", "\u043f\u0440\u0438\u0432\u0435\u0442 ransomware"]
)
def test_without_being_alone_nothing_is_pointed_at_and_all_else_is_the_same(text: str) -> None:
    alone, asked_first = Stage1(SHIPPED), Stage1(SHIPPED, alone=False)
    request = asks(user(text))
    for each, other in zip(alone.assess_now(request).findings, asked_first.assess_now(request).findings, strict=True):
        assert isinstance(each, Finding)
        assert other == replace(each, trigger=None)
    assert any(isinstance(each, Finding) and each.trigger for each in alone.assess_now(request).findings)


@settings(deadline=None)
@given(st.lists(st.sampled_from(("the", "cat", "sat", "on", "a", "mat")), min_size=1, max_size=64))
def test_what_speaks_for_a_domain_is_what_contributes_to_it(said: list[str]) -> None:
    contributions, window = MODEL.contributions(said), MODEL.window(said)
    for place in range(4):
        toward = contributions[:, 4 * place] + contributions[:, 4 * place + 2]
        np.testing.assert_allclose(MODEL.speaks(window, place), np.maximum(toward, 0), atol=1e-4)


@settings(deadline=None)
@given(st.lists(st.sampled_from(("the", "cat", "sat", "on", "a", "mat")), min_size=1, max_size=64))
def test_what_is_told_of_a_window_is_its_probabilities_to_six_decimals(said: list[str]) -> None:
    told = np.asarray(MODEL.told(MODEL.window(said)))
    np.testing.assert_allclose(told, MODEL.probabilities(MODEL.logits(said))[0], atol=2e-6)
    np.testing.assert_array_equal(told, np.rint(told * MILLION) / MILLION)


@settings(deadline=None, max_examples=30)
@given(st.lists(chatty, min_size=1, max_size=5))
def test_what_was_kept_changes_no_bit(said: list[str]) -> None:
    used = Stage1(MODEL)
    for text in said:
        cold = Stage1(model_of(random_weights()))
        request = asks(user(text))
        first = cold.assess_now(request).findings
        assert used.assess_now(request).findings == used.assess_now(request).findings == first
        kept = used.score(text)
        assert first == tuple(
            as_finding(each.domain, kept.probabilities[place], each.trigger)
            for place, each in enumerate(first)
            if isinstance(each, Finding)
        )


@pytest.mark.parametrize(
    "said",
    [
        (user("hello there"),),
        ((Role.SYSTEM, "be brief"), user("hello there")),
        (user("hello"), user("there")),
        (user("hello"), assistant("hi"), user("there")),
        (user("hello"), assistant("hi")),
        (user("continue"),),
        (user("<system-reminder>x</system-reminder> hello"),),
        (user(" \n"),),
        ((Role.TOOL_RESULT, "hello"),),
        ((Role.SYSTEM, "be brief"),),
        (),
    ],
)
def test_the_only_turn_is_what_the_readings_say(said: tuple[tuple[Role, str], ...]) -> None:
    request: tuple[Segment, ...] = segments(*said)
    only = only_turn(request)
    if only is not None:
        (reading,) = readings(request)
        assert (reading.text, reading.discount) == (request[only].text, 0.0)
        assert reading.place(1, 3) == (only, 1, 3)


def test_most_requests_have_an_only_turn() -> None:
    assert only_turn(segments((Role.SYSTEM, "be brief"), user("hello there"))) == 1


@given(st.text(string.ascii_lowercase, min_size=1, max_size=12), st.text(max_size=12))
def test_hashes_of_pairs_are_made_of_two_halves(left: str, right: str) -> None:
    assert pair_id(left, right) == crc32(f"b {left} {right}".encode("utf-8", "replace")) % HASHES
    assert pair_id(left, right) == crc32(encoded(right), pair_prefix(encoded(left))) & MASK
    assert term_id(right) == crc32(b"w " + encoded(right)) % HASHES


@given(st.text(max_size=12))
def test_hashes_of_grams_are_of_each_distinct_gram(word: str) -> None:
    marked = f"<{word}>"
    grams = dict.fromkeys(marked[i : i + size] for size in (3, 4, 5) for i in range(len(marked) - size + 1))
    assert gram_ids(word) == [crc32(b"c " + encoded(gram)) % HASHES for gram in grams]


@given(st.lists(st.sampled_from(string.ascii_lowercase), max_size=80), st.integers(1, 6))
def test_a_lexicon_is_bounded_and_forgets_without_a_trace(asked: list[str], size: int) -> None:
    made: list[str] = []

    def make(key: str) -> str:
        made.append(key)
        return key.upper()

    lexicon = Lexicon(size, make)
    for key in asked:
        assert lexicon.all([key, "a", key]) == [key.upper(), "A", key.upper()]
    assert len(made) <= 3 * len(asked)


def test_a_lexicon_keeps_what_is_asked_often() -> None:
    made: list[str] = []

    def make(key: str) -> str:
        made.append(key)
        return key

    lexicon = Lexicon(10, make)
    for number in range(200):
        lexicon.all(["often", str(number)])
    assert made.count("often") == 1


def test_a_long_plain_text_is_read_by_its_windows() -> None:
    text = "word after word about a cat on a mat " * 20
    known = MODEL.plain(text)
    assert known is not None
    assert len(windows(len(known))) > 1
