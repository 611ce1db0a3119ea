"""Files of answers and prompts: what is wrong with one is said with its name, its line and a remedy."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from overt.audit.rows import read_answers, read_prompts
from overt.errors import BadRequest

ROW = {"pid": "p1", "model": "m", "rep": 0, "text": "Yes."}
WHOLE = gzip.compress("".join(json.dumps(ROW | {"pid": f"p{n}"}) + "\n" for n in range(200)).encode())


def line(**changed: object) -> bytes:
    """A row with other members; None takes one away."""
    row = {name: value for name, value in (ROW | changed).items() if value is not None}
    return json.dumps(row).encode() + b"\n"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        pytest.param(b"", "holds no answer", id="empty"),
        pytest.param(b'{"pid":', "rows:1: not JSON", id="half a row"),
        pytest.param(line() + b"[1]\n", r"rows:2: expected a JSON object, found '\[1\]'", id="a list"),
        pytest.param(line(pid=None), "rows:1: pid must be a string, found nothing", id="no pid"),
        pytest.param(line(rep=-1), "rep must be a whole number from 0 on, found -1", id="a negative rep"),
        pytest.param(line(score=7), "score must be a number from 0 to 1 or null, found 7", id="seven of one"),
        pytest.param(line() + line(), "rows:2: prompt 'p1', model 'm' and rep 0 were on line 1", id="one answer twice"),
        pytest.param(b"\xff\xfe", "cannot read", id="no UTF-8"),
        pytest.param(WHOLE[:50], "cannot read", id="a torn gzip"),
        pytest.param(WHOLE[:60] + bytes(60) + WHOLE[120:], "cannot read", id="a damaged gzip"),
    ],
)
def test_a_file_of_answers_that_cannot_be_used_says_why(raw: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(raw)
    with pytest.raises(BadRequest, match=said):
        read_answers(tmp_path / "rows")


def test_a_file_that_is_not_there_is_named_once(tmp_path: Path) -> None:
    with pytest.raises(BadRequest) as caught:
        read_prompts(tmp_path / "rows")
    assert str(caught.value) == f"cannot read {str(tmp_path / 'rows')!r}: No such file or directory"


def test_plain_and_compressed_rows_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(gzip.decompress(WHOLE))
    (tmp_path / "packed").write_bytes(WHOLE)
    assert read_answers(tmp_path / "plain") == read_answers(tmp_path / "packed")
