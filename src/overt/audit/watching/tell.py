"""One JSON message to a web address when something changed. Whether it arrived is the caller's to know and to say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from overt.errors import BadRequest

WAIT_S: Final = 10.0


def check_address(url: str) -> None:
    """`BadRequest` unless ``url`` is one that can be posted to."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadRequest(f"the webhook {url!r} is no address: expected https://host/path")


def tell(url: str, message: Mapping[str, object], wait_s: float = WAIT_S) -> str | None:
    """Post the message once; why it did not arrive, or None if it did. An answer other than 2xx is not an arrival.

    Redirects are not followed. The proxy of the environment is used.
    """
    return asyncio.run(_post(url, json.dumps(message, ensure_ascii=True).encode(), wait_s))


async def _post(url: str, body: bytes, wait_s: float) -> str | None:
    limit = aiohttp.ClientTimeout(total=wait_s)
    headers = {"content-type": "application/json", "user-agent": "overt-audit-watch"}
    try:
        async with (
            aiohttp.ClientSession(timeout=limit, trust_env=True) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            return None if 200 <= response.status < 300 else f"it answered with HTTP {response.status}"
    except TimeoutError:
        return f"no answer within {wait_s:g} s"
    except (aiohttp.ClientError, OSError) as error:
        return str(error) or type(error).__name__
