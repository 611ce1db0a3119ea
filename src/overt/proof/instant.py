"""An instant as people read it, worked out without a clock: RFC 3339 in UTC."""

from __future__ import annotations

from typing import Final

_DAY_MS: Final = 86_400_000
_FOUR_CENTURIES: Final = 146_097
"""Days in 400 years of the Gregorian calendar."""


def utc(milliseconds: int) -> str:
    """POSIX milliseconds as ``2026-11-23T00:00:00.000Z``.

    Years are counted from 1 March of year 0, so that the leap day is the last day of its year.
    """
    days, rest = divmod(milliseconds, _DAY_MS)
    era, day = divmod(days + 719_468, _FOUR_CENTURIES)
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    date = day - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    year += 400 * era + (month <= 2)
    seconds, thousandths = divmod(rest, 1000)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{thousandths:03d}"
    return f"{year:04d}-{month:02d}-{date:02d}T{clock}Z"
