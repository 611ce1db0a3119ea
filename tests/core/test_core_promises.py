"""What types do not stop, read off the syntax trees: who may make what, and habits that hide faults."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import overt.core

PACKAGE = Path(overt.core.__file__).parent.parent
MODULES = sorted(PACKAGE.rglob("*.py"))

MAKERS = {
    "Received": ("wire",),
    "Position": ("log", "testing"),
    "Relaying": ("gateway",),
    "Composed": ("wire", "gateway"),
}
"""Which packages may construct which values."""


def calls(name: str) -> Iterator[str]:
    """Where a value is constructed."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield path.relative_to(PACKAGE).as_posix()


def test_only_the_named_packages_make_what_a_promise_rests_on() -> None:
    for name, allowed in MAKERS.items():
        places = list(calls(name))
        assert places, f"nobody makes a {name}: the test is looking for the wrong thing"
        for place in places:
            assert place.partition("/")[0] in allowed, f"{place} makes a {name}"


def test_no_import_hides_in_a_function_outside_the_command_line_but_of_what_may_not_be_installed() -> None:
    for path in MODULES:
        if path.relative_to(PACKAGE).parts[0] == "cli":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                optional = {id(each) for one in ast.walk(node) for each in _optional(one)}
                hidden = [each for each in ast.walk(node) if isinstance(each, ast.Import | ast.ImportFrom)]
                assert optional.issuperset(map(id, hidden)), f"{path}: {node.name} imports"


def _optional(node: ast.AST) -> list[ast.stmt]:
    """The imports of an optional dependency: alone in a ``try`` whose ``except ImportError`` raises the remedy."""
    if not isinstance(node, ast.Try) or not all(isinstance(each, ast.ImportFrom) for each in node.body):
        return []
    caught = [handler for handler in node.handlers if isinstance(handler.type, ast.Name)]
    remedied = [h for h in caught if isinstance(h.type, ast.Name) and h.type.id == "ImportError"]
    return node.body if remedied and all(isinstance(h.body[-1], ast.Raise) for h in remedied) else []


def test_no_error_is_passed_over_in_silence() -> None:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler):
                assert node.type is not None, f"{path}:{node.lineno} catches everything"
                silent = len(node.body) == 1 and isinstance(node.body[0], ast.Pass)
                assert not silent or "testing" in path.parts, f"{path}:{node.lineno} passes over an error"


def test_there_is_no_word_for_a_covert_change() -> None:
    for path in sorted((PACKAGE / "core").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node, "id", None) or getattr(node, "arg", None) or getattr(node, "attr", None)
            assert name not in ("silent", "covert", "hidden", "quiet", "secretly"), f"{path}: {name}"
