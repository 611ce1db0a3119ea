"""Read a policy from its TOML text. Every problem is reported at once; what passes here can be decided with.

The digest covers the exact bytes of the file, so that what everybody can fetch is what was decided with.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from overt.core.domain import Band, Digest, Domain, ModelName, RuleId
from overt.core.policy import Mode, OnUnavailable, OnUncovered, Policy, Prescription, Rule
from overt.errors import InvalidFile, Problem
from overt.policy.table import POLICY
from overt.tomlfile.read import Entry, in_order, read


def parse_policy(text: str, *, name: str) -> Policy:
    """The policy in a text; ``name`` is what messages call the file.

    Raises `InvalidFile` with all problems in the order of lines.
    """
    entry, problems = read(text, name=name, table=POLICY)
    found = in_order((*problems, *_repeated_rules(entry), *_odd_fallbacks(entry)))
    if found:
        raise InvalidFile(name, found)
    return _policy(entry, text)


def _repeated_rules(entry: Entry) -> Iterator[Problem]:
    seen: dict[str, int | None] = {}
    for rule in entry.tables("rules"):
        rule_id = rule.maybe("id")
        if rule_id is None:
            continue
        if rule_id in seen:
            what = f"{rule_id!r} is already the id of the rule on line {seen[rule_id]}"
            yield rule.problem("id", what, "give each rule its own number")
        seen.setdefault(rule_id, rule.lines.get("id"))


def _odd_fallbacks(entry: Entry) -> Iterator[Problem]:
    seen: dict[str, int | None] = {}
    for fallback in entry.tables("fallbacks"):
        model = fallback.maybe("model")
        if model is None:
            continue
        if model in seen:
            what = f"{model!r} already has a table, on line {seen[model]}"
            yield fallback.problem("model", what, "put everything about one model into one table")
        seen.setdefault(model, fallback.lines.get("model"))
        for domain in Domain:
            targets = fallback.texts(domain)
            if model in targets and model != "*":
                yield fallback.problem(
                    domain, f"{model!r} falls back to itself", "name a lesser model, or leave it out"
                )
            if "*" in targets:
                yield fallback.problem(domain, "'*' is no model that can answer", "name the lesser models one by one")


def _policy(entry: Entry, text: str) -> Policy:
    modes = entry.table("modes")
    return Policy(
        name=entry.text("name"),
        version=entry.text("version"),
        digest=Digest(f"sha256:{sha256(text.encode()).hexdigest()}"),
        modes={domain: Mode(modes.text(domain)) for domain in Domain},
        rules=tuple(_rule(rule) for rule in entry.tables("rules")),
        fallbacks={
            (ModelName(fallback.text("model")), domain): tuple(map(ModelName, fallback.texts(domain)))
            for fallback in entry.tables("fallbacks")
            for domain in Domain
            if domain in fallback.values
        },
        on_unavailable=OnUnavailable(entry.text("on_unavailable")),
        on_uncovered=OnUncovered(entry.text("on_uncovered_language")),
        title=entry.text("title"),
        summary=entry.text("summary"),
    )


def _rule(rule: Entry) -> Rule:
    return Rule(
        id=RuleId(rule.text("id")),
        domain=Domain(rule.text("domain")),
        band=Band(rule.text("band")),
        threshold=rule.number("threshold"),
        prescription=Prescription(rule.text("prescribes")),
        title=rule.text("title"),
        reason=rule.text("reason"),
        allowed=rule.texts("allowed"),
        covered=rule.texts("covered"),
    )
