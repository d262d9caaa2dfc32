"""The small breaks that are tried: a comparison, a sign, a number, a condition, a line that is left out.

A break is a piece of one line replaced by another, found in the syntax tree, so that what is written round it stays
as it was. What only types, documents or says is left alone: annotations, docstrings, assertions, texts.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "lstm_tui"

_COMPARE = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "in": "not in", "not in": "in",
            "is": "is not", "is not": "is"}  # fmt: skip
_BINARY = {"+": "-", "-": "+", "*": "/", "/": "*", "//": "*", "%": "*", "**": "*", "@": "*", "&": "|", "|": "&",
           "<<": ">>", ">>": "<<"}  # fmt: skip
_BOOLEAN = {"and": "or", "or": "and"}
_CALLED = {"min": "max", "max": "min", "any": "all", "all": "any", "ceil": "floor", "floor": "ceil",
           "argmax": "argmin", "argmin": "argmax", "minimum": "maximum", "maximum": "minimum"}  # fmt: skip
_LEFT_OUT = (ast.Expr, ast.AugAssign, ast.Raise, ast.Continue, ast.Break, ast.Delete)


@dataclass(frozen=True)
class Break:
    """One small break of one file.

    Attributes:
        path: The file, from the root of the project.
        line: Its number, from 1.
        scope: The function or class it stands in; empty at the top of a module.
        text: The line as it stands, without what is before and after it.
        start: Where the piece begins in the file, in characters.
        old: The piece.
        new: What it is replaced by.
    """

    path: str
    line: int
    scope: str
    text: str
    start: int
    old: str
    new: str

    @property
    def package(self) -> str:
        """The package it is in."""
        return Path(self.path).parts[1]

    @property
    def change(self) -> str:
        """What is changed into what, in short."""
        return f"{_short(self.old)} → {_short(self.new)}"

    def broken(self, source: str) -> str:
        """Return a file's text with the break."""
        assert source[self.start : self.start + len(self.old)] == self.old
        return source[: self.start] + self.new + source[self.start + len(self.old) :]


def packages() -> list[str]:
    """Return the packages there are."""
    return sorted(one.name for one in PACKAGE.iterdir() if (one / "__init__.py").exists())


def chosen(seed: int, count: int, package: str | None = None, files: Sequence[Path] = ()) -> list[Break]:
    """Return some breaks by a seed: any line that can be broken has the same chance, and one break a line.

    Args:
        seed: The same seed chooses the same lines, whatever is changed elsewhere.
        count: How many, where there are as many.
        package: The one they are in; any where none is named.
        files: The files they are in, in place of a package.
    """
    paths = sorted(files or (PACKAGE / package if package else PACKAGE).rglob("*.py"))
    return list(islice(filter(parses, drawn(seed, (one for path in paths for one in breaks_of(path)))), count))


def drawn(seed: int, breaks: Iterable[Break]) -> list[Break]:
    """Return one break of each line, in an order that the seed makes."""
    lines: dict[tuple[str, int], list[Break]] = defaultdict(list)
    for one in breaks:
        lines[one.path, one.line].append(one)
    alike: Counter[str] = Counter()  # of lines that read alike in one function, how many there were before
    lots: list[tuple[bytes, Break]] = []
    for those in lines.values():
        line = "\n".join((those[0].path, those[0].scope, those[0].text))
        lot = _lot(seed, line, alike[line])
        lots.append((lot, those[lot[-1] % len(those)]))
        alike[line] += 1
    return [one for _, one in sorted(lots, key=lambda each: each[0])]


def _lot(seed: int, line: str, which: int) -> bytes:
    """Return what a line draws: no other line changes it, so that a campaign goes on while the program is worked on."""
    return hashlib.sha256(f"{seed}\n{line}\n{which}".encode()).digest()


def breaks_of(path: Path) -> list[Break]:
    """Return every break of a file, in the order of the file."""
    return breaks_in(path.read_text("utf-8"), str(path.relative_to(ROOT)))


def breaks_in(source: str, path: str) -> list[Break]:
    """Return every break of a text that stands in a file, in the order of the text."""
    found = _Finder(source, path)
    found.visit(ast.parse(source))
    return sorted(found.breaks, key=lambda one: (one.start, one.new))


def parses(one: Break) -> bool:
    """Say whether a file with a break is a program still: a `pass` may stand where a value is needed."""
    try:
        ast.parse(one.broken((ROOT / one.path).read_text("utf-8")))
    except SyntaxError:
        return False
    return True


def _short(piece: str) -> str:
    text = " ".join(piece.split())
    return text if len(text) <= 40 else f"{text[:37]}…"


