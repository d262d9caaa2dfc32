"""How files of the package lean on each other, read from their text: no circles, no private names, no twins."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import lstm_tui
from lstm_tui.version import __version__

PACKAGE = Path(lstm_tui.__file__).parent


def module_of(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {module_of(path, PACKAGE.parent): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}
"""Every file of the package by the name of its module."""


def imported(tree: ast.Module, modules: Mapping[str, ast.Module]) -> Iterator[str]:
    """Yield the modules that a file names in any import: at its top, in a function, or for annotations alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written whole, so that a search for a module finds them all"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield from (name for name in (whole if whole in modules else node.module,) if name in modules)


def circle(modules: Mapping[str, ast.Module]) -> list[str]:
    """Return the modules of one circle of imports, the first once more at its end; nothing where there is none."""
    graph = {name: {other for other in imported(tree, modules) if other != name} for name, tree in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_circle_of_imports_in_functions_and_annotations_included() -> None:
    assert circle(TREES) == []


@pytest.mark.parametrize(
    "back",
    [
        "from p.a import x",
        "from p import a",
        "import p.a",
        "def f():\n    from p.a import x",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from p.a import x",
    ],
)
def test_a_circle_is_found_however_it_is_imported(back: str) -> None:
    texts = {"p": "", "p.a": "from p.b import y", "p.b": "from p.c import z", "p.c": back}
    modules = {name: ast.parse(text) for name, text in texts.items()}
    assert set(circle(modules)) == {"p.a", "p.b", "p.c"}
    assert circle(modules | {"p.c": ast.parse("import json")}) == []


def test_both_versions_are_one() -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__ == lstm_tui.__version__
