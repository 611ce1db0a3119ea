"""Joining the stages: weights follow the better stage, gates hide next to nothing, and a release says when to look."""

from __future__ import annotations

import numpy as np
import pytest

from overt.classify.joint import CEILING, TOPIC_GATE, Joint, logit
from overt.classify.model import NEVER, OUTPUTS, WIDTH
from overt.core.domain import DOMAINS, Domain
from overt.learn.corpus import Row
from overt.learn.join import HIGHEST_GATE, LOWEST_GATE, Seen, join, some_of
from overt.learn.sources import NOWHERE, Label, topics_of
from overt.learn.train import Recipe

ROWS = 600


def row(number: int, sensitive: bool, source: str = "own-cyber") -> Row:
    """A sensitive cyber request, or an everyday one."""
    label = Label(topics_of(Domain.CYBER), floor=2, ceiling=2) if sensitive else Label(NOWHERE, ceiling=0)
    return Row(id=str(number), text="x", source=source, group=str(number), domain="cyber" if sensitive else "none",
               intent="high_dual" if sensitive else "benign", label=label, kind="chat", lang="en")  # fmt: skip


def seen(*, first_helps: float, second_helps: float) -> Seen:
    """Rows half of which are sensitive, with stages that tell them apart so well (in logits)."""
    draw = np.random.default_rng(0)
    rows = [row(number, number % 2 == 0) for number in range(ROWS)]
    sign = np.asarray([1.0 if number % 2 == 0 else -1.0 for number in range(ROWS)])
    first = 1 / (1 + np.exp(-(sign[:, None] * first_helps + draw.normal(size=(ROWS, WIDTH)))))
    second = sign[:, None] * second_helps + draw.normal(size=(ROWS, WIDTH))
    shaped = first.reshape(ROWS, len(DOMAINS), len(OUTPUTS)).astype(np.float32)
    return Seen(rows, shaped, second.astype(np.float32), shaped[:, :, 2])


def test_the_stage_that_knows_more_weighs_more() -> None:
    joint = join(seen(first_helps=0.2, second_helps=3.0), Recipe())
    assert joint.deep[0] > joint.linear[0] >= 0
    other = join(seen(first_helps=3.0, second_helps=0.0), Recipe())
    assert other.linear[0] > other.deep[0] >= 0


def test_the_head_that_does_not_exist_stays_silent() -> None:
    joint = join(seen(first_helps=1.0, second_helps=1.0), Recipe())
    assert joint.linear[NEVER] == joint.deep[NEVER] == 0
    many = joint.probabilities(np.full((3, 4, 4), 0.9, np.float32), np.full((3, WIDTH), 9, np.float32))
    assert (many.reshape(3, -1)[:, NEVER] == 0).all()


def test_a_gate_hides_three_in_a_hundred_of_what_would_be_found_at_most() -> None:
    given = seen(first_helps=1.5, second_helps=3.0)
    joint = join(given, Recipe())
    together = joint.probabilities(given.first, given.second)[:, 0, 2]
    found = [n for n, each in enumerate(given.rows) if each.domain == "cyber" and together[n] >= 0.4]
    hidden = np.mean(given.heard[found, 0] < joint.gates[0])
    assert hidden <= 0.035
    assert LOWEST_GATE <= joint.gates[0] <= HIGHEST_GATE


def test_without_anything_to_find_the_gate_is_as_high_as_it_may_be() -> None:
    joint = join(seen(first_helps=1.0, second_helps=1.0), Recipe())
    assert joint.gates[DOMAINS.index(Domain.BIO)] == pytest.approx(HIGHEST_GATE)


def test_joint_probabilities_are_ordered() -> None:
    draw = np.random.default_rng(1)
    made = plain_joint().probabilities(
        draw.random((50, 4, 4)).astype(np.float32), draw.normal(size=(50, WIDTH)).astype(np.float32)
    )
    assert (np.diff(made, axis=2) <= 0).all()


@pytest.mark.parametrize(
    ("output", "probability", "ease", "opens"),
    [
        ("high_dual", 0.25, 1.0, True),
        ("high_dual", 0.15, 1.0, False),
        ("high_dual", 0.15, 0.5, True),
        ("topic", 0.75, 1.0, False),
        ("topic", TOPIC_GATE, 1.0, True),
    ],
    ids=["band", "below the gate", "eased", "on topic", "surely on topic"],
)
def test_a_gate_opens_by_band_or_by_a_sure_topic(output: str, probability: float, ease: float, opens: bool) -> None:
    first = np.zeros((4, 4), np.float32)
    first[2, OUTPUTS.index(output)] = probability
    assert plain_joint().opens(first, ease) == opens


def test_what_stage_2_did_not_read_keeps_its_order_and_is_small() -> None:
    told = plain_joint().unread(np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4))
    assert (np.diff(told.ravel()) > 0).all()
    assert told.max() == pytest.approx(CEILING)


def plain_joint() -> Joint:
    """Both stages weigh the same; every gate is at 0.2."""
    ones = np.ones(WIDTH, np.float32)
    return Joint(linear=ones, deep=ones, bias=np.zeros(WIDTH, np.float32), gates=np.full(4, 0.2, np.float32))


def test_certainty_of_stage_1_has_a_limit() -> None:
    assert np.isfinite(logit(np.asarray([0.0, 1.0], np.float32))).all()


def test_no_public_source_outweighs_the_others_and_own_rows_all_stay() -> None:
    rows = [row(n, True, "cysecbench") for n in range(900)] + [row(n, True) for n in range(900)]
    kept = some_of(rows)
    assert sum(not each.own for each in kept) == 600
    assert sum(each.own for each in kept) == 900
