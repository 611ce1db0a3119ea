"""Every key of the tables has its heading, every heading its key, and every TOML example parses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from overt.config.parse import parse_settings
from overt.config.table import CONFIG
from overt.policy.parse import parse_policy
from overt.policy.table import POLICY
from overt.tomlfile.shape import ManyTables, OneTable, Table

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"policy.md": POLICY, "configuration.md": CONFIG}


def paths(table: Table, before: str = "") -> Iterator[str]:
    """Every key of a table and of the tables in it, as ``outer.inner``."""
    for key in table.keys:
        yield before + key.name
        if isinstance(key.kind, OneTable | ManyTables):
            yield from paths(key.kind.table, f"{before}{key.name}.")


def examples(page: str) -> list[str]:
    """The TOML examples of a page."""
    found: list[str] = re.findall(r"^```toml\n(.*?)^```", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)
    assert found
    return found


@pytest.mark.parametrize(("page", "table"), PAGES.items(), ids=PAGES.keys())
def test_every_key_has_its_heading_and_every_heading_its_key(page: str, table: Table) -> None:
    headings = re.findall(r"^### `([^`]+)`$", (DOCS / page).read_text(), re.MULTILINE)
    assert headings == list(dict.fromkeys(headings))
    assert set(headings) == set(paths(table))


def test_every_example_of_a_policy_parses_alone_or_at_the_end_of_the_complete_one() -> None:
    complete, *parts = examples("policy.md")
    assert parse_policy(complete, name="policy.md").rules
    for part in parts:
        whole = part if part.startswith("name =") else f"{complete}\n{part}"
        assert parse_policy(whole, name="policy.md").rules


@pytest.mark.parametrize(
    "example", [*examples("configuration.md"), *examples("judge.md")], ids=lambda text: text.split("\n")[0]
)
def test_every_example_of_a_configuration_parses(example: str) -> None:
    environ = dict.fromkeys(re.findall(r"env:(\w+)", example), "key")
    assert parse_settings(example, environ).upstreams


@pytest.mark.parametrize("page", PAGES)
def test_every_default_of_the_table_stands_under_its_heading(page: str) -> None:
    sections = dict(re.findall(r"^### `([^`]+)`$(.*?)(?=^#)", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE))
    for path, default in defaults(PAGES[page]):
        assert any(form in sections[path] for form in written(default)), path


def written(default: str | float | bool) -> tuple[str, ...]:
    """The ways in which a page may write a default."""
    return (f'`"{default}"`',) if isinstance(default, str) else (f"Default: {default:g}",)


def defaults(table: Table, before: str = "") -> Iterator[tuple[str, str | float | bool]]:
    """Every key that has a default, with it."""
    for key in table.keys:
        if key.default is not None:
            yield before + key.name, key.default
        if isinstance(key.kind, OneTable | ManyTables):
            yield from defaults(key.kind.table, f"{before}{key.name}.")
