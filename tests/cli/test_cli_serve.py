"""`overt serve` as a process: it says when it is ready, stops cleanly, and finds its log again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from overt.classify.release import load, shipped
from overt.errors import BadRelease
from overt.log.files import directory_reader
from overt.log.folder import VKEY_FILE
from overt.proof.check import check_log
from overt.proof.verify import holds


@contextmanager
def served(*options: str, stop: signal.Signals = signal.SIGTERM) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "overt.cli", "serve", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    try:
        assert line, process.stderr.read()
        yield json.loads(line)
    finally:
        process.send_signal(stop)
        code = process.wait(timeout=20)
        said = process.stderr.read()
        process.stdout.close()
        process.stderr.close()
    assert code == 0, said


def ask(ready: dict[str, Any], text: str) -> dict[str, Any]:
    body = {"model": "demo-large", "max_tokens": 20, "messages": [{"role": "user", "content": text}]}
    headers = {"x-api-key": ready["key"], "content-type": "application/json"}
    request = urllib.request.Request(f"{ready['url']}/v1/messages", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.headers["overt-receipt"]
        document: dict[str, Any] = json.loads(response.read())
    return document


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_what_was_served_is_in_the_log_after_a_stop_and_a_restart(tmp_path: Path, stop: signal.Signals) -> None:
    for _ in range(2):
        with served("--data", str(tmp_path), stop=stop) as ready:
            assert "demonstration" in ask(ready, "What should I cook tonight?")["content"][0]["text"]
    key = (tmp_path / "log" / VKEY_FILE).read_text().strip()
    checked = check_log(directory_reader(tmp_path / "log"), key)
    assert holds(checked.steps), checked.steps[-1]
    assert checked.checkpoint is not None
    assert checked.checkpoint.size == 3 + 2


def test_two_gateways_cannot_write_one_log(tmp_path: Path) -> None:
    with served("--data", str(tmp_path)):
        command = [sys.executable, "-m", "overt.cli", "serve", "--port", "0", "--data", str(tmp_path)]
        second = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert second.returncode == 2
    assert "log" in second.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("upstream = 7\nport = 1\n", ("line 1", "line 2")),
        ('upstream = "https://example.org"\npolicy = "nobody"\n', ("nobody",)),
    ],
)
def test_a_bad_configuration_names_every_line_and_exits_with_2(
    tmp_path: Path, text: str, says: tuple[str, ...]
) -> None:
    file = tmp_path / "overt.toml"
    file.write_text(text)
    command = [sys.executable, "-m", "overt.cli", "serve", "--port", "0", "--config", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for each in says:
        assert each in done.stderr


def test_altered_weights_are_refused_at_the_start(tmp_path: Path) -> None:
    for file in shipped().iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    arrays = tmp_path / "stage1.npz"
    raw = bytearray(arrays.read_bytes())
    raw[len(raw) // 2] ^= 1
    arrays.write_bytes(bytes(raw))
    with pytest.raises(BadRelease, match=r"stage1\.npz"):
        load(tmp_path)
