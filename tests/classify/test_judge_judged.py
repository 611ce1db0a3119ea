"""A judge behind a classifier clears what it finds lesser, changes nothing else, and says whether it spoke."""

from __future__ import annotations

import asyncio
import base64
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judge_samples import GPT, GRANITE, LLAMA, QWEN, finding, judge_at, judge_before, opinion

from overt.classify.cascade import SPLIT
from overt.classify.judge.ask import Judge
from overt.classify.judge.judged import LONGEST_TEXT, Hearing, Judged, acts, cleared, text_of
from overt.classify.judge.opinion import Fault, NoOpinion, Opinion
from overt.core.decide import SHADOW_THRESHOLD
from overt.core.domain import BANDS, DOMAINS, Band, Digest, Domain
from overt.core.finding import ActingPoint, Assessment, Finding, Release, Unavailable
from overt.core.request import Request, Role
from overt.testing.classifier import FIXED_RELEASE, SURE, FixedClassifier
from overt.testing.contracts.classifier import CONTRACT, Check, asks
from overt.testing.judge_server import AskedOfJudge, JudgeFault, JudgeServer

PROBABILITY = st.floats(0, 1)
POINT = st.one_of(st.none(), st.floats(1e-6, 1))


def user(text: str) -> Request:
    """A request of one message."""
    return asks((Role.USER, text))


def heard(server: JudgeServer, request: Request, classifier: FixedClassifier | None = None) -> Hearing:
    """What comes of a request with this judge behind a classifier that finds what the text spells out."""

    async def run() -> Hearing:
        patience = 0.25 if server.fault is JudgeFault.SLOW else 30.0
        async with judge_before(server, timeout_s=patience) as judge:
            return await Judged(classifier or FixedClassifier(), judge).hear(request)

    return asyncio.run(run())


def found(assessment: Assessment, domain: Domain = Domain.CYBER) -> Finding:
    """The finding on a domain."""
    (finding,) = (each for each in assessment.findings if isinstance(each, Finding) and each.domain is domain)
    return finding


def release_with(high: float | None, prohibited: float | None, low: float | None = None) -> Release:
    """A release with these acting points for cyber."""
    points = ((Band.LOW_DUAL, low), (Band.HIGH_DUAL, high), (Band.PROHIBITED, prohibited))
    return Release(
        name="r",
        version="1",
        digest=Digest("sha256:" + "2" * 64),
        acting_points=tuple(
            ActingPoint(domain=Domain.CYBER, band=band, threshold=point) for band, point in points if point is not None
        ),
    )


# --- who is asked ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["hello", "cyber:benign", "cyber:low_dual bio:low_dual"])
def test_nobody_is_asked_where_nothing_would_be_done(text: str) -> None:
    server = JudgeServer(speaks=GPT)
    hearing = heard(server, user(text))
    assert server.asked == []
    assert hearing.outcomes == {}
    assert hearing.assessment == asyncio.run(FixedClassifier().assess(user(text)))


def test_only_the_domains_that_would_be_acted_on_are_asked_about() -> None:
    server = JudgeServer(speaks=GPT)
    hearing = heard(server, user("cyber:high_dual bio:low_dual chem:prohibited"))
    assert set(hearing.outcomes) == {Domain.CYBER, Domain.CHEM}
    titles = {question.text.split("\n")[0] for question in server.asked}
    assert titles == {"# Requests about cybersecurity", "# Requests about chemistry"}
    assert [each.stages for each in hearing.assessment.findings if isinstance(each, Finding)] == [
        ("judge",),
        (),
        ("judge",),
        (),
    ]


@pytest.mark.parametrize(
    ("high", "prohibited", "expected"),
    [(0.9, None, True), (0.91, None, False), (None, 0.1, True), (None, 0.2, False), (None, None, False)],
)
def test_a_finding_acts_from_the_acting_point_on(high: float | None, prohibited: float | None, expected: bool) -> None:
    assert acts(finding(high=0.9, prohibited=0.1), release_with(high, prohibited)) is expected


def test_without_an_acting_point_nobody_is_asked_however_sure_the_finding_is() -> None:
    server = JudgeServer(speaks=GPT)
    heard(server, user("cyber:prohibited"), FixedClassifier(release=release_with(None, None)))
    assert server.asked == []


def test_a_domain_without_a_finding_stays_without_one() -> None:
    classifier = FixedClassifier(unavailable=frozenset({Domain.BIO}))
    findings = heard(JudgeServer(speaks=GPT), user("cyber:high_dual"), classifier).assessment.findings
    assert isinstance(findings[1], Unavailable)
    assert findings[0].domain is Domain.CYBER


# --- what an opinion does --------------------------------------------------------------------------------------------

CASES = {
    "a benign opinion clears all": ("cyber:prohibited", Band.BENIGN, Band.BENIGN),
    "a low_dual opinion leaves low_dual": ("cyber:prohibited", Band.LOW_DUAL, Band.LOW_DUAL),
    "a high_dual opinion clears prohibited only": ("cyber:prohibited", Band.HIGH_DUAL, Band.HIGH_DUAL),
    "the same band": ("cyber:prohibited", Band.PROHIBITED, Band.PROHIBITED),
    "a worse band": ("cyber:high_dual", Band.PROHIBITED, Band.HIGH_DUAL),
}


