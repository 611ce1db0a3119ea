"""A result as one page for readers: words first, then numbers, then how to check them. One file, nothing loaded, no
script; texts of models are escaped, and the page's own policy forbids whatever would slip through.

The page is a copy for reading. It is not signed and `overt audit verify` does not read it: result.json is the report.
"""

from __future__ import annotations

from typing import Final

from overt.audit.plan import Question
from overt.audit.report.markup import NOTHING, Child, Html, bullets, el, joined, table
from overt.audit.report.material import Material
from overt.audit.report.notes import LONGEST_NAME
from overt.audit.report.page_numbers import looked_after, sure
from overt.audit.report.page_pairs import pairs_of_answers
from overt.audit.report.result import EndpointFound, Result
from overt.audit.report.routes import RouteFound
from overt.audit.report.sides import Sides
from overt.audit.report.style import CSS
from overt.audit.report.words import instant, listed, reference_of, sentence
from overt.audit.verdict import Verdict

MOST_ROWS: Final = 10
"""Of names in a cell: a server may say another at each call."""
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def page_of(found: Result, material: Material, sides: Sides, vkey: str) -> str:
    """The whole page."""
    title = f"Audit of {listed([each.route for each in found.endpoints])}: {found.verdict}"
    main = el(
        "main",
        el("h1", title),
        _verdict(found),
        _compared(found, material),
        *(_endpoint(each, found, sides) for each in found.endpoints),
        _responses(found),
        _collected(found),
        el("h2", "What this does not prove"),
        bullets(found.limits),
        _check(found, vkey),
    )
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=POLICY),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", title),
        # The style is ours and holds no text of others.
        el("style", Html(CSS)),
    )
    return f'<!doctype html>\n<html lang="en">\n{head.text}\n{el("body", main).text}\n</html>\n'


def _verdict(found: Result) -> Html:
    kind = "finding" if found.verdict.is_finding else "none" if found.verdict is Verdict.NO_CHANGE else "open"
    word = str(found.verdict)
    return el(
        "div",
        el("p", f"{word[:1].upper()}{word[1:]}", class_="word"),
        el("p", sentence(found)),
        _also_seen(found),
        class_=f"verdict {kind}",
    )


def _also_seen(found: Result) -> Html:
    """What responses say of themselves, beside the verdict and never a part of it."""
    notes = [note for each in found.endpoints for note in each.notes]
    if not notes:
        return NOTHING
    return joined((el("p", "Also seen, and no part of the verdict:"), bullets(notes)))


def _compared(found: Result, material: Material) -> Html:
    asked, reference = found.asked, reference_of(found)
    named = {route.name: route for route in material.plan.routes}
    sides = [
        f"{route.route} ({route.role}): model {route.model!r} at {named[route.route].base_url}"
        for route in found.routes
    ]
    if asked.recorded is not None:
        sides.insert(0, f"{reference} (reference): answers recorded before, digest {asked.recorded}")
    about = (
        f"Did it change more on “{asked.topic}” than on the matched control “{asked.control}”?"
        if asked.question is Question.TOPIC
        else "Is the endpoint another than the reference?"
    )
    often = "once" if asked.samples == 1 else f"{asked.samples} times"
    when = (
        ""
        if found.data.first_at is None
        else f", from {instant(found.data.first_at)} to {instant(found.data.last_at or '')}"
    )
    return joined(
        (
            el("h2", "What was compared"),
            el(
                "p",
                f"{about} Each side was asked the same {asked.prompts:,} questions {often}{when}. The questions, the "
                f"test and the rule for the verdict were fixed and signed at {instant(asked.made_at)}, before the "
                "first call.",
            ),
            bullets(sides),
            bullets(found.notes),
        )
    )


def _endpoint(each: EndpointFound, found: Result, sides: Sides) -> Html:
    alone = len(found.endpoints) == 1
    warnings = (
        each.change.warnings if each.change is not None else each.topic.warnings if each.topic is not None else ()
    )
    return joined(
        (
            el("h2", "How sure" if alone else f"{each.route}: {each.verdict}"),
            sure(each, found),
            bullets(warnings),
            looked_after(each),
            pairs_of_answers(each, sides),
        )
    )


