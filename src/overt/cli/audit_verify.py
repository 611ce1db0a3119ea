"""``overt audit verify``: does a report follow from the plan and the responses that it names?"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from overt.audit.planning.seal import VKEY_FILE
from overt.audit.report.material import read_bytes, read_files
from overt.audit.report.seal import RESULT_FILE
from overt.audit.report.verify import verify_report
from overt.cli.steps import checked_key, show
from overt.proof.verify import holds

FILE: Final = click.Path(dir_okay=False, path_type=Path)


@click.command("verify")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--key", metavar="VKEY", callback=checked_key, help="The auditor's key, from a source that you trust.")
@click.option("--recorded", type=FILE, help="The recorded reference, if the plan names one; DIR/recorded.jsonl else.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path, key: str | None, recorded: Path | None, as_json: bool) -> None:
    """Verify the report in DIR in numbered steps: signatures, records, and every number, worked out again.

    Reads plan.json, responses.jsonl and result.json, and nothing that is derived from them.

    Exit status: 0 if no step fails, 1 if one does, 2 if the input cannot be read.
    """
    files = read_files(folder, recorded)
    result = read_bytes(folder / RESULT_FILE, "overt audit report")
    beside = read_bytes(folder / VKEY_FILE, "overt audit plan") if key is None else b""
    vkey = key if key is not None else beside.decode("utf-8", "replace").strip()
    steps = verify_report(files, result, vkey, trusted=key is not None)
    verdict = "Verified." if key else "Intact. Whose report it is is not proved: no --key was given."
    show(steps, as_json=as_json, verdict=verdict, more={"key_given": key is not None})
    if not holds(steps):
        raise SystemExit(1)
