"""Nodes to what they are at every step of a range at once.

Every mistake that can be made — a name, a size, a kind — depends on the run and not on the step, so an
expression that was evaluated at one step can be evaluated at any.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from lstm_tui.debugger.expressions import parser
from lstm_tui.debugger.expressions.calls import KINDS, Calls, form, place_number, token_place
from lstm_tui.debugger.expressions.matrix_parts import block, inner_sizes, laid_out, product, rows
from lstm_tui.debugger.expressions.parser import COMPARISONS, Expression, ExpressionError, Node, parse
from lstm_tui.debugger.expressions.scope import TOKENS, Moment, NoSuchName, Scope
from lstm_tui.debugger.expressions.series import Series, both, compared, either, inverse, numbers
from lstm_tui.debugger.expressions.unit_numbers import resolved
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import Shape
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import nearest
from lstm_tui.engine.language.vocabulary import shortened
from lstm_tui.engine.number_text import count_of

_Found = TypeVar("_Found")
_ARITHMETIC: dict[str, Callable[[Array, Array], Array]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "**": np.power,
}  # fmt: skip
_COMPARED: dict[str, Callable[[Array, Array], Any]] = {
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal, "!=": np.not_equal,
}  # fmt: skip


def evaluate(expression: Expression, scope: Scope, start: int, stop: int, earlier: int = 0) -> Series:
    """Return what an expression is at the places `start` to `stop` of the tape.

    Args:
        expression: What is asked.
        scope: The run, and the pass of names without one.
        start: First place.
        stop: Place behind the last; all of them lie on the tape.
        earlier: How many steps back in the pass's reading order it is asked.

    Raises:
        ExpressionError: A name means nothing in this run, or sizes or kinds do not go together.
    """
    expression = resolved(expression, scope)
    with np.errstate(all="ignore"):
        return _Evaluator(expression, scope).read(expression.node, Moment(start, stop, earlier=earlier))


def condition(text: str, scope: Scope, names: tuple[tuple[str, int], ...] = ()) -> Expression:
    """Read an expression that is true or false at a step; `names` stand for whole numbers in it.

    Raises:
        ExpressionError: It is not, or it is wrong in this run.
    """
    expression = parse(text, names)
    require_condition(expression, evaluate(expression, scope, 0, 1))
    return expression


def require_condition(expression: Expression, answer: Series) -> None:
    """Refuse an expression that is not true or false at a step; `answer` is what it is at some steps.

    Raises:
        ExpressionError: It is not.
    """
    text = expression.text
    if answer.kind != "truth":
        than = '== "not"' if answer.kind == "text" else "> 0"
        raise ExpressionError(f"this is {KINDS[answer.kind]}: compare it, as in {text.strip()} {than}", text, 0)
    if answer.size != 1:
        raise ExpressionError(f"this is {answer.size} answers, one a unit: write any(…) or all(…)", text, 0)


@dataclass(frozen=True)
class _Evaluator:
    """An expression that is asked of a run.

    Attributes:
        expression: What is asked.
        scope: The run.
    """

    expression: Expression
    scope: Scope

    def read(self, node: Node, moment: Moment) -> Series:
        """Return what a node is at some steps."""
        if isinstance(node, parser.NumberNode):
            return Series.constant(node.value)
        if isinstance(node, parser.TextNode):
            return Series.constant(node.value, "text")
        if isinstance(node, parser.NameNode):
            name = node.name
            return self.named(node, lambda: self.scope.read(name, moment))
        if isinstance(node, parser.HeldNode):
            held = node.name
            return self.named(node, lambda: self.scope.held_value(held))
        if isinstance(node, parser.UnitsNode | parser.Class):
            return self.chosen(node, moment)
        if isinstance(node, parser.BlockNode):
            return self.block(node, moment)
        if isinstance(node, parser.Shifted):
            return self.read(node.of, replace(moment, on_tape=moment.on_tape + node.by))
        if isinstance(node, parser.PreviousNode):
            return self.read(node.of, replace(moment, earlier=moment.earlier + 1))
        if isinstance(node, parser.AtNode):
            place = self.place(node.where)
            return self.read(node.of, Moment(place, place + 1))
        if isinstance(node, parser.Inverse):
            return self.inverse(node, moment)
        if isinstance(node, parser.Operation):
            return self.operation(node, moment)
        assert isinstance(node, parser.CallNode)
        return Calls(self).of(node, moment)

    # --- mistakes at their place ---

    def fail(self, said: str, node: Node, near: str | None = None, place: int | None = None) -> ExpressionError:
        """Return the error for a node, or for another place in the text."""
        return ExpressionError(said, self.expression.text, node.start if place is None else place, near)

    def shown(self, node: Node) -> str:
        """Return how a node was written, in short."""
        return shortened(self.expression.text_of(node))

    def numeric(self, node: Node, moment: Moment) -> Series:
        """Return what a node is at some steps; it must be numbers."""
        series = self.read(node, moment)
        if series.kind != "number":
            raise self.fail(f"{self.shown(node)} is {KINDS[series.kind]}, not a number", node)
        return series

    def named(self, node: Node, read: Callable[[], _Found]) -> _Found:
        """Look a name up, and say at its place what is wrong with it."""
        try:
            return read()
        except NoSuchName as error:
            raise self.fail(error.said, node, error.near) from None

    # --- operators between values ---

    def inverse(self, node: parser.Inverse, moment: Moment) -> Series:
        """Return `-v` or `not v`."""
        of = self.read(node.of, moment)
        wanted = "truth" if node.sign == "not" else "number"
        if of.kind != wanted:
            raise self.fail(f"{self.shown(node.of)} is {KINDS[of.kind]}, not {KINDS[wanted]}", node.of)
        found = inverse(of) if wanted == "truth" else numbers(-of.values, of.known, of)
        return _laid_out_as(found, of)

    def operation(self, node: parser.Operation, moment: Moment) -> Series:
        """Return what a sign makes of its two sides."""
        if node.sign == "@":
            return self.product(node, moment)
        left, right = self.read(node.left, moment), self.read(node.right, moment)
        if node.sign in ("and", "or"):
            for side, series in ((node.left, left), (node.right, right)):
                if series.kind != "truth":
                    raise self.fail(f"{self.shown(side)} is {KINDS[series.kind]}, not true or false", side)
            self.check_sizes(node, left, right)
            found = both(left, right) if node.sign == "and" else either(left, right)
            return _laid_out_as(found, left if left.size >= right.size else right)
        if node.sign in COMPARISONS:
            return self.comparison(node, left, right)
        for side, series in ((node.left, left), (node.right, right)):
            if series.kind != "number":
                raise self.fail(f"{self.shown(side)} is {KINDS[series.kind]}, not a number", side)
        self.check_sizes(node, left, right)
        result = numbers(_ARITHMETIC[node.sign](left.values, right.values), left.known & right.known, left, right)
        wider = left if left.size >= right.size else right
        return _laid_out_as(result, wider)

    def comparison(self, node: parser.Operation, left: Series, right: Series) -> Series:
        """Return where a comparison holds."""
        left, right = self.by_class(node.left, left, right), self.by_class(node.right, right, left)
        if left.kind != right.kind:
            said = f"{KINDS[left.kind]} is compared with {KINDS[right.kind]}"
            raise self.fail(said, node, place=node.place)
        if left.kind != "number" and node.sign not in ("==", "!="):
            raise self.fail(f"only numbers are larger or smaller; {node.sign} compares {KINDS[left.kind]}s",
                            node, place=node.place)  # fmt: skip
        self.check_sizes(node, left, right)
        a, b = left.values, right.values
        if left.kind == "text":  # a token is compared as the network reads it
            a, b = self.as_read(a), self.as_read(b)
        wider = left if left.size >= right.size else right
        result = compared(_COMPARED[node.sign](a, b), left, right)
        return _laid_out_as(result, wider)

    def as_read(self, texts: Array) -> Array:
        """Return tokens as the network reads them."""
        if not self.scope.lowercase:
            return texts
        read = np.empty_like(texts)
        read[:, 0] = [text.lower() for text in texts[:, 0]]
        return read

    def by_class(self, node: Node, series: Series, other: Series) -> Series:
        """Return the number of a class where its name is compared with such a number."""
        if not isinstance(node, parser.TextNode) or not other.classes:
            return series
        if node.value not in other.classes:
            raise self.fail("there is no class of this name", node, quoted_near(node.value, other.classes))
        return Series.constant(float(other.classes.index(node.value)))

    def check_sizes(self, node: parser.Operation, left: Series, right: Series) -> None:
        """Refuse two vectors of different lengths."""
        if left.size != right.size and 1 not in (left.size, right.size):
            said = f"{self.shown(node.left)} has {left.size} units and {self.shown(node.right)} {right.size}"
            raise self.fail(said, node, place=node.place)
        if left.shape != right.shape and 1 not in (left.size, right.size):
            said = f"{self.shown(node.left)} is {form(left)}, and {self.shown(node.right)} {form(right)}"
            raise self.fail(said, node, place=node.place)

    def product(self, node: parser.Operation, moment: Moment) -> Series:
        """Return a matrix times a vector, or any other product that NumPy has."""
        number = next((one for one in (node.left, node.right) if isinstance(one, parser.NumberNode)), None)
        if number is not None:
            said = "@ is the product of matrices and vectors, and this is a number: * multiplies; some units are c[0:4]"
            raise self.fail(said, number)
        left = self.left_of_product(node.left, moment)
        right = self.as_matrix(node.right, moment)
        columns, lines = inner_sizes(left, right)
        if columns != lines and not (left.shape is not None and right.shape is None and right.size == 1):
            has = count_of(columns, "column" if left.shape is not None else "unit")
            other = count_of(lines, "row" if right.shape is not None else "unit")
            said = f"{self.shown(node.left)} has {has} and {self.shown(node.right)} {other}"
            raise self.fail(said, node, place=node.place)
        return product(left, right)

    def left_of_product(self, node: Node, moment: Moment) -> Series:
        """Return what stands left of @; of a name that means nothing is said that it is no matrix."""
        try:
            return self.as_matrix(node, moment)
        except ExpressionError:
            if isinstance(node, parser.NameNode) and not self.scope.is_known(node.name):
                name = node.name
                self.named(node, lambda: self.scope.matrix(name))
            raise

    def as_matrix(self, node: Node, moment: Moment) -> Series:
        """Return what a node is at some steps; a memory that is one matrix as such."""
        series, shape = self.numeric(node, moment), self.shape_of(node)
        return series if shape is None or shape.heads != 1 or series.shape is not None else laid_out(series, shape)

    def shape_of(self, node: Node) -> Shape | None:
        """Return the heads, rows and columns of a value that is a matrix a head, by its name; else None."""
        while isinstance(node, parser.Shifted | parser.PreviousNode):
            node = node.of
        return self.scope.shape_of(node.name) if isinstance(node, parser.NameNode) else None

    # --- parts of a vector, and places ---

    def chosen(self, node: parser.UnitsNode | parser.Class, moment: Moment) -> Series:
        number = token_place(node)
        if number is not None and not self.scope.is_known(TOKENS):
            place = self.named(node, lambda: self.scope.place_numbered(number))
            if place >= self.scope.steps:
                raise self.fail(f"this tape has {self.scope.steps} tokens so far, from 0", node)
            return Series.constant(self.scope.trace.sequence.tokens[place], "text")
        of = self.read(node.of, moment)
        if isinstance(node, parser.Class):
            if node.name not in of.labels:
                said = f"{self.shown(node.of)} has no class of this name" if of.labels else "units have no names here"
                raise self.fail(said, node, quoted_near(node.name, of.labels), node.of.end + 1)
            first = of.labels.index(node.name)
            chosen, part = range(first, first + 1), slice(first, first + 1)
        else:
            part = node.slice
            chosen = range(of.size if of.shape is None else of.shape[0])[part]
        if of.kind == "text" or not chosen:
            noun, size = ("unit", of.size) if of.shape is None else ("row", of.shape[0])
            has = "no units" if of.kind == "text" else f"{size} {noun}{'s' * (size != 1)}, from 0"
            raise self.fail(f"{self.shown(node.of)} has {has}", node, place=node.of.end + 1)
        if of.shape is not None:
            return rows(of, chosen)
        units, stride = of.unit_of(chosen.start), of.stride * chosen.step
        values, labels = of.values[:, part], of.labels[part]
        known, unknown = (one if one.shape[1] == 1 else one[:, part] for one in (of.known, of.unknown))
        return replace(of, values=values, known=known, unknown=unknown, labels=labels, units=units, stride=stride)

    def block(self, node: parser.BlockNode, moment: Moment) -> Series:
        """Return some rows and columns of a matrix."""
        of, parts = self.read(node.of, moment), node.parts
        shape = self.shape_of(node.of)
        if of.shape is None and shape is not None:
            head: parser.Part = 0
            if len(parts) == 3:
                head, parts = parts[0], parts[1:]
            if len(parts) != 2 or (shape.heads > 1 and len(node.parts) == 2):
                raise self.fail(f"{self.shown(node.of)} has {shape.heads} heads: write the head, rows, columns",
                                node, place=node.of.end + 1)  # fmt: skip
            chosen = self.part(node, head, shape.heads, "head")
            if len(chosen) > 1:
                raise self.fail("one head at a time, as in S[0,2:5,1]", node, place=node.of.end + 1)
            of = laid_out(of, shape, chosen.start)
        if of.shape is None or of.kind == "text" or len(parts) != 2:
            said = (
                f"{self.shown(node.of)} has no rows and columns"
                if of.shape is None
                else "a row and a column, as W_f[2,3]"
            )
            raise self.fail(said, node, place=node.of.end + 1)
        lines, columns = (
            self.part(node, one, size, noun) for one, size, noun in zip(parts, of.shape, ("row", "column"), strict=True)
        )
        return block(of, lines, columns)

    def part(self, node: parser.BlockNode, part: parser.Part, size: int, noun: str) -> range:
        """Return which rows or columns are asked for."""
        assert not isinstance(part, str)
        chosen = range(size)[slice(*part)] if isinstance(part, tuple) else range(size)[part : part + 1 or None]
        if not chosen:
            said = f"{self.shown(node.of)} has {size} {noun}{'s' * (size != 1)}, from 0"
            raise self.fail(said, node, place=node.of.end + 1)
        return chosen

    def place(self, node: Node) -> int:
        """Return the place on the tape that `at=` names: by its number, or the first one of a token."""
        if isinstance(node, parser.TextNode):
            token = node.value
            if self.scope.comes and not (self.scope.tokens == self.scope.as_read(token)).any():
                return self.scope.steps
            return self.named(node, lambda: self.scope.place_of(token))
        number = place_number(node)
        if number is not None:
            return self.named(node, lambda: self.scope.place_numbered(number))
        raise self.fail('at= takes a token, such as at="bad", or a place, such as at=7', node)


def _laid_out_as(found: Series, of: Series) -> Series:
    """Return what was made entry by entry, with the numbers and names of the entries it was made of."""
    return replace(found, units=of.units, stride=of.stride, labels=of.labels, shape=of.shape, columns=of.columns)


def quoted_near(name: str, known: tuple[str, ...]) -> str | None:
    """Return the nearest of some texts, in quotes."""
    near = nearest(name, known)
    return near and f'"{near}"'
