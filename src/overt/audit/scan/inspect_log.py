"""Logs of Inspect: what a sample's summary, its output and its model events say about who answered.

Read as inspect-ai 0.3.285 writes them, by name and without that package. Members that are None are not written, so an
absent ``model_fallbacks`` says something only in a log of a version that is known to record them. A grader's calls are
of another role: that its model fell back is told, and does not contaminate the sample.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, final

from overt.audit.scan.answer import Object, asked, named, unnamed
from overt.audit.scan.names import Relation, relation
from overt.audit.scan.sample import Evidence, Kind, Sample, Standing, Turn, first, whole

RECORDS_FALLBACKS: Final = (0, 3, 285)
"""The first version of which we have seen that it records fallbacks; earlier ones may, and are not trusted to."""
_VALUES: Final[Mapping[str, float]] = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
_WORDS: Final[Mapping[str, float]] = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """``scorer`` chooses where there are several scores; ``strata`` names the members that make strata."""

    requested: str | None = None
    scorer: str | None = None
    strata: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a log says about the whole run."""

    task: str
    model: str | None
    version: tuple[int, ...]
    fallbacks_seen: bool = False
    """Whether any sample of the log records some."""

    @property
    def records_fallbacks(self) -> bool:
        """Whether what wrote the log writes down fallbacks."""
        return self.fallbacks_seen or self.version >= RECORDS_FALLBACKS


def header_of(log: Object) -> Header:
    """From the header of a log (``header.json``, ``_journal/start.json``, or a whole ``.json`` log)."""
    spec = _object(log.get("eval"))
    model = spec.get("model")
    match = _VERSION.match(str(_object(spec.get("packages")).get("inspect_ai", "")))
    version = tuple(int(part) for part in match.groups()) if match else ()
    usable = isinstance(model, str) and model not in ("", "none", "none/none")
    return Header(task=str(spec.get("task", "")), model=model if usable else None, version=version)


def several_turns(summary: Object | None, sample: Object) -> bool:
    """Whether the model's events have to be read: one answer is in the output already."""
    if summary is None:
        return True
    spoken = sum(message.get("role") == "assistant" for message in _objects(sample.get("messages")))
    count = summary.get("turn_count")
    return spoken > 1 or (isinstance(count, int) and count > 1)


def read_sample(
    file: str, header: Header, summary: Object | None, sample: Object | None, options: Options
) -> Sample | None:
    """One sample from its summary, its record, or both; None if neither has an id."""
    known = {**(summary or {}), **(sample or {})}
    if "id" not in known:
        return None
    requested = asked(header.model, options.requested)
    turns = _turns(sample, header.model, requested) if sample is not None else ()
    beside = [*_halted(known), *_unrecorded(header, summary, sample)]
    fallen, note = _fallbacks(known.get("model_fallbacks"), (header.model, requested))
    kind, standing = whole(turns)
    total, others = _count(turns), sum(turn.standing is Standing.OTHER for turn in turns)
    if fallen:
        total = total or _turn_count(known)
        others = min(max(others, 1 if turns else fallen), total) if total else max(others, fallen)
        kind = Kind.PARTIAL if total is not None and others < total else Kind.SERVED_BY_OTHER
        standing = Standing.OTHER
    elif not turns and not beside and header.model is not None:
        kind, standing = Kind.OWN, Standing.OWN
        note = (*note, Evidence(Kind.OWN, "model_fallbacks", f"none is recorded for {header.model!r}"))
    halted = first(beside)
    if halted in (Kind.ERROR, Kind.TRUNCATED) and kind in (Kind.OWN, Kind.ALIAS, Kind.UNKNOWN):
        kind = halted
    identity = str(known["id"])
    return Sample(
        file=file,
        id=identity,
        epoch=known["epoch"] if isinstance(known.get("epoch"), int) else 1,
        group=group_of(header, options),
        task=identity,
        requested=requested,
        served=next((turn.served for turn in reversed(turns) if turn.served), None),
        kind=kind,
        standing=standing,
        turns=total,
        others=others,
        score=number_of(_object(_object(known.get("scores")).get(options.scorer or "")).get("value")),
        stratum=stratum_of(_object(known.get("metadata")), options.strata),
        evidence=(*(each for turn in turns for each in turn.evidence), *note, *beside),
    )


# --- Turns ------------------------------------------------------------------------------------------------------------


def _turns(sample: Object, model: str | None, requested: str | None) -> tuple[Turn, ...]:
    """The model events of the sample's own model, its output where there are none."""
    events = [event for event in _objects(sample.get("events")) if event.get("event") == "model"]
    turns = tuple(_event(event, number, requested) for number, event in enumerate(events) if _is_own(event, model))
    output = _object(sample.get("output"))
    if turns or not (output.get("choices") or output.get("model") or output.get("error")):
        return turns
    return (Turn(requested=requested, served=_served(output), evidence=tuple(_output(output, requested, "output"))),)


def _is_own(event: Object, own: str | None) -> bool:
    """Whether a call was of the sample's own model, as the log names it, and not of a grader or another role."""
    model = event.get("model")
    if event.get("pending"):
        return False
    if own is None or not isinstance(model, str):
        return not event.get("role")
    return model == own or relation(own, model) is not Relation.OTHER


def _event(event: Object, number: int, requested: str | None) -> Turn:
    where, output = f"events[model {number}]", _object(event.get("output"))
    if event.get("error"):
        found = [Evidence(Kind.ERROR, f"{where}.error", str(event["error"])[:160])]
    else:
        found = _output(output, requested, f"{where}.output")
    return Turn(requested=requested, served=_served(output), evidence=tuple(found))


