"""What an application recorded is read in each layout, beside a loop in plain NumPy; what is none is refused."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import lstm_step
from saved_arrays import savez

from lstm_tui.cli import stream_mistakes
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.formats.streams.diagnosis import StreamDiagnosis, _output_beside, _Trials, diagnose, difference
from lstm_tui.formats.streams.fitted_stream import fitted, in_context
from lstm_tui.formats.streams.mistakes import carry, mistakes
from lstm_tui.formats.streams.recorded_stream import read_recorded_stream

INPUTS, HIDDEN, STEPS, CHUNKS = 3, 5, 4, 9


def network(tokens: bool = False, readout: str = "linear") -> Network:
    layers = [{"cell": "lstm", "hidden_size": HIDDEN, "directions": ["forward"], "merge": "concat"}]
    spec: dict[str, Any] = {"name": "small", "input_size": INPUTS, "layers": layers, "readout": readout, "outputs": 2}
    if tokens:
        del spec["input_size"]
        known = {"kind": "words", "vocabulary": [f"w{n}" for n in range(7)], "lowercase": False}
        spec |= {"tokens": known, "embedding_size": INPUTS}
    made = build_network(spec)
    rng = np.random.default_rng(3)
    for view in made.tensors().values():
        view[...] = rng.normal(0, 0.7, view.shape)
    return made


NETWORK = network()


def run(rows: np.ndarray, h: np.ndarray, c: np.ndarray, of: Network = NETWORK) -> tuple[np.ndarray, ...]:
    """Return the outputs and the last states of a loop over steps."""
    tensors = of.tensors()
    p = {name.partition("/")[2]: one.astype(np.float64) for name, one in tensors.items()}
    said = []
    for row in rows:
        made = lstm_step(p, row, h, c)
        h, c = made["h"], made["c"]
        said.append(tensors["readout/V_y"] @ h + tensors["readout/b_y"])
    return np.array(said), h, c


def stream(reset: bool = False, seed: int = 1) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Return inputs, outputs, and h behind each chunk."""
    rng = np.random.default_rng(seed)
    h = c = np.zeros(HIDDEN)
    inputs, outputs, states = [], [], []
    for _ in range(CHUNKS):
        rows = rng.normal(0, 1, (STEPS, INPUTS))
        said, h, c = run(rows, h, c)
        inputs.append(rows)
        outputs.append(said)
        states.append(h)
        if reset:
            h = c = np.zeros(HIDDEN)
    return inputs, outputs, states


def told(path: Path, of: Network = NETWORK, context: int = 0) -> StreamDiagnosis:
    return diagnose(fitted(read_recorded_stream(path), of, context))


def test_every_layout_is_the_same_recording(tmp_path: Path) -> None:
    inputs, outputs, states = stream()
    by_chunk = {f"{kind}/{n}": one for kind, each in (("input", inputs), ("output", outputs)) for n, one in
                enumerate(each)}  # fmt: skip
    savez(tmp_path / "a.npz", by_chunk | {f"state/{n}/layer0.forward/h": one for n, one in enumerate(states)})
    whole = {"input": np.array(inputs), "output": np.array(outputs), "state/layer0.forward/h": np.array(states)}
    savez(tmp_path / "b.npz", whole)
    savez(tmp_path / "c.npz", {name: one[:, None] for name, one in whole.items()})  # a batch of one
    lines = [{"input": x.tolist(), "output": y.tolist(), "state": {"layer0.forward/h": h.tolist()}} for x, y, h in
             zip(inputs, outputs, states, strict=True)]  # fmt: skip
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = [told(tmp_path / name) for name in ("a.npz", "b.npz", "c.npz", "d.jsonl")]
    assert all(one.first is None and one.compared == CHUNKS for one in found)
    assert len({one.largest for one in found[:2]}) == 1
    assert all(one.largest < 1e-5 for one in found)


