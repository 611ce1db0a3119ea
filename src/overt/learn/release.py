"""The whole way from rows to a release folder, with each slow stage kept in a cache folder.

1. Load the corpus and split it. 2. Build the matrix (cached). 3. Fit the heads (cached, one by one). 4. Fold and write
an uncalibrated release. 5. Platt scaling. 6. Acting points and error rates, on scores as served. 7. Write the release.
A cache entry is named by the digest of everything that it depends on, so a stale one is never read.
"""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.classify.features import FORMAT, Extractor
from overt.classify.model import HEADS, Calibration, Model, Weights, uncalibrated
from overt.classify.release import Card, write_release
from overt.classify.stage1 import Stage1
from overt.classify.wordpiece import WordPiece, parse_vocabulary
from overt.core.domain import BANDS, DOMAINS, Band, Digest
from overt.core.finding import ActingPoint, ErrorRate, Release
from overt.learn.bounds import upper_bound
from overt.learn.calibrate import acting_points, is_general, platt, top_logits
from overt.learn.corpus import Corpus, Row, load_corpus, trainable
from overt.learn.fold import fold
from overt.learn.heads import Head
from overt.learn.matrix import Matrix, build_matrix
from overt.learn.score import scores_of
from overt.learn.split import Role, split
from overt.learn.train import Recipe, fit_one

Floats: TypeAlias = npt.NDArray[np.float32]
Doubles: TypeAlias = npt.NDArray[np.float64]
Progress: TypeAlias = Callable[[str], None]

PRUNED: Final = 2.0
NAME: Final = "overt-stage1"
