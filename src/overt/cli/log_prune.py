"""``overt log prune``: remove old entries of one's own log and say so in it; the hash tiles stay."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import click

from overt.cli.settings_file import NoSecrets, read_settings
from overt.errors import OperatorError
from overt.gateway.activate import Home
from overt.gateway.logs import opening_of
from overt.log.keys import read_signer
from overt.log.prune import prune
from overt.log.rotation import KEY_FILE, notary_of
from overt.proof.tiles import WIDTH

_DAY_SECONDS = 86_400


@click.command("prune")
@click.option(
    "--older-than",
    "days",
    type=click.IntRange(min=1),
    required=True,
    metavar="DAYS",
    help="Entries that are younger are kept.",
)
@click.option("--config", type=click.Path(dir_okay=False), help="The gateway's configuration file (TOML).")
@click.option("--data", type=click.Path(file_okay=False), help="The gateway's data folder, if not the file's.")
def command(days: int, config: str | None, data: str | None) -> None:
    """Remove old entries, 256 at a time, after an entry of the log says so. Their hashes stay: proofs and receipts
    verify as before.

    The gateway may run. If this is interrupted, do it again.
    """
    settings = read_settings(config, data, NoSecrets())
    if settings.log.database is not None or settings.log.tiles is not None:
        raise OperatorError("only a log in a folder can be pruned, not one in a database or a bucket")
    home = Home(data=Path(settings.data), origin=settings.origin, kept=settings.log)
    if not (home.place.keys / KEY_FILE).is_file():
        raise OperatorError(f"{settings.data!r} holds no log key; give the data folder of your gateway with --data")
    notary = notary_of(home.place, read_signer(home.place.keys / KEY_FILE), home.origin)
    now = int(time.time())
    done = asyncio.run(
        prune(
            home.log,
            opening_of(home.data, home.kept),
            notary,
            minute=now // 60 * 60,
            before=now - days * _DAY_SECONDS,
        )
    )
    if done is None:
        click.echo(f"Nothing was removed: no {WIDTH} entries after the first {WIDTH} are all older than {days} days.")
        return
    click.echo(
        f"{done.bundles} bundles of {WIDTH} entries were removed. Entry {done.said.index} says that entries {WIDTH} to "
        f"{done.said.entry.kept - 1} are pruned; their hashes stay."
    )
