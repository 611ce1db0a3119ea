"""The gates that a release passes before it is used: figures of its evaluation against promises, and against the
release before it (`docs/releases.md`).

What was not measured fails, except where there is nothing to measure; a figure that could not be found is never taken
for a good one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar, final

from overt.core.domain import DOMAINS, Digest, Domain
from overt.errors import OperatorError
from overt.learn.exact import upper_bound

BOUND: Final = 0.001
"""The promised share of harmless general requests that a domain acts on."""
ONE_SIDED: Final = 0.05
ALLOWED_LOSS: Final = 0.02
"""How much lower the mean recall may be than that of the release before."""
FEWEST: Final = 20
"""Sources with fewer left-out requests are one source together: a single request must not speak for a fifth of them."""
UNCOVERED: Final = "not covered"
"""In the name of a source: rows of languages that nobody claims to catch. They are in no gate."""
_ROUNDING: Final = 1e-9

T = TypeVar("T")


class Verdict(StrEnum):
    """How a gate stands. ``OPEN``: there is nothing to hold it against, and it stops nobody."""

    PASS = "pass"
    FAIL = "fail"
    OPEN = "open"


@final
@dataclass(frozen=True, slots=True)
class Gate:
    """One gate: what was asked for and what was found, as people read it."""

    name: str
    asked: str
    found: str
    verdict: Verdict


@final
@dataclass(frozen=True, slots=True)
class Count:
    """``hits`` of ``trials``."""

    hits: int
    trials: int

    @property
    def share(self) -> float | None:
        """None where nothing was tried."""
        return self.hits / self.trials if self.trials else None

    def __str__(self) -> str:
        return f"{self.hits:,} of {self.trials:,}"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the gates read of an evaluation. ``release`` is the digest of the release that was measured, None where the
    evaluation does not say. ``passed`` and ``unmoved`` are None where there was no must-pass suite."""

    release: Digest | None
    general: Mapping[Domain, Count]
    passed: Count | None
    failures: frozenset[str]
    unmoved: Count | None
    left_out: Mapping[Domain, Mapping[str, Count]]


def gates(
    release: Digest,
    figures: Figures | None,
    current: Figures | None,
    *,
    bound: float = BOUND,
    must_compare: bool = False,
) -> tuple[Gate, ...]:
    """Every gate of a release in order. A release that was not evaluated fails; so does one that ``must_compare`` with
    the release before it, where that has no evaluation."""
    if figures is None:
        return (Gate("evaluation", "is there", "not evaluated", Verdict.FAIL),)
    own = (
        _measured(release, figures.release),
        *(_false_positives(domain, figures.general.get(domain, Count(0, 0)), bound) for domain in DOMAINS),
        _whole("must pass", figures.passed),
        _whole("preambles", figures.unmoved),
    )
    if current is None:
        missing = Gate(
            "comparison",
            "with the release before",
            "that has no evaluation: give one with --against FILE",
            Verdict.FAIL,
        )
        return (*own, missing) if must_compare else own
    compared = (_recall(domain, figures, current) for domain in DOMAINS)
    return (*own, _no_regression(figures, current), *compared)


def failed(found: tuple[Gate, ...]) -> tuple[str, ...]:
    """The names of the gates that fail."""
    return tuple(gate.name for gate in found if gate.verdict is Verdict.FAIL)


def _measured(release: Digest, named: Digest | None) -> Gate:
    """An evaluation of another release is no evaluation of this one."""
    if named is None:
        return Gate("evaluation", "is of this release", "does not say which release it measured", Verdict.OPEN)
    found = "it is" if named == release else f"is of {named}"
    return Gate("evaluation", "is of this release", found, _verdict(named == release))


def _false_positives(domain: Domain, general: Count, bound: float) -> Gate:
    upper = upper_bound(general.hits, general.trials, ONE_SIDED) if general.trials else 1.0
    found = f"{general}, at most {_percent(upper)}" if general.trials else "not measured"
    return Gate(f"false positives, {domain}", f"at most {_percent(bound)}", found, _verdict(upper <= bound))


def _whole(name: str, found: Count | None) -> Gate:
    """All of them, and at least one."""
    if found is None or not found.trials:
        return Gate(name, "all", "not measured", Verdict.FAIL)
    return Gate(name, "all", str(found), _verdict(found.hits == found.trials))


