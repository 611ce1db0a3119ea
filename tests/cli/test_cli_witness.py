"""A gateway, two witnesses and a third that lies, as processes: what readers see is what two of three have cosigned."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from overt.config.settings import LogSettings
from overt.errors import OperatorError, VerificationFailed
from overt.gateway.logs import open_gateway_log
from overt.log.keys import log_signer
from overt.proof.note import VerifierKey, open_checkpoint, parse_vkey
from overt.proof.policy import Policy, accept, parse_policy
from overt.testing.witness import WitnessFault, WitnessServer

ORIGIN = "gate.test/log"
ANNOUNCED = 3
CONFIG = f"""\
upstream = "demo:"
origin = "{ORIGIN}"
data = "data"

[callers]
authenticate = false

[log]
witnesses = "witnesses.txt"
"""


@dataclass(kw_only=True)
class Running:
    """A process of ours that said it was ready."""

    process: asyncio.subprocess.Process
    ready: dict[str, Any]

    @property
    def port(self) -> str:
        """Where it listens."""
        return str(self.ready["url"].rpartition(":")[2])

    async def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode


async def started(*arguments: str) -> Running:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "overt.cli", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = await process.stdout.readline()
    assert line, (await process.communicate())[1].decode()
    return Running(process=process, ready=json.loads(line))


async def witness(home: Path, name: str, log: str, port: str = "0") -> Running:
    return await started(
        *("log", "witness", "--name", f"witness.test/{name}", "--log", log, "--data", str(home / name), "--port", port)
    )


@asynccontextmanager
async def ending(*processes: Running) -> AsyncIterator[None]:
    """Nothing of ours outlives the test."""
    try:
        yield
    finally:
        for running in processes:
            await running.end(signal.SIGKILL)


@dataclass(kw_only=True)
class Reader:
    """Somebody outside, who holds the log's key and a policy."""

    url: str
    key: VerifierKey
    policy: Policy

    async def get(self, path: str) -> bytes:
        """What is shown at a path."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}{path}") as response:
            assert response.status == 200
            return await response.read()

    async def sizes(self) -> tuple[int, int]:
        """Entries under the shown checkpoint and under the pending one."""
        notes = [await self.get("/log/checkpoint"), await self.get("/log/checkpoint.pending")]
        shown, pending = (open_checkpoint(note, self.key).size for note in notes)
        return shown, pending

    async def cosigned(self, size: int) -> set[str]:
        """Who cosigned what is shown; waits until that has this size at least."""
        for _ in range(400):
            note = await self.get("/log/checkpoint")
            try:
                by = accept(self.policy, note, self.key).cosignatures
            except VerificationFailed:
                by = ()
            if by and open_checkpoint(note, self.key).size >= size:
                return {each.key.name.rpartition("/")[2] for each in by}
            await asyncio.sleep(0.05)
        raise AssertionError(f"no quorum in 20 s: {await self.sizes()}")

    async def pending(self, size: int) -> None:
        """Wait until the pending checkpoint has this size."""
        for _ in range(400):
            if (await self.sizes())[1] == size:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"not {size} entries in 20 s: {await self.sizes()}")

    async def ask(self, text: str) -> str:
        """Ask the model; the id of the receipt."""
        body = {"model": "demo-large", "max_tokens": 20, "messages": [{"role": "user", "content": text}]}
        async with aiohttp.ClientSession() as session, session.post(f"{self.url}/v1/messages", json=body) as response:
            assert response.status == 200
            assert await response.read()
            return response.headers["overt-receipt"]


def test_readers_see_what_two_of_three_witnesses_cosigned_whichever_is_down_or_lies(tmp_path: Path) -> None:
    log = log_signer(tmp_path / "data" / "keys" / "log.key", ORIGIN).vkey

    async def run() -> None:
        w1, w2 = await asyncio.gather(witness(tmp_path, "w1", log), witness(tmp_path, "w2", log))
        third = WitnessServer(name="witness.test/w3", logs=[parse_vkey(log)], fault=WitnessFault.LARGER)
        async with ending(w1, w2), third:
            text = (
                f"log {log}\n"
                f"witness w1 {w1.ready['vkey']} {w1.ready['url']}\n"
                f"witness w2 {w2.ready['vkey']} {w2.ready['url']}/\n"
                f"witness w3 {third.key.text} {third.url}\n"
                "group two 2 w1 w2 w3\nquorum two\n"
            )
            (tmp_path / "witnesses.txt").write_text(text)
            (tmp_path / "overt.toml").write_text(CONFIG)
            gateway = await started("serve", "--config", str(tmp_path / "overt.toml"), "--port", "0")
            reader = Reader(url=gateway.ready["url"], key=parse_vkey(log), policy=parse_policy(text.encode()))
            async with ending(gateway):
                await reader.ask("one lies")
                assert await reader.cosigned(ANNOUNCED + 1) == {"w1", "w2"}
                await w1.end(signal.SIGKILL)
                await reader.ask("one lies and one is down")
                await reader.pending(ANNOUNCED + 2)
                await asyncio.sleep(1.2)
                assert await reader.sizes() == (ANNOUNCED + 1, ANNOUNCED + 2)
                back = await witness(tmp_path, "w1", log, w1.port)
                async with ending(back):
                    assert back.ready["vkey"] == w1.ready["vkey"]
                    assert await reader.cosigned(ANNOUNCED + 2) == {"w1", "w2"}
                    third.fault = None
                    assert await w2.end(signal.SIGTERM) == 0
                    _, before = await reader.sizes()
                    await reader.ask("the liar has come to its senses")
                    assert await reader.cosigned(before + 1) == {"w1", "w3"}
                    assert await gateway.end(signal.SIGTERM) == 0
                    assert back.ready["evidence"] == 0

    asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("witness w1 {key}\nquorum w1\n", "can never be met"),
        ("quorum w1\n", "cannot be used"),
        (None, "cannot be used"),
    ],
    ids=["without an address", "without the witness", "without the file"],
)
def test_a_gateway_does_not_start_with_witnesses_that_cannot_work(
    text: str | None, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "witnesses.txt"
    if text is not None:
        file.write_text(text.format(key=WitnessServer(name="witness.test/w1", logs=[]).key.text))
    signer = log_signer(tmp_path / "data" / "keys" / "log.key", ORIGIN)
    with pytest.raises(OperatorError, match=message):
        asyncio.run(open_gateway_log(tmp_path / "data", LogSettings(witnesses=str(file)), ORIGIN, signer))
