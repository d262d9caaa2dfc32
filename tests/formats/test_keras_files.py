"""Files of Keras against Keras: frozen ones always, fresh ones of every kind where Keras is installed."""

from __future__ import annotations

import json
import re
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_archive import rewritten
from present import present
from saved_arrays import savez

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.importers.open import ImportOptions, open_file
from lstm_tui.formats.inputs.inputs import Sequences
from lstm_tui.formats.inputs.numeric_series import read_series, series_from

h5py = pytest.importorskip("h5py")
FILES = Path(__file__).parent / "files"
EXPECTED = dict(np.load(FILES / "keras_expected.npz"))
CLOSE = 1e-5


def traced(network: Network, x: np.ndarray) -> Trace:
    return run(network, Sequences(series_from(x), network)[0])


def said(network: Network, x: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return what a network says in the form the model has: of every step, or once."""
    trace = traced(network, x)
    if like.ndim == 1 and trace.result is not None:
        return trace.result
    series: np.ndarray = present(trace.ran).merged[-1] if network.readout is None else present(trace.output)
    return series[-1] if like.ndim == 1 else series


@pytest.mark.parametrize("file", sorted(one.name for one in FILES.glob("keras*_*") if one.suffix in (".h5", ".keras")))
def test_frozen_files_give_what_keras_gave(file: str) -> None:
    generation, _, name = file.partition(".")[0].partition("_")
    expected = np.load(FILES / f"{generation}_expected.npz")
    opened = open_file(FILES / file)
    wanted = expected[f"{name}.y"]
    np.testing.assert_allclose(said(opened.network, expected[f"{name}.x"], wanted), wanted, atol=CLOSE)
    assert not opened.network.remarks


@pytest.mark.parametrize(
    "file", ["keras2_gru.keras", "keras2_nested_functional.h5", "keras_hard.h5", "keras_tagger.keras"]
)
def test_the_report_says_which_keras_wrote_a_file_and_whether_it_holds_the_layers(file: str, tmp_path: Path) -> None:
    said = open_file(FILES / file).report.format
    assert re.fullmatch(rf"Keras {'2' if file.startswith('keras2') else '3'}[.\d]*: layers and weights", said), said


def test_a_file_without_a_number_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["keras_version"] = "3.4.1"
        file.create_group("layers").create_group("lstm")
    with pytest.raises(UserError, match="holds no weights"):
        open_file(tmp_path / "m.h5")


def test_weights_without_their_layers_are_called_so(tmp_path: Path) -> None:
    (tmp_path / "m.weights.h5").write_bytes((FILES / "keras_gru_reset_before.weights.h5").read_bytes())
    assert re.fullmatch(r"Keras 3[.\d]*: weights alone", open_file(tmp_path / "m.weights.h5").report.format)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_kind_of_layer_in_every_format_of_keras_3(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    import make_keras_files as made

    for name in made.CASES:
        model, x = made.build(name, 7), made.given(name, 7)
        wanted = made.says(model, x)
        for ending in (".keras", ".weights.h5"):
            made.save(model, tmp_path / f"{name}{ending}")
            network = open_file(tmp_path / f"{name}{ending}").network
            np.testing.assert_allclose(said(network, x, wanted), wanted, atol=CLOSE, err_msg=name + ending)


def older(path: Path, version: str) -> Path:
    """Return a copy of a frozen file that says an older Keras wrote it."""
    copy = path.parent / f"{version}.h5"
    copy.write_bytes((FILES / "keras_hard.h5").read_bytes())
    with h5py.File(copy, "r+") as file:
        file.attrs["keras_version"] = version
        file["model_weights"].attrs["keras_version"] = version
    return copy


def test_hard_sigmoid_is_that_of_the_generation_that_wrote_the_file(tmp_path: Path) -> None:
    x = EXPECTED["hard.x"]
    for version, slope in (("3.1.0", 1 / 6), ("2.2.4", 0.2), ("2.11.0-tf", 0.2)):
        network = open_file(older(tmp_path / "x", version)).network
        passed = traced(network, x)["layer0.forward"]
        tensors = network.tensors()
        part = {name: tensors[f"layer0.forward/{name}_i"] for name in "WUb"}
        first = np.clip(slope * (part["W"] @ x[0] + part["b"]) + 0.5, 0, 1)
        np.testing.assert_allclose(passed["i"][0], first, atol=CLOSE, err_msg=version)


def write_weights(path: Path, weights: dict[str, dict[str, np.ndarray]], version: str) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = version
        file.attrs["layer_names"] = [name.encode() for name in weights]
        for layer, arrays in weights.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = [name.encode() for name in arrays]
            for name, array in arrays.items():
                group[name] = array


def test_weights_alone_assume_the_gates_aloud(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    kernel, recurrent, bias = (random.normal(size=size).astype("f4") for size in ((3, 16), (4, 16), 16))
    write_weights(tmp_path / "w.h5", {"a": {"a/kernel:0": kernel, "a/rec:0": recurrent, "a/bias:0": bias}}, "2.2.0")
    opened = open_file(tmp_path / "w.h5")
    fact = next(one for one in opened.report.facts if one.key == "layer0.gate_activation")
    assert (fact.value, fact.how) == ("hard_sigmoid_keras2", "assumed")
    assert any("layer0.gate_activation" in remark for remark in opened.network.remarks)
    x = random.normal(size=(5, 3)).astype("f4")
    hard = traced(opened.network, x)["layer0.forward"]["i"][0]
    soft_network = open_file(tmp_path / "w.h5", ImportOptions({"layer0.gate_activation": "sigmoid"})).network
    soft = traced(soft_network, x)["layer0.forward"]["i"][0]
    total = kernel.T[:4] @ x[0] + bias[:4]
    np.testing.assert_allclose(hard, np.clip(0.2 * total + 0.5, 0, 1), atol=CLOSE)
    np.testing.assert_allclose(soft, 1 / (1 + np.exp(-total)), atol=CLOSE)


def config(layer: str, **more: Any) -> dict[str, Any]:
    layers = [{"class_name": layer, "config": {"name": "a", "units": 4, "return_sequences": True, **more}}]
    return {"class_name": "Sequential", "config": {"name": "s", "layers": layers}, "keras_version": "1.2.2"}


@pytest.mark.parametrize("order", ["icfo", "ofci"])
def test_keras_1_wrote_each_gate_by_itself(order: str, tmp_path: Path) -> None:
    """Their names tell which is which; Keras wrote them in one order, and a file in another is none of its."""
    random = np.random.default_rng(1)
    arrays = {}
    for gate in order:
        for what, size in (("W", (3, 4)), ("U", (4, 4)), ("b", (4,))):
            arrays[f"a_{what}_{gate}"] = random.normal(size=size).astype("f4")
    write_weights(tmp_path / "w.h5", {"a": arrays}, "1.2.2")
    (tmp_path / "w.json").write_text(json.dumps(config("LSTM", inner_activation="hard_sigmoid", activation="tanh")))
    if order != "icfo":
        with pytest.raises(UserError, match="its weights are"):
            open_file(tmp_path / "w.h5")
        return
    x = random.normal(size=(2, 3)).astype("f4")
    passed = traced(open_file(tmp_path / "w.h5").network, x)["layer0.forward"]
    first = {gate: x[0] @ arrays[f"a_W_{gate}"] + arrays[f"a_b_{gate}"] for gate in "icfo"}
    i, f, o = (np.clip(0.2 * first[gate] + 0.5, 0, 1) for gate in "ifo")
    np.testing.assert_allclose(passed["c"][0], i * np.tanh(first["c"]), atol=CLOSE)
    second = np.clip(0.2 * (x[1] @ arrays["a_W_f"] + passed["h"][0] @ arrays["a_U_f"] + arrays["a_b_f"]) + 0.5, 0, 1)
    np.testing.assert_allclose(passed["f"][1], second, atol=CLOSE)
    np.testing.assert_allclose(passed["h"][0], o * np.tanh(passed["c"][0]), atol=CLOSE)
    assert f.shape == (4,)


def test_what_lies_as_cudnn_wants_it_is_transposed_gate_by_gate(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    plain = [random.normal(size=size).astype("f4") for size in ((3, 16), (4, 16), 16, 16)]
    packed = np.hstack([gate.T.reshape(-1).reshape(3, 4) for gate in np.hsplit(plain[0], 4)])
    recurrent = np.hstack([gate.T for gate in np.hsplit(plain[1], 4)])
    arrays = {"a/kernel:0": packed, "a/rec:0": recurrent, "a/bias:0": np.concatenate(plain[2:])}
    write_weights(tmp_path / "w.h5", {"a": arrays}, "2.2.4")
    (tmp_path / "w.json").write_text(json.dumps(config("CuDNNLSTM")))
    network = open_file(tmp_path / "w.h5").network
    view = network.tensors()
    for n, gate in enumerate("ifgo"):
        part = slice(4 * n, 4 * n + 4)
        np.testing.assert_array_equal(view[f"layer0.forward/W_{gate}"], plain[0][:, part].T)
        np.testing.assert_array_equal(view[f"layer0.forward/U_{gate}"], plain[1][:, part].T)
        np.testing.assert_array_equal(view[f"layer0.forward/b_{gate}"], plain[2][part] + plain[3][part])


def test_masked_padding_never_enters_a_pass(tmp_path: Path) -> None:
    network = open_file(FILES / "keras_tagger.keras").network
    ids = EXPECTED["tagger.x"]
    padded = np.concatenate([[0, 0], ids[:4], [0], ids[4:], [0]])
    np.testing.assert_array_equal(traced(network, padded).output, traced(network, ids).output)
    with pytest.raises(UserError, match="every row is masked padding"):
        traced(network, np.zeros(3))


def test_a_layer_that_cannot_be_run_is_named_and_the_rest_is_stepped(tmp_path: Path) -> None:
    def own(layers: list[dict[str, Any]]) -> None:
        layers[4]["class_name"] = "Lambda"

    network = open_file(rewritten("keras_tagger.keras", own, tmp_path)).network
    assert network.readout is None
    assert any("batch_normalization (Lambda) cannot be run" in remark for remark in network.remarks)

    def below(layers: list[dict[str, Any]]) -> None:
        layers[2]["class_name"] = "Mystery"

    network = open_file(rewritten("keras_tagger.keras", below, tmp_path)).network
    assert network.embedding is None
    assert any("takes its inputs directly" in remark for remark in network.remarks)


BAD = {
    "an activation of one's own": (
        lambda layers: layers[3]["config"].update(recurrent_activation="my_gate"),
        " (LSTM) cannot be run: its activation my_gate is not known here",
    ),
    "no recurrent layer": (lambda layers: layers.pop(3), "has no recurrent layer"),
    "a layer without a class": (lambda layers: layers[1].pop("class_name"), "has no class"),
    "other units than the weights": (lambda layers: layers[3].update(class_name="GRU"), "fit no GRU"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_description_is_one_line(case: str, tmp_path: Path) -> None:
    change, says = BAD[case]
    with pytest.raises(UserError) as caught:
        open_file(rewritten("keras_tagger.keras", change, tmp_path))
    assert says in str(caught.value)
    assert str(caught.value).isprintable()


def test_any_value_of_the_description_may_be_another(tmp_path: Path) -> None:
    """Whatever stands where another was meant: one line, or a network."""

    def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return [path, *(one for key, each in inside for one in places(each, (*path, key)))]

    with zipfile.ZipFile(FILES / "keras_tagger.keras") as archive:
        whole = json.loads(archive.read("config.json"))["config"]["layers"]
    for n, place in enumerate(places(whole)[1::9]):

        def change(layers: Any, n: int = n, place: tuple[Any, ...] = place) -> None:
            for key in place[:-1]:
                layers = layers[key]
            layers[place[-1]] = ("text", -1, None, [], {}, 1.5, [[1]])[n % 7]

        with suppress(UserError):
            open_file(rewritten("keras_tagger.keras", change, tmp_path))


def described(top: str, *layers: tuple[str, ...]) -> dict[str, Any]:
    """Return a functional model of layers: class, name, and the names of what each reads."""
    entries = [
        {"class_name": kind, "config": {"return_sequences": True}, "name": name,
         "inbound_nodes": [[[one, 0, 0, {}] for one in reads]] if reads else []}
        for kind, name, *reads in layers
    ]  # fmt: skip
    return {"class_name": "Functional", "config": {"layers": entries, "output_layers": [[top, 0, 0]]}}


def test_layers_that_read_each_other_are_refused() -> None:
    from lstm_tui.formats.importers.keras.graph import read_graph

    with pytest.raises(UserError, match="in a circle"):
        read_graph(described("a", ("LSTM", "a", "b"), ("LSTM", "b", "a")), "file")


@pytest.mark.parametrize(("network", "answer"), [("left", "one"), ("right", "two")])
def test_chains_that_part_above_a_layer_go_by_the_names_of_their_last(network: str, answer: str) -> None:
    path = FILES / "frozen" / "keras3_fork.keras"
    arrays = np.load(path.with_suffix(".npz"))
    opened = open_file(path, ImportOptions(network=network)).network
    trace = traced(opened, arrays["input a"])
    np.testing.assert_allclose(present(trace.output), arrays[f"output {answer}"], atol=CLOSE)
    other = {"left": "right", "right": "left"}[network]
    fact = next(one for one in open_file(path).report.facts if one.key == "network")
    assert {fact.value, *fact.why.removeprefix("--network takes ").split(", ")} == {network, other}


def test_a_graph_that_parts_and_joins_is_told_as_chains() -> None:
    from lstm_tui.formats.importers.keras.chains import segments_of
    from lstm_tui.formats.importers.keras.graph import read_graph

    x = ("InputLayer", "x")
    past = described("sum", x, ("LSTM", "a", "x"), ("LSTM", "b", "a"), ("Add", "sum", "a", "b"))
    chains = segments_of(read_graph(past, "file"), "sum")
    assert [(one.layers, one.cut) for one in chains] == [(("a", "b"), "")]
    towers = described("sum", x, ("LSTM", "a", "x"), ("LSTM", "b", "a"), ("LSTM", "c", "x"), ("Add", "sum", "b", "c"))
    chains = segments_of(read_graph(towers, "file"), "sum")
    assert [one.layers for one in chains] == [("a", "b"), ("c",), ()]
    assert chains[-1].cut == "sum (Add) joins what cannot be run together here"
    states = described("dec", x, ("InputLayer", "y"), ("LSTM", "enc", "x"), ("LSTM", "dec", "y", "enc"))
    chains = segments_of(read_graph(states, "file"), "dec")
    assert [one.layers for one in chains if one.layers] == [("enc",), ("dec",)]
    assert "dec (LSTM) is given its first states by another layer" in chains[-1].cut


@pytest.mark.parametrize(("kind", "blocks"), [
    ("GaussianNoise", False), ("SpatialDropout1D", False), ("LayerNormalization", False), ("Dense", False),
    ("Conv1D", True), ("MaxPooling1D", True), ("Lambda", True),
])  # fmt: skip
def test_what_gives_no_series_at_the_same_steps_parts_a_chain(kind: str, blocks: bool) -> None:
    from lstm_tui.formats.importers.keras.chains import segments_of
    from lstm_tui.formats.importers.keras.graph import read_graph

    model = described("b", ("InputLayer", "x"), ("LSTM", "a", "x"), (kind, "k", "a"), ("LSTM", "b", "k"))
    chains = segments_of(read_graph(model, "file"), "b")
    assert [one.layers for one in chains] == ([("a",), ("b",)] if blocks else [("a", "b")])
    assert [bool(one.cut) for one in chains] == ([False, True] if blocks else [False])


def test_two_inputs_are_joined_and_a_reversed_twin_is_the_other_direction(tmp_path: Path) -> None:
    """As taggers with features of words and of letters are made; `ReversedLSTM` is a class of their author's."""
    random = np.random.default_rng(2)
    given = {name: [random.normal(size=shape).astype(np.float32) for shape in ((5, 16), (4, 16), (16,))]
             for name in ("ahead", "back")}  # fmt: skip
    x = {name: random.normal(size=(6, n)).astype(np.float32) for name, n in (("letters", 3), ("words", 2))}

    def opened(top: str, *layers: tuple[str, ...]) -> Network:
        with h5py.File(tmp_path / "m.h5", "w") as file:
            for _, name, *_ in layers:
                group = file.create_group(name)
                kinds = ("kernel", "recurrent_kernel", "bias") if name in given else ()
                group.attrs["weight_names"] = [f"{name}/{kind}" for kind in kinds]
                for kind, array in zip(kinds, given.get(name, ()), strict=True):
                    group[f"{name}/{kind}"] = array
        (tmp_path / "m.json").write_text(json.dumps(described(top, *layers)))
        return open_file(tmp_path / "m.h5").network

    joined = [("InputLayer", "letters"), ("InputLayer", "words"), ("Concatenate", "both", "letters", "words")]
    twins = [("LSTM", "ahead", "both"), ("ReversedLSTM", "back", "both"), ("Concatenate", "top", "ahead", "back")]
    savez(tmp_path / "x.npz", x)
    network = opened("top", *joined, *twins)
    trace = run(network, Sequences(read_series(tmp_path / "x.npz"), network)[0])
    whole = np.concatenate([x["letters"], x["words"]], axis=1)
    np.testing.assert_array_equal(trace.sequence.x, whole)
    alone = opened("back", ("InputLayer", "start"), ("LSTM", "back", "start"))
    back = traced(alone, whole[::-1])["layer0.forward"]["h"][::-1]
    np.testing.assert_allclose(trace["layer0.backward"]["h"], back, atol=CLOSE)
    assert np.abs(trace["layer0.forward"]["h"] - back).max() > 1e-2
    added = opened("top", *joined, *twins[:2], ("Add", "top", "ahead", "back"))
    trace = run(added, Sequences(read_series(tmp_path / "x.npz"), added)[0])
    assert not added.remarks
    assert added.readout is None
    both = trace["layer0.forward"]["h"] + back
    np.testing.assert_allclose(present(trace.ran).merged[-1], both, atol=CLOSE)


@pytest.mark.parametrize("how", ["or", "and"])
def test_masks_of_two_inputs_are_joined_as_each_generation_of_keras_does(how: str) -> None:
    from lstm_tui.formats.importers.keras.feature_extractor import keras_front
    from lstm_tui.formats.importers.keras.graph import read_graph

    layers = [("InputLayer", "x"), ("InputLayer", "y"), ("Embedding", "a", "x"), ("Embedding", "b", "y")]
    graph = read_graph(described("c", *layers, ("Concatenate", "c", "a", "b")), "file")
    for name in ("a", "b", "c"):
        graph.nodes[name].config = {"mask_zero": True} if name != "c" else {}
    tables = {"a": np.arange(10.0).reshape(5, 2), "b": -np.arange(10.0).reshape(5, 2)}
    mask = (how, ("ids", "a"), ("ids", "b"))
    front = keras_front(graph, "c", lambda node: [tables[node.name]] if node.name in tables else [], 3, mask)
    x, y = np.array([1, 0, 2, 0, 3]), np.array([0, 4, 1, 0, 2])
    kept = (x != 0) | (y != 0) if how == "or" else (x != 0) & (y != 0)
    wanted = np.concatenate([tables["a"][x], tables["b"][y]], axis=1)[kept]
    np.testing.assert_array_equal(front.run({"x": x, "y": y}), wanted)


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ([("ConvLSTM1D", "a", "x")], r"a \(ConvLSTM1D\) is not stepped"),
        ([("RNN", "a", "x")], r"a \(RNN\) is not stepped"),
        ([("Dense", "a", "x")], r"there is nothing to step through$"),
    ],
)
def test_what_is_like_a_recurrent_layer_is_named(layers: list[tuple[str, ...]], says: str, tmp_path: Path) -> None:
    model = described("a", ("InputLayer", "x"), *layers)
    (tmp_path / "m.json").write_text(json.dumps(model))
    (tmp_path / "m.weights.h5").write_bytes((FILES / "keras_functional.weights.h5").read_bytes())
    with pytest.raises(UserError, match=says):
        open_file(tmp_path / "m.weights.h5")


