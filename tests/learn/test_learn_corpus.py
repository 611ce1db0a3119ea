"""Rows from files: what is read, what is refused, what never teaches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from learn_files import row, write_corpus

from overt.errors import InvalidFile
from overt.learn.corpus import load_corpus, load_own, read_rows, trainable
from overt.learn.sources import UNKNOWN, Label


def test_own_and_public_rows_are_read_with_their_sources(tmp_path: Path) -> None:
    data, requests = write_corpus(tmp_path)
    corpus = load_corpus(data, requests)
    assert {r.source for r in corpus.rows} == {
        "own-cyber", "catqa", "cse_soc", "clinc150", "webquestions", "alpaca"
    }  # fmt: skip


def test_the_suite_is_never_read_as_rows_to_learn_from(tmp_path: Path) -> None:
    _, requests = write_corpus(tmp_path)
    assert {r.source for r in load_own(requests)} == {"own-cyber"}


def test_a_folder_without_requests_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="data/requests"):
        load_own(tmp_path)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("{", "is not JSON"),
        ("[]", "has no text"),
        ('{"id": "a", "text": 3}', "has no text"),
    ],
    ids=["not JSON", "not an object", "text is a number"],
)
def test_a_broken_line_is_refused_with_its_number(tmp_path: Path, line: str, named: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"id": "a", "text": "fine"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(InvalidFile, match=f"line 2.*{named}"):
        list(read_rows(path))


def test_an_unknown_band_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cyber.jsonl"
    fields = {"id": "a", "text": "t", "domain": "cyber", "band": "severe", "family": "f", "kind": "chat", "lang": "en"}
    path.write_text(json.dumps(fields), encoding="utf-8")
    with pytest.raises(InvalidFile, match="'severe'"):
        load_own(tmp_path)


def test_a_line_separator_inside_a_text_does_not_cut_the_row(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"id": "a", "text": "one\u2028two\x85three"}\n', encoding="utf-8")
    assert [each["text"] for each in read_rows(path)] == ["one\u2028two\x85three"]


def test_rows_that_must_not_teach_do_not(tmp_path: Path) -> None:
    data, requests = write_corpus(tmp_path)
    corpus = load_corpus(data, requests)
    taught = {r.source for r in trainable(corpus, corpus.rows)}
    assert taught == {"own-cyber", "catqa", "cse_soc", "clinc150"}


def test_a_preamble_teaches_only_that_it_is_about_nothing(tmp_path: Path) -> None:
    corpus = load_corpus(*write_corpus(tmp_path))
    harmless = row("You are a coding agent", kind="preamble")
    on_topic = row("You are a malware analyst", kind="preamble", label=Label((True, False, False, False), ceiling=0))
    assert trainable(corpus, [harmless, on_topic]) == [harmless]


def test_a_row_about_which_nothing_is_known_does_not_teach(tmp_path: Path) -> None:
    corpus = load_corpus(*write_corpus(tmp_path))
    assert trainable(corpus, [row("?", label=Label(UNKNOWN))]) == []
