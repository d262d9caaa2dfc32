"""Where a cell looks: the weights as they are, who wrote each row by a plain loop, and a place left out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from present import present
from table_reader import TABLE, table_network

from lstm_tui.analysis.attention import Attention, each_without, looking_of, looks_of, said_of, shared, writers_of
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.inspect.attention import cell_words, lines_of, not_whole, without_words
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import cell_names, load_cell, parse_cell
from lstm_tui.engine.language.expression import as_written
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.inputs.text_input import text_from
from lstm_tui.models.bundled import open_model

TEXT = "four hundred and seven"


@pytest.fixture(scope="module")
def trace() -> Trace:
    return Source.of_input(open_model("numbers"), text_from(TEXT)).run(interpreter="numpy")


@pytest.mark.parametrize("name", cell_names())
def test_a_cell_looks_where_its_text_has_a_value_before_a_matrix(name: str) -> None:
    cell = load_cell(name)
    written = {(one.name, as_written(one.expression)) for one in cell.equations}
    found = {(look.reader, f"{look.weights} @ {look.memory}") for look in looks_of(cell)}
    expected = {
        (value, text) for value, text in written
        if text.count("@") == 1 and text.partition(" @ ")[2] in cell.shapes and text.partition(" @ ")[0] in cell.values
    }  # fmt: skip
    assert found == expected


def test_the_weights_are_those_of_the_run_at_the_steps_of_the_answer(trace: Trace) -> None:
    found = looking_of(trace)
    assert (found.pass_name, found.look.weights, found.look.memory) == ("layer1.forward", "a", "M")
    tokens = list(trace.sequence.tokens)
    assert list(found.steps) == list(range(tokens.index("="), tokens.index(".")))
    for step, t in enumerate(found.steps):
        for n, row in enumerate(found.rows):
            assert found.weights[step, n] == pytest.approx(float(trace["layer1.forward"]["a"][t, row]))
    assert [tokens[t] for t in found.writers[-1]] == TEXT.split()


def test_who_wrote_a_row_is_whoever_changed_it_last() -> None:
    spec = {"input_size": 3, "layers": [{"cell": "decoder_dot", "hidden_size": 3, "sizes": {"N": 4},
                                         "directions": ["forward", "backward"], "merge": "sum"}]}  # fmt: skip
    network = build_network(spec, seed=2, dtype=np.float64)
    for one in network.passes:
        one.program.view(one.flat, "p_turn")[...] = [1, 0, 0]
    x = np.random.default_rng(0).normal(size=(7, 3))
    made = run(network, Sequence("numbers", tuple("abcdefg"), x=x), "numpy")
    for name, passed in made.items():
        found = writers_of(passed, "M", 4)
        rows = passed["M"].reshape(7, 4, 3)
        order = range(7) if passed.direction == "forward" else range(6, -1, -1)
        before, last = np.zeros((4, 3)), [-1] * 4
        for t in order:
            last = [t if (rows[t, n] != before[n]).any() else last[n] for n in range(4)]
            before = rows[t]
            assert found[t].tolist() == last, name


def by_hand(found: Attention, t: int, row: int) -> list[float]:
    """Return the softmax of the scores without one of them."""
    scores = [float(e) for e in found.passed["e"][t]]
    parts = [0.0 if n == found.rows[row] else math.exp(e - max(scores)) for n, e in enumerate(scores)]
    return [part / sum(parts) for part in parts]


def test_a_place_left_out_gives_its_part_to_the_others(trace: Trace) -> None:
    found = looking_of(trace)
    for t in found.steps:
        for row in range(len(found.rows)):
            np.testing.assert_allclose(shared(found, t, found.rows[row]), by_hand(found, t, row), atol=1e-5)


@pytest.mark.slow
def test_leaving_a_place_out_is_the_edit_that_says_so(trace: Trace) -> None:
    """By a session that sets the score at every step, and the weights at one."""
    found, before = looking_of(trace), said_of(looking_of(trace))
    cells = [(None, 0), (None, 3), (0, 0), (1, 1)]
    for (step, row), one in zip(cells, each_without(found, cells), strict=True):
        session = Session.open(Source.of_input(open_model("numbers"), text_from(TEXT)))
        number = found.rows[row]
        places = found.steps if step is None else [found.steps[step]]
        for t in places:
            if step is None:
                answer(session, f"set layer1.forward.e[{number}] @ {t} = -10000")
            else:
                for n, weight in enumerate(by_hand(found, t, row)):
                    answer(session, f"set layer1.forward.a[{n}] @ {t} = {weight!r}")
        output = session.frame.trace.output
        assert output is not None
        np.testing.assert_allclose(one.said, output[found.steps.start : found.steps.stop], atol=1e-5)
        assert without_words(found, before, one)


def test_where_the_weights_are_no_softmax_of_scores_a_place_can_be_left_out_as_well(trace: Trace) -> None:
    found = looking_of(trace)
    plain = replace(found, look=found.look._replace(scores=None))
    (one,) = each_without(plain, [(None, 0)])
    assert one.said.shape == said_of(found).shape


def test_the_words_quote_the_numbers(trace: Trace) -> None:
    found, before = looking_of(trace), said_of(looking_of(trace))
    assert "“four” (t=0)" in cell_words(found, 0, 0)
    lines = list(lines_of(found, before, {one.row: one for one in each_without(found, [(None, 3)])}))
    assert "says “4”" in lines[1]
    assert lines[-2].startswith("  without “seven” (t=3): 4 0 ")
    assert not lines[-2].endswith(": 4 0 7 .")


def test_a_network_that_looks_nowhere_says_so() -> None:
    made = Source.of_input(open_model("tiny"), text_from("on wait off")).run()
    with pytest.raises(UserError, match="no equation reads the rows of a matrix"):
        looking_of(made)
    with pytest.raises(UserError, match=r"^layer0.forward looks over no collection"):
        looking_of(made, "layer0.forward")
    with pytest.raises(UserError, match=r"^there is no pass nosuch; there are layer0.forward"):
        looking_of(made, "nosuch")


@pytest.mark.parametrize("pin", ["a[1]", "a[0:16]", None])
def test_weights_that_do_not_add_up_to_one_are_told(pin: str | None) -> None:
    session = Session.open(Source.of_input(open_model("numbers"), text_from(TEXT)))
    t = tuple(session.frame.trace.sequence.tokens).index("=")
    if pin is not None:
        answer(session, f"set layer1.forward.{pin} @ {t} = 1")
    found = looking_of(session.frame.trace)
    weights = np.asarray(session.frame.trace["layer1.forward"]["a"])
    for step, place in enumerate(found.steps):
        missed = abs(float(weights[place].sum()) - 1) > 0.005
        assert bool(not_whole(found, step)) == missed
        assert missed == (pin is not None and place == t)


def test_the_answer_is_said_again_under_a_pin_and_undone_with_it() -> None:
    session = Session.open(Source.of_input(open_model("numbers"), text_from(TEXT)))
    assert answer(session, "answer") == ("answers as before: 4 0 7 .",)
    tokens = tuple(session.frame.trace.sequence.tokens)
    t = tokens.index("=")
    answer(session, f"set a[0:16] @ {t} = 0")
    answer(session, f"set a[3] @ {t} = 1")
    (said,) = answer(session, "answer")
    assert said.endswith("before: 4 0 7 .")
    after = session.frame.trace
    assert after.output is not None
    begins = list(after.sequence.tokens).index("=")
    for place in range(begins, len(after.sequence) - 1):
        assert after.classes[int(np.argmax(after.output[place]))] == after.sequence.tokens[place + 1]
    np.testing.assert_allclose(after["layer1.forward"]["a"][t], np.eye(16)[3], atol=1e-6)


@pytest.mark.parametrize(("line", "said"), [("answer 3", "takes nothing"), ("attention layer9", "layer9")])
def test_a_line_that_means_nothing_is_refused_in_one_line(line: str, said: str) -> None:
    session = Session.open(Source.of_input(open_model("numbers"), text_from(TEXT)))
    with pytest.raises(UserError, match=said):
        answer(session, line)


def test_a_network_that_does_not_answer_refuses_to() -> None:
    session = Session.open(Source.of_input(open_model("tiny"), text_from("on wait off")))
    with pytest.raises(UserError, match="generate"):
        answer(session, "answer")


def test_a_network_with_a_number_that_is_not_finite_is_told_as_not_known() -> None:
    network = open_model("numbers").copy()
    network.tensors()["layer1.forward/W_a"][0, 0] = np.nan
    session = Session.open(Source.of_input(network, text_from(TEXT)))
    said = "\n".join(answer(session, "attention"))
    assert "says what is not known: “" in said
    assert "not known" in said.split("says what is not known: ")[1]
    assert "nan" not in said
    assert not any("would cost" in line for line in answer(session, "reset-cost"))


@pytest.mark.parametrize("most", [4, 3])
def test_places_are_left_out_all_or_none_by_how_many_there_are(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstm_tui.debugger.commands.attention.MOST_LEFT_OUT", most)
    session = Session.open(Source.of_input(open_model("numbers"), text_from("four hundred and seven")))
    lines = [line for line in answer(session, "attention") if line.strip().startswith("without ")]
    assert len(lines) == (4 if most >= 4 else 0)


def said_by_hand(network: Network, ids: list[int], left: tuple[int | None, int] | None) -> np.ndarray:
    """Return what is said at each step in plain NumPy, a column left out at one step or, None, at all."""
    t = {name.rpartition("/")[2]: np.asarray(one) for name, one in network.tensors().items()}
    h, said = np.zeros(4), []
    for step, token in enumerate(ids):
        x = t["embedding"][token]
        e = t["K_t"] @ h + t["V_t"] @ x
        if left is not None and left[0] in (None, step):
            e[left[1]] = -np.inf
        a = np.exp(e - e.max())
        h = np.tanh(t["W_h"] @ x + t["U_h"] @ h + t["M_t"] @ (a / a.sum()))
        y = np.exp(t["V_y"] @ h + t["b_y"])
        said.append(y / y.sum())
    return np.array(said)


@pytest.mark.parametrize("left", [(None, 0), (None, 4), (2, 1), (0, 3)])
def test_a_table_that_the_network_holds_is_looked_over(left: tuple[int | None, int]) -> None:
    network = table_network()
    trace = Source.of_input(network, text_from("a b c a b")).run(interpreter="numpy")
    found = looking_of(trace)
    assert (found.look.formula, found.look.held, found.rows) == ("M_t @ a", True, (0, 1, 2, 3, 4))
    np.testing.assert_array_equal(found.weights, trace["layer0.forward"]["a"])
    assert (found.writers == -1).all(), "no token wrote it"
    ids = present(trace.sequence.ids).tolist()
    np.testing.assert_allclose(said_of(found), said_by_hand(network, ids, None), atol=1e-12)
    (without,) = each_without(found, [left])
    np.testing.assert_allclose(without.said, said_by_hand(network, ids, left), atol=1e-9)
    assert "column 3 is" in cell_words(found, 0, 3)
    lines = tuple(lines_of(found, said_of(found), {}))
    assert "z = M_t @ a" in lines[0]
    assert not any("found none" in line for line in lines)


def test_a_matrix_times_what_is_no_softmax_is_no_collection() -> None:
    cell = parse_cell(TABLE.replace("softmax(e)", "sigmoid(e)"), "table.toml")
    assert looks_of(cell) == ()
