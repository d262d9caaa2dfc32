"""`let` and `ablate`: the same as a network of the variant's own cell file; described, undone, exported."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from edited_networks import sentence, stacked
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.debugger.edits.ablations import ABLATIONS
from lstm_tui.debugger.edits.apply import apply
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.edits.language import CellEdit, line_of
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import cell_names, changed_cell, load_cell
from lstm_tui.engine.language.toml import page_text, parse_page
from lstm_tui.engine.model.network import Network, build_network, spec_of
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.traces.trace_file import read, write

VARIANTS = {name: f"greff_{name}" for name in ABLATIONS if name != "np"} | {"np": "lstm"}
PEEPHOLES = ["p_f", "p_i", "p_o"]


def edited(network: Network, *lines: str) -> Session:
    session = Session.open(Source(network, [sentence(network)]))
    session.edit(*(parse_edit(line) for line in lines))
    return session


def with_cell(network: Network, name: str, without: list[str]) -> Network:
    """Return a network of another cell with the weights of the same names."""
    spec = spec_of(network)
    spec["cells"] = {}
    optional = load_cell(name).optional
    for layer in spec["layers"]:
        layer["cell"], layer["without"] = name, [one for one in without if one in optional]
    fresh = build_network(spec, dtype=network.dtype)
    kept = network.tensors()
    return build_network(spec, {tensor: kept[tensor] for tensor in fresh.tensors()}, dtype=network.dtype)


def without_peepholes(network: Network) -> Network:
    spec = spec_of(network)
    for layer in spec["layers"]:
        layer["without"] = PEEPHOLES
    kept = {name: view for name, view in network.tensors().items() if name.rpartition("/")[2] not in PEEPHOLES}
    return build_network(spec, kept, dtype=network.dtype)


def assert_same(one: Trace, two: Trace) -> None:
    for name, passed in two.items():
        for value, series in passed.items():
            assert np.array_equal(one[name][value], series), (name, value)
    assert one.result is not None
    assert two.result is not None
    assert np.array_equal(one.result, two.result)


@pytest.mark.parametrize("interpreter", ["numpy", "numba"])
@pytest.mark.parametrize("variant", ABLATIONS)
def test_an_ablated_network_is_one_of_the_variants_own_cell(variant: str, interpreter: str) -> None:
    network = stacked("lstm_peephole")
    made = apply([parse_edit(f"ablate {variant}")], network, sentence(network))
    expected = with_cell(network, VARIANTS[variant], [])
    assert_same(
        run(made.network, made.sequence, interpreter), run(expected, sentence(network), interpreter)
    )  # fmt: skip
    assert set(made.network.tensors()) == set(expected.tensors())


@pytest.mark.parametrize("variant", [one for one in ABLATIONS if one != "np"])
def test_what_was_left_out_stays_out(variant: str) -> None:
    network = without_peepholes(stacked("lstm_peephole"))
    made = apply([parse_edit(f"ablate {variant}")], network, sentence(network))
    expected = with_cell(network, VARIANTS[variant], PEEPHOLES)
    assert_same(run(made.network, made.sequence), run(expected, sentence(network)))
    plain = apply([parse_edit(f"ablate {variant}")], stacked("lstm"), sentence(network))
    assert set(plain.network.tensors()) == set(made.network.tensors())


def test_one_pass_alone_and_the_network_that_was_opened_stays_as_it_was() -> None:
    network = stacked()
    before = {name: view.copy() for name, view in network.tensors().items()}
    session = edited(network, "ablate nfg layer0.backward", "weight layer0.forward/W_f * 2", "weight embedding * 0.5")
    assert all(np.array_equal(view, before[name]) for name, view in network.tensors().items())
    trace = session.frame.trace
    assert (trace["layer0.backward"]["f"] == 1).all()
    assert trace["layer0.forward"]["f"].max() < 1
    assert trace["layer0.forward"].cell is network.layers[0].passes[0].cell
    assert "layer0.backward/W_f" not in session.edited.network.tensors()
    assert "layer1.backward/W_f" in session.edited.network.tensors()


def test_let_is_what_holding_the_value_would_be() -> None:
    network = stacked()
    let = edited(network, "let layer0.forward.f = 1", "let layer1.backward.o = 0.5").frame.trace
    held = edited(network, "set layer0.forward.f[:] @ : = 1", "set layer1.backward.o[:] @ : = 0.5").frame.trace
    assert_same(let, held)


def test_an_equation_moves_under_what_it_reads() -> None:
    session = edited(stacked(), "let f = 1 - i")
    trace = session.frame.trace
    assert trace["layer0.forward"].cell.values == ("i", "f", "g", "c", "o", "h")
    assert np.array_equal(trace["layer1.forward"]["f"], np.float32(1) - trace["layer1.forward"]["i"])


def test_it_is_told_undone_compared_exported_and_read_again(tmp_path: Any) -> None:
    network = stacked()
    baseline = Session.open(Source(network, [sentence(network)])).frame.trace
    session = edited(network, "ablate nog", "let layer0.forward.f = 1")
    assert session.words == (
        "no output gate: it is 1, the whole memory is shown (all passes: o = 1); without W_o, U_o, b_o",
        "forget gate f of layer0.forward = 1, was sigmoid(W_f @ x + U_f @ h + b_f); without W_f, U_f, b_f",
    )
    difference = session.frame.difference
    assert difference is not None
    change = difference.of("layer0.forward", "f")
    assert np.array_equal(change, 1 - baseline["layer0.forward"]["f"])
    for ending in ("json", "npz", "ndjson"):
        write(session.frame.trace, tmp_path / f"t.{ending}")
        again = read(tmp_path / f"t.{ending}")
        assert again.edits == ("ablate nog", "let layer0.forward.f = 1")
        assert again["layer0.forward"].cell.equation("f").text == "f = 1"
        assert again["layer0.backward"].cell.equation("f").text == "f = sigmoid(W_f @ x + U_f @ h + b_f)"
        assert np.array_equal(again["layer0.forward"]["c"], session.frame.trace["layer0.forward"]["c"])
    session.undo()
    assert (session.frame.trace["layer0.forward"]["f"] < 1).any()
    session.undo()
    assert_same(session.frame.trace, baseline)
    session.keep_edits(2)
    assert (session.frame.trace["layer0.forward"]["f"] == 1).all()


def test_unlike_cells_have_unlike_names_and_like_ones_the_same() -> None:
    session = edited(stacked(), "ablate nog", "let layer0.forward.f = 1", "let layer1.forward.f = 0.5", "let i = 1")
    cells = [passed.cell for passed in session.frame.trace.values()]
    assert len({cell.name for cell in cells}) == len({cell.text for cell in cells}) == 3
    assert cells[1].name == cells[3].name == "lstm_nog_i"


def test_values_and_weights_of_a_changed_cell_can_be_edited() -> None:
    session = edited(
        stacked(), "let f = sigmoid(W_f @ x)", "set layer0.forward.f[1] @ 2 = 0", "weight layer0.forward/W_f[2,:] = 0",
        'insert 1 "not"', "let f = 1",
    )  # fmt: skip
    forget = session.frame.trace["layer0.forward"]["f"]
    assert forget[3, 1] == 0
    assert forget.sum() == forget.size - 1
    with pytest.raises(UserError, match=r"no parameter layer0\.forward/W_f"):
        session.edit(parse_edit("weight layer0.forward/W_f[2,:] = 0"))
    assert len(session.history.active) == 5


MISTAKES = {
    "let f = 1 - j": "column 13: `j` is not defined (a parameter has a _ in its name); there are x, f, i, g, c, o, h",
    "let f = sigmoid(W_q @ x)": "column 17: there is no parameter `W_q`, and a new one would not be trained; did you",
    "let f = sigmoyd(W_f @ x)": "column 9: there is no function `sigmoyd`; did you mean sigmoid?",
    "let  layer0.forward.f =  tahn(c)": "column 26: there is no function `tahn`; did you mean tanh?",
    "let q = 1": "no pass has a value q; there are f, i, g, c, o, h",
    "let layer0.forward.ff = 1": "layer0.forward has no value ff; did you mean f?",
    "let f = W_f @ h": "layer0.forward/W_f is 4×5, and is used here as 4×4",
    "let f = U_f @ x": "layer0.forward/U_f is 4×4, and is used here as 4×5",
    "let i = 1 - o": "column 13: `c` is computed from `i`, so `i` cannot be computed from `o`",
    "let c = f * c + i * g + o": "column 25: `o` is computed later, and the state `c` stays where it is",
    "let f = f * 0.5": "column 9: `f` is read above its equation",
    "let f = '''": "column 9: a string is not in the language",
    "let f = h[0]": "column 10: a subscript or list is not in the language",
    "let f = __import__('os')": "column 20: a string is not in the language",
    "let f = " + "-" * 500 + "1": "column 41: nested deeper than 32",
    "let f = ": "column 7: expected one = and an equation; such as: let layer0.forward.f = 1",
    "let f == 1": "column 8: expected one = and an equation",
    "let h = o * tanh(c)": "h already reads so",
    "let layer7.forward.f = 1": "there is no pass layer7.forward; there are layer0.forward, layer0.backward",
    "ablate": "column 7: expected a variant; such as: ablate nfg",
    "ablate nfgg": "there is no ablation nfgg; did you mean nfg?",
    "ablate fgr": "fgr takes nothing away: it adds weights",
    "ablate np": "layer0.forward has no peepholes: it is NP already",
    "ablate nfg layer7.forward": "there is no pass layer7.forward",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_said_with_its_column_and_nothing_is_changed(line: str) -> None:
    network = stacked()
    session = Session.open(Source(network, [sentence(network)]))
    with pytest.raises(UserError) as refused:
        session.edit(parse_edit(line))
    assert MISTAKES[line] in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not session.history.edits


@pytest.mark.parametrize(
    ("cell", "variant", "expected"),
    [
        ("gru", "nfg", "keeps no memory apart from what it shows"),
        ("rnn", "nog", "keeps no memory apart from what it shows"),
        ("lstm_1997", "nfg", "has no forget gate to take away"),
        ("lstm_cifg", "nig", "gates are coupled"),
        ("greff_niaf", "niaf", "g is not squashed as it is"),
        ("greff_noaf", "noaf", "h shows c as it is already"),
        ("greff_nfg", "nfg", "f is 1.0 already"),
    ],
)
def test_what_a_cell_does_not_have_cannot_be_taken_away(cell: str, variant: str, expected: str) -> None:
    network = stacked(cell)
    with pytest.raises(UserError, match=expected):
        edited(network, f"ablate {variant}")


def test_squashes_that_are_scaled_are_taken_away_whole() -> None:
    trace = edited(stacked("lstm_1997"), "ablate niaf", "ablate noaf").frame.trace
    texts = [equation.text for equation in trace["layer0.forward"].cell.equations]
    assert "g = W_g @ x + U_g @ h + b_g" in texts
    assert "h = o * c" in texts


@pytest.mark.parametrize("name", cell_names())
def test_any_cell_written_again_is_the_same_cell(name: str) -> None:
    cell = load_cell(name)
    keys = parse_page(cell.text, "cell").keys
    assert parse_page(page_text(keys), "cell").keys == {**keys, "equations": keys["equations"].strip("\n") + "\n"}
    again = changed_cell(cell, {cell.values[-1]: cell.equations[-1].text.partition("=")[2]}, name)
    assert [one.text for one in again.equations] == [one.text for one in cell.equations]
    kept = ("state", "output", "sizes", "initial", "optional", "fixed", "mask", "parameters", "start")
    for key in kept:
        assert getattr(again, key) == getattr(cell, key), key
    assert [one.label for one in again.equations] == [one.label for one in cell.equations]


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="fighcox UWb_@*+-()1.09,#'\"\\\n=\x1b𝐡", max_size=40))
def test_no_text_does_more_than_an_equation_or_a_line_of_error(text: str) -> None:
    network = stacked()
    try:
        made = apply([CellEdit("let", "f", None, text)], network, sentence(network))
    except UserError as error:
        said = str(error)
        assert not set("\n\x1b") & set(said)
        return
    assert made.network.passes[0].cell.values.count("f") == 1
    assert set(made.network.tensors()) <= set(network.tensors())


@pytest.mark.parametrize(
    "line", ["let f = 1", "let layer0.backward.c = f * c + i * g", "ablate cifg", "ablate np layer1.forward"]
)
def test_a_line_reads_back(line: str) -> None:
    assert line_of(parse_edit(line)) == line
    assert parse_edit(f"  {line}  ") == parse_edit(line)


@pytest.mark.parametrize("variant", ["nfg", "nig", "nog", "niaf", "cifg"])
def test_where_nothing_is_written_any_more_nothing_can_be_taken_away(variant: str) -> None:
    from lstm_tui.debugger.commands.dispatch import answer

    network = stacked()
    session = Session.open(Source(network, [sentence(network)]))
    answer(session, "let c = f * c")
    with pytest.raises(UserError, match="writes nothing to c any more"):
        answer(session, f"ablate {variant}")
