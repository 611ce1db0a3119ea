"""The schema and the parser are made from one table, and agree."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from policy_samples import MISTAKES, SAMPLE, swap

from overt.errors import InvalidFile
from overt.policy.bundle import bundled_names, bundled_text
from overt.policy.parse import parse_policy
from overt.policy.schema import policy_schema

PUBLISHED = Path(__file__).parents[2] / "docs" / "schema" / "policy.schema.json"
ONLY_THE_PARSER = {
    "threshold that is no number",  # JSON has no such numbers
    "threshold with very many digits",  # the validator cannot print it
    "fallback to itself",
    "fallback to any model",
    "name with a line end",  # Python's $ matches before a last line end, that of ECMA-262 does not
}


def fits(text: str) -> bool:
    """Whether the schema accepts a file."""
    return Draft202012Validator(policy_schema()).is_valid(tomllib.loads(text))


def parses(text: str) -> bool:
    """Whether the parser accepts it."""
    try:
        parse_policy(text, name="x")
    except InvalidFile:
        return False
    return True


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(policy_schema())


def test_the_published_schema_is_the_present_one() -> None:
    assert json.loads(PUBLISHED.read_text()) == policy_schema()


@pytest.mark.parametrize("name", bundled_names())
def test_bundled_policies_fit_the_schema(name: str) -> None:
    assert fits(bundled_text(name))


@pytest.mark.parametrize("name", [name for name in MISTAKES if name not in ONLY_THE_PARSER])
def test_what_the_parser_refuses_the_schema_refuses_too(name: str) -> None:
    text = swap(MISTAKES[name][0])
    assert not parses(text)
    assert not fits(text)


def test_a_prohibited_band_of_frontier_llm_does_not_fit() -> None:
    text = swap(('"cyber-1"', '"frontier_llm-1"'), ('domain = "cyber"', 'domain = "frontier_llm"'))
    assert fits(text)
    assert not fits(swap(("high_dual", "prohibited"), text=text))


LINES = [number for number, line in enumerate(SAMPLE.splitlines()) if "=" in line]
VALUES = (
    '"cyber"',
    '"release"',
    '"bio-3"',
    "1",
    "0.5",
    "true",
    "[]",
    '["a"]',
    '"A sentence."',
    '""',
    "2026-11-23",
    "{}",
)


@given(st.sampled_from(LINES), st.sampled_from(VALUES))
def test_schema_and_parser_agree_on_any_value_in_any_place(line: int, value: str) -> None:
    lines = SAMPLE.splitlines()
    lines[line] = f"{lines[line].split('=')[0]}= {value}"
    text = "\n".join(lines)
    assert fits(text) == parses(text)


@given(st.sampled_from(LINES))
def test_schema_and_parser_agree_on_which_keys_may_be_left_out(line: int) -> None:
    lines = SAMPLE.splitlines()
    del lines[line]
    text = "\n".join(lines)
    assert fits(text) == parses(text)