def test_quantised_weights_are_named_and_not_taken_for_numbers(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    for part, says in (("dense", "dense_1 (Dense) cannot be run: it holds int8 numbers"), ("lstm", "lstm (LSTM)")):
        path.write_bytes((FILES / "keras_between.h5").read_bytes())
        with h5py.File(path, "r+") as file:
            layers = file["model_weights"]
            name = next(one for one in layers if one.startswith(part) and one != "dense")
            names: list[str] = []
            layers[name].visit(names.append)
            kernel = next(one for one in names if one.endswith("/kernel"))
            whole = layers[name][kernel][...]
            del layers[name][kernel]
            layers[name][kernel] = (whole * 50).astype(np.int8)
        try:
            told = " ".join(open_file(path).network.remarks)
        except UserError as error:
            told = str(error)
        assert "holds int8 numbers: quantised weights are not read" in told
        assert says.split(" ")[0].split("_")[0] in told


def test_links_and_sizes_that_are_not_there_are_refused(tmp_path: Path) -> None:
    for name in ("soft", "external", "huge", "loop"):
        path = tmp_path / f"{name}.h5"
        with h5py.File(path, "w") as file:
            group = file.create_group("a")
            if name == "soft":
                group["x"] = h5py.SoftLink("/etc")
            elif name == "external":
                group["x"] = h5py.ExternalLink("/etc/passwd", "/")
            elif name == "huge":
                group.create_dataset("x", shape=(1 << 20, 1 << 20), dtype="f4", chunks=(64, 64))
            else:
                group["x"] = file["a"]
        with pytest.raises(UserError) as caught:
            open_file(path)
        wanted = {"huge": "says it is 4.1e+03 GB", "loop": "is a group that holds itself"}.get(name, "is a link")
        assert wanted in str(caught.value)


def test_a_file_cut_anywhere_is_one_line(tmp_path: Path) -> None:
    data = (FILES / "keras_between.h5").read_bytes()
    for length in range(16, len(data) - 2000, len(data) // 25):
        (tmp_path / "cut.h5").write_bytes(data[:length])
        with pytest.raises(UserError) as caught:
            open_file(tmp_path / "cut.h5")
        assert str(caught.value).isprintable()


def tensor(layer: str) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [layer, 0, 0]}}


