"""The policies that come with Overt, as package data: `default`, `broad` and `observe`."""

from __future__ import annotations

from importlib.resources import files

from overt.core.policy import Policy
from overt.errors import InvalidFile, Problem
from overt.policy.parse import parse_policy
from overt.tomlfile.read import suggestion

_NAMES = ("default", "broad", "observe")


def bundled_names() -> tuple[str, ...]:
    """The names, the one that is used without a choice first."""
    return _NAMES


def bundled_text(name: str) -> str:
    """The exact text that the digest covers. Raises `InvalidFile` for an unknown name."""
    if name not in _NAMES:
        raise InvalidFile(name, (Problem("policy", f"no policy {name!r} is bundled", suggestion(name, _NAMES)),))
    return files("overt.policy").joinpath("bundled", f"{name}.toml").read_bytes().decode()


def load_bundled(name: str) -> Policy:
    """A bundled policy. Raises `InvalidFile` for an unknown name."""
    return parse_policy(bundled_text(name), name=f"{name}.toml")
