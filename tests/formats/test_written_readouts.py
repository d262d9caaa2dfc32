"""A readout written from values says what the values are, by plain arrays: parts, joins, ops and what is over steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from present import present

import lstm_tui
from lstm_tui.formats.importers.assemble import assemble
from lstm_tui.formats.importers.equations_of_values import page_of
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.plan import Plan, Recurrent
from lstm_tui.formats.importers.values import PartValue, Reduced, State, Value, evaluate, joined

STEPS = 5


def said(value: Value, top: State, hidden: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what a network with that readout says, and what the value is of the states it ran through."""
    random = np.random.default_rng(hidden)
    given = {name: random.normal(0, 0.7, shape).astype(np.float32)
             for name, shape in (("W_h", (hidden, 2)), ("U_h", (hidden, hidden)), ("b_h", (hidden,)))}  # fmt: skip
    part = Recurrent("rnn", "rnn", hidden, 2, [("forward", given)])
    page = page_of(value, [top], {id(top): "layer0.forward.h"})
    network = assemble(Plan("net", [part], readout=page), ImportReport("net"), "net", "")
    trace = lstm_tui.trace(random.normal(size=(STEPS, 2)).astype(np.float32), network)
    rows = trace["layer0.forward"]["h"]
    mine = present(trace.output if value.series else trace.result)
    return mine, evaluate(value, {id(top): rows}, STEPS).reshape(np.shape(mine))


def test_every_part_of_a_state_is_those_units() -> None:
    for hidden in (1, 2, 4, 6, 9):
        for start in range(hidden):
            for width in range(1, hidden - start + (start > 0)):
                top = State(None, 0, "h", hidden)
                np.testing.assert_allclose(*said(PartValue(top, start, width), top, hidden), atol=1e-6)


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(1, 8)), min_size=1, max_size=4), st.booleans())
def test_parts_end_to_end_of_all_steps_or_the_last(parts: list[tuple[int, int]], last: bool) -> None:
    top = State(None, 0, "h", 8)
    of: Value = Reduced("last", top) if last else top
    value = joined([PartValue(of, start, min(width, 8 - start)) for start, width in parts])
    np.testing.assert_allclose(*said(value, top, 8), atol=1e-6)


@pytest.mark.parametrize("start", [0, 1, 2])
def test_a_half_is_a_half_wherever_it_begins(start: int) -> None:
    """Two of four units: `part` takes the first or the second half, and no other."""
    top = State(None, 0, "h", 4)
    mine, rows = said(PartValue(top, start, 2), top, 4)
    np.testing.assert_allclose(mine, rows)
