"""An amount of money as an option of a command: written in full, never negative."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

import click

MOST: Final = Decimal(10) ** 15


def checked_amount(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Decimal | None:
    """The amount that was given, None if none was."""
    if value is None:
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation as error:
        raise click.BadParameter(f"{value!r} is no amount of money, such as 5.00") from error
    if not amount.is_finite() or not 0 <= amount < MOST:
        raise click.BadParameter(f"{value!r} is no amount of money, such as 5.00")
    return amount
