"""Our calendar against the standard library's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from overt.proof.instant import utc

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.integers(0, 253_402_300_799_999))
@example(951_782_400_000)
@example(4_107_542_399_999)
def test_an_instant_reads_as_the_standard_library_writes_it(milliseconds: int) -> None:
    expected = (EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds")
    assert utc(milliseconds) == expected.replace("+00:00", "Z")
