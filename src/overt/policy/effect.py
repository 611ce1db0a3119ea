"""What a rule can really do, after the mode of its domain: the common ground of `explain` and `diff`."""

from __future__ import annotations

from collections.abc import Iterable

from overt.core.domain import Domain
from overt.core.policy import Mode, Policy, Rule

DONE = {
    Mode.OFF: "ignored",
    Mode.SHADOW: "recorded and answered as asked",
    Mode.NOTIFY: "answered by the requested model with a notice",
    Mode.REDIRECT: "answered by a lesser model",
    Mode.REFUSE: "refused",
}
"""What happens to a request that matches, to be read after "is" or "are"."""


def effect(policy: Policy, rule: Rule) -> Mode:
    """What happens when the rule matches: what it prescribes, or less if the mode of its domain allows only less."""
    prescribed = Mode(rule.prescription.value)
    return min((prescribed, mode_of(policy, rule.domain)), key=lambda mode: mode.rank)


def mode_of(policy: Policy, domain: Domain) -> Mode:
    """The mode of a domain."""
    return policy.modes.get(domain, Mode.OFF)


def acts(mode: Mode) -> bool:
    """Whether callers notice anything of what happens in this mode."""
    return mode.rank >= Mode.NOTIFY.rank


def threshold_words(threshold: float | None) -> str:
    """A threshold, to be read after "from"."""
    return "the classifier's earned acting point" if threshold is None else f"probability {threshold:g}"


def listed(words: Iterable[str]) -> str:
    """``a, b and c``."""
    items = tuple(words)
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else "".join(items)
