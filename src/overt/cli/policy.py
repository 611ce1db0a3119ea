"""`overt policy`: check a policy file, explain it in prose, and say what a new version changes and for whom."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import NoReturn

import click

from overt.cli.policy_file import read_policy
from overt.core.policy import Policy
from overt.errors import InvalidFile
from overt.policy.diff import diff, verdict
from overt.policy.explain import explain, warnings

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


@click.group()
def command() -> None:
    """Check, explain and compare policies: the rules that say which requests are redirected or refused.

    A policy is the path of a TOML file, or the name of a bundled one: default, broad, observe.
    """


@command.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@_JSON
def check(files: tuple[str, ...], as_json: bool) -> None:
    """Report every problem in each FILE. Exit 0 if all can be used, 2 if one cannot."""
    results = [(file, _try(file)) for file in files]
    if as_json:
        _print_json([_checked_json(file, result) for file, result in results])
    else:
        for file, result in results:
            _print_checked(file, result)
    if any(isinstance(result, InvalidFile) for _, result in results):
        raise SystemExit(2)


@command.command(name="explain")
@click.argument("file", metavar="FILE|NAME")
@_JSON
def explain_command(file: str, as_json: bool) -> None:
    """Put a policy into plain sentences, with warnings about rules that cannot do what they say."""
    policy = _read(file, as_json=as_json)
    if as_json:
        _print_json(_head(policy) | {"lines": explain(policy), "warnings": warnings(policy)})
        return
    for line in explain(policy):
        click.echo(line)


@command.command(name="diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@_JSON
def diff_command(old: str, new: str, as_json: bool) -> None:
    """Say what changes from OLD to NEW, and for which requests. Exit 1 if callers can notice it, 0 if not."""
    before, after = _read(old, as_json=as_json), _read(new, as_json=as_json)
    changes = diff(before, after)
    if as_json:
        listed = [asdict(change) for change in changes]
        _print_json({"old": _head(before), "new": _head(after), "verdict": verdict(before, after), "changes": listed})
    else:
        for change in changes:
            click.echo(str(change))
        click.echo(verdict(before, after))
    if any(change.callers for change in changes):
        raise SystemExit(1)


def _try(file: str) -> Policy | InvalidFile:
    try:
        return read_policy(file)
    except InvalidFile as error:
        return error


def _read(file: str, *, as_json: bool) -> Policy:
    """The policy; ends the command with exit status 2 if there is none."""
    result = _try(file)
    if isinstance(result, InvalidFile):
        _fail(file, result, as_json=as_json)
    return result


def _fail(file: str, error: InvalidFile, *, as_json: bool) -> NoReturn:
    if as_json:
        _print_json(_checked_json(file, error))
    else:
        click.echo(str(error), err=True)
    raise SystemExit(2)


def _print_checked(file: str, result: Policy | InvalidFile) -> None:
    if isinstance(result, InvalidFile):
        click.echo(str(result), err=True)
        return
    click.echo(f"{file}: {result.name} {result.version} can be used ({result.digest}).")
    for warning in warnings(result):
        click.echo(f"  Warning: {warning}")


def _checked_json(file: str, result: Policy | InvalidFile) -> dict[str, object]:
    if isinstance(result, InvalidFile):
        return {"file": file, "ok": False, "problems": [asdict(problem) for problem in result.problems]}
    return {"file": file, "ok": True, **_head(result), "warnings": warnings(result), "problems": []}


def _head(policy: Policy) -> dict[str, object]:
    return {"name": policy.name, "version": policy.version, "digest": policy.digest}


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
