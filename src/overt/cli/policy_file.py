"""Read a policy by the name of a bundled one or by the path of a file, for every command that takes one."""

from __future__ import annotations

from pathlib import Path

from overt.core.policy import Policy
from overt.errors import InvalidFile, Problem
from overt.policy.bundle import bundled_names, bundled_text
from overt.policy.parse import parse_policy
from overt.tomlfile.read import suggestion


def read_policy(name_or_file: str) -> Policy:
    """The policy. Raises `InvalidFile` with every problem if there is none that can be used.

    A bundled name wins over a file of the same name in the present folder; write ``./default`` for that file.
    """
    return parse_policy(read_policy_text(name_or_file), name=name_or_file)


def read_policy_text(name_or_file: str) -> str:
    """The exact text of the policy, which its digest covers."""
    if name_or_file in bundled_names():
        return bundled_text(name_or_file)
    return read_text(name_or_file, missing=f"for a bundled policy, {suggestion(name_or_file, bundled_names())}")


def read_text(file: str, *, missing: str = "check the path") -> str:
    """A UTF-8 file with its line ends as they are. Raises `InvalidFile` if that cannot be had."""
    try:
        return Path(file).read_bytes().decode()
    except FileNotFoundError as error:
        raise InvalidFile(file, (Problem("file", f"there is no file {file!r}", missing),)) from error
    except (OSError, ValueError) as error:
        raise InvalidFile(file, (_unreadable(file, error),)) from error


def _unreadable(file: str, error: OSError | ValueError) -> Problem:
    if isinstance(error, UnicodeDecodeError):
        return Problem("file", f"byte {error.start} of {file!r} is not UTF-8", "save it as UTF-8")
    return Problem("file", f"{file!r} cannot be read: {error}", "give the path of a file that may be read")
