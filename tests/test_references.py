"""Which tests compare with another framework is read from the tests; what is not installed is skipped and said."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from references import asked_for, frameworks


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("torch = pytest.importorskip('torch')", {"": {"torch"}}),
        ("def test_a():\n    pytest.importorskip('onnx', reason='why')", {"test_a": {"onnx"}}),
        ("def test_a():\n    pytest.importorskip('resource')", {}),
        ("x = 1\ndef test_b():\n    import torch", {}),
    ],
)
def test_what_a_test_asks_for_is_found(text: str, found: dict[str, set[str]]) -> None:
    assert asked_for(ast.parse(text), {"torch", "onnx"}) == found


def test_every_framework_of_the_extra_is_compared_with() -> None:
    asked = set[str]()
    for path in Path(__file__).parent.rglob("test_*.py"):
        asked |= set().union(*asked_for(ast.parse(path.read_text("utf-8")), set(frameworks())).values())
    assert asked == set(frameworks())
