"""Serving an ASGI application until a signal, for every command that does."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

import click
import uvicorn
from starlette.applications import Starlette


def bind(host: str, port: int) -> socket.socket:
    """A socket that is bound; port 0 picks a free one."""
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


def url_of(bound: socket.socket) -> str:
    """Where the socket is reached on this machine."""
    address = bound.getsockname()
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"http://{host}:{address[1]}"


async def serve_until_signal(app: Starlette, bound: socket.socket, ready: str) -> None:
    """Serve; print ``ready`` when requests are accepted; return after SIGINT or SIGTERM, when all are answered."""
    config = uvicorn.Config(app, lifespan="off", log_level="warning", access_log=False)
    server = _Server(config, ready)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    await server.serve(sockets=[bound])


@final
class _Server(uvicorn.Server):
    """Says that it is ready when it is, and stops so that whoever started it can finish its work.

    uvicorn would raise the signal again once it has stopped, which ends the process before a log is closed.
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
