"""How much a test will see before it is run: closed forms for scores, resampling of a pilot for texts.

Scores: a test of the mean of n differences with mean effect D and variance V rejects with
probability Phi(sqrt(n) D / sqrt(V) - z(1 - alpha)), so n = (z(1 - alpha) + z(power))^2 V / D^2. A permutation or
sign-flip test has the same asymptotic power (Lehmann and Romano, Testing Statistical Hypotheses, 15.2).

Texts: there is no closed form for the maximum over kernels, so the planned test itself is run on samples drawn from a
pilot's pairs. Drawing from the pairs as they are would mistake noise for a change: the pilot's mean difference is too
long by its own noise. So we draw residuals and add the mean difference, shortened until its squared length is what the
pilot estimates without bias, the mean of the off-diagonal entries. The interval repeats this at both ends of what the
jackknife says about that estimate.

A prediction is about a change like the pilot's. It is no promise about another.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from overt.errors import BadRequest

Grams: TypeAlias = NDArray[np.float32]
"""(K, P, P): for each of K kernels the inner products of the P pairs' differences, squared lengths on the diagonal."""
Floats: TypeAlias = NDArray[np.float64]
Groups: TypeAlias = NDArray[np.intp]
"""(P,): the group of each pair, from 0 on; each group has a mean difference of its own."""
Rejected: TypeAlias = Callable[[Floats, np.random.Generator], float]
"""How often the planned test rejects on samples drawn from a population of pairs (K, P, P)."""

NORMAL: Final = NormalDist()
E_PROCESS_FACTOR: Final = 1.35
"""How much longer an adaptive bet needs than the best fixed one: measured, section 2.5."""
TESTS: Final = 500
NULL_SAMPLES: Final = 10
NULL_DRAWS: Final = 200
"""A prediction is the share of `TESTS` samples beyond the critical value; that is the quantile of the permutations of a
few samples together, since from sample to sample it hardly differs once each is divided by its own scale."""
EXACT_PAIRS: Final = 200
"""Up to here a test of scores is simulated: few right-or-wrong scores have many ties, and these cost power."""
FEWEST_PILOT: Final = 8
FOLDS: Final = 5
LEVEL: Final = 0.9
"""Of the interval around a predicted power."""
END: Final = NORMAL.inv_cdf((1 + LEVEL) / 2)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """The predicted probability to reject with this many pairs, and what the pilot leaves open (90 %)."""

    pairs: int
    power: float
    low: float
    high: float


# --- scores ----------------------------------------------------------------------------------------------------------


def score_variance(rate: float, *, correlation: float = 0.0, samples: int = 1) -> float:
    """Var(score E - score R) of one prompt, for right-or-wrong scores with this pass rate and this correlation between
    the two sides of a prompt; ``samples`` answers a side leave what the prompt shares and average the rest.

    With one sample this is 2 p (1 - p) (1 - rho); the difference between a target and a control has the sum of theirs.
    """
    if not 0 <= rate <= 1 or not -1 <= correlation <= 1 or samples < 1:
        raise BadRequest(
            f"a pass rate is from 0 to 1, a correlation from -1 to 1, and samples are 1 or more; "
            f"found {rate!r}, {correlation!r} and {samples!r}"
        )
    return 2 * rate * (1 - rate) * (1 - correlation) / samples


def did_error(*, target_variance: float, control_variance: float, targets: int, controls: int) -> float:
    """The standard error of mean delta_C - mean delta_T (Neyman): the root of V_T / n_T + V_C / n_C."""
    return math.sqrt(target_variance / targets + control_variance / controls)


def mean_power(*, effect: float, error: float, alpha: float, two_sided: bool = False, least: float = 0.0) -> float:
    """The power of a test of a mean with this standard error. Two-sided, a rejection for the wrong sign counts not.

    With ``least`` the mean that is found must also be above that (the margin of a topic), beside the test of no effect.
    """
    critical = NORMAL.inv_cdf(1 - (alpha / 2 if two_sided else alpha))
    if error <= 0:
        return 1.0 if effect > least else 0.0
    return NORMAL.cdf(effect / error - max(critical, least / error))


