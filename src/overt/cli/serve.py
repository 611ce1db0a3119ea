"""``overt serve``: run the gateway."""

from __future__ import annotations

import asyncio
import json
import os
import socket

import click

from overt.cli.listen import bind, serve_until_signal, url_of
from overt.cli.policy_file import read_policy_text
from overt.cli.settings_file import read_settings
from overt.config.advice import advice
from overt.config.settings import Settings
from overt.gateway.app import create_app
from overt.gateway.compose import make_key, opened
from overt.policy.parse import parse_policy


@click.command()
@click.option(
    "--config",
    type=click.Path(dir_okay=False),
    help="A configuration file (TOML).",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8787, show_default=True, help="The port to listen on; 0 picks a free one.")
@click.option("--data", type=click.Path(file_okay=False), help="The folder of keys, log and store.")
def command(config: str | None, host: str, port: int, data: str | None) -> None:
    """Run the gateway.

    Without a configuration it serves two built-in demonstration models behind the default policy, and prints a key
    for you. When it accepts requests it prints one line of JSON: ready, url, log, key.
    """
    settings = read_settings(config, data, os.environ)
    if config is not None:
        for line in advice(settings):
            click.echo(f"overt: {line}", err=True)
    asyncio.run(_serve(settings, bind(host, port), embedded=config is None))


async def _serve(settings: Settings, bound: socket.socket, *, embedded: bool) -> None:
    url = url_of(bound)
    text = read_policy_text(settings.policy)
    policy = parse_policy(text, name=settings.policy)
    public_url = (settings.public_url or url).rstrip("/")
    async with opened(settings, policy, text.encode(), public_url=public_url) as gateway:
        key = await make_key(gateway.store, "embedded default") if embedded else None
        ready = {"ready": True, "url": url, "log": f"{public_url}/log", "key": key}
        await serve_until_signal(create_app(gateway), bound, json.dumps(ready))
