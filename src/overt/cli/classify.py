"""`overt classify`: a dry run. What a policy would do with each request of a file, and why; nothing is sent anywhere.

One row in, one row out, in order. A bad row becomes ``{"id", "error"}``, the others are still classified, and the
command ends with exit status 1. A requested model is optional; the caller is taken to accept what the policy names,
and where the policy names nothing for the model, a redirect is still shown as a redirect.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any, BinaryIO, Final, NoReturn, final

import click

from overt.classify.release import load, shipped
from overt.classify.stage1 import Stage1
from overt.cli.action_table import action_table
from overt.cli.classify_rows import Row, parse_row
from overt.cli.policy_file import read_policy
from overt.core.decide import decide
from overt.core.decision import Decision, Intervene, RuleMatch, outcome
from overt.core.domain import BANDS, DOMAINS, Band, ModelName, NoticeId
from overt.core.finding import Assessment, Finding, Release, Unavailable
from overt.core.notice import Stamp
from overt.core.policy import ANY_MODEL, Policy
from overt.core.request import Request, ServerChoice
from overt.errors import BadRelease, BadRequest, InvalidFile

UNNAMED_FALLBACK: Final = ModelName("(a model that the policy does not name)")
STAMP: Final = Stamp(notice_id=NoticeId("dry-run"), receipt_url="", contact="the operator", issued_at=0)
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
    policy, classifier = _read_policy(policy_name), Stage1(_load(weights))
    failed = False
    counted: list[tuple[str, str]] = []
    progress = Progress()
    rows = 0
    for rows, (source, result) in enumerate(_results(_lines(file, text), policy, classifier), 1):
        failed |= "error" in result
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


def classify_row(row: Row, policy: Policy, classifier: Stage1) -> dict[str, Any]:
    """The row that goes out for a row that came in."""
    request = Request(model=row.model or ANY_MODEL, segments=row.segments, acceptance=ServerChoice())
    started = perf_counter()
    assessment = classifier.assess_now(request)
    decision = decide(_with_fallbacks(policy, request.model), request, assessment, STAMP)
    spent = (perf_counter() - started) * 1000
    matched = _deciding(decision)
    domain, band = (matched.rule.domain, matched.rule.band) if matched is not None else _foremost(assessment)
    finding = next((f for f in assessment.findings if isinstance(f, Finding) and f.domain == domain), None)
    found: dict[str, Any] = {
        "id": row.id,
        "action": outcome(decision.action),
        "rule": matched.rule.id if matched is not None else None,
        "domain": domain,
        "band": band,
        "findings": [_finding(each) for each in assessment.findings],
        "trigger": _trigger(finding),
        "stages": ["stage1"],
        "ms": round(spent, 3),
    }
    unread = classifier.unread(request)
    return found | ({"unread": unread} if unread else {}) | ({"skipped": list(row.skipped)} if row.skipped else {})


def _results(
    lines: Iterable[tuple[int, bytes]], policy: Policy, classifier: Stage1
) -> Iterator[tuple[Row | None, dict[str, Any]]]:
    for number, line in lines:
        if not line.strip():
            continue
        row_or_error = parse_row(line, number)
        if isinstance(row_or_error, Row):
            yield row_or_error, classify_row(row_or_error, policy, classifier)
        else:
            yield None, {"id": row_or_error.id, "error": row_or_error.error}


def _lines(file: str | None, text: str | None) -> Iterator[tuple[int, bytes]]:
    if text is not None:
        if file is not None:
            raise click.UsageError("give a FILE or --text, not both")
        return iter([(1, json.dumps({"id": "text", "text": text}).encode())])
    if file is None and sys.stdin.isatty():
        raise click.UsageError("give a FILE of JSON lines, - for standard input, or --text")
    if file is None or file == "-":
        return enumerate(click.get_binary_stream("stdin"), 1)
    return enumerate(_open(file), 1)


def _open(file: str) -> Iterator[bytes]:
    try:
        stream: BinaryIO = Path(file).open("rb")
    except OSError as fault:
        _fail(f"{file!r} cannot be read: {fault.strerror}; give the path of a file of JSON lines")
    with stream:
        yield from stream


def _read_policy(name: str) -> Policy:
    try:
        return read_policy(name)
    except InvalidFile as error:
        _fail(str(error))


def _load(weights: Path | None) -> Any:
    try:
        return load(weights if weights is not None else shipped())
    except BadRelease as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    click.echo(message, err=True)
    raise SystemExit(2)


def _with_fallbacks(policy: Policy, model: ModelName) -> Policy:
    """The policy with some fallback wherever it names none: a dry run asks what is prescribed, not what is deployed."""
    missing = {(model, domain): (UNNAMED_FALLBACK,) for domain in DOMAINS if not policy.targets(model, domain)}
    return replace(policy, fallbacks={**policy.fallbacks, **missing}) if missing else policy


def _deciding(decision: Decision) -> RuleMatch | None:
    """The match that the notice is about; in shadow, the first that would have been enforced."""
    matches = [match for match in decision.grounds.matches if isinstance(match, RuleMatch)]
    if isinstance(decision.action, Intervene) and decision.action.notice.clause is not None:
        clause = decision.action.notice.clause
        return next((match for match in matches if match.rule.id == clause.rule), None)
    return None


def _foremost(assessment: Assessment) -> tuple[str | None, str | None]:
    """Where no rule decided: the domain that the text is likeliest about and its band, nothing where it is on none."""
    about = [
        found
        for found in assessment.findings
        if isinstance(found, Finding) and found.topic >= _point(assessment.release, found, Band.BENIGN)
    ]
    if not about:
        return None, None
    found = max(about, key=lambda each: each.topic)
    reached = [band for band in BANDS if found.at_least(band) >= _point(assessment.release, found, band)]
    return found.domain, max(reached, key=lambda band: band.rank)


def _point(release: Release, found: Finding, band: Band) -> float:
    point = release.acting_point(found.domain, band)
    return point if point is not None else 0.5


def _finding(found: Finding | Unavailable) -> dict[str, Any]:
    if isinstance(found, Unavailable):
        return {"domain": found.domain, "unavailable": found.reason}
    return {
        "domain": found.domain,
        "topic": found.topic,
        "low_dual": found.low_dual,
        "high_dual": found.high_dual,
        "prohibited": found.prohibited,
    }


def _trigger(finding: Finding | None) -> dict[str, Any] | None:
    if finding is None or finding.trigger is None:
        return None
    trigger = finding.trigger
    return {"segment": trigger.segment, "role": trigger.role, "start": trigger.start, "end": trigger.end}


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


def bad_request(message: str) -> BadRequest:
    """A bad row, as an error."""
    return BadRequest(message)
