"""A table of action rates: how many requests of each group were passed, notified, redirected, refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

COLUMNS: Final = ("pass", "notify", "redirect", "refuse", "error")


def action_table(counted: Iterable[tuple[str, str]], *, heading: str = "") -> str:
    """The table as text, from pairs of group and action: counts, and the share that was not passed."""
    groups: dict[str, Counter[str]] = {}
    for group, action in counted:
        groups.setdefault(group, Counter())[action] += 1
    head = [heading, "rows", *COLUMNS, "acted on"]
    lines = [[group, *_cells(counts)] for group, counts in sorted(groups.items())]
    if len(lines) > 1:
        lines.append(["all", *_cells(sum(groups.values(), Counter()))])
    return "\n".join(_aligned([head, *lines]))


def _cells(counts: Counter[str]) -> list[str]:
    rows = counts.total()
    acted = counts["notify"] + counts["redirect"] + counts["refuse"]
    classified = rows - counts["error"]
    share = f"{100 * acted / classified:.2f} %" if classified else "-"
    return [str(rows), *(str(counts[column]) for column in COLUMNS), share]


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            _cell(cell, width, first=not column) for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _cell(cell: str, width: int, *, first: bool) -> str:
    return cell.ljust(width) if first else cell.rjust(width)
