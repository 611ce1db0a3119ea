"""The page on releases names every command, gate, message and number that the code has, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from overt.cli.release import command
from overt.config.parse import parse_settings
from overt.core.domain import DOMAINS, Digest
from overt.gateway import releases, shadow
from overt.gateway.places import RELEASE_FOLDER, SHADOW_FILE
from overt.gateway.pointer import Activation, Pointer, activated, encode_pointer
from overt.learn import flips, gates
from overt.learn.gates import Count, Figures
from overt.proof.dsse import RELEASE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "releases.md").read_text(encoding="utf-8")
PLAIN = " ".join(PAGE.split())
SOURCE = Path(releases.__file__).read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The rows of the table under a heading."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    found = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in found[2:]]


def test_every_command_has_its_heading_and_no_other() -> None:
    assert isinstance(command, click.Group)
    assert re.findall(r"^### `overt release (.+)`$", PAGE, re.M) == [
        "check",
        "sign",
        "verify",
        "activate",
        "rollback",
        "list",
        "shadow",
    ]
    assert sorted(re.findall(r"^### `overt release (.+)`$", PAGE, re.M)) == sorted(command.commands)


@pytest.mark.parametrize("name", ["check", "sign", "verify", "activate", "rollback"])
def test_every_option_of_a_command_is_on_the_page_and_no_other(name: str) -> None:
    assert isinstance(command, click.Group)
    own = {option for each in command.commands[name].params for option in each.opts if option.startswith("--")}
    assert own - {"--json"} <= set(re.findall(r"--[a-z]+", PAGE))
    section = PAGE.split(f"### `overt release {name}`\n")[1].split("\n#")[0]
    assert set(re.findall(r"`(--[a-z]+)", section)) <= own


def test_the_table_of_gates_is_that_of_the_code() -> None:
    empty = Figures(release=None, general={}, passed=None, failures=frozenset(), unmoved=None, left_out={})
    measured = Figures(release=None, general={}, passed=Count(1, 1), failures=frozenset(), unmoved=None, left_out={})
    every = [*gates.gates(Digest("x"), empty, measured), *gates.gates(Digest("x"), empty, None, must_compare=True)]
    names = {gate.name for gate in every}
    for domain in DOMAINS:
        names = {name.removesuffix(f", {domain}") for name in names}
    assert {row[0].strip("`") for row in rows("Gates")} == names


def test_every_message_of_a_refused_start_is_in_the_code() -> None:
    for _, message in rows("What a gateway refuses to start on"):
        assert message.strip("`") in SOURCE


def test_the_members_of_an_activation_are_those_of_the_pointer() -> None:
    activation = Activation(digest=Digest("sha256:" + "a" * 64), name="n", version="v", entry=b"e", when=0)
    written = encode_pointer(activated(Pointer(), activation)).decode()
    for member in re.findall(r'"(\w+)":', written):
        if member not in ("v", "command", "previous"):
            assert f"`{member}`" in PAGE, member


@pytest.mark.parametrize(
    "said",
    [
        f"at most {100 * gates.BOUND:g} %",
        f"{100 * gates.ALLOWED_LOSS:g} points lower",
        f"At most {shadow.MOST_WAITING} exchanges wait",
        f"{shadow.MOST_CHARACTERS:,} characters",
        f"more than {shadow.LONGEST_SECONDS:g} seconds",
        f"newest {flips.NEWEST} flips",
        f"`{RELEASE}`",
        f"DIR/{releases.SIGNATURE}",
        f"DIR/{releases.EVALUATION}",
        f"`{releases.POINTER}`",
        f"`{SHADOW_FILE}`",
        f"folder `{RELEASE_FOLDER}`",
    ],
)
def test_every_number_and_name_is_that_of_the_code(said: str) -> None:
    assert said in PLAIN


def test_a_quarter_is_what_resting_three_times_as_long_gives() -> None:
    assert shadow.REST == 3.0
    assert "at most a quarter, because it rests three times as long as it worked" in PLAIN


def test_the_configuration_on_the_page_is_one() -> None:
    (block,) = re.findall(r"^    (\[classifier\]\n    .+)$", PAGE, re.M)
    assert parse_settings(f'upstream = "demo:"\n{block}', {}).shadow == "releases/candidate"
