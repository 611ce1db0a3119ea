"""A group of commands whose members are the modules beside it that begin with its prefix.

They are found, not listed: a command is added by its file alone, and imported when it is called or described.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any, final

import click

import overt.cli
from overt.errors import OperatorError


@final
class Found(click.Group):
    """``prefix`` ends in an underscore: modules ``overt.cli.<prefix>*`` each name a click command ``command``."""

    def __init__(self, *, prefix: str, name: str | None = None, **rest: Any) -> None:
        super().__init__(name, **rest)
        self._prefix = prefix

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, from the files."""
        del ctx
        names = (module.name for module in pkgutil.iter_modules(overt.cli.__path__))
        return sorted(name.removeprefix(self._prefix) for name in names if name.startswith(self._prefix))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or `OperatorError` naming the library that it wants."""
        if cmd_name not in self.list_commands(ctx):
            return None
        # A late import, for start-up time and for libraries that only one command needs: see the module.
        try:
            command: click.Command = importlib.import_module(f"overt.cli.{self._prefix}{cmd_name}").command
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] == "overt":
                raise
            raise OperatorError(
                f"'overt {self.name} {cmd_name}' needs {error.name!r}, which is not installed"
            ) from error
        return command
