"""A release is what its manifest says, byte for byte, or it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from classify_samples import tiny_weights, vocabulary

from overt.classify.model import uncalibrated
from overt.classify.release import ARRAYS, MANIFEST, VOCABULARY, Card, digest_of, load, shipped, write_release
from overt.core.domain import Band, Domain
from overt.core.finding import ActingPoint, ErrorRate
from overt.errors import BadRelease

CARD = Card(
    name="tiny",
    version="1.2",
    date="2026-11-23",
    acting_points=(ActingPoint(domain=Domain.CYBER, band=Band.HIGH_DUAL, threshold=0.75),),
    error_rates=(ErrorRate(domain=Domain.CYBER, flagged=1, negatives=5_000, upper95=0.00095),),
    training={"rows": 12, "sources": ["own"]},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_release(
        tmp_path / "release", card=CARD, weights=tiny_weights(), calibration=uncalibrated(), vocabulary=vocabulary()
    )
    return tmp_path / "release"


def test_what_is_written_is_read_back(folder: Path) -> None:
    release = load(folder).release
    assert (release.name, release.version) == ("tiny", "1.2")
    assert (release.acting_points, release.error_rates) == (CARD.acting_points, CARD.error_rates)
    assert release.digest == digest_of((folder / MANIFEST).read_bytes())


def test_equal_weights_give_an_equal_release(folder: Path, tmp_path: Path) -> None:
    again = write_release(
        tmp_path / "again", card=CARD, weights=tiny_weights(), calibration=uncalibrated(), vocabulary=vocabulary()
    )
    assert again == load(folder).release


@pytest.mark.parametrize("name", [ARRAYS, VOCABULARY])
def test_an_altered_file_is_named_with_what_was_expected_and_found(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    expected = json.loads((folder / MANIFEST).read_bytes())["files"][name]
    with pytest.raises(BadRelease) as refused:
        load(folder)
    assert all(part in str(refused.value) for part in (repr(name), expected, digest_of(bytes(content))))


@pytest.mark.parametrize("name", [MANIFEST, ARRAYS, VOCABULARY])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BadRelease, match=name):
        load(folder)


@pytest.mark.parametrize("raw", [b"", b"not json", b"[]", b"{}", b'{"features": 2}', b"\xff"])
def test_what_is_no_manifest_is_refused(folder: Path, raw: bytes) -> None:
    (folder / MANIFEST).write_bytes(raw)
    with pytest.raises(BadRelease, match=MANIFEST):
        load(folder)


def _no_files(manifest: dict[str, Any]) -> None:
    manifest["files"] = []


def _other_head(manifest: dict[str, Any]) -> None:
    manifest["heads"][0]["head"] = "cyber.other"


def _negative_slope(manifest: dict[str, Any]) -> None:
    manifest["heads"][3]["slope"] = -1.0


def _slope_in_words(manifest: dict[str, Any]) -> None:
    manifest["heads"][3]["slope"] = "steep"


def _heads_in_words(manifest: dict[str, Any]) -> None:
    manifest["heads"] = ["cyber.topic"]


def _no_such_domain(manifest: dict[str, Any]) -> None:
    manifest["acting_points"][0]["domain"] = "weather"


def _impossible_threshold(manifest: dict[str, Any]) -> None:
    manifest["acting_points"][0]["threshold"] = 1.5


def _no_rates(manifest: dict[str, Any]) -> None:
    del manifest["error_rates"]


@pytest.mark.parametrize(
    "spoil",
    [
        _no_files,
        _other_head,
        _negative_slope,
        _slope_in_words,
        _heads_in_words,
        _no_such_domain,
        _impossible_threshold,
        _no_rates,
    ],
    ids=lambda spoil: spoil.__name__.strip("_"),
)
def test_a_manifest_that_contradicts_the_format_is_refused(
    folder: Path, spoil: Callable[[dict[str, Any]], None]
) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    spoil(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BadRelease):
        load(folder)


def _arrays(**changed: object) -> bytes:
    weights = tiny_weights()
    arrays: dict[str, Any] = {name: getattr(weights, name) for name in ("bias", "static", "rows", "hashed", "scale")}
    content = BytesIO()
    np.savez(content, **(arrays | changed))
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"not a zip",
        _arrays(bias=np.zeros(3, np.float32)),
        _arrays(scale=np.full(16, np.nan, np.float32)),
        _arrays(rows=np.full(len(tiny_weights().rows), 1 << 18, np.int32)),
        _arrays(static=np.zeros((5, 16), np.float16)),
        _arrays(hashed=np.array([{"an": "object"}], dtype=object)),
    ],
    ids=["not a zip", "shape", "not a number", "row out of range", "vocabulary", "pickled"],
)
def test_arrays_that_are_none_are_refused_even_with_the_right_digest(folder: Path, content: bytes) -> None:
    (folder / ARRAYS).write_bytes(content)
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"][ARRAYS] = digest_of(content)
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BadRelease, match=r"'stage1\.npz'"):
        load(folder)


def test_the_shipped_release_is_whole() -> None:
    release = load(shipped()).release
    assert release.name
    assert {rate.domain for rate in release.error_rates} == set(Domain)
