"""``overt log``: one command for each module ``overt.cli.log_*`` beside this one, which names it ``command``."""

from __future__ import annotations

import click

from overt.cli.found import Found


@click.command("log", cls=Found, prefix="log_")
def command() -> None:
    """Look at a log from outside, and look after one's own."""
