"""Showing the steps of a verification: numbered lines for people, JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from overt.errors import VerificationFailed
from overt.proof.note import parse_vkey
from overt.proof.policy import Policy, parse_policy
from overt.proof.verify import Mark, Step, holds

_SIGNS: Final = {Mark.HOLDS: "✓", Mark.FAILS: "✗", Mark.OPEN: "·"}


def show(steps: tuple[Step, ...], *, as_json: bool, verdict: str, more: Mapping[str, object]) -> None:
    """Print the steps. ``verdict`` is the last line where all hold; ``more`` are further members of the JSON."""
    if as_json:
        rows = [{"number": s.number, "name": s.name, "mark": str(s.mark), "detail": s.detail} for s in steps]
        click.echo(json.dumps({"ok": holds(steps), "steps": rows, **more}, ensure_ascii=False, indent=2))
        return
    for step in steps:
        click.echo(f"{_SIGNS[step.mark]} {step.number:2} {step.name}: {printable(step.detail)}")
    last = steps[-1]
    click.echo(verdict if holds(steps) else f"Does not verify: step {last.number}, {last.name}.")


def checked_key(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """For ``--key``: refuse text that is not a verifier key as bad usage."""
    if value is not None:
        try:
            parse_vkey(value)
        except VerificationFailed as error:
            raise click.BadParameter(str(error)) from error
    return value


def read_policy(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Policy | None:
    """For ``--policy``: a policy of trust (C2SP tlog-policy), read from its file."""
    if value is None:
        return None
    try:
        return parse_policy(Path(value).read_bytes())
    except (OSError, VerificationFailed) as error:
        raise click.BadParameter(f"{value!r} cannot be used: {error}") from error


def printable(text: str) -> str:
    """The text as it may be shown: what a receipt or a log says must not move the cursor of a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
