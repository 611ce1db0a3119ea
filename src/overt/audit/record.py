"""One call as it happened, and the chain of them: a line of JSON per call, each holding the digest of the line before.

What was asked and what came back are kept to the byte. Texts, scores and costs are worked out from records when they
are wanted and never stored beside them, so that nobody has to believe them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from overt.audit.plan import Api, Role


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One call. ``number`` counts from 0; ``previous`` is the SHA-256 of the line before, of the plan for the first.

    ``status`` is 0 where no response came, and then ``fault`` says why. ``body`` is the response as text, byte for byte
    (an undecodable one is in ``fault`` with its digest). Keys and cookies are in neither request nor headers.
    """

    number: int
    previous: str
    at: str
    """RFC 3339, UTC, when the request left."""
    route: str
    role: Role
    api: Api
    pid: str
    rep: int
    model: str
    """As requested."""
    request: str
    """The body that was sent."""
    status: int
    headers: tuple[tuple[str, str], ...]
    """Those of the response that say who answered: request ids, model, provider, rate limits. In their order."""
    body: str
    first_byte_ms: int | None
    total_ms: int
    fault: str | None = None
