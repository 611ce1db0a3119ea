"""Server-sent events: every byte kept, whatever the cuts."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_samples import NAMES, transcript

from overt.errors import UpstreamGarbage
from overt.wire.sse import Event, SseReader, frame, one, with_data


def read(*chunks: bytes) -> list[Event]:
    reader = SseReader()
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    return events + reader.end()


@pytest.mark.parametrize("name", NAMES)
def test_a_transcript_cut_at_any_byte_gives_the_same_events(name: str) -> None:
    raw = transcript(name)
    whole = read(raw)
    assert b"".join(event.raw for event in whole) == raw
    for cut in range(len(raw) + 1):
        assert read(raw[:cut], raw[cut:]) == whole


@pytest.mark.parametrize("name", NAMES)
def test_a_transcript_fed_byte_by_byte_gives_the_same_events(name: str) -> None:
    raw = transcript(name)
    assert read(*(raw[at : at + 1] for at in range(len(raw)))) == read(raw)


lines = st.sampled_from([b"data: x", b"data:y", b"data", b": c", b"", b"event: ping", b"id: 7", b"data: \xff", b"odd"])
ends = st.sampled_from([b"\n", b"\r\n", b"\r"])
streams = st.lists(st.tuples(lines, ends)).map(lambda parts: b"".join(line + end for line, end in parts))


@given(streams | st.binary(max_size=60), st.lists(st.integers(0, 200), max_size=6))
def test_any_bytes_in_any_pieces_give_the_same_events_and_lose_nothing(raw: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(raw), *(min(cut, len(raw)) for cut in cuts)})
    pieces = [raw[a:b] for a, b in itertools.pairwise(places)]
    assert read(*pieces) == read(raw)
    assert b"".join(event.raw for event in read(*pieces)) == raw


def test_several_data_lines_are_joined_and_one_blank_is_dropped() -> None:
    (event,) = read(b"event:a\ndata:  x\ndata:y\ndata\nid: 3\n\n")
    assert (event.name, event.data) == ("a", b" x\ny\n")


def test_comments_between_events_come_at_once() -> None:
    reader = SseReader()
    assert reader.feed(b": alive\n") == [Event(b": alive\n")]
    assert reader.feed(b"event: a\n: inside\ndata: 1\n") == []
    assert reader.feed(b"\n") == [Event(b"event: a\n: inside\ndata: 1\n\n", "a", b"1")]


def test_a_byte_order_mark_is_kept_and_does_not_hide_the_first_field() -> None:
    (event,) = read(b"\xef\xbb\xbfevent: a\ndata: 1\n\n")
    assert event == Event(b"\xef\xbb\xbfevent: a\ndata: 1\n\n", "a", b"1")


def test_a_last_event_without_its_blank_line_is_kept() -> None:
    assert read(b"data: 1\n\ndata: 2") == [Event(b"data: 1\n\n", "", b"1"), Event(b"data: 2", "", b"2")]


@pytest.mark.parametrize("chunks", [[b"data: " + b"x" * 100], [b"x" * 30] * 3, [b"data: " + b"x" * 60 + b"\n\n"]])
def test_an_event_beyond_the_limit_is_garbage(chunks: list[bytes]) -> None:
    reader = SseReader(limit=64)
    with pytest.raises(UpstreamGarbage, match="over 64 bytes"):
        list(map(reader.feed, chunks))


def test_many_small_events_are_within_the_limit() -> None:
    assert len(SseReader(limit=64).feed(b"data: 1\n\n" * 1000)) == 1000


def test_other_data_keeps_line_ends_and_fields() -> None:
    event = one(b"id: 4\r\nevent: a\r\ndata: {}\r\n\r\n")
    assert with_data(event, b"[1]") == b"id: 4\r\nevent: a\r\ndata: [1]\r\n\r\n"
    several = one(b"event: a\ndata: {\ndata: }\n\n")
    assert with_data(several, b"[1]") == frame("a", b"[1]") == b"event: a\ndata: [1]\n\n"
