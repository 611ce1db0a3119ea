"""Llama Guard 3 and 4: classify the user message by the hazards S1 to S14. Advisory only: they change nothing.

They read no policy of ours. Nearest to our domains are S2 (non-violent crimes, intrusion among them), S9
(indiscriminate weapons) and S14 (abuse of code interpreters); none is about frontier_llm, so they are not asked there.
The opinion is recorded and nothing more.

The reply is ``safe``, or ``unsafe`` and a second line of codes. Unsafe is read as high_dual: there are no degrees.
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

NAME: Final = "llama-guard"
MOST_TOKENS: Final = 64
_HAZARD: Final = r"S(?:[1-9]|1[0-4])"
_REPLY: Final = re.compile(rf"\s*(?:safe|unsafe\s*\n\s*(?P<codes>{_HAZARD}(?:\s*,\s*{_HAZARD})*))\s*")


def _read(policy: WrittenPolicy, replies: Sequence[str]) -> Said | NoOpinion:
    del policy
    found = _REPLY.fullmatch(replies[0])
    if found is None:
        return unreadable(NAME, "it is neither safe, nor unsafe with the codes of its hazards")
    if found["codes"] is None:
        return Said(band=Band.BENIGN, code="safe")
    return Said(band=Band.HIGH_DUAL, code=re.sub(r"\s+", "", found["codes"]))


LLAMA_GUARD: Final = Shape(name=NAME, advisory=True, ask=partial(as_it_stands, most_tokens=MOST_TOKENS), read=_read)
