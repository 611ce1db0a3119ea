"""``overt key``: keys for callers. Only their digest is kept, so a key is shown once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from overt.errors import OperatorError
from overt.gateway.compose import make_key
from overt.gateway.places import STORE_FILE
from overt.store.sqlite import open_store


@click.group()
def command() -> None:
    """Keys for callers."""


@command.command()
@click.argument("name")
@click.option("--data", default="overt-data", show_default=True, type=click.Path(file_okay=False, path_type=Path))
def add(name: str, data: Path) -> None:
    """Make a key for NAME and print it. It is shown this once; only its digest is kept."""
    if not data.is_dir():
        raise OperatorError(f"there is no data folder {str(data)!r}; give the one of your gateway with --data")
    click.echo(asyncio.run(_add(data, name)))


async def _add(data: Path, name: str) -> str:
    store = await open_store(data / STORE_FILE)
    try:
        return await make_key(store, name)
    finally:
        await store.aclose()
