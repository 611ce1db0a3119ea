"""A notice with nothing to say cannot be made."""

from __future__ import annotations

import re

import pytest
from core_samples import BIG, STAMP, notice
from hypothesis import given
from hypothesis import strategies as st

from overt.core.notice import Confidence, confidence_of
from overt.errors import InvariantBroken

SENTENCES = ("what", "why", "redress")


@pytest.mark.parametrize(
    "blank", ["", " ", "\n\t", "\u00a0\u2003"], ids=["empty", "a space", "line end", "wide spaces"]
)
@pytest.mark.parametrize("name", SENTENCES)
def test_a_notice_with_a_blank_sentence_cannot_be_made(name: str, blank: str) -> None:
    with pytest.raises(InvariantBroken, match=re.escape(f"{name!r} sentence, got {blank!r}")):
        notice(**{name: blank})  # type: ignore[arg-type]  # the three names above are texts


@given(st.text(), st.text(), st.text())
def test_a_notice_is_made_exactly_if_no_sentence_is_blank(what: str, why: str, redress: str) -> None:
    if all(sentence.strip() for sentence in (what, why, redress)):
        assert notice(what=what, why=why, redress=redress).text == f"{what} {why} {redress}"
    else:
        with pytest.raises(InvariantBroken):
            notice(what=what, why=why, redress=redress)


def test_a_notice_is_quoted_by_the_id_of_its_stamp() -> None:
    assert notice().id == STAMP.notice_id
    assert notice(served=BIG).language == "en"


@pytest.mark.parametrize(
    ("probability", "expected"),
    [
        (0.0, Confidence.LOW),
        (0.6999, Confidence.LOW),
        (0.7, Confidence.MEDIUM),
        (0.8999, Confidence.MEDIUM),
        (0.9, Confidence.HIGH),
        (1.0, Confidence.HIGH),
    ],
)
def test_a_probability_is_told_in_a_word(probability: float, expected: Confidence) -> None:
    assert confidence_of(probability) is expected
