"""What changes from one policy to the next, in words, and for which requests.

Two files that differ only in comments have no changes. A change that callers cannot notice says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never, final

from overt.core.domain import Domain, ModelName
from overt.core.policy import ANY_MODEL, Mode, OnUnavailable, OnUncovered, Policy, Rule
from overt.policy.effect import DONE, acts, effect, listed, mode_of, threshold_words
from overt.policy.explain import named_models


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change: where, what, and its effect as a sentence. ``callers`` says whether any caller can notice it."""

    where: str
    what: str
    effect: str
    callers: bool

    def __str__(self) -> str:
        return f"{self.where}: {self.what}: {self.effect}"


def diff(old: Policy, new: Policy) -> tuple[Change, ...]:
    """Every change of content, the ones about names last."""
    return (
        *_modes(old, new),
        *_rules(old, new),
        *_fallbacks(old, new),
        *_unavailable(old, new),
        *_uncovered(old, new),
        *_names(old, new),
    )


def verdict(old: Policy, new: Policy) -> str:
    """The sum of all changes in a sentence."""
    if old.digest == new.digest:
        return "The two files are the same, byte for byte."
    changes = diff(old, new)
    noticed = sum(change.callers for change in changes)
    if noticed:
        return f"{noticed} change{'' if noticed == 1 else 's'} that callers can notice."
    return "Nothing changes for callers." if changes else "Nothing changes for callers: only comments or layout differ."


def _modes(old: Policy, new: Policy) -> Iterator[Change]:
    after = {rule.id: effect(new, rule) for rule in new.rules}
    for domain in Domain:
        was, now = mode_of(old, domain), mode_of(new, domain)
        if was is now:
            continue
        moved = [
            (rule.id, effect(old, rule), after[rule.id])
            for rule in old.rules
            if rule.domain is domain and after.get(rule.id, effect(old, rule)) is not effect(old, rule)
        ]
        told = "; ".join(
            f"what {name} matches was {DONE[then]} and is now {DONE[later]}" for name, then, later in moved
        )
        checked = "" if acts(was) is acts(now) else _checked(domain, now)
        yield Change(
            where=domain,
            what=f"mode {was} -> {now}",
            effect=f"{told or 'no rule that stays acts differently'}.{checked}",
            callers=any(acts(then) or acts(later) for _, then, later in moved),
        )


def _checked(domain: Domain, now: Mode) -> str:
    what = "now have" if acts(now) else "no longer have"
    answers = "on_unavailable or on_uncovered_language"
    return f" Requests that cannot be checked about {domain} {what} the outcome that {answers} sets."


def _rules(old: Policy, new: Policy) -> Iterator[Change]:
    before = {rule.id: rule for rule in old.rules}
    after = {rule.id: rule for rule in new.rules}
    for rule_id, rule in before.items():
        if rule_id not in after:
            words = f"requests that it matched are no longer {DONE[effect(old, rule)]} by it."
            yield Change(where=rule_id, what="removed", effect=words, callers=acts(effect(old, rule)))
    for rule_id, rule in after.items():
        if rule_id in before:
            yield from _rule(before[rule_id], rule, effect(old, before[rule_id]), effect(new, rule))
        else:
            words = (
                f"requests about {rule.domain} of band {rule.band} or worse, from {threshold_words(rule.threshold)}, "
                f"are now {DONE[effect(new, rule)]}, unless a stricter rule applies."
            )
            yield Change(where=rule_id, what="added", effect=words, callers=acts(effect(new, rule)))
    common = [rule_id for rule_id in before if rule_id in after]
    if common != [rule_id for rule_id in after if rule_id in before]:
        words = "where two rules are equally strict and equally sure, a notice may name the other one."
        yield Change(where="rules", what="another order", effect=words, callers=True)


def _rule(old: Rule, new: Rule, before: Mode, done: Mode) -> Iterator[Change]:
    """The changes of one rule; ``before`` and ``done`` are what happened on a match and what happens now."""
    visible = acts(done)
    if old.threshold != new.threshold:
        what = f"threshold {_short(old.threshold)} -> {_short(new.threshold)}"
        yield Change(where=new.id, what=what, effect=_threshold_effect(old, new, done), callers=visible)
    if old.band is not new.band:
        reach = "less sensitive requests now match too" if new.band.rank < old.band.rank else "fewer requests match"
        words = f"{reach}: those of band {new.band} or worse are {DONE[done]}."
        yield Change(where=new.id, what=f"band {old.band} -> {new.band}", effect=words, callers=visible)
    if old.prescription is not new.prescription:
        yield _prescription(old, new, before, done)
    for name, text, other in (("title", old.title, new.title), ("reason", old.reason, new.reason)):
        if text != other:
            words = "the same requests match; their notices read differently."
            yield Change(where=new.id, what=f"another {name}", effect=words, callers=visible)
    for name, published, now in (("allowed", old.allowed, new.allowed), ("covered", old.covered, new.covered)):
        if published != now:
            words = "only the published examples differ; the same requests match."
            yield Change(where=new.id, what=f"other examples under {name}", effect=words, callers=False)


