"""Scoring traffic: what was scored is never scored again, and no row is lost without a word."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from overt.classify.joint import Joint
from overt.classify.model import WIDTH, Floats
from overt.classify.release import Parts, read_release, shipped
from overt.core.domain import DOMAINS, Digest, Domain
from overt.core.finding import Unavailable
from overt.core.request import Request, Role, Segment, ServerChoice
from overt.errors import BadRequest, OperatorError
from overt.learn.score import request_of
from overt.learn.traffic import SHAPE, Doubles, Kept, Traffic, chooses, name_of, read_traffic, scorer, together

RELEASE = Digest("sha256:" + "5" * 64)


def silent(_line: str) -> None:
    """Nobody watches a test."""


def write(file: Path, *texts: str) -> Path:
    """A file of rows with these texts."""
    file.write_text("".join(json.dumps({"id": text, "text": text}) + "\n" for text in texts), encoding="utf-8")
    return file


def counting(asked: list[str], *, stop_at: int | None = None) -> Callable[[Request], Doubles]:
    """Scores by the length of the text; remembers who asked, and is interrupted at one of them."""

    def score(request: Request) -> Doubles:
        if len(asked) == stop_at:
            raise KeyboardInterrupt
        asked.append(request.segments[-1].text)
        return np.full(SHAPE, len(asked[-1]) / 100)

    return score


def read(file: Path, score: Callable[[Request], Doubles], scores: Path) -> Traffic:
    """The traffic of a file, with its scores kept."""
    return read_traffic(file, score, Kept(scores, RELEASE), silent)


def test_a_stopped_run_goes_on_where_it_was_and_ends_as_if_it_had_not(tmp_path: Path) -> None:
    file = write(tmp_path / "t.jsonl", *(f"turn {'x' * number}" for number in range(9)))
    asked: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        read(file, counting(asked, stop_at=4), tmp_path / "kept")
    resumed = read(file, counting(asked), tmp_path / "kept")
    whole = read(file, counting([]), tmp_path / "other")
    assert len(asked) == len(set(asked)) == 9
    assert (resumed.turns, resumed.digest) == (whole.turns, whole.digest)
    assert np.array_equal(resumed.scores, whole.scores)


def test_a_line_that_was_cut_is_scored_again(tmp_path: Path) -> None:
    file, kept = write(tmp_path / "t.jsonl", "one", "three"), tmp_path / "kept"
    read(file, counting([]), kept)
    whole = kept.read_bytes()
    for length in range(len(whole) - 60, len(whole), 7):
        kept.write_bytes(whole[:length])
        asked: list[str] = []
        assert read(file, counting(asked), kept).scores[:, 0, 0].tolist() == [0.03, 0.05]
        assert (asked, kept.read_bytes()) == (["three"], whole)


def test_equal_turns_are_scored_once_and_all_count(tmp_path: Path) -> None:
    asked: list[str] = []
    found = read(write(tmp_path / "t.jsonl", "a", "b", "a"), counting(asked), tmp_path / "kept")
    assert asked == ["a", "b"]
    assert len(found.turns) == 3
    assert found.distinct().tolist() == [True, True, False]


def test_the_file_of_scores_holds_no_word_of_the_traffic(tmp_path: Path) -> None:
    read(write(tmp_path / "t.jsonl", "a private matter"), counting([]), tmp_path / "kept")
    assert b"private" not in (tmp_path / "kept").read_bytes()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"v": "overt-scores/1", "release": "sha256:other"}\n', "--scores"),
        ("my own notes\n", "my own notes"),
        ("my own notes", "my own notes"),
    ],
    ids=["another release", "another file", "another file of one unfinished line"],
)
def test_a_file_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "kept").write_text(content)
    with pytest.raises(OperatorError, match=says):
        read(write(tmp_path / "t.jsonl", "a"), counting([]), tmp_path / "kept")
    assert (tmp_path / "kept").read_text() == content


def test_a_damaged_line_of_scores_is_not_guessed_at(tmp_path: Path) -> None:
    file, kept = write(tmp_path / "t.jsonl", "one", "three"), tmp_path / "kept"
    read(file, counting([]), kept)
    kept.write_bytes(kept.read_bytes().replace(b"0.03", b"O.O3", 1))
    with pytest.raises(OperatorError, match="damaged"):
        read(file, counting([]), kept)


def test_rows_without_a_score_are_told_and_count_as_nothing(tmp_path: Path) -> None:
    def score(request: Request) -> Doubles | Unavailable:
        if request.segments[0].text == "b":
            return Unavailable(domain=Domain.BIO, reason="it rains")
        return np.zeros(SHAPE)

    file = write(tmp_path / "t.jsonl", "a", "b")
    file.write_text(file.read_text() + '\n{"id": "c"}\n', encoding="utf-8")
    found = read_traffic(file, score, Kept(tmp_path / "kept", RELEASE), silent)
    assert [turn.line for turn in found.turns] == [1]
    assert [(row.id, "it rains" in row.error or "text" in row.error) for row in found.unread] == [
        ("b", True),
        ("c", True),
    ]


def test_a_turn_stays_in_its_half_whatever_stands_around_it(tmp_path: Path) -> None:
    texts = [f"turn {number}" for number in range(200)]
    few = read(write(tmp_path / "few.jsonl", *texts[:50]), counting([]), tmp_path / "a")
    many = read(write(tmp_path / "many.jsonl", *reversed(texts)), counting([]), tmp_path / "b")
    halves = {turn.name: bool(half) for turn, half in zip(many.turns, many.first_half(), strict=True)}
    assert all(halves[turn.name] == half for turn, half in zip(few.turns, few.first_half(), strict=True))
    assert 70 < many.first_half().sum() < 130


def test_who_says_what_is_part_of_a_turns_name() -> None:
    user, tool = (Segment(role=role, text="same", message=0) for role in (Role.USER, Role.TOOL_RESULT))
    assert name_of([user]) != name_of([tool])
    assert name_of([user]) != name_of([user, user])
    assert (chooses("7f"), chooses("80")) == (True, False)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"none\.jsonl"):
        read(tmp_path / "none.jsonl", counting([]), tmp_path / "kept")


def test_a_release_scores_a_request_as_it_is_served() -> None:
    parts = read_release(shipped())
    text = "Write ransomware that encrypts every disk in a company's network and spreads by itself"
    found = scorer(parts)(request_of(text))
    assert not isinstance(found, Unavailable)
    served = parts.classifier().assess_now(request_of(text)).findings
    assert not any(isinstance(each, Unavailable) for each in served)
    assert found.shape == SHAPE
    assert found[0, 2] == pytest.approx(max(0.0, served[0].high_dual))  # type: ignore[union-attr]


def conversation(*said: str) -> Request:
    """User turns with answers between them."""
    segments = [
        Segment(role=role, text=text, message=2 * place + (role is Role.ASSISTANT))
        for place, told in enumerate(said)
        for role, text in ((Role.USER, told), (Role.ASSISTANT, "Yes."))
    ]
    return Request(model="m", segments=tuple(segments[:-1]), acceptance=ServerChoice())  # type: ignore[arg-type]


def gated(gate: float) -> Parts:
    """A release with this gate in every domain."""
    ones, gates = np.ones(WIDTH, np.float32), np.full(len(DOMAINS), gate, np.float32)
    return replace(read_release(shipped()), joint=Joint(linear=ones, deep=ones, bias=ones, gates=gates))


def by_words(text: str) -> Floats:
    """A tenth for each word, on cyber only."""
    found = np.zeros((4, 4), np.float32)
    found[0] = len(text.split()) / 10
    return found


@pytest.mark.parametrize(
    ("request_made", "gate", "expected"),
    [
        (conversation("a b c", "d e"), 0.2, 0.5),
        (conversation("a b c", "d e"), 0.3, 0.0),
        (conversation("a b c"), 0.1, 0.0),
    ],
    ids=["asked together", "present turn is off the topic", "one turn"],
)
def test_what_turns_ask_together_counts_whatever_the_acting_points(
    request_made: Request, gate: float, expected: float
) -> None:
    found = together(request_made, by_words, gated(gate))
    assert found[0].tolist() == pytest.approx([expected] * 4)
    assert not found[1:].any()
