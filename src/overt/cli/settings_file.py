"""Read the configuration file, for every command that needs to know where a gateway keeps its things."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import final

from overt.cli.policy_file import read_text
from overt.config.parse import parse_settings
from overt.config.settings import Settings
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
    shadow, policy = settings.shadow, settings.policy
    return replace(
        settings,
        data=str(folder / settings.data),
        policy=policy if policy in bundled_names() else str(folder / policy),
        shadow=None if shadow is None else str(folder / shadow),
    )


@final
class NoSecrets(Mapping[str, str]):
    """An environment for commands that spend no key: every variable is there, so that a rollback does not wait for
    somebody to find the upstream's key. What stands in for a key says so."""

    def __getitem__(self, name: str) -> str:
        return "not-needed-by-this-command"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
