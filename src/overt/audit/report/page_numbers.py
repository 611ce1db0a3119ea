"""The numbers of one endpoint on a page: the size of the change, the topic's rank, and the look after every pair."""

from __future__ import annotations

from typing import Final

from overt.audit.compare import Comparison
from overt.audit.report.markup import NOTHING, Html, bullets, el, joined, table
from overt.audit.report.path import SCORES
from overt.audit.report.plots import Interval, interval_plot, rank_plot, wealth_plot
from overt.audit.report.result import EndpointFound, Result
from overt.audit.report.words import chance, e_value, percent, reference_of
from overt.audit.stats.refusals import RefusalSplit
from overt.audit.topic import TopicAudit

SIZE_MEANS: Final = (
    "0 is no change, 2 the largest possible. The dot is the estimate, the line its interval: other questions of the "
    "same kind would give a value in it about {share} of the time."
)


def sure(each: EndpointFound, found: Result) -> Html:
    """How large, and how likely by chance."""
    if each.change is not None:
        return _change(each, each.change, found)
    if each.topic is not None and each.topic.p_value is not None:
        return _topic(each, each.topic, found)
    return el("p", "There are too few answers to compare anything.")


def looked_after(each: EndpointFound) -> Html:
    """The e-process over the pairs."""
    path = each.path
    if path is None:
        return NOTHING
    null = "the topic lost no more than its control and the margin" if path.bets_on == SCORES else "nothing changed"
    if path.alarm_at is None:
        said = f"It never reached the alarm; its largest value is {e_value(path.e_max)}."
    else:
        said = (
            f"It reached the alarm after {path.alarm_at:,} of {path.pairs:,} pairs; its largest value is "
            f"{e_value(path.e_max)}."
        )
    plot = wealth_plot(
        f"Evidence (e-value) against “{null}”",
        f"An e-value over {path.pairs:,} pairs on a logarithmic axis, from 1. {said}",
        path.log10_wealth,
        each.alpha,
        path.alarm_at,
    )
    told = (
        f"Somebody who had looked after every pair, betting on {path.bets_on}, would have seen this. The value starts "
        f"at 1 and rises only if the bets come true. If {null}, it ever reaches {1 / each.alpha:g} in at most "
        f"{percent(each.alpha)} of audits. {said}"
    )
    return joined((el("h3", "Looking after every pair"), el("figure", plot, el("figcaption", told))))


def _change(each: EndpointFound, change: Comparison, found: Result) -> Html:
    rows = [] if change.effect is None else [_interval(each.route, change)]
    if found.baseline is not None and found.baseline.effect is not None:
        rows.append(_interval(f"{reference_of(found)}, itself", found.baseline))
    parts: list[Html] = [
        el("p", f"{chance(change.p_value)} The limit that was set beforehand is {percent(change.alpha)}."),
    ]
    if rows:
        share = percent(1 - change.alpha)
        shown = "; ".join(f"{row.label}: {row.value:.4f}, from {row.low:.4f} to {row.high:.4f}" for row in rows)
        plot = interval_plot(
            "Size of the change", f"{shown}.", rows, mark=None, below="distance of the texts of both sides"
        )
        parts.append(el("figure", plot, el("figcaption", SIZE_MEANS.format(share=share))))
    if change.effect is not None and change.effect.told_apart is not None:
        told = percent(change.effect.told_apart)
        parts.append(
            el(
                "p",
                f"From the other pairs one can tell which answer is the reference's in {told} of pairs; chance is 50 "
                "%.",
            )
        )
    if change.scores is not None:
        parts.append(_scores(each, change))
    parts.append(_seen(change))
    return joined(parts)


def _interval(label: str, found: Comparison) -> Interval:
    size = found.effect
    return Interval(
        label=label,
        value=0.0 if size is None else size.value,
        low=0.0 if size is None else size.low,
        high=0.0 if size is None else size.high,
    )


