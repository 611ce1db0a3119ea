"""The table of languages, made anew from py3langid where that is installed."""

from __future__ import annotations

import numpy as np
import pytest

from overt.classify.grams import LONGEST, shipped_table

pytest.importorskip("py3langid")

from overt.learn.language_table import LANGUAGES, LEVELS, make_table


def test_the_shipped_table_is_what_its_maker_makes() -> None:
    """Grams equal; weights equal to a step, since the last digit of a logarithm is the platform's."""
    made, shipped = make_table(), shipped_table()
    assert made.languages == shipped.languages == LANGUAGES
    assert made.rows == shipped.rows
    assert max(map(len, made.rows)) <= LONGEST
    assert np.abs(made.weights.astype(int) - shipped.weights.astype(int)).max() <= 1
    assert np.abs(made.weights.astype(int)).max() <= LEVELS
    assert made.steps == pytest.approx(shipped.steps, rel=1e-4)