def test_a_state_of_zero_at_every_chunk_is_named_and_how_far_it_then_differs(tmp_path: Path) -> None:
    inputs, outputs, _ = stream(reset=True)
    savez(tmp_path / "r.npz", {"input": np.array(inputs), "output": np.array(outputs)})
    found = told(tmp_path / "r.npz")
    right = stream()[1]
    assert found.first is not None
    assert (found.first.chunk, found.first.what) == (1, "output")
    assert found.largest == pytest.approx(max(difference(one, two) for one, two in zip(right, outputs, strict=True)))
    (one,) = found.explanations
    assert one.said == "the state is zero at every chunk"
    assert one.largest < 1e-5
    assert found.tried > 20


def check_resets(at: list[int], folder: Path) -> None:
    """Check that a state which is set back at some chunks is named there."""
    rng = np.random.default_rng(7)
    h = c = np.zeros(HIDDEN)
    inputs, outputs = [], []
    for n in range(CHUNKS):
        rows = rng.normal(0, 1, (STEPS, INPUTS))
        if n in at:
            h = c = np.zeros(HIDDEN)
        said, h, c = run(rows, h, c)
        inputs.append(rows)
        outputs.append(said[-1])
    savez(folder / "r.npz", {"input": np.array(inputs), "output": np.array(outputs)})
    found = told(folder / "r.npz")
    assert any(one.kind == "reset" and (not one.chunks or set(one.chunks) <= set(at)) for one in found.explanations)
    assert all(one.kind == "reset" for one in found.explanations)


def test_resets_at_no_regular_chunks_are_found_where_they_were(tmp_path: Path) -> None:
    check_resets([1, 2, CHUNKS - 1], tmp_path)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(at=st.lists(st.integers(1, CHUNKS - 1), min_size=1, max_size=4, unique=True))