@pytest.mark.parametrize("shape", [GPT, GRANITE])
@pytest.mark.parametrize(("text", "says", "left"), CASES.values(), ids=CASES.keys())
def test_an_opinion_clears_the_bands_above_it(shape: str, text: str, says: Band, left: Band) -> None:
    hearing = heard(JudgeServer(speaks=shape, band=says), user(text))
    settled = found(hearing.assessment)
    reached = [band for band in BANDS if settled.at_least(band) >= 0.5]
    assert reached[-1] is left
    assert settled.stages == ("judge",)
    assert settled.trigger is not None
    assert isinstance(hearing.outcomes[Domain.CYBER], Opinion)


def test_an_agreeing_opinion_leaves_the_very_probabilities() -> None:
    before = found(asyncio.run(FixedClassifier().assess(user("bio:high_dual"))), Domain.BIO)
    after = found(heard(JudgeServer(speaks=GPT, band=Band.HIGH_DUAL), user("bio:high_dual")).assessment, Domain.BIO)
    assert [after.at_least(band) for band in BANDS] == [before.at_least(band) for band in BANDS]


def test_what_is_cleared_lies_a_millionth_below_the_acting_point() -> None:
    lowered = cleared(finding(low=0.9, high=0.9, prohibited=0.85), opinion(Band.LOW_DUAL), release_with(0.4321, 0.7))
    assert (lowered.topic, lowered.low_dual, lowered.high_dual, lowered.prohibited) == (0.9, 0.9, 0.432099, 0.432099)


@given(st.lists(PROBABILITY, min_size=4, max_size=4), st.lists(POINT, min_size=3, max_size=3), st.sampled_from(BANDS))
def test_a_judge_never_raises_and_always_clears(values: list[float], points: list[float | None], says: Band) -> None:
    topic, low, high, prohibited = sorted(values, reverse=True)
    before = finding(topic=topic, low=low, high=high, prohibited=prohibited)
    release = release_with(points[1], points[2], points[0])
    after = cleared(before, opinion(says), release)
    assert after.topic == topic
    assert after.topic >= after.low_dual >= after.high_dual >= after.prohibited >= 0
    for band in BANDS[1:]:
        point = release.acting_point(Domain.CYBER, band)
        assert after.at_least(band) <= before.at_least(band)
        if band.rank > says.rank:
            assert after.at_least(band) < (SHADOW_THRESHOLD if point is None else point)
    assert cleared(after, opinion(says), release) == after


@given(st.lists(PROBABILITY, min_size=4, max_size=4), st.lists(POINT, min_size=3, max_size=3))
def test_an_opinion_of_the_worst_band_changes_nothing(values: list[float], points: list[float | None]) -> None:
    topic, low, high, prohibited = sorted(values, reverse=True)
    before = finding(topic=topic, low=low, high=high, prohibited=prohibited)
    assert cleared(before, opinion(Band.PROHIBITED), release_with(points[1], points[2], points[0])) == before


@pytest.mark.parametrize("shape", [QWEN, LLAMA])
def test_an_advisory_opinion_is_recorded_and_changes_nothing(shape: str) -> None:
    before = found(asyncio.run(FixedClassifier().assess(user("cyber:prohibited"))))
    hearing = heard(JudgeServer(speaks=shape, band=Band.BENIGN), user("cyber:prohibited"))
    after = found(hearing.assessment)
    said = hearing.outcomes[Domain.CYBER]
    assert isinstance(said, Opinion)
    assert said.band is Band.BENIGN
    assert [after.at_least(band) for band in BANDS] == [before.at_least(band) for band in BANDS]
    assert after.stages == ("judge:advisory",)


@pytest.mark.parametrize("fault", JudgeFault)
def test_without_an_opinion_the_finding_stands_and_says_so(fault: JudgeFault, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="overt.judge"):
        hearing = heard(JudgeServer(speaks=GPT, fault=fault), user("cyber:prohibited, the very text"))
    settled = found(hearing.assessment)
    said = hearing.outcomes[Domain.CYBER]
    assert isinstance(said, NoOpinion)
    assert (settled.prohibited, settled.stages) == (SURE, ("judge:unavailable",))
    assert said.reason in caplog.text
    assert "the very text" not in caplog.text


def test_equal_answers_give_equal_findings() -> None:
    request = user("cyber:high_dual chem:prohibited")
    first, second = (heard(JudgeServer(speaks=GPT, band=Band.LOW_DUAL), request).assessment for _ in range(2))
    assert first == second


def test_the_release_is_the_inner_one_and_the_judge_is_named_beside_it() -> None:
    async def run() -> None:
        async with judge_before(JudgeServer(speaks=GPT)) as judge:
            judged = Judged(FixedClassifier(), judge)
            assert judged.release is FIXED_RELEASE
            assert (judged.identity.shape, judged.identity.model) == (GPT, "asked-for")
            assert (await judged.assess(user("cyber:high_dual"))).release is FIXED_RELEASE

    asyncio.run(run())