def _output(output: Object, requested: str | None, where: str) -> list[Evidence]:
    found: list[Evidence] = []
    fallback = _object(output.get("fallback"))
    if fallback:
        what = f"{fallback.get('model')!r} fell back to {fallback.get('fallback_model')!r}"
        found.append(Evidence(Kind.SERVED_BY_OTHER, f"{where}.fallback", what))
    found += named(output.get("model"), requested, f"{where}.model")
    choices = list(_objects(output.get("choices")))
    refused = [each for index, choice in enumerate(choices) for each in _choice(choice, f"{where}.choices[{index}]")]
    if output.get("error") and not any(each.kind is Kind.REFUSED for each in refused):
        return [*found, *refused, Evidence(Kind.ERROR, f"{where}.error", str(output["error"])[:160])]
    if not choices:
        return [*found, Evidence(Kind.ERROR, f"{where}.choices", "empty")]
    return [*found, *refused, *unnamed([*found, *refused])]


def _choice(choice: Object, where: str) -> list[Evidence]:
    reason, details = choice.get("stop_reason"), _object(choice.get("stop_details"))
    if reason == "content_filter" or details.get("type") == "refusal":
        said = ": ".join(str(details[name]) for name in ("category", "explanation") if details.get(name))
        return [Evidence(Kind.REFUSED, f"{where}.stop_reason", (said or str(reason))[:160])]
    if reason in ("max_tokens", "model_length", "length"):
        return [Evidence(Kind.TRUNCATED, f"{where}.stop_reason", str(reason))]
    message = _object(choice.get("message"))
    if not _says(message.get("content")) and not message.get("tool_calls"):
        return [Evidence(Kind.ERROR, f"{where}.message.content", "empty")]
    return []


def _says(content: object) -> bool:
    if isinstance(content, str):
        return bool(content.strip())
    return any(part.get("type") != "reasoning" and part.get("text", "?") for part in _objects(content))


def _served(output: Object) -> str | None:
    name = _object(output.get("fallback")).get("fallback_model") or output.get("model")
    return name if isinstance(name, str) and name else None


# --- Beside the turns -------------------------------------------------------------------------------------------------


def _fallbacks(recorded: object, names: Sequence[str | None]) -> tuple[int, tuple[Evidence, ...]]:
    """How many answers fell back by the sample's own roll-up, and its evidence."""
    total = 0
    found: list[Evidence] = []
    for index, each in enumerate(_objects(recorded)):
        count = each["count"] if isinstance(each.get("count"), int) else 1
        before, after = str(each.get("model")), str(each.get("fallback_model"))
        where, what = f"model_fallbacks[{index}]", f"{count} x {before!r} fell back to {after!r}"
        known = [name for name in names if name is not None]
        own = not known or any(relation(name, before) is not Relation.OTHER for name in known)
        total += count if own else 0
        note = "" if own else ", in another role than the sample's model"
        found.append(Evidence(Kind.SERVED_BY_OTHER if own else Kind.UNKNOWN, where, what + note))
    return total, tuple(found)


def _halted(known: Object) -> Iterator[Evidence]:
    """What ended the sample early. In a summary these are words, in a sample objects."""
    error, limit = known.get("error"), known.get("limit")
    if error:
        yield Evidence(Kind.ERROR, "error", str(_object(error).get("message", error))[:160])
    if limit:
        yield Evidence(Kind.TRUNCATED, "limit", f"{_object(limit).get('type', limit)}")


def _unrecorded(header: Header, summary: Object | None, sample: Object | None) -> Iterator[Evidence]:
    """Without the sample itself only a log that records fallbacks can say that there was none."""
    if sample is None and not header.records_fallbacks and "model_fallbacks" not in (summary or {}):
        version = ".".join(map(str, header.version)) or "not named"
        what = f"not recorded (inspect-ai {version}), and the sample itself is not in the log"
        yield Evidence(Kind.UNKNOWN, "model_fallbacks", what)


def _count(turns: Sequence[Turn]) -> int | None:
    return len(turns) or None


def _turn_count(known: Object) -> int | None:
    count = known.get("turn_count")
    return count if isinstance(count, int) and count > 0 else None


# --- Scores -----------------------------------------------------------------------------------------------------------


def chosen_scorer(options: Options, log: Object, rows: Iterable[Object]) -> Options:
    """The options with a scorer: the one that was given, else the first by which any sample of the log is scored."""
    if options.scorer is not None:
        return options
    used = (next(iter(row["scores"])) for row in rows if isinstance(row.get("scores"), dict) and row["scores"])
    planned = (str(each.get("name")) for each in _objects(_object(log.get("eval")).get("scorers")))
    return replace(options, scorer=next(used, None) or next(planned, None))


def group_of(header: Header, options: Options) -> str:
    """The run that a sample belongs to, and by which scorer it is scored."""
    return f"{header.task} ({options.scorer})" if options.scorer else header.task


def number_of(value: object) -> float | None:
    """A score as Inspect's own metrics read it: C, I, P and N, words, and numbers; None for anything else."""
    if isinstance(value, str):
        if value in _VALUES:
            return _VALUES[value]
        if value.lower() in _WORDS:
            return _WORDS[value.lower()]
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool):
        return float(value)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def stratum_of(members: Object, names: Sequence[str]) -> str | None:
    """The stratum that these members make, None if one is missing."""
    found = [str(members[name]) for name in names if members.get(name) is not None]
    return " / ".join(found) if names and len(found) == len(names) else None


def _object(value: Any) -> Object:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> Iterator[Object]:
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter(())
