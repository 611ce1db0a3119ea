"""A release: a folder with ``manifest.json``, ``stage1.npz``, ``vocab.txt`` and ``stage2.onnx``, pinned by digest.

`write_release` writes one; `read_release` reads one and refuses it (`BadRelease`) if any byte is not what the manifest
says. The digest of a release is the SHA-256 of its manifest, which holds the SHA-256 of every other file. Every file is
read once and the same bytes are checked and parsed. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, Final, final
from zipfile import BadZipFile

import numpy as np

from overt.classify.cascade import Cascade
from overt.classify.encoder import Encoder
from overt.classify.features import FORMAT, HASHES
from overt.classify.joint import CEILING, Joint
from overt.classify.model import HEADS, WIDTH, Calibration, Floats, Model, Weights
from overt.classify.stage1 import Stage1
from overt.classify.wordpiece import WordPiece, parse_vocabulary
from overt.core.domain import DOMAINS, Band, Digest, Domain
from overt.core.finding import ActingPoint, ErrorRate, Release
from overt.errors import BadRelease

MANIFEST: Final = "manifest.json"
ARRAYS: Final = "stage1.npz"
VOCABULARY: Final = "vocab.txt"
GRAPH: Final = "stage2.onnx"
_COLUMNS: Final = ("linear", "deep", "bias")
REMEDY: Final = "install overt again, or write the release again with `overt train`"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a manifest says about a release besides its numbers. ``training`` is any JSON object."""

    name: str
    version: str
    date: str
    acting_points: tuple[ActingPoint, ...] = ()
    error_rates: tuple[ErrorRate, ...] = ()
    training: Mapping[str, object] = field(default_factory=dict)


@final
@dataclass(frozen=True, slots=True)
class Second:
    """Stage 2 as it is released: its graph (ONNX), how it joins stage 1, and the languages (ISO 639-1) both cover."""

    graph: bytes
    joint: Joint
    languages: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class Parts:
    """A release as it was read. Without ``encoder`` it is stage 1 alone."""

    model: Model
    encoder: Encoder | None = None
    joint: Joint | None = None
    languages: frozenset[str] = frozenset()

    def classifier(self, *, traces: bool = True) -> Cascade | Stage1:
        """A fresh classifier with empty caches; without ``traces`` its triggers are not tested."""
        first = Stage1(self.model, alone=self.encoder is None)
        if self.encoder is None or self.joint is None:
            return first
        return Cascade(first, self.encoder, self.joint, self.languages, traces=traces)


def shipped() -> Path:
    """The folder of the release that comes with this package."""
    return Path(__file__).parent / "weights"


