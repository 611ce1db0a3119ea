"""The schema and the parser are made from one table, and agree."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from config_samples import DEMO, ENVIRON, FULL, JUDGE, LITERAL, MISTAKES
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from overt.config.parse import parse_settings
from overt.config.schema import config_schema
from overt.errors import InvalidFile

PUBLISHED = Path(__file__).parents[2] / "docs" / "schema" / "config.schema.json"
ONLY_THE_PARSER = {
    "port that does not exist",
    "address that ends in /v1",
    "public address without a contact",
    "name given twice",
    "model given twice",
    "two that take all others",
    "the caller's key for two",
    "variable that is not set",
    "variable that is empty",
    "variable with a line end",
    "header without a key",
    "header for the caller's key",
    "demo with another name",
    "demo with a key",
    "demo with other models",
    "judge's address that ends in /v1",
    "judge's port that does not exist",
    "judge's variable that is not set",
    "judge's variable with a line end",
    "database that is not set",
    "database that is none",
    "database without tiles",
}


def fits(text: str) -> bool:
    """Whether the schema accepts a file."""
    return Draft202012Validator(config_schema()).is_valid(tomllib.loads(text))


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(config_schema())


def test_the_published_schema_is_the_present_one() -> None:
    assert json.loads(PUBLISHED.read_text()) == config_schema()


SHORT = 'upstream = "https://api.anthropic.com"'


@pytest.mark.parametrize("text", [FULL, DEMO, SHORT, JUDGE], ids=["full", "demo", "short", "judge"])
def test_what_the_parser_reads_fits_the_schema(text: str) -> None:
    assert fits(text)


@pytest.mark.parametrize("name", [name for name in MISTAKES if name not in ONLY_THE_PARSER])
def test_what_the_parser_refuses_the_schema_refuses_too(name: str) -> None:
    assert not fits(MISTAKES[name][0])


def test_a_literal_secret_does_not_fit() -> None:
    assert not fits(LITERAL["as credential"])


LINES = [number for number, line in enumerate(FULL.splitlines()) if "=" in line]
VALUES = ("1", "0", "1e9", "true", "[]", '["a"]', '"none"', '""', '"https://x.example"', "2026-11-23", "{}")


@given(st.sampled_from(LINES), st.sampled_from(VALUES))
def test_what_the_schema_refuses_the_parser_refuses_too(line: int, value: str) -> None:
    lines = FULL.splitlines()
    lines[line] = f"{lines[line].split('=')[0]}= {value}"
    text = "\n".join(lines)
    if not fits(text):
        with pytest.raises(InvalidFile):
            parse_settings(text, ENVIRON)