def masked_model(mask: str) -> dict[str, Any]:
    """Return a functional model as Keras 3 writes it, in which what masks a layer is a layer of its own."""
    layers: list[tuple[str, str, dict[str, Any], list[dict[str, Any]]]] = [
        ("InputLayer", "ids", {}, []),
        ("InputLayer", "given", {}, []),
        ("Embedding", "table", {"mask_zero": True}, [{"args": [tensor("ids")], "kwargs": {}}]),
        ("NotEqual", "compared", {}, [{"args": [tensor("ids"), 0], "kwargs": {}}]),
        ("LSTM", "reads", {"return_sequences": True}, [{"args": [tensor("table")], "kwargs": {"mask": tensor(mask)}}]),
    ]
    entries = [{"class_name": kind, "name": name, "config": config, "inbound_nodes": calls}
               for kind, name, config, calls in layers]  # fmt: skip
    config = {"layers": entries, "input_layers": [["ids", 0, 0]], "output_layers": [["reads", 0, 0]]}
    return {"class_name": "Functional", "config": config}


def write_layers(path: Path, weights: dict[str, list[np.ndarray]]) -> None:
    """Write weights as Keras 3 does: by the classes of layers, whose order is that of their names."""
    with h5py.File(path, "w") as file:
        for place, arrays in weights.items():
            group = file.create_group(f"layers/{place}/vars")
            for number, array in enumerate(arrays):
                group[str(number)] = array


