"""Classifier cards: what a release is, what it was measured to do, and what it misses (classifiers.md §8).

Every number is generated from an `Evaluation` and the manifest. What was not measured is called not measured.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

from overt.classify.joint import TOPIC_GATE
from overt.core.domain import BANDS, DOMAINS, Band, Domain
from overt.core.finding import Release
from overt.core.policy import Policy
from overt.learn import card_tables
from overt.learn.agreement import Agreement
from overt.learn.calibrate import ALPHA, DELTA, IN_DOMAIN_CAP
from overt.learn.evaluate import NOT_COVERED, DomainFigures, Evaluation
from overt.learn.rates import PREVALENCES, Rate, percent, precision_at
from overt.learn.suite import SuiteResult

OUTCOMES: Final = ("pass", "notify", "redirect", "refuse")
FEW: Final = 30
"""Fewer rows than this make an interval too wide to lean on; the cards say so."""
WORST: Final = 6
MEANINGS: Final = {
    Band.BENIGN: "ordinary, defensive, educational, clinical, administrative",
    Band.LOW_DUAL: "dual use with low risk, legitimate most of the time",
    Band.HIGH_DUAL: "directly useful for harm, although professionals also ask it",
    Band.PROHIBITED: "a clear harmful goal without a legitimate reading",
}
LIMITS: Final = {
    Domain.CYBER: (
        "It reads words, not intentions: a request that names a goal in everyday words, without the vocabulary of "
        "attacks, passes; a defender who quotes an attacker's words may be redirected.",
    ),
    Domain.BIO: (
        "Public sensitive requests in biology are few, written by language models and sorted by keyword; most of what "
        "this head knows comes from our own requests. Treat its recall on other people's wording as unknown.",
        "Medicine counts as biology only where pathogens, toxins or genetic engineering are the point.",
    ),
    Domain.CHEM: (
        "Public sensitive requests in chemistry are few, written by language models and sorted by keyword; most of "
        "what this head knows comes from our own requests. Treat its recall on other people's wording as unknown.",
    ),
    Domain.FRONTIER_LLM: (
        "There is no public test set for this domain. Its sensitive band was trained and measured only on our own "
        "requests; public commit subjects and kernel tasks teach the topic and say nothing about scale.",
        "It has no prohibited band: this is a commercial restriction, not a harm.",
    ),
}
CHOSEN: Final = (
    "How this release's settings were chosen, which weakens what the figures below prove. Real everyday requests of "
    "the threshold split are mostly short and easy; the caps on our own everyday requests (traps: 0.6 %, 0.2 % in "
    "cyber) and on our own benign contrasts (3.3 %, 2.85 % in bio) are what binds in practice. They were chosen "
    "after looking at false positives on held-out everyday requests and at the rate inside each domain, gates and "
    "the weights of both stages after looking at recall in sources left out. So all these figures are somewhat "
    "optimistic, and the must-pass suite passes by construction: every point lies above every must-pass request.",
    "alpaca, staqc_sql, xquad, nq_open, clinc150, jmmlu, exams_qa, sgd_dialogues, seceval, banking77 and "
    "d2l_exercises are not fresh judges: benign rows of ours were written after the false positives of earlier "
    "classifiers on them had been read, in the same genres (no row was copied). Sensitive rows were written knowing "
    "by how much cysecbench, cse_interpreter and ailuminate_demo were missed, not from their texts. Small talk was "
    "written after looking at which sentences of the everyday paragraph, by which stability is measured, stage 1 "
    "took for something else, and gates, the reading by sentence and turned readings were tried on those "
    "measurements.",
)
"""What the search for this release looked at; bring it up to date whenever a setting is chosen anew."""
LANGUAGES_TOLD: Final = (
    "All domains together. Recall is of classifiers that never saw the source or family; public sensitive rows in "
    "other languages than English are few (catqa: Chinese and Vietnamese), so it rests on our own requests. A language "
    "that is not covered should be in the last column; what of it is not was too short or too mixed to tell."
)
COMMON_LIMITS: Final = (
    "A request split over several turns or hidden in agreed code words; only the current turn decides.",
    "Images, audio and files that are not text.",
    "What a model answers: this release reads requests only.",
    "An attacker who has these weights can search for wordings that pass. The bound below is about false alarms among "
    "honest requests, not about determined evasion.",
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What the cards are about. ``manifest`` is the release's own manifest."""

    release: Release
    manifest: Mapping[str, Any]
    policy: Policy
    policy_text: str
    evaluation: Evaluation
    agreement: Mapping[str, Agreement] = field(default_factory=dict)


