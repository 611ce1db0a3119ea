"""``overt log shard``: end a log, at the end of a month say, and go on in a new one that is linked with it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from overt.cli.settings_file import NoSecrets, read_settings
from overt.errors import OperatorError
from overt.gateway.activate import Home
from overt.gateway.compose import SystemClock
from overt.gateway.turn import turn_log
from overt.log.keys import read_signer
from overt.log.rotation import KEY_FILE
from overt.log.shards import SHARDS, TURNING
from overt.proof.note import valid_name


@click.command("shard")
@click.argument("origin")
@click.option("--config", type=click.Path(dir_okay=False), help="The gateway's configuration file (TOML).")
@click.option("--data", type=click.Path(file_okay=False), help="The gateway's data folder, if not the file's.")
def command(origin: str, config: str | None, data: str | None) -> None:
    """Close the log and begin the next one, named ORIGIN ("gw.example.org/log/2026-12"), in its place.

    Stop the gateway before. Set 'origin' in its configuration to the same name before you start it again. If this is
    interrupted, do it again.
    """
    if not valid_name(origin):
        raise click.BadParameter(f"{origin!r} is not the origin of a log", param_hint="ORIGIN")
    settings = read_settings(config, data, NoSecrets())
    home = Home(data=Path(settings.data), origin=settings.origin, kept=settings.log)
    if not (home.place.keys / KEY_FILE).is_file() and not (home.data / SHARDS / TURNING).exists():
        raise OperatorError(f"{settings.data!r} holds no log key; give the data folder of your gateway with --data")
    name, final = asyncio.run(turn_log(home, origin, SystemClock()))
    click.echo(f"{final.origin} is closed at {final.size} entries, and kept as {str(home.data / SHARDS / name)!r}.")
    click.echo(f"Set origin = {origin!r} and start the gateway. The next log's key, which the last one names:")
    click.echo(read_signer(home.place.keys / KEY_FILE).vkey)
