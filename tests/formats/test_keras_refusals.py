"""What a layer of Keras has that is not run here is refused in words that say what, and never run as something else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lstm_tui.formats.importers import feature_extractor as shared_extractor
from lstm_tui.formats.importers.gate_layouts import BiasReading
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.keras import feature_extractor, follow, layers
from lstm_tui.formats.importers.keras import gate_layouts as keras_layouts
from lstm_tui.formats.importers.keras.follow import KerasTensor
from lstm_tui.formats.importers.keras.gate_layouts import UnsupportedLayer
from lstm_tui.formats.importers.keras.graph import TENSOR, KerasGraph, KerasNode
from lstm_tui.formats.importers.plan import Activation, AffineScale
from lstm_tui.formats.importers.values import Given, Reduced, State

ONE = np.ones((2, 3, 4), np.float32)
AHEAD, BACK = {"units": 2}, {"units": 2, "go_backwards": True}


def node(kind: str, *given: Any, **config: Any) -> KerasNode:
    return KerasNode("a", kind, config, given=list(given))


def two_ways(back: KerasNode | None, merge: Any = "concat", inner: dict[str, Any] | None = None) -> KerasNode:
    return KerasNode(
        "a", "Bidirectional", {"merge_mode": merge}, inner=KerasNode("b", "LSTM", inner or AHEAD), backward=back
    )


STEPS: dict[str, tuple[KerasNode, str]] = {
    "joined along the steps": (node("Concatenate", axis=1), "it joins along another axis than the last"),
    "several constants": (KerasNode("a", "Add", {}, call=[TENSOR, 2.0, 3.0]), "it computes with several constants"),
    "groups": (node("Conv1D", groups=2), "its channels are in groups"),
    "channels first": (node("Conv1D", data_format="channels_first"), "its channels come first"),
    "another padding": (node("Conv1D", padding="mirror"), "its padding 'mirror' is not known here"),
    "strides of nothing": (node("Conv1D", strides=0), "a size of it is no whole number"),
    "a pool of nothing": (node("MaxPooling1D", pool_size="2"), "a size of it is no whole number"),
    "pooled channels first": (node("AveragePooling1D", data_format="channels_first"), "its channels come first"),
    "no shape": (node("Reshape", target_shape=[2, "x"]), "its shape is not said"),
    "padded by less than nothing": (node("ZeroPadding1D", padding=[1, -1]), "a size of it is no whole number"),
    "padded on three sides": (node("ZeroPadding1D", padding=[1, 1, 1]), "a size of it is no whole number"),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_layer_before_the_recurrent_ones_that_is_not_run_here_says_why(name: str) -> None:
    made, said = STEPS[name]
    with pytest.raises(UnsupportedLayer) as refused:
        feature_extractor._step(made, [ONE, ONE[0, 0]], 3)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (node("NotEqual", "a"), "its mask compares with a"),
        (node("Any", axis=1), "its mask is taken along another axis"),
        (node("All", axis=-1, keepdims=True), "its mask is taken along another axis"),
        (node("Concatenate", axis=1), "its mask is joined along another axis"),
        (node("ExpandDims", axis=0), "its mask is laid out along another axis"),
    ],
)
def test_a_mask_that_is_made_in_another_way_says_why(made: KerasNode, said: str) -> None:
    with pytest.raises(UnsupportedLayer) as refused:
        feature_extractor._MASK_STEPS[made.kind](made)
    assert said in str(refused.value)


@pytest.mark.parametrize("axis", [5, 0, [1, 2], "x", -3])
def test_an_axis_that_is_not_there_is_named(axis: Any) -> None:
    assert feature_extractor._axis(node("BatchNormalization", axis=1), 2) == 0
    with pytest.raises(ValueError, match="it is taken along axis "):
        feature_extractor._axis(node("BatchNormalization", axis=axis), 2)


@pytest.mark.parametrize("how", ["max", "mean"])
def test_a_pool_of_more_steps_than_there_are_is_refused(how: str) -> None:
    assert shared_extractor.pool(ONE[0], 3, 1, "valid", how).shape == (1, 4)
    with pytest.raises(ValueError, match="it is shorter than the 4 steps that are pooled"):
        shared_extractor.pool(ONE[0], 4, 1, "valid", how)


def test_numbers_for_other_units_are_refused() -> None:
    weights = [np.ones(3, np.float32) for _ in range(4)]
    step = feature_extractor._step(node("BatchNormalization", axis=-1), weights, 3)
    assert step([np.ones((2, 3), np.float32)]).shape == (2, 3)
    with pytest.raises(ValueError, match="1 along its axis, for which it has 3 numbers"):
        step([np.ones((2, 1), np.float32)])


def lstm(inputs: int = 3, units: int = 2, bias: bool = True) -> list[np.ndarray]:
    made = [np.ones((inputs, 4 * units)), np.ones((units, 4 * units)), np.ones(4 * units)]
    return [one.astype(np.float32) for one in made[: 2 + bias]]


BOTH = [*lstm(), *lstm()]
RECURRENT: dict[str, tuple[KerasNode, list[np.ndarray], str]] = {
    "units": (KerasNode("a", "LSTM", {"units": 3}), lstm(), "is described with 3 units, and its weights have 2"),
    "a bias": (KerasNode("a", "LSTM", {"use_bias": False}), lstm(), "is described without a bias, and has one"),
    "an activation": (KerasNode("a", "LSTM", {"activation": "sine"}), lstm(), "its activation sine is not known here"),
    "of gates": (KerasNode("a", "LSTM", {"recurrent_activation": "sine"}), lstm(), "its activation sine is not known"),
    "two kinds": (two_ways(KerasNode("b", "Dense", BACK)), BOTH, "its directions are LSTM and Dense"),
    "one way": (two_ways(KerasNode("b", "LSTM", AHEAD)), BOTH, "its two directions read the same way"),
    "one gives all steps": (
        two_ways(KerasNode("b", "LSTM", {**BACK, "return_sequences": True})), BOTH,
        "its two directions differ in return_sequences"),
    "one gives its state": (
        two_ways(KerasNode("b", "LSTM", BACK), inner={**AHEAD, "return_state": True}), BOTH,
        "its two directions differ in return_state"),
    "merged by a list": (two_ways(None, ["sum"]), BOTH, "its merge mode ['sum'] has no single output here"),
    "merged otherwise": (two_ways(None, "minus"), BOTH, "its merge mode minus has no single output here"),
    "weights of one": (two_ways(None), lstm(), "other weights than their descriptions say"),
    "weights of three": (two_ways(None), [*BOTH, *lstm()], "other weights than their descriptions say"),
}  # fmt: skip


@pytest.mark.parametrize("name", RECURRENT)
def test_a_recurrent_layer_that_is_not_as_it_is_described_says_why(name: str) -> None:
    made, weights, said = RECURRENT[name]
    with pytest.raises(UnsupportedLayer) as refused:
        layers.recurrent(made, weights, (), "layer0", 3, ImportReport("it"))
    assert said in str(refused.value)


def test_a_recurrent_layer_that_is_as_it_is_described_is_read() -> None:
    for made, weights in ((KerasNode("a", "LSTM", {"units": 2}), lstm()), (two_ways(None), BOTH)):
        assert layers.recurrent(made, weights, (), "layer0", 3, ImportReport("it")).passes


@pytest.mark.parametrize(
    ("config", "arrays", "said"),
    [
        ({}, [np.ones(3)], "its mean and variance are missing"),
        ({"mean": [1.0]}, [], "its mean and variance are missing"),
        ({"mean": [[1.0, 2.0], [3.0, 4.0]], "variance": [[1.0, 2.0], [3.0, 4.0]]}, [], "over more than the units"),
        ({"mean": [1.0, 2.0], "variance": [1.0]}, [], "over more than the units"),
    ],
)
def test_a_normalisation_without_its_numbers_says_so(config: Any, arrays: list[np.ndarray], said: str) -> None:
    with pytest.raises(UnsupportedLayer, match=said):
        layers._normalised(KerasNode("a", "Normalization", config), arrays)


@pytest.mark.parametrize("axis", [-1, None, []])
@pytest.mark.parametrize("numbers", [2.0, [2.0], [2.0, 3.0]])
def test_a_normalisation_is_of_all_units_alike_where_it_has_no_axis_or_one_number(axis: Any, numbers: Any) -> None:
    if np.size(numbers) > 1 and axis != -1:
        return  # one mean for all is one number
    config = {"mean": numbers, "variance": np.square(numbers).tolist(), "axis": axis}
    made = layers._normalised(KerasNode("a", "Normalization", config), [])
    if np.ndim(numbers) and axis == -1:
        assert isinstance(made, AffineScale)
        np.testing.assert_allclose(made.s * 5 + made.b, (5 - np.array(numbers)) / np.array(numbers), rtol=1e-6)
    else:
        assert isinstance(made, Activation)
        assert made.function == "Normalization=0.5 * a + -1.0"


def test_a_setting_is_looked_for_in_all_that_a_layer_is_made_of() -> None:
    """In itself, in what its file calls it, in what it wraps and in the way back."""
    odd = {"units": 2, "surprise": 1}
    fine = KerasNode("a", "LSTM", {"units": 2}, written="LSTM")
    follow.check_all(fine)
    for made in (
        KerasNode("a", "LSTM", odd, written="LSTM"),
        KerasNode("a", "LSTM", odd, written="RNN"),
        KerasNode("a", "TimeDistributed", {}, inner=KerasNode("b", "Dense", odd)),
        KerasNode("a", "Bidirectional", {}, inner=fine, backward=KerasNode("b", "LSTM", odd)),
    ):
        with pytest.raises(UnsupportedLayer, match="its setting surprise is not known here"):
            follow.check_all(made)
    cell = KerasNode("a", "LSTM", {"units": 2, "time_major": True}, written="RNN")
    with pytest.raises(UnsupportedLayer, match="its setting time_major=True is not run here"):
        follow.check_all(cell)


SERIES = KerasTensor(Given("x", 4))
VECTOR = KerasTensor(Reduced("last", Given("x", 4)), rank=2)
WIDER = KerasTensor(Given("y", 6))
TURNED = KerasTensor(Given("x", 4), turned=True)
MASKED = KerasTensor(Given("x", 4), mask=("layer", "m"))
PASSED = KerasTensor(State(node("LSTM"), 0, "h", 4))
"""What a recurrent layer whose input is masked shows."""
WHOLE = {"class_name": "slice", "config": {"start": None, "stop": None, "step": None}}
PART = {"class_name": "slice", "config": {"start": 0, "stop": 2, "step": None}}


def called(kind: str, *call: Any, **config: Any) -> KerasNode:
    return KerasNode("a", kind, config, call=list(call))


FOLLOWED: dict[str, tuple[KerasNode, list[KerasTensor], str]] = {
    "nothing known": (node("Dense"), [KerasTensor(None, "b cannot be run")], "b cannot be run"),
    "looked up again": (node("StringLookup"), [VECTOR], "it looks up what is computed"),
    "laid out anew": (node("Reshape", target_shape=[2, 2]), [SERIES], "it lays steps and units out anew"),
    "turned over": (node("Permute", dims=[2, 1]), [SERIES], "it lays steps and units out anew"),
    "a share of masked": (node("Softmax", axis=-1), [MASKED], "it takes the mask into its sum"),
    "series and vector": (node("Add"), [SERIES, VECTOR], "it joins a series and a vector"),
    "two ways": (node("Add"), [SERIES, TURNED], "it joins a series with one that runs from the end"),
    "other masks": (node("Multiply"), [SERIES, MASKED],
                    "what it joins is masked at other steps, where some versions of Keras join less"),
    "along the steps": (node("Concatenate", axis=1), [SERIES, SERIES], "it joins along another axis than the last"),
    "other sizes": (node("Add"), [SERIES, WIDER], "it joins values of different sizes"),
    "a pool of a vector": (node("GlobalMaxPooling1D"), [VECTOR], "it takes what has no steps"),
    "a mean of other steps": (node("GlobalAveragePooling1D"), [PASSED], "other steps are masked than below"),
    "the largest of masked": (node("GlobalMaxPooling1D"), [PASSED], "it takes the masked steps in, where the layer"),
    "a sum of masked": (node("Sum", axis=1), [PASSED], "it may take masked steps in"),
    "a sum of units": (node("Sum", axis=2), [SERIES], "it is not taken over the steps of a series"),
    "a sum of a vector": (node("Sum", axis=1), [VECTOR], "it is not taken over the steps of a series"),
    "a product of one": (node("Dot", axes=[1, 1]), [SERIES, VECTOR], "it is no sum of weighted steps"),
    "a product of units": (node("Dot", axes=[2, 2]), [SERIES, SERIES], "it is no sum of weighted steps"),
    "a product made one": (node("Dot", axes=1, normalize=True), [SERIES, SERIES], "it is no sum of weighted steps"),
    "a product of two ways": (node("Dot", axes=1), [SERIES, TURNED], "it is no sum of weighted steps"),
    "all with all": (node("Dot", axes=1), [SERIES, WIDER], "it multiplies every unit with every other"),
    "a part of the units": (node("GetItem", [WHOLE, -1, PART]), [SERIES], "it takes some of the steps or units"),
    "a part of the steps": (node("GetItem", [WHOLE, PART]), [SERIES], "it takes some of the steps or units"),
    "the second step": (node("GetItem", [WHOLE, 1]), [SERIES], "it takes some of the steps or units"),
    "a step of a vector": (node("GetItem", [WHOLE, -1]), [VECTOR], "it takes some of the steps or units"),
    "a masked step": (node("GetItem", [WHOLE, -1]), [PASSED], "it may take a masked step"),
    "other numbers": (called("Add", TENSOR, [1.0, 2.0, 3.0]), [SERIES], "it computes with more numbers than there are"),
    "a matrix": (called("Add", TENSOR, [[1.0, 2.0], [1.0, 2.0]]), [SERIES], "what is no number for each unit"),
    "a text": (called("Add", TENSOR, "a"), [SERIES], "it computes with what is no number for each unit"),
    "constants": (called("Add", TENSOR, 2.0, 3.0), [SERIES], "it computes with several constants"),
}  # fmt: skip


@pytest.mark.parametrize("name", FOLLOWED)
def test_a_layer_around_recurrent_ones_that_is_not_followed_says_why(name: str) -> None:
    made, read, said = FOLLOWED[name]
    tensors = follow.KerasTensors(KerasGraph({}, [], []), lambda node: [], 3)
    tensors.entered["a"] = MASKED
    with pytest.raises(UnsupportedLayer) as refused:
        tensors._made(made, read)
    assert said in str(refused.value)


def test_what_lies_as_cudnn_wants_it_has_two_biases() -> None:
    kernel, recurrent, both = (np.ones(size, np.float32) for size in ((3, 8), (2, 8), (16,)))
    assert keras_layouts._cudnn("lstm", kernel, recurrent, both, "ifco", BiasReading("both"))[1]
    for size in (8, 15, 17):
        with pytest.raises(UnsupportedLayer, match=f"a bias of {size} numbers fits no cuDNN layer of 2 units"):
            keras_layouts._cudnn("lstm", kernel, recurrent, np.ones(size, np.float32), "ifco", BiasReading("both"))


@pytest.mark.parametrize("setting", [{"scale": "a"}, {"offset": None}, {"scale": {"a": 1}}])
def test_a_rescaling_by_what_is_no_number_is_refused(setting: dict[str, Any]) -> None:
    assert layers._rescaled(KerasNode("a", "Rescaling", {"scale": 2.0}))
    with pytest.raises(UnsupportedLayer, match="it scales each unit by itself"):
        layers._rescaled(KerasNode("a", "Rescaling", setting))
