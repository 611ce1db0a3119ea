"""``overt audit report``: run the registered test on the records, sign what it says, and write it as a page."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from overt.audit.planning.seal import KEY_FILE
from overt.audit.report.document import document_of
from overt.audit.report.material import RECORDED_FILE, Files, opened, read_bytes, read_files
from overt.audit.report.page import page_of
from overt.audit.report.result import EndpointFound, Result, result_of
from overt.audit.report.seal import RESULT_FILE, seal_result
from overt.audit.report.sides import sides_of
from overt.audit.report.words import sentence
from overt.cli.steps import printable
from overt.errors import BadRequest, OperatorError
from overt.log.files import write_durably
from overt.log.keys import SeedSigner, read_signer

FILE: Final = click.Path(dir_okay=False, path_type=Path)


@click.command("report")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--html", "page", type=FILE, help="Write a page for readers here.")
@click.option("--key", type=FILE, help="The file of the key that signed the plan; DIR/audit.key else.")
@click.option("--recorded", type=FILE, help="The recorded reference, if the plan names one; DIR/recorded.jsonl else.")
@click.option("--json", "for_machines", is_flag=True, help="Print the result as JSON.")
def command(folder: Path, page: Path | None, key: Path | None, recorded: Path | None, for_machines: bool) -> None:
    """Run the test that the plan in DIR registered, on DIR/responses.jsonl, and sign DIR/result.json.

    Only the key that signed the plan signs its result. A result that is there is written anew: the same records give
    the same numbers.

    Exit status: 0 no change detected or cannot tell, 1 changed, 2 bad input.
    """
    signer = _signer(key if key is not None else folder / KEY_FILE)
    files = read_files(folder, recorded)
    material = opened(files, signer.vkey)
    sides = sides_of(material)
    found = result_of(material, sides)
    document = document_of(found, _now())
    _keep_recorded(files, folder)
    try:
        write_durably(folder / RESULT_FILE, seal_result(document, signer.vkey, signer.sign))
        if page is not None:
            write_durably(page, page_of(found, material, sides, signer.vkey).encode())
    except OSError as error:
        raise OperatorError(f"cannot write {error.filename!r}: {error.strerror}") from error
    click.echo(json.dumps(document, ensure_ascii=False, indent=2) if for_machines else _prose(found, folder, page))
    if found.verdict.is_finding:
        raise SystemExit(1)


def _signer(path: Path) -> SeedSigner:
    if not path.exists():
        raise BadRequest(f"there is no key {str(path)!r}: name the one that signed the plan with --key")
    return read_signer(path)


def _keep_recorded(files: Files, folder: Path) -> None:
    """A copy of the recorded reference beside the records, so that the folder alone can be verified."""
    own = folder / RECORDED_FILE
    if files.recorded != own and files.recorded.exists() and not own.exists():
        write_durably(own, read_bytes(files.recorded, "the recording"))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


# --- for people ------------------------------------------------------------------------------------------------------


def _prose(found: Result, folder: Path, page: Path | None) -> str:
    collected = found.collected
    lines = [f"Verdict: {found.verdict}.", printable(sentence(found)), ""]
    for each in found.endpoints:
        lines += [f"{printable(each.route)}: {each.verdict}", *(f"  {line}" for line in _numbers(each, found))]
        lines += [f"  note: {printable(note)}" for note in each.notes]
    lines += [f"note: {printable(note)}" for note in found.notes]
    lines.append(
        f"{collected.answered:,} of {collected.planned:,} calls answered, "
        f"{collected.cost.normalize():f} of {collected.budget:f} {collected.currency} spent."
    )
    lines.append(f"Signed: {folder / RESULT_FILE}. Check it with: overt audit verify {folder}")
    if page is not None:
        lines.append(f"Page: {page}")
    return "\n".join(lines)


def _numbers(each: EndpointFound, found: Result) -> list[str]:
    lines: list[str] = []
    if each.change is not None:
        change = each.change
        lines.append(
            f"p = {change.p_value:.3g} at alpha {change.alpha:g}; {change.n_prompts:,} prompts, {change.design}"
        )
        if change.effect is not None:
            size = change.effect
            lines.append(f"size {size.value:.4f} ({size.low:.4f} to {size.high:.4f}); 0 is none, 2 the most")
    if each.topic is not None and each.topic.p_value is not None:
        topic = each.topic
        rank = "unknown" if topic.placebo_p is None else f"{topic.placebo_p:.3g}"
        lines.append(
            f"{found.asked.topic} against {found.asked.control}: p = {topic.p_value:.3g}, among placebo topics {rank}"
        )
        if topic.delta is not None and topic.ci is not None:
            lines.append(f"it lost {topic.delta:+.3f} more ({topic.ci[0]:+.3f} to {topic.ci[1]:+.3f})")
    if each.path is not None:
        alarm = "never" if each.path.alarm_at is None else f"after {each.path.alarm_at:,} pairs"
        lines.append(f"looked at after every pair: alarm {alarm} (largest e-value {each.path.e_max:.3g})")
    warnings = each.change.warnings if each.change is not None else each.topic.warnings if each.topic else ()
    return [*lines, *(f"note: {printable(warning)}" for warning in warnings)]
