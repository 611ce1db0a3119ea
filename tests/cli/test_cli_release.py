"""`overt release`: from the gates to the rollback, and a gateway as a process that starts on what was activated."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from overt.classify.release import ARRAYS, load
from overt.cli.release import command
from overt.cli.settings_file import read_settings
from overt.core.domain import DOMAINS, Domain
from overt.errors import OperatorError
from overt.gateway.places import SHADOW_FILE
from overt.gateway.releases import EVALUATION, SIGNATURE, folder_of, read_pointer
from overt.store.comparisons import open_comparisons
from overt.testing.contracts.comparisons import NEW, OLD, compared
from overt.testing.releases import write_tiny_release

CONFIG = """\
data = "data"

[[upstreams]]
url = "https://one.example"
credential = "env:A_KEY_THAT_IS_NOT_SET"
"""


def evaluation(flagged: int = 0, recalled: int = 60) -> str:
    """What `overt evaluate` writes, as far as the gates read it."""
    rates = {
        domain: {"general": {"everyday": {"hits": flagged, "trials": 10_000}, "own": {"hits": 0, "trials": 500}}}
        for domain in DOMAINS
    }
    suite = {"passed": {"hits": 9, "trials": 9}, "failures": [], "unmoved": {"hits": 18, "trials": 18}, "moved": []}
    left_out = {domain: {"unseen": {"hits": recalled, "trials": 100}} for domain in DOMAINS}
    return json.dumps({"domains": rates, "suite": suite, "left_out": left_out})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of releases: good, worse and eager, each with its evaluation; and what they are compared with."""
    folder = tmp_path_factory.mktemp("made")
    for version, text in (("good", evaluation()), ("worse", evaluation(recalled=50)), ("eager", evaluation(50))):
        write_tiny_release(folder / version, version=version)
        (folder / version / EVALUATION).write_text(text)
    (folder / "before.json").write_text(evaluation())
    return folder


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "overt.toml").write_text(CONFIG)
    return tmp_path / "overt.toml"


def release(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)


def digest(folder: Path) -> str:
    return load(folder).release.digest


def put_to_use(made: Path, config: Path, name: str = "good", *more: str) -> Result:
    return release("activate", made / name, "--config", config, "--against", made / "before.json", *more)


# --- check, sign, verify ---------------------------------------------------------------------------------------------


def test_check_shows_every_gate_with_its_figure_and_says_what_it_did_not_compare(made: Path) -> None:
    result = release("check", made / "good")
    assert result.exit_code == 0, result.output
    assert "✓  false positives, cyber" in result.output
    assert "0 of 10,500, at most 0.0285 %" in result.output
    assert "9 of 9" in result.output
    assert "--against FILE" in result.output


@pytest.mark.parametrize(
    ("name", "fails"),
    [("eager", [f"false positives, {domain}" for domain in DOMAINS]), ("worse", [f"recall, {d}" for d in DOMAINS])],
)
def test_check_exits_with_1_and_names_the_gates_that_fail(made: Path, name: str, fails: list[str]) -> None:
    result = release("check", made / name, "--against", made / "before.json", "--json")
    assert result.exit_code == 1
    told = json.loads(result.output)
    assert (told["ok"], told["digest"]) == (False, digest(made / name))
    assert [gate["gate"] for gate in told["gates"] if gate["verdict"] == "fail"] == fails


def test_check_takes_another_promise_and_another_evaluation(made: Path) -> None:
    assert release("check", made / "eager", "--bound", "0.01").exit_code == 0
    assert release("check", made / "eager", "--evaluation", made / "before.json").exit_code == 0


def test_check_refuses_what_is_no_evaluation_and_says_where_one_comes_from(made: Path, tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"manifest\.json.*overt evaluate --out"):
        release("check", made / "good", "--evaluation", made / "good" / "manifest.json")
    bare = shutil.copytree(made / "good", tmp_path / "bare")
    (bare / EVALUATION).unlink()
    with pytest.raises(OperatorError, match=r"evaluation\.json.*overt evaluate --out"):
        release("check", bare)


def test_a_signature_is_made_with_a_fresh_key_and_verifies(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "good", tmp_path / "mine")
    vkey = release("sign", tmp_path / "mine", "--key", tmp_path / "release.key", "--name", "lab.example").output.strip()
    assert vkey.startswith("lab.example+")
    assert (tmp_path / "release.key").stat().st_mode & 0o777 == 0o600
    result = release("verify", tmp_path / "mine", "--vkey", vkey)
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "Verified.")
    assert release("sign", tmp_path / "mine", "--key", tmp_path / "release.key").output.strip() == vkey


