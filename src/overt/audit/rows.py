"""Answers and prompts as files of JSON lines, plain or compressed by gzip: what every test reads.

One answer a line: ``pid, model, rep, text`` and, where known, ``score`` (in [0, 1]) and ``date``. One prompt a line:
``pid, topic, prompt`` and, where known, ``stratum`` and ``pair``. Members that we do not know are kept out, not
refused: answers come from many tools. A bad line is an error that names file, line, value and remedy.
"""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

from overt.errors import BadRequest

GZIP: Final = b"\x1f\x8b"
MISSING: Final = object()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer to one prompt. ``rep`` numbers repeated answers to a prompt; ``score`` is 0 (wrong) to 1 (right)."""

    pid: str
    model: str
    rep: int
    text: str
    score: float | None = None
    date: str | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One prompt. A ``stratum`` holds prompts of one form and difficulty; a ``pair`` is a target and its control."""

    pid: str
    topic: str
    text: str
    stratum: str | None = None
    pair: str | None = None


def read_answers(path: Path) -> tuple[Answer, ...]:
    """Every answer of a file, in its order; `BadRequest` names the line that cannot be read, or twice the same rep."""
    found: list[Answer] = []
    seen: dict[tuple[str, str, int], int] = {}
    for number, row in json_lines(path):
        where = f"{path}:{number}"
        answer = Answer(
            pid=_name(row, "pid", where),
            model=_name(row, "model", where),
            rep=_count(row, where),
            text=_text(row, "text", where),
            score=_score(row, where),
            date=None if row.get("date") is None else _text(row, "date", where),
        )
        key = (answer.pid, answer.model, answer.rep)
        if key in seen and answer.date is None:
            raise BadRequest(
                f"{where}: prompt {answer.pid!r}, model {answer.model!r} and rep {answer.rep} were on line {seen[key]} "
                "already: number repeated answers with rep 0, 1, 2, …"
            )
        seen[key] = number
        found.append(answer)
    if not found:
        raise BadRequest(f"{path} holds no answer: expected JSON lines with pid, model, rep and text")
    return tuple(found)


def read_prompts(path: Path) -> tuple[Prompt, ...]:
    """Every prompt of a file, in its order; `BadRequest` names the line that cannot be read, or a pid that is twice."""
    found: dict[str, Prompt] = {}
    for number, row in json_lines(path):
        where = f"{path}:{number}"
        prompt = Prompt(
            pid=_name(row, "pid", where),
            topic=_name(row, "topic", where),
            text=_text(row, "prompt", where),
            stratum=None if row.get("stratum") is None else _name(row, "stratum", where),
            pair=None if row.get("pair") is None else _name(row, "pair", where),
        )
        if prompt.pid in found:
            raise BadRequest(f"{where}: prompt {prompt.pid!r} is there already: give every prompt its own pid")
        found[prompt.pid] = prompt
    if not found:
        raise BadRequest(f"{path} holds no prompt: expected JSON lines with pid, topic and prompt")
    return tuple(found.values())


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The number and the object of every line that is not empty."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw.startswith(GZIP) else raw).decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        why = (isinstance(error, OSError) and error.strerror) or error
        raise BadRequest(f"cannot read {str(path)!r}: {why}") from error
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"{path}:{number}: not JSON ({error}): one JSON object a line is expected") from error
        if not isinstance(row, dict):
            raise BadRequest(f"{path}:{number}: expected a JSON object, found {line[:40]!r}")
        yield number, row


def _name(row: dict[str, Any], member: str, where: str) -> str:
    found = row.get(member, MISSING)
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    if not isinstance(found, str) or not found:
        raise BadRequest(f"{where}: {member} must be a string, found {_shown(found)}")
    return found


def _text(row: dict[str, Any], member: str, where: str) -> str:
    found = row.get(member, MISSING)
    if not isinstance(found, str):
        raise BadRequest(f"{where}: {member} must be a string (an empty answer is ''), found {_shown(found)}")
    return found


def _count(row: dict[str, Any], where: str) -> int:
    found = row.get("rep", 0)
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise BadRequest(f"{where}: rep must be a whole number from 0 on, found {_shown(found)}")
    return found


def _score(row: dict[str, Any], where: str) -> float | None:
    found = row.get("score")
    if found is None:
        return None
    if isinstance(found, bool):
        return float(found)
    if not isinstance(found, int | float) or not math.isfinite(found) or not 0 <= found <= 1:
        raise BadRequest(f"{where}: score must be a number from 0 to 1 or null, found {_shown(found)}")
    return float(found)


def _shown(found: object) -> str:
    return "nothing" if found is MISSING else repr(found)[:60]
