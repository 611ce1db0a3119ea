"""`overt schema`: print the JSON Schema of a policy or configuration file, for editors and other programs."""

from __future__ import annotations

import json

import click

from overt.config.schema import config_schema
from overt.policy.schema import policy_schema


@click.command()
@click.argument("file_kind", metavar="policy|config", type=click.Choice(("policy", "config")))
def command(file_kind: str) -> None:
    """Print the JSON Schema (draft 2020-12) of policy files or of the configuration file."""
    schema = policy_schema() if file_kind == "policy" else config_schema()
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))
