"""A release passes its gates or is told which one it fails, with the figure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gate_samples import DIGEST, evaluation, rate

from overt.core.domain import DOMAINS, Digest
from overt.errors import OperatorError
from overt.learn.gates import Figures, Verdict, failed, gates, parse_evaluation

CARDS = Path(__file__).parents[2] / "docs" / "cards" / "evaluation.json"
RELEASE = Digest(DIGEST)
Spoil = Callable[[dict[str, Any]], None]


def figures(spoil: Spoil | None = None) -> Figures:
    value = evaluation()
    if spoil is not None:
        spoil(value)
    return parse_evaluation(json.dumps(value).encode(), "evaluation.json")


def test_a_good_release_passes_every_gate_alone_and_compared() -> None:
    assert {gate.verdict for gate in gates(RELEASE, figures(), None)} == {Verdict.PASS}
    compared = gates(RELEASE, figures(), figures(), must_compare=True)
    assert {gate.verdict for gate in compared} == {Verdict.PASS}
    assert len(compared) == 1 + len(DOMAINS) + 2 + 1 + len(DOMAINS)


def _too_many(value: dict[str, Any]) -> None:
    value["domains"]["bio"]["general"]["own"] = rate(5, 2_000)


def _no_negatives(value: dict[str, Any]) -> None:
    value["domains"]["bio"]["general"] = {}


def _domain_left_out(value: dict[str, Any]) -> None:
    del value["domains"]["chem"]


def _one_flagged(value: dict[str, Any]) -> None:
    value["suite"] |= {"passed": rate(199, 200), "failures": ["mp-7"]}


def _one_moved(value: dict[str, Any]) -> None:
    value["suite"]["unmoved"] = rate(399, 400)


def _no_suite(value: dict[str, Any]) -> None:
    value["suite"] = None


def _empty_suite(value: dict[str, Any]) -> None:
    value["suite"] |= {"passed": rate(0, 0)}


def _of_another(value: dict[str, Any]) -> None:
    value["release"] = "sha256:" + "b" * 64


ALONE: dict[str, tuple[Spoil, tuple[str, ...], str]] = {
    "false positives": (_too_many, ("false positives, bio",), "6 of 10,000, at most 0.118 %"),
    "no negatives": (_no_negatives, ("false positives, bio",), "not measured"),
    "a domain left out": (_domain_left_out, ("false positives, chem",), "not measured"),
    "a must-pass request": (_one_flagged, ("must pass",), "199 of 200"),
    "a preamble that moves": (_one_moved, ("preambles",), "399 of 400"),
    "no suite": (_no_suite, ("must pass", "preambles"), "not measured"),
    "an empty suite": (_empty_suite, ("must pass",), "not measured"),
    "another release": (_of_another, ("evaluation",), "sha256:bb"),
}


@pytest.mark.parametrize(("spoil", "names", "shows"), ALONE.values(), ids=ALONE.keys())
def test_a_gate_that_fails_is_named_with_its_figure(spoil: Spoil, names: tuple[str, ...], shows: str) -> None:
    found = gates(RELEASE, figures(spoil), None)
    assert failed(found) == names
    assert any(shows in gate.found for gate in found if gate.name in names)


def _three_points(value: dict[str, Any]) -> None:
    value["left_out"]["cyber"] = {"large": rate(440, 1_000), "small": rate(8, 10)}


def _two_points(value: dict[str, Any]) -> None:
    value["left_out"]["cyber"] = {"large": rate(460, 1_000), "small": rate(8, 10)}


def _large_hides_small(value: dict[str, Any]) -> None:
    value["left_out"]["cyber"] = {"large": rate(550, 1_000), "small": rate(6, 10)}


def _source_left_out(value: dict[str, Any]) -> None:
    del value["left_out"]["cyber"]["small"]


def _nothing_left_out(value: dict[str, Any]) -> None:
    value["left_out"] = None


def _new_failure(value: dict[str, Any]) -> None:
    value["suite"] |= {"failures": ["mp-7"]}


def _smaller_suite(value: dict[str, Any]) -> None:
    value["suite"] |= {"passed": rate(150, 150)}


COMPARED: dict[str, tuple[Spoil, tuple[str, ...]]] = {
    "recall three points lower": (_three_points, ("recall, cyber",)),
    "recall two points lower": (_two_points, ()),
    "a large source does not hide a small one": (_large_hides_small, ("recall, cyber",)),
    "a source not measured": (_source_left_out, ("recall, cyber",)),
    "recall not measured": (_nothing_left_out, tuple(f"recall, {domain}" for domain in DOMAINS)),
    "a must-pass request that passed before": (_new_failure, ("must pass, as before",)),
    "a suite that shrank": (_smaller_suite, ("must pass, as before",)),
}


@pytest.mark.parametrize(("spoil", "names"), COMPARED.values(), ids=COMPARED.keys())
def test_a_release_that_is_worse_than_the_one_before_fails(spoil: Spoil, names: tuple[str, ...]) -> None:
    assert failed(gates(RELEASE, figures(spoil), figures())) == names


def test_sources_of_a_request_or_two_count_as_one_source() -> None:
    def scattered(value: dict[str, Any]) -> None:
        value["left_out"]["cyber"] = {"large": rate(500, 1_000), "one": rate(1, 1), "other": rate(7, 9)}

    def lost(value: dict[str, Any]) -> None:
        value["left_out"]["cyber"] = {"large": rate(580, 1_000), "one": rate(0, 1), "other": rate(7, 9)}

    assert not failed(gates(RELEASE, figures(lost), figures(scattered)))


def test_what_the_release_before_was_not_measured_on_stops_nobody() -> None:
    found = gates(RELEASE, figures(), figures(_nothing_left_out))
    assert not failed(found)
    assert [gate.verdict for gate in found if gate.name.startswith("recall")] == [Verdict.OPEN] * len(DOMAINS)


def test_languages_that_are_not_covered_are_in_no_gate() -> None:
    def uncovered(value: dict[str, Any]) -> None:
        value["left_out"]["bio"]["small, language not covered"] = rate(0, 500)

    assert not failed(gates(RELEASE, figures(uncovered), figures()))
    assert not failed(gates(RELEASE, figures(), figures(uncovered)))


def test_a_promise_may_be_another() -> None:
    assert failed(gates(RELEASE, figures(_too_many), None, bound=0.002)) == ()
    assert len(failed(gates(RELEASE, figures(), None, bound=0.0001))) == len(DOMAINS)


def test_a_release_without_an_evaluation_fails_and_so_does_one_that_has_nothing_to_be_compared_with() -> None:
    assert failed(gates(RELEASE, None, figures())) == ("evaluation",)
    assert failed(gates(RELEASE, figures(), None, must_compare=True)) == ("comparison",)


def test_an_evaluation_that_does_not_say_of_what_is_left_open() -> None:
    def anonymous(value: dict[str, Any]) -> None:
        del value["release"]

    first = gates(RELEASE, figures(anonymous), None)[0]
    assert (first.name, first.verdict) == ("evaluation", Verdict.OPEN)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b'{"suite": null, "left_out": null, "domains": {"bio": {"general": {"a": {"hits": 2, "trials": 1}}}}}',
        json.dumps(evaluation() | {"suite": {"passed": {}}}).encode(),
    ],
    ids=["nothing", "list", "empty", "more hits than trials", "half a suite"],
)
def test_what_is_no_evaluation_is_refused_with_its_name_and_the_remedy(raw: bytes) -> None:
    with pytest.raises(OperatorError, match=r"'some\.json'.*overt evaluate --out"):
        parse_evaluation(raw, "some.json")


def test_the_evaluation_of_the_shipped_release_can_be_read() -> None:
    found = parse_evaluation(CARDS.read_bytes(), "evaluation.json")
    assert all(found.general[domain].trials > 1_000 for domain in DOMAINS)
    assert found.passed is not None
    assert found.passed.trials > 100
    assert any(found.left_out[domain] for domain in DOMAINS)
