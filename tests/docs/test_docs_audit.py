"""The pages on audits: their commands run, their plans are plans, their numbers are those that one gets."""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from overt.audit.planning.parse import read_draft
from overt.audit.prompts.sets import load
from overt.audit.topic import audit_topic
from overt.audit.topic_rows import Asked
from overt.cli.audit import command as audit
from overt.cli.audit_plan import command as plan_command
from overt.testing.audited_options import options

ROOT = Path(__file__).parent.parent.parent
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [ROOT / "docs" / "audit.md", *sorted((ROOT / "docs" / "audit").glob("*.md"))]
}
MAIN = PAGES["docs/audit.md"]
PATH = MAIN.partition("## Is my provider")[2].partition("\n## ")[0]
PLAN = re.findall(r"```toml\n(.*?)```", PATH, re.S)[0]
COMMANDS = audit.list_commands(click.Context(audit))
SERVERS = re.findall(r"^    python -m overt\.testing\.audited (.*) &$", PATH, re.M)


def flat(text: str) -> str:
    return " ".join(text.split())


def lines_shown() -> list[str]:
    """Every command line in a block or in backticks, without the output of commands."""
    found: set[str] = set()
    for page in PAGES.values():
        prose = re.sub(r"```(text|json|toml|python)\n.*?```", "", page, flags=re.S)
        found |= {line.strip() for line in re.findall(r"^ *(overt audit .*)$", prose, re.M)}
        found |= {flat(code) for code in re.findall(r"`(overt audit [^`]+)`", prose)}
    return sorted(found)


def options_of(name: str) -> set[str]:
    found: click.Command = importlib.import_module(f"overt.cli.audit_{name}").command
    return {option for parameter in found.params for option in parameter.opts} | {"--help"}


def test_every_command_has_its_row_and_no_other() -> None:
    table = MAIN.partition("## Which command")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"^\| `overt audit (\w+)`", table, re.M)) == COMMANDS


@pytest.mark.parametrize("line", lines_shown())
def test_every_command_that_is_shown_has_its_options(line: str) -> None:
    words = re.sub(r"[\[\]]", "", line).split()
    assert words[2] in COMMANDS
    assert {word for word in words if word.startswith("--")} <= options_of(words[2])


@pytest.mark.parametrize("page", list(PAGES))
def test_every_option_that_is_named_is_one(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options(["--help"])
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    named = set(re.findall(r"`(--[a-z][a-z-]*)[^`]*`", PAGES[page]))
    scripts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "bench").glob("audit_*.py"))
    of_scripts = {option for option in named if f'"{option}"' in scripts}
    assert named <= known.union(of_scripts, *map(options_of, COMMANDS))


@pytest.mark.parametrize("page", list(PAGES))
def test_every_page_is_linked_from_the_first_one(page: str) -> None:
    name = page.removeprefix("docs/")
    assert name == "audit.md" or f"]({name})" in MAIN


@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if "```toml" in text])
def test_every_plan_that_is_shown_is_one(page: str, tmp_path: Path) -> None:
    for text in re.findall(r"```toml\n(.*?)```", PAGES[page], re.S):
        path = tmp_path / "plan.toml"
        path.write_text(text)
        plan = read_draft(path, load, budget=Decimal(5), made_at="2026-01-01T00:00:00Z").plan
        assert len(plan.routes) == 2


def test_the_plan_prints_what_is_shown(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(PLAN)
    result = CliRunner().invoke(plan_command, [str(tmp_path / "plan.toml"), "--out", str(tmp_path / "audit")])
    assert result.exit_code == 0, result.output
    shown = re.findall(r"```text\n(.*?)```", PATH, re.S)[0]
    assert [line for line in shown.splitlines() if line != "…" and line not in result.output] == []


def test_the_numbers_of_the_session_are_those_of_its_servers(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(PLAN)
    plan = read_draft(tmp_path / "plan.toml", load, budget=Decimal(0), made_at="2026-01-01T00:00:00Z").plan
    reference, endpoint = (options(line.split()).endpoint.answers(plan.prompts) for line in SERVERS)
    asked = Asked(topic=str(plan.topic), control=(str(plan.control),))
    found = audit_topic(reference, endpoint, plan.prompts, asked)
    assert found.delta is not None
    assert found.ci is not None
    low, high = found.ci
    for said in (
        f"{found.verdict}: frontier_llm ({found.n_target} prompts) against control_frontier_llm ({found.n_control})",
        f"Verdict: {found.verdict}.",
        f"lost {100 * found.delta:.1f} points of 100 more than on the control ({100 * low:.1f} to {100 * high:.1f})",
        f"p {found.p_value:.4f}, among {found.placebos} placebo topics {found.placebo_p:.4f}",
        f"the topic lost {found.delta:+.3f} more ({low:+.3f} to {high:+.3f}; margin {found.margin})",
    ):
        assert said in flat(PATH)


@contextmanager
def served(line: str) -> Iterator[str]:
    """The address of a server that is started as the page says, on a free port."""
    words = re.sub(r"--port \d+", "--port 0", line).split()
    command = [sys.executable, "-m", "overt.testing.audited", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.send_signal(signal.SIGINT)


def test_the_commands_of_the_path_run_one_after_the_other(tmp_path: Path) -> None:
    """With 60 pairs instead of all, so that it takes seconds; a plan of so few is wanted with any power."""
    commands = re.findall(r"^    (overt audit .*)$", PATH, re.M)
    assert [line.split()[2] for line in commands] == ["plan", "collect", "report", "verify", "scan", "test", "topic"]
    with served(SERVERS[0]) as official, served(SERVERS[1]) as reseller:
        text = PLAN.replace("http://127.0.0.1:8431", official).replace("http://127.0.0.1:8432", reseller)
        (tmp_path / "plan.toml").write_text(re.sub(r'^set = "\w+".*$', r"\g<0>\nmost = 60", text, flags=re.M))
        ended = [overt(line + (" --power 0" if " plan " in line else ""), tmp_path) for line in commands]
    assert [each.returncode for each in ended] == [0, 0, 1, 0, 0, 1, 1], [each.stderr for each in ended]
    said = [each.stdout for each in ended]
    assert "Complete: 240 of 240 calls are answered." in said[1]
    assert "Next: overt audit report audit" in said[1]
    assert said[2].startswith("Verdict: changed more on topic than on matched control.")
    assert "the same to the bit" in said[3]
    assert (tmp_path / "audit.html").exists()
    assert "240 samples in 1 file" in said[4]
    assert said[5].splitlines()[1].startswith("Changed:")
    assert said[6].startswith("changed more on topic than on matched control: frontier_llm (60 prompts)")


def overt(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "overt.cli", *shlex.split(line)[1:]]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
