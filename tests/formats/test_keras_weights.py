"""Files of Keras that hold weights alone: what stands around the recurrent layers is run, or is said to be missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from present import present

import lstm_tui
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import Imported, ImportOptions, open_file

h5py = pytest.importorskip("h5py")

CLOSE = 1e-5
FILES = Path(__file__).parent / "files"
STEPS, INPUTS = 5, 3
Layers = Mapping[str, Sequence[np.ndarray]]


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


def gru(inputs: int, hidden: int, seed: int = 0) -> list[np.ndarray]:
    return [drawn(inputs, 3 * hidden, seed=seed), drawn(hidden, 3 * hidden, seed=seed), drawn(2, 3 * hidden, seed=seed)]


def dense(inputs: int, outputs: int) -> list[np.ndarray]:
    return [drawn(inputs, outputs), drawn(outputs)]


def norm(size: int, arrays: int) -> list[np.ndarray]:
    return [abs(drawn(size, seed=n)) + 0.5 for n in range(arrays)]


def write_classes(path: Path, layers: Layers) -> None:
    """Write weights as Keras 3 does: by classes, in the order of their names, with layers that have none."""
    with h5py.File(path, "w") as file:
        for place, arrays in layers.items():
            within = f"{place}/cell" if place.startswith(("lstm", "gru")) else place
            within = f"{place}/layer" if place.startswith("time_distributed") else within
            group = file.create_group(f"layers/{within}/vars")
            for number, array in enumerate(arrays):
                group[str(number)] = array


def write_list(path: Path, layers: Layers) -> None:
    """Write weights as Keras 2 does: with a list of the layers in their order."""
    leaves = {"gru": ("kernel", "recurrent_kernel", "bias"), "dense": ("kernel", "bias"), "p_re_lu": ("alpha",),
              "batch_normalization": ("gamma", "beta", "moving_mean", "moving_variance"),
              "layer_normalization": ("gamma", "beta"), "embedding": ("embeddings",),
              "time_distributed": ("kernel", "bias")}  # fmt: skip
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in layers]
        file.attrs["keras_version"] = b"2.15.0"
        for layer, arrays in layers.items():
            stem = layer.rstrip("_0123456789")
            names = [f"{layer}/{leaf}:0" for leaf in leaves.get(stem, ())[: len(arrays)]]
            group = file.create_group(layer)
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, array in zip(names, arrays, strict=True):
                group[name] = array


WRITERS = {"classes": (write_classes, "w.weights.h5"), "list": (write_list, "w.h5")}


def opened(folder: Path, how: str, layers: Layers, **settings: str) -> Imported:
    write, name = WRITERS[how]
    write(folder / name, layers)
    return open_file(folder / name, ImportOptions({key.replace("__", "."): one for key, one in settings.items()}))


def stepped(x: np.ndarray, weights: Sequence[np.ndarray]) -> np.ndarray:
    """Return what a GRU of Keras that resets after its product shows at each step."""
    kernel, recurrent, bias = weights
    h = np.zeros(len(recurrent))
    shown = []
    for row in x:
        zx, rx, nx = np.split(row @ kernel + bias[0], 3)
        zh, rh, nh = np.split(h @ recurrent + bias[1], 3)
        z, r = (1 / (1 + np.exp(-one)) for one in (zx + zh, rx + rh))
        h = (1 - z) * np.tanh(nx + r * nh) + z * h
        shown.append(h)
    return np.array(shown)


def batch_norm(x: np.ndarray, given: Sequence[np.ndarray]) -> np.ndarray:
    gamma, beta, mean, variance = given
    made: np.ndarray = gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta
    return made


def layer_norm(x: np.ndarray, given: Sequence[np.ndarray]) -> np.ndarray:
    spread = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-3)
    made: np.ndarray = given[0] * (x - x.mean(axis=-1, keepdims=True)) / spread + given[1]
    return made


X = drawn(STEPS, INPUTS, seed=9)


@pytest.mark.parametrize("how", WRITERS)
@pytest.mark.parametrize("kind", ["batch_normalization", "layer_normalization"])
def test_a_norm_between_two_layers_is_run_there(kind: str, how: str, tmp_path: Path) -> None:
    given = norm(4, 4 if kind.startswith("batch") else 2)
    below, above, head = gru(3, 4), gru(4, 2, seed=1), dense(2, 2)
    found = opened(tmp_path, how, {"gru": below, kind: given, "gru_1": above, "dense": head})
    between = (batch_norm if kind.startswith("batch") else layer_norm)(stepped(X, below), given)
    want = stepped(between, above)[-1] @ head[0] + head[1]
    np.testing.assert_allclose(present(lstm_tui.trace(X, found.network).result), want, atol=CLOSE)


@pytest.mark.parametrize("how", WRITERS)
def test_layers_of_one_size_stand_in_the_order_of_their_numbers_and_that_is_assumed(how: str, tmp_path: Path) -> None:
    low, top, head = gru(3, 3), gru(3, 3, seed=1), dense(3, 2)
    found = opened(tmp_path, how, {"gru": low, "gru_1": top, "dense": head})
    want = stepped(stepped(X, low), top)[-1] @ head[0] + head[1]
    np.testing.assert_allclose(present(lstm_tui.trace(X, found.network).result), want, atol=CLOSE)
    assert any("join is assumed to be gru,gru_1,dense" in one for one in found.network.remarks)
    alone = opened(tmp_path, how, {"gru": low, "gru_1": top, "dense": head}, join="gru_1").network
    np.testing.assert_allclose(lstm_tui.trace(X, alone)["layer0.forward"]["h"], stepped(X, top), atol=CLOSE)


@pytest.mark.parametrize("how", WRITERS)
def test_a_dense_layer_below_is_run_below_and_what_follows_it_is_assumed(how: str, tmp_path: Path) -> None:
    bottom, layer, head = dense(3, 5), gru(5, 4), dense(4, 2)
    layers = {"time_distributed": bottom, "gru": layer, "time_distributed_1": head}
    found = opened(tmp_path, how, layers, layer0__time_distributed_activation="tanh")
    want = stepped(np.tanh(X @ bottom[0] + bottom[1]), layer) @ head[0] + head[1]
    over = {} if how == "classes" else {"readout__over": "each"}
    network = opened(tmp_path, how, layers, layer0__time_distributed_activation="tanh", **over).network
    assert "layer0.time_distributed_activation" in [one.key for one in found.report.facts]
    np.testing.assert_allclose(present(lstm_tui.trace(X, network).output), want, atol=CLOSE)


@pytest.mark.parametrize("how", WRITERS)
def test_ids_that_may_be_masked_are_said_and_can_be(how: str, tmp_path: Path) -> None:
    table, layer = drawn(7, 3), gru(3, 4)
    layers = {"embedding": [table], "gru": layer, "dense": dense(4, 2)}
    found = opened(tmp_path, how, layers)
    assert any("masking=none" in one for one in found.network.remarks)
    masked = opened(tmp_path, how, layers, masking="0").network
    trace = lstm_tui.trace(np.array([0, 4, 0, 5, 0]), masked)
    np.testing.assert_allclose(trace["layer0.forward"]["h"][-1], stepped(table[[4, 5]], layer)[-1], atol=CLOSE)


@pytest.mark.parametrize("how", WRITERS)
@pytest.mark.parametrize(
    ("name", "arrays"),
    [("p_re_lu", [drawn(1, 3)]), ("conv1d", [drawn(1, 3, 3), drawn(3)]), ("normalization", []), ("activation", []),
     ("add", []), ("masking", [])],
)  # fmt: skip
def test_what_is_not_run_is_named_beside_the_layer(
    name: str, arrays: list[np.ndarray], how: str, tmp_path: Path
) -> None:
    if how == "list" and name == "conv1d":
        pytest.skip("written by its leaves alone, which this test does not know")
    found = opened(tmp_path, how, {name: arrays, "gru": gru(3, 3), "dense": dense(3, 2)})
    assert any(one.startswith("layer0.understood is not known") and name in one for one in found.network.remarks)
    assert not [one.key for one in found.report.under("layer0") if one.how == "confirmed"]


@pytest.mark.parametrize("how", WRITERS)
def test_what_changes_nothing_is_not_warned_of(how: str, tmp_path: Path) -> None:
    more: Layers = {"input_layer": [], "dropout": [], "spatial_dropout1d_2": []}
    found = opened(tmp_path, how, {**more, "gru": gru(3, 4), "dense": dense(4, 2)})
    assert not [one for one in found.network.remarks if "not known" in one]


@pytest.mark.parametrize("how", WRITERS)
@pytest.mark.parametrize("kind", ["average", "max"])
def test_a_pooling_layer_in_the_list_says_what_is_taken_of_the_steps(kind: str, how: str, tmp_path: Path) -> None:
    layer, head = gru(3, 4), dense(4, 2)
    layers = {"gru": layer, f"global_{kind}_pooling1d": [], "dense": head}
    over = stepped(X, layer)
    want = (over.mean(axis=0) if kind == "average" else over.max(axis=0)) @ head[0] + head[1]
    trace = lstm_tui.trace(X, opened(tmp_path, how, layers).network)
    np.testing.assert_allclose(present(trace.result), want, atol=CLOSE)


@pytest.mark.parametrize("how", WRITERS)
def test_of_two_heads_none_is_taken_until_one_is_said(how: str, tmp_path: Path) -> None:
    layer, one, other = gru(3, 4), dense(4, 2), dense(4, 3)
    layers = {"gru": layer, "dense": one, "dense_1": other}
    found = opened(tmp_path, how, layers)
    assert found.network.readout is None
    assert any("join is assumed to be gru: dense and dense_1 could stand" in each for each in found.network.remarks)
    said = lstm_tui.trace(X, opened(tmp_path, how, layers, join="gru,dense_1").network).result
    np.testing.assert_allclose(present(said), stepped(X, layer)[-1] @ other[0] + other[1], atol=CLOSE)


def test_a_model_inside_a_list_is_its_layers(tmp_path: Path) -> None:
    layer, head = gru(3, 4), dense(4, 2)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.attrs["layer_names"], file.attrs["keras_version"] = [b"sequential"], b"2.15.0"
        names = ["gru/gru_cell/kernel:0", "gru/gru_cell/recurrent_kernel:0", "gru/gru_cell/bias:0",
                 "dense/kernel:0", "dense/bias:0"]  # fmt: skip
        group = file.create_group("sequential")
        group.attrs["weight_names"] = [name.encode() for name in names]
        for name, array in zip(names, [*layer, *head], strict=True):
            group[name] = array
    trace = lstm_tui.trace(X, open_file(tmp_path / "w.h5").network)
    np.testing.assert_allclose(present(trace.result), stepped(X, layer)[-1] @ head[0] + head[1], atol=CLOSE)


@pytest.mark.parametrize("how", WRITERS)
def test_a_layer_without_a_bias_is_no_table(how: str, tmp_path: Path) -> None:
    layer, head = gru(3, 4), drawn(4, 2)
    found = opened(tmp_path, how, {"gru": layer, "dense": [head]})
    np.testing.assert_allclose(
        present(lstm_tui.trace(X, found.network).result), stepped(X, layer)[-1] @ head, atol=CLOSE
    )


def test_two_directions_without_a_bias_are_read(tmp_path: Path) -> None:
    ahead, back = gru(3, 4)[:2], gru(3, 4, seed=1)[:2]
    with h5py.File(tmp_path / "w.weights.h5", "w") as file:
        for way, arrays in (("forward", ahead), ("backward", back)):
            group = file.create_group(f"layers/bidirectional/{way}_layer/cell/vars")
            for number, array in enumerate(arrays):
                group[str(number)] = array
    trace = lstm_tui.trace(X, open_file(tmp_path / "w.weights.h5").network)
    zeros = np.zeros((2, 12), np.float32)
    np.testing.assert_allclose(trace["layer0.forward"]["h"], stepped(X, [*ahead, zeros]), atol=CLOSE)
    np.testing.assert_allclose(trace["layer0.backward"]["h"], stepped(X[::-1], [*back, zeros])[::-1], atol=CLOSE)


@pytest.mark.parametrize("how", WRITERS)
@pytest.mark.parametrize("chosen", ["gru,dense", "gru,dense_1", "gru,dense,dense_1"])
def test_a_head_that_could_stand_beside_another_is_assumed_to_stand_above_it(
    how: str, chosen: str, tmp_path: Path
) -> None:
    layer, one, other = gru(3, 4), dense(4, 4), dense(4, 2)
    layers = {"gru": layer, "dense": one, "dense_1": other}
    fact = next(each for each in opened(tmp_path, how, layers).report.facts if each.key == "join")
    assert fact.how == "assumed"
    assert chosen in (fact.value, *fact.others)
    wanted = stepped(X, layer)[-1]
    for name, (w, b) in {"dense": one, "dense_1": other}.items():
        wanted = wanted @ w + b if name in chosen.split(",") else wanted
    said = lstm_tui.trace(X, opened(tmp_path, how, layers, join=chosen).network).result
    np.testing.assert_allclose(present(said), wanted, atol=CLOSE)


@pytest.mark.parametrize("inside", ["", "gru_cell/", "gru_cell_7/"])
def test_a_layer_that_its_user_called_rnn_is_known_by_its_shapes(inside: str, tmp_path: Path) -> None:
    layer = gru(3, 4)
    write_named(
        tmp_path / "w.h5", "rnn", [f"rnn/{inside}{one}:0" for one in ("kernel", "recurrent_kernel", "bias")], layer
    )
    opened = open_file(tmp_path / "w.h5")
    assert next(one.how for one in opened.report.facts if one.key == "layer0.cell") == "inferred"
    trace = lstm_tui.trace(X, opened.network)
    np.testing.assert_allclose(present(trace.ran).merged[-1], stepped(X, layer), atol=CLOSE)


def test_weights_of_a_cell_of_the_users_own_are_not_known_by_their_shapes(tmp_path: Path) -> None:
    names = [f"rnn/minimal_cell/{one}:0" for one in ("kernel", "recurrent_kernel", "bias")]
    write_named(tmp_path / "w.h5", "rnn", names, gru(3, 4))
    with pytest.raises(UserError, match="no recurrent layer is known"):
        open_file(tmp_path / "w.h5")


def write_named(path: Path, layer: str, names: Sequence[str], arrays: Sequence[np.ndarray]) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"], file.attrs["keras_version"] = [layer.encode()], b"2.15.0"
        group = file.create_group(layer)
        group.attrs["weight_names"] = [name.encode() for name in names]
        for name, array in zip(names, arrays, strict=True):
            group[name] = array


@pytest.mark.parametrize("how", WRITERS)
@pytest.mark.parametrize("chosen", ["gru,dense,dense_1", "gru,dense,dense_2", "gru,dense,dense_1,dense_2"])
def test_so_is_one_of_two_heads_above_a_dense_layer(how: str, chosen: str, tmp_path: Path) -> None:
    layer, heads = gru(3, 5), {"dense": dense(5, 4), "dense_1": dense(4, 4), "dense_2": dense(4, 2)}
    layers = {"gru": layer, **heads}
    fact = next(each for each in opened(tmp_path, how, layers).report.facts if each.key == "join")
    assert fact.how == "assumed"
    assert chosen in (fact.value, *fact.others)
    wanted = stepped(X, layer)[-1]
    for name, (w, b) in heads.items():
        wanted = wanted @ w + b if name in chosen.split(",") else wanted
    said = lstm_tui.trace(X, opened(tmp_path, how, layers, join=chosen).network).result
    np.testing.assert_allclose(present(said), wanted, atol=CLOSE)


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_layers_that_do_not_follow_each_other_open_one_by_one(name: str) -> None:
    """Frozen weights of Keras 3, of two layers that read inputs of their own."""
    path = FILES / "undecided_apart.weights.h5"
    with np.load(FILES / "undecided_apart_expected.npz") as expected:
        x, h = expected[f"{name}.x"], expected[f"{name}.h"]
    assert any("join is assumed to be gru" in one for one in open_file(path).network.remarks)
    trace = lstm_tui.trace(x, open_file(path, ImportOptions({"join": name})).network)
    np.testing.assert_allclose(trace["layer0.forward"]["h"], h, atol=1e-5)
