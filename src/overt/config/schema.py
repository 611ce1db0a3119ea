"""The published JSON Schema of the configuration file.

It cannot see the environment, compare upstreams with each other, or weigh credentials against authentication.
"""

from __future__ import annotations

from overt.config.table import CONFIG
from overt.tomlfile.schema import Schema, json_schema


def config_schema() -> Schema:
    """The schema, draft 2020-12."""
    return json_schema(CONFIG, identifier="urn:overt:schema:config:1", title="Overt configuration")
