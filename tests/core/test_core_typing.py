"""Covert moves do not type-check: `tests/typing` holds them, and mypy must object to each marked line and no other."""

from __future__ import annotations

import re
from pathlib import Path

from mypy import api

FOLDER = Path(__file__).parent.parent / "typing"
_MARK = re.compile(r"# E: ([a-z -]+)$")
_ERROR = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+): error: .* \[(?P<code>[a-z-]+)\]$")


def expected() -> set[tuple[str, int, str]]:
    return {
        (file.name, number, code)
        for file in FOLDER.glob("*.py")
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if (found := _MARK.search(line))
        for code in found.group(1).split()
    }


def test_every_covert_move_is_a_type_error_and_nothing_else_is(tmp_path: Path) -> None:
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\nstrict = True\n")
    options = ["--config-file", str(config), "--cache-dir", str(tmp_path / "cache"), "--no-error-summary"]
    out, problems, _ = api.run([*options, str(FOLDER)])
    assert not problems
    found = {
        (Path(match["file"]).name, int(match["line"]), match["code"])
        for line in out.splitlines()
        if (match := _ERROR.match(line))
    }
    assert len(expected()) > 12
    assert found == expected()
