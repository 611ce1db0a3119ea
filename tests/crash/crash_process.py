"""Gateways as processes: each started anew, or forked from one that has read the program already.

A fork is a process of its own and dies like any other; it only skips half a second of reading Python's modules. So a
thousand kills take minutes, and those that are aimed at a start hit its work instead of its imports.

    python tests/crash/crash_process.py     # the one that is forked: reads requests from its standard input
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn, Protocol, final

from overt.cli.main import main

READ: Final = ("overt.cli.serve", "uvicorn.loops.uvloop", "uvicorn.protocols.http.httptools_impl")


class Process(Protocol):
    """A gateway that was told to start."""

    @property
    def ended(self) -> bool:
        """Whether it is known to have ended."""
        ...

    async def line(self) -> str:
        """Its first line; empty if it ended without one."""
        ...

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        ...

    async def wait(self) -> tuple[int, str]:
        """How it ended, as `subprocess` has it, and what it wrote to its standard error."""
        ...


class Start(Protocol):
    """Starts ``overt`` with arguments."""

    async def __call__(self, *arguments: str) -> Process:
        """It is not ready yet."""
        ...


@final
class Cold:
    """A process of its own from the first instruction."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def ended(self) -> bool:
        """See `Process`."""
        return self._process.returncode is not None

    async def line(self) -> str:
        """See `Process`."""
        assert self._process.stdout is not None
        return (await self._process.stdout.readline()).decode()

    def send(self, number: signal.Signals) -> None:
        """See `Process`."""
        self._process.send_signal(number)

    async def wait(self) -> tuple[int, str]:
        """See `Process`."""
        said = (await self._process.communicate())[1].decode()
        return self._process.returncode or 0, said


async def cold(*arguments: str) -> Process:
    """Start an interpreter."""
    command = (sys.executable, "-m", "overt.cli", *arguments)
    return Cold(await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE))


@final
class Warm:
    """A fork. Its output lies in two files; its parent tells how it ended."""

    def __init__(self, parent: Parent, number: int, folder: Path) -> None:
        self._parent = parent
        self._number = number
        self._folder = folder
        self._status: int | None = None

    @property
    def ended(self) -> bool:
        """See `Process`."""
        if self._status is None:
            self._status = self._parent.ask({"ended": self._number})
        return self._status is not None

    async def line(self) -> str:
        """See `Process`."""
        while True:
            ended = self.ended
            first, end, _ = (self._folder / "out").read_text().partition("\n")
            if end or ended:
                return first
            await asyncio.sleep(0.005)

    def send(self, number: signal.Signals) -> None:
        """See `Process`."""
        if not self.ended:
            os.kill(self._number, number)

    async def wait(self) -> tuple[int, str]:
        """See `Process`."""
        while True:
            if self.ended:
                break
            await asyncio.sleep(0.002)
        return self._status or 0, (self._folder / "err").read_text()


@final
class Parent:
    """The process that is forked. May be asked from several threads."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._started = 0
        self._asking = threading.Lock()

    def ask(self, question: dict[str, object]) -> int | None:
        """A question of one line, and its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._asking:
            print(json.dumps(question), file=self._process.stdin, flush=True)
            answer: int | None = json.loads(self._process.stdout.readline())
        return answer

    async def __call__(self, *arguments: str) -> Process:
        """Fork."""
        self._started += 1
        folder = self._folder / str(self._started)
        folder.mkdir()
        for name in ("out", "err"):
            (folder / name).touch()
        number = self.ask({"start": arguments, "folder": str(folder)})
        assert number is not None
        return Warm(self, number, folder)


@contextmanager
def warm() -> Iterator[Parent]:
    """Something to fork."""
    with tempfile.TemporaryDirectory() as folder:
        pipe = subprocess.PIPE
        with subprocess.Popen([sys.executable, __file__], stdin=pipe, stdout=pipe, text=True) as process:
            yield Parent(process, Path(folder))
            assert process.stdin is not None
            process.stdin.close()


def serve_forks() -> None:
    """What the parent does: fork when told to, and tell how forks have ended."""
    for name in READ:
        importlib.import_module(name)
    ended: dict[int, int] = {}
    forks: set[int] = set()
    for line in sys.stdin:
        question = json.loads(line)
        if "ended" in question:
            answer = ended.get(question["ended"]) if reaped(ended) else None
        else:
            answer = os.fork()
            if answer == 0:
                become(question["folder"], question["start"])
                live()
            forks.add(answer)
        print(json.dumps(answer), flush=True)
    # Whoever asked is gone: so are its gateways.
    reaped(ended)
    for fork in forks - set(ended):
        os.kill(fork, signal.SIGKILL)


def live() -> NoReturn:
    """The command itself. It leaves without what libraries do at exit: they would look for threads of the parent."""
    code = 1
    try:
        main()
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    finally:
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def reaped(ended: dict[int, int]) -> bool:
    """Collect every child that has ended."""
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended[found[0]] = os.waitstatus_to_exitcode(found[1])
    return True


def become(folder: str, arguments: list[str]) -> None:
    """In the child: another command line, no input, and output of its own."""
    os.setsid()
    sys.argv = ["overt", *arguments]
    for name, descriptor in (("out", 1), ("err", 2)):
        opened = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_APPEND)
        os.dup2(opened, descriptor)
        os.close(opened)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)


if __name__ == "__main__":
    serve_forks()