def _scores(each: EndpointFound, change: Comparison) -> Html:
    scores = change.scores
    if scores is None:
        return NOTHING
    row = Interval(label=each.route, value=scores.difference, low=scores.low, high=scores.high)
    said = (
        f"{scores.prompts:,} prompts were graded on both sides: {scores.lost:,} were right at the reference and not "
        "here, "
        f"{scores.gained:,} the other way; p = {scores.p_value:.3g} ({scores.test}). Scores do not enter the verdict."
    )
    plot = interval_plot(
        "Change of scores",
        f"{scores.difference:+.3f}, from {scores.low:+.3f} to {scores.high:+.3f}.",
        [row],
        mark=None,
        below="score of the endpoint less the reference's",
    )
    return el("figure", plot, el("figcaption", said))


def _seen(change: Comparison) -> Html:
    rows = [
        (seen.name, f"{seen.standardised:+.2f}", f"{seen.p_value:.3g}")
        for seen in sorted(change.kernels, key=lambda seen: seen.p_value)
    ]
    return el(
        "details",
        el("summary", "In what the sides differ"),
        table(
            ("what is looked at", "standard deviations from chance", "p-value by itself"),
            rows,
            f"All were combined into one p-value, {change.p_value:.3g}, by {change.draws:,} relabellings",
        ),
    )


# --- a topic ---------------------------------------------------------------------------------------------------------


def _topic(each: EndpointFound, topic: TopicAudit, found: Result) -> Html:
    parts: list[Html] = [_topic_said(topic, each.alpha)]
    if topic.delta is not None and topic.ci is not None:
        row = Interval(label=each.route, value=topic.delta, low=topic.ci[0], high=topic.ci[1])
        plot = interval_plot(
            "How much more the topic lost than its control",
            f"{topic.delta:+.3f}, from {topic.ci[0]:+.3f} to {topic.ci[1]:+.3f}; the margin is {topic.margin:g}.",
            [row],
            mark=topic.margin,
            below="loss of score beyond the control's (dashed: the margin)",
        )
        parts.append(
            el("figure", plot, el("figcaption", f"{topic.n_target:,} prompts on the topic, {topic.n_control:,} not."))
        )
    if topic.placebo_p is not None and topic.placebos:
        parts.append(_rank(topic, topic.placebo_p, str(found.asked.topic)))
    parts.append(bullets([*_splits(topic)]))
    return joined(parts)


def _topic_said(topic: TopicAudit, alpha: float) -> Html:
    words: list[str] = []
    if topic.p_value is not None:
        words.append(
            "If the topic had been treated like its control, a difference this large would come up by chance in "
            f"{percent(topic.p_value)} of such audits (limit {percent(alpha)})."
        )
    if topic.p_change is not None:
        words.append(f"For any change at all, on the topic or not, that share is {percent(topic.p_change)}.")
    return el("p", " ".join(words))


def _rank(topic: TopicAudit, placebo_p: float, name: str) -> Html:
    rank = round(placebo_p * (topic.placebos + 1))
    said = f"{rank - 1:,} of {topic.placebos:,} placebo topics changed as much as “{name}” or more."
    plot = rank_plot("The topic among placebo topics", said, rank=rank, placebos=topic.placebos, label=name)
    told = (
        f"{said} A placebo topic is a set of other prompts that nobody has a reason to treat otherwise: an honest "
        "update is better at some things and worse at others, and so are these. Each tick is one of them, by rank."
    )
    return el("figure", plot, el("figcaption", told))


def _splits(topic: TopicAudit) -> list[str]:
    found: list[str] = []
    if topic.signal is not None:
        before, after = topic.signal.reference, topic.signal.endpoint
        found.append(
            f"Ability to tell yes from no (d') went from {before.sensitivity:.2f} to {after.sensitivity:.2f}, the "
            "leaning "
            f"towards no (c) from {before.criterion:+.2f} to {after.criterion:+.2f}. Only the first is ability."
        )
    for where, split in (("on the topic", topic.target_refusals), ("on the control", topic.control_refusals)):
        if split is not None and (split.reference or split.endpoint):
            found.append(_refused(where, split))
    return found


def _refused(where: str, split: RefusalSplit) -> str:
    told = f"Refusals {where} went from {100 * split.reference:.1f} % to {100 * split.endpoint:.1f} %"
    if split.by_refusing is None or split.by_answering is None:
        return f"{told}."
    return (
        f"{told}. Of the change of the score, {split.by_refusing:+.3f} is from refusing and {split.by_answering:+.3f} "
        "from how the rest was answered."
    )
