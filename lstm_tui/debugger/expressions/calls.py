"""Functions of expressions to what they make of their arguments at every step of a range."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeVar

import numpy as np

from lstm_tui.debugger.expressions import parser
from lstm_tui.debugger.expressions.functions import FUNCTIONS, Function, saturated
from lstm_tui.debugger.expressions.matrix_parts import transposed
from lstm_tui.debugger.expressions.parser import ExpressionError, Node
from lstm_tui.debugger.expressions.scope import TOKENS, Moment, Scope
from lstm_tui.debugger.expressions.series import NOWHERE, Series, all_units, any_unit, counted, numbers, truths
from lstm_tui.debugger.expressions.shares import ALL_UNITS, Sought, Units, share_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.language.syntax import TRANSPOSE

KINDS = {"number": "a number", "truth": "true or false", "text": "a text"}
_Found = TypeVar("_Found")
_TOP = 5


class ArgumentReader(Protocol):
    """Who reads the arguments of a function."""

    @property
    def scope(self) -> Scope:
        """The run."""

    def read(self, node: Node, moment: Moment) -> Series:
        """Return what a node is at some steps."""

    def numeric(self, node: Node, moment: Moment) -> Series:
        """Return what a node is at some steps; it must be numbers."""

    def as_matrix(self, node: Node, moment: Moment) -> Series:
        """Return what a node is at some steps; a memory that is one matrix as such."""

    def fail(self, said: str, node: Node, near: str | None = None, place: int | None = None) -> ExpressionError:
        """Return the error for a node, or for another place in the text."""

    def shown(self, node: Node) -> str:
        """Return how a node was written, in short."""

    def named(self, node: Node, read: Callable[[], _Found]) -> _Found:
        """Look a name up, and say at its place what is wrong with it."""


@dataclass(frozen=True)
class Calls:
    """The calls of functions in an expression.

    Attributes:
        reader: Who reads their arguments.
    """

    reader: ArgumentReader

    def of(self, node: parser.CallNode, moment: Moment) -> Series:
        """Return what a function makes of its arguments at some steps."""
        function, fail, shown = FUNCTIONS[node.function], self.reader.fail, self.reader.shown
        if node.function == "share":
            return self._share(node, moment)
        if node.function == "sat":
            return self._saturation(node, moment)
        if node.function == "top":
            return self._top(node, moment)
        if node.function == TRANSPOSE:
            return transposed(self.reader.as_matrix(node.arguments[0], moment))
        if function.takes_truth == "truth" or (function.takes_truth and self._is_truth(node.arguments[0], moment)):
            return self._over_truths(node, function, moment)
        series = [self.reader.numeric(argument, moment) for argument in node.arguments]
        known = series[0].known
        for argument, one in zip(node.arguments[1:], series[1:], strict=True):
            known = known & one.known
            if one.size != series[0].size and 1 not in (one.size, series[0].size):
                first = shown(node.arguments[0])
                said = f"{first} has {series[0].size} units and {shown(argument)} {one.size}"
                raise fail(said, argument)
            if one.shape != series[0].shape and 1 not in (one.size, series[0].size):
                first = shown(node.arguments[0])
                raise fail(f"{shown(argument)} is {form(one)}, and {first} {form(series[0])}", argument)
        matrix = next((one.shape for one in series if one.shape is not None), None)
        if matrix is not None and function.takes == "vector":
            name = shown(node.arguments[0])
            raise fail(f"`{node.function}` takes a vector, such as a row: {name}[0]", node.arguments[0])
        if function.takes in ("matrix", "square"):
            if matrix is None:
                said = f"`{node.function}` takes a matrix, such as {self._matrix_here()}"
                raise fail(said, node.arguments[0])
            if function.takes == "square" and matrix[0] != matrix[1]:
                said = f"`{node.function}` takes a square matrix; {shown(node.arguments[0])} is {form(series[0])}"
                raise fail(said, node.arguments[0])
            assert function.apply is not None
            return replace(numbers(function.apply(series[0].values.reshape(matrix))[None, :], known), units=0)
        if node.function == "quantile" and series[1].size != 1:
            raise fail("which part is one number, such as .9", node.arguments[1])
        arrays = [one.values for one in series]
        if function.apply is None:
            assert node.function in ("max", "min")
            one_of, two = (np.max, np.maximum) if node.function == "max" else (np.min, np.minimum)
            found = two(*arrays) if len(arrays) == 2 else one_of(arrays[0], axis=1, keepdims=True)
            return replace(numbers(found, known, *series), shape=matrix if len(arrays) == 2 else None)
        result = function.apply(*arrays)
        if function.truth:  # isnan, isinf, isfinite: what they ask is known of a NaN as well
            return replace(truths(result, known, NOWHERE, *series), shape=matrix)
        classes = series[0].labels if node.function in ("argmax", "argmin") else ()
        return replace(
            numbers(result, known, *series), classes=classes, units=None if function.over else series[0].units,
            stride=series[0].stride, shape=None if function.over else matrix,
        )  # fmt: skip

    def _matrix_here(self) -> str:
        """Return the name of a matrix of the pass, or what one is called."""
        parameters = self.reader.scope.parameters(self.reader.scope.passed)
        return next((name for name, array in parameters.items() if array.ndim == 2), "one of its weights")

    def _is_truth(self, node: Node, moment: Moment) -> bool:
        """Say whether an argument is true or false."""
        return self.reader.read(node, replace(moment, stop=moment.start + 1)).kind == "truth"

    def _over_truths(self, node: parser.CallNode, function: Function, moment: Moment) -> Series:
        """Return what a function makes of a vector that is true or false unit by unit."""
        argument = node.arguments[0]
        series = self.reader.read(argument, moment)
        if series.kind != "truth":
            said = f"`{node.function}` asks about true or false; {self.reader.shown(argument)} is {KINDS[series.kind]}"
            raise self.reader.fail(said, argument)
        if function.truth:
            return any_unit(series) if node.function == "any" else all_units(series)
        assert function.apply is not None
        return counted(series, function.apply)

    def _top(self, node: parser.CallNode, moment: Moment) -> Series:
        """Return the units that are largest without their sign."""
        series = self.reader.numeric(node.arguments[0], moment)
        count = float(_TOP)
        if len(node.arguments) == 2:
            second = node.arguments[1]
            if not isinstance(second, parser.NumberNode) or not second.value.is_integer() or second.value < 1:
                raise self.reader.fail("`top` takes how many as a whole number", second)
            count = second.value
        order = np.argsort(-np.nan_to_num(np.abs(series.values), nan=np.inf), axis=1, kind="stable")
        order = order[:, : int(min(count, series.size))]
        labels: tuple[str, ...] = ()
        if len(order) == 1:  # at more steps than one they are other units at each
            labels = tuple(series.labels[u] if series.labels else series.entry_name(u) for u in order[0].tolist())
        values = np.take_along_axis(series.values, order, axis=1)
        return replace(series, values=values, labels=labels, units=None, stride=1, shape=None)

    def _saturation(self, node: parser.CallNode, moment: Moment) -> Series:
        """Return which part of some units is near an end of its range."""
        argument = node.arguments[0]
        value = argument
        while isinstance(value, parser.UnitsNode | parser.Shifted | parser.PreviousNode):
            value = value.of
        if not isinstance(value, parser.NameNode):
            raise self.reader.fail("`sat` takes a value, such as sat(i) or sat(i[0:8])", argument)
        name, series = value.name, self.reader.numeric(argument, moment)
        return self.reader.named(argument, lambda: saturated(self.reader.scope, name, series))

    def _share(self, node: parser.CallNode, moment: Moment) -> Series:
        """Return which part of a memory some tokens wrote."""
        who, scope = node.arguments[0], self.reader.scope
        if isinstance(who, parser.TextNode):
            places = np.flatnonzero(scope.tokens == scope.as_read(who.value))
        elif (number := token_place(who)) is not None:
            place = self.reader.named(who, lambda: scope.place_numbered(number))
            places = np.array([place] if place < scope.steps else [], np.int64)
        else:
            said = '`share` takes a token: share("not"), or share(tok[3]) for one place of the tape'
            raise self.reader.fail(said, who)
        what = node.arguments[1] if len(node.arguments) == 2 else None
        units: Units = ALL_UNITS
        if isinstance(what, parser.UnitsNode):
            units, what = (what.first, what.stop, what.step), what.of
        if what is not None and not isinstance(what, parser.NameNode):
            raise self.reader.fail("`share` takes a memory by name, such as c or c[17]", what)
        sought = Sought(None if what is None else what.name, tuple(int(place) for place in places), units)
        return self.reader.named(what or node, lambda: share_of(scope, sought, moment))


def token_place(node: Node) -> int | None:
    """Return the number in `tok[3]`, or in `tok[-1]`, which counts from the end of the tape; None of anything else."""
    if isinstance(node, parser.UnitsNode) and isinstance(node.of, parser.NameNode) and node.of.name == TOKENS:
        return node.one()
    return None


def place_number(node: Node) -> int | None:
    """Return the number of a place as `at=` takes it: `7`, `-1`, `tok[3]`; None of anything else."""
    if isinstance(node, parser.Inverse) and node.sign == "-":
        number = place_number(node.of) if isinstance(node.of, parser.NumberNode) else None
        return None if number is None else -number
    if isinstance(node, parser.NumberNode):
        return int(node.value) if node.value.is_integer() else None
    return token_place(node)


def form(of: Series) -> str:
    """Return whether something is a vector or a matrix, and of what size."""
    return "a vector" if of.shape is None else f"a matrix of {of.shape[0]} × {of.shape[1]}"
