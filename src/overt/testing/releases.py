"""A release in a folder, real in every byte, whose every judgement can be read off: it acts on the words it is given.

    write_tiny_release(folder, version="1", words={"ransomware": (Domain.CYBER, Band.HIGH_DUAL)})

It has stage 1 alone, with the shipped word pieces, and acts from a probability of 0.5 on every domain and band.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from overt.classify.features import HASHES, term_id
from overt.classify.model import HEADS, WIDTH, Floats, pack, uncalibrated
from overt.classify.release import VOCABULARY, Card, shipped, write_release
from overt.core.domain import BANDS, DOMAINS, Band, Domain
from overt.core.finding import ActingPoint, ErrorRate, Release

BIAS: Final = -6.0
WEIGHT: Final = 60.0
WORDS: Final = {
    "ransomware": (Domain.CYBER, Band.HIGH_DUAL),
    "worm": (Domain.CYBER, Band.PROHIBITED),
    "pathogen": (Domain.BIO, Band.HIGH_DUAL),
}
_OUTPUTS: Final = {Band.BENIGN: "topic"}


def write_tiny_release(
    folder: Path, *, version: str = "1", words: Mapping[str, tuple[Domain, Band]] = WORDS
) -> Release:
    """Write such a release; equal arguments give equal bytes. A word stands for its band and every lesser one."""
    hashed: Floats = np.zeros((HASHES, WIDTH), np.float32)
    for word, (domain, worst) in words.items():
        for band in BANDS[: worst.rank + 1]:
            hashed[term_id(word), HEADS.index(f"{domain}.{_OUTPUTS.get(band, band)}")] = WEIGHT
    vocabulary = (shipped() / VOCABULARY).read_bytes()
    static: Floats = np.zeros((len(vocabulary.splitlines()), WIDTH), np.float32)
    return write_release(
        folder,
        card=Card(
            name="tiny",
            version=version,
            date="2026-11-23",
            acting_points=tuple(ActingPoint(domain=d, band=b, threshold=0.5) for d in DOMAINS for b in BANDS),
            error_rates=tuple(ErrorRate(domain=d, flagged=0, negatives=3_000, upper95=0.001) for d in DOMAINS),
        ),
        weights=pack(bias=np.full(WIDTH, BIAS, np.float32), static=static, hashed=hashed),
        calibration=uncalibrated(),
        vocabulary=vocabulary,
    )
