"""The fault table has every row, and each test or script that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "log.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+) \|(.*)$", PAGE[PAGE.index("\n## Faults\n") :], re.M)


def test_the_table_has_the_rows_of_the_reference_in_their_order() -> None:
    assert [int(number) for number, _ in ROWS] == list(range(1, 23))


@pytest.mark.parametrize(("number", "row"), ROWS, ids=[number for number, _ in ROWS])
def test_what_a_row_names_is_there(number: str, row: str) -> None:
    del number
    text = ""
    for file, name in re.findall(r"`([\w/]+\.py)?(?:::(\w+))?`", row):
        if file:
            assert (ROOT / file).is_file(), file
            text = (ROOT / file).read_text(encoding="utf-8")
        if name:
            assert f"def {name}(" in text, name
