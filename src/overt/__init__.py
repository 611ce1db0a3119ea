"""Overt: safeguards for AI models that always say so.

The names that programs use; each is loaded when it is first asked for, so that ``import overt`` costs nothing.
Inside this package, import from the module that defines a name.
"""

from __future__ import annotations

import importlib

_NAMES = {
    "Answer": "overt.audit.rows",
    "Assessment": "overt.core.finding",
    "Band": "overt.core.domain",
    "Decision": "overt.core.decision",
    "Domain": "overt.core.domain",
    "Finding": "overt.core.finding",
    "Intervene": "overt.core.decision",
    "Notice": "overt.core.notice",
    "Pass": "overt.core.decision",
    "Policy": "overt.core.policy",
    "Request": "overt.core.request",
    "Segment": "overt.core.request",
    "Unavailable": "overt.core.finding",
    "Verdict": "overt.audit.verdict",
    "audit_topic": "overt.audit.topic",
    "check_log": "overt.proof.check",
    "compare": "overt.audit.compare",
    "create_app": "overt.gateway.app",
    "decide": "overt.core.decide",
    "verify_report": "overt.audit.report.verify",
    "verify_receipt": "overt.proof.verify",
}

__all__ = sorted(_NAMES)


def __getattr__(name: str) -> object:
    if name not in _NAMES:
        raise AttributeError(f"module 'overt' has no attribute {name!r}")
    return getattr(importlib.import_module(_NAMES[name]), name)
