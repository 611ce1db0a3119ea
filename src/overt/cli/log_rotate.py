"""``overt log rotate``: replace the log's key, with an overlap in which both sign."""

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
from overt.log.log import close_parts
from overt.log.rotation import KEY_FILE, begin, finish
from overt.proof import tiles

_CONFIG = click.option("--config", type=click.Path(dir_okay=False), help="The gateway's configuration file (TOML).")
_DATA = click.option("--data", type=click.Path(file_okay=False), help="The gateway's data folder, if not the file's.")


@click.group("rotate")
def command() -> None:
    """Replace the log's key. Begin, restart the gateway, tell the users the new key, finish, restart."""


@command.command("begin")
@_CONFIG
@_DATA
def begin_command(config: str | None, data: str | None) -> None:
    """Make the next key and announce it in the log. The gateway may run; both keys sign from its next start."""
    home = _home(config, data)
    minute = int(time.time()) // 60 * 60
    entry = asyncio.run(begin(home.place, read_signer(home.place.keys / KEY_FILE), minute, home.include))
    click.echo(f"{entry.vkey}\nis announced. Restart the gateway: both keys sign from then on. Give it to all who")
    click.echo(f"hold {entry.by}\nand finish when they have it.")


@command.command("finish")
@_CONFIG
@_DATA
def finish_command(config: str | None, data: str | None) -> None:
    """Let the next key take the old one's place, from the gateway's next start."""
    home = _home(config, data)
    old = finish(home.place, asyncio.run(_shown(home)))
    click.echo(f"The new key is in use from the next start. The old one is {old}:")
    click.echo("take it off this machine. Its public half stays published for ever.")


@command.command("show")
@_CONFIG
@_DATA
def show_command(config: str | None, data: str | None) -> None:
    """Print the log's keys: the one in use, the next, and who announced whom."""
    home = _home(config, data)
    following = home.place.following()
    click.echo(f"in use: {read_signer(home.place.keys / KEY_FILE).vkey}")
    click.echo(f"next:   {following.vkey if following is not None else 'none'}")
    for entry in home.place.announced():
        click.echo(f"{entry.by}\n  announced {entry.vkey}")


def _home(config: str | None, data: str | None) -> Home:
    settings = read_settings(config, data, NoSecrets())
    home = Home(data=Path(settings.data), origin=settings.origin, kept=settings.log)
    if not (home.place.keys / KEY_FILE).is_file():
        raise OperatorError(f"{settings.data!r} holds no log key; give the data folder of your gateway with --data")
    return home


async def _shown(home: Home) -> bytes | None:
    parts = await opening_of(home.data, home.kept)(read_signer(home.place.keys / KEY_FILE).vkey)
    try:
        return await parts.tiles.read(tiles.CHECKPOINT)
    finally:
        await close_parts(parts)
