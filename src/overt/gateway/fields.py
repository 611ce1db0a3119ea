"""The header fields that every answer of a gateway carries: ``Overt-Decision``, ``Overt-Receipt`` and ``Link``.

``Overt-Decision`` is an Item of RFC 9651: a Token with parameters. It is on every answer, a pass included, so that
its absence means "not Overt".
"""

from __future__ import annotations

from overt.core.finding import Cause
from overt.core.notice import Notice
from overt.core.receipt import unavailable_domains
from overt.gateway.record import Draft

Header = tuple[str, str]


def decision_field(draft: Draft) -> Header:
    """``Overt-Decision: redirect;domain=cyber;band=high_dual;requested="big-1";served="small-1";…``"""
    parameters: list[tuple[str, str]] = []
    if draft.notice is not None:
        parameters += _of_notice(draft.notice)
    elif draft.provider_refused:
        parameters.append(("ground", "provider_refusal"))
    causes = unavailable_domains(draft.decision).values()
    cause = next((each for each in Cause if each in causes), None)
    if cause is not None:
        parameters.append(("unavailable", cause.value))
    parameters += [("requested", _string(draft.requested)), ("receipt", _string(draft.receipt_id))]
    return "overt-decision", ";".join([draft.outcome, *(f"{name}={value}" for name, value in parameters)])


def _of_notice(notice: Notice) -> list[tuple[str, str]]:
    clause = notice.clause
    found: list[tuple[str, str]] = [("ground", notice.ground.value)]
    if clause is not None:
        found += [("domain", clause.domain.value), ("band", clause.band.value), ("rule", _string(clause.rule))]
    if notice.served is not None:
        found.append(("served", _string(notice.served)))
    found.append(("notice", _string(notice.id)))
    return found


def _string(value: str) -> str:
    """An RFC 9651 String where the value is printable ASCII, a Display String (§3.3.8) where it is not."""
    if value.isascii() and value.isprintable():
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    encoded = "".join(chr(b) if 0x20 <= b < 0x7F and b not in b'%"' else f"%{b:02x}" for b in value.encode())
    return f'%"{encoded}"'


def link_field(*, notice: str | None, policy: str, contact: str) -> Header:
    """``Link`` to the notice, the policy, and whom to write to (RFC 8288)."""
    links = [f'<{policy}>; rel="terms-of-service"; type="application/toml"']
    if notice is not None:
        links.insert(0, f'<{notice}>; rel="describedby"; type="application/json"')
        if contact.isascii() and contact.startswith(("https://", "mailto:")):
            links.append(f'<{contact}>; rel="help"')
    return "link", ", ".join(links)
