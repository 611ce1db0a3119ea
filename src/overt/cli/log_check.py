"""``overt log check``: is the log what it says it is, and does it continue what we saw before?"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import click

from overt.cli.source import Unreadable, documents_beside, key_beside, open_source
from overt.cli.steps import checked_key, read_policy, show
from overt.errors import VerificationFailed
from overt.log.files import write_durably
from overt.log.seen import open_diary
from overt.proof import canonical
from overt.proof.check import check_log
from overt.proof.members import members_of
from overt.proof.note import Checkpoint
from overt.proof.policy import Policy
from overt.proof.verify import holds

STATE_VERSION: Final = "overt-state/1"
_VERDICTS: Final = {
    "given": "The log holds.",
    "state": "The log holds, under the key that was remembered.",
    "log": "The log is consistent. Whose it is, is not proved: no --key was given.",
}
_STATE = frozenset(("v", "vkey", "size", "root", "origin"))


@final
@dataclass(frozen=True, slots=True)
class State:
    """What a check remembers for the next one."""

    vkey: str
    checkpoint: Checkpoint


@click.command("check")
@click.argument("source", metavar="URL|DIR")
@click.option("--key", metavar="VKEY", callback=checked_key, help="The log's verifier key, from a source you trust.")
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Remember the checkpoint here, and demand next time that the log continues it.",
)
@click.option("--archive", metavar="URL|DIR", help="Where digests lead to documents, if not beside the log.")
@click.option("--policy", callback=read_policy, metavar="FILE", help="The witnesses that must have cosigned.")
@click.option("--full", is_flag=True, help="Also look for every narrower tile of the right edge.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    source: str,
    key: str | None,
    state: Path | None,
    archive: str | None,
    policy: Policy | None,
    full: bool,
    as_json: bool,
) -> None:
    """Check a whole log: every entry is read and hashed again, and every tile compared.

    Exit status: 0 if no step fails, 1 if one does, 2 if the log or the state cannot be read.
    """
    known = _read_state(state) if state is not None and state.exists() else None
    vkey, origin = _key(source, key, known)
    previous, documents = known.checkpoint if known else None, documents_beside(source, archive)
    with open_diary(None) as seen:
        seen.begin()
        checked = check_log(
            open_source(source),
            vkey,
            previous=previous,
            full=full,
            documents=documents,
            seen=seen,
            witnesses=policy,
            now=int(time.time() * 1000),
        )
    if state is not None and checked.checkpoint is not None:
        write_durably(state, _state_bytes(State(vkey, checked.checkpoint)))
    show(checked.steps, as_json=as_json, verdict=_VERDICTS[origin], more={"key": vkey, "key_from": origin})
    if not holds(checked.steps):
        raise SystemExit(1)


def _key(source: str, given: str | None, known: State | None) -> tuple[str, str]:
    """The key to use, and where it is from: what was given, what was remembered, or what the log itself shows."""
    if known is not None:
        if given not in (None, known.vkey):
            raise Unreadable(f"the state file remembers the key {known.vkey!r}, not {given!r}; use another state file")
        return known.vkey, "given" if given else "state"
    if given is not None:
        return given, "given"
    beside = key_beside(source)
    if beside is None:
        raise Unreadable(f"{source!r} shows no key; give the log's verifier key with --key")
    return beside, "log"


def _read_state(path: Path) -> State:
    try:
        members = members_of(canonical.decode(path.read_bytes().removesuffix(b"\n")), "state", _STATE)
        members.constant("v", STATE_VERSION)
        checkpoint = Checkpoint(origin=members.text("origin"), size=members.integer("size"), root=members.hash("root"))
        return State(members.text("vkey"), checkpoint)
    except (VerificationFailed, OSError) as error:
        raise Unreadable(
            f"the state file {str(path)!r} cannot be read: {error}; restore it, do not delete it"
        ) from error


def _state_bytes(state: State) -> bytes:
    value: canonical.Value = {
        "v": STATE_VERSION,
        "vkey": state.vkey,
        "origin": state.checkpoint.origin,
        "size": state.checkpoint.size,
        "root": state.checkpoint.root.hex(),
    }
    return canonical.encode(value) + b"\n"
