"""The cell as a picture: read back from its characters, every op and wire of the program is there, and the numbers are.

The oracle follows the lines of the drawing as an eye does, and knows of the picture only where its marks stand.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from made_networks import EVERY_CELL, called, make_input, make_network
from present import present

import lstm_tui
from lstm_tui.debugger.commands.console import Console
from lstm_tui.debugger.diagram.chain import chain_height, chain_lines, chain_width
from lstm_tui.debugger.diagram.characters import ARROW, CROSSING, HEAVY, LINES, drawn, text_of
from lstm_tui.debugger.diagram.dataflow import Dataflow, dataflow_of
from lstm_tui.debugger.diagram.geometry import DOWN, LEFT, RIGHT, UP, DiagramLayout, DiagramMeasure
from lstm_tui.debugger.diagram.numbers import memory_first, program_of, standing
from lstm_tui.debugger.diagram.placement import MEASURES, fitted, laid_out
from lstm_tui.debugger.diagram.strands import strand_lines, ways_of
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.inspect.state_update import unit_beside
from lstm_tui.debugger.inspect.trace_facts import Facts, letter
from lstm_tui.debugger.position import Frame, Position
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.compiler.program import Program, Space
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.number_text import compact
from lstm_tui.engine.runtime.trace import PassTrace

STEPS = {UP: (0, -1), DOWN: (0, 1), LEFT: (-1, 0), RIGHT: (1, 0)}
BACK = {UP: DOWN, DOWN: UP, LEFT: RIGHT, RIGHT: LEFT}
_LIGHT = {heavy: light for light, heavy in HEAVY.items()}
WAYS = {sign: way for way, sign in LINES.items() if way not in (UP, DOWN, LEFT, RIGHT)}
WAYS[CROSSING] = UP | DOWN | LEFT | RIGHT
"""The ways of a sign as it is read: `│` goes up and down."""


@cache
def session_of(name: str, layers: int = 1) -> Session:
    made = make_network(name, layers=layers)
    return Session.open(Source(made, [Sequence("numbers", tuple("abc"), x=make_input(made, 3))]))


def program_for(name: str) -> Program:
    program = session_of(name).frame.passed.program
    assert program is not None
    return program


@pytest.mark.parametrize("name", EVERY_CELL, ids=called)
def test_where_states_are_set_back_the_picture_has_the_same_ways(name: str) -> None:
    """A state that is another's of the step before is held as it comes in: no op is left that hands it on."""
    plain = dataflow_of(program_for(name))
    made = make_network(name)
    one = Session.open(Source(made, [Sequence("numbers", tuple("abc"), x=make_input(made, 3))]))
    one.edit(parse_edit("reset @ 2"))
    flow = dataflow_of(present(one.frame.passed.program))

    def ends(of: Dataflow) -> set[tuple[str, str]]:
        return {(mark.kind, mark.name) for mark in of.marks if mark.kind in ("entry", "exit")}

    assert ends(flow) == ends(plain)
    assert standing(one.frame, 0) is not None


# --- what flows where, against each number's own way through the table ---


def naive_wires(program: Program, flow: Dataflow) -> set[tuple[object, object]]:
    """Return who reads whom, number by number: each op by the marks of the ops that wrote what it reads."""
    writer: dict[int, int] = {}
    found: set[tuple[object, object]] = set()
    for n, one in enumerate(program.instructions):
        mine = flow.mark_of(n)
        for operand in one.operands:
            for place in range(operand.offset, operand.offset + operand.size):
                if operand.space == Space.CURRENT and place in writer:
                    found.add((flow.mark_of(writer[place]), mine))
                elif operand.space == Space.CURRENT:
                    inputs = (name for name, slot in program.inputs.items() if 0 <= place - slot.offset < slot.size)
                    found.add((next(inputs), mine))
                elif operand.space == Space.PREVIOUS:
                    states = (name for name, slot in program.values.items() if 0 <= place - slot.offset < slot.size)
                    found.add((f"{next(states)}'", mine))
        for place in range(one.target.offset, one.target.offset + one.target.size):
            writer[place] = n
    return {(source, target) for source, target in found if source != target}


