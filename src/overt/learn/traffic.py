"""An operator's own traffic, scored turn by turn as it is served, with every score kept the moment it is there.

1. A row is what `overt classify` reads: ``text`` or ``messages``. One row is one turn; its score is what the classifier
   finds in that request, with everything that stands before it.
2. A turn that the classifier may raise because earlier turns ask for it together ("split") depends on acting points,
   which are what is being chosen. Its score is the higher of both findings: the bound holds for any acting points.
3. A turn is named by the SHA-256 of what its segments say. The name decides its half, so that equal turns stay together
   and a file that grows moves no turn from one half to the other.
4. Scores go to a file as they come, one line each, without a word of the text. A run that was stopped goes on there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.classify.cascade import Cascade
from overt.classify.model import Floats
from overt.classify.release import Parts
from overt.classify.rows import BadRow, Row, parse_row
from overt.classify.stage1 import STAGE1
from overt.classify.turns import spread
from overt.classify.verdict import request_of
from overt.core.domain import BANDS, DOMAINS, Digest
from overt.core.finding import Assessment, Cause, Finding, Unavailable
from overt.core.request import Request, Segment
from overt.errors import BadRequest, OperatorError
from overt.learn.score import numbers_of

Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Score: TypeAlias = Callable[[Request], "Doubles | Unavailable"]
Progress: TypeAlias = Callable[[str], None]

EVERY: Final = 1_000
FORMAT: Final = "overt-scores/1"
SHAPE: Final = (len(DOMAINS), len(BANDS))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A turn of the traffic: its line in the file, its name, and its length in characters, preambles and all."""

    line: int
    name: str
    length: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Scored traffic. ``scores`` has the shape (turns, domains, bands). ``unread`` says which rows have no score, and
    why; ``uncovered`` turns are in a language that the release does not cover, and nothing is found in them. ``digest``
    is that of the file."""

    turns: Sequence[Turn]
    scores: Doubles
    unread: Sequence[BadRow]
    digest: Digest
    uncovered: int = 0

    def distinct(self) -> Flags:
        """The first of equal turns."""
        first = np.zeros(len(self.turns), bool)
        first[list({turn.name: place for place, turn in reversed(list(enumerate(self.turns)))}.values())] = True
        return first

    def first_half(self) -> Flags:
        """The turns that choose the acting points; the others are held out."""
        return np.asarray([chooses(turn.name) for turn in self.turns], bool)

    def lengths(self) -> npt.NDArray[np.int64]:
        """The length of each turn."""
        return np.asarray([turn.length for turn in self.turns], np.int64)


def chooses(name: str) -> bool:
    """Whether a turn of this name is in the half that chooses acting points."""
    return name[0] < "8"


def name_of(segments: Sequence[Segment]) -> str:
    """The name of a turn: who says what, in order."""
    said = [[segment.role, segment.text, segment.message, segment.part] for segment in segments]
    return sha256(json.dumps(said).encode()).hexdigest()


def scorer(parts: Parts) -> Score:
    """How a release scores a request, whatever its acting points are."""
    classifier = parts.classifier()

    def score(request: Request) -> Doubles | Unavailable:
        assessment = classifier.assess_now(request)
        missing = next((found for found in assessment.findings if isinstance(found, Unavailable)), None)
        if missing is not None:
            return missing
        found = numbers_of(assessment)
        if isinstance(classifier, Cascade) and parts.joint is not None and _looked_again(assessment):
            return np.maximum(found, together(request, lambda text: classifier.score(text).probabilities, parts))
        return found

    return score


def together(request: Request, score: Callable[[str], Floats], parts: Parts) -> Doubles:
    """What several turns ask for together, in each domain that the present one is on; 0 elsewhere (see 2 above)."""
    spoken, found = spread(request.segments), np.zeros(SHAPE)
    if spoken is None or parts.joint is None:
        return found
    whole, _, present = spoken
    on_topic = score(present.text)[:, 0] >= parts.joint.gates
    found[on_topic] = score(whole.text)[on_topic]
    return np.round(found, 6)


def _looked_again(assessment: Assessment) -> bool:
    return any(isinstance(found, Finding) and found.stages not in ((), (STAGE1,)) for found in assessment.findings)


def read_traffic(file: Path, score: Score, kept: Kept, progress: Progress) -> Traffic:
    """Score every turn of a file of JSON lines, the ones that are kept from the file of scores."""
    scored: list[tuple[Turn, Doubles]] = []
    unread: list[BadRow] = []
    uncovered, digest = 0, sha256()
    with kept:
        for number, line in _lines(file):
            digest.update(line)
            found = _read(line, number, score, kept)
            if isinstance(found, BadRow):
                unread.append(found)
            elif isinstance(found, Unavailable):
                uncovered += 1
            elif found is not None:
                scored.append(found)
            if number % EVERY == 0:
                progress(f"{number:,} rows ({kept.read:,} scores were there already)")
    return Traffic(
        turns=[turn for turn, _ in scored],
        scores=np.stack([scores for _, scores in scored]) if scored else np.zeros((0, *SHAPE)),
        unread=unread,
        digest=Digest(f"sha256:{digest.hexdigest()}"),
        uncovered=uncovered,
    )


def _read(line: bytes, number: int, score: Score, kept: Kept) -> tuple[Turn, Doubles] | BadRow | Unavailable | None:
    """A line's turn and scores, what is wrong with it, that its language is not covered, or None where it is blank."""
    if not line.strip():
        return None
    row = parse_row(line, number)
    if isinstance(row, BadRow):
        return row
    name = name_of(row.segments)
    found = kept.get(name, lambda: score(request_of(row)))
    if isinstance(found, Unavailable) and found.cause is Cause.LANGUAGE:
        return found
    if isinstance(found, Unavailable):
        return BadRow(row.id, f"no finding for {found.domain}: {found.reason}")
    return Turn(line=number, name=name, length=sum(len(segment.text) for segment in row.segments)), found


