"""What is decided: pass, or intervene with a notice. There is no third action, and no action that says nothing.

`Intervene` has no default for its notice: an intervention without one does not type-check and does not construct.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never, final

from overt.core.domain import Digest, ModelName
from overt.core.finding import Finding, Release, Unavailable
from overt.core.notice import Notice
from overt.core.policy import Rule
from overt.core.request import Fallback


@final
@dataclass(frozen=True, slots=True)
class Notify:
    """The requested model answers, unmodified, and the person is told of the finding."""


@final
@dataclass(frozen=True, slots=True)
class Redirect:
    """A named lesser model answers, and the person is told."""

    to: Fallback


@final
@dataclass(frozen=True, slots=True)
class Refuse:
    """No model answers, and the person is told. ``recommended`` is a model that would have, if there is one."""

    recommended: ModelName | None = None


@final
@dataclass(frozen=True, slots=True)
class RetryLater:
    """Nobody could check the request; the caller is told so and may send it again. Not a policy refusal."""


Remedy = Notify | Redirect | Refuse | RetryLater


@final
@dataclass(frozen=True, slots=True)
class Pass:
    """The requested model answers, unmodified."""


@final
@dataclass(frozen=True, slots=True)
class Intervene:
    """Anything else, with what the person is told about it."""

    remedy: Remedy
    notice: Notice


Action = Pass | Intervene


@final
@dataclass(frozen=True, slots=True)
class RuleMatch:
    """A rule whose condition a finding met. ``enforced`` is False where the domain's mode kept the rule in shadow."""

    rule: Rule
    finding: Finding
    enforced: bool


@final
@dataclass(frozen=True, slots=True)
class UnavailableMatch:
    """A domain that has rules but no finding, for the cause that `Unavailable` names."""

    unavailable: Unavailable
    enforced: bool


Match = RuleMatch | UnavailableMatch


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """Everything a decision rests on, pinned by digest."""

    policy: str
    policy_digest: Digest
    release: Release
    matches: tuple[Match, ...]


@final
@dataclass(frozen=True, slots=True)
class Decision:
    """An action and its grounds."""

    action: Action
    grounds: Grounds


def relays(action: Action) -> bool:
    """Whether the requested model's reply is served as it comes: a pass, or a mere notice beside it."""
    return isinstance(action, Pass) or isinstance(action.remedy, Notify)


def outcome(action: Action) -> str:
    """The action in one word of the receipt: pass, notify, redirect, refuse or error."""
    if isinstance(action, Pass):
        return "pass"
    match action.remedy:
        case Notify():
            return "notify"
        case Redirect():
            return "redirect"
        case Refuse():
            return "refuse"
        case RetryLater():
            return "error"
        case _ as unreachable:
            assert_never(unreachable)
