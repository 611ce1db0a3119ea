"""The status page: one file of HTML that says at a glance whether a change was detected, and since when not.

It needs nothing from elsewhere and lets nothing in: its own policy forbids scripts and requests, and words from
answers, models and files are escaped (`report.markup`). So it may be put anywhere.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from overt.audit.report.markup import NOTHING, Html, bullets, el, joined, table
from overt.audit.report.style import CSS
from overt.audit.stats.metadata import Noted
from overt.audit.verdict import Verdict
from overt.audit.watch import DATE, Unit
from overt.audit.watching.chart import SHADES, e_process, letter, names_of, shown, strip, who_answered
from overt.audit.watching.follow import Followed, Stream

TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}T")
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
SHOWN: Final = 5
"""Rows of evidence for each finding."""
MOST_FIGURES: Final = 100
LARGEST_LOG: Final = 700.0
STYLE: Final = """
:root { --bar: #7f9fc2; --n0: #9fc0e4; --n1: #f3b58f; --n2: #a9d8b8; --n3: #d9b8e6; --n4: #f0d98a; --n5: #b9c0ca; }
@media (prefers-color-scheme: dark) { :root { --bar: #54779f; --n0: #3f6a98; --n1: #96552f; --n2: #3d7a52;
  --n3: #74508a; --n4: #80691f; --n5: #565e6b; } }
.verdict h1 { margin: 0; } .verdict.finding h1 { color: var(--alarm); } .verdict.none h1 { color: var(--calm); }
svg .bar { fill: var(--bar); } svg .late { fill: var(--alarm); } svg .letter { font-weight: 650; }
.legend { list-style: none; padding: 0; } .swatch { display: inline-block; width: 1.6em; margin-right: .4em;
  text-align: center; border-radius: 3px; font-weight: 650; }
""" + " ".join(
    f".swatch.name{place} {{ background: var(--n{place}); }} svg .name{place} {{ fill: var(--n{place}); }}"
    for place in range(SHADES)
)


def page(followed: Followed, *, title: str, looked_at: str) -> str:
    """The whole document. ``looked_at`` is when it was made, RFC 3339."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", http_equiv="Content-Security-Policy", content=POLICY),
        el("title", f"{headline(followed)}: {title}"),
        el("style", Html(CSS + STYLE)),
    )
    main = el(
        "main",
        el("p", title, class_="soft"),
        _verdict(followed),
        *(_stream(stream, followed) for stream in followed.streams),
        _served(followed),
        _findings(followed.noted),
        _warnings(followed),
        _reading(followed),
        el(
            "footer",
            el("p", "Last updated ", el("time", looked_at), f"; last answer {followed.last or 'not dated'}; "),
            el("p", f"{followed.rows:,} answers. Made by ", el("code", "overt audit watch"), "."),
            class_="soft",
        ),
    )
    return "<!doctype html>\n" + el("html", head, el("body", main), lang="en").text + "\n"


def headline(followed: Followed) -> str:
    """The page in one line."""
    if followed.verdict.is_finding:
        return f"Change detected on {_day(followed.alarm_at)}"
    if followed.verdict is Verdict.CANNOT_TELL:
        return "Cannot tell yet"
    since = watched_since(followed)
    return f"No change detected since {since}" if since else "No change detected"


def _day(moment: str | None) -> str:
    """The day of a moment in time; what is no time, as it is."""
    return "" if moment is None else moment[:DATE] if TIME.match(moment) else moment


def watched_since(followed: Followed) -> str | None:
    """The first look of the stream that was watched first."""
    firsts = [each.found.names[0] for each in followed.streams if each.found.names]
    return _day(min(firsts)) if firsts else None


def alarm_place(stream: Stream, level: float) -> int | None:
    """Which look raised the alarm."""
    least = math.log(level) - 1e-9
    return next((place for place, log in enumerate(stream.found.log_wealth) if log >= least), None)


def because(followed: Followed) -> list[str]:
    """Why the verdict is what it is, a sentence each."""
    limit = 1 / followed.alpha
    said = [f"Largest e-value {followed.e_max:.3g}; an alarm is at {limit:g} or more."]
    if followed.alarmed:
        said = [f"Answers of {', '.join(sorted(followed.alarmed))}: e-value {followed.e_max:.3g}, alarm at {limit:g}."]
    said += [f"{each.kind.capitalize()}: {each.said}." for each in followed.facts]
    if followed.verdict is Verdict.CANNOT_TELL:
        said.append("So far there are too few answers to see a change of ordinary size.")
    return said


def _verdict(followed: Followed) -> Html:
    found = followed.verdict
    kind = "finding" if found.is_finding else "open" if found is Verdict.CANNOT_TELL else "none"
    sign = {"finding": "▲ ", "open": "? ", "none": "✓ "}[kind]
    words = el("h1", el("span", sign, aria_hidden="true"), headline(followed))
    return el("section", words, *(el("p", each) for each in because(followed)), class_=f"verdict {kind}", role="status")


def _stream(stream: Stream, followed: Followed) -> Html:
    found = stream.found
    level = len(followed.streams) / followed.alpha
    alarm = alarm_place(stream, level)
    looks = "after each day" if found.unit is Unit.DAYS else "after each pair of answers"
    parts = [
        el("h2", f"Evidence of change: {stream.model}"),
        el("p", f"The e-value {looks}, on a logarithmic axis.", class_="soft"),
        e_process(found.log_wealth, found.names, level, alarm),
    ]
    if found.distances:
        parts.append(el("h3", "Distance of each day's answers from the reference"))
        parts.append(
            el(
                "p",
                "0: equal frequencies of texts, 1: no text in common. The level alone is no alarm: days "
                "are compared with days.",
                class_="soft",
            )
        )
        parts.append(strip(found.distances, found.names, "Distance by day", alarm))
    return joined([*parts, _figures(stream)])


def _figures(stream: Stream) -> Html:
    """The same in figures, the last hundred looks."""
    found = stream.found
    if not found.names:
        return NOTHING
    rows = []
    for place in range(max(0, len(found.names) - MOST_FIGURES), len(found.names)):
        cells = [found.names[place], f"{math.exp(min(found.log_wealth[place], LARGEST_LOG)):.3g}"]
        rows.append([*cells, f"{found.distances[place]:.3f}"] if found.distances else cells)
    head = ["Day" if found.unit is Unit.DAYS else "Pair", "e-value", *(["Distance"] if found.distances else [])]
    caption = f"The last {len(rows)} looks at {stream.model}"
    return el("details", el("summary", "The figures"), table(head, rows, caption))


def _served(followed: Followed) -> Html:
    days = [(each.day, each.served) for each in followed.reply_days]
    if not days:
        return NOTHING
    legend = [
        el("li", el("span", letter(place), class_=f"swatch name{place % SHADES}"), shown(name))
        for place, name in enumerate(names_of(days))
    ]
    title = el("h2", "Served model, as the responses name it")
    return joined([title, who_answered(days), el("ul", *legend, class_="legend")])


def _findings(noted: Sequence[Noted]) -> Html:
    if not noted:
        return NOTHING
    parts = [el("h2", "What the responses say about themselves")]
    for each in noted:
        weight = "" if each.kind.is_fact else " (a note, which by itself says little)"
        parts.append(el("p", el("b", each.kind.capitalize()), f"{weight}: {each.said}, since {each.since}."))
        rows = [[str(row.number), row.at, row.was, row.now] for row in each.rows[:SHOWN]]
        caption = f"The first {len(rows)} of {each.count:,} responses"
        parts.append(table(["Record", "Asked at", "Before", "Now"], rows, caption))
    return joined(parts)


def _warnings(followed: Followed) -> Html:
    said = [*followed.warnings, *(text for each in followed.streams for text in each.found.warnings)]
    return joined([el("h2", "To know"), bullets(dict.fromkeys(said))]) if said else NOTHING


def _reading(followed: Followed) -> Html:
    share = f"{100 * followed.alpha:g} %"
    return joined(
        [
            el("h2", "How to read this"),
            el(
                "p",
                "The e-value is the wealth of somebody who started with 1 and bets, before every look, that the "
                "endpoint has changed. If it has not, the bets are fair or worse, and the wealth ever reaches "
                f"{1 / followed.alpha:g} with a probability of {share} at most, however often one looks. So an alarm "
                "stays on: it is not taken back when the line falls again. “No change detected” is not proof of none: "
                "a small change takes long to show.",
            ),
            el(
                "p",
                "A change has innocent causes: an update, another host, other hardware, an experiment of the provider. "
                "Why it came about is not for a statistic to tell.",
            ),
        ]
    )
