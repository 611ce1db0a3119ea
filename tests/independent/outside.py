"""Programs that are not ours, as questions and answers on lines of text.

Where a program is missing the test says so and is skipped: with ``CI`` or ``OVERT_REQUIRE`` set it fails instead, so a
green run there means that everything was checked. Only what comes from the npm registry may be missing there too: not
every machine that tests can reach it.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final, NoReturn

import pytest

HERE: Final = Path(__file__).parent
GO_PATH: Final = Path("/usr/share/gocode")
_ONE_RUN_S: Final = 300


def go(*arguments: str, lines: Sequence[str] = ()) -> list[str]:
    """The answers of the Go checker (`tests/independent/go`)."""
    return _ask([str(go_checker()), *arguments], lines)


def node(program: str, *arguments: str, lines: Sequence[str] = ()) -> list[str]:
    """The answers of a JavaScript checker (`tests/independent/node`)."""
    return _ask([node_program(), str(HERE / "node" / program), *arguments], lines)


def sigstore(*arguments: str, lines: Sequence[str] = ()) -> list[str]:
    """The answers of the JavaScript checker that uses `@sigstore/verify`."""
    if not (HERE / "node" / "node_modules" / "@sigstore" / "verify").is_dir():
        remedy = "run: npm ci --ignore-scripts --prefix tests/independent/node"
        pytest.skip(f"@sigstore/verify is not installed, so nothing of this was checked by it; {remedy}")
    return node("sigstore.mjs", *arguments, lines=lines)


@cache
def go_checker() -> Path:
    """The Go checker, built from its source against Debian's package of golang.org/x/mod."""
    compiler = shutil.which("go")
    if compiler is None or not (GO_PATH / "src/golang.org/x/mod/sumdb/note").is_dir():
        absent("Go's x/mod/sumdb", "run: apt-get install golang-go golang-golang-x-mod-dev")
    folder = tempfile.mkdtemp(prefix="overt-go-")
    atexit.register(shutil.rmtree, folder)
    offline = {"GO111MODULE": "off", "GOPATH": str(GO_PATH), "GOFLAGS": "", "GOPROXY": "off", "GOTOOLCHAIN": "local"}
    binary = Path(folder) / "check"
    built = subprocess.run(
        [compiler, "build", "-o", str(binary), "."],
        cwd=HERE / "go",
        env={**os.environ, **offline},
        capture_output=True,
        text=True,
        timeout=_ONE_RUN_S,
        check=False,
    )
    assert built.returncode == 0, f"the Go checker does not build:\n{built.stderr}"
    return binary


@cache
def node_program() -> str:
    """Node, of a version whose WebCrypto knows Ed25519."""
    program = shutil.which("node")
    if program is None:
        absent("Node", "run: apt-get install nodejs npm (version 18 or newer)")
    return program


def absent(what: str, remedy: str) -> NoReturn:
    """Say that a program is missing: loudly where it may be, and as a failure where it may not."""
    said = f"{what} is not installed, so nothing of this was checked by it; {remedy}"
    if os.environ.get("CI") or os.environ.get("OVERT_REQUIRE"):
        pytest.fail(said)
    pytest.skip(said)


def _ask(command: list[str], lines: Sequence[str]) -> list[str]:
    done = subprocess.run(
        command,
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        text=True,
        timeout=_ONE_RUN_S,
        check=False,
    )
    assert done.returncode == 0, f"{command!r} exited with {done.returncode}:\n{done.stderr[-2000:]}"
    return done.stdout.splitlines()
