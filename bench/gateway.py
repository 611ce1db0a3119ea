"""Requests through the gateway against the same requests sent straight to the same upstream, in one run.

The upstream answers at once with a fixed message. Through the gateway each request is authenticated, parsed, assessed,
decided, stated, committed to disk, signed and passed byte for byte. Every request has another text, so that no cache
of texts helps.

A third arm is the same gateway with the log switched off (``gateway.py --unlogged``): it states, commits, signs and
keeps nothing. It exists here only; the gateway has no such setting. What a receipt adds is the difference to it.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from overt.cli.listen import serve_until_signal
from overt.cli.policy_file import read_policy_text
from overt.cli.settings_file import read_settings
from overt.core.receipt import Position
from overt.gateway.app import create_app
from overt.gateway.closing import Closings
from overt.gateway.compose import opened
from overt.gateway.pipeline import Pipeline
from overt.policy.parse import parse_policy

RESULTS = Path(__file__).parent / "results" / "gateway.json"
COUNT = 600
ROUNDS = 3
CONCURRENCY = (1, 16)
REPLY = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [
        {"type": "text", "text": "An answer of some words, the same each time, so that nothing depends on it."}
    ],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 20, "output_tokens": 20},
}


async def main() -> None:
    """Start all, measure in turn, print the table."""
    runner, upstream = await start_upstream()
    with (
        tempfile.TemporaryDirectory(dir=RESULTS.parent) as folder,
        tempfile.TemporaryDirectory(dir=RESULTS.parent) as other,
    ):
        logged, ready = start_gateway(Path(folder), upstream)
        unlogged, plain = start_gateway(Path(other), upstream, logged=False)
        try:
            rows = [await compare(connections, upstream, ready["url"], plain["url"]) for connections in CONCURRENCY]
        finally:
            for process in (logged, unlogged):
                process.terminate()
                process.wait()
    await runner.cleanup()
    print("  ".join(rows[0]))
    for row in rows:
        print("  ".join(f"{value:>{len(name)}}" for name, value in row.items()))
    RESULTS.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


async def compare(connections: int, upstream: str, logged: str, unlogged: str) -> dict[str, float]:
    """Rounds in turn, and the median of each figure over the rounds."""
    found: list[dict[str, float]] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        for url in (logged, unlogged):
            await measure(session, url, connections, 100)
        for _ in range(ROUNDS):
            straight = await measure(session, upstream, connections, COUNT)
            through = await measure(session, logged, connections, COUNT)
            plain = await measure(session, unlogged, connections, COUNT)
            found.append(
                {
                    "direct req/s": straight[0],
                    "overt req/s": through[0],
                    "ratio": through[0] / straight[0],
                    "added p50, ms": 1000 * (through[1] - straight[1]),
                    "log off req/s": plain[0],
                    "receipt adds p50, ms": 1000 * (through[1] - plain[1]),
                    "receipt adds p99, ms": 1000 * (through[2] - plain[2]),
                }
            )
    medians = {name: round(statistics.median(each[name] for each in found), 2) for name in found[0]}
    return {"connections": connections} | medians


async def start_upstream() -> tuple[web.AppRunner, str]:
    """A server that answers at once."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response(REPLY)

    app = web.Application()
    app.router.add_post("/v1/messages", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


def start_gateway(folder: Path, upstream: str, *, logged: bool = True) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """A gateway of its own process in front of the upstream."""
    config = folder / "overt.toml"
    config.write_text(
        f'data = "{folder}/data"\n[[upstreams]]\nname = "bench"\nurl = "{upstream}"\ncredential = "none"\n'
        "[callers]\nauthenticate = false\n"
    )
    command = [sys.executable, "-m", "overt.cli", "serve", "--port", "0", "--config", str(config)]
    if not logged:
        command = [sys.executable, __file__, "--unlogged", str(config)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    line = process.stdout.readline() if process.stdout is not None else ""
    if not line:
        raise SystemExit("the gateway did not start")
    return process, json.loads(line)


async def measure(session: aiohttp.ClientSession, url: str, connections: int, count: int) -> tuple[float, float, float]:
    """Requests a second, and the median and the 99th percentile of the time of one."""
    times: list[float] = []
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            text = f"What should I cook tonight with rice and {number} leaves of spinach, and for how many people?"
            body = {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": text}]}
            before = time.perf_counter()
            async with session.post(f"{url}/v1/messages", json=body) as response:
                await response.read()
                if response.status != 200:
                    raise SystemExit(f"{url} answered {response.status}: {await response.text()}")
            times.append(time.perf_counter() - before)

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(connections)))
    rate = count / (time.perf_counter() - started)
    return rate, statistics.median(times), statistics.quantiles(times, n=100)[-1]


class Nothing:
    """Records nothing: what `overt.gateway.record.Recorder` does for a reply that is passed on whole, left out."""

    async def decision(self, draft: object, links: object) -> Position:
        """Where no entry is."""
        del draft, links
        return Position(sequence=0, leaf=bytes(32))


async def serve_unlogged(config: Path) -> None:
    """`overt serve`, but for the recorder."""
    settings = read_settings(str(config), None, os.environ)
    text = read_policy_text(settings.policy)
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    policy = parse_policy(text, name=settings.policy)
    async with opened(settings, policy, text.encode(), public_url=url) as gateway:
        nothing: Any = Nothing()
        pipeline = Pipeline(
            policy=gateway.policy,
            classifier=gateway.classifier,
            models=gateway.models,
            recorder=nothing,
            closings=Closings(nothing),
            pages=gateway.pages,
        )
        ready = json.dumps({"url": url})
        await serve_until_signal(create_app(replace(gateway, pipeline=pipeline)), bound, ready)


if __name__ == "__main__":
    asyncio.run(serve_unlogged(Path(sys.argv[2])) if sys.argv[1:2] == ["--unlogged"] else main())
