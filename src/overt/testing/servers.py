"""The servers that tests share: each is started when it is first asked for, and stopped when the process ends.

Where one cannot be had the test says so and is skipped; with ``CI`` or ``OVERT_REQUIRE`` set it fails instead.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

from overt.testing.objects import S3Server, s3
from overt.testing.postgres import Missing, PostgresServer, pair, postgres


def shared_postgres() -> PostgresServer:
    """A PostgreSQL server; every test takes a database of its own."""
    try:
        return _postgres()
    except Missing as missing:
        _absent(str(missing))


@contextmanager
def own_pair(folder: Path) -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A PostgreSQL server and its synchronous standby, for one test, which may end them."""
    with ExitStack() as stack:
        try:
            both = stack.enter_context(pair(folder))
        except Missing as missing:
            _absent(str(missing))
        yield both


def shared_s3() -> S3Server:
    """Object storage; every test takes a bucket of its own."""
    if importlib.util.find_spec("moto") is None:
        _absent("moto is not installed; run: pip install 'overt[dev]'")
    return _s3()


@cache
def _postgres() -> PostgresServer:
    folder = Path(tempfile.mkdtemp(prefix="overt-postgres-"))
    folder.chmod(0o755)
    stack = ExitStack()
    atexit.register(stack.close)
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return stack.enter_context(postgres(folder / "server"))


@cache
def _s3() -> S3Server:
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(s3())


def _absent(said: str) -> NoReturn:
    if os.environ.get("CI") or os.environ.get("OVERT_REQUIRE"):
        pytest.fail(said)
    pytest.skip(f"nothing of this was checked: {said}")
