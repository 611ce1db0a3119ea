"""The examples of `docs/client.md` run, against a whole gateway: real log, real store, real classifier."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from overt.client import guard
from overt.client.state import decode_state
from overt.gateway.places import EVIDENCE_FOLDER

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGE = (DOCS / "client.md").read_text(encoding="utf-8")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """What ``overt serve`` says when it is ready."""
    command = [sys.executable, "-m", "overt.cli", "serve", "--port", "0", "--data", str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()


def test_the_examples_run_against_a_whole_gateway(
    served: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with urllib.request.urlopen(f"{served['url']}/.well-known/overt.json") as known:
        log_key = json.load(known)["log_public_key"]
    names: dict[str, Any] = {"LOG_KEY": log_key, "KEY": served["key"], "URL": served["url"]}
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    with chdir(tmp_path):
        for block in blocks[:-1]:
            exec(compile(block, "client.md", "exec"), names)
    assert capsys.readouterr().out
    assert names["kit"].checkpoint is not None or names["kit"].waiting > 0
    names["client"].close()
    for _ in range(100):
        exec(compile(blocks[-1].replace("kit.close()\n", ""), "client.md", "exec"), names)
        if names["still_open"] == 0:
            break
        time.sleep(0.1)
    names["kit"].close()
    state = decode_state((tmp_path / "overt-client.json").read_bytes())
    assert (state.promised, state.owed, state.broken) == ((), (), ())
    assert state.checkpoint is not None
    assert not (tmp_path / "data" / EVIDENCE_FOLDER).exists()


def test_the_page_has_the_steps_of_the_guard_in_their_order() -> None:
    section = PAGE.partition("## What is demanded of an answer")[2].partition("Steps 1 to 3")[0]
    assert re.findall(r"^(\d)\. ", section, re.M) == re.findall(r"^(\d)\. ", guard.__doc__ or "", re.M)


def test_the_page_names_every_error_and_every_header() -> None:
    for name in ("ReceiptMissing", "ReceiptFalse", "NotLogged", "HistoryChanged"):
        assert f"| `{name}` |" in PAGE
    for header in (guard.CHECKPOINT, guard.GOSSIP):
        assert header in PAGE.lower()
