"""Did the answers change more on a topic than on its control? From texts alone, without a grader.

What an answer looks like is described without what it is about: its form (length, lines, lists, headings, marks) and
its shape (n-grams of the text in which every word is an x and every number a 0), and its function words (English).
Other words would tell the topics apart, which is not the question.

1. Per prompt, the difference d of the profiles of endpoint and reference, each feature over its spread.
2. What the form of the reference's answer says about d is taken out of d and out of the topic labels (Frisch and Waugh,
   Econometrica 1, 1933): a general update that shortens long answers, or unlearns tables, is no change of the topic in
   which answers are long or have tables.
3. Rows are brought to one length (spatial signs: Möttönen and Oja, Journal of Nonparametric Statistics 5, 1995): a
   topic whose answers vary more anyway is no change either.
4. T = r' K r over pairs of different prompts, r the labels' remainder, K the rows' inner products. The general drift,
   being common, falls out. Null: r permuted over prompts within strata (Kennedy, Journal of Business and Economic
   Statistics 13, 1995), exact where nothing is taken out and asymptotic otherwise. The families are standardised
   by their own permutations and averaged, form counting twice: of the weights and numbers of covariates tried on
   development data, these were quietest under a general update at the power that was wanted.

It finds a change that the control does not explain. An update that treats a topic otherwise by its nature is one, and
only placebo topics and a reader can tell it from intent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.audit.stats.did import ROUNDING, reordered, studentised

Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Whole: TypeAlias = npt.NDArray[np.intp]
Profiles: TypeAlias = tuple[Doubles, ...]
"""Families of features, each (N, F) of N texts."""

DRAWS: Final = 1_999
LONGEST: Final = 3_000
"""Characters whose shape is looked at."""
BITS: Final = 10
LONGEST_GRAM: Final = 5
WEIGHTS: Final = (2.0, 1.0, 1.0)
"""Of form, shape and function words."""
COVARIATES: Final = 12
"""Directions in which the reference's forms vary most, that are taken out."""
PROMPTS_PER_COVARIATE: Final = 12
SHORT: Final = 0.1
"""Of the median length: rows that are shorter are noise and stay short."""
SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
"""Of multiplicative hashing: 2**64 over the golden ratio (Knuth, The Art of Computer Programming 3, 6.4)."""

