"""Stage 1 against scikit-learn's hashing vectoriser on the same texts, CPU per text, in one run.

The vectoriser only makes features (words and pairs, and character grams of 3 to 5); stage 1 makes features, scores
sixteen heads over every view of the text, and finds the span that decides. Its cache of whole texts is kept empty by
giving each text a number.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from sklearn.feature_extraction.text import HashingVectorizer

from overt.classify.release import load, shipped
from overt.classify.stage1 import Stage1
from overt.core.domain import ModelName
from overt.core.request import Request, Role, Segment

SENTENCE = (
    "Our staging server answers slowly since the last release and the log shows a number of time-outs when the report "
    "is built, so please explain how I find out which query is to blame and whether an index would help here. "
)
SIZES = (16, 64, 256, 1024)
ROUNDS = 60


def text_of(words: int, number: int) -> str:
    """A text of so many words that was not seen before."""
    long = (SENTENCE * (words // len(SENTENCE.split()) + 1)).split()[: words - 1]
    return " ".join([*long, f"n{number}"])


def cpu(work: Callable[[str], object], words: int, start: int) -> float:
    """Median CPU seconds per text."""
    spent = []
    for number in range(start, start + ROUNDS):
        text = text_of(words, number)
        before = time.process_time()
        work(text)
        spent.append(time.process_time() - before)
    return statistics.median(spent)


def main() -> None:
    """Print the table."""
    stage = Stage1(load(shipped()))
    word = HashingVectorizer(n_features=2**18, ngram_range=(1, 2), alternate_sign=False)
    gram = HashingVectorizer(n_features=2**18, analyzer="char_wb", ngram_range=(3, 5), alternate_sign=False)

    def assess(text: str) -> object:
        turn = Segment(role=Role.USER, text=text, message=0)
        return stage.assess_now(Request(model=ModelName("m"), segments=(turn,)))

    def vectorise(text: str) -> object:
        return word.transform([text]), gram.transform([text])

    print(f"{'words':>6} {'stage 1, ms':>12} {'vectoriser, ms':>15} {'ratio':>7}")
    for row, size in enumerate(SIZES):
        cpu(assess, size, 0)
        ours, theirs = cpu(assess, size, 10_000 * (row + 1)), cpu(vectorise, size, 10_000 * (row + 1))
        print(f"{size:>6} {1000 * ours:>12.3f} {1000 * theirs:>15.3f} {ours / theirs:>7.2f}")


if __name__ == "__main__":
    main()
