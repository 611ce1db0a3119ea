"""`overt policy` and `overt schema`, as they are run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from overt.cli.policy import command
from overt.cli.policy_file import read_policy, read_text
from overt.cli.schema import command as schema_command
from overt.config.schema import config_schema
from overt.errors import InvalidFile
from overt.policy.bundle import bundled_text, load_bundled
from overt.policy.schema import policy_schema


def run(*arguments: str) -> Result:
    """The outcome of a command."""
    return CliRunner().invoke(command, arguments)


@pytest.fixture
def broken(tmp_path: Path) -> str:
    """A file with two problems."""
    file = tmp_path / "broken.toml"
    file.write_text(bundled_text("default").replace('version = "1"', "version = 1").replace('"refuse"', '"refus"', 1))
    return str(file)


@pytest.fixture
def commented(tmp_path: Path) -> str:
    """The default policy with one more comment."""
    file = tmp_path / "commented.toml"
    file.write_text(bundled_text("default") + "# the end\n")
    return str(file)


def test_check_of_a_good_file_exits_0_and_shows_warnings() -> None:
    result = run("check", "default")
    assert result.exit_code == 0
    assert "default: default 1 can be used (sha256:" in result.stdout
    assert "Warning: a redirect about cyber" in result.stdout


def test_check_of_a_broken_file_exits_2_and_lists_every_problem(broken: str) -> None:
    result = run("check", "default", broken)
    assert result.exit_code == 2
    assert "2 problem(s)" in result.stderr
    assert "did you mean 'refuse'?" in result.stderr
    assert "default 1 can be used" in result.stdout


def test_check_gives_machines_the_problems_with_their_lines(broken: str) -> None:
    result = run("check", "default", broken, "--json")
    good, bad = json.loads(result.stdout)
    assert result.exit_code == 2
    assert (good["ok"], good["digest"], good["problems"]) == (True, load_bundled("default").digest, [])
    assert (bad["ok"], len(bad["problems"])) == (False, 2)
    assert set(bad["problems"][0]) == {"where", "what", "remedy", "line"}


def test_check_of_nothing_is_bad_usage() -> None:
    assert run("check").exit_code == 2


def test_explain_tells_the_policy_in_prose() -> None:
    result = run("explain", "broad")
    assert result.exit_code == 0
    assert (
        "any request about bio, from the classifier's earned acting point, is answered by a lesser model."
        in result.stdout
    )


def test_explain_gives_machines_lines_and_warnings() -> None:
    told = json.loads(run("explain", "observe", "--json").stdout)
    assert told["name"] == "observe"
    assert told["lines"][0] == "observe 1: Watch only"
    assert told["warnings"] == []


@pytest.mark.parametrize("arguments", [("explain", "NONE"), ("diff", "default", "NONE"), ("diff", "NONE", "default")])
def test_a_policy_that_does_not_exist_exits_2_and_names_the_bundled_ones(arguments: tuple[str, ...]) -> None:
    plain, machine = run(*arguments), run(*arguments, "--json")
    assert (plain.exit_code, machine.exit_code) == (2, 2)
    assert "there is no file 'NONE'" in plain.stderr
    assert "default, broad, observe" in plain.stderr
    assert json.loads(machine.stdout)["ok"] is False


def test_diff_that_callers_notice_exits_1() -> None:
    result = run("diff", "default", "observe")
    assert result.exit_code == 1
    assert "frontier_llm: mode redirect -> shadow" in result.stdout


def test_diff_of_comments_exits_0_and_says_that_nothing_changes(commented: str) -> None:
    result = run("diff", "default", commented)
    assert result.exit_code == 0
    assert result.stdout == "Nothing changes for callers: only comments or layout differ.\n"


def test_diff_gives_machines_each_change() -> None:
    result = run("diff", "default", "observe", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (told["old"]["name"], told["new"]["name"]) == ("default", "observe")
    assert {change["where"] for change in told["changes"]} >= {"cyber", "bio", "chem", "frontier_llm"}
    assert set(told["changes"][0]) == {"where", "what", "effect", "callers"}


def test_a_file_keeps_its_line_ends_so_that_the_digest_is_of_its_bytes(tmp_path: Path) -> None:
    file = tmp_path / "windows.toml"
    file.write_bytes(bundled_text("default").replace("\n", "\r\n").encode())
    policy = read_policy(str(file))
    assert policy.rules == load_bundled("default").rules
    assert policy.digest != load_bundled("default").digest


def test_what_cannot_be_read_is_a_problem_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'title = "\xe9"')
    with pytest.raises(InvalidFile, match=r"byte 9 of .* is not UTF-8"):
        read_text(str(tmp_path / "latin.toml"))
    with pytest.raises(InvalidFile, match="cannot be read"):
        read_text(str(tmp_path))
    with pytest.raises(InvalidFile, match="cannot be read"):
        read_text("a\0b")


def test_schema_prints_the_schema_of_each_kind_of_file() -> None:
    policy, config = (CliRunner().invoke(schema_command, [kind]).stdout for kind in ("policy", "config"))
    assert json.loads(policy) == policy_schema()
    assert json.loads(config) == config_schema()
    assert CliRunner().invoke(schema_command, ["other"]).exit_code == 2
