"""A memory that is a matrix is asked for, edited and split by head, row and column."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import lstm_tui
from lstm_tui.analysis.ledger import flow_of
from lstm_tui.analysis.memory_reads import split_read
from lstm_tui.dap.variables import Variables
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.edits.apply import apply
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.edits.language import line_of
from lstm_tui.debugger.inspect.state_update import unit_beside
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.session_file import script_of
from lstm_tui.documents.figure import subject_of
from lstm_tui.engine.compiler.roles import memory_of
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.language.expression import names_in
from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import PassTrace

MATRICES = [name for name in cell_names() if memory_of(load_cell(name)) in load_cell(name).shapes]


def session_of(cell: str = "mlstm", heads: int = 2, hidden: int = 8, steps: int = 6) -> Session:
    layer = {"cell": cell, "hidden_size": hidden, "directions": ["forward"], "sizes": {"A": heads}}
    strict = "x" in load_cell(cell).sizes
    network = build_network({"input_size": hidden if strict else 3, "layers": [layer]}, seed=1)
    x = np.random.default_rng(2).normal(size=(steps, network.input_size)).astype(np.float32)
    session = Session(lstm_tui.trace(x, model=network))
    session.goto(steps - 1)
    answer(session, "finish")
    return session


def said(session: Session, line: str) -> str:
    return "\n".join(answer(session, line))


def typed_places(heads: int, *places: int) -> str:
    """Return a head, row and column as they are written; a head alone is not named."""
    return ",".join(map(str, places[heads == 1 :]))


def number_after(text: str) -> float:
    return float(text.split("\n")[0].split("= ")[2].split()[0])


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_an_entry_is_the_number_at_its_head_row_and_column(heads: int) -> None:
    session = session_of(heads=heads)
    passed = session.frame.passed
    size = 8 // heads
    memory = np.asarray(passed["S"][5]).reshape(heads, size, size)
    for head, row, column in [(0, 0, 0), (heads - 1, size - 1, 0), (heads - 1, 0, size - 1)]:
        places = f"{row},{column}" if heads == 1 else f"{head},{row},{column}"
        found = number_after(said(session, f"print S[{places}]"))
        assert found == pytest.approx(float(memory[head, row, column]), rel=1e-3)
        before = number_after(said(session, f"print prev(S[{places}])"))
        assert before == pytest.approx(
            float(np.asarray(passed["S"][4]).reshape(heads, size, size)[head, row, column]), rel=1e-3
        )
    if heads == 1:
        assert number_after(said(session, "print S[0,3,2]")) == number_after(said(session, "print S[3,2]"))


BLOCKS = {
    "S[{}:,1]": lambda m: m[:, 1],
    "S[{}1:3,::2]": lambda m: m[1:3, ::2],
    "S[{}-1,1:]": lambda m: m[-1, 1:],
    "S[{}::-1,1:][1,:]": lambda m: m[::-1, 1:][1],
    "S[{}1:,1:].T": lambda m: m[1:, 1:].T,
    "S[{}:,:] @ S[{}0,:]": lambda m: m @ m[0],
    "S[{}1:,:] @ S[{}:,1:3]": lambda m: m[1:] @ m[:, 1:3],
}


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("text", BLOCKS)
def test_rows_and_columns_of_a_head_are_those_of_its_matrix(text: str, heads: int) -> None:
    session, size = session_of(heads=heads), 8 // heads
    memory = np.asarray(session.frame.passed["S"], np.float64).reshape(6, heads, size, size)
    typed = text.replace("{}", "" if heads == 1 else f"{heads - 1},")
    for t in (0, 5):
        session.goto(t)
        answered = session.evaluate(typed)
        answer_, node = answered.value, answered.expression.node
        expected = BLOCKS[text](memory[t, heads - 1])
        assert answer_.values[0] == pytest.approx(expected.ravel())
        assert answer_.shape == (expected.shape if expected.ndim == 2 else None)
        for entry in range(answer_.size):
            name = answered.expression.entry_of(node, answer_, entry)
            assert session.evaluate(name).value.values[0, 0] == answer_.values[0, entry], name


def test_a_memory_of_one_head_is_a_matrix_in_a_product() -> None:
    session = session_of(heads=1)
    memory, h = np.asarray(session.frame.passed["S"][5], np.float64).reshape(8, 8), session.frame.passed["h"][5]
    assert session.evaluate("S @ h").value.values[0] == pytest.approx(memory @ h)
    assert session.evaluate("S.T @ h").value.values[0] == pytest.approx(memory.T @ h)
    assert session.evaluate("S.T[0,2]").value.values[0, 0] == pytest.approx(memory[2, 0])


@pytest.mark.parametrize("text", ["S[1:2,:] @ S[:,2:]", "S[1:,:] @ S[:,2:3]"])
def test_a_product_of_one_row_or_column_is_a_vector(text: str) -> None:
    session = session_of(heads=1)
    memory = np.asarray(session.frame.passed["S"][5], np.float64).reshape(8, 8)
    found = session.evaluate(text).value
    assert found.shape is None
    expected = memory[1] @ memory[:, 2:] if "1:2" in text else memory[1:] @ memory[:, 2]
    assert found.values[0] == pytest.approx(expected)


def test_a_product_of_matrices_is_one_whatever_their_sizes() -> None:
    layer = {"cell": "lstm", "hidden_size": 1, "directions": ["forward"]}
    network = build_network({"input_size": 3, "layers": [layer], "name": "one unit"}, seed=1)
    session = Session(run(network, Sequence("numbers", ("0",), x=np.ones((1, 3), np.float32))))
    u, w = (session.evaluate(name).value for name in ("U_f", "W_f"))
    found = session.evaluate("U_f @ W_f").value
    assert (u.shape, w.shape, found.shape) == ((1, 1), (1, 3), (1, 3))
    assert session.evaluate("(U_f @ W_f)[0,2]").value.values[0, 0] == found.values[0, 2]
    assert found.values[0] == pytest.approx(u.values[0] * w.values[0])


MISTAKES = {
    "print S[1,3]": "2 heads: write S[head, row, column]",
    "print S[2,0,0]": "2 heads, from 0",
    "print S[0,4,0]": "4 rows, from 0",
    "print S[0,0,9]": "4 columns, from 0",
    "print h[2,3]": "no rows and columns",
    "print (S + S)[0,1,2]": "S + S has no rows and columns",
    "print S[1:,3]": "2 heads: write the head, rows, columns",
    "print S[:,1:,3]": "one head at a time",
    "print S[2,1:,3]": "2 heads, from 0",
    "print S[0,4:,3]": "4 rows, from 0",
    "print S.T @ h": "32 units and h 8 units",
    "print S[0,1.5,2]": "whole number",
    "print S[0,1,2,3]": "does not belong here",
    "set S[1,:] = 0": "head, row, column",
    "set S[0,:,1] = 0": "no range of units",
    "set S[0,1,9] = 0": "4 columns",
    "set h[0,1] = 0": "no rows and columns",
    "wrote q": "there are h",
    "wrote h[99]": "units, from 0",
    "wrote 3": "wrote what",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_one_line(line: str) -> None:
    with pytest.raises(UserError, match=re.escape(MISTAKES[line])):
        answer(session_of(), line)


def test_a_row_is_edited_and_written_as_its_units() -> None:
    session = session_of()
    answer(session, "set S[1,2,:] @ 3 = 0.5")
    held = np.asarray(session.frame.trace["layer0.forward"]["S"][3]).reshape(2, 4, 4)
    assert (held[1, 2] == 0.5).all()
    assert not (held[0] == 0.5).any()
    line = "set layer0.forward.S[1,2,:] @ 3 = 0.5"
    assert line in said(session, "edits")
    assert line_of(parse_edit(line)) == line


def flat_names(cell: str, text: str) -> list[str]:
    """Return entries of matrices of a cell that a text names by one number counted through."""
    values = "|".join(load_cell(cell).shapes)
    return re.findall(rf"(?<![A-Za-z0-9_])(?:{values})\[\d+\]", text)


@pytest.mark.parametrize("cell", MATRICES)
def test_every_surface_names_an_entry_by_its_row_and_column(cell: str) -> None:
    """What is typed flat is understood, and said as the tape says it: in edits, scripts, sessions, tables, reports."""
    session = session_of(cell, hidden=4)
    passed, name = session.frame.passed, memory_of(load_cell(cell))
    shape = passed.shape_of(name)
    assert shape is not None
    unit = shape.numbers - 2
    entry = f"{name}[{shape.written(unit)}]"
    lines = [f"print {name}[{unit}]", f"set {name}[{unit}] @ 2 = 0.5", f"scale {name}[{unit}:{unit + 2}] @ 3 * 2"]
    lines += [f"patch {name}[{unit}] @ 4 from base", f"unit {unit}", f"name {unit} mine", "edits", "health"]
    lines += [f"break {name}[{unit}] > 0", f"find {name}[{unit}] @ 1:3", f"trace-cause {name}[{unit}] from base"]
    told = {line: said(session, line) for line in lines}
    assert {line: flat_names(cell, text) for line, text in told.items() if flat_names(cell, text)} == {
        lines[0]: [f"{name}[{unit}]"],
        lines[-3]: [f"{name}[{unit}]"],
    }, "an expression is told as it was typed"
    assert f"layer0.forward.{entry} @ 2 = 0.5" in told["edits"]
    line, column = entry.rsplit(",", 1)
    assert f"layer0.forward.{line},{column[:-1]}:{int(column[:-1]) + 2}] @ 3 * 2.0" in told["edits"]
    saved = script_of(session)
    assert not flat_names(cell, "\n".join(one for one in saved if not one.startswith("break")))
    assert f"name layer0.forward.{shape.written(unit)} mine" in saved
    script = [line_of(edit) for edit in session.history.active]
    assert [line_of(parse_edit(one)) for one in script] == script
    flat = parse_edit(f"set layer0.forward.{name}[{unit}] @ 2 = 0.5")
    assert apply([flat], session.edited.network, session.frame.trace.sequence).holds == session.edited.holds[:1]
    first = next(iter(Variables(session).scopes("layer0.forward"))).inside
    memory = next(one.inside for one in first.read(0, first.count) if one.name == name)
    assert memory is not None
    variable = next(memory.read(unit, unit + 1))
    assert (variable.name, variable.expression) == (f"[{shape.written(unit)}]", f"layer0.forward.{entry}")
    assert variable.edit == f"set layer0.forward.{entry} @ 5"
    assert subject_of(session.frame.trace, None, shape.written(unit), slice(None), None).title.endswith(
        f"unit {shape.written(unit)}"
    )
    assert f"layer0.forward.{entry}" in session.frame.trace.table()


@pytest.mark.parametrize("cell", MATRICES)
def test_who_and_print_explain_an_entry_by_its_row_and_column(cell: str) -> None:
    session = session_of(cell)
    name = memory_of(load_cell(cell))
    shape = session.frame.passed.shape_of(name)
    assert shape is not None
    head, column = shape.heads - 1, min(3, shape.columns - 1)
    typed = f"{name}[{typed_places(shape.heads, head, 2, column)}]"
    told = said(session, f"print {typed}")
    assert told.count(f"{typed} = ") == 2, "in its equation too it stands as it was typed"
    written = "here" if cell == "decoder_additive" else "v"  # what is written, a number a row
    assert f"\n  {written}[{head * shape.rows + 2}] = " in told
    assert said(session, f"who {typed}") == said(session, f"who {name}[{head},2,{column}]").replace(
        f"[{head},2,{column}]", typed[len(name) :]
    )


def test_wrote_tells_every_token_and_that_the_sum_holds() -> None:
    session = session_of("gated_deltanet")
    told = said(session, "wrote y[5]")
    assert told.startswith("y[5] reads S·q = ")
    assert all(f"  t={t} " in told for t in range(6))
    assert "erased here" in told
    assert "the sum is the read" in told
    assert "a vector of length" in said(session, "wrote y")


def test_an_entry_of_a_weight_matrix() -> None:
    session = session_of()
    matrix = session.frame.passed.program
    assert matrix is not None
    one, chained = said(session, "print W_q[2,1]"), said(session, "print W_q[2][1]")
    assert number_after(one) == number_after(chained)


@pytest.mark.parametrize("cell", MATRICES)
def test_a_trace_that_was_read_from_a_file_knows_rows_columns_and_who_wrote(cell: str) -> None:
    passed = session_of(cell).frame.passed
    name = memory_of(passed.cell)
    read = PassTrace(
        passed.name, passed.cell, passed.direction, passed.input_size, passed.hidden_size,
        {value: np.asarray(passed[value]) for value in passed}, passed.initial,
    )  # fmt: skip
    assert read.shape_of(name) == passed.shape_of(name)
    assert read.shape_of(passed.cell.output) is None
    assert read.head_shapes == passed.head_shapes
    live, again = flow_of(passed, name), flow_of(read, name)
    assert live is not None
    needs = {one for one in (*passed.cell.parameters, "x") if one in names_in(passed.cell.equation(name).expression)}
    assert (again is None) == bool(needs)
    if again is not None:
        np.testing.assert_array_equal(live.keep, again.keep)
        np.testing.assert_array_equal(live.write, again.write)
    with pytest.raises(UserError, match="without its network"):
        split_read(read, passed.cell.output, 3)


@pytest.mark.parametrize("cell", MATRICES)
def test_an_entry_is_called_alike_wherever_it_stands(cell: str) -> None:
    """The tape said S[15,10] where the units, the edits and the equations said unit 250."""
    session = session_of(cell)
    name = memory_of(load_cell(cell))
    shape = session.frame.passed.shape_of(name)
    assert shape is not None
    head, column = shape.heads - 1, min(3, shape.columns - 1)
    place = typed_places(shape.heads, head, 2, column)
    typed = f"{name}[{place}]"
    unit = shape.unit(head, 2, column)
    assert f"{typed} = " in said(session, f"unit {typed}")
    assert said(session, f"unit {head},2,{column}") == said(session, f"unit {unit}")
    assert f", {typed}, " in said(session, f"set {typed} = 5")
    first, last = (typed_places(shape.heads, head, 2, column) for column in (0, shape.columns - 1))
    assert f", {name}[{first}] to {name}[{last}], " in said(session, f"set {name}[{head},2,:] = 1")
    assert said(session, f"diagram {head},2,{column}").startswith(f"unit {place} ")
    with pytest.raises(UserError, match=f"diagram of which unit.*{shape.written(shape.numbers - 1)}"):
        answer(session, f"diagram {shape.numbers}")


WITH_COLUMNS = {
    "gated_deltanet": "puqk", "linear_attention": "qkz", "mlstm": "qkn", "retention": "qk", "rwkv5": "rkw",
    "rwkv6": "rkw", "rwkv7": "rwajkq",
}  # fmt: skip


@pytest.mark.parametrize("cell", WITH_COLUMNS)
def test_a_sum_of_keys_stands_by_its_column_and_the_read_by_its_row(cell: str) -> None:
    """The diagram put z[2] beside S[2,3] and k[3], so that z = z' + k was false of its own numbers."""
    passed = session_of(cell).frame.passed
    name = memory_of(passed.cell)
    shape = passed.shape_of(name)
    assert shape is not None
    head = shape.heads - 1
    beside = {one: unit_beside(passed, name, one, shape.unit(head, 2, 3)) for one in passed}
    assert {one: beside[one] for one in WITH_COLUMNS[cell]} == dict.fromkeys(
        WITH_COLUMNS[cell], head * shape.columns + 3
    )
    assert {beside["v"], beside[passed.cell.output]} == {head * shape.rows + 2}


