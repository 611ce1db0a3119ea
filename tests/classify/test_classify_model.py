"""Linear heads: what is served equals what was trained, and what a word contributes is exact."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from classify_samples import RELEASE, model_of, random_model, random_weights, wordpiece
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.classify.features import HASHES, windows
from overt.classify.model import HEADS, NEVER, WIDTH, Calibration, Model, pack
from overt.core.domain import DOMAINS

SOME_WORDS = ("the", "cat", "sat", "naive", "xylophone", "привет", "食", "transformer", "2", "हिन्दी")
texts = st.lists(st.sampled_from(SOME_WORDS), max_size=200)


@settings(deadline=None)
@given(texts)
def test_serving_equals_training(words: list[str]) -> None:
    model = random_model()
    ranges = windows(len(words))
    reference = model.logits_of([model.extractor.features(words[low:high]) for low, high in ranges])
    np.testing.assert_allclose(model.logits(words), reference, atol=2e-4)


@settings(deadline=None)
@given(st.lists(st.sampled_from(SOME_WORDS), min_size=1, max_size=64))
def test_contributions_and_bias_sum_to_the_logit(words: list[str]) -> None:
    model = random_model()
    whole = model.contributions(words).sum(axis=0) + random_weights().bias
    np.testing.assert_allclose(whole, model.logits(words)[0], atol=2e-4)


@settings(deadline=None)
@given(texts)
def test_bands_are_ordered_and_frontier_llm_has_no_prohibited_band(words: list[str]) -> None:
    model = random_model()
    probabilities = model.probabilities(model.logits(words))
    assert probabilities.shape == (len(windows(len(words))), len(DOMAINS), 4)
    assert (np.diff(probabilities, axis=2) <= 0).all()
    assert (probabilities.reshape(-1, WIDTH)[:, NEVER] == 0).all()


def test_the_head_that_never_speaks_is_the_prohibited_band_of_frontier_llm() -> None:
    assert HEADS[NEVER] == "frontier_llm.prohibited"
    assert len(HEADS) == 16


def test_repetition_does_not_raise_a_score() -> None:
    model = random_model()
    np.testing.assert_allclose(model.logits(["cat"] * 60), model.logits(["cat", "cat"]), atol=1e-4)


def test_platt_scaling_is_applied_per_head() -> None:
    pieces = len(wordpiece())
    weights = pack(
        bias=np.ones(WIDTH, np.float32),
        static=np.zeros((pieces, WIDTH), np.float32),
        hashed=np.zeros((HASHES, WIDTH), np.float32),
    )
    slope, intercept = np.full(WIDTH, 2, np.float32), np.full(WIDTH, -1, np.float32)
    model = Model(
        release=RELEASE,
        weights=weights,
        calibration=Calibration(slope=slope, intercept=intercept),
        wordpiece=wordpiece(),
    )
    np.testing.assert_allclose(model.nothing()[0, 0], 1 / (1 + np.exp(-1)), rtol=1e-6)


def test_packing_keeps_weights_to_half_a_step_and_drops_what_rounds_to_nothing() -> None:
    hashed = np.zeros((HASHES, WIDTH), np.float32)
    hashed[7], hashed[8], hashed[9, 3] = 1.0, 1e-5, -0.5
    packed = pack(
        bias=np.zeros(WIDTH, np.float32), static=np.zeros((len(wordpiece()), WIDTH), np.float32), hashed=hashed
    )
    assert packed.rows.tolist() == [7, 9]
    restored = packed.hashed * packed.scale
    np.testing.assert_allclose(restored, hashed[[7, 9]], atol=0.5 / 127)


def test_threads_agree() -> None:
    model = model_of(random_weights())
    samples = [[*SOME_WORDS, str(number)] * 9 for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(model.logits, samples))
    for words, logits in zip(samples, together, strict=True):
        np.testing.assert_array_equal(random_model().logits(words), logits)
