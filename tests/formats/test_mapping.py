"""A file that no name tells anything of: a skeleton is written of it, filled in by hand, and opens."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from bags import Random, dense, layer_norm, lstm, relu
from saved_arrays import savez

import lstm_tui
from lstm_tui.cli import main
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.mapping_file import skeleton_text
from lstm_tui.formats.importers.open import ImportOptions, open_file

CLOSE = 1e-5


@pytest.fixture
def weights(tmp_path: Path) -> tuple[Path, dict[str, np.ndarray]]:
    random = Random(3)
    given = {"table": random(9, 5), "places": random(20, 5), "low.w": random(4, 5), "low.b": random(4)}
    given |= {"scale": random(4), "move": random(4), "k": random(4, 16), "r": random(4, 16), "v": random(16)}
    given |= {"s": random(2, 1, 4), "top.w": random(3, 4), "top.b": random(3), "left over": random(2)}
    path = tmp_path / "own.npz"
    savez(path, given)
    return path, given


MAP = """
network = "mine"
embedding = "table"
[[layer]]
name = "core"
cell = "lstm"
hidden = 4
residual = true
initial = {{ h = {{ tensor = "s0" }} }}
below = [
  {{ scale = 2.0 }}, {{ position = "places" }},
  {{ name = "low", weight = "low.w", bias = "low.b", activation = "relu" }},
  {{ norm = "scale", bias = "move" }},
]
[layer.forward]
{rows}
[[dense]]
over = "last"
[[dense]]
name = "top"
weight = "top.w"
bias = "top.b"
activation = "softmax"
"""


def test_everything_a_map_can_say_gives_the_numbers_of_a_plain_loop(
    weights: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    path, given = weights
    given["s0"] = given.pop("s")[0, 0]
    savez(path, given)
    rows = []
    for n, gate in enumerate("ifgo"):
        part = f"rows = [{4 * n}, {4 * n + 4}]"
        rows += [f'W_{gate} = {{ tensor = "k", transpose = true, {part} }}',
                 f'U_{gate} = {{ tensor = "r", transpose = true, {part} }}',
                 f'b_{gate} = {{ tensor = "v", {part} }}']  # fmt: skip
    (tmp_path / "map.toml").write_text(MAP.format(rows="\n".join(rows)))
    opened = open_file(path, ImportOptions(mapping=str(tmp_path / "map.toml")))
    ids = np.array([3, 1, 4, 1, 5])
    trace = lstm_tui.trace(ids, opened.network)
    x = given["table"][ids] * 2 + given["places"][:5]
    x = layer_norm(relu(x @ given["low.w"].T + given["low.b"]), given["scale"], given["move"])
    h = lstm(x, given["k"].T, given["r"].T, given["v"], h=given["s0"])
    np.testing.assert_allclose(trace["layer1.forward"]["h"], h, atol=CLOSE)
    said = dense({"o.weight": given["top.w"], "o.bias": given["top.b"]}, "o", h[-1] + x[-1])
    assert trace.result is not None
    np.testing.assert_allclose(trace.result, np.exp(said) / np.exp(said).sum(), atol=CLOSE)
    assert opened.report.unused == ["left over"]
    assert any("left over" in remark for remark in opened.network.remarks)


def test_a_refused_file_gives_a_skeleton_with_every_tensor_and_its_shape(
    weights: tuple[Path, dict[str, np.ndarray]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, given = weights
    assert main(["inspect", str(path)]) == 1
    assert "--write-map" in capsys.readouterr().err
    assert main(["inspect", str(path), "--write-map", str(tmp_path / "map.toml")]) == 0
    text = (tmp_path / "map.toml").read_text()
    assert tomllib.loads(text) == {}
    for name, one in given.items():
        assert re.search(rf'#   "{re.escape(name)}" +{"×".join(map(str, one.shape))}  float32', text), name
    assert "hidden = 4" in text
    filled = re.sub(r"(?m)^# (\[|name|cell|hidden)", r"\1", text.partition("# [[dense]]")[0]).replace(
        '# embedding = "NAME"', ""
    )
    for n, gate in enumerate("ifgo"):
        for letter, tensor, turn in (
            ("W", "k", "transpose = true, "),
            ("U", "r", "transpose = true, "),
            ("b", "v", ""),
        ):
            filled = filled.replace(
                f'# {letter}_{gate} = {{ tensor = "NAME", rows = [{4 * n}, {4 * n + 4}] }}',
                f'{letter}_{gate} = {{ tensor = "{tensor}", {turn}rows = [{4 * n}, {4 * n + 4}] }}',
            )
    (tmp_path / "map.toml").write_text(filled)
    network = open_file(path, ImportOptions(mapping=str(tmp_path / "map.toml"))).network
    x = Random(1)(6, 4)
    wanted = lstm(x, given["k"].T, given["r"].T, given["v"])
    np.testing.assert_allclose(lstm_tui.trace(x, network)["layer0.forward"]["h"], wanted, atol=CLOSE)


def test_a_map_names_the_arrays_of_an_hdf5_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    h5py = pytest.importorskip("h5py")
    random = Random(2)
    given = {"W": random(4, 3), "U": random(4, 4)}
    with h5py.File(tmp_path / "own.h5", "w") as file:
        for name, one in given.items():
            file.create_group("deep").create_dataset(name, data=one) if "deep" not in file else file[
                "deep"
            ].create_dataset(name, data=one)
    assert main(["inspect", str(tmp_path / "own.h5"), "--write-map", "-"]) == 0
    assert '"deep/W"  4×3  float32' in capsys.readouterr().out
    (tmp_path / "map.toml").write_text(
        '[[layer]]\ncell = "rnn"\nhidden = 4\n[layer.forward]\nW_h = "deep/W"\nU_h = "deep/U"\n'
    )
    network = open_file(tmp_path / "own.h5", ImportOptions(mapping=str(tmp_path / "map.toml"))).network
    x, h = random(5, 3), np.zeros(4, np.float32)
    trace = lstm_tui.trace(x, network)
    for t, row in enumerate(x):
        h = np.tanh(given["W"] @ row + given["U"] @ h)
        np.testing.assert_allclose(trace["layer0.forward"]["h"][t], h, atol=CLOSE)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("[[dense]]\nwieght = 'top.w'", "did you mean weight"),
        ("[[dense]]\nname = 'x'", "does nothing"),
        ("[[dense]]\nover = 'most'", "must be last or first"),
        ("[[dense]]\nscale = inf", "must be a number"),
        ("[[dense]]\nweight = 'top.b'", "must be a matrix"),
        ("[[dense]]\nposition = 'top.b'", "must be a table"),
        ("[[dense]]\nactivation = 'rellu'", "did you mean relu"),
    ],
)
def test_a_slip_in_a_map_is_one_line(
    row: str, says: str, weights: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    path, _ = weights
    layer = '[[layer]]\ncell = "rnn"\nhidden = 4\n[layer.forward]\nW_h = "low.w"\n'
    layer += 'U_h = { tensor = "k", columns = [0, 4] }\n'
    (tmp_path / "map.toml").write_text(layer + row)
    with pytest.raises(UserError, match=says):
        open_file(path, ImportOptions(mapping=str(tmp_path / "map.toml")))


def test_one_vector_of_all_steps_is_taken_above_the_layers_only(
    weights: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    layer = '[[layer]]\ncell = "rnn"\nhidden = 4\nbelow = [{ over = "last" }]\n[layer.forward]\nW_h = "low.w"\n'
    (tmp_path / "map.toml").write_text(layer + 'U_h = { tensor = "k", columns = [0, 4] }\n')
    with pytest.raises(UserError, match="over"):
        open_file(weights[0], ImportOptions(mapping=str(tmp_path / "map.toml")))


def test_an_onnx_file_without_a_recurrent_node_opens_by_a_map(tmp_path: Path) -> None:
    """PyTorch unrolls a loop over cells: the file holds their tensors, and no node that steps them."""
    onnx = pytest.importorskip("onnx")
    given = Random(2).torch("cell", "lstm", 3, 4, "")
    tensors = [onnx.numpy_helper.from_array(one, name) for name, one in given.items()]
    node = onnx.helper.make_node("Gemm", ["x", "cell.weight_ih"], ["y"], transB=1)
    x, y = (onnx.helper.make_tensor_value_info(name, 1, [1, size]) for name, size in (("x", 3), ("y", 16)))
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", [x], [y], tensors))
    path = tmp_path / "unrolled.onnx"
    path.write_bytes(model.SerializeToString())
    assert main(["inspect", str(path), "--write-map", str(tmp_path / "map.toml")]) in (0, 1)
    skeleton = (tmp_path / "map.toml").read_text()
    assert all(f'"{name}"' in skeleton for name in given)
    rows = "\n".join(
        f'W_{gate} = {{ tensor = "cell.weight_ih", rows = [{4 * n}, {4 * n + 4}] }}\n'
        f'U_{gate} = {{ tensor = "cell.weight_hh", rows = [{4 * n}, {4 * n + 4}] }}\n'
        f'b_{gate} = {{ tensor = "cell.bias_ih", rows = [{4 * n}, {4 * n + 4}], '
        f'plus = {{ tensor = "cell.bias_hh", rows = [{4 * n}, {4 * n + 4}] }} }}'
        for n, gate in enumerate("ifgo")
    )
    head = 'network = "mine"\n[[layer]]\nname = "cell"\ncell = "lstm"\nhidden = 4\n[layer.forward]\n'
    (tmp_path / "map.toml").write_text(f"{head}{rows}\n")
    network = open_file(path, ImportOptions(mapping=str(tmp_path / "map.toml"))).network
    x_given = Random(5)(6, 3)
    wanted = lstm(
        x_given, given["cell.weight_ih"], given["cell.weight_hh"], given["cell.bias_ih"] + given["cell.bias_hh"]
    )
    np.testing.assert_allclose(lstm_tui.trace(x_given, network)["layer0.forward"]["h"], wanted, atol=CLOSE)


@pytest.mark.parametrize(
    ("shapes", "cell", "hidden", "rows"),
    [
        ({"all": (7, 16), "b": (16,), "out": (4, 2)}, "lstm", 4, "rows = [12, 16]"),
        ({**{f"x{n}": (3, 4) for n in range(4)}, **{f"h{n}": (4, 4) for n in range(4)}, "v": (4,)}, "lstm", 4, ""),
        ({"t0": (12, 3), "t1": (12, 4), "t2": (12,), "t3": (12,), "t4": (2, 4)}, "gru", 4, "rows = [8, 12]"),
        ({"table": (9, 3), "P": (16, 7), "q": (16,), "s": (4,), "top": (9, 4)}, "lstm", 4, "rows = [12, 16]"),
        ({"k": (16, 3), "r": (16, 4), "b": (16,), "g": (4,), "o": (4,), "k1": (16, 4)}, "lstm", 4, "rows = [12, 16]"),
    ],
)
def test_a_skeleton_fits_the_shapes_of_the_file(
    shapes: dict[str, tuple[int, ...]], cell: str, hidden: int, rows: str
) -> None:
    text = skeleton_text("w.npz", "", {name: np.zeros(shape, np.float32) for name, shape in shapes.items()})
    assert f'cell = "{cell}"' in text
    assert f"hidden = {hidden} " in text
    assert rows in text
    assert bool(rows) == ("rows = [" in text), "what is packed is cut, and nothing else"


@pytest.mark.parametrize("given", ["one for both", "each its own", "one alone"])
def test_each_direction_may_begin_with_its_own_state(given: str, tmp_path: Path) -> None:
    random = Random(5)
    starts = {"ahead": random(4), "back": random(4)}
    tensors = {f"{way}.{kind}": random(16, width) for way in starts for kind, width in (("w", 3), ("u", 4))} | starts
    savez(tmp_path / "w.npz", tensors)
    said = {"one for both": '{ h = "ahead" }', "one alone": '{ backward = { h = "back" } }',
            "each its own": '{ forward = { h = "ahead" }, backward = { h = "back" } }'}[given]  # fmt: skip
    text = f'[[layer]]\nname = "rnn"\ncell = "lstm"\nhidden = 4\ninitial = {said}\n'
    for way, name in (("forward", "ahead"), ("backward", "back")):
        text += f"[layer.{way}]\n"
        for n, gate in enumerate("ifgo"):
            rows = f"rows = [{4 * n}, {4 * n + 4}]"
            text += f'W_{gate} = {{ tensor = "{name}.w", {rows} }}\nU_{gate} = {{ tensor = "{name}.u", {rows} }}\n'
    (tmp_path / "map.toml").write_text(text)
    x = random(6, 3)
    trace = lstm_tui.trace(x, open_file(tmp_path / "w.npz", ImportOptions(mapping=str(tmp_path / "map.toml"))).network)
    ahead = None if given == "one alone" else starts["ahead"]
    back = starts["ahead"] if given == "one for both" else starts["back"]
    forward = lstm(x, tensors["ahead.w"], tensors["ahead.u"], 0.0, h=ahead)
    backward = lstm(x[::-1], tensors["back.w"], tensors["back.u"], 0.0, h=back)[::-1]
    np.testing.assert_allclose(trace["layer0.forward"]["h"], forward, atol=CLOSE)
    np.testing.assert_allclose(trace["layer0.backward"]["h"], backward, atol=CLOSE)


def test_a_state_of_a_direction_that_there_is_not_is_refused(tmp_path: Path) -> None:
    random = Random(6)
    savez(tmp_path / "w.npz", {"w": random(4, 3), "u": random(4, 4), "s": random(4)})
    head = '[[layer]]\nname = "rnn"\ncell = "rnn"\nhidden = 4\ninitial = { backward = { h = "s" } }\n'
    (tmp_path / "map.toml").write_text(f'{head}[layer.forward]\nW_h = "w"\nU_h = "u"\n')
    with pytest.raises(UserError, match=r"initial\.backward means nothing here"):
        open_file(tmp_path / "w.npz", ImportOptions(mapping=str(tmp_path / "map.toml")))
