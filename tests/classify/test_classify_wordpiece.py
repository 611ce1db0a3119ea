"""Word pieces equal those of the reference tokeniser (its answers are recorded beside this file)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from classify_samples import vocabulary, wordpiece

from overt.classify.wordpiece import UNKNOWN, basic, parse_vocabulary
from overt.errors import BadRelease

ANSWERS = json.loads((Path(__file__).parent / "wordpiece_answers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: ascii(answer["text"])[:30])
def test_the_pieces_are_those_of_the_reference(answer: dict[str, object]) -> None:
    assert wordpiece().encode(str(answer["text"])) == answer["ids"]


def test_a_text_cannot_forge_special_tokens() -> None:
    assert basic("[CLS] ##ing") == ["[", "cls", "]", "#", "#", "ing"]


def test_a_word_that_cannot_be_cut_is_unknown_as_a_whole() -> None:
    (unknown,) = wordpiece().pieces("\u2603\u2603")
    assert wordpiece().pieces("cat\u2603") == wordpiece().pieces("x" * 101) == (unknown,)
    assert vocabulary().split(b"\n")[unknown] == UNKNOWN.encode()


@pytest.mark.parametrize("content", [b"", b"a\nb\n", b"[UNK]\n\xff"], ids=["empty", "no unknown piece", "not utf-8"])
def test_what_is_no_vocabulary_is_refused(content: bytes) -> None:
    with pytest.raises(BadRelease, match=r"'vocab\.txt'"):
        parse_vocabulary(content, "vocab.txt")
