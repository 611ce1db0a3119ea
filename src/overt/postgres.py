"""Connections to PostgreSQL, for the log's queue and for the store, which live side by side in one schema.

What is refused rather than trusted: a server that does not sync its commits, one that is older than 14, and a standby.
A commit waits for synchronous standbys, whatever the server's default is. A client that falls silent inside a
transaction loses it after `SILENCE_SECONDS`, so that a process which was paused holds no lock for longer.

Needs the extra ``overt[postgres]``. Addresses hold passwords: no message quotes one.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, final
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from overt.errors import OperatorError

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]

_LOGGER: Final = logging.getLogger(__name__)
SILENCE_SECONDS: Final = 2.0
CONNECT_SECONDS: Final = 4.0
COMMAND_SECONDS: Final = 10.0
_OLDEST: Final = (14, 0)
_POOL: Final = 4
_SETTING_UP: Final = 0x6F766572_74736574  # one process at a time makes tables


@final
class Server:
    """One database of one server, or of a primary and its standbys. Made by `reach`."""

    def __init__(self, address: str, schema: str, settings: dict[str, str], *, name: str, silence: float) -> None:
        self._address = address
        self._schema = schema
        self._settings = settings
        self.name = name
        self.silence = silence

    async def connect(self, **settings: str) -> Connection:
        """One connection, for work that must stay in one session."""
        return await _connect(self._address, self._settings | settings)

    async def pool(self) -> Pool:
        """A few connections, replaced when they break."""
        pool: Pool = await asyncpg.create_pool(
            self._address,
            connect=_primary,
            min_size=0,
            max_size=_POOL,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            server_settings={"application_name": "overt"} | self._settings,
            target_session_attrs=asyncpg.connect_utils.SessionAttribute.primary,
        )
        return pool

    async def prepare(self, table: str, sql: str) -> None:
        """Make the schema and these tables, unless ``table`` is there: then no right to make anything is needed."""
        connection = await self.connect()
        try:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _SETTING_UP)
                if await connection.fetchval("SELECT to_regclass($1)", f"{self._schema}.{table}") is None:
                    if await connection.fetchval("SELECT to_regnamespace($1)", self._schema) is None:
                        await connection.execute(f"CREATE SCHEMA {self._schema}")
                    await connection.execute(sql)
        finally:
            await connection.close(timeout=CONNECT_SECONDS)


async def reach(address: str, schema: str, *, silence: float = SILENCE_SECONDS) -> Server:
    """Look at the server behind an address. Raises `OperatorError` if it must not be trusted with promises."""
    if re.fullmatch(r"[a-z_][a-z0-9_]*", schema) is None:
        raise OperatorError(f"{schema!r} cannot be the name of a schema; use small letters, digits and underscores")
    try:
        connection = await _connect(address, {})
    except (ValueError, asyncpg.ClientConfigurationError) as error:
        raise OperatorError("this is no address of a PostgreSQL database; write postgresql://user@host/name") from error
    try:
        name = repr(await connection.fetchval("SELECT current_database()"))
        if connection.get_server_version()[:2] < _OLDEST:
            raise OperatorError(f"the server of the database {name} is older than PostgreSQL 14; use a newer one")
        if await connection.fetchval("SHOW fsync") != "on":
            raise OperatorError(
                f"the server of the database {name} runs with fsync off, so it loses commits; turn it on"
            )
        settings = {"search_path": schema, "idle_in_transaction_session_timeout": milliseconds(silence)}
        if await connection.fetchval("SHOW synchronous_commit") in ("off", "local"):
            settings["synchronous_commit"] = "on"
    finally:
        await connection.close(timeout=CONNECT_SECONDS)
    return Server(address, schema, settings, name=name, silence=silence)


def milliseconds(seconds: float) -> str:
    """A time as the server's settings have it."""
    return f"{seconds * 1000:.0f}ms"


@contextmanager
def refusing(refusal: Callable[[str], OperatorError]) -> Iterator[None]:
    """Turns every failure of the server, the driver or the network into one of ours."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise refusal(f"the database cannot be used ({said}); see to the server and to the way to it") from error


async def close(pool: Pool) -> None:
    """Release a pool, also where its server is gone."""
    try:
        await asyncio.wait_for(pool.close(), CONNECT_SECONDS)
    except (TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        pool.terminate()


async def _connect(address: str, settings: dict[str, str]) -> Connection:
    return await _primary(
        address,
        timeout=CONNECT_SECONDS,
        command_timeout=COMMAND_SECONDS,
        server_settings={"application_name": "overt"} | settings,
        target_session_attrs=asyncpg.connect_utils.SessionAttribute.primary,
    )


async def _primary(dsn: str | None = None, **options: Any) -> Connection:
    """The primary among an address's hosts. Each has a time of its own: one that is silent must not hide the next."""
    *before, last = _one_by_one(dsn or "")
    for each in before:
        try:
            connection: Connection = await asyncpg.connect(each, **options)
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.TargetServerAttributeNotMatched) as error:
            _LOGGER.debug("a host of the database is passed over: %s", type(error).__name__)
        else:
            return connection
    connection = await asyncpg.connect(last, **options)
    return connection  # noqa: RET504 - the driver's types say less


def _one_by_one(address: str) -> list[str]:
    """An address with several hosts as one address for each."""
    parts = urlsplit(address)
    account, sign, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return [address]
    return [urlunsplit(parts._replace(netloc=f"{account}{sign}{host}")) for host in hosts.split(",")]
