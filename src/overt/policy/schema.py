"""The published JSON Schema of policy files.

It cannot say that rule ids are unique, that a model has one table of fallbacks, or that none falls back to itself.
"""

from __future__ import annotations

from overt.policy.table import POLICY
from overt.tomlfile.schema import Schema, json_schema


def policy_schema() -> Schema:
    """The schema, draft 2020-12."""
    return json_schema(POLICY, identifier="urn:overt:schema:policy:1", title="Overt policy")
