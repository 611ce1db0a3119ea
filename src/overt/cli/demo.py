"""``overt demo``: start a gateway, drive it with the official SDK, verify every receipt and the whole log.

One line per exchange, streaming and not. Exit 0 only if each went as the policy says and everything verifies.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from overt.cli.demo_scenes import SCENES, Scene
from overt.cli.source import open_source
from overt.proof.check import check_log
from overt.proof.verify import Step, holds, verify_receipt

BETA: Final = "server-side-fallback-2026-07-01"
PATIENCE_SECONDS: Final = 10.0
COLUMNS: Final = (
    ("exchange", 38),
    ("mode", 7),
    ("requested", 11),
    ("served", 11),
    ("action", 9),
    ("clause", 15),
    ("trigger", 24),
    ("receipt", 8),
)


@click.command()
@click.option("--keep", type=click.Path(file_okay=False), help="Keep the data (log, store, keys) in this folder.")
def command(keep: str | None) -> None:
    """Run the main job end to end: a gateway, its demonstration models, and the official `anthropic` SDK."""
    with tempfile.TemporaryDirectory(prefix="overt-demo-") as temporary, _gateway(Path(keep or temporary)) as ready:
        failures = _drive(ready)
        failures += _check_log(ready)
    if failures:
        click.echo("\nNot as the policy says:\n" + "\n".join(f"  ✗ {failure}" for failure in failures))
        sys.exit(1)
    click.echo("\nEvery exchange went as the policy says, and every receipt and the whole log verify.")


@contextmanager
def _gateway(data: Path) -> Iterator[dict[str, str]]:
    """A gateway of its own process, as an operator would start it; gives the line that it prints when ready."""
    started = time.perf_counter()
    command_line = [sys.executable, "-m", "overt.cli", "serve", "--port", "0", "--data", str(data)]
    process = subprocess.Popen(command_line, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline() if process.stdout is not None else ""
        if not line:
            raise click.ClickException("the gateway did not start; see its message above")
        ready: dict[str, str] = json.loads(line)
        click.echo(f"Gateway ready at {ready['url']} after {time.perf_counter() - started:.1f} s\n")
        yield ready
    finally:
        process.terminate()
        process.wait(timeout=30)
        if process.stdout is not None:
            process.stdout.close()


def _drive(ready: dict[str, str]) -> list[str]:
    """Every scene, streaming and not. Gives what went wrong."""
    try:
        import anthropic  # an optional dependency: only the demonstration needs the SDK
    except ImportError as error:
        raise click.ClickException("the demonstration needs the SDK: pip install 'overt[demo]'") from error
    client = anthropic.Anthropic(base_url=ready["url"], api_key=ready["key"], max_retries=0)
    key = _get_json(f"{ready['url']}/.well-known/overt.json")["log_public_key"]
    click.echo(" ".join(name.ljust(width) for name, width in COLUMNS).rstrip())
    failures: list[str] = []
    for scene in SCENES:
        for stream in (False, True):
            seen = _exchange(client, scene, stream=stream)
            steps = _verify(ready, str(key), seen)
            failures += _judge(scene, stream, seen, steps)
            _print(scene, stream, seen, steps)
    return failures


def _exchange(client: Any, scene: Scene, *, stream: bool) -> dict[str, Any]:
    """One exchange through the SDK: its message, and the bytes that went over the wire."""
    options: dict[str, Any] = {"betas": [BETA], "fallbacks": "default"} if scene.accepts_fallback else {}
    surface = client.beta.messages if scene.accepts_fallback else client.messages
    if scene.system is not None:
        options["system"] = scene.system
    asked = {
        "model": scene.model,
        "max_tokens": 200,
        "messages": [{"role": "user", "content": scene.text}],
        **options,
    }
    if stream:
        with surface.stream(**asked) as events:
            message = events.get_final_message()
            response = events.response
    else:
        raw = surface.with_raw_response.create(**asked)
        message, response = raw.parse(), raw.http_response
    return {
        "message": message,
        "headers": response.headers,
        "request": response.request.content,
        "response": None if stream else response.content,
    }


def _verify(ready: dict[str, str], key: str, seen: dict[str, Any]) -> tuple[Step, ...]:
    """Fetch the receipt, wait for its proof, and verify it against the key, the bytes and the log."""
    address = f"{ready['url']}/v1/receipts/{seen['headers']['overt-receipt']}"
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        receipt = _get(address, ready["key"])
        if json.loads(receipt)["proof"] is not None or time.monotonic() > until:
            break
        time.sleep(0.05)
    committed = _commits_to_response(receipt)
    return verify_receipt(
        receipt,
        log_vkey=key,
        request=seen["request"],
        response=seen["response"] if committed else None,
        fetched=open_source(ready["log"]),
        now=int(time.time() * 1000),
    )


def _commits_to_response(receipt: bytes) -> bool:
    """Whether the entry commits to the reply: it does where the reply was passed on whole."""
    import base64  # beside its one use

    entry = json.loads(base64.b64decode(json.loads(receipt)["entry"]))
    return "response" in entry["commit"]


def _judge(scene: Scene, stream: bool, seen: dict[str, Any], steps: tuple[Step, ...]) -> list[str]:
    """What is not as the policy says."""
    message, action = seen["message"], _action(seen)
    where = f"{scene.title} ({'stream' if stream else 'body'})"
    wrong = []
    if action != scene.action:
        wrong.append(f"{where}: expected {scene.action}, got {action}")
    if action == "pass" and message.model != scene.model:
        wrong.append(f"{where}: passed, but {message.model} answered")
    if action == "redirect" and (message.content[0].type != "fallback" or message.model == scene.model):
        wrong.append(f"{where}: redirected without a fallback block")
    if action == "refuse" and (message.stop_reason != "refusal" or not message.stop_details.explanation):
        wrong.append(f"{where}: refused without stop_details")
    if action != "pass" and not _told(message).get("reason"):
        wrong.append(f"{where}: no notice")
    if not holds(steps):
        wrong.append(f"{where}: the receipt does not verify: {steps[-1].name}: {steps[-1].detail}")
    return wrong


def _told(message: Any) -> dict[str, Any]:
    """The object ``overt`` of a reply, empty where there is none."""
    told = (message.model_extra or {}).get("overt")
    return told if isinstance(told, dict) else {}


def _action(seen: dict[str, Any]) -> str:
    return str(seen["headers"]["overt-decision"]).partition(";")[0]


def _print(scene: Scene, stream: bool, seen: dict[str, Any], steps: tuple[Step, ...]) -> None:
    told = _told(seen["message"])
    trigger = told.get("trigger")
    shown = f"{trigger['role']} {trigger['segment']} [{trigger['start']}:{trigger['end']}]" if trigger else "-"
    cells = (
        scene.title,
        "stream" if stream else "body",
        scene.model,
        (told.get("served_model") or "nobody") if told else seen["message"].model,
        _action(seen),
        told.get("rule") or "-",
        shown,
        "yes" if holds(steps) else "NO",
    )
    click.echo(" ".join(str(cell).ljust(width) for cell, (_, width) in zip(cells, COLUMNS, strict=True)).rstrip())


def _check_log(ready: dict[str, str]) -> list[str]:
    """The whole log, from outside."""
    key = _get_json(f"{ready['url']}/.well-known/overt.json")["log_public_key"]
    checked = check_log(open_source(ready["log"]), str(key), full=True)
    click.echo("\nThe log:")
    for step in checked.steps:
        click.echo(f"  {'✓' if step.ok else '✗'} {step.number} {step.name}: {step.detail}")
    return [f"the log: {step.name}: {step.detail}" for step in checked.steps if not step.ok]


def _get(address: str, key: str | None = None) -> bytes:
    headers = {"x-api-key": key} if key is not None else {}
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=10) as response:
        body: bytes = response.read()
    return body


def _get_json(address: str) -> dict[str, object]:
    document: dict[str, object] = json.loads(_get(address))
    return document
