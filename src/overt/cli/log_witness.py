"""``overt log witness``: cosign checkpoints of logs that others run, if they continue what was cosigned before."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Final

import click

from overt.cli.listen import bind, serve_until_signal, url_of
from overt.errors import OperatorError, VerificationFailed
from overt.log.keys import log_signer
from overt.log.witness_book import open_book
from overt.log.witness_server import witness_app
from overt.proof.note import VerifierKey, parse_vkey

KEY_FILE: Final = "witness.key"
BOOK_FILE: Final = "witness.sqlite"


def _keys(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[VerifierKey, ...]:
    try:
        return tuple(parse_vkey(value) for value in values)
    except VerificationFailed as error:
        raise click.BadParameter(str(error)) from error


@click.command("witness")
@click.option("--name", required=True, help="The witness's name in its cosignatures: a URL without its scheme.")
@click.option(
    "--log",
    "logs",
    metavar="VKEY",
    multiple=True,
    required=True,
    callback=_keys,
    help="The verifier key of a log to cosign; repeat it for more logs, or for a log's next key.",
)
@click.option(
    "--data",
    default="overt-witness",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of its key and of what it has cosigned.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8788, show_default=True, help="The port to listen on; 0 picks a free one.")
def command(name: str, logs: tuple[VerifierKey, ...], data: Path, host: str, port: int) -> None:
    """Run a witness for other people's logs.

    It makes its key at the first start. When it accepts requests it prints one line of JSON: ready, url, vkey, logs,
    evidence. Its folder must never be restored from a backup: it would cosign again what it has cosigned otherwise.
    """
    asyncio.run(_serve(name, logs, data, bind(host, port)))


async def _serve(name: str, logs: tuple[VerifierKey, ...], data: Path, bound: socket.socket) -> None:
    try:
        data.mkdir(parents=True, exist_ok=True)
        data.chmod(0o700)
    except OSError as error:
        raise OperatorError(f"the folder {str(data)!r} cannot be used: {error}; choose another --data") from error
    signer = log_signer(data / KEY_FILE, name)
    book = await open_book(data / BOOK_FILE, signer, logs)
    try:
        ready = {
            "ready": True,
            "url": url_of(bound),
            "vkey": book.key.text,
            "logs": [log.name for log in logs],
            "evidence": await book.count_evidence(),
        }
        await serve_until_signal(witness_app(book), bound, json.dumps(ready))
    finally:
        await book.aclose()
