"""What ``overt release`` prints: tables for people, rows for machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from overt.core.domain import Digest
from overt.gateway.pointer import Activation, Change, Pointer
from overt.learn.flips import Flips
from overt.learn.gates import Gate, Verdict
from overt.proof.instant import utc

SHIPPED: Final = "the release that comes with the package"
RESTART: Final = "A gateway that runs goes on with the release that it started with: restart it."
_SIGNS: Final = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.OPEN: "·"}


def gate_table(gates: Iterable[Gate]) -> str:
    """One line per gate: what was asked for, and what was found."""
    return aligned([[_SIGNS[gate.verdict], gate.name, gate.found, f"asked: {gate.asked}"] for gate in gates])


def gate_rows(gates: Iterable[Gate]) -> list[dict[str, object]]:
    """The gates for machines."""
    return [
        {"gate": gate.name, "verdict": str(gate.verdict), "found": gate.found, "asked": gate.asked} for gate in gates
    ]


def pointer_object(pointer: Pointer) -> dict[str, object]:
    """A pointer for machines. ``active`` is null where the release that comes with the package is in use."""
    return {
        "active": None if pointer.active is None else activation_object(pointer.active),
        "before": [activation_object(each) for each in pointer.before],
        "changes": [
            {
                "when": instant(change.when),
                "command": str(change.command),
                "previous": change.previous,
                "digest": change.digest,
                "reason": change.reason,
            }
            for change in pointer.changes
        ],
    }


def activation_object(activation: Activation) -> dict[str, object]:
    """An activation for machines, without its entry."""
    return {
        "digest": activation.digest,
        "name": activation.name,
        "version": activation.version,
        "when": instant(activation.when),
        "failed": list(activation.failed),
        "reason": activation.reason,
        "signed_by": activation.signed_by,
    }


def named(activation: Activation | None) -> str:
    """A release by name, version and digest."""
    return SHIPPED if activation is None else f"{activation.name} {activation.version} ({activation.digest})"


def told(activation: Activation) -> str:
    """Everything about an activation that is not its name."""
    signature = f"signed by {activation.signed_by}" if activation.signed_by else "whose it is was not checked"
    failing = f"; fails {', '.join(activation.failed)}, used because: {activation.reason}" if activation.failed else ""
    return f"since {instant(activation.when)}; {signature}{failing}"


def history(changes: Sequence[Change], names: Mapping[Digest, str]) -> list[str]:
    """Every move of the pointer, oldest first."""
    return [
        f"{instant(change.when)} {change.command}: {_short(change.previous, names)} -> {_short(change.digest, names)}"
        + (f" ({change.reason})" if change.reason else "")
        for change in changes
    ]


def flips_object(flips: Flips) -> dict[str, object]:
    """What shadow mode showed, for machines."""
    low, high = flips.interval
    return {
        "current": flips.current,
        "candidate": flips.candidate,
        "since": None if flips.since is None else utc(flips.since),
        "until": None if flips.until is None else utc(flips.until),
        "compared": flips.compared,
        "dropped": flips.dropped,
        "flips": flips.flips,
        "rate": flips.flips / flips.compared if flips.compared else None,
        "interval95": [low, high] if flips.compared else None,
        "counts": [
            {"domain": cell.domain, "current": cell.current, "candidate": cell.candidate, "count": cell.count}
            for cell in flips.cells
        ],
        "newest_flips": list(flips.newest),
    }


def flips_table(flips: Flips) -> str:
    """What shadow mode showed, for people."""
    head = f"in use {flips.current}\ntried  {flips.candidate}"
    dropped = f"{flips.dropped:,} exchanges were dropped: they are in no figure"
    if flips.since is None or flips.until is None:
        return f"{head}\nnothing compared yet; {dropped}"
    low, high = flips.interval
    rows = [["domain", "in use", "tried", "count"]]
    rows += [
        [cell.domain, cell.current, cell.candidate, f"{cell.count:,}{' *' if cell.is_flip else ''}"]
        for cell in flips.cells
    ]
    newest = "\n".join(f"  {receipt}" for receipt in flips.newest)
    return (
        f"{head}\n{utc(flips.since)} to {utc(flips.until)}: {flips.compared:,} exchanges compared; {dropped}\n"
        f"{flips.flips:,} would have ended otherwise: {flips.flips / flips.compared:.3%} "
        f"(95 % interval {low:.3%} to {high:.3%})\n\n{aligned(rows)}"
        + (f"\n\nreceipts of the newest of them (marked * above):\n{newest}" if newest else "")
    )


def instant(seconds: int) -> str:
    """POSIX seconds as people read them."""
    return utc(seconds * 1000)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows in columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _short(digest: Digest | None, names: Mapping[Digest, str]) -> str:
    return SHIPPED if digest is None else names.get(digest, digest)
