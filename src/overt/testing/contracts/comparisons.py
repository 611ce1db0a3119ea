"""What every `ports.Comparisons` keeps. Call `check_comparisons` with a factory of fresh ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from overt.core.comparison import Comparison, Side
from overt.core.domain import Digest, Domain, ReceiptId
from overt.ports import Comparisons

NewComparisons = Callable[[], Awaitable[Comparisons]]

OLD: Final = Digest("sha256:" + "0" * 64)
NEW: Final = Digest("sha256:" + "1" * 64)


def compared(
    number: int, current: str = "pass", candidate: str = "pass", domain: Domain | None = None, to: Digest = NEW
) -> Comparison:
    """A comparison with these outcomes; ``domain`` is that of whichever side acted."""
    numbers = ((0.9, 0.8, 0.7, 0.123456), None, (0.0, 0.0, 0.0, 0.0), (1.0, 1.0, 1.0, 1.0))
    before, after = (
        Side(release=release, outcome=outcome, domain=None if outcome == "pass" else domain, numbers=numbers)
        for release, outcome in ((OLD, current), (to, candidate))
    )
    return Comparison(receipt=ReceiptId(f"rcp_{number}"), when=number * 1000, current=before, candidate=after)


async def check_comparisons(new: NewComparisons) -> None:
    """Run the whole contract; raises `AssertionError` at the first promise that is not kept."""
    comparisons = await new()
    try:
        await _rows(comparisons)
        await _dropped(comparisons)
    finally:
        await comparisons.aclose()
        await comparisons.aclose()


async def _rows(comparisons: Comparisons) -> None:
    assert not await comparisons.page(0, 10), "nothing is kept at first"
    first, second = compared(1, candidate="redirect", domain=Domain.BIO), compared(2)
    await comparisons.keep([first, second])
    await comparisons.keep([])
    rows = await comparisons.page(0, 10)
    assert [row for _, row in rows] == [first, second], "what was kept comes back as it was, in order"
    assert await comparisons.page(0, 1) == rows[:1], "a page has at most so many rows"
    assert await comparisons.page(rows[0][0], 10) == rows[1:], "the next page begins after the last number"


async def _dropped(comparisons: Comparisons) -> None:
    assert await comparisons.dropped() == {}, "nothing was dropped at first"
    await comparisons.add_dropped(OLD, NEW, 2)
    await comparisons.add_dropped(OLD, NEW, 3)
    assert await comparisons.dropped() == {(OLD, NEW): 5}, "counts add up"
