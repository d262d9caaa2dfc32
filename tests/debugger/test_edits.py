"""Edits: they do what they say, everything after them follows, and undoing them gives the same bits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from edited_networks import WORDS, sentence, stacked
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.debugger.edits.apply import apply
from lstm_tui.debugger.edits.describe import describe
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.edits.language import CutEdit, Edit, TokenEdit, ValueEdit, WeightEdit
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime import reference
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.storage import prepare
from lstm_tui.engine.runtime.trace import Trace

Change = Callable[[str, int, str, np.ndarray], None]


def by_hand(network: Network, x: np.ndarray, change: Change) -> dict[str, dict[str, np.ndarray]]:
    """Run a network op by op, and call `change` on every value as soon as it is there."""
    found: dict[str, dict[str, np.ndarray]] = {}
    source = x
    for layer in network.layers:
        outputs = []
        for one in layer.passes:
            forward = one.direction == "forward"
            tape = source.copy()
            for t in range(len(tape)):
                change(one.name, t, "x", tape[t])
            program = one.program
            inputs = {"x": tape if forward else np.ascontiguousarray(tape[::-1])}
            rows = prepare(program, one.flat, inputs, program.initial_states(one.flat), 0, len(x))
            for step in range(len(x)):
                t = step if forward else len(x) - 1 - step
                for number, name in enumerate(one.cell.values):
                    for instruction in program.instructions_of(number):
                        if not instruction.hoisted:
                            reference.execute(program, instruction, one.flat, rows, step)
                    slot = program.values[name]
                    change(one.name, t, name, rows[step + 1, slot.offset : slot.offset + slot.size])
            order = slice(None, None, 1 if forward else -1)
            found[one.name] = {
                name: rows[1:, slot.offset : slot.offset + slot.size][order] for name, slot in program.values.items()
            }
            outputs.append(found[one.name][one.cell.output])
        both = np.concatenate(outputs, axis=1) if layer.merge == "concat" else (outputs[0] + outputs[1]) / np.float32(2)
        source = np.ascontiguousarray(both)
    return found


def change_of(edits: list[ValueEdit]) -> Change:
    def change(pass_name: str, t: int, value: str, numbers: np.ndarray) -> None:
        for edit in edits:
            first, last = edit.steps
            if (edit.pass_name, edit.value) == (pass_name, value) and (first or 0) <= t < (
                99 if last is None else last
            ):
                units = slice(*edit.units)
                numbers[units] = edit.number if edit.verb == "set" else numbers[units] * np.float32(edit.number)

    return change


VALUE_EDITS = [
    ["set layer0.forward.f[1] @ 2 = 0"],
    ["set layer0.backward.c[:] @ 1:4 = 0.5", "scale layer1.forward.i[0:2] @ : * 0.5"],
    ["scale layer0.forward.c[:] @ 3 * -2", "set layer1.backward.h[2] @ 0 = 1"],
    ["set layer0.forward.x[0] @ 0 = 3", "set layer1.backward.x[1:3] @ 4 = -1", "scale layer1.backward.o[:] @ 2:5 * 0"],
]


@pytest.mark.parametrize("lines", VALUE_EDITS)
def test_a_value_edit_gives_the_bits_of_a_run_taken_op_by_op_and_changed_by_hand(lines: list[str]) -> None:
    network = stacked()
    sequence = sentence(network)
    edits = [parse_edit(line) for line in lines]
    edited = Session.open(Source(network, [sequence]))
    trace = edited.edit(*edits).trace
    assert network.embedding is not None
    assert sequence.ids is not None
    expected = by_hand(
        network, network.embedding[sequence.ids], change_of([e for e in edits if isinstance(e, ValueEdit)])
    )
    for name, values in expected.items():
        for value, numbers in values.items():
            np.testing.assert_array_equal(trace[name][value], numbers, err_msg=f"{name} {value}")


@pytest.mark.parametrize("interpreter", ["numpy", "numba"])
def test_a_later_value_edit_of_a_pass_leaves_all_it_had_read_before_untouched(interpreter: str) -> None:
    network = stacked()
    session = Session.open(Source(network, [sentence(network)], interpreter=interpreter))
    difference = session.edit(parse_edit("set layer0.forward.c[0] @ 2 = 2")).difference
    assert difference is not None
    changed = difference.changed("layer0.forward", "c")
    assert not changed[:2].any()
    assert changed[2].tolist() == [True, False, False, False]
    assert changed[3:].any()
    assert not difference.changed("layer0.backward", "c").any()
    assert difference.changed("layer1.backward", "c").any()


def test_token_edits_are_those_of_the_text_itself() -> None:
    network = stacked()
    session = Session.open(Source(network, [sentence(network)]))
    for line in ('replace 4 "good"', 'insert 1 "good"', "remove 4"):
        session.edit(parse_edit(line))
    frame = session.frame
    assert frame.trace.sequence.tokens == ("The", "good", "movie", "was", "good")
    assert frame.trace.edits == ('replace 4 "good"', 'insert 1 "good"', "remove 4")
    plain = run(network, sentence(network, "The good movie was good"))
    assert frame.trace.result is not None
    np.testing.assert_array_equal(frame.trace.result, plain.result)
    assert frame.difference is not None
    assert frame.difference.origins == (0, None, 1, 2, 4)
    assert [(c.before, c.after) for c in frame.difference.columns] == [
        (0, 0),
        (None, 1),
        (1, 2),
        (2, 3),
        (3, None),
        (4, 4),
    ]
    assert frame.difference.replaced(4)
    assert not frame.difference.replaced(2)


def test_a_pin_moves_with_the_tokens_it_was_put_on() -> None:
    network = stacked()
    edits = [
        parse_edit(line) for line in ("set layer0.forward.f[0] @ 2:4 = 0", 'insert 1 "good"', "remove 0", "remove 1")
    ]
    assert apply(edits[:1], network, sentence(network)).holds[0].steps == (2, 4)
    assert apply(edits[:2], network, sentence(network)).holds[0].steps == (3, 5)
    assert apply(edits[:3], network, sentence(network)).holds[0].steps == (2, 4)
    assert apply(edits, network, sentence(network)).holds[0].steps == (1, 3)


def test_a_pin_is_gone_with_the_only_token_it_was_put_on() -> None:
    network = stacked()
    edits = [parse_edit(line) for line in ("set layer0.forward.f[0] @ 2 = 0", "remove 2")]
    assert apply(edits, network, sentence(network)).holds == ()


def test_a_weight_edit_leaves_the_network_that_was_opened_as_it_was() -> None:
    network = stacked()
    before = {name: view.copy() for name, view in network.tensors().items()}
    session = Session.open(Source(network, [sentence(network)]))
    frame = session.edit(parse_edit("weight layer0.forward/b_f[2] = -4"), parse_edit("weight layer0.backward/U_f * 0"))
    assert frame.trace.network is not None
    changed = frame.trace.network.tensors()
    assert changed["layer0.forward/b_f"][2] == -4
    assert not changed["layer0.backward/U_f"].any()
    for name, view in network.tensors().items():
        np.testing.assert_array_equal(view, before[name])
    assert frame.difference is not None
    assert frame.difference.result is not None
    assert frame.difference.result.any()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("remove 9", "no place 9"),
        ("set layer0.forward.ff[0] @ 0 = 1", "did you mean f?"),
        ("set layer7.forward.f[0] @ 0 = 1", "there is no pass layer7.forward"),
        ("set layer0.forward.f[9] @ 0 = 1", "4 units"),
        ("set layer0.forward.f[0] @ 9 = 1", "5 tokens"),
        ("weight layer0.forward/b_q = 1", "did you mean"),
        ("weight layer0.forward/b_f[0,0] = 1", "1 index"),
        ("weight layer0.forward/W_f[0,99] = 1", "4×5"),
    ],
)
def test_an_edit_of_what_is_not_there_is_one_line_and_changes_nothing(line: str, words: str) -> None:
    network = stacked()
    session = Session.open(Source(network, [sentence(network)]))
    before = session.frame
    with pytest.raises(UserError, match=None) as caught:
        session.edit(parse_edit(line))
    assert words in str(caught.value)
    assert session.frame is before
    assert not session.history.active


def test_edits_are_told_in_words() -> None:
    network = stacked()
    sequence = sentence(network)
    before = apply([], network, sequence)
    told = describe(parse_edit("weight layer0.forward/b_f[2] = -4"), before)
    old = network.tensors()["layer0.forward/b_f"][2]
    assert told == f"forget bias of layer0.forward, unit 2: {old:.2f} → -4.00"
    assert describe(parse_edit('insert 4 "good"'), before) == "“good” inserted at 4, before “bad”"
    assert describe(parse_edit("set layer0.forward.f[:] @ : = 1"), before) == (
        "forget gate f of layer0.forward, all units, at every step: held at 1.00"
    )
    for typed, says in (("0.001", "0.001"), ("-2e-9", "-2e-09"), ("1e30", "1e+30"), ("0", "0.00"), ("inf", "inf")):
        told = describe(parse_edit(f"weight layer0.forward/b_f[2] = {typed}"), before)
        assert told.endswith(f" → {says}")


@pytest.mark.parametrize("number", [-3.0, -1.5, -1.0, -0.25, 0.0, 0.5, 1.0, 1.25, 2.0, float("inf"), float("-inf")])
@pytest.mark.parametrize(
    ("value", "low", "high"), [("f", 0, 1), ("i", 0, 1), ("o", 0, 1), ("g", -1, 1), ("h", -1, 1), ("c", None, None)]
)
def test_a_number_that_an_equation_cannot_give_is_told(
    value: str, low: float | None, high: float | None, number: float
) -> None:
    network = stacked()
    before = apply([], network, sentence(network))
    told = describe(parse_edit(f"set layer0.forward.{value}[2] @ 1 = {number}"), before)
    outside = low is not None and high is not None and not low <= number <= high
    assert told.endswith(f" (its equation gives {low} to {high})") == outside
    assert ("its equation" in told) == outside


EDITS: st.SearchStrategy[Edit] = st.one_of(
    st.builds(TokenEdit, st.sampled_from(["replace", "insert"]), st.integers(0, 3), st.sampled_from(WORDS[1:])),
    st.builds(TokenEdit, st.just("delete"), st.integers(0, 3)),
    st.builds(
        ValueEdit,
        st.sampled_from(["set", "scale"]),
        st.sampled_from(["layer0.forward", "layer0.backward", "layer1.backward"]),
        st.sampled_from(["f", "i", "c", "h", "x"]),
        st.sampled_from([(0, 1), (1, 3), (None, None)]),
        st.sampled_from([(0, 1), (1, 3), (None, None)]),
        st.sampled_from([0.0, 1.0, -0.5, 2.0]),
    ),
    st.builds(
        WeightEdit,
        st.sampled_from(["set", "scale"]),
        st.sampled_from(["layer0.forward/b_f", "layer1.backward/U_g", "embedding", "readout/V_y"]),
        st.sampled_from([(), ((0, 1),), ((None, None),)]),
        st.sampled_from([0.0, 1.5, -3.0]),
    ),
    st.builds(CutEdit, st.sampled_from(["reset", "chunk"]), st.sampled_from([((0, 1),), ((1, 3),), ((None, None),)])),
    st.builds(CutEdit, st.sampled_from(["reset", "chunk"]), st.just(()), st.integers(1, 3)),
)
NETWORK = stacked()


def bits(trace: Trace) -> dict[str, bytes]:
    found = {f"{name}/{value}": series.tobytes() for name in trace for value, series in trace[name].items()}
    return {**found, "result": b"" if trace.result is None else trace.result.tobytes()}


@given(st.lists(EDITS, min_size=1, max_size=5), st.data())
@settings(max_examples=40, deadline=None)
def test_any_mixture_of_edits_is_undone_and_redone_to_the_same_bits(edits: list[Edit], data: st.DataObject) -> None:
    sequence: Sequence = sentence(NETWORK)
    session = Session.open(Source(NETWORK, [sequence]))
    seen = [bits(session.frame.trace)]
    for edit in edits:
        try:
            session.edit(edit)
        except UserError:
            continue
        seen.append(bits(session.frame.trace))
    made = len(seen) - 1
    for _ in range(6):
        done = data.draw(st.integers(0, made))
        assert bits(session.keep_edits(done).trace) == seen[done]
    while session.history.done:
        session.undo()
    assert bits(session.frame.trace) == seen[0]
    assert session.frame.difference is None
