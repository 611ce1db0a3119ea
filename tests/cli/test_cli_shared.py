"""Two gateways on one database and one bucket: one key opens both, and either gives the other's proof."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from overt.testing.servers import shared_postgres, shared_s3

BODY = {"model": "demo-large", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello."}]}


@contextmanager
def served(config: Path, environ: dict[str, str]) -> Iterator[str]:
    """A gateway that runs; its address."""
    command = [sys.executable, "-m", "overt.cli", "serve", "--config", str(config), "--port", "0"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield str(json.loads(process.stdout.readline())["url"])
        finally:
            process.terminate()


def get(url: str, key: str, body: object = None) -> tuple[int, bytes, dict[str, str]]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"x-api-key": key, "content-type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data, headers=headers)) as answer:
            return answer.status, answer.read(), {name.lower(): value for name, value in answer.headers.items()}
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), {}


def test_two_gateways_share_keys_receipts_and_the_log(tmp_path: Path) -> None:
    server, storage = shared_postgres(), shared_s3()
    environ = os.environ | storage.environment | {"OVERT_DATABASE": server.address}
    log = f'[log]\ndatabase_env = "OVERT_DATABASE"\ntiles = "{storage.bucket()}/gw"\n'
    configs = [tmp_path / name / "overt.toml" for name in ("one", "two")]
    for config in configs:
        config.parent.mkdir()
        config.write_text(f'upstream = "demo:"\ndata = "data"\n[callers]\nauthenticate = true\n{log}')
    with ExitStack() as stack:
        urls = [stack.enter_context(served(configs[0], environ))]
        shutil.copytree(tmp_path / "one" / "data" / "keys", tmp_path / "two" / "data" / "keys")
        (tmp_path / "two" / "data" / "keys" / "receipts.key").unlink()
        urls.append(stack.enter_context(served(configs[1], environ)))
        add = [sys.executable, "-m", "overt.cli", "key", "add", "ada", "--config", str(configs[0])]
        key = subprocess.run(add, env=environ, capture_output=True, text=True, check=True).stdout.strip()
        for asked, other in (urls, urls[::-1]):
            status, _, headers = get(f"{asked}/v1/messages", key, BODY)
            assert status == 200
            assert get(f"{asked}/v1/messages", "ovt_wrong", BODY)[0] == 401
            assert _proof(f"{other}/v1/receipts/{headers['overt-receipt']}", key)


def _proof(url: str, key: str) -> str:
    """The proof in a receipt, as soon as there is one."""
    for _ in range(100):
        status, body, _ = get(url, key)
        assert status == 200, body
        if proof := json.loads(body).get("proof"):
            return str(proof)
        time.sleep(0.05)
    raise AssertionError("there is no proof after 5 s")
