"""Every setting of every kind of layer of Keras is used, known to be harmless, or refused by its name."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from keras_archive import rewritten

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.keras.follow import check_call, operands, passes_mask
from lstm_tui.formats.importers.keras.gate_layouts import UnsupportedLayer
from lstm_tui.formats.importers.keras.graph import CALCULATED, TENSOR, KerasNode
from lstm_tui.formats.importers.keras.settings import HARMLESS, KINDS, LOOKUPS, USED, check_settings, table_of
from lstm_tui.formats.importers.open import open_file

FILES = Path(__file__).parent / "files"
_GUARDED = [(kind, key) for kind in KINDS for key, rule in table_of(kind).items() if rule not in (USED, HARMLESS)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_setting_that_stands_in_no_table_is_refused_by_its_name(kind: str) -> None:
    with pytest.raises(UnsupportedLayer, match="its setting surprise is not known here"):
        check_settings(kind, {"name": "a", "surprise": 1})


@pytest.mark.parametrize(("kind", "key"), _GUARDED)
def test_a_value_that_is_not_run_here_is_refused_with_its_name(kind: str, key: str) -> None:
    bad = {"dtype": "int8_from_float32", "data_format": "channels_first"}.get(key, "another")
    with pytest.raises(UnsupportedLayer, match=f"its setting {key}={bad} is not run here"):
        check_settings(kind, {key: bad})


def changed(kind: str, tmp_path: Path, **settings: Any) -> Path:
    """Return a frozen file whose layers of a kind have more settings."""

    def more(layers: list[dict[str, Any]]) -> None:
        for layer in layers:
            if layer["class_name"] == kind:
                layer["config"] |= settings

    return rewritten("graphs/k_dense_on_c.keras", more, tmp_path)


def test_a_layer_with_an_unknown_setting_is_named_where_the_file_is_opened(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    with pytest.raises(UserError, match=r"lstm_7 \(LSTM\) cannot be run: its setting peephole is not known here"):
        open_file(changed("LSTM", tmp_path, peephole=True))
    with pytest.raises(UserError, match=r"its setting time_major=True is not run here"):
        open_file(changed("LSTM", tmp_path, time_major=True))
    network = open_file(changed("Dense", tmp_path, temperature=2.0)).network
    assert network.readout is None
    assert any("dense_4 (Dense) cannot be run: its setting temperature is not known" in one for one in network.remarks)
    network = open_file(changed("LSTM", tmp_path, dtype="mixed_float16")).network
    assert any("half the bits" in remark for remark in network.remarks)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in CALCULATED and kind != "GetItem"])
def test_what_a_call_is_given_beside_tensors_is_refused(kind: str) -> None:
    with pytest.raises(UnsupportedLayer, match=r"its call is given 0\.3, which is not known here"):
        check_call(KerasNode("a", kind, {}, call=[TENSOR, 0.3]))
    with pytest.raises(UnsupportedLayer, match="its call is given training=True"):
        check_call(KerasNode("a", kind, {}, call=[TENSOR], named={"training": True}))
    check_call(KerasNode("a", kind, {}, call=[TENSOR, None], named={"training": False, "constants": None}))


@pytest.mark.parametrize("kind", CALCULATED)
def test_a_calculation_with_what_is_no_number_for_each_unit_is_refused(kind: str) -> None:
    for other in ([[1.0], [2.0]], "a", {"class_name": "__numpy__", "config": {"value": [1.0, 2.0, 3.0]}}):
        with pytest.raises(UnsupportedLayer):
            operands(KerasNode("a", kind, {}, call=[TENSOR, other]), 2)
    (first, second) = operands(KerasNode("a", kind, {}, call=[2, TENSOR]), 2)
    assert second is None
    assert first is not None
    assert first.tolist() == [2.0]


def made_by(layers: Any, generation: int = 3) -> dict[str, Any]:
    """Return a layer of every kind that has a table and that this Keras can make."""
    made: dict[str, Callable[[], Any]] = {
        "Bidirectional": lambda: layers.Bidirectional(layers.GRU(2)),
        "TimeDistributed": lambda: layers.TimeDistributed(layers.Dense(2)),
        "Embedding": lambda: layers.Embedding(3, 2),
        "Activation": lambda: layers.Activation("relu"),
        "Conv1D": lambda: layers.Conv1D(2, 3),
        "AveragePooling1D": lambda: layers.AveragePooling1D(2),
        "Reshape": lambda: layers.Reshape((3,)),
        "InputLayer": lambda: layers.InputLayer(**{"shape" if generation >= 3 else "input_shape": (3,)}),
        "Rescaling": lambda: layers.Rescaling(2.0),
        "Dot": lambda: layers.Dot(axes=1),
        **{kind: partial(getattr(layers, kind), 2) for kind in ("LSTM", "GRU", "SimpleRNN", "Dense")},
        **{kind: partial(getattr(layers, kind), 0.1) for kind in KINDS if "Drop" in kind or "Noise" in kind},
    }
    missing = LOOKUPS if find_spec("tensorflow") is None else ()  # Keras makes them with TensorFlow alone
    known = [kind for kind in KINDS if hasattr(layers, kind) and kind not in missing]
    return {kind: made.get(kind, getattr(layers, kind))() for kind in known}


@pytest.mark.parametrize(("module", "generation"), [("keras", 3), ("tf_keras", 2)])
def test_the_settings_that_keras_writes_today_are_known(
    module: str, generation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep over Keras's own layers, where it is installed: none writes a setting that no table has."""
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip(module)
    for kind, layer in made_by(keras.layers, generation).items():
        check_settings(kind, json.loads(json.dumps(layer.get_config(), default=str)))


@pytest.mark.slow
@pytest.mark.parametrize(("module", "generation"), [("keras", 3), ("tf_keras", 2)])
def test_a_layer_passes_a_mask_on_where_keras_says_so(
    module: str, generation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip(module)
    own = ("Embedding", "Masking", "GlobalAveragePooling1D", "TimeDistributed", "Bidirectional", "InputLayer", "Dot")
    for kind, layer in made_by(keras.layers, generation).items():
        if kind not in own:
            assert passes_mask(KerasNode("a", kind, {}), generation) == layer.supports_masking, kind


def test_a_function_passes_no_mask_on_and_a_layer_that_is_not_known_may() -> None:
    assert not passes_mask(KerasNode("a", "Add", {}, function=True), 3)
    assert passes_mask(KerasNode("a", "Add", {}), 3)
    assert passes_mask(KerasNode("a", "Surprise", {}), 3)
