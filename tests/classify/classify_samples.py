"""A tiny classifier whose every judgement can be read off: a word weighs what this table says."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from overt.classify.features import HASHES, term_id
from overt.classify.model import HEADS, OUTPUTS, WIDTH, Floats, Model, Weights, pack, uncalibrated
from overt.classify.release import VOCABULARY, shipped
from overt.classify.stage1 import Stage1
from overt.classify.wordpiece import WordPiece, parse_vocabulary
from overt.core.domain import DOMAINS, Band, Digest
from overt.core.finding import ActingPoint, Finding, Release
from overt.core.request import Role, Segment
from overt.testing.contracts.classifier import asks

BIAS = -6.0
WORDS: Mapping[str, Mapping[str, float]] = {
    "ransomware": {"cyber.topic": 60, "cyber.low_dual": 60, "cyber.high_dual": 60},
    "worm": {"cyber.topic": 40, "cyber.low_dual": 40, "cyber.high_dual": 40, "cyber.prohibited": 40},
    "firewall": {"cyber.topic": 60},
    "pathogen": {"bio.topic": 60, "bio.low_dual": 60, "bio.high_dual": 60},
    "pretraining": {f"frontier_llm.{output}": 60 for output in OUTPUTS},
}
RELEASE = Release(
    name="tiny",
    version="1",
    digest=Digest("sha256:" + "1" * 64),
    acting_points=tuple(ActingPoint(domain=d, band=b, threshold=0.5) for d in DOMAINS for b in Band),
)


def vocabulary() -> bytes:
    """The shipped vocabulary."""
    return (shipped() / VOCABULARY).read_bytes()


@cache
def wordpiece() -> WordPiece:
    """The shipped word pieces."""
    return WordPiece(parse_vocabulary(vocabulary(), VOCABULARY))


@cache
def tiny_weights() -> Weights:
    """The weights of `WORDS` and nothing else."""
    hashed: Floats = np.zeros((HASHES, WIDTH), np.float32)
    for word, heads in WORDS.items():
        for head, weight in heads.items():
            hashed[term_id(word), HEADS.index(head)] = weight
    bias = np.full(WIDTH, BIAS, np.float32)
    return pack(bias=bias, static=np.zeros((len(wordpiece()), WIDTH), np.float32), hashed=hashed)


@cache
def random_weights() -> Weights:
    """Weights everywhere, so that every part of a score matters."""
    draw = np.random.default_rng(3)
    hashed = draw.normal(size=(HASHES, WIDTH)).astype(np.float32) * (draw.random((HASHES, 1)) < 0.5)
    static = draw.normal(size=(len(wordpiece()), WIDTH)).astype(np.float32)
    bias = draw.normal(size=WIDTH).astype(np.float32)
    return pack(bias=bias, static=static, hashed=hashed.astype(np.float32))


@cache
def random_model() -> Model:
    """A model with `random_weights`."""
    return model_of(random_weights())


def model_of(weights: Weights) -> Model:
    """A model with these weights."""
    return Model(release=RELEASE, weights=weights, calibration=uncalibrated(), wordpiece=wordpiece())


def tiny() -> Stage1:
    """A fresh classifier that knows `WORDS`."""
    return Stage1(model_of(tiny_weights()))


def found(classifier: Stage1, *said: tuple[Role, str]) -> tuple[Finding, ...]:
    """The findings for a conversation, all of which must be there."""
    assessment = classifier.assess_now(asks(*said))
    return tuple(finding for finding in assessment.findings if isinstance(finding, Finding))


def user(text: str) -> tuple[Role, str]:
    """The user says this."""
    return Role.USER, text


def assistant(text: str) -> tuple[Role, str]:
    """The model said this."""
    return Role.ASSISTANT, text


def segments(*said: tuple[Role, str]) -> tuple[Segment, ...]:
    """A conversation as segments."""
    return asks(*said).segments
