"""`overt classify`: a dry run. What a policy would do with each request of a file, and why; nothing is sent anywhere.

One row in, one row out, in order. A bad row becomes ``{"id", "error"}``, the others are still classified, and the
command ends with exit status 1. A requested model is optional; the caller is taken to accept what the policy names,
and where the policy names nothing for the model, a redirect is still shown as a redirect.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Final, final

import click

from overt.classify.cascade import Cascade
from overt.classify.release import read_release, shipped
from overt.classify.rows import Row, parse_row
from overt.classify.stage1 import Stage1
from overt.classify.verdict import judge, request_of
from overt.cli.action_table import action_table
from overt.cli.policy_file import read_policy
from overt.core.domain import Band
from overt.core.policy import Policy
from overt.errors import BadRequest

PROGRESS_EVERY: Final = 500


@final
class Progress:
    """A counter on standard error, where somebody watches."""

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()

    def at(self, count: int) -> None:
        """Say how many rows are done, now and then."""
        if self._watched and count % PROGRESS_EVERY == 0:
            click.echo(f"\r{count} rows", nl=False, err=True)

    def close(self) -> None:
        """End the line."""
        if self._watched:
            click.echo("\r", nl=False, err=True)


@click.command()
@click.argument("file", required=False, metavar="[FILE|-]")
@click.option("--text", metavar="T", help="Classify this text instead of a file.")
@click.option("--policy", "policy_name", default="default", show_default=True, metavar="NAME|FILE")
@click.option("--weights", metavar="DIR", type=click.Path(path_type=Path), help="A classifier release of your own.")
@click.option("--json", "as_json", is_flag=True, help="One JSON row per row.")
@click.option("--table", "as_table", is_flag=True, help="A table of action rates instead of rows (beside --json rows).")
@click.option("--by", metavar="FIELD", help="One line of the table for each value of this field of the rows.")
def command(
    file: str | None,
    text: str | None,
    policy_name: str,
    weights: Path | None,
    as_json: bool,
    as_table: bool,
    by: str | None,
) -> None:
    """Say what a policy would do with each request of FILE (JSON lines), and why. Nothing is sent anywhere.

    A row has an "id" and either "text" or "messages" (roles system, user, assistant, tool; content is a string or a
    list of blocks), and may have a "model". Exit 0 if every row was classified, 1 if one could not be, 2 if there is
    nothing to classify with.
    """
    policy = read_policy(policy_name)
    classifier = read_release(weights if weights is not None else shipped()).classifier()
    failed = False
    counted: list[tuple[str, str]] = []
    progress = Progress()
    rows = 0
    for rows, (source, result) in enumerate(_results(_lines(file, text), policy, classifier), 1):
        failed |= result.get("action", "error") == "error"
        counted.append((_group(source, by), str(result.get("action", "error"))))
        if as_json:
            click.echo(json.dumps(result, ensure_ascii=False))
        elif not as_table:
            click.echo(_prose(result))
        progress.at(rows)
    progress.close()
    if rows == 0:
        click.echo("There are no rows to classify.", err=True)
    elif as_table or by:
        click.echo(action_table(counted, heading=by or ""), err=as_json)
    raise SystemExit(1 if failed else 0)


def _results(
    lines: Iterable[tuple[int, bytes]], policy: Policy, classifier: Cascade | Stage1
) -> Iterator[tuple[Row | None, dict[str, Any]]]:
    for number, line in lines:
        if not line.strip():
            continue
        row_or_error = parse_row(line, number)
        if isinstance(row_or_error, Row):
            yield row_or_error, _judge(row_or_error, policy, classifier)
        else:
            yield None, {"id": row_or_error.id, "error": row_or_error.error}


def _judge(row: Row, policy: Policy, classifier: Cascade | Stage1) -> dict[str, Any]:
    request = request_of(row)
    started = perf_counter()
    assessment = classifier.assess_now(request)
    spent = (perf_counter() - started) * 1000
    return judge(row, policy, assessment, ms=spent, unread=classifier.unread(request))


def _lines(file: str | None, text: str | None) -> Iterator[tuple[int, bytes]]:
    if text is not None:
        if file is not None:
            raise click.UsageError("give a FILE or --text, not both")
        return iter([(1, json.dumps({"id": "text", "text": text}).encode())])
    if file is None and sys.stdin.isatty():
        raise click.UsageError("give a FILE of JSON lines, - for standard input, or --text")
    if file is None or file == "-":
        return enumerate(sys.stdin.buffer, 1)
    return enumerate(_open(file), 1)


def _open(file: str) -> Iterator[bytes]:
    try:
        with Path(file).open("rb") as stream:
            yield from stream
    except OSError as fault:
        raise BadRequest(f"{file!r} cannot be read: {fault.strerror}; give the path of a file of JSON lines") from fault


def _group(row: Row | None, by: str | None) -> str:
    if by is None:
        return "all"
    return str(row.fields.get(by, "(none)")) if row is not None else "(bad rows)"


def _prose(result: dict[str, Any]) -> str:
    if "error" in result:
        return f"{result['id']}: not classified: {result['error']}"
    about = _about(result)
    rule = f" by rule {result['rule']}" if result["rule"] else ""
    unread = f"; {result['unread']} characters were over the limit and not read" if "unread" in result else ""
    return f"{result['id']}: {result['action']}{rule} ({about}; {result['ms']} ms{unread})"


def _about(result: dict[str, Any]) -> str:
    findings: Sequence[dict[str, Any]] = result["findings"]
    missing = [finding for finding in findings if "unavailable" in finding]
    if missing:
        return f"no finding: {missing[0]['unavailable']}"
    if result["domain"] is None:
        return "on none of the four topics"
    finding = next(each for each in findings if each["domain"] == result["domain"])
    likely = finding["topic"] if result["band"] == Band.BENIGN else finding[result["band"]]
    trigger = result["trigger"]
    where = f", {trigger['role']} {trigger['start']}-{trigger['end']}" if trigger else ""
    return f"{result['domain']} {result['band']} {likely:.3f}{where}"
