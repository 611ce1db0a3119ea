"""``overt log erase``: make what a receipt commits to impossible to open from here on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from overt.cli.settings_file import NoSecrets, read_settings
from overt.config.settings import Settings
from overt.core.domain import ReceiptId
from overt.errors import OperatorError
from overt.gateway.erase import erase
from overt.gateway.logs import open_gateway_store
from overt.gateway.places import STORE_FILE


@click.command("erase")
@click.argument("receipts", metavar="RECEIPT...", nargs=-1, required=True)
@click.option("--config", type=click.Path(dir_okay=False), help="The gateway's configuration file (TOML).")
@click.option("--data", type=click.Path(file_okay=False), help="The gateway's data folder, if not the file's.")
def command(receipts: tuple[str, ...], config: str | None, data: str | None) -> None:
    """Erase the secrets of receipts, by their ids, whoever asked for them. The gateway may run meanwhile.

    The receipts stay and verify as before; nobody can open their commitments any more but who kept a copy of the
    secret. Exit status: 0 if all are erased, 1 if one is not there; the others are erased then.
    """
    settings = read_settings(config, data, NoSecrets())
    if settings.log.database is None and not (Path(settings.data) / STORE_FILE).is_file():
        raise OperatorError(f"{settings.data!r} holds no store; give the data folder of your gateway with --data")
    missing = [name for name, erased in asyncio.run(_erase(settings, receipts)).items() if not erased]
    for name in receipts:
        click.echo(f"{name}: {'there is no such receipt' if name in missing else 'erased'}")
    if missing:
        raise SystemExit(1)


async def _erase(settings: Settings, receipts: tuple[str, ...]) -> dict[str, tuple[ReceiptId, ...]]:
    store = await open_gateway_store(Path(settings.data), settings.log)
    try:
        return {name: await erase(store, ReceiptId(name), None) for name in receipts}
    finally:
        await store.aclose()
