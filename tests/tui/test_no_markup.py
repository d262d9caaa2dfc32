"""Texts of strangers are shown as they are: what is put on the screen by name of Textual reads no markup in them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from parsed import nodes_of, tree_of

import lstm_tui

PACKAGE = Path(lstm_tui.__file__).parent


def notified() -> Iterator[tuple[str, ast.Call]]:
    """Yield every call that shows a text in a corner of the screen, but those of our own that hand it on."""
    for path in sorted((PACKAGE / "tui").rglob("*.py")):
        for node in nodes_of(tree_of(path)):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Attribute) and called.attr == "notify":
                assert isinstance(node, ast.Call)
                if ast.unparse(called.value) != "self._changes":  # which hands it on
                    yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node


@pytest.mark.parametrize(("where", "call"), [pytest.param(*one, id=one[0]) for one in notified()])
def test_what_is_told_in_a_corner_is_no_markup(where: str, call: ast.Call) -> None:
    markup = next((one.value for one in call.keywords if one.arg == "markup"), None)
    assert isinstance(markup, ast.Constant), where
    assert markup.value is False, where


def test_some_are_found() -> None:
    assert len(list(notified())) > 10