class _Finder(ast.NodeVisitor):
    """Walks a file and keeps its breaks."""

    def __init__(self, source: str, path: str) -> None:
        self._source, self._path = source, path
        self._lines = source.splitlines(keepends=True)
        self._begins = [0]
        for line in self._lines:
            self._begins.append(self._begins[-1] + len(line))
        self._scope: list[str] = []
        self.breaks: list[Break] = []

    def generic_visit(self, node: ast.AST) -> None:
        """Visit what computes; what only types or says is passed over."""
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "type_params", "type_comment"):
                continue
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, ast.AST):
                    self.visit(one)
        if isinstance(node, _LEFT_OUT) and not self._is_text(node):
            self._leave_out(node)

    def visit_Assert(self, node: ast.Assert) -> None:
        """Pass over what is only asserted."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Pass over what is only said."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Visit what is assigned."""
        if node.value is not None:
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        """Visit a value; one that is put into something is left out too."""
        if any(isinstance(one, ast.Name) and one.id.startswith("__") for one in node.targets):
            return
        self.generic_visit(node)
        if all(isinstance(one, ast.Attribute | ast.Subscript) for one in node.targets) and not self._makes(node):
            self._leave_out(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Visit a function under its name."""
        self._inside(node.name, node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """Visit a function under its name."""
        self._inside(node.name, node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Visit a class under its name."""
        self._inside(node.name, node)

    def visit_If(self, node: ast.If) -> None:
        """Visit a condition; it is turned round too."""
        if "TYPE_CHECKING" in ast.dump(node.test):
            return
        self._turn_round(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """Visit a choice; it is turned round too."""
        self._turn_round(node.test)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """Break each comparison."""
        operands = [node.left, *node.comparators]
        for left, right in pairwise(operands):
            self._between(left, right, _COMPARE, r"is\s+not|not\s+in|[<>=!]=|[<>]|\bin\b|\bis\b")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Break an operation."""
        text = (ast.Constant, ast.JoinedStr)
        if not any(isinstance(one, text) and not _is_number(one) for one in (node.left, node.right)):
            self._between(node.left, node.right, _BINARY, r"\*\*|//|<<|>>|[-+*/%@&|]")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """Break a joined condition."""
        for left, right in pairwise(node.values):
            self._between(left, right, _BOOLEAN, r"\band\b|\bor\b")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        """Leave out a sign or a `not`."""
        start, inner = self._at(node.lineno, node.col_offset), self._at(node.operand.lineno, node.operand.col_offset)
        if isinstance(node.op, ast.USub | ast.Not) and node.lineno == node.operand.lineno:
            piece = self._source[start:inner].replace("(", "")
            self._keep(start, piece, "")
        self.visit(node.operand)

    def visit_Constant(self, node: ast.Constant) -> None:
        """Take another number, or the other truth."""
        start, stop = self._span(node)
        piece = self._source[start:stop]
        if isinstance(node.value, bool):
            self._keep(start, piece, str(not node.value))
        elif isinstance(node.value, int):
            self._keep(start, piece, str(node.value + 1))
        elif isinstance(node.value, float):
            self._keep(start, piece, repr(node.value * 2 or 1.0))

    def visit_Call(self, node: ast.Call) -> None:
        """Call the opposite."""
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in _CALLED:
            stop = self._span(node.func)[1]
            self._keep(stop - len(name), name, _CALLED[name])
        self.generic_visit(node)

    def _inside(self, name: str, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self._scope.append(name)
        self.generic_visit(node)
        self._scope.pop()

    def _turn_round(self, test: ast.expr) -> None:
        start, stop = self._span(test)
        piece = self._source[start:stop]
        if not isinstance(test, ast.Compare | ast.UnaryOp):  # which are turned round by themselves
            self._keep(start, piece, f"not ({piece})")

    def _between(self, left: ast.expr, right: ast.expr, changed: dict[str, str], pattern: str) -> None:
        start, stop = self._span(left)[1], self._span(right)[0]
        found = re.search(pattern, self._source[start:stop])
        if found:
            old = " ".join(found[0].split())
            self._keep(start + found.start(), found[0], changed[old])

    def _leave_out(self, node: ast.stmt) -> None:
        start, stop = self._span(node)
        self._keep(start, self._source[start:stop], "pass")

    def _makes(self, node: ast.Assign) -> bool:
        """Say whether a line first gives an attribute its value, without which nothing works at all."""
        return bool(self._scope) and self._scope[-1] == "__init__"

    def _is_text(self, node: ast.stmt) -> bool:
        value = node.value if isinstance(node, ast.Expr) else None
        return isinstance(value, ast.Constant | ast.JoinedStr | ast.Yield | ast.YieldFrom)

    def _keep(self, start: int, old: str, new: str) -> None:
        if old and self._source[start : start + len(old)] == old:
            line = self._source.count("\n", 0, start) + 1
            text = " ".join(self._lines[line - 1].split())
            self.breaks.append(Break(self._path, line, ".".join(self._scope), text, start, old, new))

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        return self._at(node.lineno, node.col_offset), self._at(node.end_lineno or 0, node.end_col_offset or 0)

    def _at(self, line: int, column: int) -> int:
        before = self._lines[line - 1].encode()[:column].decode()
        return self._begins[line - 1] + len(before)


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)
