"""``overt``: finds the command by its name and turns errors into a message and an exit code.

Commands are imported when they are called, so that ``overt verify`` does not pay for the gateway's start.
"""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn, final

import click

from overt.errors import OperatorError, OvertError

COMMANDS = {
    "audit": "Test any endpoint for covert change.",
    "calibrate": "Choose acting points on your own traffic.",
    "classify": "Say what would be decided about requests; no model is called.",
    "demo": "Drive the main job end to end with the official SDK.",
    "drift": "Check whether traffic or decisions have moved.",
    "evaluate": "Measure the classifier and write its cards.",
    "key": "Keys for callers.",
    "log": "Check a transparency log.",
    "policy": "Check, explain and compare policies.",
    "release": "Check, sign, activate and roll back classifier releases.",
    "schema": "Print the JSON Schemas of policy and configuration files.",
    "serve": "Run the gateway.",
    "train": "Train a classifier release.",
    "verify": "Verify a receipt, offline.",
}


@final
class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        # A late import, for start-up time: see the module.
        try:
            command: click.Command = importlib.import_module(f"overt.cli.{cmd_name}").command
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] == "overt":
                raise
            raise OperatorError(f"'overt {cmd_name}' needs {error.name!r}: pip install 'overt[train]'") from error
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=_Commands)
@click.version_option(package_name="overt")
def command() -> None:
    """Safeguards for AI models that always say so."""


def main() -> NoReturn:
    """The entry point of ``overt``."""
    try:
        command.main(standalone_mode=True)
    except OvertError as error:
        click.echo(f"overt: {error}", err=True)
        sys.exit(2)
    sys.exit(0)
