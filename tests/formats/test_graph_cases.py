"""Small networks of ONNX and Keras, one for each way a graph is misread, against what their own runtimes computed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from present import present
from saved_arrays import savez

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.importers.open import ImportOptions, open_file
from lstm_tui.formats.inputs.inputs import Sequences
from lstm_tui.formats.inputs.numeric_series import read_series, series_from

FILES = Path(__file__).parent / "files" / "graphs"
CLOSE = 1e-5

ONNX = {
    "act_mixed": ("want_Y", "", ()),
    "act_two_ways": ("want_Y", "", ()),
    "clip_lstm": ("want_Y", "", ()),
    "dense_on_c": ("want_logits", "", ()),
    "init_reverse": ("want_Y", "", ()),
    "numbers_picked": ("want_states", "", ()),
    "lens_dense": ("want_logits", "", ("reads the first 3 steps of a sequence and no more (L is constant)",)),
    "one_step_many_rows": (
        "want_Y", "", ("this file runs 6 sequences of one step: every token begins with an empty memory",)),
    "peep_order": ("want_Y", "", ()),
    "s_policy": ("want_out", "", ()),
    "step_joined": ("want_states", "", ()),
    "step_picked": ("want_states", "", ()),
    "sum_below_fixed": ("want_states", "", ()),
    "swapped_between": (
        "want_out", "", ("this file runs T sequences of one step: every token begins with an empty memory",)),
    "t_bibackonly_new": ("want", "", ()),
    "t_bihn_new": ("want", "", ()),
    "t_viewhn_oldfree": ("want", "", ()),
    "two_heads": ("want_tags", "", ("the file has 2 answers; --set readout.output=verdict takes another",)),
    "two_heads ": ("want_verdict", "verdict", ()),
    "two_inputs_joined": ("want_states", "", ()),
}  # fmt: skip
"""By file: what its runtime gave, the output that is taken, and everything that is warned of."""

KERAS = {
    "k_attention_dot": (),
    "k_attention_masked": ("softmax_2 (Softmax) cannot be run: it may take masked steps in",),
    "k_attention_sum": (),
    "k_backward_layer": (),
    "k_batchnorm_time": ("batch_normalization (BatchNormalization) cannot be run: it is taken along axis 1, and not",),
    "k_bi_state_fwd": (),
    "k_constants": (),
    "k_dense_on_c": (),
    "k_go_back_then_forward": (),
    "k_mask_max": ("global_max_pooling1d (GlobalMaxPooling1D) cannot be run: it takes the masked steps in",),
    "k_mask_two_inputs": (),
    "k_merge_mul": (),
    "k_over_steps": (),
}
"""By file: everything that is warned of; what is warned of is cut, and all else is right."""


def numbers_of(name: str) -> dict[str, np.ndarray]:
    for stem in (name, name.rpartition("_")[0]):
        if (FILES / f"{stem}.npz").is_file():
            return dict(np.load(FILES / f"{stem}.npz"))
    raise FileNotFoundError(name)


def traced(network: Network, given: Mapping[str, np.ndarray], folder: Path) -> Trace:
    """Run a network on what a file of numbers has for its inputs, one or two."""
    inputs = [given[key] for key in ("x", "x1") if key in given]
    series = series_from(inputs[0])
    if len(inputs) > 1:
        assert network.front is not None
        savez(folder / "x.npz", dict(zip(network.front.inputs, inputs, strict=True)))
        series = read_series(folder / "x.npz")
    return run(network, Sequences(series, network)[0])


def said(network: Network, given: Mapping[str, np.ndarray], folder: Path) -> np.ndarray:
    """Return what a network says: at each token, of the whole, or its states."""
    trace = traced(network, given, folder)
    if network.readout is None:
        return present(trace.ran).merged[-1]
    assert trace.result is not None
    return trace.output if trace.output is not None and network.readout.page.per_token else trace.result


@pytest.mark.parametrize("name", ONNX)
def test_a_graph_of_onnx_gives_what_onnxruntime_gave(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    wanted, output, warned = ONNX[name]
    given = numbers_of(name.strip())
    reading = ImportOptions({"readout.output": output} if output else {})
    opened = open_file(FILES / f"{name.strip()}.onnx", reading)
    mine = said(opened.network, given, tmp_path)
    np.testing.assert_allclose(mine, given[wanted].reshape(mine.shape), atol=CLOSE)
    assert len(opened.network.remarks) == len(warned), opened.network.remarks
    for remark, part in zip(opened.network.remarks, warned, strict=True):
        assert part in remark


@pytest.mark.parametrize("name", KERAS)
def test_a_graph_of_keras_gives_what_keras_gave_or_is_cut(name: str, tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    given = numbers_of(name)
    network = open_file(FILES / f"{name}.keras").network
    assert len(network.remarks) == len(KERAS[name]), network.remarks
    for remark, part in zip(network.remarks, KERAS[name], strict=True):
        assert part in remark
    if KERAS[name]:
        assert network.readout is None
        return
    trace = traced(network, given, tmp_path)
    mine = trace.output if network.readout is not None and network.readout.page.per_token else trace.result
    assert mine is not None
    np.testing.assert_allclose(mine, given["want"].reshape(mine.shape), atol=CLOSE)


def test_arguments_that_a_script_has_defaults_for_are_what_it_says(tmp_path: Path) -> None:
    given = numbers_of("script_defaults")
    opened = open_file(FILES / "script_defaults.pt")
    np.testing.assert_allclose(said(opened.network, given, tmp_path), given["want_output"], atol=CLOSE)
    assert opened.network.remarks == ()


def test_first_states_that_other_layers_compute_are_said() -> None:
    pytest.importorskip("h5py")
    opened = open_file(FILES / "k_first_states.keras")
    assert opened.network.remarks == ("gru begins with states of dense_1: zeros here, --initial gives others",)
    fact = next(one for one in opened.report.facts if one.key == "layer0.initial")
    assert (fact.value, fact.how) == ("zeros", "assumed")


def test_cells_in_a_stack_are_refused_with_what_to_do() -> None:
    pytest.importorskip("h5py")
    with pytest.raises(UserError, match=r"rnn \(RNN\) is not stepped: it is one layer with 2 cells in a stack"):
        open_file(FILES / "k_stacked_cells.keras")