def rows_at(file: Path, lines: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
    """The rows at these lines of a file, as they were given."""
    wanted = set(lines)
    parsed = ((number, parse_row(line, number)) for number, line in _lines(file) if number in wanted)
    return {number: row.fields for number, row in parsed if isinstance(row, Row)}


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with file.open("rb") as stream:
            yield from enumerate(stream, 1)
    except OSError as fault:
        raise BadRequest(f"{str(file)!r} cannot be read: {fault.strerror}; give a file of JSON lines") from fault


@final
@dataclass(slots=True)
class Kept:
    """Scores by name of turn, in a file that grows by a line for each; ``read`` of them were asked for and there.

    The first line names the release and the version of this package, and a file of another one is refused. A last line
    that was cut is scored again. Open it with ``with``.
    """

    file: Path
    release: Digest
    read: int = 0
    _scores: dict[str, Doubles] = field(default_factory=dict)
    _stream: BinaryIO | None = None

    def __enter__(self) -> Kept:
        whole = self._load() if self.file.exists() else 0
        self.file.parent.mkdir(parents=True, exist_ok=True)
        stream: BinaryIO = self.file.open("r+b" if whole else "wb")
        stream.seek(whole)
        stream.truncate()
        self._stream = stream
        if not whole:
            self._write(self._head())
        return self

    def __exit__(self, *_fault: object) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def get(self, name: str, make: Callable[[], Doubles | Unavailable]) -> Doubles | Unavailable:
        """The scores of this name, made and written down if they are not there. What is unavailable is not kept."""
        found = self._scores.get(name)
        if found is not None:
            self.read += 1
            return found
        made = make()
        if isinstance(made, Unavailable):
            return made
        self._write({"turn": name, "scores": made.ravel().tolist()})
        self._scores[name] = made
        return made

    def _head(self) -> Mapping[str, object]:
        return {"v": FORMAT, "release": self.release, "overt": version("overt")}

    def _write(self, line: Mapping[str, object]) -> None:
        if self._stream is None:
            raise OperatorError(f"the file of scores {str(self.file)!r} is not open; open it with `with`")
        self._stream.write(_line(line))
        self._stream.flush()

    def _load(self) -> int:
        """Read the lines that are whole; how many bytes they are."""
        content = self.file.read_bytes()
        whole = content.rfind(b"\n") + 1
        head, *lines = content[:whole].splitlines(keepends=True) or [content]
        expected = _line(self._head())
        if head != expected and not (whole == 0 and expected.startswith(head)):
            raise OperatorError(
                f"{str(self.file)!r} does not hold scores by {self._head()!r}: it begins with {head[:100]!r}; "
                f"remove it, or name another file with --scores"
            )
        try:
            rows = [json.loads(line) for line in lines]
            self._scores.update((row["turn"], np.asarray(row["scores"], float).reshape(SHAPE)) for row in rows)
        except (ValueError, KeyError, TypeError) as fault:
            raise OperatorError(f"{str(self.file)!r} is damaged ({fault!r}); remove it") from fault
        return whole


def _line(fields: Mapping[str, object]) -> bytes:
    return json.dumps(fields).encode() + b"\n"