def test_verify_exits_with_1_for_another_key_no_signature_and_an_altered_file(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "good", tmp_path / "mine")
    vkey = release("sign", tmp_path / "mine", "--key", tmp_path / "a.key").output.strip()
    other = release("sign", shutil.copytree(made / "good", tmp_path / "x"), "--key", tmp_path / "b.key").output.strip()
    assert release("verify", tmp_path / "mine", "--vkey", other).exit_code == 1
    assert release("verify", made / "good", "--vkey", vkey).exit_code == 1
    (tmp_path / "mine" / ARRAYS).write_bytes(b"other")
    result = release("verify", tmp_path / "mine", "--vkey", vkey, "--json")
    assert result.exit_code == 1
    assert [step["mark"] for step in json.loads(result.output)["steps"]] == ["fails"]


# --- activate, rollback, list ----------------------------------------------------------------------------------------


def test_activate_needs_no_key_of_an_upstream_and_says_that_a_gateway_must_be_restarted(
    made: Path, config: Path
) -> None:
    result = put_to_use(made, config)
    assert result.exit_code == 0, result.output
    assert f"Is in use:  tiny good ({digest(made / 'good')})" in result.output
    assert "its announcement is in the log" in result.output
    assert "restart it" in result.output
    pointer = read_pointer(config.parent / "data" / "releases")
    assert pointer.digest == digest(made / "good")


def test_activate_is_refused_where_a_gate_fails_and_goes_on_for_a_reason_that_is_recorded(
    made: Path, config: Path
) -> None:
    refused = put_to_use(made, config, "worse")
    assert refused.exit_code == 1
    assert "Not activated, and nothing was changed" in refused.output
    assert not (config.parent / "data").exists()
    assert put_to_use(made, config, "worse", "--despite", "fewer complaints").exit_code == 0
    listed = release("list", "--config", config)
    assert "fails recall, cyber" in listed.output
    assert "used because: fewer complaints" in listed.output


def test_activate_compares_with_the_evaluation_that_was_kept_with_the_release_in_use(made: Path, config: Path) -> None:
    put_to_use(made, config)
    result = release("activate", made / "worse", "--config", config, "--json")
    assert result.exit_code == 1
    failing = [gate["gate"] for gate in json.loads(result.output)["gates"] if gate["verdict"] == "fail"]
    assert failing == [f"recall, {domain}" for domain in DOMAINS]


def test_activate_is_refused_where_there_is_nothing_to_compare_with(made: Path, config: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "good", tmp_path / "bare")
    (tmp_path / "bare" / EVALUATION).unlink()
    assert release("activate", tmp_path / "bare", "--config", config, "--despite", "the first").exit_code == 0
    result = release("activate", made / "eager", "--data", config.parent / "data", "--bound", "0.1", "--json")
    failing = [gate["gate"] for gate in json.loads(result.output)["gates"] if gate["verdict"] == "fail"]
    assert (result.exit_code, failing) == (1, ["comparison"])


def test_one_command_goes_back_and_prints_what_changed(made: Path, config: Path) -> None:
    put_to_use(made, config)
    put_to_use(made, config, "eager", "--despite", "try it")
    back = release("rollback", "--config", config, "--reason", "it flagged recipes")
    assert back.exit_code == 0
    assert f"Was in use: tiny eager ({digest(made / 'eager')})" in back.output
    assert f"Is in use:  tiny good ({digest(made / 'good')})" in back.output
    again = json.loads(release("rollback", "--config", config, "--json").output)
    assert again["active"] is None
    assert [change["command"] for change in again["changes"]] == ["activate", "activate", "rollback", "rollback"]
    assert "it flagged recipes" in release("list", "--config", config).output
    with pytest.raises(OperatorError, match="nothing to go back to"):
        release("rollback", "--config", config)


def test_list_says_which_release_cannot_be_used_any_more(made: Path, config: Path) -> None:
    assert "the release that comes with the package" in release("list", "--config", config).output
    put_to_use(made, config)
    folder = folder_of(config.parent / "data" / "releases", load(made / "good").release.digest)
    (folder / ARRAYS).write_bytes(b"other")
    result = release("list", "--config", config, "--json")
    assert result.exit_code == 1
    assert "was altered" in json.loads(result.output)["releases"][0]["fault"]


