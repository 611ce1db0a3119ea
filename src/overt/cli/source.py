"""Reading a log from a folder or over HTTP, for commands that look at it from outside."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Final

import click

from overt.gateway.places import ARCHIVE_FOLDER
from overt.log.files import directory_reader
from overt.log.folder import VKEY_FILE
from overt.log.monitor import Notices
from overt.proof import tiles
from overt.proof.check import Documents
from overt.store.archive import find_in

_TIMEOUT_SECONDS: Final = 20
_LARGEST: Final = tiles.WIDTH * (tiles.LARGEST_ENTRY + 2)
_WELL_KNOWN: Final = "/.well-known/overt.json"


class Unreadable(click.ClickException):
    """The input cannot be read: exit 2, which is not a verdict about it."""

    exit_code = 2


def open_source(source: str) -> tiles.Reader:
    """A reader of the log at a URL (also a gateway's own, where the log is under ``/log``) or in a folder."""
    if not _is_url(source):
        if not Path(source).is_dir():
            raise Unreadable(f"{source!r} is neither a folder nor an http(s) URL; give where the log's checkpoint is")
        return directory_reader(Path(source))
    base = source.rstrip("/")
    for candidate in (base, f"{base}/log"):
        if _get(f"{candidate}/{tiles.CHECKPOINT}") is not None:
            return _url_reader(candidate)
    raise Unreadable(f"there is no log at {source!r}: neither {base}/checkpoint nor {base}/log/checkpoint")


def documents_beside(source: str, archive: str | None = None) -> Documents | None:
    """What digests lead to: in the given archive, in the one that the log's operator names, or beside the log's folder;
    None if nothing says where documents are published."""
    where = archive or (_address(source, "archive_url") if _is_url(source) else _folder_beside(source))
    if where is None:
        return None
    base = where.rstrip("/")
    if _is_url(base):
        return lambda digest: _get(f"{base}/{urllib.parse.quote(digest, safe=':')}")
    if not Path(base).is_dir():
        raise Unreadable(f"{base!r} is neither a folder nor an http(s) URL; give where documents are published")
    return lambda digest: find_in(Path(base), digest)


def notices_beside(source: str) -> Notices | None:
    """Notices by id, where the log's operator shows them; None for a folder."""
    base = _address(source, "notices_url") if _is_url(source) else None
    return None if base is None else lambda name: _get(f"{base.rstrip('/')}/{urllib.parse.quote(name, safe='')}")


def _folder_beside(source: str) -> str | None:
    folder = Path(source).resolve().parent / ARCHIVE_FOLDER
    return str(folder) if folder.is_dir() else None


def key_beside(source: str) -> str | None:
    """The key that the log's own operator shows beside it, None if there is none. It proves no origin."""
    if not _is_url(source):
        path = Path(source) / VKEY_FILE
        return path.read_text().strip() if path.exists() else None
    return _member(source, "log_public_key")


def _member(url: str, name: str) -> str | None:
    """A member of what the operator says about itself (RFC 8615), None if there is none."""
    parts = urllib.parse.urlsplit(url)
    raw = _get(urllib.parse.urlunsplit((parts.scheme, parts.netloc, _WELL_KNOWN, "", "")))
    if raw is None:
        return None
    try:
        found = json.loads(raw)
    except ValueError as error:
        raise Unreadable(f"{_WELL_KNOWN} at {parts.netloc!r} is not JSON: {error}; give --key") from error
    value = found.get(name) if isinstance(found, dict) else None
    return value if isinstance(value, str) else None


def _address(url: str, name: str) -> str | None:
    """An address that the operator names. Nothing but http(s): it must not lead to files of ours."""
    found = _member(url, name)
    if found is not None and not _is_url(found):
        raise Unreadable(f"{_WELL_KNOWN} gives {found!r} as {name}, which is no http(s) URL; ask the operator")
    return found


def _is_url(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def _url_reader(base: str) -> tiles.Reader:
    def read(path: str) -> bytes | None:
        return _get(f"{base}/{path}")

    return read


def _get(url: str) -> bytes | None:
    request = urllib.request.Request(url, headers={"User-Agent": "overt"})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:
            body: bytes = response.read(_LARGEST + 1)
    except urllib.error.HTTPError as error:
        with error:
            if error.code in (404, 410):
                return None
            raise Unreadable(f"{url} answered {error.code} {error.reason}; try again later") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unreadable(f"{url} cannot be fetched: {error}; check the address and the network") from error
    if len(body) > _LARGEST:
        raise Unreadable(f"{url} gave more than {_LARGEST} bytes, which no file of a log has")
    return body