def _prescription(old: Rule, new: Rule, before: Mode, done: Mode) -> Change:
    what = f"prescribes {old.prescription} -> {new.prescription}"
    if before is done:
        return Change(where=new.id, what=what, effect="no request changes: the mode caps it.", callers=False)
    words = f"requests that match were {DONE[before]} and are now {DONE[done]}."
    return Change(where=new.id, what=what, effect=words, callers=acts(before) or acts(done))


def _short(threshold: float | None) -> str:
    return "release" if threshold is None else f"{threshold:g}"


def _threshold_effect(old: Rule, new: Rule, done: Mode) -> str:
    if old.threshold is None or new.threshold is None:
        return (
            f"requests are {DONE[done]} from {threshold_words(new.threshold)} instead of "
            f"{threshold_words(old.threshold)}; whether these are more or fewer depends on the classifier's release."
        )
    low, high = sorted((old.threshold, new.threshold))
    verb = "are now" if new.threshold < old.threshold else "are no longer"
    return f"requests with a probability from {low:g} to under {high:g} {verb} {DONE[done]} by this rule."


def _fallbacks(old: Policy, new: Policy) -> Iterator[Change]:
    """Changes of lesser models, one for all domains of a model that change alike."""
    moves: dict[tuple[ModelName, str, str], list[Domain]] = {}
    for domain in Domain:
        for model in dict.fromkeys((*named_models(old, domain), *named_models(new, domain), ANY_MODEL)):
            before, after = old.targets(model, domain), new.targets(model, domain)
            if before != after:
                key = (model, ", ".join(before) or "none", ", ".join(after) or "none")
                moves.setdefault(key, []).append(domain)
    for (model, then, now), domains in moves.items():
        who = "any other model" if model == ANY_MODEL else model
        yield Change(
            where=f"fallbacks of {model}",
            what=f"{then} -> {now} ({listed(domains)})",
            effect=_move(who, now) + _spared(old, new, domains),
            callers=True,
        )


def _move(who: str, now: str) -> str:
    if now == "none":
        return f"a redirected request to {who} becomes an open refusal."
    return f"a redirected request to {who} is now answered by the first of {now} that the caller accepts."


def _spared(old: Policy, new: Policy, domains: list[Domain]) -> str:
    """Which models become or cease to be lesser models, requests to which are not redirected."""
    then = {target for domain in domains for target in _targets(old, domain)}
    now = {target for domain in domains for target in _targets(new, domain)}
    gained = f" Requests to {listed(sorted(now - then))} themselves are not redirected." if now - then else ""
    lost = f" Requests to {listed(sorted(then - now))} may now be redirected." if then - now else ""
    return gained + lost


def _targets(policy: Policy, domain: Domain) -> set[ModelName]:
    return {target for (_, where), targets in policy.fallbacks.items() if where is domain for target in targets}


def _unavailable(old: Policy, new: Policy) -> Iterator[Change]:
    if old.on_unavailable is not new.on_unavailable:
        yield Change(
            where="on_unavailable",
            what=f"{old.on_unavailable} -> {new.on_unavailable}",
            effect=f"requests that a classifier fails to check are now {_after_fault(new.on_unavailable)}.",
            callers=_acting(old, new),
        )


def _uncovered(old: Policy, new: Policy) -> Iterator[Change]:
    if old.on_uncovered is not new.on_uncovered:
        done = _in_uncovered_language(new.on_uncovered)
        yield Change(
            where="on_uncovered_language",
            what=f"{old.on_uncovered} -> {new.on_uncovered}",
            effect=f"requests in a language that the classifier's release does not cover are now {done}.",
            callers=_acting(old, new),
        )


def _acting(*policies: Policy) -> bool:
    """Whether a rule of one of them does what callers notice: only then is a missing finding answered."""
    return any(acts(effect(policy, rule)) for policy in policies for rule in policy.rules)


def _after_fault(answer: OnUnavailable) -> str:
    match answer:
        case OnUnavailable.RETRY:
            return "answered with an error to be retried"
        case OnUnavailable.NOTIFY:
            return "answered by the requested model, with a notice"
        case _ as unreachable:
            assert_never(unreachable)


def _in_uncovered_language(answer: OnUncovered) -> str:
    match answer:
        case OnUncovered.NOTIFY:
            return "answered by the requested model, with a notice"
        case OnUncovered.RECORD:
            return "answered as asked, which only receipt and header call unchecked"
        case OnUncovered.REFUSE:
            return "refused, and told that this is not about the content"
        case _ as unreachable:
            assert_never(unreachable)


def _names(old: Policy, new: Policy) -> Iterator[Change]:
    pairs = (("name", old.name, new.name), ("version", old.version, new.version))
    for name, then, now in pairs:
        if then != now:
            words = "notices call the policy by it; no request is treated differently."
            yield Change(where=name, what=f"{then} -> {now}", effect=words, callers=False)
    for name, then, now in (("title", old.title, new.title), ("summary", old.summary, new.summary)):
        if then != now:
            words = "only the policy page reads differently."
            yield Change(where=name, what="another text", effect=words, callers=False)
