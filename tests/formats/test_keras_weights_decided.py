"""What a file of Keras's weights leaves open, decided by its user: reading from the end, calling twice, flattening."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bags import lstm
from present import present
from test_keras_weights import CLOSE, STEPS, WRITERS, X, dense, drawn, gru, opened, stepped

import lstm_tui
from lstm_tui.formats.importers.answers import FROM_THE_END
from lstm_tui.formats.importers.open import Imported, ImportOptions, open_file

h5py = pytest.importorskip("h5py")


@pytest.mark.parametrize("how", WRITERS)
def test_what_reads_a_layer_from_the_end_reads_from_the_end_too(how: str, tmp_path: Path) -> None:
    low, top, head = gru(3, 4), gru(4, 2, seed=1), dense(2, 2)
    layers = {"gru": low, "gru_1": top, "dense": head}
    given = stepped(stepped(X[::-1], low), top)  # in the order in which Keras gives it
    found = opened(tmp_path, how, layers, layer0__directions="backward")
    said = next(one for one in found.report.facts if one.key == "layer1.directions")
    assert (said.value, said.how, said.others) == ("backward", "assumed", ("forward",))
    trace = lstm_tui.trace(X, found.network)
    np.testing.assert_allclose(trace["layer1.backward"]["h"], given[::-1], atol=CLOSE)
    np.testing.assert_allclose(present(trace.result), given[-1] @ head[0] + head[1], atol=CLOSE)
    each = opened(tmp_path, how, layers, layer0__directions="backward", readout__over="each").network
    np.testing.assert_allclose(present(lstm_tui.trace(X, each).output), (given @ head[0] + head[1])[::-1], atol=CLOSE)
    assert FROM_THE_END in each.remarks
    assert FROM_THE_END not in found.network.remarks
    again = opened(tmp_path, how, layers, layer0__directions="backward", layer1__directions="forward").network
    np.testing.assert_allclose(
        lstm_tui.trace(X, again)["layer1.forward"]["h"], stepped(stepped(X[::-1], low)[::-1], top), atol=CLOSE
    )


@pytest.mark.parametrize("way", ["forward", "backward"])
def test_a_dense_layer_may_read_the_cell_state_after_the_last_step(way: str, tmp_path: Path) -> None:
    kernel, recurrent, bias, head = drawn(3, 16), drawn(4, 16, seed=1), drawn(16, seed=2), dense(4, 2)
    found = opened(tmp_path, "classes", {"lstm": [kernel, recurrent, bias], "dense": head})
    (over,) = [one for one in found.report.facts if one.key == "readout.over"]
    assert over.warning
    assert "final_cell" in over.others
    cells: list[np.ndarray] = []
    lstm(X if way == "forward" else X[::-1], kernel.T, recurrent.T, bias, cells=cells)
    settings = {"readout__over": "final_cell", "layer0__directions": way}
    again = opened(tmp_path, "classes", {"lstm": [kernel, recurrent, bias], "dense": head}, **settings).network
    np.testing.assert_allclose(present(lstm_tui.trace(X, again).result), cells[-1] @ head[0] + head[1], atol=CLOSE)
    gru_alone = opened(tmp_path, "classes", {"gru": gru(3, 4), "dense": head}).report.facts
    assert not any("final_cell" in one.others for one in gru_alone)


def reset_before(x: np.ndarray, kernel: np.ndarray, recurrent: np.ndarray) -> np.ndarray:
    """Return what a GRU of Keras without a bias shows that resets before its product."""
    size = len(recurrent)
    h = np.zeros(size)
    shown = []
    for row in x:
        zx, rx, nx = np.split(row @ kernel, 3)
        zh, rh = np.split(h @ recurrent[:, : 2 * size], 2)
        z, r = (1 / (1 + np.exp(-one)) for one in (zx + zh, rx + rh))
        h = (1 - z) * np.tanh(nx + (r * h) @ recurrent[:, 2 * size :]) + z * h
        shown.append(h)
    return np.array(shown)


@pytest.mark.parametrize("how", WRITERS)
def test_where_a_gru_without_a_bias_resets_is_not_in_its_weights(how: str, tmp_path: Path) -> None:
    kernel, recurrent, _ = weights = gru(3, 4)
    layers = {"gru": weights[:2], "dense": dense(4, 2)}
    found = opened(tmp_path, how, layers)
    (reset,) = [one for one in found.report.facts if one.key == "layer0.reset"]
    assert (reset.value, reset.how, reset.others) == ("after", "assumed", ("before",))
    after = stepped(X, [kernel, recurrent, np.zeros((2, 12))])
    np.testing.assert_allclose(lstm_tui.trace(X, found.network)["layer0.forward"]["h"], after, atol=CLOSE)
    other = opened(tmp_path, how, layers, layer0__reset="before").network
    shown = lstm_tui.trace(X, other)["layer0.forward"]["h"]
    np.testing.assert_allclose(shown, reset_before(X, kernel, recurrent), atol=CLOSE)
    assert not any(one.key == "layer0.reset" for one in opened(tmp_path, how, {"gru": weights}).report.facts)


@pytest.mark.parametrize("pool", ["", "global_max_pooling1d", "global_average_pooling1d"])
def test_a_pool_may_stand_above_a_dense_layer_where_the_file_keeps_no_order(pool: str, tmp_path: Path) -> None:
    low, head, top = gru(3, 4), dense(4, 3), dense(3, 2)
    layers = {"dense": head, "dense_1": top, "gru": low} | ({pool: []} if pool else {})
    found = opened(tmp_path, "classes", layers)
    (over,) = [one for one in found.report.facts if one.key == "readout.over"]
    assert over.warning
    bent = np.tanh(stepped(X, low) @ head[0] + head[1])
    for how, pooled in (("mean", bent.mean(axis=0)), ("max", bent.max(axis=0))):
        if pool and how[:2] not in pool.replace("average", "mean"):
            assert f"{how} after dense" not in over.others
            continue
        assert f"{how} after dense" in over.others
        said = {"readout__over": f"{how} after dense", "readout__dense_activation": "tanh"}
        shown = lstm_tui.trace(X, opened(tmp_path, "classes", layers, **said).network).result
        np.testing.assert_allclose(present(shown), pooled @ top[0] + top[1], atol=CLOSE)
    if pool:
        (listed,) = [one for one in opened(tmp_path, "list", {"gru": low, "dense": head, pool: [], "dense_1": top})
                     .report.facts if one.key == "readout.over"]  # fmt: skip
        assert (listed.how, listed.warning) == ("inferred", None)


def test_a_dense_layer_below_could_be_another_answer_where_the_file_keeps_no_order(tmp_path: Path) -> None:
    low, one, other = gru(3, 5), dense(5, 3), dense(5, 2)
    layers = {"dense": one, "dense_1": other, "gru": low}
    (join,) = [fact for fact in opened(tmp_path, "classes", layers).report.facts if fact.key == "join"]
    assert (join.value, join.how) == ("dense,gru,dense_1", "assumed")
    last = stepped(X, low)[-1]
    for said, head in (("gru,dense", one), ("gru,dense_1", other)):
        assert said in join.others
        shown = lstm_tui.trace(X, opened(tmp_path, "classes", layers, join=said).network).result
        np.testing.assert_allclose(present(shown), last @ head[0] + head[1], atol=CLOSE)
    listed = opened(tmp_path, "list", {"dense": one, "gru": low, "dense_1": other}).report.facts
    assert [fact.how for fact in listed if fact.key == "join"] == ["inferred"], "its list has it below"


def two_ways(path: Path, **settings: str) -> Imported:
    """Write a GRU below two directions and a dense layer, and open it."""
    with h5py.File(path, "w") as file:
        for place, arrays in {
            "gru/cell": gru(3, 4), "bidirectional/forward_layer/cell": gru(4, 2, seed=1),
            "bidirectional/backward_layer/cell": gru(4, 2, seed=2), "dense": dense(4, 2),
        }.items():  # fmt: skip
            for number, array in enumerate(arrays):
                file[f"layers/{place}/vars/{number}"] = array
    return open_file(path, ImportOptions({key.replace("__", "."): one for key, one in settings.items()}))


@pytest.mark.parametrize("low", ["forward", "backward"])
@pytest.mark.parametrize("over", ["last", "each", "mean"])
def test_two_directions_above_it_stand_end_to_end_as_keras_has_them(low: str, over: str, tmp_path: Path) -> None:
    head = dense(4, 2)
    series = stepped(X if low == "forward" else X[::-1], gru(3, 4))
    ahead, back = stepped(series, gru(4, 2, seed=1)), stepped(series[::-1], gru(4, 2, seed=2))
    both = np.concatenate([ahead, back[::-1]], axis=1)
    want = {"last": np.concatenate([ahead[-1], back[-1]]), "each": both, "mean": both.mean(axis=0)}[over]
    want = want @ head[0] + head[1]
    trace = lstm_tui.trace(X, two_ways(tmp_path / "w.weights.h5", layer0__directions=low, readout__over=over).network)
    if over == "each":
        np.testing.assert_allclose(present(trace.output), want if low == "forward" else want[::-1], atol=CLOSE)
    else:
        np.testing.assert_allclose(present(trace.result), want, atol=CLOSE)


@pytest.mark.parametrize("how", WRITERS)
@pytest.mark.parametrize("way", ["forward", "backward"])
def test_a_layer_that_gives_as_much_as_it_reads_may_be_called_twice(way: str, how: str, tmp_path: Path) -> None:
    layer, head = gru(3, 3), dense(3, 2)
    layers = {"gru": layer, "dense": head}
    once = opened(tmp_path, how, layers)
    assert any("layer0.calls=one" in one for one in once.network.remarks)
    twice = opened(tmp_path, how, layers, layer0__calls="two", layer0__directions=way).network
    given = stepped(X if way == "forward" else X[::-1], layer)
    given = stepped(given if way == "forward" else given[::-1], layer)
    np.testing.assert_allclose(present(lstm_tui.trace(X, twice).result), given[-1] @ head[0] + head[1], atol=CLOSE)


@pytest.mark.parametrize("how", WRITERS)
def test_a_layer_that_gives_another_width_is_called_once(how: str, tmp_path: Path) -> None:
    found = opened(tmp_path, how, {"gru": gru(3, 4), "dense": dense(4, 2)})
    assert not [one for one in found.report.facts if one.key.endswith(".calls")]


@pytest.mark.parametrize("how", WRITERS)
def test_a_dense_layer_that_reads_a_flatten_does_not_stand_below(how: str, tmp_path: Path) -> None:
    """Its width is that of all steps, and what it gives is by chance what the layer reads."""
    layer = gru(3, 4)
    layers = {"gru": layer, "flatten": [], "dense": dense(4 * STEPS, 3)}
    found = opened(tmp_path, how, layers)
    join = next((one for one in found.report.facts if one.key == "join"), None)
    assert found.network.readout is None
    assert any("readout.understood is not known: what flatten does" in one for one in found.network.remarks)
    assert not [one for one in found.report.under("layer0") if one.how == "unknown"]
    np.testing.assert_allclose(lstm_tui.trace(X, found.network)["layer0.forward"]["h"], stepped(X, layer), atol=CLOSE)
    if how == "classes":  # which keep no order
        assert join is not None
        assert (join.value, join.how, "dense,gru" in join.others) == ("gru", "assumed", True)
        x = drawn(STEPS, 4 * STEPS)
        below = opened(tmp_path, how, layers, join="dense,gru").network
        w, b = layers["dense"]
        above = stepped(x @ w + b, layer)
        np.testing.assert_allclose(lstm_tui.trace(x, below)["layer1.forward"]["h"], above, atol=CLOSE)


@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_pooling_layer_stands_where_the_list_has_it(place: int, tmp_path: Path) -> None:
    layer, low, top = gru(3, 4), dense(4, 5), dense(5, 2)
    names = ["gru", "dense", "dense_1"]
    names.insert(place, "global_max_pooling1d")
    given = {"gru": layer, "dense": low, "dense_1": top, "global_max_pooling1d": []}
    layers = {name: given[name] for name in names}
    found = opened(tmp_path, "list", layers, readout__dense_activation="tanh")
    value = stepped(X, layer)
    for name in names[1:]:
        value = np.tanh(value @ low[0] + low[1]) if name == "dense" else (
            value @ top[0] + top[1] if name == "dense_1" else value.max(axis=0)
        )  # fmt: skip
    np.testing.assert_allclose(present(lstm_tui.trace(X, found.network).result), value, atol=CLOSE)


@pytest.mark.parametrize("how", WRITERS)
def test_a_dense_layer_that_can_read_nothing_but_a_flatten_says_nothing_of_the_layers(how: str, tmp_path: Path) -> None:
    found = opened(tmp_path, how, {"gru": gru(3, 4), "flatten": [], "dense": dense(4 * STEPS, 2)})
    unknown = [one.key for one in found.report.facts if one.how == "unknown"]
    assert set(unknown) == {"readout.understood"}


@pytest.mark.parametrize("how", WRITERS)
@pytest.mark.parametrize(("masking", "over"), [("0", "max"), ("0", "mean"), ("none", "max")])
def test_a_maximum_over_masked_steps_is_not_taken_for_that_of_keras(
    masking: str, over: str, how: str, tmp_path: Path
) -> None:
    layers = {"embedding": [drawn(7, 3)], "gru": gru(3, 4), "dense": dense(4, 2)}
    remarks = opened(tmp_path, how, layers, masking=masking, readout__over=over).network.remarks
    said = any(one.startswith("readout.understood is not known: the maximum of Keras") for one in remarks)
    assert said == (masking == "0" and over == "max")


@pytest.mark.parametrize("how", WRITERS)
@pytest.mark.parametrize("masking", ["0", "none"])
@pytest.mark.parametrize("low", ["backward", "forward"])
def test_what_reads_from_the_end_under_a_mask_is_not_understood(
    low: str, masking: str, how: str, tmp_path: Path
) -> None:
    """Keras turns the series round that a layer shows, and not its mask."""
    layers = {"embedding": [drawn(7, 3)], "gru": gru(3, 4), "gru_1": gru(4, 2), "dense": dense(2, 2)}
    said = {"masking": masking, "layer0__directions": low}
    remarks = opened(tmp_path, how, layers, **said).network.remarks
    doubted = any(one.startswith("layer1.understood is not known: gru_1 reads from the end") for one in remarks)
    assert doubted == (masking == "0" and low == "backward")


@pytest.mark.parametrize("how", WRITERS)
@pytest.mark.parametrize("masking", ["0", "none"])
@pytest.mark.parametrize(("way", "over"), [("backward", "mean"), ("forward", "mean"), ("backward", "last")])
def test_a_mean_of_what_comes_from_the_end_under_a_mask_is_not_understood(
    way: str, over: str, masking: str, how: str, tmp_path: Path
) -> None:
    layers = {"embedding": [drawn(7, 3)], "gru": gru(3, 4), "dense": dense(4, 2)}
    said = {"masking": masking, "layer0__directions": way, "readout__over": over}
    remarks = opened(tmp_path, how, layers, **said).network.remarks
    doubted = any(one.startswith("readout.understood is not known: a mean of what comes") for one in remarks)
    assert doubted == (masking == "0" and way == "backward" and over == "mean")
