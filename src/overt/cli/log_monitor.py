"""``overt log monitor``: follow a log from outside, check all that is new, and count what it says happened."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final, final

import click

from overt.cli.source import Unreadable, documents_beside, key_beside, notices_beside, open_source
from overt.cli.steps import printable
from overt.errors import VerificationFailed
from overt.log.monitor import Monitor, Public, Round, Trust, outcomes
from overt.log.seen import Diary, open_diary
from overt.proof.note import VerifierKey, parse_vkey
from overt.proof.policy import Policy, parse_policy
from overt.proof.tiles import WIDTH

KEYS: Final = "keys"
_VERDICTS: Final = {
    "given": "No alarm.",
    "state": "No alarm, under the key that was remembered.",
    "log": "No alarm. Whose log it is, is not proved: no --key was given.",
}


@final
class _SystemClock:
    def now(self) -> float:
        return time.time()


@click.command("monitor")
@click.argument("source", metavar="URL|DIR")
@click.option("--key", "keys", metavar="VKEY", multiple=True, help="A key of the log, from a source you trust.")
@click.option("--state", type=click.Path(dir_okay=False, path_type=Path), help="Remember here, and go on from it.")
@click.option("--policy", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Demand these witnesses.")
@click.option("--archive", metavar="URL|DIR", help="Where digests lead to documents, if not beside the log.")
@click.option(
    "--promise",
    "promises",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    help="A receipt, or a folder of receipts: demand that the log keeps their promises.",
)
@click.option("--notices", default=100, show_default=True, type=click.IntRange(0), help="Notices looked up per round.")
@click.option("--every", type=click.FloatRange(0, min_open=True), help="Go on, one round every so many seconds.")
@click.option("--rounds", type=click.IntRange(1), help="With --every: end after so many rounds.")
@click.option("--period", default="", metavar="YYYY[-MM[-DD]]", help="Count exchanges of these days only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per round.")
def command(
    source: str,
    keys: tuple[str, ...],
    state: Path | None,
    policy: Path | None,
    archive: str | None,
    promises: tuple[Path, ...],
    notices: int,
    every: float | None,
    rounds: int | None,
    period: str,
    as_json: bool,
) -> None:
    """Monitor a log: read every new entry, hash it, check it, and count outcomes by model and domain.

    Exit status: 0 without an alarm, 1 if one was raised that is new or that stopped a round, 2 if the log, the state or
    a receipt cannot be read.
    """
    with open_diary(state) as diary:
        known, origin = _keys(source, keys, diary)
        public = Public(open_source(source), documents_beside(source, archive), notices_beside(source))
        monitor = Monitor(
            diary,
            public,
            Trust(keys=known, policy=None if policy is None else _policy(policy)),
            clock=_SystemClock(),
            pause=time.sleep,
            most_notices=notices,
        )
        _watch(monitor, promises)
        shown = _Shown(diary, origin, period, as_json)
        raised = _follow(monitor, shown, every, rounds)
    if raised:
        raise SystemExit(1)


def _follow(monitor: Monitor, shown: _Shown, every: float | None, rounds: int | None) -> bool:
    """One round, or one after the other until it is interrupted; whether an alarm was raised."""
    if every is None:
        found = monitor.round()
        shown.show(found)
        return found.alarming
    raised, number = False, 0
    try:
        while rounds is None or number < rounds:
            if number:
                time.sleep(every)
            number += 1
            try:
                found = monitor.round()
            except Unreadable as error:
                click.echo(f"overt: {error.format_message()}", err=True)
                continue
            shown.show(found)
            raised = raised or found.alarming
    except KeyboardInterrupt:
        click.echo("overt: interrupted; what was checked is kept", err=True)
    return raised


def _keys(source: str, given: tuple[str, ...], diary: Diary) -> tuple[tuple[VerifierKey, ...], str]:
    """The keys to use, and where they are from, as in ``overt log check``."""
    kept = diary.memo(KEYS)
    known = [] if kept is None else kept.decode().split()
    if known and given and not set(known) & set(given):
        raise Unreadable(f"the state file remembers the keys {known!r}, not {list(given)!r}; use another state file")
    if given:
        texts, origin = list(given), "given"
    elif known:
        texts, origin = known, "state"
    else:
        beside = key_beside(source)
        if beside is None:
            raise Unreadable(f"{source!r} shows no key; give the log's verifier key with --key")
        texts, origin = [beside], "log"
    try:
        keys = tuple(parse_vkey(text) for text in texts)
    except VerificationFailed as error:
        raise Unreadable(str(error)) from error
    diary.note(KEYS, "\n".join(texts).encode())
    return keys, origin


def _policy(path: Path) -> Policy:
    try:
        return parse_policy(path.read_bytes())
    except (VerificationFailed, OSError) as error:
        raise Unreadable(f"the policy {str(path)!r} cannot be read: {error}") from error


def _watch(monitor: Monitor, promises: Iterable[Path]) -> None:
    for path in promises:
        for receipt in sorted(path.glob("*.json")) if path.is_dir() else [path]:
            try:
                monitor.watch(receipt.read_bytes())
            except (VerificationFailed, OSError) as error:
                raise Unreadable(f"the receipt {str(receipt)!r} cannot be used: {error}") from error


def _retention(found: Round) -> dict[str, int] | None:
    return None if found.retention is None else {"entry": found.retention[0], "kept": found.retention[1]}


@final
class _Shown:
    """How rounds are shown: each as JSON; to people the first one, and those in which something is new."""

    def __init__(self, diary: Diary, origin: str, period: str, as_json: bool) -> None:
        self._diary = diary
        self._origin = origin
        self._period = period
        self._as_json = as_json
        self._first = True

    def show(self, found: Round) -> None:
        if self._as_json:
            click.echo(json.dumps(self._object(found), ensure_ascii=False))
        elif self._first or found.entries or found.alarming:
            for line in self._lines(found):
                click.echo(printable(line))
        self._first = False

    def _object(self, found: Round) -> dict[str, object]:
        head = found.head
        return {
            "ok": not found.alarming,
            "time": found.time,
            "key_from": self._origin,
            "origin": None if head is None else head.origin,
            "size": None if head is None else head.size,
            "root": None if head is None else head.root.hex(),
            "stopped": found.stopped,
            "entries": found.entries,
            "statements": found.statements,
            "announcements": found.announcements,
            "pruned": found.pruned,
            "retention": _retention(found),
            "alarms": [{"kind": each.kind, "detail": each.detail, "new": each.new} for each in found.alarms],
            "alarms_untold": found.untold,
            "alarms_ever": self._diary.alarms(),
            "awaiting_completion": found.awaiting,
            "digests_lacking": found.lacking,
            "notices": {"new": found.notices_seen, "looked_up": found.notices},
            "promises_open": found.promises,
            "outcomes": list(outcomes(self._diary, self._period)),
        }

    def _lines(self, found: Round) -> Iterable[str]:
        head = found.head
        if head is not None:
            yield f"{head.origin}: {head.size} entries under {head.root.hex()}, {found.entries} of them new"
        for row in outcomes(self._diary, self._period):
            words = (row["model"], row["domain"] or "-", row["outcome"], row["ground"] or "-")
            yield f"  {row['number']:>9}  " + "  ".join(str(word) for word in words)
        yield (
            f"completions awaited: {found.awaiting}; digests that lead nowhere: {found.lacking}; notices looked up: "
            f"{found.notices} of {found.notices_seen} new; promises open: {found.promises}"
        )
        if found.retention is not None:
            index, kept = found.retention
            yield f"entry {index} says that entries {WIDTH} to {kept - 1} may be pruned; their hashes stay"
        if found.pruned:
            yield f"pruned before they were looked at: {found.pruned} entries; only their hashes were checked"
        for alarm in found.alarms:
            yield f"✗ {alarm.kind}{'' if alarm.new else ' (known)'}: {alarm.detail}"
        if found.untold:
            yield f"✗ and {found.untold} more"
        if not found.alarming:
            yield _VERDICTS[self._origin]