LONG_WAY = """
k0 = W_k @ x
k1 = tanh(k0)
k2 = k1 * k1
k = 1 - k2
v0 = W_v @ x
v1 = tanh(v0)
v2 = v1 * v1
v = 1 - v2
S = S + outer(v, k)
y0 = S @ k
y1 = tanh(y0)
y2 = y1 * y1
h = W_o @ y2
"""


def test_what_is_made_number_by_number_stands_by_the_row_or_column_it_comes_to(tmp_path: Path) -> None:
    """However many equations lie between: what meets a key is by its column, a value or a read by its row."""
    own = 'title = "Long way"\nsource = "of a test"\nname = "long_way"\nstate = ["S"]\noutput = "h"\nheads = "A"\n'
    own += f"defaults = {{ A = 2 }}\nsizes = {{ S = [\"H/A\", \"H/A\"] }}\nequations = '''{LONG_WAY}'''\n"
    (tmp_path / "long_way.toml").write_text(own, "utf-8")
    passed = session_of(str(tmp_path / "long_way.toml")).frame.passed
    shape = passed.shape_of("S")
    assert shape is not None
    beside = {one: unit_beside(passed, "S", one, shape.unit(1, 2, 3)) for one in passed}
    column, row = shape.columns + 3, shape.rows + 2
    assert {one: beside[one] for one in beside if one.startswith("k")} == dict.fromkeys(("k0", "k1", "k2", "k"), column)
    rows = ("v0", "v1", "v2", "v", "y0", "y1", "y2", "h")
    assert {one: beside[one] for one in beside if one[0] in "vyh"} == dict.fromkeys(rows, row)