def test_resets_anywhere_are_found_where_they_were(at: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    check_resets(at, tmp_path_factory.mktemp("resets"))


def test_states_that_part_alone_are_told(tmp_path: Path) -> None:
    inputs, outputs, states = stream()
    states[4] = states[4] + 0.1
    arrays = {"input": np.array(inputs), "output": np.array(outputs), "state/layer0.forward/h": np.array(states)}
    savez(tmp_path / "r.npz", arrays)
    first = told(tmp_path / "r.npz").first
    assert first is not None
    assert (first.chunk, first.what) == (4, "layer0.forward/h")


def test_states_by_the_name_of_another_are_named(tmp_path: Path) -> None:
    inputs, outputs, states = stream()
    cells = [np.arctanh(np.clip(one, -0.9, 0.9)) for one in states]  # no state of the run
    arrays = {"input": np.array(inputs), "output": np.array(outputs), "state/layer0.forward/c": np.array(states)}
    savez(tmp_path / "r.npz", arrays)
    found = told(tmp_path / "r.npz")
    assert [one.said for one in found.explanations] == ["what is recorded as layer0.forward/c is layer0.forward/h"]
    savez(tmp_path / "r.npz", arrays | {"state/layer0.forward/c": np.array(cells)})
    found = told(tmp_path / "r.npz")
    assert not found.explanations
    assert "only what is recorded as states" in found.notes[0]


@pytest.mark.parametrize("unit", [0, 1])
@pytest.mark.parametrize("whole", [True, False])
def test_one_number_of_several_is_found(unit: int, whole: bool, tmp_path: Path) -> None:
    inputs, outputs, _ = stream(reset=True)
    said = np.array(outputs)[:, :, unit]
    savez(tmp_path / "r.npz", {"input": np.array(inputs), "output": said if whole else said[:, -1]})
    recorded = fitted(read_recorded_stream(tmp_path / "r.npz"), NETWORK)
    assert recorded.chunks[0].unit == unit
    assert [one.said for one in diagnose(recorded).explanations] == ["the state is zero at every chunk"]


@pytest.mark.parametrize("reset", [True, False])
def test_samples_of_16_bits_are_divided_where_that_fits(reset: bool, tmp_path: Path) -> None:
    inputs, _, _ = stream()
    whole = [np.clip(one * 8000, -32768, 32767).astype(np.int16) for one in inputs]
    outputs, h, c = [], np.zeros(HIDDEN), np.zeros(HIDDEN)
    for rows in whole:
        said, h, c = run(rows / 32768, h, c)
        outputs.append(said)
        if reset:
            h = c = np.zeros(HIDDEN)
    savez(tmp_path / "r.npz", {"input": np.array(whole), "output": np.array(outputs)})
    recorded = fitted(read_recorded_stream(tmp_path / "r.npz"), NETWORK)
    assert recorded.divided == 32768
    assert [one.kind for one in diagnose(recorded).explanations] == ["reset"] * reset


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("last", [True, False])
def test_logits_are_read_as_what_a_softmax_makes_of_them(reset: bool, last: bool, tmp_path: Path) -> None:
    of = network(readout="dense")
    for name, view in of.tensors().items():
        view[...] = NETWORK.tensors()[name]
    inputs, logits, _ = stream(reset=reset)
    said = [one[-1] for one in logits] if last else logits
    savez(tmp_path / "r.npz", {"input": np.array(inputs), "output": np.array(said)})
    recorded = fitted(read_recorded_stream(tmp_path / "r.npz"), of)
    assert recorded.softmax
    found = diagnose(recorded)
    content = stream_mistakes._content(recorded, found)
    assert content["logits"]
    assert ["recorded as logits" in one for one in content["read_as"]] == [True]
    assert [one.said for one in found.explanations] == ["the state is zero at every chunk"] * reset
    assert (found.first is None) is not reset


def test_what_fits_as_it_is_is_not_taken_for_logits(tmp_path: Path) -> None:
    inputs, outputs, _ = stream()
    savez(tmp_path / "r.npz", {"input": np.array(inputs), "output": np.array(outputs)})
    assert not fitted(read_recorded_stream(tmp_path / "r.npz"), NETWORK).softmax
    made = [np.exp(one) / np.exp(one).sum(axis=1, keepdims=True) for one in outputs]
    savez(tmp_path / "r.npz", {"input": np.array(inputs), "output": np.array(made)})
    of = network(readout="dense")
    assert not fitted(read_recorded_stream(tmp_path / "r.npz"), of).softmax


def test_states_alone_are_compared_too(tmp_path: Path) -> None:
    inputs, _, states = stream()
    savez(tmp_path / "r.npz", {"input": np.array(inputs), "state/layer0.forward/h": np.array(states)})
    assert told(tmp_path / "r.npz").first is None
    savez(tmp_path / "r.npz", {"input": np.array(inputs) * 1e300, "state/layer0.forward/h": np.array(states)})
    found = told(tmp_path / "r.npz")
    assert found.first is not None
    assert found.first.what == "layer0.forward/h"


def test_more_numbers_than_are_held_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, outputs, _ = stream()
    savez(tmp_path / "r.npz", {"input": np.array(inputs), "output": np.array(outputs)})
    monkeypatch.setattr("lstm_tui.formats.streams.recorded_stream.MOST_NUMBERS", 100)
    with pytest.raises(UserError, match="and 100 is the most; record a part of it"):
        told(tmp_path / "r.npz")


def test_half_precision_raises_no_alarm_and_hides_no_reset(tmp_path: Path) -> None:
    for reset in (False, True):
        inputs, outputs, _ = stream(reset=reset)
        arrays = {"input": np.array(inputs), "output": np.array(outputs).astype(np.float16)}
        savez(tmp_path / "r.npz", arrays)
        found = told(tmp_path / "r.npz")
        assert (found.first is not None) == reset
        assert not reset or found.explanations[0].kind == "reset"
        assert found.close > 1e-3


def test_text_is_ids_and_the_top_layer_is_an_output(tmp_path: Path) -> None:
    of = network(tokens=True)
    ids = np.random.default_rng(1).integers(0, 7, (CHUNKS, STEPS))
    h = c = np.zeros(HIDDEN)
    shown = []
    for chunk in ids:
        tensors = {name.partition("/")[2]: one.astype(np.float64) for name, one in of.tensors().items()}
        for row in of.tensors()["embedding"][chunk]:
            made = lstm_step(tensors, row, h, c)
            h, c = made["h"], made["c"]
            shown.append(h)
    savez(tmp_path / "r.npz", {"input": ids, "output": np.array(shown).reshape(CHUNKS, STEPS, HIDDEN)})
    assert told(tmp_path / "r.npz", of).first is None


def test_what_is_not_finite_is_compared_and_never_the_same_as_a_number(tmp_path: Path) -> None:
    inputs, outputs, _ = stream()
    outputs[3] = np.full_like(outputs[3], np.nan)
    savez(tmp_path / "r.npz", {"input": np.array(inputs), "output": np.array(outputs)})
    found = told(tmp_path / "r.npz")
    assert found.first is not None
    assert found.first.chunk == 3
    assert not found.explanations
    assert difference(np.array([math.nan, math.inf]), np.array([math.nan, math.inf])) == 0
    assert difference(np.array([math.nan]), np.array([0.0])) == math.inf
    assert difference(np.array([math.inf]), np.array([-math.inf])) == math.inf


def test_lines_with_the_mark_of_their_encoding_are_read_and_what_json_lacks_is_named(tmp_path: Path) -> None:
    line = '{"input": [[1, 2, 3]], "output": [[4]]}\n'
    (tmp_path / "r.jsonl").write_bytes(b"\xef\xbb\xbf" + line.encode())
    assert read_recorded_stream(tmp_path / "r.jsonl").chunks[0].inputs.tolist() == [[1, 2, 3]]
    for constant in ("NaN", "Infinity", "-Infinity"):
        (tmp_path / "r.jsonl").write_text(line + line.replace("2", constant))
        with pytest.raises(UserError, match=f"line 2: holds {constant}, which is not JSON"):
            read_recorded_stream(tmp_path / "r.jsonl")


def test_a_context_is_the_end_of_what_was_before() -> None:
    samples = [np.arange(6.0).reshape(2, 3), np.arange(6.0, 9).reshape(1, 3)]
    rows = np.concatenate(in_context(samples, 2))
    assert rows.tolist() == [[0, 0, 0, 1, 2], [1, 2, 3, 4, 5], [4, 5, 6, 7, 8]]


def test_the_first_step_is_no_matter_of_states(tmp_path: Path) -> None:
    inputs, outputs, _ = stream()
    savez(tmp_path / "r.npz", {"input": np.array(inputs), "output": np.array(outputs) + 0.5})
    found = told(tmp_path / "r.npz")
    assert not found.explanations
    assert "at the very first step" in " ".join(found.notes)


ONE = np.zeros((2, STEPS, INPUTS))
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no inputs": ({"output": ONE}, "should hold input/0"),
    "no outputs": ({"input": ONE}, "nothing to compare"),
    "a gap": ({"input/0": ONE[0], "input/2": ONE[0], "output/0": ONE[0, :, :2]}, "no input/1"),
    "outputs of no chunk": ({"input/0": ONE[0], "output/4": ONE[0, :, :2]}, "no input/4"),
    "columns": ({"input": np.zeros((2, 4, 4)), "output": np.zeros((2, 4, 2))}, "chunk 0: its input is 4×4"),
    "outputs": ({"input": ONE, "output": np.zeros((2, 4, 7))}, "chunk 0: its output is 4×7"),
    "a state": ({"input": ONE, "output": ONE[:, :, :2], "state/layer0.forward/hh": np.zeros((2, 5))}, "did you mean"),
    "its size": ({"input": ONE, "output": ONE[:, :, :2], "state/layer0.forward/h": np.zeros((2, 3))}, "should hold 5"),
    "streams": ({"input": ONE, "output": ONE[:, :, :2], "stream": np.zeros(3)}, "each of the 2 chunks"),
    "both ways to say it": ({"input": ONE, "input/0": ONE[0], "output": ONE[:, :, :2]}, "give the chunks one way"),
    "text": ({"input": np.array(["a"]), "output": ONE}, "holds text"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_recording_is_refused_by_its_place(what: str, tmp_path: Path) -> None:
    arrays, said = BAD[what]
    savez(tmp_path / "r.npz", arrays)
    with pytest.raises(UserError, match=said) as error:
        told(tmp_path / "r.npz")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"output": [1]}', "line 1: input is missing"),
        ('{"input": [[1], [1, 2]], "output": [1]}', "lists of numbers"),
        ('{"input": "x", "output": 1}', "should be numbers"),
        ('{"input": [1], "state": 3, "output": [1]}', "must be an object"),
        ('{"input": [1', "not JSON"),
        ("hello", "neither a .npz nor lines of JSON"),
        ('{"input": [{}], "output": [1]}', "lists of numbers"),
    ],
)
def test_lines_that_are_none_are_refused_by_their_place(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text(text)
    with pytest.raises(UserError, match=said):
        told(tmp_path / "r.jsonl")


def test_every_mistake_has_its_own_sentence_and_a_cure(tmp_path: Path) -> None:
    inputs, outputs, _ = stream()
    savez(tmp_path / "r.npz", {"input": np.array(inputs), "output": np.array(outputs)})
    made = list(mistakes(fitted(read_recorded_stream(tmp_path / "r.npz"), NETWORK)))
    assert len({one.said for one in made}) == len(made)
    assert all(one.cure and not one.said.endswith(".") for one in made)


@pytest.mark.parametrize("streams", [1, 2])
@pytest.mark.parametrize(("width", "context"), [(2, 0), (3, 1), (2, 1), (3, 2)])
def test_what_was_done_right_is_explained_by_no_mistake(width: int, context: int, streams: int, tmp_path: Path) -> None:
    """A context is narrower than what is new, as wide and wider."""
    layers = [{"cell": "lstm", "hidden_size": HIDDEN, "directions": ["forward"], "merge": "concat"}]
    of = build_network({"name": "small", "input_size": width, "layers": layers, "readout": "linear", "outputs": 2})
    rng = np.random.default_rng(7)
    for view in of.tensors().values():
        view[...] = rng.normal(0, 0.7, view.shape)
    rows = rng.normal(size=(CHUNKS, STEPS, width - context))
    kept = {"input": rows, "output": np.zeros((CHUNKS, STEPS, 2)), "stream": np.arange(CHUNKS) % streams}
    savez(tmp_path / "r.npz", kept)
    recorded = fitted(read_recorded_stream(tmp_path / "r.npz"), of, context)
    trials = _Trials(recorded, 1e-6)
    given = trials._rows()
    pasts = trials._pasts(given, False)
    chunks = []
    for n, one in enumerate(recorded.chunks):
        past = pasts[one.stream]
        past.rows = given[n]
        ran = carry(past)
        past.keep(ran)
        chunks.append(replace(one, outputs=_output_beside(ran, one)))
    right = _Trials(replace(recorded, chunks=tuple(chunks)), 1e-6)
    assert right._right_run()[1] is None
    assert [one.said for one in mistakes(right._stream) if right._made(one) is not None] == []


@pytest.mark.parametrize("count", [1, 2, 3])
def test_that_streams_are_mixed_up_is_tried_where_there_are_two(count: int, tmp_path: Path) -> None:
    inputs, outputs, _ = stream()
    of = np.arange(CHUNKS) % count
    savez(tmp_path / "r.npz", {"input": np.array(inputs), "output": np.array(outputs), "stream": of})
    tried = [one.said for one in mistakes(fitted(read_recorded_stream(tmp_path / "r.npz"), NETWORK))]
    assert (f"all {count} streams are read on one state" in tried) == (count > 1)
    assert ("a stream begins each chunk from the state of another" in tried) == (count > 1)
