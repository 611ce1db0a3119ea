"""``overt log check`` on folders and over HTTP, and what it remembers between two checks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from cli_log_samples import served
from click.testing import CliRunner, Result

from overt.cli.log import command
from overt.log.sqlite import open_log
from overt.proof.check import STEPS
from overt.testing.log import ORIGIN, known_signer
from overt.testing.receipts import announcements, known_issuer, made_up

LOG = known_signer()


async def _fill(directory: Path, count: int) -> None:
    log = await open_log(directory, ORIGIN, LOG, period=0.01)
    issuer = known_issuer()
    for entry in (*announcements(issuer), *(made_up(issuer, number).entry for number in range(count))):
        await log.append(entry)
    await log.aclose()


def fill(directory: Path, count: int) -> Path:
    asyncio.run(_fill(directory, count))
    return directory


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, ["check", *map(str, arguments)])


def test_a_sound_log_holds(tmp_path: Path) -> None:
    result = run(fill(tmp_path / "log", 5), "--key", LOG.vkey, "--full")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert len(lines) == len(STEPS) + 1
    assert lines[-1] == "The log holds."


def test_without_a_key_the_last_line_says_whose_log_it_is_not_proved_to_be(tmp_path: Path) -> None:
    result = run(fill(tmp_path / "log", 2))
    assert result.exit_code == 0
    assert "Whose it is, is not proved" in result.output.splitlines()[-1]


def test_an_altered_tile_exits_with_one(tmp_path: Path) -> None:
    directory = fill(tmp_path / "log", 5)
    tile = directory / "tile/0/000.p/8"
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
    result = run(directory, "--key", LOG.vkey)
    assert (result.exit_code, result.output.splitlines()[-1]) == (1, "Does not verify: step 5, tiles.")


def test_a_state_file_demands_that_the_log_goes_on(tmp_path: Path) -> None:
    directory, state = fill(tmp_path / "log", 5), tmp_path / "state"
    assert run(directory, "--key", LOG.vkey, "--state", state).exit_code == 0
    before = state.read_bytes()
    fill(directory, 9)
    result = run(directory, "--state", state, "--json")
    found = json.loads(result.output)
    assert (result.exit_code, found["key_from"], found["steps"][5]["mark"]) == (0, "state", "holds")
    assert state.read_bytes() != before


def test_a_log_that_was_rolled_back_fails_and_the_state_stays(tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert run(fill(tmp_path / "long", 9), "--key", LOG.vkey, "--state", state).exit_code == 0
    before = state.read_bytes()
    result = run(fill(tmp_path / "short", 5), "--state", state)
    assert result.exit_code == 1
    assert "ROLLBACK" in result.output
    assert state.read_bytes() == before


def no_log(tmp_path: Path) -> list[str | Path]:
    return [tmp_path / "none"]


def no_key(tmp_path: Path) -> list[str | Path]:
    return [tmp_path]


def bad_key(tmp_path: Path) -> list[str | Path]:
    return [tmp_path, "--key", "x"]


def damaged_state(tmp_path: Path) -> list[str | Path]:
    (tmp_path / "state").write_text("{}")
    return [tmp_path, "--key", LOG.vkey, "--state", tmp_path / "state"]


def unreachable(_tmp_path: Path) -> list[str | Path]:
    return ["http://127.0.0.1:1", "--key", LOG.vkey]


def other_key(tmp_path: Path) -> list[str | Path]:
    state = tmp_path / "state"
    run(fill(tmp_path / "log", 1), "--key", LOG.vkey, "--state", state)
    return [tmp_path / "log", "--state", state, "--key", known_signer("other.test/log").vkey]


@pytest.mark.parametrize(
    "arguments", [no_log, no_key, bad_key, damaged_state, unreachable, other_key], ids=lambda f: f.__name__
)
def test_what_cannot_be_read_exits_with_two(arguments: Callable[[Path], list[str | Path]], tmp_path: Path) -> None:
    result = run(*arguments(tmp_path))
    assert result.exit_code == 2, result.output


@pytest.mark.parametrize("path", ["/log", "/log/", "", "/"])
def test_a_log_is_checked_over_http_at_its_own_address_or_its_gateways(path: str, tmp_path: Path) -> None:
    fill(tmp_path / "log", 3)
    with served(tmp_path) as url:
        result = run(f"{url}{path}", "--key", LOG.vkey, "--full")
    assert result.exit_code == 0, result.output


def test_over_http_the_key_is_taken_from_where_the_gateway_shows_it(tmp_path: Path) -> None:
    fill(tmp_path / "log", 3)
    (tmp_path / ".well-known").mkdir()
    (tmp_path / ".well-known" / "overt.json").write_text(json.dumps({"log_public_key": LOG.vkey}))
    with served(tmp_path) as url:
        result = run(url, "--json")
    assert json.loads(result.output)["key_from"] == "log"


def test_a_server_without_a_log_exits_with_two(tmp_path: Path) -> None:
    with served(tmp_path) as url:
        assert run(url, "--key", LOG.vkey).exit_code == 2


def test_every_command_of_the_group_is_found_by_its_file_and_described() -> None:
    described = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    found = command.list_commands(click.Context(command))
    assert "check" in found
    for name in found:
        assert CliRunner().invoke(command, [name, "--help"]).exit_code == 0, name
        assert f"overt log {name}" in described
    assert CliRunner().invoke(command, ["nope"]).exit_code == 2
