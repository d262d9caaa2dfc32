"""What a step keeps and writes adds up to the memory after it, on every cell; the whole-run flow says the same."""

from __future__ import annotations

import numpy as np
import pytest
from made_networks import EVERY_CELL, called, make_initial, make_input, make_network
from present import present

from lstm_tui.analysis.ledger import flow_of
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.inspect.state_update import UpdatePart, parts_of_step
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.compiler.roles import memory_of, update_of
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import PassTrace, Trace

STEPS = 5


def trace_of(name: str) -> Trace:
    network = make_network(name, 2, seed=4, directions=("forward", "backward"))
    sequence = Sequence("numbers", tuple("abcde"), x=make_input(network, STEPS))
    return run(network, sequence, dtype="float64", initial=make_initial(network))


def by_kind(parts: tuple[UpdatePart, ...]) -> dict[str, list[UpdatePart]]:
    return {
        kind: [one for one in parts if one.kind == kind] for kind in ("before", "kept", "written", "after", "hidden")
    }


@pytest.mark.parametrize("name", EVERY_CELL, ids=called)
def test_kept_and_written_add_up_to_the_memory(name: str) -> None:
    for passed in trace_of(name).values():
        memory = memory_of(passed.cell)
        flow = flow_of(passed, memory)
        for t in range(STEPS):
            found = by_kind(parts_of_step(passed, memory, t, 1))
            (before,), (after,) = found["before"], found["after"]
            assert (before.number, after.number) == (passed.previous(memory, t)[1], passed[memory][t][1])
            assert len(found["hidden"]) == (passed.cell.output != memory and not projected(passed, memory))
            if update_of(passed.cell, memory) is None:
                assert not found["kept"]
                continue
            assert flow is not None
            step, total = passed.reading_step(t), 0.0
            (kept,) = found["kept"]
            assert kept.number == pytest.approx(flow.keep[step, 1] * before.number, abs=1e-12)
            for part in (kept, *found["written"]):
                assert part.start == pytest.approx(0.0 if part is kept else total, abs=1e-12)
                assert part.number is not None
                total += part.number
            assert total == pytest.approx(after.number, abs=1e-12)


def projected(passed: PassTrace, memory: str) -> bool:
    return bool(passed[passed.cell.output].shape != passed[memory].shape)


def test_the_parts_of_an_lstm_by_hand() -> None:
    passed = trace_of("lstm")["layer0.forward"]
    values = {name: passed[name][2, 3] for name in "figoch"}
    parts = parts_of_step(passed, "c", 2, 3)
    old = passed["c"][1, 3]
    assert [(part.kind, part.text, part.values) for part in parts] == [
        ("before", "c'", ()),
        ("kept", "f · c'", ("f",)),
        ("written", "i · g", ("i", "g")),
        ("after", "c", ("c",)),
        ("hidden", "o · tanh(c)", ("o", "c", "h")),
    ]
    numbers = [old, values["f"] * old, values["i"] * values["g"], values["c"], values["h"]]
    np.testing.assert_allclose([present(part.number) for part in parts], numbers, rtol=0, atol=1e-15)


def test_what_an_edit_puts_into_a_memory_is_a_part_of_its_own() -> None:
    network = make_network("lstm")
    session = Session.open(Source(network, [Sequence("numbers", tuple("abcde"), x=make_input(network, STEPS))]))
    session.edit(parse_edit("set layer0.forward.c[3] @ 2 = 2"))
    passed = session.frame.trace["layer0.forward"]
    parts = parts_of_step(passed, "c", 2, 3)
    edit = next(part for part in parts if part.kind == "edit")
    assert parts[-2].number == 2.0
    assert sum(part.number or 0 for part in parts if part.kind in ("kept", "written", "edit")) == pytest.approx(2.0)
    assert edit.start == pytest.approx(2.0 - (edit.number or 0))
