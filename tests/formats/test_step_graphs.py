"""Graphs of one step, kept with what onnxruntime gave of them, and bad ones (`tests/campaigns/step_graphs.py`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaigns.step_graphs import HIDDEN, WIDTH, Hand, compared, hand_cases, iterated, lstm_ofgi, scan

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.open import Imported, ImportOptions, open_file
from lstm_tui.formats.importers.plan import Found, Plan
from lstm_tui.formats.importers.program.graph import random_of
from lstm_tui.formats.importers.step_graphs.layers_or_step import as_step
from lstm_tui.formats.importers.step_graphs.states import could_be_state
from lstm_tui.formats.importers.step_graphs.tried import _check

pytest.importorskip("onnx")
FOLDER = Path(__file__).parent / "files" / "steps"
KEPT = sorted(FOLDER.glob("*.onnx"))
STATE = {"x": (1, WIDTH), "h": (1, HIDDEN)}


def test_there_are_twenty() -> None:
    assert len(KEPT) >= 20


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_a_graph_of_one_step_steps_as_onnxruntime_does(path: Path) -> None:
    known = dict(np.load(path.with_suffix(".npz")))
    distance, cells = compared(path, {}, known)
    assert distance <= known["close"]
    for cell, wanted in zip(cells, known["cells"], strict=True):
        assert cell == wanted or not wanted


def opened(tmp_path: Path, data: bytes, **settings: str) -> Imported:
    path = tmp_path / "graph.onnx"
    path.write_bytes(data)
    return open_file(path, ImportOptions({name.replace("__", "."): value for name, value in settings.items()}))


def plain(kind: str = "Tanh", hand: Hand | None = None) -> Hand:
    """Return a plain layer whose new state `h_out` is not made yet; `s` is its sum."""
    hand = hand or Hand(1)
    hand.weight("W", WIDTH, HIDDEN)
    hand.weight("U", HIDDEN, HIDDEN)
    hand.node("MatMul", "x W", "a")
    hand.node("MatMul", "h U", "b")
    hand.node("Add", "a b", "s")
    return hand


@pytest.mark.parametrize(("alpha", "beta", "turned"), [(0.5, 1.0, 0), (1.0, -3.0, 0), (0.25, 2.0, 1)])
def test_what_scales_a_product_and_what_is_added_is_followed(
    tmp_path: Path, alpha: float, beta: float, turned: int
) -> None:
    """A graph is opened where its page gives what the file gives: another scale would be refused."""
    hand = plain()
    hand.weight("V", HIDDEN, HIDDEN)
    hand.weight("d", HIDDEN)
    hand.node("Gemm", "s V d", "g", alpha=alpha, beta=beta, transB=turned)
    hand.node("Tanh", "g", "h_out")
    report = opened(tmp_path, hand.model(STATE, {"h_out": (1, HIDDEN)})).report
    assert next(fact.how for fact in report.facts if fact.key == "compared") == "confirmed"


@pytest.mark.parametrize(("half", "most"), [(False, 1e-5), (True, 2e-3)])
def test_a_page_that_differs_by_more_than_rounding_is_refused(half: bool, most: float) -> None:
    """Of the largest number; with half the bits by what these round."""
    there = np.array([[0.0, -4.0], [0.5, 1.0]])
    assert _check(there + 3.96 * most, there, "y", "f.onnx", half) == pytest.approx(0.99 * most)
    with pytest.raises(UserError, match="otherwise than the file"):
        _check(there + 4.04 * most, there, "y", "f.onnx", half)


def refused(tmp_path: Path, hand: Hand, inputs: Any = None, outputs: Any = None, **settings: str) -> str:
    with pytest.raises(UserError) as said:
        opened(tmp_path, hand.model(inputs or STATE, outputs or {"h_out": (1, HIDDEN)}), **settings)
    text = str(said.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(("kind", "attributes"), [("Sin", {}), ("Floor", {}), ("Bernoulli", {}), ("CumSum", {})])
def test_an_op_without_an_equation_is_refused_by_name(tmp_path: Path, kind: str, attributes: dict[str, Any]) -> None:
    hand = plain()
    hand.index("last", 1)
    hand.node(kind, "s last" if kind == "CumSum" else "s", "h_out", **attributes)
    assert f"({kind})" in refused(tmp_path, hand)


def test_a_choice_by_a_state_is_refused_by_name(tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    hand = plain()
    hand.index("axes", 0, 1)
    hand.weight("zero", numbers=0.0)
    hand.node("ReduceSum", "s axes", "sum", keepdims=0)
    hand.node("Greater", "sum zero", "above")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, HIDDEN)) for name in ("t", "u")]
    bodies = [
        helper.make_graph([helper.make_node(kind, ["s"], [end.name])], kind, [], [end])
        for kind, end in zip(("Tanh", "Relu"), ends, strict=True)
    ]
    hand.node("If", "above", "h_out", then_branch=bodies[0], else_branch=bodies[1])
    assert "(If)" in refused(tmp_path, hand)


def test_a_circle_is_one_line(tmp_path: Path) -> None:
    hand = Hand(1)
    hand.node("Add", "x again", "h_out")
    hand.node("Add", "h_out h", "again")
    assert "circle" in refused(tmp_path, hand, {"x": (1, HIDDEN), "h": (1, HIDDEN)})


def test_a_loop_that_never_ends_is_one_line(tmp_path: Path) -> None:
    from onnx import load_model_from_string

    model = load_model_from_string(iterated())
    trips = next(one for one in model.graph.initializer if one.name == "trips")
    trips.raw_data = np.array([10**12], np.int64).tobytes()
    with pytest.raises(UserError, match="Loop"):
        opened(tmp_path, model.SerializeToString())


def test_a_state_that_says_it_is_huge_is_one_line(tmp_path: Path) -> None:
    hand = Hand(1)
    hand.node("Tanh", "h", "h_out")
    refused(tmp_path, hand, {"x": (1, 3), "h": (1 << 20, 1 << 12)}, {"h_out": (1 << 20, 1 << 12)})


def test_shapes_that_do_not_fit_are_one_line(tmp_path: Path) -> None:
    hand = plain()
    hand.node("Tanh", "s", "h_out")
    refused(tmp_path, hand, {"x": (1, WIDTH + 1), "h": (1, HIDDEN)})


def test_no_state_is_said_with_the_way_out(tmp_path: Path) -> None:
    hand = Hand(1)
    hand.weight("W", WIDTH, 2)
    hand.node("MatMul", "x W", "y")
    text = refused(tmp_path, hand, {"x": (1, WIDTH), "rest": (1, 4)}, {"y": (1, 2)})
    assert "state" in text
    assert "--set" in text


def test_where_every_input_is_taken_for_a_state_the_way_out_is_said_and_leads_there(tmp_path: Path) -> None:
    hand = Hand(1)
    hand.weight("U", HIDDEN, HIDDEN)
    hand.node("MatMul", "in1 U", "a")
    hand.node("Add", "a in0", "s")
    hand.node("Tanh", "s", "out1")
    hand.node("MatMul", "out1 U", "out0")
    sizes = (1, HIDDEN)
    ends = {"in0": sizes, "in1": sizes}, {"out0": sizes, "out1": sizes}
    assert "--set state.in0=none" in refused(tmp_path, hand, *ends)
    assert opened(tmp_path, hand.model(*ends), state__in0="none").network.input_size == HIDDEN


def test_several_steps_at_once_are_never_opened_in_silence(tmp_path: Path) -> None:
    hand = plain(hand=Hand(2))
    hand.node("Tanh", "s", "h_out")
    hand.index("shape", 4, 1, 2)
    hand.node("Reshape", "h shape", "series")
    for name, sizes in (("Wr", (1, 8, 2)), ("Rr", (1, 8, 8))):
        hand.weight(name, *sizes)
    hand.node("RNN", "series Wr Rr", "Y", hidden_size=8)
    file = opened(tmp_path, hand.model(STATE, {"Y": (4, 1, 1, 8), "h_out": (1, HIDDEN)}))
    assert any("4 steps" in one for one in file.report.remarks)


def two_of_one_shape() -> bytes:
    """Two states whose names say nothing of which output is which."""
    hand = Hand(3)
    hand.weight("W", WIDTH, HIDDEN)
    hand.weight("k", numbers=0.5)
    hand.node("MatMul", "x W", "a")
    hand.node("Add", "a p", "s")
    hand.node("Tanh", "s", "first")
    hand.node("Mul", "q k", "faded")
    hand.node("Add", "faded first", "second")
    sizes = (1, HIDDEN)
    return hand.model({"x": (1, WIDTH), "p": sizes, "q": sizes}, {"first": sizes, "second": sizes})


def test_what_names_do_not_say_is_assumed_said_and_decided(tmp_path: Path) -> None:
    file = opened(tmp_path, two_of_one_shape())
    facts = {fact.key: fact for fact in file.report.facts}
    assert (facts["state.p"].value, facts["state.p"].how) == ("first", "assumed")
    assert any("state.p" in one for one in file.report.remarks)
    turned = opened(tmp_path, two_of_one_shape(), state__p="second", state__q="first")
    texts = [one.network.passes[0].cell.text for one in (file, turned)]
    assert texts[0] != texts[1]
    with pytest.raises(UserError, match=r"state\.q"):
        opened(tmp_path, two_of_one_shape(), state__p="second", state__q="second")


def test_a_network_of_known_cells_is_confirmed_by_being_run(tmp_path: Path) -> None:
    file = opened(tmp_path, lstm_ofgi())
    facts = {fact.key: (fact.value, fact.how) for fact in file.report.facts}
    assert facts["layer0.cell"] == ("lstm", "inferred")
    assert facts["compared"][1] == "confirmed"


def test_a_loop_begins_as_its_file_says(tmp_path: Path) -> None:
    network = opened(tmp_path, scan()).network
    start = network.tensors()["layer0.forward/h_0"]
    assert np.any(start)


def many_rows(joined: bool) -> bytes:
    """Return a plain layer over four rows, which read each other where they are `joined`."""
    hand = plain()
    if joined:
        hand.index("rows", 0)
        hand.node("ReduceMean", "s rows", "mean")
        hand.node("Add", "s mean", "both")
    hand.node("Tanh", "both" if joined else "s", "h_out")
    return hand.model({"x": (4, WIDTH), "h": (4, HIDDEN)}, {"h_out": (4, HIDDEN)})


def test_of_rows_that_do_not_read_each_other_one_is_taken(tmp_path: Path) -> None:
    alone, joined = (opened(tmp_path, many_rows(one)) for one in (False, True))
    assert alone.network.input_size == WIDTH
    assert [one.cell.name for one in alone.network.passes] == ["rnn"]
    assert joined.network.input_size == 4 * WIDTH


def policy(sign: str, value: str = "value") -> bytes:
    """Return a policy whose state is set back where a sign says so, and which says the worth of where it is."""
    hand = Hand(2)
    hand.weight("one", numbers=1.0)
    hand.node("Sub", f"one {sign}", "goes_on")
    hand.node("Mul", "h goes_on", "held")
    hand.weight("W", WIDTH, HIDDEN)
    hand.weight("U", HIDDEN, HIDDEN)
    hand.node("MatMul", "x W", "a")
    hand.node("MatMul", "held U", "b")
    hand.node("Add", "a b", "s")
    hand.node("Tanh", "s", "h_out")
    hand.weight("V", HIDDEN, 1)
    hand.node("MatMul", "h_out V", value)
    return hand.model({"x": (1, WIDTH), sign: (1, 1), "h": (1, HIDDEN)}, {value: (1, 1), "h_out": (1, HIDDEN)})


@pytest.mark.parametrize(
    "sign", ["done", "dones", "reset", "not_done", "episode_start", "is_first", "mask", "prev_done", "terminated"]
)
def test_a_sign_that_an_episode_ended_is_read_and_kept_by_no_step(sign: str, tmp_path: Path) -> None:
    """Its shape is that of the worth that comes out."""
    file = opened(tmp_path, policy(sign))
    facts = {one.key: one for one in file.report.facts}
    assert (facts[f"state.{sign}"].value, facts[f"state.{sign}"].how) == ("none", "inferred")
    assert "begins or ends" in facts[f"state.{sign}"].why
    assert file.network.input_size == WIDTH + 1


def test_a_shape_alone_makes_no_state_beside_one_that_is_named(tmp_path: Path) -> None:
    file = opened(tmp_path, policy("q"))
    facts = {one.key: one for one in file.report.facts}
    assert (facts["state.q"].value, facts["state.q"].how) == ("none", "assumed")
    assert facts["state.h"].value == "h_out"
    assert any("state.q" in one for one in file.report.remarks), "what is assumed is said"
    again = opened(tmp_path, policy("q"), state__q="value")
    assert again.network.input_size == WIDTH


def test_a_state_that_is_called_like_a_sign_is_one_where_both_names_are_one() -> None:
    assert could_be_state("start_state", ["start_state_out"])
    assert not could_be_state("done", ["done_out"])


def test_a_gate_that_stands_for_two_is_no_gru(tmp_path: Path) -> None:
    hand = plain()
    hand.weight("one", numbers=1.0)
    hand.node("Sigmoid", "s", "f")
    hand.node("Mul", "f h", "reset")
    hand.weight("R", HIDDEN, HIDDEN)
    hand.node("MatMul", "reset R", "sn")
    hand.node("Add", "sn a", "n_in")
    hand.node("Tanh", "n_in", "n")
    hand.node("Sub", "one f", "keeps")
    hand.node("Mul", "keeps h", "kept")
    hand.node("Mul", "f n", "written")
    hand.node("Add", "kept written", "h_out")
    network = opened(tmp_path, hand.model(STATE, {"h_out": (1, HIDDEN)})).network
    assert network.passes[0].cell.name not in ("gru", "gru_reset_before")


def test_an_edited_weight_of_a_page_goes_back_into_the_file(tmp_path: Path) -> None:
    from lstm_tui.formats.write_back.write_back import written_back

    hand = plain()
    hand.node("Tanh", "s", "n")
    hand.weight("k", numbers=0.5)
    hand.node("Mul", "h k", "faded")
    hand.node("Add", "faded n", "h_out")
    network = opened(tmp_path, hand.model(STATE, {"h_out": (1, HIDDEN)})).network
    edited = network.copy()
    name = next(one for one in edited.tensors() if one.startswith("layer0.forward/U_"))
    edited.tensors()[name][0, 1] = 0.5
    (tmp_path / "edited.onnx").write_bytes(written_back(edited).data)
    again = open_file(tmp_path / "edited.onnx").network
    assert np.array_equal(again.tensors()[name], edited.tensors()[name])


def test_cases_by_hand_are_kept() -> None:
    assert len(hand_cases()) <= len(KEPT)


@pytest.mark.parametrize("towers", [1, 2])
def test_a_state_beside_recurrent_nodes_that_is_not_carried_is_said_of_each_network(towers: int) -> None:
    class Failing:
        def plan(self, report: ImportReport) -> Plan:
            raise UserError("what is no step")

    found = [Found(str(n), ("rnn",), lambda report: Plan("", [])) for n in range(towers)]
    for one in as_step(found, Failing(), True, ImportReport("f.onnx")):  # type: ignore[arg-type]
        report = ImportReport("f.onnx")
        one.plan(report)
        assert report.warnings == ["a state stands beside its recurrent nodes and is not carried: what is no step"]


def test_what_is_normalised_row_by_row_is_followed_row_by_row(tmp_path: Path) -> None:
    hand = plain()
    rows, whole = hand.index("rows", 1, 2, HIDDEN // 2), hand.index("whole", 1, HIDDEN)
    hand.weight("g", HIDDEN // 2)
    hand.node("Reshape", f"s {rows}", "r")
    hand.node("LayerNormalization", "r g", "n", axis=-1)
    hand.node("Reshape", f"n {whole}", "h_out")
    report = opened(tmp_path, hand.model(STATE, {"h_out": (1, HIDDEN)})).report
    assert next(fact.how for fact in report.facts if fact.key == "compared") == "confirmed"


@pytest.mark.parametrize("kind", range(1, 17))
def test_numbers_that_are_tried_are_at_random_in_their_kind(kind: int) -> None:
    """Zeros would show nothing of what a file does with its input."""
    made = random_of(kind, (40, 3), np.random.default_rng(1))
    assert made.shape == (40, 3)
    if made.dtype.kind == "f":
        assert len(np.unique(made)) > 60
        assert made.min() < 0 < made.max()
    elif made.dtype.kind in "iu":
        assert set(made.ravel().tolist()) == {0, 1}, "ids that any table has"
    else:
        assert made.all() or made.dtype.kind not in "b"
