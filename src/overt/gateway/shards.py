"""Logs that were closed, as the gateway that goes on serves them: their files, and the proofs of their receipts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import final

from overt.errors import OperatorError
from overt.log.files import directory_reader
from overt.log.folder import VKEY_FILE
from overt.log.shards import closed_logs
from overt.proof.export import export_proof, find
from overt.proof.keys import keys_beside, read_latest
from overt.proof.note import VerifierKey, parse_vkey
from overt.proof.tiles import Reader
from overt.proof.tlogproof import encode_proof

PREFIX = "shards/"


@final
class ClosedLogs:
    """Read-only: nothing about a closed log changes. Made by `read_closed_logs`."""

    def __init__(self, logs: Mapping[str, tuple[VerifierKey, Reader]]) -> None:
        self._logs = logs

    async def file(self, path: str) -> bytes | None:
        """What lies at ``shards/NAME/…``, None if nothing does."""
        name, _, rest = path.removeprefix(PREFIX).partition("/")
        if not path.startswith(PREFIX) or name not in self._logs:
            return None
        return await asyncio.to_thread(self._logs[name][1], rest)

    async def proof(self, origin: str, leaf: bytes) -> bytes | None:
        """The proof of a leaf in the closed log of this origin, None if there is no such log, or no such leaf in it."""
        for key, reader in self._logs.values():
            if key.name == origin:
                return await asyncio.to_thread(_proof, key, reader, leaf)
        return None


def _proof(key: VerifierKey, reader: Reader, leaf: bytes) -> bytes | None:
    index = find(reader, read_latest(reader, key).size, leaf)
    return None if index is None else encode_proof(export_proof(reader, keys_beside(reader, key), index)[0])


def read_closed_logs(data: Path) -> ClosedLogs:
    """The closed logs in a data folder."""
    try:
        return ClosedLogs(
            {
                name: (parse_vkey((folder / VKEY_FILE).read_text().strip()), directory_reader(folder))
                for name, folder in closed_logs(data).items()
            }
        )
    except OSError as error:
        raise OperatorError(f"a closed log in {str(data)!r} cannot be read: {error}; restore its folder") from error
