"""Covert moves do not type-check: each snippet in ``tests/typing`` fails where it says, and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mypy import api

SNIPPETS = Path(__file__).parent.parent / "typing"
NAMES = sorted(path.name for path in SNIPPETS.glob("*.py"))
Errors = set[tuple[int, str]]
"""Line and code of each error of a file."""


def expected(text: str) -> Errors:
    """What the comments ``# E: code code`` announce."""
    lines = enumerate(text.splitlines(), start=1)
    return {(n, code) for n, line in lines if (said := line.partition("# E: ")[2]) for code in said.split()}


def found(report: str) -> dict[str, Errors]:
    """What mypy reports, by file name. A line that is neither an error nor a note nor the sum is a failure of mypy."""
    errors: dict[str, Errors] = {name: set() for name in NAMES}
    for line in report.splitlines():
        error = re.fullmatch(r"(?:.*[\\/])?([^\\/:]+\.py):(\d+): error: .*\[([a-z-]+)\]", line)
        if error is not None:
            errors[error[1]].add((int(error[2]), error[3]))
        else:
            assert re.match(r"Found \d+ error|.*\.py:\d+: note: ", line), line
    return errors


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Errors]:
    """One run of mypy over all snippets, with no settings but its own strict ones."""
    cache = tmp_path_factory.mktemp("mypy")
    report, failure, status = api.run(
        ["--strict", "--config-file=", f"--cache-dir={cache}", "--no-error-summary", str(SNIPPETS)]
    )
    assert (failure, status) == ("", 1), report
    return found(report)


@pytest.mark.parametrize("name", NAMES)
def test_a_snippet_fails_to_type_check_exactly_where_it_says(name: str, errors: dict[str, Errors]) -> None:
    assert errors[name] == expected((SNIPPETS / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_every_snippet_announces_an_error_but_the_one_that_is_ok(name: str) -> None:
    announced = expected((SNIPPETS / name).read_text(encoding="utf-8"))
    assert bool(announced) is (name != "ok.py")


def test_an_announcement_is_read_from_its_line() -> None:
    assert expected("a = 1\nb = f()  # E: call-arg arg-type\n# no error\n") == {(2, "call-arg"), (2, "arg-type")}
