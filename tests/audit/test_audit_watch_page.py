"""The status page: a person sees the verdict at once, pictures are where the figures say, and nothing gets in."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from overt.audit.stats.metadata import Reply, days_of_replies, metadata_findings
from overt.audit.verdict import Verdict
from overt.audit.watch import Unit, Watched
from overt.audit.watching.chart import MOST_POINTS, e_process, strip, who_answered
from overt.audit.watching.follow import Followed, Stream
from overt.audit.watching.page import alarm_place, headline, page
from overt.cli.audit import command

NAMES = tuple(f"2026-03-{day + 1:02}" for day in range(20))
QUIET = tuple(-0.01 * day for day in range(20))
LOUD = (*(0.0,) * 15, 2.5, 3.2, 5.0, 7.0, 9.0)


def looked(log_wealth: tuple[float, ...] = QUIET, model: str = "big-1", alpha: float = 0.05) -> Followed:
    e_max = math.exp(max(0.0, *log_wealth))
    changed = e_max >= 1 / alpha
    found = Watched(
        verdict=Verdict.CHANGED if changed else Verdict.NO_CHANGE,
        e_max=e_max,
        alarm_at=NAMES[16] if changed else None,
        unit=Unit.DAYS,
        looks=20,
        warnings=("three days were left out",),
        names=NAMES,
        log_wealth=log_wealth,
        distances=tuple(0.2 if log <= 0 else 0.6 for log in log_wealth),
    )
    return Followed(
        verdict=found.verdict,
        e_max=e_max,
        alarm_at=found.alarm_at,
        alpha=alpha,
        streams=(Stream(model=model, found=found),),
        alarmed=frozenset([model]) if changed else frozenset(),
        noted=(),
        reply_days=(),
        rows=640,
        last="2026-03-20T08:00:00Z",
        warnings=(),
    )


def shown(followed: Followed) -> str:
    return page(followed, title="Our endpoint", looked_at="2026-03-21T00:00:00Z")


def points_of(svg: str) -> list[tuple[float, float]]:
    (line,) = list(ElementTree.fromstring(svg).iter("polyline"))
    return [(float(x), float(y)) for x, y in (point.split(",") for point in line.attrib["points"].split())]


@pytest.mark.parametrize(
    ("followed", "said"),
    [
        (looked(), "No change detected since 2026-03-01"),
        (looked(LOUD), "Change detected on 2026-03-17"),
        (replace(looked(), verdict=Verdict.CANNOT_TELL), "Cannot tell yet"),
        (replace(looked(LOUD), alarm_at="2026-03-17T08:09:10Z"), "Change detected on 2026-03-17"),
        (replace(looked(LOUD), alarm_at="prompt-17"), "Change detected on prompt-17"),
    ],
    ids=["quiet", "changed", "too little", "a time", "a prompt"],
)
def test_the_headline_says_it_at_a_glance(followed: Followed, said: str) -> None:
    assert headline(followed) == said
    text = shown(followed)
    assert f"<title>{said}: Our endpoint</title>" in text
    assert f"</span>{said}</h1>" in text
    assert "2026-03-21T00:00:00Z" in text
    assert "three days were left out" in text


def test_the_line_crosses_the_level_where_the_alarm_is() -> None:
    svg = e_process(LOUD, NAMES, 20.0, 16).text
    points = points_of(svg)[1:]
    (level,) = [
        float(each.attrib["y1"]) for each in ElementTree.fromstring(svg).iter("line") if "6 4" in each.attrib.values()
    ]
    assert [y <= level for _, y in points] == [log >= math.log(20) for log in LOUD]
    (dot,) = [each for each in ElementTree.fromstring(svg).iter("circle") if each.attrib["class"] == "found"]
    assert float(dot.attrib["cx"]) == pytest.approx(points[16][0])
    assert "alarm: 2026-03-17" in svg


def test_the_axis_is_logarithmic_and_everything_lies_within_the_picture() -> None:
    for log_wealth in (QUIET, LOUD, tuple(30.0 * day for day in range(20)), tuple(-9.0 * day for day in range(20))):
        points = points_of(e_process(log_wealth, NAMES, 20.0, None).text)
        assert all(0 <= x <= 860 and 30 <= y <= 240 for x, y in points)
    points = points_of(e_process(tuple(0.5 * day for day in range(20)), NAMES, 20.0, None).text)[1:]
    steps = [before - after for (_, before), (_, after) in pairwise(points)]
    assert max(steps) - min(steps) < 0.25


def test_a_long_line_is_thinned_and_keeps_its_highest_point() -> None:
    log_wealth = [0.0] * 5_000
    log_wealth[3_333] = 4.0
    svg = e_process(log_wealth, [f"q{place}" for place in range(5_000)], 20.0, 3_333).text
    points = points_of(svg)
    assert len(points) <= MOST_POINTS + 2
    (dot,) = [each for each in ElementTree.fromstring(svg).iter("circle") if each.attrib["class"] == "found"]
    assert min(points, key=lambda point: point[1]) == (float(dot.attrib["cx"]), float(dot.attrib["cy"]))


@pytest.mark.parametrize("log_wealth", [(), (0.0,)], ids=["no look", "one look"])
def test_few_looks_can_be_drawn(log_wealth: tuple[float, ...]) -> None:
    ElementTree.fromstring(e_process(log_wealth, NAMES, 20.0, None).text)
    ElementTree.fromstring(strip(log_wealth, NAMES, "Distance", None).text)
    ElementTree.fromstring(who_answered([]).text)


def test_bars_are_as_high_as_their_values_and_marked_from_the_alarm_on() -> None:
    found = list(ElementTree.fromstring(strip((0.1, 0.2, 0.4), NAMES, "Distance", 2).text).iter("rect"))
    heights = [float(each.attrib["height"]) for each in found]
    assert heights == pytest.approx([heights[2] / 4, heights[2] / 2, heights[2]], abs=0.06)
    assert [each.attrib["class"] for each in found] == ["bar", "bar", "bar late"]


def replies(served: str | None) -> list[Reply]:
    return [
        Reply(
            number=day,
            at=f"2026-03-{day + 1:02}T08:00:00Z",
            request="r",
            served="big-1" if day < 5 else served,
            prompt_tokens=9,
        )
        for day in range(10)
    ]


def test_who_answered_is_told_by_letter_and_name_not_by_colour_alone() -> None:
    asked = replies("small-1")
    followed = replace(looked(), reply_days=days_of_replies(asked), noted=metadata_findings(asked))
    text = shown(followed)
    assert ">A</span>big-1" in text
    assert ">B</span>small-1" in text
    assert "Served model changed" in text
    days = [(each.day, each.served) for each in followed.reply_days]
    letters = [
        each.text
        for each in ElementTree.fromstring(who_answered(days).text).iter("text")
        if each.attrib["class"] == "letter"
    ]
    assert letters == ["A"] * 5 + ["B"] * 5


def test_a_day_without_a_name_is_shown_as_such() -> None:
    days = [(each.day, each.served) for each in days_of_replies(replies(None))]
    assert "no name told" in who_answered(days).text


def test_the_alarm_is_the_first_look_at_the_level() -> None:
    assert alarm_place(looked(LOUD).streams[0], 20.0) == 16
    assert alarm_place(looked().streams[0], 20.0) is None


class Elements(HTMLParser):
    """Every element with its attributes, and that they close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    elements = Elements()
    elements.feed(shown(looked(LOUD)))
    assert elements.open == []
    names = {name for name, _ in elements.found}
    assert not names & {"script", "link", "img", "iframe", "object", "form", "base"}
    assert not [attrs for _, attrs in elements.found if attrs.keys() & {"src", "href", "style", "onload", "onclick"}]
    policies = [attrs["content"] for name, attrs in elements.found if name == "meta" and "http-equiv" in attrs]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]
    assert "prefers-color-scheme: dark" in shown(looked())
    labels = [attrs.get("aria-label") for name, attrs in elements.found if name == "svg"]
    assert len(labels) == 2
    assert all(labels)


def test_words_of_models_and_files_cannot_become_part_of_the_page() -> None:
    nasty = '</title><script>alert("1")</script>&\u202e'
    asked = replies(nasty)
    followed = replace(looked(model=nasty), reply_days=days_of_replies(asked), noted=metadata_findings(asked))
    text = page(followed, title=nasty, looked_at=nasty)
    assert "<script" not in text
    assert "\u202e" not in text


def test_the_command_writes_the_page_whole(tmp_path: Path) -> None:
    rows = tmp_path / "e.jsonl"
    rows.write_text(
        "".join(
            f'{{"pid": "p{prompt}", "model": "big-1", "rep": 0, "text": "yes", "date": "2026-03-{day + 1:02}"}}\n'
            for day in range(12)
            for prompt in range(5)
        )
    )
    found = CliRunner().invoke(command, ["watch", "--endpoint", str(rows), "--page", str(tmp_path / "p.html")])
    assert found.exit_code == 0
    text = (tmp_path / "p.html").read_text()
    assert "No change detected since 2026-03-04" in text
    assert sorted(each.name for each in tmp_path.iterdir()) == ["e.jsonl", "p.html"]
