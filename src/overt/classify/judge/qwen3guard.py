"""Qwen3Guard-Gen: classifies the user message by categories of its own. Advisory only: it changes nothing.

It reads no policy of ours, its categories are not our domains (weapons are "Violent", intrusion is "Non-violent Illegal
Acts") and none is about frontier_llm, so it is not asked there. Its opinion is recorded and nothing more.

The reply is ``Safety: Safe|Controversial|Unsafe`` and ``Categories: …``, and ``Refusal: Yes|No`` where a reply was
judged too. Safe is read as benign, Controversial as low_dual, Unsafe as high_dual: the two worst are one to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Final

from overt.classify.judge.opinion import NoOpinion
from overt.classify.judge.shape import Said, Shape, as_it_stands, unreadable
from overt.classify.judge.written import WrittenPolicy
from overt.core.domain import Band

NAME: Final = "qwen3guard"
MOST_TOKENS: Final = 128
_BANDS: Final = {"Safe": Band.BENIGN, "Controversial": Band.LOW_DUAL, "Unsafe": Band.HIGH_DUAL}
_CATEGORY: Final = (
    r"(?:Violent|Non-violent Illegal Acts|Sexual Content or Sexual Acts|PII|Suicide & Self-Harm|Unethical Acts"
    r"|Politically Sensitive Topics|Copyright Violation|Jailbreak|None)"
)
_REPLY: Final = re.compile(
    rf"\s*Safety: (?P<safety>Safe|Controversial|Unsafe)\s*\nCategories: (?P<categories>{_CATEGORY}(?:, ?{_CATEGORY})*)"
    r"(?:\s*\nRefusal: (?:Yes|No))?\s*"
)


def _read(policy: WrittenPolicy, replies: Sequence[str]) -> Said | NoOpinion:
    del policy
    found = _REPLY.fullmatch(replies[0])
    if found is None:
        return unreadable(NAME, "it is not a Safety line and a Categories line")
    return Said(band=_BANDS[found["safety"]], code=found["categories"])


QWEN3GUARD: Final = Shape(name=NAME, advisory=True, ask=partial(as_it_stands, most_tokens=MOST_TOKENS), read=_read)
