"""ONNX files against onnxruntime: frozen ones always, fresh ones of every kind where it is installed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fetched import fetched
from present import present

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.importers.onnx import file as onnx_file
from lstm_tui.formats.importers.open import ImportOptions, open_file
from lstm_tui.formats.inputs.inputs import Sequences
from lstm_tui.formats.inputs.numeric_series import series_from

onnx = pytest.importorskip("onnx")
import make_onnx_files as made  # noqa: E402  (needs onnx)

FILES = Path(__file__).parent / "files"
EXPECTED = dict(np.load(FILES / "onnx_expected.npz"))
CLOSE = 1e-5


def traced(network: Network, x: np.ndarray) -> Trace:
    return run(network, Sequences(series_from(x), network)[0])


def said(network: Network, x: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return what a network says, in the form of what the file says."""
    trace = traced(network, x)
    if network.readout is None:
        return present(trace.ran).merged[-1]
    each = like.ndim == 2 and len(like) == len(x)
    return present(trace.output) if each else present(trace.result).reshape(like.shape)


@pytest.mark.parametrize("path", sorted(FILES.glob("onnx_*.onnx")), ids=lambda path: path.stem)
def test_frozen_files_give_what_onnxruntime_gave(path: Path) -> None:
    name = path.stem.removeprefix("onnx_")
    x = EXPECTED["ids" if name.startswith("tagger") else "x"]
    opened = open_file(path)
    np.testing.assert_allclose(said(opened.network, x, EXPECTED[name]), EXPECTED[name], atol=CLOSE)
    assert not opened.network.remarks


def test_a_frozen_file_that_leaves_numbers_out_is_that_of_onnxruntime_once_it_is_said() -> None:
    path, wanted = FILES / "undecided_numbers.onnx", EXPECTED["undecided_numbers"]
    opened = open_file(path)
    assert any("layer0.activation_numbers is assumed" in one for one in opened.network.remarks)
    assert np.abs(said(opened.network, EXPECTED["x"], wanted) - wanted).max() > 1e-2
    network = open_file(path, ImportOptions({"layer0.activation_numbers": "zeros"})).network
    np.testing.assert_allclose(said(network, EXPECTED["x"], wanted), wanted, atol=CLOSE)