def card(subject: Subject, domain: Domain) -> str:
    """The card of one domain, in Markdown."""
    figures = subject.evaluation.domains[domain]
    parts = (
        _head(subject, domain),
        _use(subject, domain),
        _acting(subject, domain),
        _false_positives(subject, domain, figures),
        _recall(subject, domain, figures),
        card_tables.second_annotator(subject.evaluation, domain),
        card_tables.topics(subject.evaluation, domain),
        _separation(domain, figures),
        _precision(subject, domain, figures),
        card_tables.groups("Languages", LANGUAGES_TOLD, subject.evaluation.languages),
        card_tables.groups("Lengths", "All domains together.", subject.evaluation.lengths),
        card_tables.robustness(subject.evaluation),
        card_tables.cost(subject.evaluation),
        _not_detected(domain),
        _training(subject),
        _contact(),
    )
    return "\n".join(line for part in parts for line in part) + "\n"


def _head(subject: Subject, domain: Domain) -> Sequence[str]:
    release, speed = subject.release, subject.evaluation.latency
    return (
        f"# Classifier card: {domain}",
        "",
        "Generated by `overt evaluate`; do not edit.",
        "",
        f"- Release: {release.name} {release.version}, {subject.manifest['date']}, manifest `{release.digest}`",
        *(f"- {name}: `{digest}`, Apache-2.0" for name, digest in subject.manifest["files"].items()),
        *_stages(subject),
        f"- Languages covered: {', '.join(subject.manifest.get('languages', ['en']))}; a request in another one gets "
        "no finding, and the policy has to answer for that",
        f"- Latency: median {speed.p50:.2f} ms, 95th percentile {speed.p95:.2f} ms per request on one core of "
        f"{speed.processor} ({speed.requests} requests)",
        "- Unit of every rate: one user turn",
        "",
    )


def _stages(subject: Subject) -> Sequence[str]:
    first = (
        "- Stage 1, every request: linear heads over hashed words and static word-piece vectors distilled from "
        "all-MiniLM-L6-v2 (Apache-2.0)"
    )
    if "gates" not in subject.manifest:
        return (first,)
    gates = ", ".join(f"{gate['domain']} {gate['high_dual']:.4f}" for gate in subject.manifest["gates"])
    return (
        first,
        "- Stage 2, where stage 1 is not sure of none: all-MiniLM-L6-v2 fine-tuned with sixteen heads, int8 (ONNX), "
        "one thread, no accelerator, no network",
        f"- Stage 2 reads from these high_dual probabilities of stage 1: {gates}; and from a topic of {TOPIC_GATE}",
    )


def _use(subject: Subject, domain: Domain) -> Sequence[str]:
    lines = ["## Intended use and bands", "", "| band | meaning |", "|---|---|"]
    lines += [f"| {band} | {MEANINGS[band]} |" for band in BANDS if not _absent(domain, band)]
    for rule in tomllib.loads(subject.policy_text)["rules"]:
        if rule["domain"] == domain:
            lines += ["", f"**{rule['id']}** ({rule['band']}, {rule['prescribes']}): {rule['title']}.", ""]
            lines += [f"- passes: {example}" for example in rule.get("allowed", ())[:3]]
            lines += [f"- covered: {example}" for example in rule.get("covered", ())[:3]]
    return (*lines, "")


def _absent(domain: Domain, band: Band) -> bool:
    return domain is Domain.FRONTIER_LLM and band is Band.PROHIBITED


def _acting(subject: Subject, domain: Domain) -> Sequence[str]:
    lines = [
        "## Acting points",
        "",
        f"Learn-then-Test on real benign requests scored as served, {100 * (1 - DELTA):.0f} % confidence over all four "
        f"domains together (delta {DELTA:g} / {len(DOMAINS)} each); then a cap on the mean rate among benign requests "
        "inside the domain, source by source. The stricter wins. A probability of 0.5 means even odds on the "
        "calibration mix, not in your traffic.",
        "",
        "| band | acts from | promised bound, general traffic | cap inside the domain |",
        "|---|---|---|---|",
    ]
    for band in BANDS:
        if not _absent(domain, band):
            point = subject.release.acting_point(domain, band)
            cap = IN_DOMAIN_CAP.get(band)
            acts = f"{point:.4f}" if point is not None else "never: not earned, recorded in shadow"
            lines.append(
                f"| {band} | {acts} | {percent(ALPHA[band], 2)} | {percent(cap) if cap is not None else 'none'} |"
            )
    dated = f"Calibrated on {subject.manifest['date']}. Traffic that drifts away voids the bound."
    return (*lines, "", dated, "", *(f"{line}\n" for line in CHOSEN), "")


