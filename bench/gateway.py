"""Requests through the gateway against the same requests sent straight to the same upstream, in one run.

The upstream answers at once with a fixed message. Through the gateway each request is authenticated, parsed, assessed,
decided, stated, committed to disk, signed and passed byte for byte. Every request has another text, so that no cache
of texts helps.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

COUNT = 600
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
    """Start both, measure in turn, print the table."""
    runner, upstream = await start_upstream()
    with tempfile.TemporaryDirectory() as folder:
        process, ready = start_gateway(Path(folder), upstream)
        try:
            print(f"{'connections':>11} {'direct req/s':>13} {'overt req/s':>12} {'ratio':>6} {'added p50, ms':>14}")
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
                for connections in CONCURRENCY:
                    await measure(session, ready["url"], connections, 100)
                    straight = await measure(session, upstream, connections, COUNT)
                    through = await measure(session, ready["url"], connections, COUNT)
                    added = 1000 * (through[1] - straight[1])
                    ratio = through[0] / straight[0]
                    print(f"{connections:>11} {straight[0]:>13.0f} {through[0]:>12.0f} {ratio:>6.2f} {added:>14.2f}")
        finally:
            process.terminate()
            process.wait()
    await runner.cleanup()


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


def start_gateway(folder: Path, upstream: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """A gateway of its own process in front of the upstream."""
    config = folder / "overt.toml"
    config.write_text(
        f'[[upstreams]]\nname = "bench"\nurl = "{upstream}"\ncredential = "none"\n[callers]\nauthenticate = false\n'
    )
    command = [sys.executable, "-m", "overt.cli", "serve", "--port", "0", "--config", str(config)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    line = process.stdout.readline() if process.stdout is not None else ""
    if not line:
        raise SystemExit("the gateway did not start")
    return process, json.loads(line)


async def measure(session: aiohttp.ClientSession, url: str, connections: int, count: int) -> tuple[float, float]:
    """Requests a second, and the median time of one."""
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
    return count / (time.perf_counter() - started), statistics.median(times)


if __name__ == "__main__":
    asyncio.run(main())
