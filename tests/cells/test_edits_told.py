"""What is told of an edit is what ran: over every verb that edits, on every cell, with its masks and fixed values."""

from __future__ import annotations

import re

import numpy as np
import pytest
from made_networks import EVERY_CELL, called, make_input, make_network
from registries import sampled

from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.edits.language import ValueEdit
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.trace import Trace

STEPS = 4
AFTER = re.compile(
    r"(?P<before>\S+) → (?P<after>\S+?)(?: \(its equation gives (?P<low>\S+) to (?P<high>\S+)\))?(?:;.*)?$"
)


def session_of(cell: str, dtype: str = "float64") -> Session:
    network = make_network(cell, 1, seed=5, directions=("forward", "backward"))
    return Session.open(
        Source(network, [Sequence("numbers", tuple("abcd"), x=make_input(network, STEPS))], dtype=dtype)
    )


def bits(trace: Trace) -> dict[str, bytes]:
    """Return the bits of every value; one 0 is as good as another."""
    return {f"{name}.{value}": (series + 0.0).tobytes() for name in trace for value, series in trace[name].items()}


def says(text: str, number: float) -> bool:
    """Say whether a number is told by a text that has two places, or three figures."""
    told = float(text)
    if not np.isfinite(number):
        return str(told) == str(float(number))
    return abs(told - number) <= 0.00501 or abs(told - number) <= 0.006 * abs(number)


@pytest.mark.parametrize("cell", sampled(EVERY_CELL, 5), ids=called)
def test_a_weight_is_told_as_the_network_that_ran_has_it_or_refused(cell: str) -> None:
    session = session_of(cell)
    masked = 0
    for one in session.edits.opened_network.passes[:1]:
        for name, parameter in one.program.parameters.items():
            places = [(0,) * len(parameter.shape), tuple(size - 1 for size in parameter.shape)]
            if len(parameter.shape) == 2:
                places += [(0, parameter.shape[1] - 1), (parameter.shape[0] - 1, 0)]
            for place in dict.fromkeys(places):
                line = f"weight {one.name}/{name}[{','.join(map(str, place))}] = 5"
                before = session.frame
                if parameter.mask is not None and not parameter.mask[place]:
                    with pytest.raises(UserError, match=r"the mask of .* keeps that part of .* at 0"):
                        answer(session, line)
                    assert session.frame is before
                    masked += 1
                    continue
                said = answer(session, line)[0]
                assert session.frame.trace.network is not None
                now = session.frame.trace.network.tensors()[f"{one.name}/{name}"][place]
                match = AFTER.search(said)
                assert match, said
                assert says(match["after"], now), said
                assert now == 5
                assert ("no number of this run changed" in said) == (bits(before.trace) == bits(session.frame.trace))
                session.undo()
    assert bool(masked) == (called(cell) == "clockwork") or not session.edits.opened_network.passes[0].cell.mask


@pytest.mark.parametrize("cell", sampled(EVERY_CELL, 5), ids=called)
def test_a_value_is_told_as_it_ran(cell: str) -> None:
    session = session_of(cell, "float32")  # in which 1e300 is infinite
    for passed in list(session.frame.trace.values()):
        for value in (*passed, "x"):
            for line in ("set {}[0] @ 1 = 1e300", "scale {}[0] @ 2 * 0.5", "set {}[0] @ 3 = -0.25"):
                before = session.frame.trace
                edit = parse_edit(line.format(f"{passed.name}.{value}"))
                assert isinstance(edit, ValueEdit)
                session.edit(edit)
                said = session.words[session.history.done - 1]
                after = session.frame.trace[passed.name]
                t = edit.steps[0]
                now = float((after.inputs["x"] if value == "x" else after[value])[t, 0])
                match = AFTER.search(said)
                assert match, said
                assert says(match["after"], now), (line, said, now)
                if match["low"]:
                    low, high = float(match["low"]), float(match["high"])
                    computed = before[passed.name][value]
                    assert not low <= now <= high, said
                    assert ((low <= computed) & (computed <= high)).all(), said
                changed = {name for name, series in bits(session.frame.trace).items() if series != bits(before)[name]}
                own = {f"{passed.name}.{value}"}
                if "nothing else of this run changed" in said:
                    assert changed == own, said
                assert ("no number of this run changed" in said) == (
                    not changed and np.array_equal(before[passed.name].inputs["x"], after.inputs["x"])
                )
                session.undo()


@pytest.mark.parametrize("cell", sampled(EVERY_CELL, 5), ids=called)
def test_what_a_pin_holds_stays_where_an_equation_is_written_anew_and_the_other_way_round(cell: str) -> None:
    session = session_of(cell)
    name = "layer0.forward"
    for value in list(session.frame.trace[name]):
        try:
            answer(session, f"let {name}.{value} = 0.5")
        except UserError:
            continue  # a value of another size, or one that reads so now
        said = answer(session, f"set {name}.{value}[0] @ 1 = 0.125")[0]
        assert "0.50 → 0.12" in said or "0.50 → 0.13" in said, said
        assert session.frame.trace[name][value][1, 0] == 0.125
        said = answer(session, f"let {name}.{value} = 0.25")[0]
        assert f"where an edit holds {value}, that stays" in said
        assert session.frame.trace[name][value][1, 0] == 0.125
        assert session.frame.trace[name][value][0, 0] == 0.25
        said = answer(session, f"set {name}.{value}[0] @ 1 = 0.125")[0]
        assert said.endswith("no number of this run changed"), said
        session.keep_edits(0)


@pytest.mark.parametrize("cell", EVERY_CELL, ids=called)
def test_a_fixed_value_and_what_is_not_there_is_refused_in_one_line(cell: str) -> None:
    session = session_of(cell)
    before = session.frame
    fixed = list(session.edits.opened_network.passes[0].cell.fixed)
    value = next(iter(before.trace["layer0.forward"]))
    lines = [
        *(f"set layer0.forward.{name}[0] @ 0 = 1" for name in fixed),
        *(f"weight layer0.forward/{name}[0] = 1" for name in fixed),
        f"set layer0.forward.{value}[0] @ 99 = 1", f"set layer0.forward.{value}[99] @ 0 = 1",
        "weight layer0.forward/nothing = 1", "set layer0.forward.nothing[0] @ 0 = 1", "remove 0",
    ]  # fmt: skip
    for line in lines:
        with pytest.raises(UserError) as caught:
            answer(session, line)
        assert "\n" not in str(caught.value)
        assert session.frame is before