def write_release(
    folder: Path,
    *,
    card: Card,
    weights: Weights,
    calibration: Calibration,
    vocabulary: bytes,
    second: Second | None = None,
) -> Release:
    """Write a release into ``folder`` (made if missing) and read it back. ``vocabulary`` is the bytes of vocab.txt."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = BytesIO()
    np.savez_compressed(
        arrays,
        bias=weights.bias,
        static=weights.static,
        rows=weights.rows,
        hashed=weights.hashed,
        scale=weights.scale,
    )
    files = {ARRAYS: arrays.getvalue(), VOCABULARY: vocabulary}
    if second is not None:
        files[GRAPH] = second.graph
    for name, content in files.items():
        (folder / name).write_bytes(content)
    manifest = _manifest(card, calibration, {name: digest_of(content) for name, content in files.items()})
    if second is not None:
        manifest |= {
            "languages": list(second.languages),
            "joint": _joint_rows(second.joint),
            "gates": _gate_rows(second.joint),
        }
    text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8", newline="\n")
    return load(folder).release


def read_release(folder: Path) -> Parts:
    """Read and check a release. Raises `BadRelease` naming the file, what was expected and what was found."""
    raw = _read(folder, MANIFEST)
    manifest = _parse(raw)
    checked = {name: _checked(folder, manifest, name) for name in (ARRAYS, VOCABULARY)}
    wordpiece = WordPiece(parse_vocabulary(checked[VOCABULARY], VOCABULARY))
    model = Model(
        release=_release(manifest, digest_of(raw)),
        weights=_weights(checked[ARRAYS], len(wordpiece)),
        calibration=_calibration(manifest),
        wordpiece=wordpiece,
    )
    if "joint" not in manifest and "gates" not in manifest:
        return Parts(model)
    joint = _joint(manifest)
    _check_points(model.release)
    encoder = Encoder(_checked(folder, manifest, GRAPH), wordpiece, name=GRAPH)
    return Parts(model, encoder, joint, _languages(manifest))


def load(folder: Path) -> Model:
    """Stage 1 of a release, read and checked with all the rest of it."""
    return read_release(folder).model


def digest_of(content: bytes) -> Digest:
    """``sha256:`` and the hexadecimal digest."""
    return Digest(f"sha256:{sha256(content).hexdigest()}")


def _manifest(card: Card, calibration: Calibration, files: Mapping[str, Digest]) -> dict[str, object]:
    return {
        "features": FORMAT,
        "name": card.name,
        "version": card.version,
        "date": card.date,
        "files": dict(files),
        "heads": [
            {"head": head, "slope": float(slope), "intercept": float(intercept)}
            for head, slope, intercept in zip(HEADS, calibration.slope, calibration.intercept, strict=True)
        ],
        "acting_points": [
            {"domain": point.domain, "band": point.band, "threshold": point.threshold} for point in card.acting_points
        ],
        "error_rates": [
            {"domain": r.domain, "flagged": r.flagged, "negatives": r.negatives, "upper95": r.upper95}
            for r in card.error_rates
        ],
        "training": dict(card.training),
    }


def _joint_rows(joint: Joint) -> list[dict[str, object]]:
    columns = zip(HEADS, joint.linear, joint.deep, joint.bias, strict=True)
    return [
        {"head": head, "linear": float(linear), "deep": float(deep), "bias": float(bias)}
        for head, linear, deep, bias in columns
    ]


def _gate_rows(joint: Joint) -> list[dict[str, object]]:
    return [{"domain": domain, "high_dual": float(gate)} for domain, gate in zip(DOMAINS, joint.gates, strict=True)]


def _joint(manifest: Mapping[str, Any]) -> Joint:
    """The numbers that join the stages; every one finite, no weight below 0, every gate a probability."""
    try:
        rows, gates = manifest["joint"], manifest["gates"]
        heads, domains = tuple(row["head"] for row in rows), tuple(gate["domain"] for gate in gates)
        if (heads, domains) != (HEADS, DOMAINS):
            raise BadRelease(f"{MANIFEST!r}: expected joint heads and gates in order, found {heads!r} {domains!r}")
        columns = {name: np.asarray([float(row[name]) for row in rows], np.float32) for name in _COLUMNS}
        opened = np.asarray([_share(gate["high_dual"]) for gate in gates], np.float32)
    except (KeyError, TypeError, ValueError) as fault:
        raise BadRelease(f"{MANIFEST!r} lacks or garbles {fault} of the joint; {REMEDY}") from fault
    if not all(np.isfinite(column).all() for column in columns.values()) or _negative(columns):
        raise BadRelease(f"{MANIFEST!r}: expected finite joint numbers and no weight below 0, found others; {REMEDY}")
    return Joint(linear=columns["linear"], deep=columns["deep"], bias=columns["bias"], gates=opened)


def _languages(manifest: Mapping[str, Any]) -> frozenset[str]:
    found = manifest.get("languages", [])
    if not isinstance(found, list) or not all(isinstance(code, str) and len(code) == 2 for code in found):
        raise BadRelease(f"{MANIFEST!r}: expected languages as two-letter codes, found {found!r}; {REMEDY}")
    return frozenset(found)


def _negative(columns: Mapping[str, Floats]) -> bool:
    return bool((columns["linear"] < 0).any() or (columns["deep"] < 0).any())


def _check_points(release: Release) -> None:
    """Stage 1 alone must never act: every acting point lies above what it may say by itself."""
    for point in release.acting_points:
        if point.threshold <= CEILING:
            raise BadRelease(
                f"{MANIFEST!r}: the acting point of {point.domain!r} for {point.band!r} is {point.threshold!r}, which "
                f"stage 1 alone may reach (up to {CEILING!r}); {REMEDY}"
            )


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as fault:
        raise BadRelease(
            f"{name!r} of the release in {str(folder)!r} cannot be read ({fault.strerror}); {REMEDY}"
        ) from fault


def _parse(raw: bytes) -> Mapping[str, Any]:
    try:
        manifest = json.loads(raw)
    except ValueError as fault:
        raise BadRelease(f"{MANIFEST!r} is not JSON ({fault}); {REMEDY}") from fault
    if not isinstance(manifest, dict) or manifest.get("features") != FORMAT:
        found = manifest.get("features") if isinstance(manifest, dict) else manifest
        raise BadRelease(f"{MANIFEST!r}: expected features {FORMAT!r}, found {found!r}; {REMEDY}")
    return manifest


def _checked(folder: Path, manifest: Mapping[str, Any], name: str) -> bytes:
    files = manifest.get("files")
    expected = files.get(name) if isinstance(files, dict) else None
    content = _read(folder, name)
    found = digest_of(content)
    if found != expected:
        raise BadRelease(f"{name!r}: expected digest {expected!r}, found {found!r}; {REMEDY}")
    return content


def _release(manifest: Mapping[str, Any], digest: Digest) -> Release:
    try:
        return Release(
            name=str(manifest["name"]),
            version=str(manifest["version"]),
            digest=digest,
            error_rates=tuple(_error_rate(row) for row in manifest["error_rates"]),
            acting_points=tuple(_acting_point(row) for row in manifest["acting_points"]),
        )
    except (KeyError, TypeError, ValueError) as fault:
        raise BadRelease(f"{MANIFEST!r} lacks or garbles {fault}; {REMEDY}") from fault


def _error_rate(row: Mapping[str, Any]) -> ErrorRate:
    return ErrorRate(
        domain=Domain(row["domain"]),
        flagged=int(row["flagged"]),
        negatives=int(row["negatives"]),
        upper95=_share(row["upper95"]),
    )


def _acting_point(row: Mapping[str, Any]) -> ActingPoint:
    return ActingPoint(domain=Domain(row["domain"]), band=Band(row["band"]), threshold=_share(row["threshold"]))


def _share(value: object) -> float:
    """A probability; NaN and whatever is outside [0, 1] are refused."""
    if isinstance(value, (int, float)) and 0 <= value <= 1:
        return float(value)
    raise ValueError(f"a probability, found {value!r}")


def _calibration(manifest: Mapping[str, Any]) -> Calibration:
    listed = manifest.get("heads")
    rows: Sequence[Mapping[str, Any]] = [r for r in listed if isinstance(r, dict)] if isinstance(listed, list) else []
    names = tuple(row.get("head") for row in rows)
    if names != HEADS:
        raise BadRelease(f"{MANIFEST!r}: expected the heads {HEADS!r}, found {names!r}; {REMEDY}")
    try:
        slope = np.asarray([float(row["slope"]) for row in rows], np.float32)
        intercept = np.asarray([float(row["intercept"]) for row in rows], np.float32)
    except (KeyError, TypeError, ValueError) as fault:
        raise BadRelease(f"{MANIFEST!r} lacks or garbles {fault} of a head; {REMEDY}") from fault
    if not (np.isfinite(slope).all() and np.isfinite(intercept).all() and (slope > 0).all()):
        raise BadRelease(f"{MANIFEST!r}: expected positive slopes and finite intercepts, found {slope!r} {intercept!r}")
    return Calibration(slope=slope, intercept=intercept)


def _weights(content: bytes, pieces: int) -> Weights:
    try:
        with np.load(BytesIO(content), allow_pickle=False) as arrays:
            weights = Weights(**{name: arrays[name] for name in ("bias", "static", "rows", "hashed", "scale")})
    except (BadZipFile, EOFError, KeyError, OSError, ValueError) as fault:
        raise BadRelease(f"{ARRAYS!r} cannot be read ({fault}); {REMEDY}") from fault
    kept = weights.rows.shape[0]
    expected = {
        "bias": ((WIDTH,), "float32"),
        "static": ((pieces, WIDTH), "float16"),
        "rows": ((kept,), "int32"),
        "hashed": ((kept, WIDTH), "int8"),
        "scale": ((WIDTH,), "float32"),
    }
    for name, (shape, kind) in expected.items():
        array = getattr(weights, name)
        if array.shape != shape or array.dtype != kind:
            raise BadRelease(
                f"{ARRAYS!r}: expected {name} of shape {shape!r} and type {kind!r}, "
                f"found {array.shape!r} and {str(array.dtype)!r}; {REMEDY}"
            )
    if kept and not (weights.rows.min() >= 0 and weights.rows.max() < HASHES):
        raise BadRelease(f"{ARRAYS!r}: expected rows from 0 to {HASHES - 1}, found others; {REMEDY}")
    for name in ("bias", "static", "scale"):
        if not np.isfinite(getattr(weights, name)).all():
            raise BadRelease(f"{ARRAYS!r}: expected finite numbers in {name}, found others; {REMEDY}")
    return weights
