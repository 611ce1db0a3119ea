"""How far two annotators agree beyond chance: Cohen's kappa for domain, band and "high_dual or worse".

Kappa is 1 - sum(w * o) / sum(w * e). ``o`` is the share of rows in each cell of the table of first by second label,
``e`` the product of its margins (what two annotators with these habits would reach by chance), and ``w`` the weight of
a disagreement. Plain kappa weighs every disagreement 1 (Cohen, A coefficient of agreement for nominal scales,
Educational and Psychological Measurement 20, 1960); quadratic kappa weighs it by the squared distance of the two ranks
(Cohen, Weighted kappa, Psychological Bulletin 70, 1968). Where both annotators give every row one and the same label,
chance alone agrees on all of them and kappa is undefined: None, never 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.core.domain import BANDS, DOMAINS, Band
from overt.errors import InvalidFile, Problem
from overt.learn.corpus import Row

Doubles: TypeAlias = npt.NDArray[np.float64]

TOPICS: Final = (*DOMAINS, "none")


@final
@dataclass(frozen=True, slots=True)
class SecondLabel:
    """What a second annotator calls a row, without having seen what the first one does."""

    domain: str
    band: Band


@final
@dataclass(frozen=True, slots=True)
class Kappa:
    """The rows on which two annotators agree, of how many, and how far that goes beyond chance."""

    agreed: int
    rows: int
    value: float | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """``domain`` is all five topics, or for one domain whether a row is about it; the rest is about bands."""

    domain: Kappa
    band: Kappa
    band_quadratic: Kappa
    high_or_worse: Kappa


def agreement(rows: Sequence[Row], labels: Mapping[str, SecondLabel]) -> dict[str, Agreement]:
    """The agreement on the rows that have a second label, over all of them and for each topic that the first names.

    For one topic, bands are compared on the rows that the first annotator gives it; its ``domain`` is compared on all
    rows, because on its own rows alone the first annotator has only one answer and chance explains everything.
    """
    own = [row for row in rows if row.id in labels]
    missing = sorted(labels.keys() - {row.id for row in own})
    if missing:
        raise ValueError(f"{len(missing)} labels name no row, the first is {missing[0]!r}: label rows that exist")
    pairs = [(SecondLabel(row.domain, Band(row.intent)), labels[row.id]) for row in own]
    topics = [(TOPICS.index(first.domain), TOPICS.index(second.domain)) for first, second in pairs]
    found = {"all": _bands(pairs, kappa(topics, len(TOPICS)))}
    for place, topic in enumerate(TOPICS):
        named = [pair for pair in pairs if pair[0].domain == topic]
        if named:
            about = kappa([(int(first == place), int(second == place)) for first, second in topics], 2)
            found[topic] = _bands(named, about)
    return found


def _bands(pairs: Sequence[tuple[SecondLabel, SecondLabel]], domain: Kappa) -> Agreement:
    ranks = [(first.band.rank, second.band.rank) for first, second in pairs]
    high = Band.HIGH_DUAL.rank
    return Agreement(
        domain=domain,
        band=kappa(ranks, len(BANDS)),
        band_quadratic=kappa(ranks, len(BANDS), quadratic=True),
        high_or_worse=kappa([(int(first >= high), int(second >= high)) for first, second in ranks], 2),
    )


def kappa(pairs: Sequence[tuple[int, int]], classes: int, *, quadratic: bool = False) -> Kappa:
    """Cohen's kappa of pairs of class numbers; with ``quadratic`` the classes are ranks and near misses count less."""
    observed = np.zeros((classes, classes), dtype=np.float64)
    for first, second in pairs:
        observed[first, second] += 1
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0)) / max(1, len(pairs))
    weights = _distances(classes) if quadratic else 1 - np.eye(classes)
    chance = float((weights * expected).sum())
    value = 1 - float((weights * observed).sum()) / chance if chance else None
    return Kappa(int(np.trace(observed)), len(pairs), value)


def _distances(classes: int) -> Doubles:
    ranks = np.arange(classes, dtype=np.float64)
    return np.asarray((ranks[:, None] - ranks[None, :]) ** 2, dtype=np.float64)


def read_labels(path: Path) -> dict[str, SecondLabel]:
    """The second labels of a JSON Lines file, ``{"id", "domain", "band"}`` each, by id."""
    labels: dict[str, SecondLabel] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            name, label = str(row["id"]), SecondLabel(str(row["domain"]), Band(row["band"]))
        except (ValueError, KeyError, TypeError) as broken:
            raise _broken(path, number, f"is no label: {broken!r}") from broken
        if label.domain not in TOPICS:
            raise _broken(path, number, f"has domain {label.domain!r}")
        if name in labels:
            raise _broken(path, number, f"labels {name!r} a second time")
        labels[name] = label
    return labels


def _broken(path: Path, number: int, what: str) -> InvalidFile:
    return InvalidFile(str(path), (Problem("row", what, "give id, domain and band once per row", number),))