@pytest.mark.parametrize("name", EVERY_CELL, ids=called)
def test_every_op_is_of_one_mark_and_every_wire_of_the_program_is_there(name: str) -> None:
    program = program_for(name)
    flow = dataflow_of(program)
    held = [op for mark in flow.marks for op in mark.ops]
    assert sorted(held) == list(range(len(program.instructions)))
    wires = {
        (flow.marks[wire.source].symbol if flow.marks[wire.source].kind == "entry" else wire.source, wire.target)
        for wire in flow.wires if flow.marks[wire.target].kind != "exit"
    }  # fmt: skip
    assert wires == naive_wires(program, flow)
    leaving = {mark.name for mark in flow.of_kind("exit")}
    cell = session_of(name).frame.passed.cell
    assert {*cell.state, cell.output} <= leaving
    assert leaving <= set(cell.values)


@pytest.mark.parametrize("name", EVERY_CELL, ids=called)
def test_a_circle_works_unit_by_unit_and_weights_are_in_boxes(name: str) -> None:
    program = program_for(name)
    flow = dataflow_of(program)
    for mark in flow.of_kind("circle"):
        ops = [program.instructions[n] for n in mark.ops]
        assert all(one.matrix is None for one in ops)
        assert len([one for one in ops if one.op.code != Code.HOLD]) == 1 or all(
            one.op.code == Code.COPY for one in ops
        )
    for mark in flow.of_kind("box"):
        ops = [program.instructions[n] for n in mark.ops]
        weights = any(operand.space == Space.PARAMETER for one in ops for operand in one.operands)
        assert weights or any(one.matrix is not None for one in ops) or len(flow.sources(mark.key)) > 2


# --- where it stands ---


def walked(layout: DiagramLayout) -> dict[tuple[int, int], list[int]]:
    found: dict[tuple[int, int], list[int]] = {}
    for mark, place in zip(layout.flow.marks, layout.places, strict=True):
        for cell in set(place.cells()):
            found.setdefault(cell, []).append(mark.key)
    return found


