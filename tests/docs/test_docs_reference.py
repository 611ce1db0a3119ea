"""The reference pages name everything that exists, and nothing that does not."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import overt
from overt.cli.main import COMMANDS
from overt.config.parse import parse_settings
from overt.gateway.app import ROUTES
from overt.gateway.notice_schema import NOTICE_SCHEMA

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"


def headings(page: str) -> list[str]:
    return re.findall(r"^## (.+)$", (DOCS / page).read_text(encoding="utf-8"), re.M)


def test_every_command_has_its_heading_and_no_other() -> None:
    assert sorted(headings("commands.md")) == sorted(f"overt {name}" for name in COMMANDS)


def test_every_route_has_its_heading_and_no_other() -> None:
    expected = [f"{route.method} {route.path.replace(':path}', '}')}" for route in ROUTES]
    assert headings("http.md") == expected


def test_every_command_can_be_loaded_and_says_what_it_does() -> None:
    for name in COMMANDS:
        command = importlib.import_module(f"overt.cli.{name}").command
        assert command.help


def test_every_public_name_is_there() -> None:
    for name in overt.__all__:
        assert getattr(overt, name) is not None


def test_every_member_of_a_notice_is_described() -> None:
    assert set(NOTICE_SCHEMA["required"]) == set(NOTICE_SCHEMA["properties"])  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "page", sorted(path.relative_to(ROOT).as_posix() for path in [*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
)
def test_every_link_to_a_file_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target and not target.startswith("mailto:"):
            assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


def test_the_configuration_in_the_readme_is_one() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    assert blocks
    for block in blocks:
        assert parse_settings(block, {}).upstreams


def test_the_python_in_the_readme_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
