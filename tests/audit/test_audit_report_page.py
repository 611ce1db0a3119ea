"""The page: whole HTML, nothing from elsewhere, nothing that a model said as markup, nothing drawn outside its "
"frame."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Final, final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import (
    Said,
    Speak,
    changed,
    graded,
    honest,
    laid_out,
    plan_of,
    prompts,
    records_of,
    topic_plan,
)

from overt.audit.plan import Plan
from overt.audit.report.markup import VOID, Html, el
from overt.audit.report.material import opened, read_files
from overt.audit.report.page import page_of
from overt.audit.report.plots import WIDTH, Interval, interval_plot, rank_plot, wealth_plot
from overt.audit.report.result import result_of
from overt.audit.report.sides import sides_of
from overt.audit.rows import Prompt
from overt.svg import safe

NASTY: Final = (
    '</pre></main><script>alert(1)</script><img src="https://evil.example/x.png" onerror=a>\u202e\x00 & "quoted"'
)
ACCUSING: Final = ("sabotag", "cheat", "degrad", "malicious")
LOADING: Final = ("<script", "<img", "<link", "<iframe", "<object", "<form")


@final
@dataclass
class Reader(HTMLParser):
    """Elements that are open, and everything that was there."""

    open: list[str] = field(default_factory=list)
    found: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.wrong == reader.open == []
    return reader


def page(folder: Path, plan: Plan, **speakers: Speak) -> str:
    key = laid_out(folder, plan, records_of(plan, speakers))
    material = opened(read_files(folder), key.vkey)
    sides = sides_of(material)
    return page_of(result_of(material, sides), material, sides, key.vkey)


def nasty(prompt: Prompt, rep: int) -> Said:
    return Said(text=f"{NASTY} {changed('b')(prompt, rep).text} {NASTY * 20}", served=NASTY)


def topical(folder: Path) -> str:
    plan, references = topic_plan()
    return page(
        folder,
        plan,
        official=graded("a", references, lambda _: 0.9),
        reseller=graded("b", references, lambda prompt: 0.2 if prompt.topic == "chem" else 0.9),
    )


PAGES = [
    pytest.param(
        lambda folder: page(folder, plan_of(asked=prompts(16)), official=honest("a"), reseller=nasty), id="nasty"
    ),
    pytest.param(topical, id="topic"),
    pytest.param(
        lambda folder: page(
            folder, plan_of("x", "y", asked=prompts(12), samples=2), official=honest("a"), x=honest("b"), y=changed("c")
        ),
        id="two endpoints, repeated",
    ),
    pytest.param(
        lambda folder: page(folder, plan_of(asked=()), official=honest("a"), reseller=honest("b")), id="empty"
    ),
]


@pytest.mark.parametrize("make", PAGES)
def test_a_page_is_whole_loads_nothing_and_accuses_nobody(tmp_path: Path, make: object) -> None:
    assert callable(make)
    text = make(tmp_path)
    reader = read(text)
    lowered = text.lower()
    assert not [word for word in ACCUSING if word in lowered]
    assert not [tag for tag in LOADING if tag in lowered]
    names = [name for name, _ in reader.found]
    assert {"html", "title", "main", "h1", "h2"} <= set(names)
    assert (names.count("h1"), names.count("main")) == (1, 1)
    assert not {"script", "img", "link", "iframe", "object", "form", "base", "a"} & set(names)
    for name, attributes in reader.found:
        assert not {"src", "href", "action", "style", "srcset"} & set(attributes), (name, attributes)
        assert not [each for each in attributes if each.startswith("on")]
    assert "@import" not in text
    assert "url(" not in text


@pytest.mark.parametrize("make", PAGES)
def test_every_plot_has_a_title_and_a_description_and_stays_in_its_frame(tmp_path: Path, make: object) -> None:
    assert callable(make)
    text = make(tmp_path)
    for plot in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        inside(plot)


def inside(plot: str) -> None:
    reader = read(plot)
    names = [name for name, _ in reader.found]
    assert names[:3] == ["svg", "title", "desc"]
    view = str(reader.found[0][1]["viewbox"]).split()
    wide, high = float(view[2]), float(view[3])
    for name, found in reader.found[1:]:
        across = [float(str(found[key])) for key in ("x", "x1", "x2", "cx") if key in found]
        down = [float(str(found[key])) for key in ("y", "y1", "y2", "cy") if key in found]
        if name == "polyline":
            pairs = [pair.split(",") for pair in str(found["points"]).split()]
            across, down = [float(x) for x, _ in pairs], [float(y) for _, y in pairs]
        assert all(0 <= x <= wide for x in across), (name, found)
        assert all(0 <= y <= high for y in down), (name, found)
    for x, anchor, words in re.findall(r'<text x="([-0-9.]+)"[^>]*text-anchor="(\w+)"[^>]*>([^<]*)<', plot):
        # Letters of a font at 12 px are on the mean less than 7 px wide.
        width = 7 * len(words)
        left = {"start": float(x), "middle": float(x) - width / 2, "end": float(x) - width}[anchor]
        assert left >= -8, words
        assert left + width <= wide + 8, words


def test_what_a_model_said_is_shown_and_is_no_markup(tmp_path: Path) -> None:
    text = page(tmp_path, plan_of(asked=prompts(16)), official=honest("a"), reseller=nasty)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script" not in text
    assert "\x00" not in text
    assert "\u202e" not in text
    assert "\\u202e" in text
    assert "default-src &#x27;none&#x27;" in text
    assert "the rest, " in text


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_becomes_markup(said: str, attribute: str) -> None:
    found = el("p", said, el("b", said), title=attribute)
    reader = read(found.text)
    assert [name for name, _ in reader.found] == ["p", "b"]
    assert list(reader.found[0][1]) == ["title"]
    assert el("p", Html("<i></i>")).text == "<p><i></i></p>"
    assert all(each.isprintable() or each in "\n\t" for each in safe(said))


VALUES = st.floats(-1.5, 2.0)


@given(st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=4), st.none() | st.floats(0, 0.5))
def test_intervals_of_any_size_stay_in_their_frame(rows: list[tuple[float, float, float]], mark: float | None) -> None:
    drawn = [Interval(label="an endpoint of any name", value=b, low=a, high=c) for a, b, c in map(sorted, rows)]
    inside(interval_plot("Size", "Sizes.", drawn, mark=mark, below="distance").text)


@given(st.lists(st.floats(-40, 300), min_size=1, max_size=2_000), st.sampled_from([0.05, 0.01, 0.0001]))
def test_an_e_process_of_any_course_stays_in_its_frame(path: list[float], alpha: float) -> None:
    alarm = next((place + 1 for place, value in enumerate(path) if 10**-value <= alpha), None)
    inside(wealth_plot("Evidence", "An e-value.", path, alpha, alarm).text)


@given(st.integers(1, 400), st.data())
def test_a_rank_of_any_place_stays_in_its_frame(placebos: int, data: st.DataObject) -> None:
    rank = data.draw(st.integers(1, placebos + 1))
    plot = rank_plot("Rank", "A rank.", rank=rank, placebos=placebos, label="a topic")
    inside(plot.text)
    assert plot.text.count('class="tick"') == placebos
    assert f"0 0 {WIDTH}" in plot.text