@pytest.mark.parametrize("seed", [3, 4])
def test_every_kind_of_node_step_by_step(seed: int, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    models = {name: (made.single(name, seed), made.numbers(seed)) for name in made.CASES}
    models |= {
        f"tagger {over}": (made.tagger(seed, over), made.ids(seed))
        for over in ("each", "mean", "last", "states", "fixed")
    }
    models["inside if"] = made.inside_if(seed), made.numbers(seed)
    models["convolved"] = made.convolved(seed), made.numbers(seed)
    for name, (model, x) in models.items():
        onnx.save(model, tmp_path / "m.onnx")
        wanted = made.says(model, x)
        network = open_file(tmp_path / "m.onnx").network
        np.testing.assert_allclose(said(network, x, wanted), wanted, atol=CLOSE, err_msg=name)


@pytest.mark.slow
def test_the_node_tests_of_onnx_at_their_own_tolerance(tmp_path: Path) -> None:
    folders = sorted(fetched("onnx==1.17.0", "data/node").iterdir())
    assert len(folders) == 12
    for folder in folders:
        model = onnx.load(folder / "model.onnx")
        node = model.graph.node[0]
        data = folder / "test_data_set_0"
        given = {
            one.name: onnx.numpy_helper.to_array(onnx.load_tensor(data / f"input_{n}.pb"))
            for n, one in enumerate(model.graph.input)
        }
        for name in node.input[1:]:
            if name:
                model.graph.initializer.append(onnx.numpy_helper.from_array(given[name], name))
        kept = [one for one in model.graph.input if one.name == node.input[0]]
        del model.graph.input[:]
        model.graph.input.extend(kept)
        onnx.save(model, tmp_path / "m.onnx")
        network = open_file(tmp_path / "m.onnx").network
        first = any(one.name == "layout" and one.i for one in node.attribute)
        x = given[node.input[0]]
        for sequence in range(x.shape[0 if first else 1]):
            h = traced(network, x[sequence] if first else x[:, sequence]).passes["layer0.forward"]["h"]
            for n, output in enumerate(model.graph.output):
                wanted = onnx.numpy_helper.to_array(onnx.load_tensor(data / f"output_{n}.pb"))
                wanted = wanted[sequence] if first else np.moveaxis(wanted, -2, 0)[sequence]
                mine = h if output.name == node.output[0] else h[-1]
                np.testing.assert_allclose(mine.ravel(), wanted.ravel(), 1e-3, 1e-7, err_msg=folder.name)


def test_a_reset_that_an_exporter_lost_is_said_and_can_be_set(tmp_path: Path) -> None:
    model = made.single("gru", 2)
    model.producer_name, model.producer_version = "pytorch", "2.10"
    onnx.save(model, tmp_path / "m.onnx")
    network = open_file(tmp_path / "m.onnx").network
    assert any("layer0.reset is assumed to be before" in remark for remark in network.remarks)
    other = open_file(tmp_path / "m.onnx", ImportOptions({"layer0.reset": "after"})).network
    first, second = (present(traced(one, made.numbers(2)).ran).merged[-1] for one in (network, other))
    assert np.abs(first - second).max() > 1e-3


@pytest.mark.parametrize("kind", ["Affine", "ScaledTanh", "ThresholdedRelu"])
@pytest.mark.parametrize("name", ["rnn_affine", "gru_both", "lstm_activations"])
def test_numbers_of_an_activation_that_a_file_leaves_out_are_assumed(name: str, kind: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = made.single(name, 2)
    (node,) = [one for one in model.graph.node if one.op_type in made.GATES]
    kept = [one for one in node.attribute if not one.name.startswith("activation")]
    bent = {"RNN": [kind], "GRU": ["Sigmoid", kind], "LSTM": ["Sigmoid", kind, "Tanh"]}[node.op_type]
    bent *= 2 if "both" in name else 1
    del node.attribute[:]
    node.attribute.extend([*kept, onnx.helper.make_attribute("activations", bent)])
    onnx.save(model, tmp_path / "m.onnx")
    opened = open_file(tmp_path / "m.onnx")
    assert any("layer0.activation_numbers is assumed" in one and kind in one for one in opened.network.remarks)
    x = made.numbers(2)
    wanted = made.says(model, x)
    network = open_file(tmp_path / "m.onnx", ImportOptions({"layer0.activation_numbers": "zeros"})).network
    np.testing.assert_allclose(said(network, x, wanted), wanted, atol=CLOSE)
    assert np.abs(said(opened.network, x, wanted) - wanted).max() > 1e-2
    assert not network.remarks


def test_a_state_that_is_given_from_outside_is_said(tmp_path: Path) -> None:
    model = made.single("gru_started", 2)
    tensors = [one for one in model.graph.initializer if one.name != "rec_h0"]
    del model.graph.initializer[:]
    model.graph.initializer.extend(tensors)
    model.graph.input.append(onnx.helper.make_tensor_value_info("rec_h0", 1, (1, 1, made.UNITS)))
    onnx.save(model, tmp_path / "m.onnx")
    remarks = open_file(tmp_path / "m.onnx").network.remarks
    assert any("begins with h of rec_h0, given from outside" in remark for remark in remarks)


def changed(change: Any, tmp_path: Path, name: str = "gru") -> Path:
    model = made.single(name, 2)
    change(model)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    return tmp_path / "m.onnx"


def circle(model: Any) -> None:
    model.graph.node.append(onnx.helper.make_node("Relu", ["b"], ["a"], name="one"))
    model.graph.node.append(onnx.helper.make_node("Relu", ["a"], ["b"], name="two"))


def huge(model: Any) -> None:
    model.graph.initializer[0].dims[1] = 1 << 40


def short(model: Any) -> None:
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:8]


def elsewhere(location: str, **said: str) -> Any:
    def change(model: Any) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in {"location": location, **said}.items():
            tensor.external_data.add(key=key, value=value)

    return change


def renamed(kind: str, domain: str = "") -> Any:
    def change(model: Any) -> None:
        model.graph.node[0].op_type, model.graph.node[0].domain = kind, domain

    return change


def fed(model: Any) -> None:
    model.graph.input.append(onnx.helper.make_tensor_value_info("rec_W", 1, (1, 12, made.INPUTS)))
    kept = [one for one in model.graph.initializer if one.name != "rec_W"]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def odd(model: Any) -> None:
    model.graph.node[0].attribute.append(onnx.helper.make_attribute("activations", ["Sigmoid", "Mystery"]))


def twice(model: Any) -> None:
    model.graph.node.append(onnx.helper.make_node("Relu", ["x"], [model.graph.node[0].output[0]], name="again"))


def biased(model: Any) -> None:
    tensor = next(one for one in model.graph.initializer if one.name == model.graph.node[0].input[3])
    tensor.CopyFrom(onnx.numpy_helper.from_array(np.ones((1, 7), np.float32), tensor.name))


def activated(model: Any) -> None:
    model.graph.node[0].attribute.append(onnx.helper.make_attribute("activations", ["Sigmoid"]))


BAD = {
    "a name that two nodes make": (twice, ": two nodes make "),
    "a bias of other sizes": (biased, ": its bias is 1×7"),
    "one activation of two": (activated, ": it should have 2 activations, and has 1"),
    "no nodes": (lambda model: model.graph.ClearField("node"), "or an ONNX file without nodes"),
    "nodes in a circle": (circle, "its nodes read each other in a circle: one (Relu)"),
    "a tensor of terabytes": (huge, "rec_W says it is"),
    "a tensor that is cut": (short, "rec_W is damaged or cut short"),
    "a tensor in a file of the system": (elsewhere("/etc/passwd"), "which is no file in its folder"),
    "a tensor in a folder above": (elsewhere("../m.onnx"), "which is no file in its folder"),
    "a tensor behind a link": (elsewhere("link"), "which is no file in its folder"),
    "a tensor in a folder": (elsewhere("."), "which is no file in its folder"),
    "a tensor in a file that is not there": (elsewhere("none.data"), "rec_W lies in none.data beside it: no such file"),
    "a tensor behind the end of a file": (elsewhere("m.onnx", offset="99999999"), "where rec_W lies, is cut short"),
    "a tensor of another length": (elsewhere("m.onnx", length="7"), "rec_W says it is 144 bytes, and 7 in m.onnx"),
    "a tensor at no place": (elsewhere("m.onnx", offset="first"), "the place of rec_W in m.onnx is no number"),
    "a quantised node": (
        renamed("DynamicQuantizeLSTM", "com.microsoft"),
        "com.microsoft.DynamicQuantizeLSTM) is not stepped",
    ),
    "no recurrent node": (renamed("Relu"), "has no recurrent node"),
    "another cell": (renamed("LSTM"), "fit no LSTM"),
    "weights from outside": (fed, "rec_W is given from outside, and not in the file"),
    "an activation of one's own": (odd, "its activation Mystery is not known"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_one_line(case: str, tmp_path: Path) -> None:
    change, says = BAD[case]
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(UserError) as caught:
        open_file(changed(change, tmp_path))
    assert says in str(caught.value)
    assert str(caught.value).isprintable()


def test_what_lies_beside_a_file_is_as_long_as_it_says_and_no_longer_than_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("onnx_tagger_fixed.onnx", "onnx_tagger_fixed.onnx.data"):
        (tmp_path / name).write_bytes((FILES / name).read_bytes())
    path, beside = tmp_path / "onnx_tagger_fixed.onnx", tmp_path / "onnx_tagger_fixed.onnx.data"
    beside.write_bytes(beside.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"onnx_tagger_fixed\.onnx\.data, where .+ lies, is cut short; get it again"):
        open_file(path)
    monkeypatch.setattr(onnx_file, "NETWORK_BYTES", 100)
    with pytest.raises(UserError, match=r"onnx_tagger_fixed\.onnx: its tensors are more than 100 bytes"):
        open_file(path)
    with pytest.raises(UserError, match="is of no format known here, or a damaged ONNX file"):
        onnx_file.read_graph(b"\x0a" * 41, "f", lambda *_: "then_branch", onnx_file.Outside("", ""))


def test_weights_beside_a_file_are_part_of_what_it_is(tmp_path: Path) -> None:
    for name in ("onnx_tagger_fixed.onnx", "onnx_tagger_fixed.onnx.data"):
        (tmp_path / name).write_bytes((FILES / name).read_bytes())
    first = open_file(tmp_path / "onnx_tagger_fixed.onnx").network
    beside = tmp_path / "onnx_tagger_fixed.onnx.data"
    data = bytearray(beside.read_bytes())
    data[1] ^= 1
    beside.write_bytes(data)
    assert open_file(tmp_path / "onnx_tagger_fixed.onnx").network.sha256 != first.sha256


def test_a_node_that_would_fill_the_memory_is_not_run(tmp_path: Path) -> None:
    def bomb(model: Any) -> None:
        node = onnx.helper.make_node
        model.graph.initializer.append(made.tensor("many", np.array([1 << 20, 1 << 20, 3])))
        model.graph.node.insert(0, node("ConstantOfShape", ["many"], ["ones"], name="bomb"))
        model.graph.node.insert(1, node("Add", ["x", "ones"], ["sum"], name="adds"))
        model.graph.node[2].input[0] = "sum"

    network = open_file(changed(bomb, tmp_path)).network
    with pytest.raises(UserError, match=r"bomb \(ConstantOfShape\) would give 3298534883328 numbers"):
        traced(network, made.numbers(1))


def test_a_loop_before_the_layer_is_named_and_the_layer_takes_its_inputs_directly(tmp_path: Path) -> None:
    def own(model: Any) -> None:
        model.graph.node.insert(0, onnx.helper.make_node("Mystery", ["x"], ["z"], name="own", domain="ours"))
        model.graph.node[1].input[0] = "z"

    network = open_file(changed(own, tmp_path)).network
    assert any("own (ours.Mystery) is not run here" in remark for remark in network.remarks)
    assert network.input_size == made.INPUTS


@pytest.mark.slow
def test_a_flipped_byte_is_one_line_or_another_network(tmp_path: Path) -> None:
    data = bytearray((FILES / "onnx_lstm_peepholes.onnx").read_bytes())
    for place in range(1, len(data), 7):
        kept, data[place] = data[place], data[place] ^ 0x2A
        (tmp_path / "m.onnx").write_bytes(data)
        with suppress(UserError):
            open_file(tmp_path / "m.onnx")
        data[place] = kept


def test_a_file_cut_anywhere_is_one_line_or_fewer_nodes(tmp_path: Path) -> None:
    data = (FILES / "onnx_tagger_each.onnx").read_bytes()
    for length in range(2, len(data) - 1, len(data) // 40):
        (tmp_path / "cut.onnx").write_bytes(data[:length])
        with pytest.raises(UserError) as caught:
            open_file(tmp_path / "cut.onnx")
        assert str(caught.value).isprintable()


def test_weights_kept_as_whole_numbers_are_dequantised_and_said(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = made.single("lstm_both", 4)
    node = model.graph.node[0]
    for place in (1, 2):
        whole = next(one for one in model.graph.initializer if one.name == node.input[place])
        array = onnx.numpy_helper.to_array(whole)
        scale = np.abs(array).max() / 127
        model.graph.initializer.append(made.tensor(f"q{place}", np.round(array / scale).astype(np.int8)))
        model.graph.initializer.append(made.tensor(f"s{place}", np.array(scale, np.float32)))
        model.graph.initializer.append(made.tensor(f"z{place}", np.array(0, np.int8)))
        reads = [f"q{place}", f"s{place}", f"z{place}"]
        model.graph.node.insert(0, onnx.helper.make_node("DequantizeLinear", reads, [f"w{place}"]))
        model.graph.node[-1].input[place] = f"w{place}"
    onnx.save(model, tmp_path / "m.onnx")
    x = made.numbers(4)
    wanted = made.says(model, x)
    opened = open_file(tmp_path / "m.onnx")
    np.testing.assert_allclose(said(opened.network, x, wanted), wanted, atol=CLOSE)
    facts = {one.key: (one.value, one.how) for one in opened.report.facts}
    assert facts["layer0.weights"] == ("dequantised from int8", "confirmed")


@pytest.mark.parametrize(
    ("pads", "shape", "wanted"),
    [([0, 0, 0, 64, 0, 0, 0, 64], (1, 1, 1, 1728), 1856), ([2, 1, 0, 3], (3, 4), 40), ([0, -1, 0, 0], (3, 4), 9)],
)
def test_a_guard_counts_what_a_pad_makes(pads: list[int], shape: tuple[int, ...], wanted: int) -> None:
    from lstm_tui.formats.importers.onnx import graph
    from lstm_tui.formats.importers.program.graph import UnsupportedNode

    node = onnx.helper.make_node("Pad", ["x", "pads"], ["y"], name="pads")
    inputs = {"x": np.zeros(shape, np.float32), "pads": np.array(pads)}
    graph.check_size(node, inputs)
    assert np.prod(graph.sizes_of_pad(node, inputs, shape)) == wanted
    with pytest.raises(UnsupportedNode, match="would give"):
        graph.check_size(node, {**inputs, "pads": np.array([1 << 40] * len(pads))})


@pytest.mark.parametrize("said", [{}, {"strides": [3]}, {"dilations": [2]}, {"pads": [2, 1]}])
def test_a_guard_counts_what_a_conv_makes(said: dict[str, Any]) -> None:
    from lstm_tui.formats.importers.onnx import graph

    node = onnx.helper.make_node("Conv", ["x", "w"], ["y"], **said)

    from onnx.reference import ReferenceEvaluator

    inputs = {"x": np.zeros((1, 2, 20), np.float32), "w": np.zeros((3, 2, 4), np.float32)}
    infos = [onnx.helper.make_tensor_value_info(name, 1, None) for name in ("x", "w", "y")]
    whole = onnx.helper.make_model(onnx.helper.make_graph([node], "g", infos[:2], infos[2:]))
    result = ReferenceEvaluator(whole).run(None, inputs)[0]
    assert tuple(graph.sizes_of_conv(node, (1, 2, 20), (3, 2, 4))) == result.shape


def test_a_front_that_gives_one_step_of_many_sequences_is_said(tmp_path: Path) -> None:
    """A convolution over time, and then the batch where the time should be."""
    pytest.importorskip("onnxruntime")
    model = made.single("gru", 3)
    node = onnx.helper.make_node
    kernel = np.random.default_rng(1).normal(size=(made.INPUTS, made.INPUTS, 3)).astype(np.float32)
    model.graph.initializer.append(made.tensor("kernel", kernel))
    model.graph.node.insert(0, node("Conv", ["x", "kernel"], ["conv"], pads=[1, 1], name="conv"))
    model.graph.node.insert(1, node("Transpose", ["conv"], ["turned"], perm=[0, 2, 1]))
    model.graph.node[2].input[0] = "turned"
    dims = model.graph.input[0].type.tensor_type.shape.dim
    for dim, size in zip(dims, (1, made.INPUTS, 6), strict=True):
        dim.Clear()
        dim.dim_value = size
    onnx.save(model, tmp_path / "m.onnx")
    network = open_file(tmp_path / "m.onnx").network
    assert any("sequences of one step: every token begins with an empty memory" in one for one in network.remarks)
    import onnxruntime

    x = np.random.default_rng(2).normal(size=(made.INPUTS, 6)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    wanted = session.run(None, {"x": x[None]})[0]
    trace = traced(network, x)
    np.testing.assert_allclose(present(trace.ran).merged[-1].ravel(), wanted.ravel(), atol=CLOSE)


def _cut_stack(direction: str, limits: tuple[int | None, int | None]) -> Any:
    """Return two layers, one above the other, each of which reads as many of six steps as a constant says."""
    random, ways = np.random.default_rng(3), 2 if direction == "bidirectional" else 1
    shapes = {"w0": (ways, 6, 3), "r0": (ways, 6, 2), "w1": (1, 6, ways * 2), "r1": (1, 6, 2)}
    arrays: dict[str, np.ndarray] = {n: random.normal(size=s).astype(np.float32) for n, s in shapes.items()}
    arrays |= {"to": np.array([6, 1, ways * 2])}
    arrays |= {f"n{n}": np.array([limit], np.int32) for n, limit in enumerate(limits) if limit}
    names = [f"n{n}" if limit else "" for n, limit in enumerate(limits)]
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("GRU", ["x", "w0", "r0", "", names[0]], ["y0"], hidden_size=2, direction=direction),
            onnx.helper.make_node("Transpose", ["y0"], ["t"], perm=[0, 2, 1, 3]),
            onnx.helper.make_node("Reshape", ["t", "to"], ["z"]),
            onnx.helper.make_node("GRU", ["z", "w1", "r1", "", names[1]], ["y"], hidden_size=2),
        ],
        "cut",
        [onnx.helper.make_tensor_value_info("x", 1, (6, 1, 3))],
        [onnx.helper.make_tensor_value_info("y", 1, (6, 1, 1, 2))],
        [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
@pytest.mark.parametrize("lower", [None, 3, 4])
@pytest.mark.parametrize("upper", [None, 3])
def test_a_tape_is_cut_only_where_what_is_below_does_not_read_on(
    direction: str, lower: int | None, upper: int | None, tmp_path: Path
) -> None:
    """Where the layer below reads backwards from a later step, or stops where the one above goes on, it is no chain."""
    onnx.save(_cut_stack(direction, (lower, upper)), tmp_path / "m.onnx")
    network = open_file(tmp_path / "m.onnx").network
    ahead = direction == "forward" or upper is None
    assert len(network.layers) == (2 if lower is None and ahead else 1)
    assert any("the output y is cut" in remark for remark in network.remarks) == (len(network.layers) == 1)
