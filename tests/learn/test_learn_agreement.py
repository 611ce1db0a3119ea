"""Kappa against a table worked by hand and against scikit-learn, and what is compared for one topic."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from overt.core.domain import BANDS, Band
from overt.errors import InvalidFile
from overt.learn.agreement import TOPICS, SecondLabel, agreement, kappa, read_labels
from overt.learn.corpus import Row, load_own, read_rows

REQUESTS = Path(__file__).parents[2] / "data" / "requests"
LABELS = Path(__file__).parents[2] / "data" / "labels" / "second_annotator_own.jsonl"


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> tuple[Row, ...]:
    """One row of every topic and band."""
    folder = tmp_path_factory.mktemp("requests")
    common = {"text": "please", "family": "one", "twin": None, "kind": "chat", "lang": "en"}
    small = [
        {"id": f"{topic}-{band}", "domain": topic, "band": band, **common}
        for topic in TOPICS
        for band in BANDS
        if topic != "none" or band is Band.BENIGN
    ]
    (folder / "small.jsonl").write_text("".join(json.dumps(row) + "\n" for row in small), encoding="utf-8")
    return load_own(folder)


def as_labelled(rows: tuple[Row, ...]) -> dict[str, SecondLabel]:
    """A second annotator who says what the first one says."""
    return {row.id: SecondLabel(row.domain, Band(row.intent)) for row in rows}


def test_seventy_percent_agreement_where_chance_gives_fifty_is_a_kappa_of_two_fifths() -> None:
    pairs = [(0, 0)] * 20 + [(0, 1)] * 5 + [(1, 0)] * 10 + [(1, 1)] * 15
    found = kappa(pairs, 2)
    assert (found.agreed, found.rows) == (35, 50)
    assert found.value == pytest.approx(0.4)


@pytest.mark.parametrize("quadratic", [False, True])
def test_kappa_agrees_with_scikit_learn(quadratic: bool) -> None:
    draws = np.random.default_rng(3)
    first = draws.integers(0, 4, 300)
    second = np.where(draws.random(300) < 0.6, first, draws.integers(0, 4, 300))
    expected = cohen_kappa_score(first, second, labels=[0, 1, 2, 3], weights="quadratic" if quadratic else None)
    pairs = [(int(one), int(other)) for one, other in zip(first, second, strict=True)]
    assert kappa(pairs, 4, quadratic=quadratic).value == pytest.approx(expected)


def test_a_near_miss_costs_less_than_a_far_one_in_quadratic_kappa_only() -> None:
    near = [(0, 0), (1, 1), (2, 2), (3, 3), (0, 1), (3, 2)]
    far = [(0, 0), (1, 1), (2, 2), (3, 3), (0, 2), (3, 1)]
    assert kappa(near, 4).value == pytest.approx(kappa(far, 4).value)
    close, apart = kappa(near, 4, quadratic=True).value, kappa(far, 4, quadratic=True).value
    assert close is not None
    assert apart is not None
    assert close > apart


def test_one_label_for_every_row_leaves_kappa_undefined() -> None:
    assert kappa([(2, 2)] * 9, 4).value is None
    assert kappa([], 4).value is None


def test_an_annotator_who_repeats_the_first_agrees_wherever_kappa_is_defined(rows: tuple[Row, ...]) -> None:
    found = agreement(rows, as_labelled(rows))
    assert list(found) == ["all", "cyber", "bio", "chem", "frontier_llm", "none"]
    assert {one.domain.value for one in found.values()} == {1.0}
    assert {one.band.value for name, one in found.items() if name != "none"} == {1.0}
    assert found["none"].band.value is None


def test_bands_of_a_topic_are_compared_on_its_own_rows_and_the_topic_on_all(rows: tuple[Row, ...]) -> None:
    cyber = next(row for row in rows if (row.domain, row.intent) == ("cyber", "prohibited"))
    chem = next(row for row in rows if (row.domain, row.intent) == ("chem", "benign"))
    labels = {cyber.id: SecondLabel("chem", Band.HIGH_DUAL), chem.id: SecondLabel("chem", Band.BENIGN)}
    found = agreement(rows, labels)
    assert (found["cyber"].band.rows, found["cyber"].domain.rows) == (1, 2)
    assert (found["cyber"].band.agreed, found["cyber"].high_or_worse.agreed) == (0, 1)
    assert (found["all"].domain.agreed, found["chem"].domain.agreed) == (1, 1)


def test_a_label_without_a_row_is_named(rows: tuple[Row, ...]) -> None:
    with pytest.raises(ValueError, match="'nobody'"):
        agreement(rows, {"nobody": SecondLabel("bio", Band.BENIGN)})


def test_the_stored_second_labels_name_rows_that_exist() -> None:
    ids = {row.get("id") for path in REQUESTS.glob("*.jsonl") for row in read_rows(path)}
    labels = read_labels(LABELS)
    assert len(labels) == 350
    assert labels.keys() <= ids


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "is no label"),
        ("[1]", "is no label"),
        ('{"id": "a", "domain": "bio"}', "'band'"),
        ('{"id": "a", "domain": "bio", "band": "worst"}', "'worst'"),
        ('{"id": "a", "domain": "physics", "band": "benign"}', "'physics'"),
        (json.dumps({"id": "one", "domain": "bio", "band": "benign"}), "'one' a second time"),
    ],
)
def test_a_broken_label_is_named_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('{"id": "one", "domain": "none", "band": "benign"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(InvalidFile) as raised:
        read_labels(path)
    assert said in str(raised.value)
    assert "2" in str(raised.value)
