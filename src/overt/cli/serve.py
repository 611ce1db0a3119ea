"""``overt serve``: run the gateway."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

import click
import uvicorn

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
    asyncio.run(_serve(settings, _bind(host, port), embedded=config is None))


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on for its connections and every answer waits 40 ms for an ACK.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise click.UsageError(f"cannot listen on {host}:{port}: {error.strerror}; choose another --port") from error
    return bound


async def _serve(settings: Settings, bound: socket.socket, *, embedded: bool) -> None:
    address = bound.getsockname()
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    url = f"http://{host}:{address[1]}"
    text = read_policy_text(settings.policy)
    policy = parse_policy(text, name=settings.policy)
    public_url = (settings.public_url or url).rstrip("/")
    async with opened(settings, policy, text.encode(), public_url=public_url) as gateway:
        key = await make_key(gateway.store, "embedded default") if embedded else None
        ready = {"ready": True, "url": url, "log": f"{public_url}/log", "key": key}
        config = uvicorn.Config(create_app(gateway), lifespan="off", log_level="warning", access_log=False)
        server = _Server(config, json.dumps(ready))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, server.stop)
        await server.serve(sockets=[bound])


@final
class _Server(uvicorn.Server):
    """Says that it is ready when it is, and stops so that the log can include what waits.

    uvicorn would raise the signal again once it has stopped, which ends the process before the log is closed.
    """

    def __init__(self, config: uvicorn.Config, ready: str) -> None:
        super().__init__(config)
        self._ready = ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        """Finish what is under way; a second signal ends it at once."""
        self.force_exit = self.should_exit
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        click.echo(self._ready)
        sys.stdout.flush()
