"""SVG is well-formed whatever words it is given, and shapes lie where they were put."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from overt.svg import Svg, circle, element, line, picture, polyline, rect, safe, text


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_words_become_markup(said: str, attribute: str) -> None:
    root = ElementTree.fromstring(picture(10, 10, text(1, 2, said, class_=attribute)))
    assert [each.tag for each in root.iter()] == ["svg", "text"]
    assert root.findtext("text") or not said


def test_words_are_escaped_once_and_markup_is_not() -> None:
    assert element("desc", "a & b", Svg("<b></b>")) == "<desc>a &amp; b<b></b></desc>"
    assert element("desc", "a" + Svg("<b>")) == "<desc>a&lt;b&gt;</desc>"


def test_control_characters_are_shown_by_their_code_and_lines_are_kept() -> None:
    assert safe("a\x00\u202e\ufffe\x1c\u2028b\n\tc") == "a\\u0000\\u202e\\ufffe  b\n\tc"


def test_attributes_are_written_as_they_are_named() -> None:
    assert element("g", class_="a b", stroke_width="2") == '<g class="a b" stroke-width="2"></g>'


def test_shapes_lie_where_they_were_put() -> None:
    assert line(1, 2.04, 3, 4, stroke="red") == '<line x1="1.0" y1="2.0" x2="3.0" y2="4.0" stroke="red"></line>'
    assert polyline([(1, 2), (3.25, 4)]) == '<polyline points="1.0,2.0 3.2,4.0"></polyline>'
    assert circle(1, 2, 2.5, element("title", "a")) == '<circle cx="1.0" cy="2.0" r="2.5"><title>a</title></circle>'
    assert rect(1, 2, 3, 4, fill="red") == '<rect x="1.0" y="2.0" width="3.0" height="4.0" fill="red"></rect>'
    assert text(1, 2, "a", "end") == '<text x="1.0" y="2.0" text-anchor="end">a</text>'


def test_a_picture_has_its_size_and_a_line_for_each_part() -> None:
    parts = (element("title", "a"), line(0, 0, 1, 1))
    assert picture(720, 96.5, *parts, fill="red").splitlines() == [
        '<svg viewBox="0 0 720 96.5" role="img" fill="red">',
        *parts,
        "</svg>",
    ]
