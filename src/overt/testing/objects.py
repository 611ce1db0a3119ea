"""Object storage for tests: moto's S3 in a process of its own, which keeps conditional puts, in memory."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final, final

from overt.testing.postgres import free_port

if TYPE_CHECKING:
    from obstore.store import S3Config

_WAIT_S: Final = 30.0


@final
@dataclass(frozen=True, kw_only=True)
class S3Server:
    """A server that runs. ``environment`` is what its clients need in theirs."""

    url: str
    numbers: Iterator[int]

    @property
    def config(self) -> S3Config:
        """For `overt.log.objects` in this process."""
        return {
            "access_key_id": "test",
            "secret_access_key": "test",
            "region": "us-east-1",
            "endpoint": self.url,
        }

    @property
    def environment(self) -> dict[str, str]:
        """For `overt.log.objects` in another process, which reads it as any tool for S3 does."""
        return {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url,
        }

    def bucket(self) -> str:
        """The address of a new bucket."""
        name = f"bucket{next(self.numbers)}"
        request = urllib.request.Request(f"{self.url}/{name}", method="PUT")
        urllib.request.urlopen(request, timeout=_WAIT_S).close()
        return f"s3://{name}"


@contextmanager
def s3() -> Iterator[S3Server]:
    """A server that is stopped at the end, and forgets everything."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = S3Server(url=f"http://127.0.0.1:{port}", numbers=count())
    try:
        _wait(server, process)
        yield server
    finally:
        process.kill()
        process.wait()


def _wait(server: S3Server, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _WAIT_S
    while True:
        try:
            urllib.request.urlopen(f"{server.url}/moto-api/", timeout=1).close()
            return
        except (urllib.error.URLError, OSError) as error:
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError("the double of S3 does not start; is moto[s3,server] installed?") from error
            time.sleep(0.05)
