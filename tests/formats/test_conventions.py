"""Wrong conventions planted in files of every cell: `verify` names each, and the setting that puts it right."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from registries import sampled
from safetensors.numpy import save_file
from saved_arrays import savez

import lstm_tui
from lstm_tui.cli import main
from lstm_tui.engine.language.cell import parse_cell
from lstm_tui.formats.importers.open import ImportOptions, open_file
from lstm_tui.formats.importers.plan import Recurrent
from lstm_tui.formats.verify.alternatives import SLOTS, cell_text, other_readings
from lstm_tui.formats.verify.verification import verify

FILES = Path(__file__).parent / "files"
H = 4  # units, and numbers a step, so that no shape tells which way round a matrix stands
ORDER = {"lstm": "ifgo", "gru": "rzn", "rnn": "h"}


def sigmoid(a: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-a)))


def hard(a: np.ndarray) -> np.ndarray:
    return np.clip(0.2 * a + 0.5, 0, 1)


def ran(kind: str, x: np.ndarray, given: dict[str, dict[str, np.ndarray]], how: dict[str, str]) -> np.ndarray:
    """Return h at every step, from matrices and biases by gate, as a program of these conventions computes it."""
    w, u, b, c = (given[what] for what in "WUbc")
    gate = hard if how.get("gate_activation") == "hard_sigmoid_keras2" else sigmoid
    h, memory, rows = np.zeros(H), np.zeros(H), []
    for row in x:
        sums = {one: w[one] @ row + u[one] @ h + b[one] + c[one] for one in ORDER[kind]}
        if kind == "lstm":
            memory = gate(sums["f"] + float(how.get("forget_bias", 0))) * memory + gate(sums["i"]) * np.tanh(sums["g"])
            h = gate(sums["o"]) * np.tanh(memory)
        elif kind == "gru":
            r, z = gate(sums["r"]), gate(sums["z"])
            before = how.get("reset") == "before"
            past = u["n"] @ (r * h) + c["n"] if before else r * (u["n"] @ h + c["n"])
            n = np.tanh(w["n"] @ row + b["n"] + past)
            h = (1 - z) * h + z * n if how.get("update") == "write" else z * h + (1 - z) * n
        else:
            h = np.maximum(sums["h"], 0) if how.get("activation") == "relu" else np.tanh(sums["h"])
        rows.append(h)
    return np.array(rows, np.float32)


def plant(kind: str, how: dict[str, str], folder: Path) -> tuple[Path, Path]:
    """Write a file of weights with PyTorch's names, and what a program of other conventions computes with it."""
    random = np.random.default_rng(7)

    def draw(*shape: int) -> np.ndarray:
        return (0.8 * random.normal(size=shape)).astype(np.float32)

    given = {what: {one: draw(H, H) for one in ORDER[kind]} for what in "WU"}
    given |= {what: {one: draw(H) for one in ORDER[kind]} for what in "bc"}
    one_bias = how.get("biases") == "twice"
    if one_bias:
        given["c"] = given["b"]
    rows = {what: [given[what][one] for one in how.get("gate_order", ORDER[kind])] for what in "WUbc"}
    if how.get("transposed") in ("recurrent", "both"):
        rows["U"] = [one.T for one in rows["U"]]
    if how.get("transposed") in ("input", "both"):
        rows["W"] = [one.T for one in rows["W"]]
    if how.get("biases") == "input":  # the file has the bias twice, and the program reads it once
        rows["c"] = rows["b"]
        given["c"] = {one: np.zeros(H, np.float32) for one in ORDER[kind]}
    if how.get("biases") == "recurrent":  # and it stays beside the recurrent weights
        given["b"] = {one: np.zeros(H, np.float32) for one in ORDER[kind]}
    names = {"W": "weight_ih_l0", "U": "weight_hh_l0", "b": "bias_ih_l0"} | ({} if one_bias else {"c": "bias_hh_l0"})
    file, reference = folder / "planted.safetensors", folder / "ref.npz"
    save_file({f"rec.{name}": np.ascontiguousarray(np.concatenate(rows[what])) for what, name in names.items()}, file)
    x = draw(7, H)
    savez(reference, {"input": x, "layer0.forward/h": ran(kind, x, given, how)})
    return file, reference


PLANTED = [
    *(("lstm", {"gate_order": order}) for order in ("iofg", "igfo", "figo", "gofi")),
    *(("gru", {"gate_order": order}) for order in ("zrn", "nzr")),
    ("gru", {"reset": "before"}),
    ("gru", {"update": "write"}),
    ("lstm", {"forget_bias": "1"}),
    ("rnn", {"activation": "relu"}),
    *((kind, {"gate_activation": "hard_sigmoid_keras2"}) for kind in ("lstm", "gru")),
    *((kind, {"transposed": which}) for kind in ORDER for which in ("recurrent", "input", "both")),
    *((kind, {"biases": which}) for kind in ORDER for which in ("input", "recurrent", "twice")),
    ("lstm", {"gate_order": "igfo", "forget_bias": "1"}),  # as TensorFlow 1 kept and ran it
    ("gru", {"gate_order": "zrn", "reset": "before"}),
    ("rnn", {"transposed": "recurrent", "biases": "twice"}),
]