def test_a_release_must_bear_the_signature_that_is_asked_for(made: Path, config: Path, tmp_path: Path) -> None:
    signed = shutil.copytree(made / "good", tmp_path / "signed")
    vkey = release("sign", signed, "--key", tmp_path / "release.key").output.strip()
    result = release("activate", signed, "--config", config, "--against", made / "before.json", "--vkey", vkey)
    assert f"signed by {vkey}" in result.output
    kept = folder_of(config.parent / "data" / "releases", load(signed).release.digest)
    assert (kept / SIGNATURE).is_file()


def test_paths_in_a_configuration_start_where_it_stands(tmp_path: Path) -> None:
    text = 'upstream = "demo:"\npolicy = "our.toml"\ndata = "d"\n[classifier]\nshadow = "../next"\n'
    (tmp_path / "overt.toml").write_text(text)
    settings = read_settings(str(tmp_path / "overt.toml"), None, {})
    assert settings.shadow == str(tmp_path / "../next")
    assert (settings.data, settings.policy) == (str(tmp_path / "d"), str(tmp_path / "our.toml"))
    (tmp_path / "overt.toml").write_text('upstream = "demo:"\ndata = "/somewhere/else"\n')
    settings = read_settings(str(tmp_path / "overt.toml"), None, {})
    assert (settings.shadow, settings.data, settings.policy) == (None, "/somewhere/else", "default")


# --- shadow ----------------------------------------------------------------------------------------------------------


def test_shadow_reports_flips_with_their_interval_and_the_newest_receipts(config: Path) -> None:
    async def fill() -> None:
        (config.parent / "data").mkdir()
        kept = await open_comparisons(config.parent / "data" / SHADOW_FILE)
        await kept.keep([compared(number) for number in range(98)])
        await kept.keep([compared(98, "redirect", "pass", Domain.BIO), compared(99, "pass", "refuse", Domain.CYBER)])
        await kept.add_dropped(OLD, NEW, 3)
        await kept.aclose()

    asyncio.run(fill())
    told = release("shadow", "--config", config)
    assert "100 exchanges compared; 3 exchanges were dropped: they are in no figure" in told.output
    assert "2 would have ended otherwise: 2.000% (95 % interval 0.243% to 7.038%)" in told.output
    (pair,) = json.loads(release("shadow", "--config", config, "--json").output)["pairs"]
    assert (pair["current"], pair["candidate"], pair["compared"], pair["dropped"]) == (OLD, NEW, 100, 3)
    assert pair["interval95"] == pytest.approx([0.002431, 0.070384], abs=1e-6)
    assert pair["newest_flips"] == ["rcp_99", "rcp_98"]
    assert {"domain": "cyber", "current": "pass", "candidate": "refuse", "count": 1} in pair["counts"]


def test_shadow_without_a_candidate_says_how_to_set_one(config: Path) -> None:
    with pytest.raises(OperatorError, match=r"set shadow under \[classifier\]"):
        release("shadow", "--config", config)


# --- as processes ----------------------------------------------------------------------------------------------------


def overt(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "overt.cli", *map(str, arguments)]


@contextmanager
def served(data: Path) -> Iterator[dict[str, Any]]:
    process = subprocess.Popen(
        overt("serve", "--port", "0", "--data", data), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    try:
        assert line, process.stderr.read()
        yield json.loads(line)
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()
        process.stderr.close()


def used(ready: dict[str, Any]) -> str:
    """The digest of the classifier that a gateway says it uses."""
    with urllib.request.urlopen(f"{ready['url']}/.well-known/overt.json", timeout=10) as response:
        return str(json.loads(response.read())["classifier_hash"])


def test_a_release_activated_beside_a_running_gateway_is_used_from_its_next_start_until_it_is_altered(
    made: Path, tmp_path: Path
) -> None:
    before = made / "before.json"
    with served(tmp_path) as ready:
        own = used(ready)
        done = subprocess.run(
            overt("release", "activate", made / "good", "--data", tmp_path, "--against", before),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert used(ready) == own
    with served(tmp_path) as ready:
        assert used(ready) == digest(made / "good")
    copy = folder_of(tmp_path / "releases", load(made / "good").release.digest)
    raw = bytearray((copy / ARRAYS).read_bytes())
    raw[100] ^= 1
    (copy / ARRAYS).write_bytes(raw)
    refused = subprocess.run(
        overt("serve", "--port", "0", "--data", tmp_path), capture_output=True, text=True, timeout=60, check=False
    )
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "was altered since it was activated" in refused.stderr
    assert "overt release rollback" in refused.stderr
    assert "Traceback" not in refused.stderr
