"""The tables of a card about what was measured beyond one domain: unseen topics, languages, lengths, and robustness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from overt.core.domain import Domain
from overt.learn.evaluate import Evaluation, LanguageFigures
from overt.learn.rates import Rate, percent

NOT_MEASURED: Final = "not measured"


def told(found: Rate) -> str:
    """A rate with its numbers, or that there is none."""
    return f"{percent(found.share)} of {found.trials:,}" if found.trials else NOT_MEASURED


def topics(measured: Evaluation, domain: Domain) -> Sequence[str]:
    """How well the topic of a source that training never saw is told from everyday requests."""
    found = (measured.topic_auroc or {}).get(domain, {})
    lines = ["## The topic in sources left out", ""]
    if not found:
        return (*lines, f"{NOT_MEASURED.capitalize()} in this run (`--folds`).", "")
    mean = float(np.mean(list(found.values())))
    lowest = min(found, key=lambda name: found[name])
    return (
        *lines,
        f"Area under the ROC curve of the topic, requests of the left-out source against everyday requests: mean "
        f"{mean:.3f} over {len(found)} sources, lowest {found[lowest]:.3f} ({lowest}).",
        "",
        "| left out | AUROC |",
        "|---|---|",
        *(f"| {name} | {value:.3f} |" for name, value in sorted(found.items(), key=lambda item: item[1])),
        "",
    )


def second_annotator(measured: Evaluation, domain: Domain) -> Sequence[str]:
    """Unseen sources by the band that a second annotator gave their rows."""
    found = measured.second_annotator
    if not found or domain is not Domain.CYBER:
        return ()
    lines = [
        "Sources call every row harmful. A second annotator labelled a random sample by the bands above, blind; of "
        "each band, the share acted on by classifiers that never saw the source:",
        "",
        "| source | benign | low_dual | high_dual | prohibited |",
        "|---|---|---|---|---|",
    ]
    for source, bands in found.items():
        cells = (told(bands.get(band, Rate(0, 0))) for band in ("benign", "low_dual", "high_dual", "prohibited"))
        lines.append(f"| {source} | {' | '.join(cells)} |")
    return (*lines, "")


def groups(title: str, about: str, found: Mapping[str, LanguageFigures]) -> Sequence[str]:
    """All domains together, by language or by length."""
    lines = [
        f"## {title}",
        "",
        about,
        "",
        "| | everyday requests acted on | upper 95 % | recall, unseen | no finding |",
    ]
    lines.append("|---|---|---|---|---|")
    for name, each in found.items():
        general = f"{each.general.hits} of {each.general.trials:,}" if each.general.trials else NOT_MEASURED
        upper = percent(each.general.upper, 2) if each.general.trials else ""
        lines.append(f"| {name} | {general} | {upper} | {told(each.recall)} | {told(each.uncovered)} |")
    return (*lines, "")


def robustness(measured: Evaluation) -> Sequence[str]:
    """What small changes, paraphrases, encodings, preambles and deleted spans do to decisions."""
    return (
        *_stability(measured),
        *_paraphrases(measured),
        *_obfuscations(measured),
        "## Preambles and triggers",
        "",
        "- sensitive requests that are acted on still are behind an agent's preamble: "
        f"{told(measured.robustness.behind)} pairs",
        f"- without the span that the finding points at, the decision changes: {told(measured.robustness.deleted)}; "
        f"the span is {percent(measured.robustness.span_share)} of the text on average",
        f"- everyday requests that stage 2 read as well: {told(measured.looked_again)}",
        "",
    )


def cost(measured: Evaluation) -> Sequence[str]:
    """What gates lower or higher than the released ones would cost and save."""
    if not measured.cost:
        return ()
    lines = [
        "## What looking again costs",
        "",
        "Gates of stage 1 times a factor; 1 is the release. Kept: sensitive requests that both stages together would "
        "act on and that still reach stage 2.",
        "",
        "| factor | everyday requests that stage 2 reads | sensitive requests kept |",
        "|---|---|---|",
    ]
    rows = (f"| {point.factor:g} | {told(point.looked_again)} | {told(point.kept)} |" for point in measured.cost)
    return (*lines, *rows, "", "![cost](plots/cost.svg)", "")


def _stability(measured: Evaluation) -> Sequence[str]:
    lines = [
        "## Small changes of wording",
        "",
        "How many decisions stay as they were (our own requests of all domains, which training saw unchanged):",
        "",
        "| change | sensitive requests | benign requests |",
        "|---|---|---|",
    ]
    for name, found in measured.stable_sensitive.items():
        lines.append(f"| {name} | {told(found)} | {told(measured.stable_benign.get(name, Rate(0, 0)))} |")
    return (*lines, "")


def _paraphrases(measured: Evaluation) -> Sequence[str]:
    found = measured.paraphrased
    if found is None:
        return (f"Paraphrases: {NOT_MEASURED}.", "")
    return (
        f"Paraphrases, never trained on: {told(found.all)} keep their action (sensitive {told(found.sensitive)}, "
        f"benign {told(found.benign)}); of the sensitive requests that are acted on, {told(found.kept)} are acted on "
        "in other words too.",
        "",
    )


def _obfuscations(measured: Evaluation) -> Sequence[str]:
    lines = [
        "## Obfuscation",
        "",
        "Of the sensitive requests that are acted on as they stand, how many still are when written so:",
        "",
        "| written as | still acted on |",
        "|---|---|",
    ]
    return (*lines, *(f"| {name} | {told(found)} |" for name, found in measured.robustness.obfuscated.items()), "")