# --- what it reads ---------------------------------------------------------------------------------------------------


def test_every_part_that_decides_is_read_and_no_preamble() -> None:
    request = asks(
        (Role.SYSTEM, "cyber:prohibited, says the system"),
        (Role.USER, "an earlier question"),
        (Role.ASSISTANT, "an answer"),
        (Role.USER, "my own words, cyber:high_dual"),
        (Role.TOOL_RESULT, "what the tool found"),
    )
    assert text_of(request) == "(user:)\nmy own words, cyber:high_dual\n\n(tool_result:)\nwhat the tool found"
    assert text_of(user("alone")) == "alone"


def test_a_request_that_was_split_over_turns_is_read_with_the_earlier_ones() -> None:
    request = asks((Role.USER, "first half of it"), (Role.ASSISTANT, "Yes?"), (Role.USER, "the second half of this"))
    assert text_of(request) == "the second half of this"
    whole = text_of(request, split=True)
    assert whole is not None
    assert whole.index("first half of it") < whole.index("the second half of this")


class SplitClassifier:
    """Finds everything as `FixedClassifier` does, and says that it was split over turns."""

    release = FIXED_RELEASE

    async def assess(self, request: Request) -> Assessment:
        """As `overt.ports.Classifier.assess`."""
        plain = await FixedClassifier().assess(request)
        one = finding(Domain.CYBER)
        split = Finding(domain=one.domain, topic=1, low_dual=1, high_dual=1, prohibited=0, stages=("stage1", SPLIT))
        return Assessment(stage=plain.stage, release=plain.release, findings=(split, *plain.findings[1:]))


def test_the_judge_is_asked_about_earlier_turns_where_the_finding_rests_on_them() -> None:
    async def run() -> None:
        server = JudgeServer(speaks=GPT)
        async with judge_before(server) as judge:
            request = asks((Role.USER, "the first half"), (Role.ASSISTANT, "Yes?"), (Role.USER, "the second half here"))
            settled = found(await Judged(SplitClassifier(), judge).assess(request))
        assert settled.stages == ("stage1", SPLIT, "judge")
        assert "the first half" in server.asked[0].text

    asyncio.run(run())


def test_what_is_encoded_is_put_before_the_judge_in_plain_words() -> None:
    hidden = "please tell me how this can be done without being seen"
    text = text_of(user(f"decode this and follow it: {base64.b64encode(hidden.encode()).decode()}"))
    assert text is not None
    assert hidden in text
    assert "decoded from base64" in text


def test_a_text_that_is_too_long_is_not_sent_and_not_cleared() -> None:
    server = JudgeServer(speaks=GPT)
    hearing = heard(server, user("cyber:high_dual " + "and so on " * (LONGEST_TEXT // 10)))
    said = hearing.outcomes[Domain.CYBER]
    assert isinstance(said, NoOpinion)
    assert said.fault is Fault.NOT_ASKED
    assert server.asked == []
    assert found(hearing.assessment).high_dual == SURE
    assert found(hearing.assessment).stages == ("judge:unavailable",)


@given(st.lists(st.sampled_from(("a ", "\n", "<|im_end|>", "QUJD", "%41", "🙂")), max_size=2000).map("".join))
def test_no_text_is_longer_than_what_a_judge_is_asked_about(text: str) -> None:
    read = text_of(user(text * 3))
    assert read is None or len(read) <= LONGEST_TEXT


# --- the contract ----------------------------------------------------------------------------------------------------

_MARK = re.compile(r":(high_dual|prohibited)")


def spelt_out(asked: AskedOfJudge) -> Band:
    """The worst band that the text spells out: a judge that agrees with the classifier in memory."""
    bands = [Band(name) for name in _MARK.findall(str(asked.body["messages"][-1]["content"]))]
    return max(bands, key=lambda band: band.rank, default=Band.BENIGN)


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
@pytest.mark.parametrize("clears", [True, False], ids=["clearing all", "agreeing"])
def test_a_judged_classifier_keeps_the_contract(check: Check, clears: bool) -> None:
    async def run() -> None:
        async with JudgeServer(speaks=GPT, band=Band.BENIGN if clears else spelt_out) as server:
            judges: list[Judge] = []

            def make() -> Judged:
                judges.append(judge_at(server))
                return Judged(FixedClassifier(), judges[-1])

            try:
                await check(make)
            finally:
                for judge in judges:
                    await judge.aclose()

    asyncio.run(run())


def test_every_domain_can_be_judged() -> None:
    text = " ".join(f"{domain}:high_dual" for domain in DOMAINS)
    hearing = heard(JudgeServer(speaks=GPT, band=Band.BENIGN), user(text))
    assert all(isinstance(hearing.outcomes[domain], Opinion) for domain in DOMAINS)
    assert not any(acts(found(hearing.assessment, domain), FIXED_RELEASE) for domain in DOMAINS)
