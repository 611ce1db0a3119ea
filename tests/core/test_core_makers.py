"""Nobody gets around the test of who makes what: not by another name, a qualified one, or a unit made by hand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import overt.core

PACKAGE = Path(overt.core.__file__).parent.parent
TREES = {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")}

MAKERS = {
    "Received": ("wire/",),
    "Position": ("log/", "testing/"),
    "Relaying": ("gateway/",),
    "Disclosed": ("core/serve.py",),
    "Relay": ("core/serve.py",),
    "Disclose": ("core/serve.py",),
    "Write": ("core/serve.py",),
    "BreakOff": ("core/serve.py",),
    "Verbatim": ("core/forward.py", "gateway/messages.py", "testing/contracts/"),
    "Declined": ("core/forward.py",),
    "Amended": ("core/forward.py", "gateway/settle.py"),
}
"""Which modules, by the beginning of their path, may construct which value."""


def made(tree: ast.AST, name: str) -> Iterator[int]:
    """The lines on which a value is constructed, whether it is called by its plain or by a qualified name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            plain = called.id if isinstance(called, ast.Name) else None
            qualified = called.attr if isinstance(called, ast.Attribute) else None
            if name in (plain, qualified):
                yield node.lineno


def renamed(tree: ast.AST) -> Iterator[str]:
    """The values of the table that are imported under another name, or kept under one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (each.name for each in node.names if each.name in MAKERS and each.asname is not None)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in MAKERS:
            yield node.value.id


@pytest.mark.parametrize("name", MAKERS)
def test_a_value_is_made_only_where_its_promise_is_kept(name: str) -> None:
    places = [place for place, tree in TREES.items() for _ in made(tree, name)]
    assert places, f"nobody makes a {name}: the test is looking for the wrong thing"
    assert [place for place in places if not place.startswith(MAKERS[name])] == []


def test_no_such_value_goes_by_another_name() -> None:
    assert {place: names for place, tree in TREES.items() if (names := list(renamed(tree)))} == {}


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        pytest.param("x = Received(b'')", [1], id="plain"),
        pytest.param("\nx = exchange.Received(b'')", [2], id="qualified"),
        pytest.param("match x:\n    case Received(): y()", [], id="a pattern makes nothing"),
    ],
)
def test_the_search_finds_what_is_made(code: str, lines: list[int]) -> None:
    assert list(made(ast.parse(code), "Received")) == lines


@pytest.mark.parametrize(
    ("code", "names"),
    [
        pytest.param("from overt.core.exchange import Received as R", ["Received"], id="imported as another"),
        pytest.param("make = Received", ["Received"], id="kept as another"),
        pytest.param("from overt.core.exchange import Received", [], id="imported as itself"),
    ],
)
def test_the_search_finds_what_is_renamed(code: str, names: list[str]) -> None:
    assert list(renamed(ast.parse(code))) == names
