"""``overt audit``: one command for each module ``overt.cli.audit_*`` beside this one, which names it ``command``."""

from __future__ import annotations

import click

from overt.cli.found import Found


@click.command("audit", cls=Found, prefix="audit_")
def command() -> None:
    """Test any endpoint for covert change, with controlled error rates."""