COUNTED: Final = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"\n\s*\n",
        r"^\s*[-*•] ",
        r"^\s*\d+[.)] ",
        r"\*\*",
        r"```",
        r"^#+ ",
        r":\s*$",
        r"!",
        r"\?",
        r",",
        r"\(",
        r'"',
        r";",
        r"'",
    )
)
WORD: Final = re.compile(r"[a-z']+")
FUNCTION_WORDS: Final = {
    word: place
    for place, word in enumerate(
        [
            "a",
            "about",
            "after",
            "all",
            "also",
            "an",
            "and",
            "any",
            "are",
            "as",
            "at",
            "be",
            "because",
            "been",
            "but",
            "by",
            "can",
            "could",
            "do",
            "does",
            "each",
            "for",
            "from",
            "had",
            "has",
            "have",
            "he",
            "her",
            "here",
            "his",
            "how",
            "however",
            "i",
            "if",
            "in",
            "into",
            "is",
            "it",
            "its",
            "just",
            "like",
            "may",
            "might",
            "more",
            "most",
            "my",
            "no",
            "not",
            "of",
            "on",
            "one",
            "only",
            "or",
            "other",
            "our",
            "out",
            "over",
            "own",
            "she",
            "should",
            "so",
            "some",
            "such",
            "than",
            "that",
            "the",
            "their",
            "them",
            "then",
            "there",
            "these",
            "they",
            "this",
            "those",
            "through",
            "to",
            "up",
            "us",
            "was",
            "we",
            "were",
            "what",
            "when",
            "where",
            "which",
            "while",
            "who",
            "will",
            "with",
            "would",
            "you",
            "your",
            "sure",
            "overall",
            "additionally",
            "finally",
            "first",
            "please",
        ]
    )
}
SENTENCE_END: Final = re.compile(r"[.!?](?:\s|$)")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TextDid:
    """Whether the topic's answers changed otherwise. `strength` is in standard deviations of the permutations.

    `told` is the share of the labels' variance that the reference's form gives away: near 1, topic and control are
    answered in different forms, and what they changed cannot be compared.
    """

    strength: float
    p_value: float
    told: float
    n_target: int
    n_control: int
    draws: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Texts and scores under the same permutations; the score's parts are None without scores."""

    p_value: float
    text: TextDid
    score_p: float | None
    score_strength: float | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What does not depend on labels: per family the inner products (P, P) of the rows with a zero diagonal, and the
    orthonormal directions (P, C) that were taken out of them, the constant first.
    """

    kernels: tuple[Doubles, ...]
    directions: Doubles


def profiles(texts: Sequence[str]) -> Profiles:
    """Form (N, 28), shape (N, 1024) and function words (N, one each and one for all others) of texts."""
    families = (_form, _shape, _function_words)
    form, shape, words = (np.array([family(text) for text in texts], dtype=np.float64) for family in families)
    return form, shape, words


def prepare(reference: Profiles, endpoint: Profiles) -> Prepared:
    """From each prompt's mean profiles, (P, F) per family, the first family being the form."""
    number = len(reference[0])
    most = min(COVARIATES, number // PROMPTS_PER_COVARIATE)
    forms = _scaled(reference[0] - reference[0].mean(axis=0))
    main = np.linalg.svd(forms, full_matrices=False)[0][:, :most]
    directions = np.linalg.qr(np.column_stack([np.ones(number), main]))[0]
    rows = [_scaled(after - before) for before, after in zip(reference, endpoint, strict=True)]
    kernels = tuple(_kernel(row - directions @ (directions.T @ row), directions) for row in rows)
    return Prepared(kernels=kernels, directions=directions)


def remainder(labels: Flags, directions: Doubles) -> Doubles:
    """What the directions leave of labels (P,) or (K, P)."""
    values = labels.astype(np.float64)
    return np.asarray(values - (values @ directions) @ directions.T, dtype=np.float64)


def forms_of(kernels: Sequence[Doubles], rows: Doubles) -> Doubles:
    """The quadratic forms (K, B) of rows (B, P) under each of K kernels."""
    return np.stack([((rows @ kernel) * rows).sum(axis=1) for kernel in kernels])


def summed(forms: Doubles, null: Doubles) -> Doubles:
    """Forms (K, B), each kernel's standardised by its null (K, N), in a weighted mean: (B,)."""
    spread = null.std(axis=1, keepdims=True)
    centred = forms - null.mean(axis=1, keepdims=True)
    ratios = centred / np.where(spread > ROUNDING, spread, 1.0)
    return np.average(ratios, axis=0, weights=WEIGHTS[: len(forms)]).astype(np.float64)


def text_did(
    prepared: Prepared, on_topic: Flags, *, strata: Whole | None = None, draws: int = DRAWS, seed: int = 0
) -> TextDid:
    """Test labels (P,), permuted within strata (P,)."""
    return together(prepared, None, on_topic, strata=strata, draws=draws, seed=seed).text


def together(
    prepared: Prepared,
    deltas: Doubles | None,
    on_topic: Flags,
    *,
    strata: Whole | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Together:
    """Test texts and, where there are any, score differences (P,), with labels (P,) permuted within strata (P,).

    Of both, the smaller p-value is held against the smaller ones of the same permutations (Westfall and Young,
    Resampling-Based Multiple Testing, 1993): two looks, one level.
    """
    groups = np.zeros(len(on_topic), dtype=np.intp) if strata is None else strata
    blocks = list(reordered(groups, draws, np.random.default_rng(seed)))
    orders = np.concatenate([np.arange(len(on_topic), dtype=np.intp)[None, :], *blocks])
    rest = remainder(on_topic, prepared.directions)
    forms = forms_of(prepared.kernels, rest[orders])
    strengths = summed(forms, forms[:, 1:])
    by_text = _ranked(strengths)
    text = TextDid(
        strength=float(strengths[0]),
        p_value=float(by_text[0]),
        told=float(1 - (rest**2).sum() / (on_topic.var() * len(on_topic))),
        n_target=int(on_topic.sum()),
        n_control=int((~on_topic).sum()),
        draws=draws,
    )
    if deltas is None:
        return Together(p_value=text.p_value, text=text, score_p=None, score_strength=None)
    ratios = studentised(deltas, on_topic[orders], groups)
    by_score = _ranked(ratios)
    return Together(
        p_value=float(_ranked(-np.minimum(by_text, by_score))[0]),
        text=text,
        score_p=float(by_score[0]),
        score_strength=float(ratios[0]),
    )


def text_changed(reference: Profiles, endpoint: Profiles, *, draws: int = DRAWS, seed: int = 0) -> float:
    """p of "nothing changed at all": signs of the prompts' differences flipped; exact."""
    rows = [_scaled(after - before) for before, after in zip(reference, endpoint, strict=True)]
    kernels = [_kernel(row, np.zeros((len(row), 0))) for row in rows]
    rng = np.random.default_rng(seed)
    null = forms_of(kernels, rng.choice((-1.0, 1.0), size=(draws, len(rows[0]))))
    found = summed(forms_of(kernels, np.ones((1, len(rows[0])))), null)[0]
    return float((1 + (summed(null, null) >= found - ROUNDING).sum()) / (draws + 1))


def _ranked(statistics: Doubles) -> Doubles:
    """The share of statistics (B,) at least as large as each, itself included: of the first that is (1 + #)/(B + 1)."""
    ordered = np.sort(statistics)
    below = np.searchsorted(ordered, statistics - ROUNDING, side="left")
    return np.asarray((len(ordered) - below) / len(ordered), dtype=np.float64)


def _scaled(rows: Doubles) -> Doubles:
    """Features over their root mean square, with rare ones held down by half the median square."""
    squares = (rows**2).mean(axis=0)
    return np.asarray(rows / np.sqrt(squares + np.median(squares) / 2 + ROUNDING), dtype=np.float64)


def _kernel(rows: Doubles, directions: Doubles) -> Doubles:
    """Inner products (P, P) of rows of one length, from which directions were taken out, with a zero diagonal.

    Taking directions out leaves rows that are correlated, and labels that are so in the same way: by chance alone T
    would be too large. What is expected of that is put back: -Q_ij / sqrt((1 - Q_ii)(1 - Q_jj)), Q the projection.
    """
    lengths = np.sqrt((rows**2).sum(axis=1))
    floor = max(float(np.median(lengths)) * SHORT, ROUNDING)
    unit = rows / np.maximum(lengths, floor)[:, None]
    projection = directions @ directions.T
    size = np.sqrt((unit**2).sum(axis=1) / np.maximum(1 - np.diag(projection), ROUNDING))
    kernel = unit @ unit.T + projection * np.outer(size, size)
    np.fill_diagonal(kernel, 0.0)
    return np.asarray(kernel, dtype=np.float64)


def _form(text: str) -> list[float]:
    lines = [line for line in text.split("\n") if line.strip()]
    words = text.split()
    number, length = max(len(words), 1), max(len(text), 1)
    sentence = number / max(len(SENTENCE_END.findall(text)), 1)
    counts = [len(text), len(lines), *(len(pattern.findall(text)) for pattern in COUNTED)]
    counts += [len(lines[0]) if lines else 0, len(lines[-1]) if lines else 0]
    return [
        *(float(np.log1p(count)) for count in counts),
        len(text) / number,
        sentence,
        float(np.log(sentence)),
        sum(map(str.isupper, text)) / length,
        sum(map(str.isdigit, text)) / length,
        float(text.rstrip()[-1:] in (".", "!", "?")),
        float(text.lstrip()[:1].isalpha()),
        len({word.lower() for word in words}) / number,
        float(text[:1].isspace()),
        float(text[-1:].isspace()),
    ]


def _shape(text: str) -> Doubles:
    """Square roots of the counts of n-grams of the shape, hashed, at length 1."""
    bare = re.sub(r"[^\x00-\x7f]+", "u", text[:LONGEST])
    bare = re.sub(r"[A-Z]*[a-z]+", lambda word: "X" if word.group()[0].isupper() else "x", bare)
    bare = re.sub(r"(?:x )+x", "x", re.sub(r"[0-9]+", "0", re.sub(r"[A-WYZ]{2,}", "A", bare)))
    codes = np.frombuffer(f"\x02{bare}\x03".encode("ascii"), dtype=np.uint8).astype(np.uint64)
    keys, counts = np.zeros(len(codes), dtype=np.uint64), np.zeros(2**BITS)
    for length in range(1, min(LONGEST_GRAM, len(codes)) + 1):
        keys = keys[: len(codes) - length + 1] * np.uint64(257) + codes[length - 1 :]
        places = ((keys + np.uint64(length)) * SPREAD) >> np.uint64(64 - BITS)
        counts += np.bincount(places.astype(np.intp), minlength=2**BITS)
    roots = np.sqrt(counts)
    return np.asarray(roots / np.linalg.norm(roots), dtype=np.float64)


def _function_words(text: str) -> Doubles:
    """Square roots of the shares of the words of a text that are each function word, and none."""
    words = WORD.findall(text.lower())
    places = np.array([FUNCTION_WORDS.get(word, len(FUNCTION_WORDS)) for word in words], dtype=np.intp)
    counts = np.bincount(places, minlength=len(FUNCTION_WORDS) + 1)
    return np.asarray(np.sqrt(counts / max(len(words), 1)), dtype=np.float64)
