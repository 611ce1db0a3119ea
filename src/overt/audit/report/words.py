"""What an audit found in plain words, for a reader who knows no statistics. Changed, never worse: unless scores say "
"so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, assert_never

from overt.audit.compare import Comparison
from overt.audit.plan import Question, Role
from overt.audit.report.result import EndpointFound, Result
from overt.audit.verdict import Verdict

SURE: Final = 0.001
MILLION: Final = 1e6


def sentence(found: Result) -> str:
    """The verdict of each endpoint in a sentence or two."""
    return " ".join(_endpoint(each, found) for each in found.endpoints)


def reference_of(found: Result) -> str:
    """What the reference is called."""
    names = [route.route for route in found.routes if route.role is Role.REFERENCE]
    return names[0] if names else "the recording"


def chance(p_value: float) -> str:
    """A p-value in words."""
    return (
        f"If nothing had changed, a difference this large would come up by chance in {percent(p_value)} of such audits."
    )


def percent(share: float) -> str:
    """A share as people read it; small ones are not rounded to nothing."""
    if 0 < share < SURE:
        return "less than 0.1 %"
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def e_value(value: float) -> str:
    """An e-value as people read it."""
    if value >= MILLION:
        power = math.floor(math.log10(value))
        return f"{value / 10**power:.1f} × 10^{power}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def instant(text: str) -> str:
    """A time to the minute; the text itself where it is none."""
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return text


def worse(found: Comparison) -> str:
    """What scores say, where they say anything: an interval that leaves 0 out."""
    scores = found.scores
    if scores is None or scores.low <= 0 <= scores.high:
        return ""
    word = "fewer" if scores.difference < 0 else "more"
    return (
        f" Graded by a fixed checker, it got {abs(100 * scores.difference):.1f} points of 100 {word} right "
        f"({100 * scores.low:+.1f} to {100 * scores.high:+.1f})."
    )


def listed(names: Sequence[str]) -> str:
    """Names in a row."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _endpoint(each: EndpointFound, found: Result) -> str:
    reference = reference_of(found)
    match each.verdict:
        case Verdict.CHANGED if found.asked.question is Question.TOPIC:
            return (
                f"{each.route} answers otherwise than {reference}, but not shown to be more so on "
                f"“{found.asked.topic}” than on the matched control."
            )
        case Verdict.CHANGED:
            told = "" if each.change is None else worse(each.change)
            return f"The answers of {each.route} changed: they are not those of {reference}, served in one way.{told}"
        case Verdict.CHANGED_ON_TOPIC:
            return (
                f"{each.route} changed more on “{found.asked.topic}” than on matched questions about something else "
                f"(“{found.asked.control}”), and more than sets of other questions did.{_lost(each)}"
            )
        case Verdict.NO_CHANGE:
            return f"No change of {each.route} against {reference} was detected. That is not proof that there is none."
        case Verdict.CANNOT_TELL:
            return f"Whether {each.route} changed cannot be told from the answers that there are."
        case _ as unreachable:
            assert_never(unreachable)


def _lost(each: EndpointFound) -> str:
    topic = each.topic
    if topic is None or topic.delta is None or topic.ci is None or topic.ci[0] <= 0:
        return ""
    low, high = topic.ci
    return (
        f" On the topic it lost {100 * topic.delta:.1f} points of 100 more than on the control ({100 * low:.1f} to "
        f"{100 * high:.1f})."
    )