@pytest.mark.parametrize(
    ("kind", "how"), sampled(PLANTED, 5), ids=lambda one: one if isinstance(one, str) else "-".join(one)
)
def test_a_planted_convention_is_found_and_named(
    kind: str, how: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, reference = plant(kind, how, tmp_path)
    wanted = {f"layer0.{key}": value for key, value in how.items()}
    assert main(["verify", str(file), "--reference", str(reference)]) == 3
    said = capsys.readouterr().out.splitlines()
    found = [line.removeprefix("it fits with ") for line in said if line.startswith("it fits with ")]
    settings = [dict(one.removeprefix("--set ").split("=") for one in line.split(" --set ")) for line in found]
    assert wanted in settings
    arguments = [one for key, value in wanted.items() for one in ("--set", f"{key}={value}")]
    assert main(["verify", str(file), "--reference", str(reference), *arguments]) == 0
    assert main(["inspect", str(file), *arguments]) == 0
    report = capsys.readouterr().out
    assert all(any(key in line and " set " in line for line in report.splitlines()) for key in wanted)


@pytest.mark.parametrize("kind", ORDER)
def test_a_file_by_the_book_says_nothing_of_what_it_never_needs(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, reference = plant(kind, {}, tmp_path)
    assert main(["verify", str(file), "--reference", str(reference)]) == 0
    assert main(["inspect", str(file)]) == 0
    assert "transposed" not in capsys.readouterr().out


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "key", "wrong", "own"),
    sampled(
        [
            ("keras_gru.keras", "gate_order", "rzn", "zrn"),
            ("keras_gru.keras", "biases", "input", "both"),
            ("keras_gru.keras", "reset", "before", "after"),
            ("keras_gru_reset_before.weights.h5", "reset", "after", "before"),
            ("keras_gru_reset_before.weights.h5", "biases", "twice", "once"),
            ("keras_hard.h5", "forget_bias", "1", "0"),
            ("keras_last_ave.keras", "transposed", "recurrent", "none"),
            ("onnx_lstm_both.onnx", "gate_order", "ifgo", "iofg"),
            ("onnx_lstm_both.onnx", "forget_bias", "1", "0"),
            ("onnx_gru.onnx", "update", "write", "keep"),
            ("onnx_gru.onnx", "biases", "recurrent", "both"),
            ("onnx_lstm_peepholes.onnx", "gate_activation", "hard_sigmoid_keras3", "sigmoid"),
            ("torch_lstm_both.pt", "biases", "input", "both"),
            ("torch_lstm_both.pt", "bias_order", "figo", "ifgo"),
            ("torch_lstm_both.pt", "exchanged", "directions", "none"),
            ("onnx_lstm_both.onnx", "bias_order", "foig", "iofg"),
            ("onnx_lstm_both.onnx", "exchanged", "directions", "none"),
            ("onnx_gru.onnx", "bias_order", "rzn", "zrn"),
            ("keras_gru_reset_before.weights.h5", "bias_order", "rzn", "zrn"),
            ("keras_last_ave.keras", "exchanged", "directions", "none"),
        ],
        2,
    ),
)
def test_every_format_can_be_read_otherwise(name: str, key: str, wrong: str, own: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx" if name.endswith("onnx") else "h5py")
    path = FILES / name
    network = open_file(path).network
    x = np.random.default_rng(5).normal(size=(6, network.input_size)).astype(np.float32)
    trace = lstm_tui.trace(x, network)
    values = {f"{one}/h": passed["h"] for one, passed in trace.items() if "h" in passed}
    savez(tmp_path / "ref.npz", {"input": x, **values})
    layer = next(n for n, one in enumerate(network.layers) if "h" in one.passes[0].cell.state)
    _, verdict = verify(path, ImportOptions({f"layer{layer}.{key}": wrong}), tmp_path / "ref.npz")
    assert verdict.first is not None
    assert {f"layer{layer}.{key}": own} in verdict.fitting


def test_a_decision_that_is_none_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, _ = plant("lstm", {}, tmp_path)
    for given, says in (
        ("layer0.forget_bias=much", "should be a number, such as 1"),
        ("layer0.forget_bias=1e300", "should be a number, such as 1"),
        ("layer0.transposed=yes", "it can be none, recurrent, input, both"),
        ("layer0.biases=twice", "it can be both, input, recurrent"),
        ("layer0.gate_order=ifgg", "should be i f g o in another order"),
        ("layer0.forget_bais=1", "did you mean layer0.forget_bias"),
    ):
        assert main(["inspect", str(file), "--set", given]) == 1
        assert says in capsys.readouterr().err


def test_what_a_framework_writes_is_tried_before_an_order_of_gates_that_none_has() -> None:
    report = open_file(FILES / "torch_lstm_both.pt").report
    written = {each for one in (*report.facts, *report.offered) for each in (one.value, *one.others)}
    tried = list(dict.fromkeys(value for one in other_readings(report, "layer0.forward/h") for value in one.values()))
    orders = {"".join(one) for one in permutations("ifgo")}
    rare = [n for n, value in enumerate(tried) if value in orders - written]
    assert len(rare) == len(orders - written)
    assert {value for n, value in enumerate(tried) if n < rare[0]} == set(tried) & written


@pytest.mark.parametrize("cell", SLOTS)
def test_a_cell_with_activations_of_its_own_has_a_name_however_long_they_are(cell: str) -> None:
    for length in range(1, 44):
        functions = dict.fromkeys(SLOTS[cell], f"{'a' * length}=0.5 * a")
        made = parse_cell(cell_text(Recurrent("layer", cell, 4, 3, (), functions=functions, bound=2.0)))
        assert made.name.startswith(f"{cell}_")
        assert len(made.name) <= 64
