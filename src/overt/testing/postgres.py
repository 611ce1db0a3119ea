"""A PostgreSQL server of one's own for tests: made, started and removed, on a free port, with its commits synced.

    with postgres(folder) as server:
        queue = await reach_queue(server.address, vkey, server.schema())

The server refuses to run as root, so there it runs as the user ``postgres``.
"""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final, final

USER: Final = "overt"
_WAIT_S: Final = 60


class Missing(Exception):
    """There is no PostgreSQL on this machine."""


@final
@dataclass(frozen=True, kw_only=True)
class PostgresServer:
    """A server that runs, or ran. ``home`` is its data folder."""

    home: Path
    port: int
    programs: Path
    numbers: Iterator[int]

    @property
    def address(self) -> str:
        """The address of its database."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"

    def schema(self) -> str:
        """The name of a schema that is not there yet; making a database for each test takes too long."""
        return f"test{next(self.numbers)}"

    @property
    def pid(self) -> int:
        """The process that the others are children of."""
        return int((self.home / "postmaster.pid").read_text().splitlines()[0])

    def start(self) -> None:
        """Start it, and wait until it answers."""
        run(self.programs / "pg_ctl", "-D", str(self.home), "-l", f"{self.home}.log", "-w", "start")

    def stop(self) -> None:
        """Stop it, if it runs; sessions are ended."""
        if (self.home / "postmaster.pid").exists() and _runs(self.pid):
            run(self.programs / "pg_ctl", "-D", str(self.home), "-m", "fast", "-w", "stop")

    def cut_off(self) -> None:
        """Its standbys receive nothing any more, and cannot tell why."""
        for each in _children(self.pid):
            if b"walsender" in Path(f"/proc/{each}/cmdline").read_bytes():
                os.kill(each, signal.SIGSTOP)

    def freeze(self) -> None:
        """It takes connections and answers nothing, as a machine that hangs; for good."""
        for each in (self.pid, *_children(self.pid)):
            os.kill(each, signal.SIGSTOP)

    def kill(self) -> None:
        """End it as a machine that loses power would: all its processes, before any can tell another."""
        first = self.pid
        os.kill(first, signal.SIGSTOP)
        for each in (*_children(first), first):
            os.kill(each, signal.SIGKILL)
        until = time.monotonic() + _WAIT_S
        while _runs(first):
            if time.monotonic() > until:
                raise AssertionError(f"the server {first} does not end")
            time.sleep(0.01)

    def standby(self, home: Path, name: str) -> PostgresServer:
        """A copy that follows this one under ``name``; not started."""
        source = f"host=127.0.0.1 port={self.port} user={USER} application_name={name}"
        run(self.programs / "pg_basebackup", "-D", str(home), "-R", "-c", "fast", "-d", source)
        other = PostgresServer(home=home, port=free_port(), programs=self.programs, numbers=self.numbers)
        settings = (home / "postgresql.conf").read_text()
        (home / "postgresql.conf").write_text(f"{settings}\nport = {other.port}\n")
        return other

    def wait_for(self, name: str) -> None:
        """From now on no commit returns before the standby of this name has it."""
        with (self.home / "postgresql.conf").open("a") as file:
            file.write(f"synchronous_standby_names = '{name}'\n")
        run(self.programs / "pg_ctl", "-D", str(self.home), "reload")

    def promote(self) -> None:
        """Make a standby the primary."""
        run(self.programs / "pg_ctl", "-D", str(self.home), "-w", "promote")


@contextmanager
def postgres(folder: Path) -> Iterator[PostgresServer]:
    """A server whose files lie in a folder that does not exist yet. Raises `Missing` where there is no PostgreSQL."""
    programs = _programs()
    folder.mkdir()
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
    home, port = folder / "data", free_port()
    run(programs / "initdb", "-D", str(home), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions")
    settings = [f"port = {port}", "listen_addresses = '127.0.0.1'", f"unix_socket_directories = '{folder}'"]
    settings += ["shared_buffers = 16MB", "max_connections = 60", "recovery_init_sync_method = syncfs"]
    with (home / "postgresql.conf").open("a") as file:
        file.write("\n".join([*settings, ""]))
    server = PostgresServer(home=home, port=port, programs=programs, numbers=count())
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def pair(folder: Path, *, synchronous: bool = True) -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A server and its standby, as `postgres` makes one. Commits wait for the standby only if it is synchronous."""
    with postgres(folder) as first:
        second = first.standby(folder / "standby", "second")
        second.start()
        try:
            if synchronous:
                first.wait_for("second")
            yield first, second
        finally:
            second.stop()


def run(program: Path, *arguments: str) -> None:
    """Run one of the server's programs, as a user who may."""
    user = "postgres" if os.geteuid() == 0 else None
    done = subprocess.run(
        [str(program), *arguments],
        user=user,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_WAIT_S,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"{program.name} {arguments!r} ended with {done.returncode}: {done.stdout[-2000:]}")


def _runs(pid: int) -> bool:
    """Whether it runs; a process that has ended may stay in the list until somebody asks how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _programs() -> Path:
    """Where the newest server is installed. Debian keeps it out of the way of ``PATH``."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    first = found[-1] if found else shutil.which("initdb")
    if first is None:
        raise Missing("PostgreSQL is not installed; run: apt-get install postgresql")
    return Path(first).parent
