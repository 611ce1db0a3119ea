"""A row is in one role, a family in one part, and nothing that judges is repeated in training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from learn_samples import small_plan

from overt.learn.corpus import Corpus, Row
from overt.learn.folds import FOLDS, fold_of
from overt.learn.sources import NOWHERE, Label, Source, Use
from overt.learn.split import Role, split, without_echoes


def row(name: str, text: str, source: str = "clinc150") -> Row:
    return Row(
        id=name,
        text=text,
        source=source,
        group=name,
        domain="none",
        intent="benign",
        label=Label(NOWHERE, ceiling=0),
        kind="request",
        lang="en",
    )


def test_every_row_is_in_at_most_one_role(tmp_path: Path) -> None:
    corpus = small_plan(tmp_path).corpus
    roles = split(corpus, 7)
    placed = [(found.source, found.id) for rows in roles.values() for found in rows]
    assert len(placed) == len(set(placed))
    assert set(placed) <= {(found.source, found.id) for found in corpus.rows}


def test_the_split_depends_on_nothing_but_the_seed(tmp_path: Path) -> None:
    corpus = small_plan(tmp_path).corpus
    assert split(corpus, 7) == split(corpus, 7)
    assert split(corpus, 7) != split(corpus, 8)


def test_our_own_rows_all_train_and_a_family_is_in_one_fold(tmp_path: Path) -> None:
    corpus = small_plan(tmp_path).corpus
    own = [found for found in corpus.rows if found.own]
    assert set(map(id, own)) <= set(map(id, split(corpus, 7)[Role.TRAIN]))
    folds = {(found.group, fold_of(found, 7)) for found in own}
    assert len(folds) == len({found.group for found in own})
    assert {fold for _, fold in folds} <= set(range(FOLDS))


@pytest.mark.parametrize(("use", "role"), [(Use.EVALUATE, Role.HELD_OUT), (Use.THRESHOLD, Role.THRESHOLD)])
def test_a_source_kept_from_training_goes_whole_to_its_role(use: Use, role: Role) -> None:
    rows = tuple(row(f"r{number}", f"some words {number}") for number in range(40))
    corpus = Corpus(rows, {"clinc150": Source("clinc150", "CC-BY-3.0", use)})
    assert split(corpus, 7)[role] == list(rows)


def test_a_training_row_that_repeats_a_judge_is_dropped() -> None:
    judge = row("a", "please tell me how tall the tallest lighthouse in the country is")
    echo = replace(judge, id="b", text=judge.text.upper())
    other = row("c", "what should I pack for a week of walking in the hills")
    assert without_echoes([echo, other], [judge]) == [other]