def mean_pairs(*, effect: float, variance: float, alpha: float, power: float, two_sided: bool = False) -> int | None:
    """The pairs that a test of a mean needs for this power; None where there is no effect to see."""
    if effect <= 0:
        return None
    critical = NORMAL.inv_cdf(1 - (alpha / 2 if two_sided else alpha))
    return max(2, math.ceil((critical + NORMAL.inv_cdf(power)) ** 2 * variance / effect**2))


def e_process_pairs(*, effect: float, variance: float, alpha: float) -> int | None:
    """The pairs after which a betting e-process on scores typically (median) reaches 1 / alpha, None without effect."""
    if effect <= 0:
        return None
    return math.ceil(E_PROCESS_FACTOR * 2 * math.log(1 / alpha) * variance / effect**2)


def score_power(differences: Floats, pairs: int, *, alpha: float, seed: int, two_sided: bool = True) -> Power:
    """The power of a test of the mean difference with this many pairs, for a change like the pilot's (P,).

    The interval comes from bootstrap samples of the pilot. Two-sided, the sign is the pilot's.
    """
    _enough(len(differences))
    rng = np.random.default_rng(seed)
    drawn = differences[rng.integers(len(differences), size=(1000, len(differences)))]
    sign = 1.0 if not two_sided or differences.mean() >= 0 else -1.0

    def power_of(sample: Floats) -> float:
        error = float(sample.std(ddof=1)) / math.sqrt(pairs)
        return mean_power(effect=sign * float(sample.mean()), error=error, alpha=alpha, two_sided=two_sided)

    powers = np.array([power_of(sample) for sample in drawn])
    low, high = _ends(powers)
    power = power_of(differences)
    if pairs <= EXACT_PAIRS:
        # The same tests that will be run; the interval moves with them.
        exact = _flipped_rate(differences, pairs, alpha, two_sided, rng)
        low, high, power = _moved(low, power, exact), _moved(high, power, exact), exact
    return Power(pairs=pairs, power=power, low=min(low, power), high=max(high, power))


def _flipped_rate(differences: Floats, pairs: int, alpha: float, two_sided: bool, rng: np.random.Generator) -> float:
    """How often the sign-flip test of the sum rejects on samples of the pilot, ties counted against rejection."""
    flips = max(199, round(20 / alpha) - 1)
    rejections = 0
    for sample in rng.choice(differences, (TESTS, pairs)):
        found = np.where(rng.random((flips, pairs)) < 0.5, -1.0, 1.0) @ sample
        observed = sample.sum()
        reached = np.abs(found) >= abs(observed) - 1e-9 if two_sided else found >= observed - 1e-9
        rejections += (1 + int(reached.sum())) / (flips + 1) <= alpha
    return rejections / TESTS


def _moved(end: float, power: float, exact: float) -> float:
    """An end of an interval, moved on the normal scale as the power itself was."""
    inner = [NORMAL.inv_cdf(min(1 - 1e-9, max(1e-9, value))) for value in (end, power, exact)]
    return NORMAL.cdf(inner[0] - inner[1] + inner[2])


def did_power(
    target: Floats, control: Floats, *, targets: int, controls: int, alpha: float, margin: float, seed: int
) -> Power:
    """The power of the rule of `overt.audit.topic` on scores: the one-sided test that the target lost more than the
    control rejects, and the loss that is found is above ``margin``.

    ``target`` and ``control`` are differences score E - score R of a pilot's prompts, (P_T,) and (P_C,).
    """
    _enough(min(len(target), len(control)))
    rng = np.random.default_rng(seed)

    def power_of(lost: Floats, kept: Floats) -> float:
        error = did_error(
            target_variance=float(lost.var(ddof=1)),
            control_variance=float(kept.var(ddof=1)),
            targets=targets,
            controls=controls,
        )
        return mean_power(effect=float(kept.mean() - lost.mean()), error=error, alpha=alpha, least=margin)

    powers = np.array(
        [power_of(rng.choice(target, len(target)), rng.choice(control, len(control))) for _ in range(1000)]
    )
    low, high = _ends(powers)
    return Power(pairs=targets, power=power_of(target, control), low=low, high=high)


# --- texts -----------------------------------------------------------------------------------------------------------


