"""Files of Python as trees, each read once for all the tests of a process that look at it."""

from __future__ import annotations

import ast
import gc
from functools import cache
from pathlib import Path


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the tree of a file; whoever gets it changes nothing of it.

    Nothing of a tree is garbage, and it is kept: it is made without looking for any, and set aside.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(path.read_text("utf-8"))
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


@cache
def nodes_of(tree: ast.AST) -> tuple[ast.AST, ...]:
    """Return every part of a tree, in the order of `ast.walk`."""
    return tuple(ast.walk(tree))
