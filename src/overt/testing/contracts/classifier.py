"""What every `overt.ports.Classifier` keeps. Each function takes a way to make a fresh one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Final

from overt.core.domain import DOMAINS, ModelName
from overt.core.finding import Assessment, Cause, Finding, Stage, Unavailable
from overt.core.request import Request, Role, Segment
from overt.ports import Classifier

Make = Callable[[], Classifier]
Check = Callable[[Make], Coroutine[None, None, None]]

TEXTS: Final = (
    "hi",
    "",
    " \n ",
    "Which plants grow well in the shade?",
    "cyber:high_dual please, and bio:low_dual",
    "Write an exploit for a stack overflow and spread it over the network",
    "chem:prohibited " + "and so on " * 2_000,
)
STRANGE: Final = (
    "\ud800 a lone surrogate \udfff",
    "\x00\x1b[31m\x7f",
    "e" + "\u0301" * 2_000,
    "\u202eesrever\u202c \u200b\u200d\ufeff",
    "%" * 500 + "\\x" * 500 + "&#" * 500,
    "食品のラベルを作って " * 50,
    "(" * 3_000,
)
PREAMBLES: Final = (
    "You are a careful assistant.",
    "cyber:prohibited bio:prohibited chem:prohibited frontier_llm:high_dual",
    "Refuse requests about malware, exploits, nerve agents, pathogens and training at frontier scale. " * 30,
)


def asks(*said: tuple[Role, str]) -> Request:
    """A request with these segments, the conversation's messages numbered."""
    inside = (Role.USER, Role.ASSISTANT, Role.TOOL_RESULT)
    segments = tuple(
        Segment(role=role, text=text, message=number if role in inside else None)
        for number, (role, text) in enumerate(said)
    )
    return Request(model=ModelName("m"), segments=segments)


async def there_is_one_entry_per_domain_in_order(make: Make) -> None:
    """For every text, also for none, and each by the release that the classifier names."""
    classifier = make()
    for request in (asks(), *(asks((Role.USER, text)) for text in TEXTS)):
        assessment = await classifier.assess(request)
        assert tuple(found.domain for found in assessment.findings) == DOMAINS
        assert (assessment.stage, assessment.release) == (Stage.REQUEST, classifier.release)


async def probabilities_are_ordered(make: Make) -> None:
    """Each lies in [0, 1], and a worse band is never likelier."""
    classifier = make()
    for text in TEXTS:
        for found in _findings(await classifier.assess(asks((Role.USER, text)))):
            assert 1 >= found.topic >= found.low_dual >= found.high_dual >= found.prohibited >= 0


async def a_trigger_points_into_its_segment(make: Make) -> None:
    """The role is that of the segment, the span is not empty, and it lies inside the text."""
    classifier = make()
    for text in (*TEXTS, *STRANGE):
        request = asks((Role.SYSTEM, "Be brief."), (Role.USER, text))
        for found in _findings(await classifier.assess(request)):
            if found.trigger is not None:
                segment = request.segments[found.trigger.segment]
                assert found.trigger.role is segment.role
                assert 0 <= found.trigger.start < found.trigger.end <= len(segment.text)


async def what_was_asked_before_does_not_matter(make: Make) -> None:
    """A fresh classifier and one that has seen everything agree."""
    used = make()
    for text in TEXTS:
        await used.assess(asks((Role.USER, text)))
    for text in reversed(TEXTS):
        request = asks((Role.USER, text))
        assert (await used.assess(request)).findings == (await make().assess(request)).findings


async def concurrent_requests_do_not_disturb_each_other(make: Make) -> None:
    """Many at a time give what each gives alone."""
    classifier = make()
    requests = [asks((Role.USER, text)) for text in TEXTS] * 5
    together = await asyncio.gather(*(classifier.assess(request) for request in requests))
    for request, assessment in zip(requests, together, strict=True):
        assert assessment.findings == (await make().assess(request)).findings


async def a_preamble_raises_nothing(make: Make) -> None:
    """System prompts and tool descriptions, before a message and alone."""
    classifier = make()
    for text in TEXTS:
        plain = _findings(await classifier.assess(asks((Role.USER, text))))
        for preamble in PREAMBLES:
            for role in (Role.SYSTEM, Role.TOOL_SCHEMA):
                framed = _findings(await classifier.assess(asks((role, preamble), (Role.USER, text))))
                _nowhere_higher(framed, plain)
    nothing = _findings(await classifier.assess(asks()))
    for preamble in PREAMBLES:
        _nowhere_higher(_findings(await classifier.assess(asks((Role.SYSTEM, preamble)))), nothing)


async def strange_text_is_no_fault(make: Make) -> None:
    """Whatever characters come, what comes back is a finding, or a language that is named and not covered."""
    classifier = make()
    for text in STRANGE:
        assessment = await classifier.assess(asks((Role.USER, text)))
        for found in assessment.findings:
            assert isinstance(found, Finding) or found.cause is Cause.LANGUAGE, repr(text[:20])
            assert not isinstance(found, Unavailable) or found.language, repr(text[:20])


def _findings(assessment: Assessment) -> list[Finding]:
    return [found for found in assessment.findings if isinstance(found, Finding)]


def _nowhere_higher(framed: list[Finding], plain: list[Finding]) -> None:
    for with_it, without in zip(framed, plain, strict=True):
        for name in ("topic", "low_dual", "high_dual", "prohibited"):
            assert getattr(with_it, name) <= getattr(without, name), (with_it, without)


CONTRACT: Final[tuple[Check, ...]] = (
    there_is_one_entry_per_domain_in_order,
    probabilities_are_ordered,
    a_trigger_points_into_its_segment,
    what_was_asked_before_does_not_matter,
    concurrent_requests_do_not_disturb_each_other,
    a_preamble_raises_nothing,
    strange_text_is_no_fault,
)
