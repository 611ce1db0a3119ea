"""Where things are in a gateway's data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from overt.errors import OperatorError

STORE_FILE: Final = "store.sqlite"
SHADOW_FILE: Final = "shadow.sqlite"
LOG_FOLDER: Final = "log"
KEY_FOLDER: Final = "keys"
RELEASE_FOLDER: Final = "releases"
ARCHIVE_FOLDER: Final = "archive"
"""What the log's digests lead to, for everybody."""
EVIDENCE_FOLDER: Final = "evidence"
"""Checkpoints that callers showed and that the log contradicts."""


def private_folder(folder: Path) -> Path:
    """A folder that only its owner may enter, made if it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorError(f"the data folder {str(folder.parent)!r} cannot be made: {error}") from error
    folder.chmod(0o700)
    return folder
