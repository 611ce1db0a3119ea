"""``overt key``: keys for callers. Only their digest is kept, so a key is shown once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from overt.cli.settings_file import NoSecrets, read_settings
from overt.config.settings import LogSettings
from overt.errors import OperatorError
from overt.gateway.compose import make_key
from overt.gateway.logs import open_gateway_store


@click.group()
def command() -> None:
    """Keys for callers."""


@command.command()
@click.argument("name")
@click.option("--config", type=click.Path(dir_okay=False), help="The gateway's configuration file (TOML).")
@click.option("--data", type=click.Path(file_okay=False), help="The gateway's data folder, if not the file's.")
def add(name: str, config: str | None, data: str | None) -> None:
    """Make a key for NAME and print it. It is shown this once; only its digest is kept."""
    settings = read_settings(config, data, NoSecrets())
    if settings.log.database is None and not Path(settings.data).is_dir():
        raise OperatorError(f"there is no data folder {settings.data!r}; give the one of your gateway with --data")
    click.echo(asyncio.run(_add(Path(settings.data), settings.log, name)))


async def _add(data: Path, kept: LogSettings, name: str) -> str:
    store = await open_gateway_store(data, kept)
    try:
        return await make_key(store, name)
    finally:
        await store.aclose()