@pytest.mark.parametrize("name", EVERY_CELL, ids=called)
def test_no_two_marks_overlap_no_wire_runs_through_one_and_no_two_share_a_way(name: str) -> None:
    flow = dataflow_of(program_for(name))
    for measure in dict.fromkeys((MEASURES[0], MEASURES[len(MEASURES) // 2], *MEASURES[-2:])):
        layout = laid_out(flow, measure)
        taken = walked(layout)
        assert all(len(marks) == 1 for marks in taken.values())
        across: dict[tuple[int, int], int] = {}
        along: dict[tuple[int, int], int] = {}
        for run in layout.runs:
            assert run.x == run.to_x or run.y == run.to_y
            for cell in run.cells():
                assert cell not in taken, (measure, run, taken.get(cell))
                assert 0 <= cell[0] < layout.width
                assert 0 <= cell[1] < layout.height
                if (run.x, run.y) != (run.to_x, run.to_y):
                    assert (across if run.across else along).setdefault(cell, run.net) == run.net, (measure, run)
        assert all(0 <= x < layout.width and 0 <= y < layout.height for x, y in taken)


def nets_read(layout: DiagramLayout, lines: list[str]) -> set[frozenset[int]]:
    """Follow every line from every mark and return the marks that each line joins."""
    marks = {cell: keys[0] for cell, keys in walked(layout).items()}

    def sign(x: int, y: int) -> str:
        text = lines[y][x] if 0 <= y < len(lines) and 0 <= x < len(lines[y]) else " "
        return _LIGHT.get(text, text)

    exits = {(place.x - 2, place.row): mark.key for mark, place in zip(layout.flow.marks, layout.places, strict=True)}
    found: set[frozenset[int]] = set()
    for start in marks:
        for first in STEPS:
            met, seen, todo = {marks[start]}, set[tuple[int, int, int]](), [(*start, first)]
            while todo:
                x, y, way = todo.pop()
                x, y = x + STEPS[way][0], y + STEPS[way][1]
                text = sign(x, y)
                along = (x, y) in marks and text == "─" and way in (LEFT, RIGHT)  # beside a number that is short
                if text == ARROW and way == RIGHT:
                    met.add(exits[x, y])
                elif (x, y) in marks and not along:
                    met |= {marks[x, y]} if seen else set()  # two marks may stand side by side
                elif WAYS.get(text, 0) & BACK[way] and (x, y, way) not in seen:
                    seen.add((x, y, way))
                    goes = (
                        [way] if text == CROSSING else [one for one in STEPS if WAYS[text] & one and one != BACK[way]]
                    )
                    todo += [(x, y, one) for one in goes]
            if len(met) > 1:
                found.add(frozenset(met))
    return found


@pytest.mark.parametrize("name", EVERY_CELL, ids=called)
def test_lines_that_are_followed_join_what_the_program_joins(name: str) -> None:
    flow = dataflow_of(program_for(name))
    for measure in (DiagramMeasure(20), MEASURES[-1]):
        layout = laid_out(flow, measure)
        lines = text_of(layout, drawn(layout, lambda mark: "1.2"))
        wanted: dict[int, set[int]] = {}
        for wire in flow.wires:
            net = layout.joined.get(wire.source, wire.source)
            wanted.setdefault(net, {net}).update((wire.source, wire.target))
        # a line may come to its end in pieces, where it leaves a mark on two sides: joined by their mark they are one
        read = nets_read(layout, lines)
        for net, joined in wanted.items():
            pieces = [piece for piece in read if net in piece and piece <= joined]
            assert set().union(*pieces) == joined, (net, joined, pieces)
        whole = [set(joined) for joined in wanted.values()]
        assert all(any(piece <= joined for joined in whole) for piece in read)


def test_the_lstm_looks_as_in_the_lecture() -> None:
    session = session_of("lstm")
    program = session.frame.passed.program
    assert program is not None
    flow = dataflow_of(program)
    layout = fitted(flow, 118, 30)
    place = {mark.name or mark.text: layout.places[mark.key] for mark in flow.of_kind("circle")}
    signs = {mark.name or mark.text: mark.symbol for mark in flow.of_kind("circle")}
    assert signs == {
        "f": "σ",
        "i": "σ",
        "g": "tanh",
        "f · c": "×",
        "i · g": "×",
        "c": "+",
        "o": "σ",
        "tanh(c)": "tanh",
        "h": "×",
    }
    assert place["f · c"].row == place["c"].row == 0, "the belt is on top"
    assert place["f · c"].x < place["c"].x < place["tanh(c)"].x
    assert place["f"].row == place["i"].row == place["g"].row == place["o"].row
    assert place["f"].x < place["i"].x < place["g"].x < place["o"].x < place["h"].x
    assert place["f"].x == place["f · c"].x, "the forget gate stands below its product"
    assert place["h"].row > place["tanh(c)"].row > place["c"].row
    assert layout.width <= 118
    assert fitted(flow, 80, 18).width <= 80


@pytest.mark.parametrize("name", EVERY_CELL, ids=called)
def test_a_column_is_headed_by_the_letter_of_the_equations_in_any_width(name: str) -> None:
    for columns in (Facts(session_of(name).frame.trace).columns(key) for key in session_of(name).frame.trace):
        for column in columns:
            texts = [bold + quiet for bold, quiet in column.headings]
            assert all(text.split()[0] == letter(column.name) for text in texts), texts
            assert len(texts[-1]) <= min(map(len, texts)), "the last one is the shortest"


# --- its numbers ---


def beside(passed: PassTrace, value: str, unit: int) -> int:
    """Return which number of a value goes with a unit of the memory: of a matrix that of its row, head or column."""
    return unit_beside(passed, memory_first(passed)[0], value, unit)


@pytest.mark.parametrize("name", EVERY_CELL, ids=called)
def test_numbers_on_the_wires_are_those_of_the_run(name: str) -> None:
    session = session_of(name)
    session.goto(1)
    frame, unit = session.frame, 1
    step = standing(frame, unit)
    assert step is not None
    passed, flow = frame.passed, step.flow
    row = passed.row(1)
    assert row is not None
    assert all(step.done)
    for mark in flow.marks:
        number = step.numbers[mark.key]
        if mark.kind == "entry" and mark.symbol.endswith("'") and number is not None:
            assert number == float(passed[mark.name][0][beside(passed, mark.name, unit)])
        elif mark.kind != "entry" and mark.name in passed and number is not None:
            assert number == float(passed[mark.name][1][beside(passed, mark.name, unit)])
        if mark.kind != "circle" or number is None:
            continue
        if mark.symbol in ("σ", "hardsigmoid", "relu"):
            assert not step.written(mark).startswith("+"), "it is never negative"
        elif mark.symbol in ("×", "+", "tanh") and number > 0:
            assert step.written(mark).startswith("+") or "+" in step.written(mark)
        read = [step.numbers[key] for key in flow.sources(mark.key)]
        known = [value for value in read if value is not None]
        if len(known) == 2 and mark.symbol in ("×", "+"):  # of two wires; one that a circle reads twice is one wire
            naive = known[0] * known[1] if mark.symbol == "×" else known[0] + known[1]
            assert number == pytest.approx(naive, rel=1e-6)
        elif len(known) == 1 and mark.symbol == "tanh":
            assert number == pytest.approx(float(np.tanh(known[0])), rel=1e-6)
        elif len(known) == 1 and mark.symbol == "σ" and flow.marks[flow.sources(mark.key)[0]].size == mark.size:
            assert number == pytest.approx(1 / (1 + float(np.exp(-known[0]))), rel=1e-6)


@pytest.mark.parametrize("name", EVERY_CELL, ids=called)
def test_each_op_lights_its_mark_and_only_what_the_run_has_come_to_is_told(name: str) -> None:
    session = session_of(name)
    session.goto(1)
    session.step_out_back()
    program = program_of(session.frame.passed)
    assert program is not None
    flow = dataflow_of(program)
    order = [n for n, one in enumerate(program.instructions) if one.equation < 0]
    for equation in range(len(program.equations)):
        order += [n for n, one in enumerate(program.instructions) if one.equation == equation]
    taken: set[int] = set()
    for n in order:
        session.step_in("op")
        taken.add(n)
        step = standing(session.frame, 0)
        assert step is not None
        assert step.at_work == next(mark.key for mark in flow.marks if n in mark.ops)
        for mark in flow.of_kind("box", "circle"):
            assert step.done[mark.key] == (set(mark.ops) <= taken)


def test_what_an_edit_holds_is_told_by_the_same_mark() -> None:
    session = session_of.__wrapped__("lstm")
    before = standing(session.frame, 3)
    session.goto(2)
    session.edit(parse_edit("set layer0.forward.f[3] @ 2 = 0.5"))
    step = standing(session.frame, 3)
    assert step is not None
    assert before is not None
    assert [mark.symbol for mark in step.flow.marks] == [mark.symbol for mark in before.flow.marks]
    forget = next(mark for mark in step.flow.of_kind("circle") if mark.name == "f")
    assert step.numbers[forget.key] == 0.5


@pytest.mark.parametrize("name", EVERY_CELL, ids=called)
def test_a_trace_without_its_program_is_drawn_from_its_values(name: str) -> None:
    session = session_of(name)
    session.goto(1)
    whole = standing(session.frame, 0)
    assert whole is not None
    trace = session.frame.trace
    bare = replace(trace, passes={key: replace(passed, stored=None) for key, passed in trace.passes.items()})
    frame: Any = replace(session.frame, trace=bare)
    step = standing(frame, 0)
    assert step is not None
    for mark in step.flow.of_kind("circle"):
        number, wanted = (
            step.numbers[mark.key],
            next(
                (
                    whole.numbers[one.key]
                    for one in whole.flow.marks
                    if (one.text, one.equation) == (mark.text, mark.equation)
                ),
                None,
            ),
        )
        assert number is None or wanted is None or compact(number) == compact(wanted) or number == pytest.approx(wanted)


# --- the chain of steps ---


@pytest.mark.parametrize("name", EVERY_CELL, ids=called)
def test_the_chain_tells_each_state_on_its_way_and_both_passes(name: str) -> None:
    made = make_network(name, directions=("forward", "backward"))
    session = Session.open(Source(made, [Sequence("numbers", tuple("abcd"), x=make_input(made, 4))]))
    session.goto(2)
    session.step_out_back()
    frame, trace = session.frame, session.frame.trace
    units = dict.fromkeys(trace, 1)
    for width in (30, 78, 158):
        lines = chain_lines(frame, units, width)
        assert len(lines) == chain_height(frame)
        assert chain_width(lines) <= max(width, 60)
        assert any(piece.t == frame.t for line in lines for piece in line), "the position is in sight"
        touching = [(one.text, other.text) for line in lines for one, other in pairwise(line)]
        assert not [(a, b) for a, b in touching if a[-1:].isalnum() and b[:1].isalnum()]
        told = [piece for line in lines for piece in line if piece.value and piece.t >= 0]
        for piece in told:
            numbers = trace[piece.pass_name][piece.value][piece.t]
            done = frame.reached(piece.pass_name, piece.value, piece.t)
            assert piece.done == done
            if len(numbers) > 1:
                place = beside(trace[piece.pass_name], piece.value, 1)
                wanted = compact(float(numbers[place]), 5, True) if done else "…"
                assert f" {wanted}" in piece.text
        assert {piece.pass_name for piece in told} == set(trace)
        arrows = {piece.pass_name: piece.text for piece in told if set(piece.text) & {"▶", "◀"}}
        assert all(("◀" in text) == (trace[key].direction == "backward") for key, text in arrows.items())


def test_each_row_of_the_chain_says_its_unit_and_a_stroke_means_the_step_before_alone() -> None:
    trace = lstm_tui.trace("the movie was not bad", model="sentiment")
    units = {name: 3 + 4 * n for n, name in enumerate(trace)}
    frame = Frame(trace, Position(list(trace)[-1], 2, len(trace[list(trace)[-1]].cell.values) - 1))
    for width in (30, 78, 158):
        lines = chain_lines(frame, units, width)
        said = [(line[0].pass_name, line[0].text.split()) for line in lines if line[0].text.strip().startswith("unit")]
        assert said == [(name, ["unit", str(unit)]) for name, unit in units.items()]
        text = "\n".join("".join(piece.text for piece in line) for line in lines)
        assert "h'" not in text
        assert "[h→; h←]" in text


def test_the_name_of_a_unit_stands_apart_from_the_number_beside_it() -> None:
    trace = lstm_tui.trace("Ganesh likes AIML . he likes AIML .", model="story")
    frame = Frame(trace, Position("layer0.forward", 3, 5))
    whole = 0
    for length in range(1, 21):
        named = replace(frame, names=frame.names.named("layer0.forward", 11, "g" * length))
        for width in (30, 60, 78, 118, 158):
            first, second = chain_lines(named, {"layer0.forward": 11}, width)[0][:2]
            assert first.text.endswith(" ") or second.text.startswith(" ")
            assert first.text.strip() in ("unit 11", f"unit 11 {'g' * length}")
            whole += first.text.strip() != "unit 11"
    assert whole


@pytest.mark.parametrize("model", ["recall-lstm", "recall-gru"])
def test_the_chain_tells_no_output_before_the_step_has_come_to_it(model: str) -> None:
    session = lstm_tui.session("store 7 . . recall", model=model)
    session.goto(1)
    told = []
    for _ in range(40):
        session.step_in("equation")
        frame = session.frame
        text = "".join(piece.text for piece in chain_lines(frame, dict.fromkeys(frame.trace, 0), 200)[-1])
        assert f"after t={frame.t}: " in text
        done = frame.reached(frame.position.pass_name, frame.passed.cell.output)
        assert text.endswith("…") != done
        told.append(done)
    assert {True, False} <= set(told)


@pytest.mark.parametrize("name", EVERY_CELL, ids=called)
def test_what_comes_in_is_named_by_the_token_that_it_comes_from(name: str) -> None:
    made = make_network(name, directions=("forward", "backward"))
    session = Session.open(Source(made, [Sequence("numbers", tuple("abcd"), x=make_input(made, 4))]))
    session.goto(1)
    for pass_name, passed in session.frame.trace.items():
        step = standing(session.frame, 0, pass_name)
        assert step is not None
        came_from = passed.tape_place(passed.reading_step(1) - 1)
        layout = fitted(step.flow, 500, backward=step.backward)
        text = "\n".join(text_of(layout, drawn(layout, step.written)))
        states = [mark for mark in step.flow.of_kind("entry") if mark.symbol.endswith("'")]
        assert states
        for mark in states:
            assert f"{letter(mark.name)}[t{'+' if came_from > 1 else '−'}1]" in text
        assert ("[t−1]" in text) != ("[t+1]" in text)


def test_the_verb_draws_what_the_pane_draws_and_refuses_a_unit_that_is_none() -> None:
    session = session_of.__wrapped__("lstm")
    session.goto(1)
    lines = Console(session).execute("diagram 2")
    step = standing(session.frame, 2)
    assert step is not None
    assert text_of(fitted(step.flow, 118), drawn(fitted(step.flow, 118), step.written)) == list(lines[1:17])
    for wrong in ("diagram 5", "diagram x", "diagram -1"):
        with pytest.raises(UserError, match="which unit"):
            Console(session).execute(wrong)
    assert "unit" in Console(session).execute("diagram")[0]


def test_the_pair_is_told_up_to_the_softmax() -> None:
    trace = lstm_tui.trace("the movie was not bad", model="sentiment")
    top = list(trace)[-1]
    frame = Frame(trace, Position(top, 2, len(trace[top].cell.values) - 1))
    lines = chain_lines(frame, dict.fromkeys(trace, 0), 158)
    assert len(lines) == chain_height(frame)
    mean, verdict = ("".join(piece.text for piece in line) for line in lines[-2:])
    assert mean.startswith("z = mean_steps(")
    assert trace.result is not None
    for name, number in zip(trace.classes, trace.result, strict=True):
        assert f"{name} {compact(float(number))}" in verdict


# --- in lines ---


@pytest.mark.parametrize("name", EVERY_CELL, ids=called)
def test_in_lines_every_number_of_the_picture_is_there_and_every_wire_is_named(name: str) -> None:
    session = session_of.__wrapped__(name)
    session.goto(1)
    step = present(standing(session.frame, 0))
    flow = step.flow
    ways = ways_of(flow)
    inner = [mark.key for mark in flow.of_kind("box", "circle")]
    assert sorted(key for way in ways for key in way) == inner, "each mark stands in one strand"
    for way in ways:
        for one, other in pairwise(way):
            assert one in flow.sources(other)
    on_belts = list(flow.belts.values())
    assert [tuple(way) for way in ways[: len(on_belts)]] == on_belts
    written = {mark.key: f"<{mark.key}>" for mark in flow.marks}
    for width in (200, 76, 40):
        lines = strand_lines(flow, lambda mark: written[mark.key], width)
        text = "\n".join("".join(piece.text for piece in line) for line in lines)
        for mark in flow.of_kind("entry", "box", "circle"):
            assert written[mark.key] in text, f"the number of {mark.symbol}"
        for line in lines:
            assert len(line) <= 2 or len("".join(piece.text for piece in line).rstrip()) <= width + 1
        signs = {piece.key: piece.text for line in lines for piece in line if piece.text.startswith(("(", "["))}
        assert set(signs) == set(inner)
        before = {other: one for way in ways for one, other in pairwise(way)}
        begins = {way[0]: flow.marks[way[0]] for way in ways}
        for mark in flow.of_kind("circle"):
            for source in flow.sources(mark.key):
                if source != before.get(mark.key) and mark.key not in begins:
                    assert written[source] in signs[mark.key], "what comes from beside stands in the sign"