def _false_positives(subject: Subject, domain: Domain, figures: DomainFigures) -> Sequence[str]:
    every = _sum(figures.general)
    lines = [
        "## False positives",
        "",
        f"Real benign general requests acted on because of {domain}: {_told(every, 3)}. None was trained on. "
        "Sources of a few words each are easier than chat; read the table by source.",
        "",
        "| benign general source | acted on | of | upper 95 % |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {found.hits} | {found.trials:,} | {percent(found.upper, 2)} |"
        for name, found in _worst(figures.general)
    ]
    others = len(figures.general) - min(WORST, len(figures.general))
    lines += [f"| {others} other sources | lower rates | | |"] if others else []
    if figures.traps:
        lines += [
            "",
            f"Of our own everyday requests, many written to look suspicious: {_told(_sum(figures.traps), 2)}. They are "
            "not in the figures above, which are about real requests.",
        ]
    inside = _sum(figures.inside)
    lines += [
        "",
        f"Benign requests inside the domain acted on (for whatever reason): {_told(inside, 2)}.",
        "",
        "| benign source inside the domain | acted on | of | upper 95 % |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {found.hits} | {found.trials:,} | {percent(found.upper, 1)}{_few(found)} |"
        for name, found in sorted(figures.inside.items())
    ]
    return (*lines, "", *_suite(subject), "")


def _suite(subject: Subject) -> Sequence[str]:
    suite = subject.evaluation.suite
    if suite is None:
        return ("The must-pass suite was not found and not run.",)
    failures = f" Failing: {', '.join(suite.failures)}." if suite.failures else ""
    return (
        f"Must-pass suite (reported false positives, retold): {suite.passed.hits} of {suite.passed.trials} pass."
        f"{failures}{_unchecked(suite)} Behind a preamble: {suite.unmoved.hits:,} of {suite.unmoved.trials:,} pairs "
        "keep exactly the same "
        "probabilities.",
    )


def _unchecked(suite: SuiteResult) -> str:
    if not suite.uncovered:
        return ""
    return (
        f" {len(suite.uncovered)} more are in languages that are not covered, and are answered with a notice of that."
    )


def _recall(subject: Subject, domain: Domain, figures: DomainFigures) -> Sequence[str]:
    lines = ["## Recall of high_dual or worse", ""]
    left_out = subject.evaluation.left_out
    if left_out is None:
        lines += ["Public sources left out of training: not measured in this run (`--folds`).", ""]
    lines += [
        "Judged by classifiers that were trained without the source, or without the scenario family for our own "
        "requests. This is the figure to expect on requests from elsewhere.",
        "",
        "| left out | acted on | of | share | 95 % interval |",
        "|---|---|---|---|---|",
    ]
    lines += [_recall_line(name, found) for name, found in (left_out or {}).get(domain, {}).items()]
    lines += [_recall_line(f"our own families, {band}", found) for band, found in _own(subject, domain).items()]
    lines += ["", "(Our own benign and low_dual rows in this table are false positives, not recall.)", ""]
    lines += [
        "Public held-out rows of sources that training did see, which flatters:",
        "",
        "| source, label | acted on | of | share | 95 % interval |",
        "|---|---|---|---|---|",
    ]
    lines += [_recall_line(name, found) for name, found in figures.recall.items()]
    return (*lines, "")


def _recall_line(name: str, found: Rate) -> str:
    low, high = found.interval
    return (
        f"| {name} | {found.hits} | {found.trials:,} | {percent(found.share)}{_few(found)} "
        f"| {percent(low)} to {percent(high)} |"
    )


def _separation(domain: Domain, figures: DomainFigures) -> Sequence[str]:
    def number(value: float | None) -> str:
        return "not measured" if value is None else f"{value:.3f}"

    return (
        "## Separation, on held-out rows",
        "",
        f"- AUROC against general traffic {number(figures.auroc_general)}; against benign requests inside the domain "
        f"{number(figures.auroc_inside)}",
        f"- recall where 0.1 % of general traffic is flagged: {percent(figures.recall_general_01)}; where 1 % of the "
        f"benign requests inside the domain are flagged: {percent(figures.recall_inside_1)}",
        "",
        f"![scores](plots/{domain}-scores.svg)",
        "",
        f"![reliability](plots/{domain}-reliability.svg)",
        "",
    )


