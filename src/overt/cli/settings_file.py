"""Read the configuration file, for every command that needs to know where a gateway keeps its things."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import final

from overt.cli.policy_file import read_text
from overt.config.parse import parse_settings
from overt.config.settings import OBJECTS, Settings
from overt.policy.bundle import bundled_names


def read_settings(config: str | None, data: str | None, environ: Mapping[str, str]) -> Settings:
    """The settings in a file, the embedded default without one; ``data`` overrides the data folder.

    Paths in the file are relative to the file, so that it means the same wherever the command is run.
    """
    settings = Settings.default() if config is None else _beside(config, environ)
    return settings if data is None else replace(settings, data=data)


def _beside(config: str, environ: Mapping[str, str]) -> Settings:
    settings = parse_settings(read_text(config), environ, name=config)
    folder = Path(config).parent
    shadow, policy, memory = settings.shadow, settings.policy, settings.log.memory
    here = memory is not None and not memory.startswith(OBJECTS)
    return replace(
        settings,
        data=str(folder / settings.data),
        policy=policy if policy in bundled_names() else str(folder / policy),
        shadow=None if shadow is None else str(folder / shadow),
        log=replace(
            settings.log,
            memory=str(folder / str(memory)) if here else memory,
            witnesses=None if settings.log.witnesses is None else str(folder / settings.log.witnesses),
        ),
    )


@final
class NoSecrets(Mapping[str, str]):
    """An environment for commands that spend no key: every variable is there, so that a rollback does not wait for
    somebody to find the upstream's key. What stands in for a key says so. Only the address of a database is as it is
    set: the log may lie there."""

    def __getitem__(self, name: str) -> str:
        value = os.environ.get(name, "")
        return value if value.startswith("postgres") else "not-needed-by-this-command"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
