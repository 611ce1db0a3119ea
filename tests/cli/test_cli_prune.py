"""``overt log prune`` at a gateway's log: the gateway starts again, receipts and checks hold, and say what is gone."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from click.testing import CliRunner, Result

from overt.cli.log import command
from overt.cli.verify import command as verify_command
from overt.config.settings import DEFAULT_ORIGIN, Settings
from overt.gateway.compose import opened
from overt.gateway.places import private_folder
from overt.log.keys import log_signer
from overt.log.sqlite import open_log
from overt.policy.bundle import bundled_text, load_bundled
from overt.proof.receipt import encode_receipt
from overt.proof.statement import encode_entry
from overt.store.archive import keep_in
from overt.testing.receipts import Exchange, announcements, known_issuer, made_up

LONG_AGO = 1_600_000_020


def filled(data: Path) -> Exchange:
    """The data folder of a gateway whose log has 603 entries, most of them years old; one of the old exchanges."""
    signer = log_signer(private_folder(data / "keys") / "log.key", DEFAULT_ORIGIN)
    issuer = known_issuer(signer)
    exchanges = [made_up(issuer, number) for number in range(600)]
    aged = [encode_entry(replace(each.statement, minute=LONG_AGO)) for each in exchanges[400:]]

    async def fill() -> None:
        log = await open_log(data / "log", DEFAULT_ORIGIN, signer, period=0.01)
        # The first 256 stay in any case: what is to go is behind them, and old.
        entries = [*announcements(issuer), *(each.entry for each in exchanges[:253]), *aged]
        entries += [encode_entry(replace(each.statement, minute=LONG_AGO)) for each in exchanges[260:400]]
        await asyncio.gather(*(log.append(entry) for entry in entries))
        await log.aclose()

    asyncio.run(fill())
    for document in (b"policy", b"w"):
        keep_in(data / "archive", document)
    return exchanges[0]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments])


async def _start(data: Path) -> None:
    settings = replace(Settings.default(), data=str(data), origin=DEFAULT_ORIGIN)
    text = bundled_text("default").encode()
    async with opened(settings, load_bundled("default"), text, public_url="http://gate.example") as gateway:
        assert await gateway.log.checkpoint()


def test_a_log_is_pruned_from_the_command_line_and_says_so_to_everybody(tmp_path: Path) -> None:
    exchange = filled(tmp_path)
    asyncio.run(_start(tmp_path))
    done = run("prune", "--older-than", "365", "--data", tmp_path)
    assert done.exit_code == 0, done.output
    assert "1 bundles of 256 entries were removed" in done.output
    assert "entries 256 to 511 are pruned" in done.output
    asyncio.run(_start(tmp_path))
    key = (tmp_path / "log" / "log.vkey").read_text().strip()
    checked = run("check", tmp_path / "log", "--key", key, "--full", "--json")
    assert checked.exit_code == 0, checked.output
    assert "256 entries are pruned" in json.loads(checked.output)["steps"][1]["detail"]
    state = tmp_path / "monitor"
    watched = run("monitor", tmp_path / "log", "--key", key, "--state", state)
    assert watched.exit_code == 0, watched.output
    assert "pruned before they were looked at: 256 entries" in watched.output
    receipt = tmp_path / "receipt.json"
    receipt.write_bytes(encode_receipt(exchange.receipt))
    verified = CliRunner().invoke(verify_command, [str(receipt), "--log", str(tmp_path / "log"), "--key", key])
    assert verified.exit_code == 0, verified.output


def test_a_log_without_old_entries_and_a_folder_without_a_log_are_told(tmp_path: Path) -> None:
    asyncio.run(_start(tmp_path))
    result = run("prune", "--older-than", "30", "--data", tmp_path)
    assert (result.exit_code, "Nothing was removed" in result.output) == (0, True)
    missing = run("prune", "--older-than", "30", "--data", tmp_path / "nowhere")
    assert missing.exit_code != 0
    assert run("prune", "--older-than", "0", "--data", tmp_path).exit_code == 2
