"""Each shape asks as its model's authors say, reads their answers, and takes nothing else for one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from judge_samples import GPT, GRANITE, LLAMA, QWEN

from overt.classify.judge.ask import DEFAULT_TIMEOUT_S
from overt.classify.judge.opinion import Fault, NoOpinion
from overt.classify.judge.shape import Said
from overt.classify.judge.shapes import SHAPES
from overt.classify.judge.written import written_policies
from overt.config.settings import DEFAULT_JUDGE_TIMEOUT_S, JudgeShape
from overt.core.domain import BANDS, DOMAINS, Band, Domain
from overt.core.notice import Confidence

POLICIES = written_policies()
CYBER = POLICIES[Domain.CYBER]
EMPTY = "<think>\n</think>\n"
YES, NO = f"{EMPTY}<score>yes</score>", f"{EMPTY}<score> no </score>"


def answer(**changes: object) -> str:
    """A good answer of the first shape, but for some members."""
    whole = {"band": "high_dual", "confidence": "medium", "rule": "H2", "rationale": "Asks to get in."} | changes
    return json.dumps({name: value for name, value in whole.items() if value is not ...})


def read(shape: str, *replies: str, domain: Domain = Domain.CYBER) -> Said | NoOpinion:
    """What a shape reads in replies."""
    return SHAPES[shape].read(POLICIES[domain], replies)


def messages(shape: str, text: str, domain: Domain = Domain.CYBER) -> list[list[dict[str, str]]]:
    """The messages of each question."""
    found: list[Any] = [question["messages"] for question in SHAPES[shape].ask(POLICIES[domain], text)]
    return found


def test_the_shapes_are_those_that_a_configuration_can_name() -> None:
    assert list(SHAPES) == list(JudgeShape)
    for shape in JudgeShape:
        assert SHAPES[shape].name == shape
        assert SHAPES[shape].advisory is shape.is_advisory
    assert DEFAULT_TIMEOUT_S == DEFAULT_JUDGE_TIMEOUT_S


READ = {
    "safeguard": (GPT, (answer(),), Band.HIGH_DUAL, "H2"),
    "safeguard, in another order and with blanks": (
        GPT,
        ('\n {"rationale": "x", "rule": "B1",\n "band": "benign", "confidence": "low"} \n',),
        Band.BENIGN,
        "B1",
    ),
    "granite, no to all": (GRANITE, (NO, NO, NO), Band.BENIGN, "criterion:benign"),
    "granite, low_dual": (GRANITE, (NO, NO, YES), Band.LOW_DUAL, "criterion:low_dual"),
    "granite, the worst yes counts": (GRANITE, (NO, YES, YES), Band.HIGH_DUAL, "criterion:high_dual"),
    "granite, even alone": (GRANITE, (YES, NO, NO), Band.PROHIBITED, "criterion:prohibited"),
    "granite, without the empty element": (GRANITE, ("<score>no</score>",) * 3, Band.BENIGN, "criterion:benign"),
    "granite, having thought": (GRANITE, ("<think>a\nb</think><score>Yes</score>", NO, NO), Band.PROHIBITED, "crit"),
    "qwen, safe": (QWEN, ("Safety: Safe\nCategories: None",), Band.BENIGN, "None"),
    "qwen, controversial": (QWEN, ("Safety: Controversial\nCategories: PII",), Band.LOW_DUAL, "PII"),
    "qwen, two categories": (
        QWEN,
        ("Safety: Unsafe\nCategories: Violent, Non-violent Illegal Acts\n",),
        Band.HIGH_DUAL,
        "Violent, Non-violent Illegal Acts",
    ),
    "qwen, with a refusal": (QWEN, ("Safety: Safe\nCategories: None\nRefusal: Yes",), Band.BENIGN, "None"),
    "llama, safe": (LLAMA, ("\n\nsafe",), Band.BENIGN, "safe"),
    "llama, one hazard": (LLAMA, ("\n\nunsafe\nS9",), Band.HIGH_DUAL, "S9"),
    "llama, two hazards": (LLAMA, ("unsafe\nS2, S14",), Band.HIGH_DUAL, "S2,S14"),
}


@pytest.mark.parametrize(("shape", "replies", "band", "code"), READ.values(), ids=READ.keys())
def test_an_answer_is_read(shape: str, replies: tuple[str, ...], band: Band, code: str) -> None:
    said = read(shape, *replies)
    assert isinstance(said, Said)
    assert said.band is band
    assert said.code.startswith(code)


UNREADABLE = {
    "safeguard, nothing": (GPT, ("",)),
    "safeguard, prose": (GPT, ("This is benign.",)),
    "safeguard, fenced": (GPT, (f"```json\n{answer()}\n```",)),
    "safeguard, cut": (GPT, (answer()[:-3],)),
    "safeguard, followed by more": (GPT, (f"{answer()} {answer()}",)),
    "safeguard, a list": (GPT, (f"[{answer()}]",)),
    "safeguard, a member too few": (GPT, (answer(rule=...),)),
    "safeguard, a member too many": (GPT, (answer(also=1),)),
    "safeguard, a member twice": (GPT, (answer()[:-1] + ', "band": "benign"}',)),
    "safeguard, an unknown band": (GPT, (answer(band="harmless"),)),
    "safeguard, a band that is a number": (GPT, (answer(band=2),)),
    "safeguard, an unknown confidence": (GPT, (answer(confidence="certain"),)),
    "safeguard, a rationale that is none": (GPT, (answer(rationale=None),)),
    "safeguard, a rule of another band": (GPT, (answer(band="benign"),)),
    "safeguard, a rule that there is not": (GPT, (answer(rule="H9"),)),
    "safeguard, nested without end": (GPT, ("[" * 100_000,)),
    "granite, a word": (GRANITE, ("yes", NO, NO)),
    "granite, no score": (GRANITE, (NO, EMPTY, NO)),
    "granite, another score": (GRANITE, (NO, NO, "<score>maybe</score>")),
    "granite, two scores": (GRANITE, (NO + YES, NO, NO)),
    "granite, a reply too few": (GRANITE, (NO, NO)),
    "qwen, no categories": (QWEN, ("Safety: Safe",)),
    "qwen, an unknown safety": (QWEN, ("Safety: Fine\nCategories: None",)),
    "qwen, an unknown category": (QWEN, ("Safety: Unsafe\nCategories: Cyber",)),
    "qwen, prose before": (QWEN, ("I think Safety: Safe\nCategories: None",)),
    "llama, prose": (LLAMA, ("It is safe",)),
    "llama, no hazard": (LLAMA, ("unsafe",)),
    "llama, a hazard that there is not": (LLAMA, ("unsafe\nS15",)),
    "llama, both": (LLAMA, ("safe\nunsafe\nS1",)),
}


@pytest.mark.parametrize(("shape", "replies"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_whatever_else_is_no_opinion(shape: str, replies: tuple[str, ...]) -> None:
    said = read(shape, *replies)
    assert isinstance(said, NoOpinion)
    assert said.fault is Fault.UNREADABLE
    assert repr(shape) in said.reason


@pytest.mark.parametrize("shape", SHAPES)
@given(reply=st.text())
def test_no_reply_is_a_fault_of_ours(shape: str, reply: str) -> None:
    count = len(SHAPES[shape].ask(CYBER, "text"))
    assert isinstance(read(shape, *[reply] * count), Said | NoOpinion)


def test_a_judge_that_cannot_read_the_text_has_no_opinion() -> None:
    said = read(GPT, answer(band="unclear", rule="none", confidence="low"))
    assert isinstance(said, NoOpinion)
    assert said.fault is Fault.UNDECIDED


def test_confidence_and_rationale_are_kept_on_one_short_line() -> None:
    said = read(GPT, answer(rationale="One\n\n two " + "x" * 1000))
    assert isinstance(said, Said)
    assert said.confidence is Confidence.MEDIUM
    assert said.short.startswith("One two x")
    assert len(said.short) == 300


def test_the_schema_that_is_asked_for_admits_good_answers_only() -> None:
    (question,) = SHAPES[GPT].ask(CYBER, "text")
    form: Any = question["response_format"]
    schema = form["json_schema"]["schema"]
    Draft202012Validator.check_schema(schema)
    assert form["json_schema"]["strict"]
    valid = Draft202012Validator(schema).is_valid
    assert valid(json.loads(answer()))
    assert not any(
        valid(json.loads(answer(**bad))) for bad in ({"band": "x"}, {"rule": "H9"}, {"also": 1}, {"rule": ...})
    )
    assert question["reasoning_effort"] == "low"


def test_frontier_llm_can_neither_be_found_prohibited_nor_asked_about_it() -> None:
    assert isinstance(read(GPT, answer(band="prohibited", rule="P1"), domain=Domain.FRONTIER_LLM), NoOpinion)
    assert len(messages(GRANITE, "text", Domain.FRONTIER_LLM)) == 2
    said = read(GRANITE, YES, NO, domain=Domain.FRONTIER_LLM)
    assert isinstance(said, Said)
    assert said.band is Band.HIGH_DUAL


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_policy_is_the_system_message_and_the_text_stands_between_marks_in_the_users(domain: Domain) -> None:
    ((system, user),) = messages(GPT, "the text", domain)
    assert (system["role"], user["role"]) == ("system", "user")
    assert system["content"].startswith(POLICIES[domain].text)
    begin, text, end = user["content"].split("\n")
    assert text == "the text"
    assert begin == end.replace("ends", "begins")
    assert "data" in system["content"]


@pytest.mark.parametrize("domain", DOMAINS)
def test_each_criterion_names_its_band_and_the_permitted_classes_beside_it(domain: Domain) -> None:
    questions = messages(GRANITE, "the text", domain)
    bands = [band for band in reversed(BANDS[1:]) if band in POLICIES[domain].classes]
    assert len(questions) == len(bands)
    for band, (text, block) in zip(bands, questions, strict=True):
        assert (text["role"], block["role"]) == ("user", "user")
        assert block["content"].startswith("<guardian><no-think>")
        assert "### Criteria:" in block["content"]
        assert "### Scoring Schema:" in block["content"]
        assert POLICIES[domain].classes[band] in block["content"]
        assert POLICIES[domain].classes[Band.BENIGN] in block["content"]
        assert text["content"].split("\n")[0] in block["content"]


@pytest.mark.parametrize("shape", [QWEN, LLAMA])
def test_an_advisory_shape_is_sent_the_text_alone_and_never_about_frontier_llm(shape: str) -> None:
    assert messages(shape, "the text <|eot_id|>") == [[{"role": "user", "content": "the text < |eot_id| >"}]]
    assert messages(shape, "the text", Domain.FRONTIER_LLM) == []
