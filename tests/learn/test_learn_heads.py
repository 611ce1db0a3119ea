"""The solver, and that a folded release scores what the fitted heads score."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.sparse import csr_matrix

from overt.classify.features import Extractor
from overt.classify.model import HEADS, Model, uncalibrated
from overt.classify.release import VOCABULARY, shipped
from overt.classify.wordpiece import WordPiece, parse_vocabulary
from overt.core.domain import Digest
from overt.core.finding import Release
from overt.learn.fold import fold
from overt.learn.heads import Head, Lesson, fit_head, objective
from overt.learn.matrix import KEPT_WINDOWS, Matrix, build_matrix

WORDPIECE = WordPiece(parse_vocabulary((shipped() / VOCABULARY).read_bytes(), VOCABULARY))
TEXTS = ["steal the passwords", "encrypt the disks", "bake a plum cake", "water the garden", ""]
POSITIVE = np.asarray([True, True, False, False])


@pytest.fixture(scope="module")
def table() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.random.default_rng(0).normal(0, 0.1, (len(WORDPIECE), 8)).astype(np.float32)


@pytest.fixture(scope="module")
def matrix(table: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> Matrix:
    return build_matrix(TEXTS, Extractor(WORDPIECE), table)


@pytest.fixture(scope="module")
def head(matrix: Matrix) -> Head:
    repeated = Matrix(csr_matrix(matrix.hashed[[0, 1, 2, 3] * 3]), matrix.static[[0, 1, 2, 3] * 3], np.arange(12))
    return fit_head(repeated, Lesson(np.arange(12), np.tile(POSITIVE, 3), np.ones(12)), l2=1e-4)


def test_a_text_without_words_has_no_line(matrix: Matrix) -> None:
    assert matrix.row.tolist() == [0, 1, 2, 3]


def test_a_long_text_gives_its_ends_and_no_more_than_the_kept_windows(
    table: np.ndarray[tuple[int, int], np.dtype[np.float32]],
) -> None:
    words = [f"word{number}" for number in range(2_000)]
    found = build_matrix([" ".join(words)], Extractor(WORDPIECE), table)
    assert found.hashed.shape[0] == KEPT_WINDOWS


def test_lines_of_chosen_rows_keep_their_numbers(matrix: Matrix) -> None:
    assert matrix.of_rows(np.asarray([False, True, False, True, True])).row.tolist() == [1, 3]


def test_a_head_separates_what_it_learnt(matrix: Matrix, head: Head) -> None:
    assert (head.logits(matrix) > 0).tolist() == POSITIVE.tolist()


def test_the_gradient_is_that_of_the_loss() -> None:
    draws = np.random.default_rng(3)
    hashed = csr_matrix(draws.random((6, 5)).astype(np.float32))
    static = draws.random((6, 2)).astype(np.float32)
    lesson = Lesson(np.arange(6), draws.random(6) > 0.5, draws.random(6))
    loss = objective(hashed, static, lesson, 0.01)
    point = draws.normal(0, 1, 8)
    assert check_grad(lambda w: loss(w)[0], lambda w: loss(w)[1], point, epsilon=1e-3) < 1e-2


def test_a_row_of_no_weight_changes_nothing(matrix: Matrix) -> None:
    doubled = Matrix(csr_matrix(matrix.hashed[[0, 1, 2, 3, 0, 1, 2, 3]]), matrix.static[[0, 1, 2, 3] * 2], np.arange(8))
    flipped = np.concatenate([POSITIVE, ~POSITIVE])
    silent = Lesson(np.arange(8), flipped, np.asarray([1.0] * 4 + [0.0] * 4))
    plain = Lesson(np.arange(8), np.tile(POSITIVE, 2), np.ones(8))
    with_silent, without = (fit_head(doubled, lesson, l2=1e-3).logits(matrix) for lesson in (silent, plain))
    assert np.allclose(with_silent, without, atol=0.05)


def test_a_folded_release_scores_what_the_head_scores(
    matrix: Matrix, head: Head, table: np.ndarray[tuple[int, int], np.dtype[np.float32]]
) -> None:
    heads = {name: head if name == "cyber.topic" else None for name in HEADS}
    release = Release(name="t", version="1", digest=Digest("sha256:" + "0" * 64))
    model = Model(release=release, weights=fold(heads, table), calibration=uncalibrated(), wordpiece=WORDPIECE)
    served = np.concatenate([model.logits(text.split()) for text in TEXTS[:4]])
    assert np.allclose(served[:, 0], head.logits(matrix), atol=0.1)
    assert (served[:, 1] < -10).all(), "a head that was not fitted never speaks"
