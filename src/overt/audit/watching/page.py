"""The status page: one file of HTML that says at a glance whether a change was detected, and since when not.

It needs nothing from elsewhere and lets nothing in (its own content security policy forbids scripts and requests), so
it may be put anywhere. All words from answers, models and files are escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from overt.audit.stats.metadata import Noted
from overt.audit.verdict import Verdict
from overt.audit.watch import Unit
from overt.audit.watching.chart import SHADES, e_process, letter, names_of, shown, strip, who_answered
from overt.audit.watching.follow import Followed, Stream

SHOWN: Final = 5
"""Rows of evidence for each finding."""
STYLE: Final = """
:root{--ink:#1f2430;--soft:#5b6270;--paper:#fff;--card:#f6f7f9;--grid:#e1e4e9;--line:#1d5f9e;--bar:#7f9fc2;
--alarm:#b3330b;--good:#1b6e3c;--n0:#9fc0e4;--n1:#f3b58f;--n2:#a9d8b8;--n3:#d9b8e6;--n4:#f0d98a;--n5:#b9c0ca}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaf0;--soft:#a4abb8;--paper:#14171d;--card:#1d212a;--grid:#313743;
--line:#7db8f0;--bar:#54779f;--alarm:#ff9466;--good:#7ed6a0;--n0:#3f6a98;--n1:#96552f;--n2:#3d7a52;--n3:#74508a;
--n4:#80691f;--n5:#565e6b}}
*{box-sizing:border-box}body{margin:0 auto;padding:1.5rem 1rem 3rem;max-width:56rem;background:var(--paper);
color:var(--ink);font:16px/1.5 system-ui,sans-serif}h1{font-size:1.1rem;margin:0 0 1rem;color:var(--soft);
font-weight:600}h2{font-size:1.05rem;margin:2rem 0 .5rem}.verdict{border-left:8px solid;padding:.75rem 1.25rem;
background:var(--card);border-radius:4px}.verdict strong{display:block;font-size:1.7rem;line-height:1.25}
.verdict p{margin:.4rem 0 0}.good{border-color:var(--good)}.good strong{color:var(--good)}.bad{border-color:var(--alarm)}
.bad strong{color:var(--alarm)}.open{border-color:var(--soft)}svg{width:100%;height:auto;display:block;
font:12px system-ui,sans-serif}table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--grid);vertical-align:top}
.wide{overflow-x:auto}ul{padding-left:1.2rem}.soft,footer,summary{color:var(--soft)}code{font-size:.9em}
.label,.limit-text{fill:var(--soft)}.grid{stroke:var(--grid)}.axis{stroke:var(--soft)}.line{fill:none;stroke:var(--line);
stroke-width:2;stroke-linejoin:round}.dot{fill:var(--line)}.limit{stroke:var(--alarm);stroke-dasharray:6 4}
.limit-text,.alarm-text{fill:var(--alarm)}.alarm{stroke:var(--alarm);stroke-width:1.5}.alarm-dot{fill:var(--paper);
stroke:var(--alarm);stroke-width:3}.alarm-text{font-weight:600}.bar{fill:var(--bar)}.late{fill:var(--alarm)}
.mark{fill:var(--ink);font-weight:600}.swatch{display:inline-block;width:1.6em;text-align:center;border-radius:3px;
font-weight:600;margin-right:.4em}
""" + "".join(f".name{place}{{fill:var(--n{place});background:var(--n{place})}}" for place in range(SHADES))


def page(followed: Followed, *, title: str, looked_at: str) -> str:
    """The whole document. ``looked_at`` is when it was made, RFC 3339."""
    parts = [
        f"<h1>{escape(title)}</h1>",
        _verdict(followed),
        *(_stream(stream, followed) for stream in followed.streams),
        _served(followed),
        _findings(followed.noted),
        _warnings(followed),
        _reading(followed),
        f"<footer><p>Last updated <time>{escape(looked_at)}</time>; last answer {escape(followed.last or 'not dated')}; "
        f"{followed.rows:,} answers. Made by <code>overt audit watch</code>.</p></footer>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"content-security-policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f'<meta name="color-scheme" content="light dark"><title>{escape(headline(followed))}: {escape(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body><main>\n" + "\n".join(part for part in parts if part) + "\n"
        "</main></body></html>\n"
    )


def headline(followed: Followed) -> str:
    """The page in one line."""
    if followed.verdict.is_finding:
        return f"Changed on {followed.alarm_at}"
    if followed.verdict is Verdict.CANNOT_TELL:
        return "Cannot tell yet"
    since = watched_since(followed)
    return f"No change detected since {since}" if since else "No change detected"


def watched_since(followed: Followed) -> str | None:
    """The first look that could have raised an alarm, of the stream that was watched first."""
    firsts = [each.found.names[0] for each in followed.streams if each.found.names]
    return min(firsts, default=None)


def alarm_place(stream: Stream, level: float) -> int | None:
    """Which look raised the alarm."""
    places = [place for place, log in enumerate(stream.found.log_wealth) if _e(log) >= level * (1 - 1e-12)]
    return places[0] if places else None


def _e(log: float) -> float:
    return float("inf") if log > 700 else 2.718281828459045**log


def _verdict(followed: Followed) -> str:
    kind = "bad" if followed.verdict.is_finding else "open" if followed.verdict is Verdict.CANNOT_TELL else "good"
    sign = {"bad": "▲", "open": "?", "good": "✓"}[kind]
    return (
        f'<section class="verdict {kind}" role="status"><strong><span aria-hidden="true">{sign}</span> '
        f"{escape(headline(followed))}</strong>{''.join(f'<p>{escape(each)}</p>' for each in because(followed))}</section>"
    )


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


def _stream(stream: Stream, followed: Followed) -> str:
    found = stream.found
    level = len(followed.streams) / followed.alpha
    alarm = alarm_place(stream, level)
    parts = [f"<h2>Evidence of change: {escape(stream.model)}</h2>"]
    parts.append(e_process(found.log_wealth, found.names, level, alarm))
    if found.distances:
        parts.append("<h2>Distance of each day's answers from the reference</h2>")
        parts.append(strip(found.distances, found.names, "Distance by day (0 alike, 1 nothing in common)", alarm))
    parts.append(_table(stream))
    return "\n".join(parts)


def _table(stream: Stream) -> str:
    """The same in figures, the last hundred looks."""
    found = stream.found
    head = "<th>Day</th><th>e-value</th>" if found.unit is Unit.DAYS else "<th>Pair</th><th>e-value</th>"
    head += "<th>Distance</th>" if found.distances else ""
    rows = []
    for place in range(max(0, len(found.names) - 100), len(found.names)):
        cells = [found.names[place], f"{_e(found.log_wealth[place]):.3g}"]
        cells += [f"{found.distances[place]:.3f}"] if found.distances else []
        rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    if not rows:
        return ""
    return (
        f'<details><summary>The figures</summary><div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></details>"
    )


def _served(followed: Followed) -> str:
    days = [(each.day, each.served) for each in followed.reply_days]
    if not days:
        return ""
    legend = "".join(
        f'<li><span class="swatch name{place % SHADES}">{letter(place)}</span>{escape(shown(name))}</li>'
        for place, name in enumerate(names_of(days))
    )
    return (
        "<h2>Served model, as the responses name it</h2>"
        f'{who_answered(days)}<ul style="list-style:none;padding:0">{legend}</ul>'
    )


def _findings(noted: Sequence[Noted]) -> str:
    if not noted:
        return ""
    parts = ["<h2>What the responses say about themselves</h2><ul>"]
    for each in noted:
        weight = "" if each.kind.is_fact else " <em>(a note)</em>"
        rows = "".join(
            f"<tr><td>{row.number}</td><td>{escape(row.at)}</td><td>{escape(row.was)}</td><td>{escape(row.now)}</td></tr>"
            for row in each.rows[:SHOWN]
        )
        parts.append(
            f"<li><b>{escape(each.kind.capitalize())}</b>{weight}: {escape(each.said)}, since {escape(each.since)}."
            f'<div class="wide"><table><thead><tr><th>Record</th><th>Asked at</th><th>Before</th><th>Now</th></tr></thead>'
            f"<tbody>{rows}</tbody></table></div></li>"
        )
    return "".join([*parts, "</ul>"])


def _warnings(followed: Followed) -> str:
    said = [*followed.warnings, *(text for each in followed.streams for text in each.found.warnings)]
    if not said:
        return ""
    return "<h2>To know</h2><ul>" + "".join(f"<li>{escape(each)}</li>" for each in dict.fromkeys(said)) + "</ul>"


def _reading(followed: Followed) -> str:
    share = f"{followed.alpha:.0%}" if followed.alpha >= 0.01 else f"{followed.alpha:g}"
    return (
        "<h2>How to read this</h2>"
        "<p>The e-value is the wealth of somebody who started with 1 and bets, before every look, that the endpoint has "
        "changed. If it has not, the bets are fair or worse, and the wealth ever reaches "
        f"{1 / followed.alpha:g} with a probability of {share} at most, however often one looks. So an alarm stays on: "
        "it is not taken back when the line falls again. <em>No change detected</em> is not proof of none; a small "
        "change takes long to show.</p>"
        "<p>A change has innocent causes: an update, another host, other hardware, an experiment of the provider. "
        "Why it came about is not for a statistic to tell.</p>"
    )
