"""Layers that read more than the one below shows: what is carried past the layers between is what they read."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import lstm_tui
from lstm_tui.engine.arrays import Array
from lstm_tui.formats.importers.assemble import assemble
from lstm_tui.formats.importers.carried import between, entering_each, padding_of, passing, shown_with
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.plan import Activation, AffineScale, Dense, Norm, Plan, Recurrent
from lstm_tui.formats.importers.values import (
    Combined,
    Given,
    OpValue,
    PartValue,
    Reduced,
    Spread,
    State,
    Value,
    evaluate,
    joined,
    sources,
)

STEPS = 5


class _Drawn:
    """Layers in a row, each of which reads something made of the input and of any states below it."""

    def __init__(self, seed: int) -> None:
        self.plan, self.numbers = random.Random(seed), np.random.default_rng(seed)
        self.x = Given("x", self.plan.choice((2, 3, 4)))
        self.made: list[Value] = [self.x]
        self.layers: list[tuple[Value, list[State], Recurrent]] = []
        for n in range(self.plan.choice((1, 2, 3, 4))):
            value = self._value()
            self._layer(n, value)
            self.made += self.layers[-1][1]

    def array(self, *shape: int) -> Array:
        return self.numbers.normal(size=shape).astype(np.float32)

    def _value(self) -> Value:
        value = self.plan.choice(self.made[-3:])
        for _ in range(self.plan.choice((0, 1, 2, 4))):
            other, kind = self.plan.choice(self.made), self.plan.randrange(6)
            if kind == 0:
                value = joined([value, other])
            elif kind == 1 and other.width == value.width:
                value = Combined(self.plan.choice(("add", "mul", "max")), value, other)
            elif kind == 2 and value.width > 1:
                value = PartValue(value, 1, value.width - 1)
            elif kind == 3:
                value = OpValue(Activation("squash", "tanh"), value)
            elif kind == 4:
                value = OpValue(Norm("norm", 1e-3, self.array(value.width), self.array(value.width)), value)
            else:
                value = OpValue(Dense("dense", self.array(3, value.width), self.array(3)), value)
            self.made.append(value)
        return value

    def _layer(self, n: int, value: Value) -> None:
        hidden, ways = self.plan.choice((2, 3)), self.plan.choice((["forward"], ["backward"], ["forward", "backward"]))
        passes = [(way, {"W_h": self.array(hidden, value.width), "U_h": self.array(hidden, hidden)}) for way in ways]
        states = [State(n, one, "h", hidden) for one in range(len(ways))]
        self.layers.append((value, states, Recurrent(f"l{n}", "rnn", hidden, value.width, passes, without=("b_h",))))

    def by_hand(self, x: Array) -> list[list[Array]]:
        """Return the states of each layer, by loops of NumPy."""
        known: dict[int, Array] = {id(self.x): x}
        shown: list[list[Array]] = []
        for value, states, part in self.layers:
            rows = evaluate(value, known, STEPS)
            shown.append([])
            for state, (way, given) in zip(states, part.passes, strict=True):
                h, made = np.zeros(part.hidden), np.zeros((STEPS, part.hidden))
                for t in range(STEPS) if way == "forward" else reversed(range(STEPS)):
                    made[t] = h = np.tanh(given["W_h"] @ rows[t] + given["U_h"] @ h)
                known[id(state)] = made
                shown[-1].append(made)
        return shown

    def row(self) -> list[Any]:
        """Return what stands in a plan for these layers."""
        reads, states = [one for one, _, _ in self.layers], [one for _, one, _ in self.layers]
        given = entering_each(reads, states, self.x)
        assert given is not None
        below: list[Value] = [self.x]
        chain: list[Any] = []
        for n, (_, own, part) in enumerate(self.layers):
            padding = padding_of(given[n])
            page = between(given[n], below, padding)
            chain += [] if page is None else [page]
            last = n == len(self.layers) - 1
            chain.append(part if last else passing(part, sum(one.width for one in given[n][1:]) + padding))
            below = shown_with(own, given[n], padding)
        return chain


@pytest.mark.parametrize("seed", range(60))
def test_every_layer_of_a_row_reads_what_it_is_given_by_hand(seed: int) -> None:
    drawn = _Drawn(seed)
    x = drawn.array(STEPS, drawn.x.width)
    network = assemble(Plan("row", drawn.row()), ImportReport("row"), "row", "")
    trace = lstm_tui.trace(x, network)
    mine = [
        [trace[one.name]["h"] for one in layer.passes]
        for layer in network.layers
        if not layer.passes[0].cell.name.startswith("steps_")
    ]
    for own, expected in zip(mine, drawn.by_hand(x), strict=True):
        for one, other in zip(own, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=2e-5)


def test_what_needs_all_steps_goes_past_no_layer_unless_it_enters_so() -> None:
    x = Given("x", 2)
    centred = Combined("sub", x, Spread(Reduced("last", x)))
    above = [[State(0, 0, "h", 2)], [State(1, 0, "h", 2)]]
    assert entering_each([x, Combined("add", above[0][0], centred)], above, x) is None
    added = Combined("add", above[0][0], centred)
    assert entering_each([centred, added], above, centred) == [(centred,), (added,)]


def test_another_input_or_a_memory_goes_past_no_layer() -> None:
    x, other = Given("x", 2), Given("other", 2)
    assert entering_each([Combined("add", x, other)], [[]], x) is None
    memory = State(0, 0, "c", 2)
    below = [[State(0, 0, "h", 2)], [State(1, 0, "h", 2)]]
    assert entering_each([x, Combined("add", x, memory)], below, x) is None


def test_a_row_that_needs_nothing_carried_is_given_nothing_more() -> None:
    x = Given("x", 2)
    below = [[State(0, 0, "h", 2)], [State(1, 0, "h", 2)]]
    scaled = OpValue(AffineScale("scaled", np.ones(2, np.float32), np.ones(2, np.float32)), below[0][0])
    given = entering_each([x, scaled], below, x)
    assert given == [(x,), (scaled,)]
    assert between(given[0], [x], 0) is None


def test_a_value_that_is_read_again_and_again_is_looked_into_once() -> None:
    value: Value = Given("x", 2)
    leaf = value
    for _ in range(200):  # looked into each time that it is read, this would never end
        value = Combined("add", value, value)
    assert sources(value) == [leaf]
