"""Forms of an edit that say what is wanted do it: a gate that is to shut is 0, one that is to open 1."""

from __future__ import annotations

import numpy as np
import pytest
from registries import sampled

from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.edits.suggest import forms_at
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.compiler.roles import ranges_of, roles_of
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.model.sequence import Sequence


@pytest.mark.parametrize("cell", sampled(cell_names(), 6))
def test_a_gate_is_shut_or_opened_and_a_memory_erased_by_what_is_said(cell: str) -> None:
    free = {size.letter for size in load_cell(cell).sizes.values()} - {"H", "I", None}
    layer = {
        "cell": cell,
        "hidden_size": 4,
        "directions": ["forward"],
        "sizes": {letter: 2 for letter in free if letter},
    }
    network = build_network({"name": cell, "input_size": 4, "layers": [layer]})
    numbers = np.random.default_rng(1).normal(size=(5, 4))
    session = Session.open(Source(network, [Sequence("numbers", tuple("abcde"), x=numbers.astype(np.float32))]))
    session.goto(2)
    passed = session.frame.passed
    for value in passed.cell.values:
        forms = forms_at(session, value, 1, 2, on_tape=False)
        meant = {
            form.words: form.line for form in forms if "here: this gate" in form.words or "this gate " in form.words
        }
        gate = ranges_of(passed.cell).get(value) == (0, 1)
        assert len(meant) == (2 if gate else 0), value
        erases = [form.line for form in forms if form.words == "erase this memory here"]
        for words, line in (*meant.items(), *(("shut", line) for line in erases)):
            edited = session.fork()
            edited.edit(parse_edit(line))
            now = edited.frame.trace["layer0.forward"][value][2]
            unit = min(1, len(now) - 1)
            assert now[unit] == (0 if "shut" in words else 1)
            assert np.array_equal(np.delete(now, unit), np.delete(passed[value][2], unit))
        if gate and roles_of(passed.cell).get(value) == "keeps":
            assert any(words.startswith("forget here") for words in meant)
