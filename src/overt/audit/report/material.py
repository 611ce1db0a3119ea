"""What a report is made of: the signed plan, the chained records and, where the plan names one, the recorded reference.

Read once, as bytes; everything else follows from these by functions. Files of rows beside them are never read.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from overt.audit.chain import Chain, verify_chain
from overt.audit.compare import of_model
from overt.audit.plan import Plan
from overt.audit.planning.encode import decode_plan
from overt.audit.planning.seal import KIND as PLAN_KIND
from overt.audit.planning.seal import PLAN_FILE
from overt.audit.report.seal import open_exactly
from overt.audit.rows import Answer, read_answers
from overt.errors import BadRequest, VerificationFailed

RECORDS_FILE: Final = "responses.jsonl"
RECORDED_FILE: Final = "recorded.jsonl"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The bytes of an audit's folder. ``recorded`` is where recorded answers are, if the plan names some."""

    plan: bytes
    records: bytes
    recorded: Path


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """A plan whose signature holds, records whose chain continues it, and the answers recorded before."""

    plan: Plan
    digest: str
    chain: Chain
    recorded: tuple[Answer, ...] = ()


def read_files(folder: Path, recorded: Path | None = None) -> Files:
    """The files of a folder; `BadRequest` names the one that cannot be read."""
    return Files(
        plan=read_bytes(folder / PLAN_FILE, "overt audit plan"),
        records=read_bytes(folder / RECORDS_FILE, "overt audit collect"),
        recorded=recorded if recorded is not None else folder / RECORDED_FILE,
    )


def read_bytes(path: Path, made_by: str) -> bytes:
    """The bytes of a file; `BadRequest` names it and the command that makes it."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadRequest(f"cannot read {str(path)!r} ({error.strerror}): it is made by '{made_by}'") from error


def opened(files: Files, vkey: str) -> Material:
    """Everything, verified; `VerificationFailed` names what does not hold."""
    plan, digest = plan_in(files.plan, vkey)
    chain = whole_chain(files.records, digest)
    return Material(plan=plan, digest=digest, chain=chain, recorded=recorded_of(plan, files.recorded))


def plan_in(raw: bytes, vkey: str) -> tuple[Plan, str]:
    """The plan in its envelope, and its digest."""
    body = open_exactly(raw, PLAN_KIND, vkey)
    return decode_plan(body), hashlib.sha256(body).hexdigest()


def whole_chain(raw: bytes, digest: str) -> Chain:
    """The chain of records, of which the last is whole as well."""
    chain = verify_chain(raw, digest)
    if chain.torn:
        raise VerificationFailed(
            f"line {len(chain.records) + 1}",
            f"it has no end ({chain.torn[-20:]!r}): run 'overt audit collect' again, which sets a torn line aside",
        )
    return chain


def recorded_of(plan: Plan, path: Path) -> tuple[Answer, ...]:
    """The recorded reference that the plan names by its digest; none where it names none."""
    if plan.recorded is None:
        return ()
    found = hashlib.sha256(read_bytes(path, "the recording; name it with --recorded")).hexdigest()
    if found != plan.recorded:
        raise VerificationFailed("recorded", f"{str(path)!r} has the digest {found}, the plan names {plan.recorded}")
    pids = {prompt.pid for prompt in plan.prompts}
    answers = of_model(read_answers(path), None, "recorded reference")
    kept = tuple(answer for answer in answers if answer.pid in pids)
    if not kept:
        raise BadRequest(f"{str(path)!r} answers none of the plan's prompts: name the recording that was planned with")
    return kept
