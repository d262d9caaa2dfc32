"""Files of Python as trees, each read once for all the tests of a process that look at it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the tree of a file; whoever gets it changes nothing of it."""
    return ast.parse(path.read_text("utf-8"))


@cache
def nodes_of(tree: ast.AST) -> tuple[ast.AST, ...]:
    """Return every part of a tree, in the order of `ast.walk`."""
    return tuple(ast.walk(tree))