def lstm_weights(random: np.random.Generator, inputs: int, hidden: int) -> list[np.ndarray]:
    shapes = ((inputs, 4 * hidden), (hidden, 4 * hidden), (4 * hidden,))
    return [random.normal(size=shape).astype(np.float32) for shape in shapes]


def test_a_mask_that_is_a_layer_of_its_own_is_that_of_the_embedding(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    table = random.normal(size=(9, 3)).astype(np.float32)
    write_layers(tmp_path / "m.weights.h5", {"embedding": [table], "lstm/cell": lstm_weights(random, 3, 4)})
    (tmp_path / "m.json").write_text(json.dumps(masked_model("compared")))
    network = open_file(tmp_path / "m.weights.h5").network
    assert not network.remarks
    assert [one.name for one in network.passes] == ["layer0.forward"]
    plain = traced(network, np.array([4, 2, 8, 1]))
    padded = traced(network, np.array([0, 4, 2, 0, 8, 1, 0]))
    np.testing.assert_array_equal(plain["layer0.forward"]["h"][-1], padded["layer0.forward"]["h"][-1])
    (tmp_path / "m.json").write_text(json.dumps(masked_model("given")))
    with pytest.raises(UserError, match=r"reads \(LSTM\) cannot be run: it is given a mask by given"):
        open_file(tmp_path / "m.weights.h5")


def test_weights_alone_are_chained_by_their_sizes_and_what_no_size_tells_is_assumed(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    table, below = random.normal(size=(9, 3)).astype(np.float32), lstm_weights(random, 3, 4)
    back, above = lstm_weights(random, 3, 4), lstm_weights(random, 4, 5)
    dense = [random.normal(size=shape).astype(np.float32) for shape in ((5, 2), (2,))]
    cells = {"bidirectional_9/forward_layer/cell": below, "bidirectional_9/backward_layer/cell": back}
    path = tmp_path / "w.weights.h5"
    write_layers(path, {"a_lstm/cell": above, **cells, "dense": dense, "embedding": [table]})
    opened = open_file(path)
    facts = {one.key: (one.value, one.how) for one in opened.report.facts}
    assert facts["embedding"] == ("embedding, 9 ids", "inferred")
    assert facts["layer0.name"][0] == "bidirectional_9"
    assert facts["layer0.merge"] == ("sum", "assumed")
    assert facts["layer1.directions"] == ("forward", "assumed")
    assert any("layer0.merge is assumed to be sum" in remark for remark in opened.network.remarks)
    ids = np.array([4, 2, 8, 1])
    trace = traced(opened.network, ids)
    for merge, over in (("average", 2), ("sum", 1)):
        trace = traced(open_file(path, ImportOptions({"layer0.merge": merge})).network, ids)
        both = (trace["layer0.forward"]["h"] + trace["layer0.backward"]["h"]) / over
        np.testing.assert_allclose(trace["layer1.forward"].inputs["x"], both, atol=CLOSE)
    last = trace["layer1.forward"]["h"][-1]
    np.testing.assert_allclose(present(trace.result), last @ dense[0] + dense[1], atol=CLOSE)
    turned = traced(open_file(path, ImportOptions({"layer1.directions": "backward"})).network, ids)
    assert "layer1.backward" in turned


def test_of_dense_layers_alone_the_first_says_what_it_takes_of_the_steps(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    dense = {
        name: [random.normal(size=shape).astype(np.float32) for shape in (size, size[1:])]
        for name, size in (("dense", (4, 3)), ("dense_1", (3, 2)))
    }
    path = tmp_path / "w.weights.h5"
    write_layers(path, {"lstm/cell": lstm_weights(random, 3, 4), **dense})
    opened = open_file(path)
    keys = [one.key for one in opened.report.facts if one.key.startswith("readout")]
    assert keys == ["readout.over", "readout", "readout.dense_activation", "readout", "readout.dense_1_activation"]
    x = random.normal(size=(5, 3)).astype("f4")
    trace = traced(opened.network, x)
    between = trace["layer0.forward"]["h"][-1] @ dense["dense"][0] + dense["dense"][1]
    np.testing.assert_allclose(present(trace.result), between @ dense["dense_1"][0] + dense["dense_1"][1], atol=CLOSE)


def test_of_weights_that_do_not_follow_each_other_one_layer_opens_alone_and_it_is_said(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    path = tmp_path / "w.weights.h5"
    weights = {"lstm/cell": lstm_weights(random, 3, 4), "lstm_1/cell": lstm_weights(random, 7, 5)}
    write_layers(path, {**weights, "embedding": [random.normal(size=(9, 7)).astype("f4")]})
    opened = open_file(path)
    assert [one.value for one in opened.report.facts if one.key == "join"] == ["lstm_1"]  # which reads the table
    assert [one.value for one in opened.report.facts if one.key == "embedding"] == ["embedding, 9 ids"]
    told = next(one for one in opened.network.remarks if one.startswith("join is assumed to be lstm_1"))
    assert "do not follow each other by their sizes: lstm_1 7 → 5, lstm 3 → 4" in told
    assert any("lstm (" in one and "no place here" in one for one in opened.network.remarks)
    other = open_file(path, ImportOptions({"join": "lstm"}))
    x = random.normal(size=(5, 3)).astype("f4")
    assert traced(other.network, x)["layer0.forward"]["h"].shape == (5, 4)


@pytest.mark.parametrize("version", ["2.2.4", "2.1.6", "2.15.0", "3.0.0"])
def test_two_biases_end_to_end_are_cudnns_whose_gates_are_sigmoid_whatever_the_version(
    version: str, tmp_path: Path
) -> None:
    random = np.random.default_rng(3)
    arrays = {
        f"a/{name}:0": random.normal(size=shape).astype("f4")
        for name, shape in (("kernel", (3, 16)), ("rec", (4, 16)), ("bias", (32,)))
    }
    for described in (True, False):
        folder = tmp_path / str(described)
        folder.mkdir()
        write_weights(folder / "w.h5", {"a": arrays}, version)
        if described:
            (folder / "w.json").write_text(json.dumps(config("CuDNNLSTM")))
        opened = open_file(folder / "w.h5")
        facts = {one.key: (one.value, one.how) for one in opened.report.facts}
        assert facts["layer0.gate_activation"] == ("sigmoid", "confirmed")
        assert not any("gate_activation" in remark for remark in opened.network.remarks)
        tensors = opened.network.tensors()
        x = random.normal(size=(2, 3)).astype("f4")
        i = traced(opened.network, x)["layer0.forward"]["i"][0]
        total = tensors["layer0.forward/W_i"] @ x[0] + tensors["layer0.forward/b_i"]
        np.testing.assert_allclose(i, 1 / (1 + np.exp(-total)), atol=CLOSE)
