"""Logs to ask commands about: one with a proved receipt, and any of them behind a web server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from overt.log.sqlite import open_log
from overt.testing.contracts.log import included
from overt.testing.log import ORIGIN, known_signer
from overt.testing.receipts import Exchange, announcements, known_issuer


async def log_of(directory: Path, exchange: Exchange) -> bytes:
    """A log that holds one exchange, and the proof that it does."""
    log = await open_log(directory, ORIGIN, known_signer(), period=0.01)
    for entry in (*announcements(known_issuer()), exchange.entry):
        await log.append(entry)
    proof = await included(log, exchange.receipt.leaf)
    await log.aclose()
    return proof


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served(root: Path) -> Iterator[str]:
    """The URL of a plain web server over a folder: tiles need nothing more."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
