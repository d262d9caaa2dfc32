"""Signs between values: arithmetic, comparisons, `and`, `or`, `not` and products with a matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.debugger.expressions import nodes
from lstm_tui.debugger.expressions.asking import KINDS, Asking, quoted_near
from lstm_tui.debugger.expressions.nodes import COMPARISONS, Node
from lstm_tui.debugger.expressions.scope import Moment
from lstm_tui.debugger.expressions.series import Series, both, compared, either, inverse, numbers

Array = NDArray[Any]
_ARITHMETIC: dict[str, Callable[[Array, Array], Array]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide,
}  # fmt: skip
_COMPARED: dict[str, Callable[[Array, Array], Any]] = {
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal, "!=": np.not_equal,
}  # fmt: skip


class Signs(Asking):
    """Reads what stands between two signs."""

    def inverse(self, node: nodes.Inverse, moment: Moment) -> Series:
        """Return `-v` or `not v`."""
        of = self.read(node.of, moment)
        wanted = "truth" if node.sign == "not" else "number"
        if of.kind != wanted:
            raise self.fail(f"{self.shown(node.of)} is {KINDS[of.kind]}, not {KINDS[wanted]}", node.of)
        return inverse(of) if wanted == "truth" else numbers(-of.values, of.known, of)

    def operation(self, node: nodes.Operation, moment: Moment) -> Series:
        """Return what a sign makes of its two sides."""
        if node.sign == "@":
            return self.product(node, moment)
        left, right = self.read(node.left, moment), self.read(node.right, moment)
        if node.sign in ("and", "or"):
            for side, series in ((node.left, left), (node.right, right)):
                if series.kind != "truth":
                    raise self.fail(f"{self.shown(side)} is {KINDS[series.kind]}, not true or false", side)
            self.check_sizes(node, left, right)
            return both(left, right) if node.sign == "and" else either(left, right)
        if node.sign in COMPARISONS:
            return self.comparison(node, left, right)
        for side, series in ((node.left, left), (node.right, right)):
            if series.kind != "number":
                raise self.fail(f"{self.shown(side)} is {KINDS[series.kind]}, not a number", side)
        self.check_sizes(node, left, right)
        result = numbers(_ARITHMETIC[node.sign](left.values, right.values), left.known & right.known, left, right)
        wider = left if left.size >= right.size else right
        return replace(result, units=wider.units, labels=wider.labels)

    def comparison(self, node: nodes.Operation, left: Series, right: Series) -> Series:
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
        return replace(result, units=wider.units, labels=wider.labels)

    def as_read(self, texts: Array) -> Array:
        """Return tokens as the network reads them."""
        if not self.scope.lowercase:
            return texts
        read = np.empty_like(texts)
        read[:, 0] = [text.lower() for text in texts[:, 0]]
        return read

    def by_class(self, node: Node, series: Series, other: Series) -> Series:
        """Return the number of a class where its name is compared with such a number."""
        if not isinstance(node, nodes.Text) or not other.classes:
            return series
        if node.value not in other.classes:
            raise self.fail("there is no class of this name", node, quoted_near(node.value, other.classes))
        return Series.constant(float(other.classes.index(node.value)))

    def check_sizes(self, node: nodes.Operation, left: Series, right: Series) -> None:
        """Refuse two vectors of different lengths."""
        if left.size != right.size and 1 not in (left.size, right.size):
            said = f"{self.shown(node.left)} has {left.size} units and {self.shown(node.right)} {right.size}"
            raise self.fail(said, node, place=node.place)

    def product(self, node: nodes.Operation, moment: Moment) -> Series:
        """Return a matrix times a vector."""
        if not isinstance(node.left, nodes.Name):
            raise self.fail("left of @ stands one matrix, by name", node.left)
        name = node.left.name
        matrix = self.named(node.left, lambda: self.scope.matrix(name)).astype(np.float64)
        vector = self.numeric(node.right, moment)
        if vector.size not in (1, matrix.shape[1]):
            said = f"{name} has {matrix.shape[1]} columns and {self.shown(node.right)} {vector.size} units"
            raise self.fail(said, node, place=node.place)
        spread = np.broadcast_to(vector.values, (len(vector.values), matrix.shape[1]))
        return numbers(spread @ matrix.T, vector.known, vector)
