"""``overt log link``: does one log go on where another ended?"""

from __future__ import annotations

import click

from overt.cli.source import Unreadable, key_beside, open_source
from overt.cli.steps import checked_key
from overt.errors import VerificationFailed
from overt.proof.note import parse_vkey
from overt.proof.shards import verify_link


@click.command("link")
@click.argument("first", metavar="FIRST")
@click.argument("second", metavar="NEXT")
@click.option("--key", metavar="VKEY", callback=checked_key, help="The first log's key, from a source you trust.")
def command(first: str, second: str, key: str | None) -> None:
    """Verify that the log NEXT goes on where FIRST ended, and print the key of NEXT, which FIRST names.

    Each is a URL or a folder. Exit status: 0 if both ends fit, 1 if not, 2 if one cannot be read.
    """
    vkey = key or key_beside(first)
    if vkey is None:
        raise Unreadable(f"{first!r} shows no key; give the log's verifier key with --key")
    try:
        link = verify_link(open_source(first), parse_vkey(vkey), open_source(second))
    except VerificationFailed as failure:
        click.echo(f"overt: {failure}", err=True)
        raise SystemExit(1) from failure
    click.echo(f"{link.final.origin} ended at {link.final.size} entries; {link.next.name} goes on from there. Its key:")
    click.echo(link.next.text)
