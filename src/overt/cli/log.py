"""``overt log``: one command for each module ``overt.cli.log_*`` beside this one, which names it ``command``.

They are found, not listed: a command is added by its file alone, and imported when it is called or described.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Final, final

import click

import overt.cli
from overt.errors import OperatorError

_PREFIX: Final = "log_"


@final
class _Found(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        names = (module.name for module in pkgutil.iter_modules(overt.cli.__path__))
        return sorted(name.removeprefix(_PREFIX) for name in names if name.startswith(_PREFIX))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        # A late import, for start-up time and for libraries that only one command needs: see the module.
        try:
            command: click.Command = importlib.import_module(f"overt.cli.{_PREFIX}{cmd_name}").command
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] == "overt":
                raise
            raise OperatorError(f"'overt log {cmd_name}' needs {error.name!r}, which is not installed") from error
        return command


@click.command("log", cls=_Found)
def command() -> None:
    """Look at a log from outside, and look after one's own."""
