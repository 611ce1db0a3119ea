"""Numbers of a result: one text each, and what may differ between two machines."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.audit.report.numbers import Agreement, compared, number_text, value_of
from overt.audit.verdict import Verdict
from overt.errors import InvariantBroken
from overt.proof import canonical

FLOATS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)


@given(FLOATS)
def test_a_number_keeps_ten_digits_and_its_text_is_its_own(number: float) -> None:
    text = number_text(number)
    again = float(text)
    assert number_text(again) == text
    assert math.isclose(number, again, rel_tol=1e-9, abs_tol=0) or abs(number) < 1e-300


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.05, "0.05"), (1 / 3, "0.3333333333"), (-0.0, "0.0"), (2e-7, "2e-07"), (1e16, "1e+16"), (7.0, "7.0")],
)
def test_numbers_are_written_so(number: float, text: str) -> None:
    assert number_text(number) == text


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_not_published(number: float) -> None:
    with pytest.raises(InvariantBroken, match="no number"):
        number_text(number)


def test_values_have_one_encoding() -> None:
    found = value_of({"a": (1, 0.5, None, True), "b": Verdict.CHANGED, "c": Decimal("1.50")})
    assert found == {"a": [1, "0.5", None, True], "b": "changed", "c": "1.50"}
    canonical.encode(found)
    with pytest.raises(InvariantBroken, match="no encoding"):
        value_of({"a": object()})


@pytest.mark.parametrize(
    ("published", "again", "agreement"),
    [
        pytest.param({"statistic": "1.25168"}, {"statistic": "1.25169"}, (0, 1), id="another processor adds otherwise"),
        pytest.param({"statistic": "1.25"}, {"statistic": "1.26"}, None, id="another statistic"),
        pytest.param({"low": "1e-06"}, {"low": "-3e-06"}, (0, 1), id="close to nothing"),
        pytest.param({"p_value": "0.00020000"}, {"p_value": "0.00020001"}, None, id="p-values are counts"),
        pytest.param({"cost": "0.10001"}, {"cost": "0.10002"}, None, id="amounts are exact"),
        pytest.param({"pairs": 3}, {"pairs": 4}, None, id="counts are exact"),
        pytest.param({"pairs": 1}, {"pairs": True}, None, id="one is not yes"),
        pytest.param({"a": 1}, {"a": 1, "b": 2}, None, id="a member is missing"),
        pytest.param({"a": [1, 2]}, {"a": [1]}, None, id="a list is longer"),
        pytest.param({"model": "4.10001"}, {"model": "4.1"}, (0, 1), id="a word that is a number, close"),
        pytest.param({"a": ["x", None], "b": "0.5"}, {"a": ["x", None], "b": "0.5"}, (3, 0), id="the same"),
        pytest.param({"e": "1e+304"}, {"e": "1e+305"}, None, id="large"),
        pytest.param({"e": "1e+999"}, {"e": "2e+999"}, None, id="beyond floats"),
    ],
)
def test_two_results_agree_or_it_is_said_where_not(
    published: dict[str, object], again: dict[str, object], agreement: tuple[int, int] | None
) -> None:
    found = compared(published, again)  # type: ignore[arg-type]
    if agreement is None:
        assert found.differs is not None
        assert found.differs.startswith("result")
    else:
        assert found == Agreement(same=agreement[0], close=agreement[1])


def test_the_first_difference_is_named_with_both_values() -> None:
    found = compared({"a": [{"b": 1}, {"b": 2}], "c": 3}, {"a": [{"b": 1}, {"b": 5}], "c": 4})
    assert found.differs == "result.a[1].b is 2, and the records give 5"
