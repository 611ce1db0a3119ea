"""The pages on calibration and drift give the limits, the tables and the options that the code has."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import click
import pytest

from overt.core.domain import Band
from overt.learn import drift
from overt.learn.recalibrate import ALPHA, DELTA, TOP, Promise, negatives_needed

DOCS = Path(__file__).parent.parent.parent / "docs"
CALIBRATE = (DOCS / "calibrate.md").read_text(encoding="utf-8")
DRIFT = (DOCS / "drift.md").read_text(encoding="utf-8")
PAGES = {"calibrate": CALIBRATE, "drift": DRIFT, "commands": (DOCS / "commands.md").read_text(encoding="utf-8")}
SHOWN = sorted(
    {line for page in PAGES.values() for line in re.findall(r"^    (overt (?:calibrate|drift)\b.*)$", page, re.M)}
    | set(re.findall(r"`(overt (?:calibrate|drift)\b[^`]*)`", re.sub(r"\n", " ", PAGES["commands"])))
)


def cells(page: str, first: str) -> list[str]:
    """The row of a table that begins with this cell."""
    line = next(line for line in page.splitlines() if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("line", SHOWN)
def test_every_command_that_is_shown_has_its_options(line: str) -> None:
    words = line.replace("[", "").replace("]", "").split()
    command: click.Command = importlib.import_module(f"overt.cli.{words[1]}").command
    if isinstance(command, click.Group):
        command = command.commands[words[2]]
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_limits_are_those_of_the_code() -> None:
    assert cells(DRIFT, "`psi`")[2:] == [f"index above {drift.PSI_LOOK:g}", f"index above {drift.PSI_GATE:g}"]
    assert f"p below {drift.KS_LOOK:g} and a distance of {drift.KS_SMALLEST:g}" in cells(DRIFT, "`ks`")[2]
    evidence = [f"evidence of {1 / (drift.EARLY * drift.ALPHA):g}", f"evidence of {1 / drift.ALPHA:g}"]
    assert cells(DRIFT, "`appeals`")[2:] == evidence
    assert f"weight {drift.WEIGHT:g}, limits at {drift.SIGMAS:g} sigma" in " ".join(DRIFT.split())
    assert f"that {drift.FLAGS_PER_BATCH} flags are expected" in " ".join(DRIFT.split())
    for level in drift.Level:
        assert f"`{level.word}`" in DRIFT
        assert f"{int(level)} for {level.word}" in " ".join(DRIFT.split())


def test_the_promise_is_that_of_the_code() -> None:
    text = " ".join(CALIBRATE.split())
    assert f"confidence {1 - DELTA:.0%}".replace("%", " %") in text
    assert f"at most {100 * ALPHA[Band.HIGH_DUAL]:g} % of benign turns reach the acting point of `high_dual`" in text
    assert f"at most {100 * ALPHA[Band.PROHIBITED]:g} % that of `prohibited`" in text
    assert f"the {TOP} rows of each domain" in text


@pytest.mark.parametrize("place", range(4))
def test_the_table_of_negatives_is_that_of_the_arithmetic(place: int) -> None:
    lines = [line for line in CALIBRATE.splitlines() if re.match(r"\| [\d.]+ % \|", line)]
    alpha, tests, *needed = [cell.strip() for cell in lines[place].strip("|").split("|")]
    share = DELTA / int(tests.split()[0])
    found = [f"{negatives_needed(float(alpha.split()[0]) / 100, share, hits):,}" for hits in (0, 3, 10)]
    assert needed == found


def test_seven_tests_are_made_unless_lengths_are_promised() -> None:
    assert DELTA / Promise(alpha=ALPHA).share == pytest.approx(7)
    assert DELTA / Promise(alpha=ALPHA, lengths=(1_000, 8_000)).share == pytest.approx(21)
