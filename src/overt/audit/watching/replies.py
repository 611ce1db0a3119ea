"""What records say about who answered: from lines of `overt audit collect` to the values of `stats.metadata`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

from overt.audit.answers import Answered, answer_of
from overt.audit.chain import END, decode_record
from overt.audit.plan import Api, Role
from overt.audit.record import Record
from overt.audit.stats.metadata import Reply
from overt.errors import BadRequest, VerificationFailed

PROVIDER_HEADERS: Final = ("x-provider", "x-openrouter-provider", "x-inference-provider")


def read_replies(path: Path) -> tuple[Reply, ...]:
    """What the endpoint's responses in a file of records say; calls without a response are left out.

    The last line may be under way still. Whether the chain holds is for `overt audit verify` to say.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadRequest(f"cannot read the records {str(path)!r}: {error.strerror}") from error
    *whole, _ = raw.split(END)
    found = []
    for number, line in enumerate(whole, 1):
        try:
            record = decode_record(line + END)
        except VerificationFailed as error:
            raise BadRequest(f"{path}:{number}: {error}; give the records of 'overt audit collect'") from error
        reply = reply_of(record)
        if reply is not None and record.role is Role.ENDPOINT:
            found.append(reply)
    return tuple(found)


def reply_of(record: Record) -> Reply | None:
    """What a response says about itself; None where none came, or an error did."""
    answered = answer_of(record)
    if answered.error is not None:
        return None
    fingerprint, provider = _named(record.body)
    return Reply(
        number=record.number,
        at=record.at,
        request=hashlib.sha256(f"{record.route}\n{record.request}".encode("utf-8", "surrogatepass")).hexdigest(),
        served=answered.served,
        fingerprint=fingerprint,
        provider=provider or _header(record),
        prompt_tokens=_read_tokens(answered, record.api),
        total_ms=record.total_ms,
        first_byte_ms=record.first_byte_ms,
        output_tokens=answered.output_tokens,
    )


def _read_tokens(answered: Answered, api: Api) -> int | None:
    """Cached or not: a cache that warms up is no change of the prompt. OpenAI counts cached tokens already."""
    if answered.input_tokens is None:
        return None
    return answered.input_tokens + (answered.cached or 0 if api is Api.ANTHROPIC else 0)


def _named(body: str) -> tuple[str | None, str | None]:
    """``system_fingerprint``, and the ``provider`` of a router."""
    found = json.loads(body)
    return _text(found.get("system_fingerprint")), _text(found.get("provider"))


def _text(found: object) -> str | None:
    return found if isinstance(found, str) and found else None


def _header(record: Record) -> str | None:
    named = [value for name, value in record.headers if name.lower() in PROVIDER_HEADERS and value]
    return named[0] if named else None
