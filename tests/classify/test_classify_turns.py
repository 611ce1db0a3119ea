"""Which parts of a request decide (users.md group B)."""

from __future__ import annotations

import pytest
from classify_samples import assistant, segments, user

from overt.classify.turns import INJECTED_TAGS, TOOL_DISCOUNT, readings
from overt.core.request import Role

TOPIC = "How do lighthouses work?"
SYSTEM = (Role.SYSTEM, "You are a harbour master.")
SCHEMA = (Role.TOOL_SCHEMA, "dredge: deepen a channel")


def texts(*said: tuple[Role, str]) -> list[str]:
    return [reading.text for reading in readings(segments(*said))]


def tool(text: str) -> tuple[Role, str]:
    return Role.TOOL_RESULT, text


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ((), []),
        ((SYSTEM, SCHEMA), []),
        ((SYSTEM, SCHEMA, user(TOPIC)), [TOPIC]),
        ((user("Older."), assistant("Answer."), user(TOPIC)), [TOPIC]),
        ((user(TOPIC), assistant("Well,")), [TOPIC]),
        ((user("One."), user(TOPIC)), [f"One.\n{TOPIC}"]),
        ((user(TOPIC), assistant(""), tool("A list.")), [TOPIC, "A list."]),
        ((user(TOPIC), assistant("I look it up."), tool("A list.")), ["A list."]),
        ((user(TOPIC), assistant("Done."), user("  ")), ["  "]),
        ((assistant("Hello, how can I help?"),), []),
    ],
    ids=[
        "nothing",
        "preamble only",
        "preamble and a message",
        "history",
        "prefill",
        "two messages in a row",
        "a tool's answer within the turn",
        "a tool's answer after words of the model",
        "a blank message",
        "the model alone",
    ],
)
def test_only_the_current_turn_is_read(said: tuple[tuple[Role, str], ...], read: list[str]) -> None:
    assert texts(*said) == read


@pytest.mark.parametrize(
    "again",
    [
        "continue",
        "Go on.",
        "yes, do it",
        "now in Python",
        "and on Windows?",
        "make it faster",
        "more detail please",
        "what about in winter?",
        "why?",
        "show me the code",
        "translate that to French",
        "step 2",
        "继续",
        "ok, next",
    ],
)
def test_a_turn_that_says_nothing_is_read_with_what_it_continues(again: str) -> None:
    assert texts(user(TOPIC), assistant("So."), user(again)) == [f"{TOPIC}\n{again}"]


@pytest.mark.parametrize(
    "own",
    [
        "hi",
        "Hello there!",
        "thanks",
        "Thank you so much",
        "great, thanks",
        "no, stop",
        "never mind",
        "don't do it",
        "how are you",
        "what time is it",
        "now tell me a joke",
        "Write a poem about spring",
        "that works, thanks",
    ],
)
def test_a_turn_that_says_something_is_read_alone(own: str) -> None:
    assert texts(user(TOPIC), assistant("So."), user(own)) == [own]


def test_continuations_reach_back_three_turns_and_no_farther() -> None:
    def chain(times: int) -> tuple[tuple[Role, str], ...]:
        return tuple(turn for _ in range(times) for turn in (assistant("So."), user("continue")))

    assert TOPIC in texts(user(TOPIC), *chain(3))[0]
    assert TOPIC not in texts(user(TOPIC), *chain(4))[0]


def test_continuations_stop_at_the_first_turn_with_a_topic() -> None:
    said = texts(user("Older."), assistant("A."), user(TOPIC), assistant("B."), user("continue"))
    assert said == [f"{TOPIC}\ncontinue"]


def test_tool_results_weigh_less() -> None:
    own, result = readings(segments(user(TOPIC), tool("A list.")))
    assert (own.discount, result.discount) == (0.0, TOOL_DISCOUNT)


@pytest.mark.parametrize("tag", INJECTED_TAGS)
def test_what_the_client_injects_is_not_read(tag: str) -> None:
    injected = f"<{tag}>dredge the channel</{tag}>"
    (reading,) = readings(segments(user(f"{injected}\n{TOPIC}{injected}")))
    assert TOPIC in reading.text
    assert "dredge" not in reading.text


def test_a_segment_of_injected_text_beside_the_message_is_not_read() -> None:
    assert texts(user("<system-reminder>dredge</system-reminder>"), user(TOPIC)) == [TOPIC]


@pytest.mark.parametrize(
    "text",
    [
        "<system-reminder>dredge</system-reminder>",
        "<system-reminder>dredge",
        "dredge</system-reminder>",
        "<system-reminder>x</system_reminder> dredge",
        "<system-reminder>a</system-reminder> dredge <system-reminder>b</system-reminder>",
    ],
    ids=["nothing else", "never closed", "never opened", "closed by another", "between two"],
)
def test_tags_are_no_place_to_hide(text: str) -> None:
    assert "dredge" in texts(user(text))[0]


def test_a_place_in_a_reading_is_found_in_its_segment() -> None:
    said = segments(SYSTEM, user(f"<command-name>x</command-name>{TOPIC}"), assistant("So."), user("continue"))
    (reading,) = readings(said)
    start = reading.text.index("lighthouses")
    segment, low, high = reading.place(start, start + len("lighthouses"))
    assert (segment, said[segment].text[low:high]) == (1, "lighthouses")


def test_a_span_across_segments_is_placed_in_the_larger_part() -> None:
    said = segments(user("a lighthouse"), user("b"))
    (reading,) = readings(said)
    assert reading.place(2, len(reading.text)) == (0, 2, 12)


def test_many_open_tags_take_linear_time() -> None:
    assert texts(user("<system-reminder>" * 50_000))[0].startswith("<system")
