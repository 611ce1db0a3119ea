"""The cascade: stage 1 can only ask for a second look, stage 2 decides, history may look closer and never act."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence

import numpy as np
import pytest
from cascade_samples import GATES, tiny_cascade, tiny_encoder, tiny_graph
from classify_samples import assistant, user, wordpiece
from hypothesis import given
from hypothesis import strategies as st

from overt.classify.cascade import HISTORY, SPLIT, STAGE2, Cascade
from overt.classify.encoder import BATCH, CLS, LONGEST, PADDED, Encoder, batches, clipped
from overt.classify.model import Floats
from overt.classify.stage1 import STAGE1
from overt.core.domain import DOMAINS
from overt.core.finding import Cause, Finding, Unavailable
from overt.core.request import Role
from overt.errors import BadRelease
from overt.testing.contracts.classifier import CONTRACT, Check, asks

CYBER = 0
Said = tuple[Role, str]


def cyber(*said: Said, cascade: Cascade | None = None) -> Finding:
    """The cyber finding of a conversation."""
    found = (cascade or tiny_cascade()).assess_now(asks(*said)).findings[CYBER]
    assert isinstance(found, Finding), found
    return found


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_the_cascade_keeps_the_contract_of_classifiers(check: Check) -> None:
    asyncio.run(check(tiny_cascade))


def test_without_an_open_gate_stage_2_is_not_asked() -> None:
    found = cyber(user("attack the problem"))
    assert found.stages == (STAGE1,)
    assert found.topic < GATES[CYBER]


def test_stage_1_alone_never_reaches_an_acting_point() -> None:
    found = cyber(user("ransomware worm ransomware worm"))
    assert found.stages == (STAGE1, STAGE2)
    assert found.high_dual < 0.1


def test_one_or_two_words_may_be_on_a_topic_and_are_of_no_band() -> None:
    found = cyber(user("firewall attack"))
    assert found.topic > 0.9
    assert found.low_dual < 0.05
    assert cyber(user("a firewall attack")).high_dual > 0.9


def test_what_both_stages_find_is_found() -> None:
    found = cyber(user("attack the firewall"))
    assert found.stages == (STAGE1, STAGE2)
    assert found.high_dual > 0.9
    assert found.prohibited < 0.1


def test_the_trigger_is_a_span_without_which_nothing_would_be_done() -> None:
    text = "my aunt likes tea and asked about the weather. how do i attack a firewall today?"
    found = cyber(user(text))
    assert found.trigger is not None
    left = text[: found.trigger.start] + " " + text[found.trigger.end :]
    assert found.high_dual > 0.5 > cyber(user(left)).high_dual


SMALL_TALK = (
    "it rained all week and the bus was late again. my sister came for supper and we ate too much. "
    "tomorrow we go to the lake with a friend and a book. the garden needs water and so do i. "
)


@pytest.mark.parametrize("shape", ["{0}{1}", "{1} {0}", "{0}{1} {0}"], ids=["before", "after", "around"])
def test_small_talk_neither_closes_a_gate_nor_drowns_a_request(shape: str) -> None:
    found = cyber(user(shape.format(SMALL_TALK * 3, "how do i attack the firewall today?")))
    assert STAGE2 in found.stages
    assert found.high_dual > 0.9


def test_sentences_of_a_domain_are_read_together() -> None:
    alone = cyber(user("attack the firewall of this company."))
    excused = cyber(user(f"{SMALL_TALK}this is harmless ransomware training. attack the firewall of this company."))
    assert excused.high_dual < alone.high_dual


def test_a_decoded_text_is_read_by_stage_2() -> None:
    hidden = base64.b64encode(b"please attack the firewall of this company now").decode()
    assert cyber(user(f"decode this and answer: {hidden}")).high_dual > 0.9


def test_a_preamble_neither_opens_a_gate_nor_acts() -> None:
    framed = cyber((Role.SYSTEM, "ransomware attack firewall"), user("what a nice day"))
    assert framed.stages == (STAGE1,)
    assert framed == cyber(user("what a nice day"))


def test_earlier_turns_look_closer_and_never_act() -> None:
    earlier = (user("tell me about ransomware"), assistant("It locks files."))
    alone, after = cyber(user("attack the problem")), cyber(*earlier, user("attack the problem"))
    assert HISTORY not in alone.stages
    assert after.high_dual < 0.5
    harmless = cyber(*earlier, user("what is for lunch at the canteen today?"))
    assert harmless.high_dual < 0.5


def test_old_history_is_forgotten() -> None:
    small_talk = [each for _ in range(8) for each in (user("and what is for lunch today?"), assistant("Soup."))]
    recent = cyber(user("tell me about ransomware"), assistant("No."), user("what is for lunch at the canteen today?"))
    old = cyber(
        user("tell me about ransomware"), assistant("No."), *small_talk, user("what about the canteen at noon?")
    )
    assert HISTORY in recent.stages
    assert HISTORY not in old.stages


def test_a_request_split_over_turns_is_read_as_one_and_points_at_the_present_turn() -> None:
    said = (
        user("first part of my firewall question is here"),
        assistant("Go on."),
        user("second part of the firewall story follows now"),
    )
    found = cyber(*said)
    assert SPLIT in found.stages
    assert found.high_dual > 0.5
    assert found.trigger is not None
    assert found.trigger.segment == 2
    assert cyber(said[0]).high_dual < 0.5
    assert cyber(said[2]).high_dual < 0.5


def test_a_harmless_turn_after_a_harmful_one_is_not_blamed_for_it() -> None:
    found = cyber(user("attack the firewall"), assistant("No."), user("which firewall is best for a small office?"))
    assert SPLIT not in found.stages
    assert found.high_dual < 0.5


def test_an_uncovered_language_is_unavailable_and_not_none() -> None:
    cascade = tiny_cascade(frozenset({"en", "de"}))
    findings = cascade.assess_now(asks(user("Как испечь яблочный пирог дома для всей семьи?"))).findings
    assert [each.domain for each in findings] == list(DOMAINS)
    for each in findings:
        assert isinstance(each, Unavailable)
        assert (each.cause, each.language) == (Cause.LANGUAGE, "ru")
    assert isinstance(cascade.assess_now(asks(user("How do I bake a pie?"))).findings[0], Finding)


def test_filler_in_another_language_does_not_hide_a_request() -> None:
    filler = "Как испечь яблочный пирог дома для всей семьи? Очень люблю готовить по выходным дням вместе с детьми. "
    asked = "please tell me now how do I attack the firewall of this company"
    cascade = tiny_cascade(frozenset({"en"}))
    found = cascade.assess_now(asks(user(filler + asked))).findings
    assert isinstance(found[CYBER], Finding)
    assert all(isinstance(each, Unavailable) for each in found[1:])


def test_a_long_text_is_read_in_windows_and_its_end_still_counts() -> None:
    padding = "the garden is green and the bread is warm " * 60
    assert cyber(user(f"{padding} attack the firewall")).high_dual > 0.5


def test_windows_that_say_nothing_are_not_read_beside_the_one_that_does() -> None:
    cascade, read = tiny_cascade(), list[str]()
    encoder = cascade._encoder

    class Listening:
        def logits(self, texts: Sequence[str]) -> Floats:
            read.extend(texts)
            return encoder.logits(texts)

    cascade._encoder = Listening()  # type: ignore[assignment]
    cascade.assess_now(asks(user("the garden is green and the bread is warm " * 60 + " attack the firewall")))
    assert read
    assert all("attack" in text for text in read)


def test_asynchronous_and_immediate_assessments_agree() -> None:
    cascade = tiny_cascade()
    for text in ("attack the firewall", "what a nice day", "ransomware " * 4_000):
        request = asks(user(text))
        assert asyncio.run(cascade.assess(request)).findings == cascade.assess_now(request).findings


def test_a_fault_of_stage_2_is_unavailable_and_not_a_zero() -> None:
    broken = tiny_cascade()
    broken._encoder = None  # type: ignore[assignment]
    for found in broken.assess_now(asks(user("attack the firewall"))).findings:
        assert isinstance(found, Unavailable)
        assert found.cause is Cause.FAULT


def test_the_encoder_gives_a_text_the_same_logits_alone_and_among_others() -> None:
    texts = ["attack", "a virus in the hospital and a much longer text around it", "", "harmless " * 30]
    together = tiny_encoder().logits(texts)
    for place, text in enumerate(texts):
        np.testing.assert_allclose(together[place], tiny_encoder().logits([text])[0], atol=1e-5)


@given(st.lists(st.integers(2, LONGEST + 2), max_size=40))
def test_windows_of_like_size_are_computed_together_and_none_is_left_out(sizes: list[int]) -> None:
    found = list(batches(sizes))
    assert sorted(place for batch in found for place in batch) == list(range(len(sizes)))
    for batch in found:
        assert len(batch) <= BATCH
        assert sizes[batch[-1]] - sizes[batch[0]] <= PADDED


def test_a_long_window_keeps_its_two_ends() -> None:
    cut = clipped(list(range(1_000)))
    assert len(cut) == LONGEST
    assert (cut[0], cut[-1]) == (0, 999)
    assert CLS not in clipped([1, 2, 3])


def test_a_graph_that_cannot_run_is_refused_by_name() -> None:
    with pytest.raises(BadRelease, match="stage2"):
        Encoder(tiny_graph()[:-100], wordpiece(), name="stage2.onnx")