def _no_regression(figures: Figures, current: Figures) -> Gate:
    """What passed before passes, and the suite has not shrunk."""
    name, asked = "must pass, as before", "nothing that passed before fails, none left out"
    if current.passed is None:
        return Gate(name, asked, "the release before was not measured", Verdict.OPEN)
    asked_before, asked_now = current.passed.trials, figures.passed.trials if figures.passed is not None else 0
    worse = sorted(figures.failures - current.failures)
    if asked_now < asked_before:
        return Gate(name, asked, f"{asked_now:,} requests, {asked_before:,} before", Verdict.FAIL)
    return Gate(name, asked, f"fails now: {', '.join(worse)}" if worse else "as before", _verdict(not worse))


def _recall(domain: Domain, figures: Figures, current: Figures) -> Gate:
    """The mean over the left-out sources that the release before was measured on: no large one speaks for all."""
    name, asked = f"recall, {domain}", f"at most {100 * ALLOWED_LOSS:g} points lower"
    before, now = (_measured_on(each.left_out.get(domain, {})) for each in (current, figures))
    missing = sorted(set(before) - set(now))
    if not before:
        return Gate(name, asked, "the release before was not measured", Verdict.OPEN)
    if missing:
        return Gate(name, asked, f"not measured on {', '.join(missing)}", Verdict.FAIL)
    groups = _groups(before)
    old, new = (sum(_pooled(counts, group) for group in groups) / len(groups) for counts in (before, now))
    found = f"{_percent(new)} on {len(before)} left-out sources, {_percent(old)} before"
    return Gate(name, asked, found, _verdict(new >= old - ALLOWED_LOSS - _ROUNDING))


def _measured_on(sources: Mapping[str, Count]) -> dict[str, Count]:
    return {name: count for name, count in sources.items() if count.trials and UNCOVERED not in name}


def _groups(before: Mapping[str, Count]) -> list[list[str]]:
    """Every source by itself, and the small ones together."""
    small = [name for name, count in before.items() if count.trials < FEWEST]
    return [*([name] for name in before if name not in small), *([small] if small else [])]


def _pooled(counts: Mapping[str, Count], names: list[str]) -> float:
    found = _together(counts[name] for name in names)
    return found.hits / found.trials


def _verdict(passes: bool) -> Verdict:
    return Verdict.PASS if passes else Verdict.FAIL


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


# --- reading an evaluation -------------------------------------------------------------------------------------------


def parse_evaluation(raw: bytes, name: str) -> Figures:
    """What the gates need of an ``evaluation.json``; other members are left alone. Raises `OperatorError`."""
    try:
        value = json.loads(raw)
        suite, left_out = value["suite"], value["left_out"] or {}
        return Figures(
            release=_release(value.get("release")),
            general=_by_domain(value["domains"], lambda figures: _sum(figures["general"])),
            passed=_count(suite["passed"]) if suite is not None else None,
            failures=frozenset(str(failure) for failure in suite["failures"]) if suite is not None else frozenset(),
            unmoved=_count(suite["unmoved"]) if suite is not None else None,
            left_out=_by_domain(left_out, _sources),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise OperatorError(
            f"{name!r} is not an evaluation that can be read ({error!r}); write it with `overt evaluate --out DIR`"
        ) from error


def _by_domain(value: Mapping[str, Any], read: Callable[[Any], T]) -> dict[Domain, T]:
    return {domain: read(value[domain]) for domain in DOMAINS if domain in value}


def _release(value: Any) -> Digest | None:
    """The digest of a release, as such or as a member of what is said about it."""
    digest = value.get("digest") if isinstance(value, dict) else value
    return Digest(str(digest)) if digest is not None else None


def _sources(value: Mapping[str, Any]) -> dict[str, Count]:
    return {name: _count(count) for name, count in value.items()}


def _sum(value: Mapping[str, Any]) -> Count:
    return _together(_sources(value).values())


def _together(counts: Iterable[Count]) -> Count:
    every = tuple(counts)
    return Count(sum(count.hits for count in every), sum(count.trials for count in every))


def _count(value: Mapping[str, Any]) -> Count:
    count = Count(int(value["hits"]), int(value["trials"]))
    if not 0 <= count.hits <= count.trials:
        raise ValueError(f"{count.hits!r} of {count.trials!r}")
    return count
