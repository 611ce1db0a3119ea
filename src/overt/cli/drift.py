"""``overt drift``: has the traffic or the classifier moved since a bound was earned? Prints what each check says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import click

from overt.classify.release import Parts, read_release, shipped
from overt.cli.drift_report import (
    Check,
    appeals_check,
    as_json,
    as_object,
    as_prose,
    canary_check,
    flags_check,
    ks_check,
    overall,
    psi_check,
    worst,
)
from overt.cli.policy_file import read_policy
from overt.core.domain import DOMAINS, Domain
from overt.errors import BadRequest
from overt.learn.canary import Replayed, read_canary, record, replay, written
from overt.learn.drift import ALPHA, Chart, Distance, Stability, TooLittle, chart, distance, stability, wealth
from overt.learn.drift_plot import picture
from overt.learn.verdicts import Verdicts, divided, instant_of, read_appeals, read_verdicts

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
WEIGHTS = click.option("--weights", type=FOLDER, help="The release that a canary is about; the shipped one otherwise.")
POLICY = click.option("--policy", "policy_name", default="default", show_default=True, metavar="NAME|FILE")
JSON = click.option("--json", "for_machines", is_flag=True, help="Print JSON.")
TO_A_TENTH = click.FloatRange(0, 0.1, min_open=True)
SHOWN: Final = 5
"""Changed canaries that are shown; the others are only counted."""

Compared: TypeAlias = tuple[Stability | TooLittle, Distance | TooLittle, Chart | TooLittle]


@click.group("drift")
def command() -> None:
    """Look for drift: of scores, of flags, of fixed decisions, of appeals.

    Exit status: 0 steady, 1 look, 2 gate. An input that cannot be read is 2 as well: what was not checked does not
    pass.
    """


@command.command("check")
@click.argument("files", nargs=-1, type=FILE, metavar="[REFERENCE] [CURRENT]")
@click.option("--split", metavar="TIME", help="One file: what is before this time (ISO 8601) is the reference.")
@click.option("--time", "field", metavar="FIELD", default="time", show_default=True, help="Of its rows, for --split.")
@click.option("--canary", type=FILE, help="Decide these recorded requests again.")
@WEIGHTS
@POLICY
@click.option("--appeals", type=FILE, help="Audited appeals: JSON lines with domain and overturned.")
@click.option("--promised", multiple=True, metavar="[DOMAIN=]SHARE", help="The share of them that may be overturned.")
@click.option("--alpha", default=ALPHA, show_default=True, type=TO_A_TENTH, help="Of the test of appeals.")
@click.option("--plots", type=FOLDER, help="Write a picture per domain here.")
@JSON
def check(
    files: tuple[Path, ...],
    split: str | None,
    field: str,
    canary: Path | None,
    weights: Path | None,
    policy_name: str,
    appeals: Path | None,
    promised: tuple[str, ...],
    alpha: float,
    plots: Path | None,
    for_machines: bool,
) -> None:
    """Compare verdicts as `overt classify --json` prints them; replay a canary and test appeals where given."""
    periods = _periods(files, split, field)
    compared = {domain: _compared(*periods, domain) for domain in DOMAINS} if periods is not None else {}
    checks = [line for domain, found in compared.items() for line in _lines(domain, found)]
    if canary is not None:
        checks.append(canary_check(_replay(canary, weights, policy_name)))
    if appeals is not None:
        checks.extend(_appeals(appeals, _promises(promised), alpha))
    if not checks:
        raise click.UsageError("give a reference and a current file, one file with --split, --canary or --appeals")
    if plots is not None and not compared:
        raise click.UsageError("--plots draws verdicts; give a reference and a current file")
    if plots is not None:
        _draw(plots, compared, checks)
    counts = {name: said.counts() for name, said in zip(("reference", "current"), periods or (), strict=False)}
    click.echo(as_json(checks, counts) if for_machines else as_prose(checks, counts))
    raise SystemExit(int(overall(checks)))


@command.command("canary")
@click.argument("file", type=FILE)
@click.option("--make", "requests", type=FILE, metavar="REQUESTS", help="Record these requests into FILE instead.")
@WEIGHTS
@POLICY
@JSON
def canary_command(
    file: Path, requests: Path | None, weights: Path | None, policy_name: str, for_machines: bool
) -> None:
    """Decide the recorded requests of FILE again: for one release and one policy, decisions must be identical."""
    if requests is not None:
        made = record(_bytes_of(requests).splitlines(), _parts(weights), read_policy(policy_name))
        file.write_text(written(made), encoding="ascii", newline="\n")
        click.echo(f"{len(made.recorded):,} decisions of {made.release} in {file}")
        return
    found = _replay(file, weights, policy_name)
    line = canary_check(found)
    if for_machines:
        changed = [{"id": each.id, "was": each.was, "now": each.now} for each in found.changed]
        click.echo(json.dumps({**as_object(line), "changed": changed}, ensure_ascii=False, indent=2))
    else:
        changes = [f"  {each.id}: {dict(each.was)} is now {dict(each.now)}" for each in found.changed[:SHOWN]]
        click.echo("\n".join([f"{line.word}: {line.detail}", *changes]))
    raise SystemExit(int(found.level))


def _periods(files: tuple[Path, ...], split: str | None, field: str) -> tuple[Verdicts, Verdicts] | None:
    if split is None and not files:
        return None
    if len(files) != (1 if split is not None else 2):
        raise click.UsageError("give two files, the reference first, or one file with --split TIME")
    if split is None:
        return read_verdicts(files[0]), read_verdicts(files[1])
    try:
        instant = instant_of(split)
    except ValueError as fault:
        raise click.BadParameter(f"--split {split!r} is no time; give ISO 8601, such as 2026-11-23T00:00Z") from fault
    return divided(read_verdicts(files[0], time=field), instant)


def _compared(reference: Verdicts, current: Verdicts, domain: Domain) -> Compared:
    before, now = reference.scores(domain), current.scores(domain)
    return stability(before, now), distance(before, now), chart(reference.flags(domain), current.flags(domain))


def _lines(domain: Domain, found: Compared) -> list[Check]:
    scores, ks, flags = found
    return [psi_check(domain, scores), ks_check(domain, ks), flags_check(domain, flags)]


def _appeals(file: Path, promises: Mapping[Domain | None, float], alpha: float) -> list[Check]:
    audited = read_appeals(file)
    if not audited:
        raise BadRequest(f"{str(file)!r} holds no audited appeal; leave --appeals out until there is one")
    unpromised = [domain for domain in audited if None not in promises and domain not in promises]
    if unpromised:
        raise click.UsageError(f"--appeals needs --promised SHARE, or --promised {unpromised[0]}=SHARE")
    shares = {domain: promises[domain if domain in promises else None] for domain in DOMAINS if domain in audited}
    return [appeals_check(domain, wealth(audited[domain], share, alpha)) for domain, share in shares.items()]


def _promises(given: Sequence[str]) -> Mapping[Domain | None, float]:
    return dict(_promise(each) for each in given)


def _promise(given: str) -> tuple[Domain | None, float]:
    name, _, share = given.rpartition("=")
    try:
        found = Domain(name) if name else None, float(share)
    except ValueError as fault:
        raise click.BadParameter(f"--promised {given!r} is not SHARE or DOMAIN=SHARE") from fault
    if not 0 < found[1] < 1:
        raise click.BadParameter(f"--promised {given!r}: a share is above 0 and below 1")
    return found


def _replay(file: Path, weights: Path | None, policy_name: str) -> Replayed:
    return replay(read_canary(file), _parts(weights), read_policy(policy_name))


def _parts(weights: Path | None) -> Parts:
    return read_release(weights if weights is not None else shipped())


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as fault:
        raise BadRequest(f"{str(file)!r} cannot be read: {fault.strerror}; give a file of JSON lines") from fault


def _draw(folder: Path, compared: Mapping[Domain, Compared], checks: Sequence[Check]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for domain, (scores, _, flags) in compared.items():
        text = picture(domain, worst(checks, domain), scores, flags)
        (folder / f"{domain}.svg").write_text(text, encoding="utf-8", newline="\n")