def _precision(subject: Subject, domain: Domain, figures: DomainFigures) -> Sequence[str]:
    recall = _left_out(subject, domain)
    lines = [
        "## Precision at a prevalence (computed)",
        "",
        "From the false-positive rate on general traffic above and the recall on sources and families left out of "
        "training, pooled. Audited precision in service: not measured.",
        "",
        "| share of turns that are sensitive | precision, 95 % interval |",
        "|---|---|",
    ]
    for prevalence in PREVALENCES if recall.trials else ():
        low, middle, high = precision_at(recall, _sum(figures.general), prevalence)
        lines.append(f"| {percent(prevalence, 2)} | {percent(middle)} ({percent(low)} to {percent(high)}) |")
    return (*lines, "")


def _left_out(subject: Subject, domain: Domain) -> Rate:
    """Everything of high_dual or worse that was judged without its source or family, pooled."""
    own = {band: found for band, found in _own(subject, domain).items() if band.rank >= Band.HIGH_DUAL.rank}
    return _sum(own) + _sum((subject.evaluation.left_out or {}).get(domain, {}))


def _own(subject: Subject, domain: Domain) -> Mapping[Band, Rate]:
    """On how many of our own requests the release acts, cross-fitted by family, as training wrote it down."""
    counted: Mapping[str, Sequence[int]] = subject.manifest["training"].get("own_families", {}).get(domain, {})
    return {band: Rate(*counted[band]) for band in BANDS if band in counted}


def _not_detected(domain: Domain) -> Sequence[str]:
    return ("## What is not detected", "", *(f"- {limit}" for limit in (*LIMITS[domain], *COMMON_LIMITS)), "")


def _training(subject: Subject) -> Sequence[str]:
    sources: Mapping[str, Mapping[str, Any]] = subject.manifest["training"].get("sources", {})
    lines = [
        "## Training data",
        "",
        f"Own requests were labelled by one author under a written rubric. {_agreement(subject)} Public sources keep "
        "their makers' labels as `overt.learn.sources` reads them. Non-commercial, share-alike and unclear licences "
        "were used for evaluation only.",
        "",
        "| source | licence | rows |",
        "|---|---|---|",
    ]
    lines += [f"| {name} | {found['licence']} | {found['rows']:,} |" for name, found in sorted(sources.items())]
    return (*lines, "")


def _agreement(subject: Subject) -> str:
    """How far a second annotator agrees about the question that decides an action."""
    found = subject.agreement.get("all")
    if found is None or found.high_or_worse.value is None or found.band.value is None:
        return "Agreement with a second annotator: not measured."
    return (
        f"A second annotator (a language model, blind) labelled {found.band.rows} of them: on high_dual or worse, the "
        f"question that decides an action, Cohen's kappa is {found.high_or_worse.value:.2f}; on the four bands "
        f"{found.band.value:.2f}. Author and annotator are language models, so errors may be shared."
    )


def _contact() -> Sequence[str]:
    return (
        "## Change log, contact, appeal",
        "",
        "Changes between releases: CHANGELOG.md. A decision is contested with the id in its notice, where the notice "
        "says; a misjudged request that you may publish can be sent as a must-pass row.",
    )


def action_rates(subject: Subject) -> str:
    """What the policy did with every row of every file, in Markdown."""
    lines = [
        "# Action rates by file",
        "",
        f"Generated by `overt evaluate`: {subject.release.name} {subject.release.version}, policy "
        f"{subject.policy.name} {subject.policy.version}. Every row of every file through the real classifier and "
        "policy, **including rows that were trained on**; the cards have the held-out rates. Labels are the sources' "
        "own words. A row of unknown domain is in no measured rate.",
        "",
        "| file | label | rows | passed | notified | redirected | refused | language not covered | error | acted on |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for entry in subject.evaluation.files:
        counts = [entry.actions.get(action, 0) for action in (*OUTCOMES, NOT_COVERED, "error")]
        acted = sum(counts[1:4]) / entry.rows
        cells = " | ".join(f"{count:,}" for count in counts)
        lines.append(f"| {entry.file} | {entry.about} | {entry.rows:,} | {cells} | {percent(acted, 2)} |")
    return "\n".join(lines) + "\n"


def _sum(rates: Mapping[Band, Rate] | Mapping[str, Rate]) -> Rate:
    return sum(rates.values(), Rate(0, 0))


def _worst(rates: Mapping[str, Rate]) -> Sequence[tuple[str, Rate]]:
    return sorted(rates.items(), key=lambda item: (-(item[1].share or 0.0), -item[1].trials, item[0]))[:WORST]


def _told(found: Rate, digits: int) -> str:
    if not found.trials:
        return "not measured"
    return (
        f"{found.hits} of {found.trials:,} ({percent(found.share, digits)}, "
        f"with 95 % confidence at most {percent(found.upper, digits)})"
    )


def _few(found: Rate) -> str:
    return " (few rows)" if found.trials < FEW else ""
