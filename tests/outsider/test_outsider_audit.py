"""A program that knows nothing of Overt gets the numbers of the monitor, from a real gateway and from made-up logs."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from overt.cli.demo_scenes import SCENES
from overt.cli.log import command
from overt.core.domain import Domain, ModelName
from overt.core.receipt import Statement
from overt.proof import tiles
from overt.proof.note import Checkpoint, parse_vkey, sign_checkpoint
from overt.proof.statement import encode_entry
from overt.testing.log import ORIGIN, known_signer
from overt.testing.receipts import announcements, known_issuer, made_up

PROGRAM = Path(__file__).with_name("audit.py")
LOG = known_signer()
ISSUER = known_issuer()
BETA = "server-side-fallback-2026-07-01"


def audit(source: str | Path, key: str) -> dict[str, Any]:
    """What the outsider says. ``-I -S``: not even installed packages can be imported."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(PROGRAM), str(source), key], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def refused(source: Path, key: str) -> str:
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(PROGRAM), str(source), key], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    return done.stderr


def monitor(*arguments: str | Path) -> dict[str, Any]:
    result = CliRunner().invoke(command, ["monitor", *map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


def write(folder: Path, entries: Sequence[bytes]) -> Path:
    edge, files = tiles.grow(tiles.Edge(), entries)
    checkpoint = Checkpoint(origin=ORIGIN, size=edge.size, root=edge.root)
    files[tiles.CHECKPOINT] = sign_checkpoint(checkpoint, parse_vkey(LOG.vkey), LOG.sign)
    for path, raw in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(raw)
    return folder


def varied(number: int) -> Statement:
    """Outcomes, models and domains in every mixture."""
    statement = made_up(ISSUER, number, changed=number % 2 == 0).statement
    reason = statement.reason
    if reason is None:
        return replace(statement, requested=ModelName(f"model {number % 5} — «é»"))
    domain = list(Domain)[number // 2 % 4].value if number % 14 else None
    return replace(
        statement, outcome=("redirect", "refuse", "notify")[number // 2 % 3], reason=replace(reason, domain=domain)
    )


def test_the_outsider_imports_nothing_but_the_standard_library() -> None:
    tree = ast.parse(PROGRAM.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


@pytest.mark.parametrize("count", [0, 253, 254, 700])
def test_the_outsider_and_the_monitor_get_the_same_numbers(count: int, tmp_path: Path) -> None:
    entries = [*announcements(ISSUER), *(encode_entry(varied(number)) for number in range(count))]
    folder = write(tmp_path / "log", entries)
    ours, theirs = monitor(folder, "--key", LOG.vkey), audit(folder, LOG.vkey)
    assert theirs["outcomes"] == ours["outcomes"]
    assert (theirs["size"], theirs["root"]) == (ours["size"], ours["root"])
    assert sum(row["number"] for row in theirs["outcomes"]) == count


def entry_bit(folder: Path) -> None:
    path = folder / "tile/entries/000"
    path.write_bytes(path.read_bytes().replace(b'"large"', b'"LARGE"', 1))


def tile_bit(folder: Path) -> None:
    path = folder / "tile/0/000"
    path.write_bytes(bytes(32) + path.read_bytes()[32:])


def other_signature(folder: Path) -> None:
    note = (folder / "checkpoint").read_text().replace("\n303\n", "\n302\n")
    (folder / "checkpoint").write_text(note)


@pytest.mark.parametrize("alter", [entry_bit, tile_bit, other_signature], ids=lambda f: f.__name__)
def test_the_outsider_refuses_what_was_altered(alter: Any, tmp_path: Path) -> None:
    exchanges = (made_up(ISSUER, number).entry for number in range(300))
    folder = write(tmp_path / "log", [*announcements(ISSUER), *exchanges])
    assert audit(folder, LOG.vkey)["size"] == 303
    alter(folder)
    assert refused(folder, LOG.vkey)


@contextmanager
def gateway(data: Path) -> Iterator[dict[str, Any]]:
    line = [sys.executable, "-m", "overt.cli", "serve", "--port", "0", "--data", str(data)]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


def ask(ready: dict[str, Any], *, text: str, stream: bool, fallback: bool) -> str:
    """One exchange; the id of its receipt."""
    body: dict[str, Any] = {"model": "demo-large", "max_tokens": 20, "stream": stream}
    body["messages"] = [{"role": "user", "content": text}]
    headers = {"x-api-key": ready["key"], "content-type": "application/json"}
    if fallback:
        body["fallbacks"] = "default"
        headers["anthropic-beta"] = BETA
    request = urllib.request.Request(f"{ready['url']}/v1/messages", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as response:
        response.read()
        receipt: str = response.headers["overt-receipt"]
        return receipt


def fetch(ready: dict[str, Any], path: str) -> bytes:
    request = urllib.request.Request(f"{ready['url']}{path}", headers={"x-api-key": ready["key"]})
    with urllib.request.urlopen(request, timeout=20) as response:
        body: bytes = response.read()
        return body


def test_at_a_real_gateway_the_outsider_gets_the_monitors_numbers_and_everything_resolves(tmp_path: Path) -> None:
    receipts = tmp_path / "receipts"
    receipts.mkdir()
    firsts = {scene.action: scene for scene in reversed(SCENES)}
    with gateway(tmp_path / "data") as ready:
        url = ready["url"]
        key = str(json.loads(fetch(ready, "/.well-known/overt.json"))["log_public_key"])
        for scene in firsts.values():
            for stream in (False, True):
                name = ask(ready, text=scene.text, stream=stream, fallback=scene.accepts_fallback)
                (receipts / f"{name}.json").write_bytes(fetch(ready, f"/v1/receipts/{name}"))
        for _ in range(100):
            ours = monitor(url, "--key", key, "--state", tmp_path / "state", "--promise", receipts)
            if not ours["promises_open"]:
                break
        theirs = audit(f"{url}/log", key)
        ours = monitor(url, "--key", key, "--state", tmp_path / "state")
        checked = CliRunner().invoke(command, ["check", url, "--key", key, "--json"])
    count = len(list(receipts.iterdir()))
    assert (ours["alarms"], ours["promises_open"], ours["digests_lacking"], ours["awaiting_completion"]) == (
        [],
        0,
        0,
        0,
    )
    assert theirs["outcomes"] == ours["outcomes"]
    assert sum(row["number"] for row in theirs["outcomes"]) == count
    assert {row["outcome"] for row in theirs["outcomes"]} >= {"pass", "redirect", "refuse"}
    marks = {step["name"]: step["mark"] for step in json.loads(checked.output)["steps"]}
    assert (marks["documents"], marks["completions"]) == ("holds", "holds")
    assert audit(tmp_path / "data" / "log", key)["outcomes"] == theirs["outcomes"]
