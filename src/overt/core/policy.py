"""The policy as a value: versioned rules, each with a condition, a remedy and a public reason.

`overt.policy` reads it from TOML. A policy without an answer for each cause of `Unavailable` cannot be constructed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import final

from overt.core.domain import Band, Digest, Domain, ModelName, RuleId


class Mode(StrEnum):
    """How far the rules of one domain may go. A domain moves along this list one step at a time."""

    OFF = "off"
    SHADOW = "shadow"
    NOTIFY = "notify"
    REDIRECT = "redirect"
    REFUSE = "refuse"

    @property
    def rank(self) -> int:
        """0 for off up to 4 for refuse."""
        return list(Mode).index(self)


class Prescription(StrEnum):
    """What a rule prescribes when it matches."""

    NOTIFY = "notify"
    REDIRECT = "redirect"
    REFUSE = "refuse"


class OnUnavailable(StrEnum):
    """What happens when a fault leaves no finding: never a silent pass, never a policy refusal."""

    RETRY = "retry"
    NOTIFY = "notify"


class OnUncovered(StrEnum):
    """What happens to a request in a language that the release does not cover: never "nothing found"."""

    NOTIFY = "notify"
    RECORD = "record"
    REFUSE = "refuse"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """If a finding of ``domain`` reaches ``threshold`` for ``band`` or worse, then ``prescription``.

    A threshold of None stands for the acting point that the classifier's release has earned; where it has earned
    none, the rule is recorded in shadow at probability 0.5 and never enforced. ``title`` names the clause in a few
    words and ``reason`` explains it to the person it is applied to. ``allowed`` and ``covered`` are published examples
    of what stays fine and of what is meant.
    """

    id: RuleId
    domain: Domain
    band: Band
    threshold: float | None
    prescription: Prescription
    title: str
    reason: str
    allowed: tuple[str, ...] = ()
    covered: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A versioned set of rules, the same bytes of which everybody can fetch under ``digest``.

    ``fallbacks`` maps (requested model, domain) to the lesser models that may answer, first choice first; ``*`` stands
    for any requested model. A missing entry means that a redirect cannot be carried out and becomes an open refusal.
    """

    name: str
    version: str
    digest: Digest
    modes: Mapping[Domain, Mode]
    rules: tuple[Rule, ...]
    fallbacks: Mapping[tuple[ModelName, Domain], tuple[ModelName, ...]]
    on_unavailable: OnUnavailable
    on_uncovered: OnUncovered
    title: str = ""
    summary: str = ""

    def targets(self, model: ModelName, domain: Domain) -> tuple[ModelName, ...]:
        """The lesser models that may answer in place of ``model`` in this domain, first choice first."""
        named = self.fallbacks.get((model, domain))
        if named is None:
            named = self.fallbacks.get((ANY_MODEL, domain), ())
        return tuple(target for target in named if target != model)

    def is_target(self, model: ModelName, domain: Domain) -> bool:
        """Whether ``model`` is itself a lesser model to which somebody is redirected in this domain."""
        return any(model in targets for (_, where), targets in self.fallbacks.items() if where is domain)

    def allowed_fallbacks(self, model: ModelName) -> tuple[ModelName, ...]:
        """Every model that this policy may put in place of ``model``, in order of domain, without repeats."""
        return tuple(dict.fromkeys(target for domain in Domain for target in self.targets(model, domain)))


ANY_MODEL = ModelName("*")