def text_power(grams: Grams, pairs: int, *, alpha: float, seed: int, share: float = 1.0) -> Power:
    """The power of the paired sign-flip test, maximum over kernels, with ``pairs`` pairs of answers like the pilot's.

    ``share`` is the part of answers that the other model gives: the squared mean difference goes down with its square,
    so n pairs with share q see what n q^2 pairs see without a mixture.
    """
    if not 0 < share <= 1:
        raise BadRequest(f"the share of substituted answers is above 0 and at most 1, found {share!r}")
    seen = max(2, round(pairs * share**2))
    groups = np.zeros(grams.shape[1], np.intp)

    def rejected(pool: Floats, rng: np.random.Generator) -> float:
        counts = _drawn(groups == 0, seen, TESTS, rng)
        null = [
            _sums(pool, 2.0 * rng.binomial(row.astype(np.int64), 0.5, (NULL_DRAWS, len(row))) - row, row)
            / _scale(pool, row[None])
            for row in counts[:NULL_SAMPLES]
        ]
        return _rate(_sums(pool, counts, counts) / _scale(pool, counts), np.concatenate(null, axis=1), alpha)

    return _predicted(grams, groups, rejected, pairs=pairs, seed=seed)


def topic_text_power(
    grams: Grams, is_target: NDArray[np.bool_], *, targets: int, controls: int, alpha: float, seed: int
) -> Power:
    """The power of the text difference in differences: do target pairs differ more in common than control pairs?

    ``is_target`` (P,) says which pairs of the pilot are about the topic. The null permutes the labels of a sample.
    """

    def contrast(pool: Floats, on: Floats, off: Floats) -> Floats:
        first = _sums(pool, on, on) / (targets * (targets - 1))
        return first - _sums(pool, off, off) / (controls * (controls - 1))

    def rejected(pool: Floats, rng: np.random.Generator) -> float:
        on, off = _drawn(is_target, targets, TESTS, rng), _drawn(~is_target, controls, TESTS, rng)
        null = []
        for row in (on + off)[:NULL_SAMPLES]:
            labelled = rng.multivariate_hypergeometric(row.astype(np.int64), targets, NULL_DRAWS, method="marginals")
            null.append(contrast(pool, labelled.astype(np.float64), row - labelled) / _scale(pool, row[None]))
        return _rate(contrast(pool, on, off) / _scale(pool, on + off), np.concatenate(null, axis=1), alpha)

    return _predicted(grams, np.where(is_target, 0, 1), rejected, pairs=targets, seed=seed)


def text_alarm_pairs(grams: Grams, *, alpha: float, seed: int) -> int | None:
    """The pairs after which a text e-process typically reaches 1 / alpha: ln(1 / alpha) / g, where g is the mean
    log-growth of bets on the pilot, their direction learned on other folds. None if these bets do not grow.

    What learning the direction costs in the beginning is not in it.
    """
    size = grams.shape[1]
    _enough(size)
    shuffled = np.random.default_rng(seed).permutation(size)
    squares = np.einsum("kpp->kp", grams).mean(axis=1, dtype=np.float64)[:, None, None]
    joint = np.divide(grams, squares, where=squares > 0, out=np.zeros_like(grams, dtype=np.float64)).sum(axis=0)
    leaning = np.zeros(size)
    for fold in np.array_split(shuffled, FOLDS):
        others = np.setdiff1d(shuffled, fold)
        leaning[fold] = joint[np.ix_(fold, others)].mean(axis=1)
    scale = float(np.sqrt((leaning**2).mean()))
    if scale == 0:
        return None
    bets = np.tanh(leaning / scale)
    stake = float(np.clip(bets.mean() / (bets**2).mean(), 0, 0.5))
    growth = float(np.log1p(stake * bets).mean())
    return math.ceil(math.log(1 / alpha) / growth) if growth > 0 else None


def population(grams: Grams, groups: Groups, shift: tuple[float, ...]) -> Floats:
    """What to draw samples from: inner products of residuals plus mean differences of the right length, by group.

    ``shift`` moves the estimated squared length of each group's mean difference by so many standard errors. The entry
    between two draws of one pair has no residual part, as if they were two pairs.
    """
    return np.stack([_population(gram.astype(np.float64), groups, shift) for gram in grams])