def _responses(found: Result) -> Html:
    rows = [
        (
            route.route,
            f"{route.answered:,} of {route.planned:,}",
            _listing(
                [
                    ((each.model or "not named")[:LONGEST_NAME], f"{each.answers:,}, {each.relation}")
                    for each in route.served[:MOST_ROWS]
                ]
            ),
            f"{route.refused:,}",
            _listing(
                [((each.stop or "not said")[:LONGEST_NAME], f"{each.answers:,}") for each in route.ended[:MOST_ROWS]]
            ),
            _tokens(route),
        )
        for route in found.routes
    ]
    head = ("route", "answered", "answering model, by the response", "refused", "how answers ended", "tokens in, out")
    return joined(
        (
            el("h2", "What the responses say about themselves"),
            el("p", "None of this enters the verdict: it is what servers said."),
            table(head, rows, "Routes: who answered, by their own word"),
            joined([_apart(each) for each in found.endpoints]),
        )
    )


def _listing(pairs: list[tuple[str, str]]) -> Html:
    return joined([el("span", f"{name} ({said})") for name, said in pairs], "<br>")


def _tokens(route: RouteFound) -> str:
    def shown(count: int | None) -> str:
        return "not counted" if count is None else f"{count:,}"

    return f"{shown(route.input_tokens)}, {shown(route.output_tokens)}"


def _apart(each: EndpointFound) -> Html:
    tokens = each.tokens
    if tokens is None:
        return NOTHING
    if tokens.least == tokens.most == 0:
        return el(
            "p", f"For each of {tokens.prompts:,} prompts {each.route} counts as many input tokens as the reference."
        )
    return el(
        "p",
        f"For the same prompts {each.route} counts {tokens.middle:+g} input tokens against the reference (the middle "
        f"of {tokens.prompts:,} prompts; {tokens.least:+,} to {tokens.most:+,}).",
    )


def _collected(found: Result) -> Html:
    collected = found.collected
    rows = [
        ("Calls answered", f"{collected.answered:,} of {collected.planned:,}"),
        (
            "Prompts with all their answers",
            f"{collected.pairs:,}, asked for at most {collected.largest_gap_s:.1f} s apart",
        ),
        (
            "Cost",
            f"{_money(str(collected.cost))} of a budget of {collected.budget} {collected.currency}, by price list",
        ),
        (
            "Power that was predicted",
            "none"
            if found.asked.power is None
            else f"{100 * found.asked.power:.0f} % for the change that was planned for",
        ),
    ]
    if found.baseline is not None:
        base = found.baseline
        rows.append(("The reference against itself", f"{base.verdict}, p = {base.p_value:.3g}"))
    return joined((el("h2", "Completeness and cost"), table(("what", "how much"), rows, "The collection")))


def _money(amount: str) -> str:
    return amount.rstrip("0").rstrip(".") if "." in amount else amount


def _check(found: Result, vkey: str) -> Html:
    commands = "pip install overt\novert audit verify DIR --key '" + vkey + "'"
    rows: list[tuple[Child, Child]] = [
        ("Plan, SHA-256", el("code", found.plan)),
        ("Records, Merkle root", el("code", found.data.root)),
        ("Records, number", f"{found.data.records:,}"),
        ("Auditor's key", el("code", vkey)),
    ]
    return joined(
        (
            el("h2", "Check it yourself"),
            el(
                "p",
                "Ask for the audit's folder: plan.json, responses.jsonl and result.json. The command checks both "
                "signatures, that no response was changed, and works out every number again. Compare the key with one "
                "that the auditor publishes elsewhere.",
            ),
            el("pre", commands),
            table(("what", "value"), rows, "What the signed report names"),
            el("p", "This page is a copy for reading. The report is the signed file result.json.", class_="soft"),
        )
    )
