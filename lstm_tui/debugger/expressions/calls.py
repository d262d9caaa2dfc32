"""Calls of functions, on all steps at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.debugger.expressions import nodes
from lstm_tui.debugger.expressions.asking import KINDS, Asking, token_place
from lstm_tui.debugger.expressions.functions import FUNCTIONS, Function
from lstm_tui.debugger.expressions.nodes import Node
from lstm_tui.debugger.expressions.saturation import saturated
from lstm_tui.debugger.expressions.scope import Moment
from lstm_tui.debugger.expressions.series import NOWHERE, Series, all_units, any_unit, counted, numbers, truths
from lstm_tui.debugger.expressions.shares import Sought, share_of

Array = NDArray[Any]
_TOP = 5


class Calls(Asking):
    """Reads calls."""

    def call(self, node: nodes.Call, moment: Moment) -> Series:
        """Return what a function makes of its arguments."""
        function = FUNCTIONS[node.function]
        if node.function == "share":
            return self.share(node, moment)
        if node.function == "sat":
            return self.saturation(node, moment)
        if node.function == "top":
            return self.top(node, moment)
        if function.takes_truth == "truth" or (function.takes_truth and self.is_truth(node.arguments[0], moment)):
            return self.over_truths(node, function, moment)
        series = [self.numeric(argument, moment) for argument in node.arguments]
        known = series[0].known
        for argument, one in zip(node.arguments[1:], series[1:], strict=True):
            known = known & one.known
            if one.size != series[0].size and 1 not in (one.size, series[0].size):
                first = self.shown(node.arguments[0])
                said = f"{first} has {series[0].size} units and {self.shown(argument)} {one.size}"
                raise self.fail(said, argument)
        arrays = [one.values for one in series]
        if function.apply is None:
            assert node.function in ("max", "min")
            one_of, two = (np.max, np.maximum) if node.function == "max" else (np.min, np.minimum)
            found = two(*arrays) if len(arrays) == 2 else one_of(arrays[0], axis=1, keepdims=True)
            return numbers(found, known, *series)
        result = function.apply(*arrays)
        if function.truth:  # isnan, isinf, isfinite: what they ask is known of a NaN as well
            return truths(result, known, NOWHERE, *series)
        classes = series[0].labels if node.function in ("argmax", "argmin") else ()
        return replace(
            numbers(result, known, *series), classes=classes, units=None if function.over else series[0].units
        )

    def is_truth(self, node: Node, moment: Moment) -> bool:
        """Say whether an argument is true or false."""
        return self.read(node, replace(moment, stop=moment.start + 1)).kind == "truth"

    def over_truths(self, node: nodes.Call, function: Function, moment: Moment) -> Series:
        """Return what a function makes of a vector that is true or false unit by unit."""
        argument = node.arguments[0]
        series = self.read(argument, moment)
        if series.kind != "truth":
            said = f"`{node.function}` asks about true or false; {self.shown(argument)} is {KINDS[series.kind]}"
            raise self.fail(said, argument)
        if function.truth:
            return any_unit(series) if node.function == "any" else all_units(series)
        assert function.apply is not None
        return counted(series, function.apply)

    def top(self, node: nodes.Call, moment: Moment) -> Series:
        """Return the units that are largest without their sign."""
        series = self.numeric(node.arguments[0], moment)
        count = float(_TOP)
        if len(node.arguments) == 2:
            second = node.arguments[1]
            if not isinstance(second, nodes.Number) or not second.value.is_integer() or second.value < 1:
                raise self.fail("`top` takes how many as a whole number", second)
            count = second.value
        order = np.argsort(-np.nan_to_num(np.abs(series.values), nan=np.inf), axis=1, kind="stable")
        order = order[:, : int(min(count, series.size))]
        labels: tuple[str, ...] = ()
        if len(order) == 1:  # at more steps than one they are other units at each
            labels = tuple(series.labels[u] if series.labels else f"[{(series.units or 0) + u}]" for u in order[0])
        return replace(series, values=np.take_along_axis(series.values, order, axis=1), labels=labels, units=None)

    def saturation(self, node: nodes.Call, moment: Moment) -> Series:
        """Return which part of some units is near an end of its range."""
        argument = node.arguments[0]
        value = argument
        while isinstance(value, nodes.Units | nodes.Shifted | nodes.Previous):
            value = value.of
        if not isinstance(value, nodes.Name):
            raise self.fail("`sat` takes a value, such as sat(i) or sat(i[0:8])", argument)
        name, series = value.name, self.numeric(argument, moment)
        return self.named(argument, lambda: saturated(self.scope, name, series))

    def share(self, node: nodes.Call, moment: Moment) -> Series:
        """Return which part of a memory some tokens wrote."""
        who = node.arguments[0]
        if isinstance(who, nodes.Text):
            places = np.flatnonzero(self.scope.tokens == self.scope.as_read(who.value))
        elif (place := token_place(who)) is not None and place < self.scope.steps:
            places = np.array([place])
        else:
            raise self.fail('`share` takes a token: share("not"), or share(tok[3]) for one place of the tape', who)
        what = node.arguments[1] if len(node.arguments) == 2 else None
        units: tuple[int, int | None] = (0, None)
        if isinstance(what, nodes.Units):
            units, what = (what.first, what.stop), what.of
        if what is not None and not isinstance(what, nodes.Name):
            raise self.fail("`share` takes a memory by name, such as c or c[17]", what)
        sought = Sought(None if what is None else what.name, tuple(int(place) for place in places), units)
        return self.named(what or node, lambda: share_of(self.scope, sought, moment))