def _population(gram: Floats, groups: Groups, shift: tuple[float, ...]) -> Floats:
    """One kernel of `population`. No mean holds a pair's product with itself: that is the pair's noise, squared."""
    bare = gram - np.diag(np.diag(gram))
    member = np.stack([groups == group for group in range(len(shift))], axis=1).astype(np.float64)
    sizes = member.sum(axis=0)
    towards = bare @ member / (sizes - member)
    means = (member / sizes).T @ towards
    leaning = towards - means[groups]
    pairs = np.ix_(groups, groups)
    residual = bare - towards[:, groups] - towards[:, groups].T + means[pairs]
    np.fill_diagonal(residual, 0)
    lengths, stretch, straight = np.zeros((3, len(shift)))
    for group, errors in enumerate(shift):
        inside = groups == group
        squared = means[group, group]
        lengths[group] = max(0.0, squared + errors * _mean_error(bare[np.ix_(inside, inside)]))
        stretch[group] = math.sqrt(lengths[group] / squared) if squared > 0 else 0.0
        share = _signal_share(leaning[inside, group], residual[np.ix_(inside, inside)])
        straight[group] = share * min(1.0, stretch[group])
    between = means * np.outer(stretch, stretch)
    np.fill_diagonal(between, lengths)
    pulled = leaning[:, groups] * straight[groups]
    found: Floats = residual + pulled + pulled.T + between[pairs]
    return found


def _mean_error(bare: Floats) -> float:
    """The jackknife standard error of the mean off-diagonal entry, a U-statistic. It errs upwards (Efron and Stein)."""
    size = len(bare)
    rows = bare.sum(axis=1)
    without = (rows.sum() - 2 * rows) / ((size - 1) * (size - 2))
    return math.sqrt((size - 1) / size * float(((without - without.mean()) ** 2).sum()))


def _signal_share(leaning: Floats, residual: Floats) -> float:
    """How much of the pairs' leaning towards the mean difference is due to it, and not to the noise in that mean."""
    size = len(leaning)
    found = float(leaning.var())
    noise = float((residual**2).sum()) / (size * (size - 1)) / (size - 1)
    return math.sqrt(max(0.0, found - noise) / found) if found > 0 else 0.0


# A sample is how often it holds each pair of the pilot, so its statistics cost the same for any number of pairs.
# Between two copies of a pair stands the population's own diagonal; a copy with itself is taken off.


def _drawn(members: NDArray[np.bool_], size: int, tests: int, rng: np.random.Generator) -> Floats:
    """(tests, P): how often each member is in a sample of this size, drawn with replacement."""
    return rng.multinomial(size, members / members.sum(), size=tests).astype(np.float64)


def _sums(pool: Floats, signed: Floats, counts: Floats) -> Floats:
    """(K, N): the sums over all i != j of a sample's entries, each pair with its sign."""
    own = np.atleast_2d(counts @ np.einsum("kpp->kp", pool).T)
    found: Floats = np.einsum("knp,np->kn", signed @ pool, signed) - own.T
    return found


def _scale(pool: Floats, counts: Floats) -> Floats:
    """(K, N): the root of the sum of squares of a sample's entries: what its null spreads with."""
    return np.sqrt(np.maximum(_sums(pool**2, counts, counts), 1e-30))


def _rate(observed: Floats, null: Floats, alpha: float) -> float:
    """How often the largest standardised statistic over kernels (K, N) is beyond the null's (K, M) quantile."""
    centre, spread = null.mean(axis=1, keepdims=True), null.std(axis=1, keepdims=True)
    spread[spread == 0] = np.inf
    critical = np.quantile(((null - centre) / spread).max(axis=0), 1 - alpha)
    return float((((observed - centre) / spread).max(axis=0) > critical).mean())


def _predicted(grams: Grams, groups: Groups, rejected: Rejected, *, pairs: int, seed: int) -> Power:
    """Reject rates at the estimated mean difference, and at both ends of its interval: of the first group's alone."""
    for group in range(int(groups.max()) + 1):
        _enough(int((groups == group).sum()))
    rng = np.random.default_rng(seed)
    rest = (0.0,) * int(groups.max())
    rates = [rejected(population(grams, groups, (errors, *rest)), rng) for errors in (-END, 0.0, END)]
    low, middle, high = rates
    return Power(pairs=pairs, power=middle, low=min(low, middle), high=max(high, middle))


def _ends(values: Floats) -> tuple[float, float]:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def _enough(pilot: int) -> None:
    if pilot < FEWEST_PILOT:
        raise BadRequest(f"a pilot of {pilot} pairs says too little: give at least {FEWEST_PILOT}, better 25 to 30")
