"""Plots are well-formed, stay in their frame, and say in words what they show."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from overt.learn.plots import HEIGHT, WIDTH, reliability_plot, score_plot
from overt.learn.rates import Bin, Rate

HISTOGRAM = {"general": (900, 50, 0, 1), "benign inside": (0, 0, 0, 0), "sensitive": (0, 1, 5, 40)}
BINS = (Bin(0.0, 0.1, 0.02, Rate(0, 50)), Bin(0.9, 1.0, 0.97, Rate(19, 20)))
PLOTS = {
    "scores": score_plot("cyber & more", HISTOGRAM, 0.75),
    "scores without an acting point": score_plot("cyber & more", HISTOGRAM, None),
    "reliability": reliability_plot("cyber & more", BINS),
    "reliability of nothing": reliability_plot("cyber & more", ()),
}


@pytest.mark.parametrize("name", sorted(PLOTS))
def test_a_plot_is_xml_with_a_title(name: str) -> None:
    root = ElementTree.fromstring(PLOTS[name])
    assert root.findtext("{http://www.w3.org/2000/svg}title") == "cyber & more"


@pytest.mark.parametrize("name", sorted(PLOTS))
def test_every_mark_stays_in_the_frame(name: str) -> None:
    for axis, number in re.findall(r'\b(c?[xy][12]?)="([0-9.]+)"', PLOTS[name]):
        assert 0 <= float(number) <= (WIDTH if "x" in axis else HEIGHT)
    for points in re.findall(r'points="([^"]*)"', PLOTS[name]):
        for point in points.split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= WIDTH
            assert 0 <= y <= HEIGHT


def test_the_score_plot_names_its_lines_their_rows_and_the_acting_point() -> None:
    plot = PLOTS["scores"]
    assert "sensitive (46)" in plot
    assert "benign inside (0)" in plot
    assert "acts from 0.75" in plot
    assert "acts from" not in PLOTS["scores without an acting point"]
