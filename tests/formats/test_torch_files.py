"""PyTorch's files against PyTorch: frozen ones always, fresh ones of every kind where PyTorch is installed."""

from __future__ import annotations

import argparse
import pickle
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from present import present
from saved_arrays import savez

import lstm_tui
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import Imported, ImportOptions, open_file

FILES = Path(__file__).parent / "files"
EXPECTED = dict(np.load(FILES / "torch_expected.npz"))
CLOSE = 1e-5


def said(path: Path, x: np.ndarray | str, **settings: str) -> np.ndarray:
    """Return what the top layer of a file gives."""
    return present(lstm_tui.trace(x, open_file(path, ImportOptions(settings)).network).ran).merged[-1]


def fact(opened: Imported, key: str) -> tuple[str, str]:
    return next((one.value, one.how) for one in opened.report.facts if one.key == key)


@pytest.mark.parametrize(
    ("name", "x", "says"),
    [
        ("torch_lstm_both.pt", "x", "lstm_both"),
        ("torch_gru_both_legacy.pth", "x4", "gru_both"),
        ("torch_lstm_projected.ckpt", "x", "lstm_projected"),
        ("torch_rnn_relu_module.pt", "x", "rnn_relu"),
        ("torch_lstm_scripted.pt", "x", "lstm_scripted"),
        ("torch_gru_normed.pt", "x", "gru_normed"),
    ],
)
def test_frozen_files_give_what_pytorch_gave(name: str, x: str, says: str) -> None:
    np.testing.assert_allclose(said(FILES / name, EXPECTED[x]), EXPECTED[says], atol=CLOSE)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("torch_tagger.pt", "tagger"),
        ("torch_tagger.safetensors", "tagger"),
        ("torch_tagger_bf16.pt", "tagger_bf16"),
        ("torch_tagger_bf16.safetensors", "tagger_bf16"),
    ],
)
def test_ids_go_in_and_logits_come_out(name: str, says: str) -> None:
    network = open_file(FILES / name).network
    text = " ".join(map(str, EXPECTED["ids"]))
    np.testing.assert_allclose(present(lstm_tui.trace(text, network).output), EXPECTED[says], atol=CLOSE)
    np.testing.assert_allclose(present(lstm_tui.trace(EXPECTED["ids"], network).output), EXPECTED[says], atol=CLOSE)


def test_what_a_file_records_is_told_from_what_it_does_not() -> None:
    opened = open_file(FILES / "torch_tagger.pt")
    assert fact(opened, "layer0.cell") == ("LSTM", "inferred")
    assert fact(opened, "layer1.directions") == ("both, joined end to end", "confirmed")
    assert fact(opened, "layer0.gate_order") == ("ifgo", "inferred")
    assert fact(opened, "readout.after_head_0") == ("relu", "assumed")
    assert any("readout.after_head_0" in remark for remark in opened.network.remarks)
    other = open_file(FILES / "torch_tagger.pt", ImportOptions({"readout.after_head_0": "tanh"}))
    assert fact(other, "readout.after_head_0") == ("tanh", "set")
    assert not any("after_head_0" in remark for remark in other.network.remarks)
    first, second = (present(lstm_tui.trace("3 1 4", one.network).output) for one in (opened, other))
    assert np.abs(first - second).max() > 1e-3


def test_a_whole_module_confirms_its_nonlinearity_and_nothing_of_it_is_run() -> None:
    opened = open_file(FILES / "torch_rnn_relu_module.pt")
    assert fact(opened, "layer0.activation") == ("relu", "confirmed")
    assert not opened.network.remarks


def test_another_gate_order_gives_other_numbers() -> None:
    path, x = FILES / "torch_lstm_both.pt", EXPECTED["x"]
    other = said(path, x, **{"layer0.gate_order": "iofg"})
    assert np.abs(other - EXPECTED["lstm_both"]).max() > 0.05


def test_the_weights_are_taken_beside_an_optimiser() -> None:
    opened = open_file(FILES / "torch_lstm_projected.ckpt")
    assert fact(opened, "container")[0] == "state_dict"
    assert fact(opened, "layer0.name")[0] == "module.net.l0"
    assert not opened.report.unused


def test_a_pickled_dictionary_of_arrays_is_read(tmp_path: Path) -> None:
    torch_file = open_file(FILES / "torch_lstm_both.pt")
    from lstm_tui.formats.importers.torch.file import read_torch

    tensors = read_torch((FILES / "torch_lstm_both.pt").read_bytes(), "file").tensors
    path = tmp_path / "weights.pkl"
    for protocol in range(6):
        path.write_bytes(pickle.dumps(tensors, protocol))
        given = open_file(path).network.tensors()
        for name, tensor in torch_file.network.tensors().items():
            np.testing.assert_array_equal(given[name], tensor, err_msg=f"protocol {protocol}, {name}")
    savez(tmp_path / "weights.npz", tensors)
    for name, tensor in torch_file.network.tensors().items():
        np.testing.assert_array_equal(open_file(tmp_path / "weights.npz").network.tensors()[name], tensor)


def test_two_networks_of_one_file_and_a_state_from_one_to_the_other(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    arrays = {}
    for who, words in (("enc", 5), ("dec", 7)):
        arrays[f"{who}_emb"] = random.normal(size=(words, 4))
        arrays |= {f"{who}_w_ih": random.normal(size=(12, 4)), f"{who}_w_hh": random.normal(size=(12, 4))}
        arrays |= {f"{who}_b_ih": random.normal(size=12), f"{who}_b_hh": random.normal(size=12)}
    arrays |= {"fc_w": random.normal(size=(7, 4)), "fc_b": random.normal(size=7)}
    path = tmp_path / "g2p.npz"
    savez(path, {name: one.astype(np.float32) for name, one in arrays.items()})
    encoder = open_file(path)
    decoder = open_file(path, ImportOptions(network="decoder"))
    assert encoder.names == ("enc", "dec")
    assert encoder.network.readout is None
    assert decoder.network.readout is not None
    assert len(present(decoder.network.embedding)) == 7
    from lstm_tui.formats.importers.untrained import initial_states
    from lstm_tui.formats.traces.trace_file import write

    run = lstm_tui.trace("1 2 3", encoder.network)
    write(run, tmp_path / "run.npz")
    states = initial_states(tmp_path / "run.npz", decoder.network)
    np.testing.assert_array_equal(states["layer0.forward"]["h"], run["layer0.forward"]["h"][-1])


def test_names_of_ones_own_are_mapped_to_the_equations_of_any_cell(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    packed = random.normal(size=(3, 8)).astype(np.float32)  # columns: forget gate, then candidate
    arrays: dict[str, np.ndarray] = {"kernel": packed, "rec_f": random.normal(size=(4, 4)).astype(np.float32)}
    arrays |= {"rec_n": random.normal(size=(4, 4)).astype(np.float32), "bias": np.arange(8, dtype=np.float32) / 8}
    savez(tmp_path / "w.npz", arrays)
    (tmp_path / "map.toml").write_text(
        '[[layer]]\nname = "mine"\ncell = "minimal_gated"\nhidden = 4\n[layer.forward]\n'
        'W_f = { tensor = "kernel", transpose = true, rows = [0, 4] }\nU_f = "rec_f"\n'
        'b_f = { tensor = "bias", rows = [0, 4], add = 1.0 }\n'
        'W_n = { tensor = "kernel", transpose = true, rows = [4, 8] }\nU_n = "rec_n"\n'
        'b_n = { tensor = "bias", rows = [4, 8] }\n'
    )
    network = open_file(tmp_path / "w.npz", ImportOptions(mapping=str(tmp_path / "map.toml"))).network
    view = network.tensors()
    np.testing.assert_array_equal(view["layer0.forward/W_n"], packed[:, 4:].T)
    x = random.normal(size=(5, 3)).astype(np.float32)
    h = np.zeros(4)
    for t, row in enumerate(x):
        f = 1 / (1 + np.exp(-(packed[:, :4].T @ row + arrays["rec_f"] @ h + arrays["bias"][:4] + 1)))
        n = np.tanh(packed[:, 4:].T @ row + arrays["rec_n"] @ (f * h) + arrays["bias"][4:])
        h = (1 - f) * h + f * n
        np.testing.assert_allclose(lstm_tui.trace(x, network)["layer0.forward"]["h"][t], h, atol=CLOSE)
    for right, wrong, says in (
        ('"rec_f"', '"rec_g"', "did you mean rec_f"),
        ("add = 1.0", 'add = "one"', r"b_f\.add must be a number"),
    ):
        (tmp_path / "bad.toml").write_text((tmp_path / "map.toml").read_text().replace(right, wrong))
        with pytest.raises(UserError, match=says):
            open_file(tmp_path / "w.npz", ImportOptions(mapping=str(tmp_path / "bad.toml")))


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("seed", [10, 11])
def test_every_kind_of_pytorch_layer_step_by_step(seed: int, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    import make_torch_files as made

    for name, build in made.RECURRENT.items():
        module = made.shake(build(), seed)
        x = made.numbers(module.input_size, seed)
        path = tmp_path / f"{name}.pt"
        torch.save({"rnn." + key: one for key, one in module.state_dict().items()}, path)
        settings = {}
        if "relu" in name:
            settings = {"layer0.activation": "relu"}
        np.testing.assert_allclose(said(path, x, **settings), made.outputs(module, x), atol=CLOSE, err_msg=name)
        torch.save(module.double().state_dict(), path)
        assert open_file(path).network.dtype == np.float64


@pytest.mark.parametrize("zipped", [True, False])
def test_a_tensor_under_two_names_is_not_told_as_unused(tmp_path: Path, zipped: bool) -> None:
    torch = pytest.importorskip("torch")
    lstm = torch.nn.LSTM(3, 4)
    state = dict(lstm.state_dict())
    state |= {f"again.{name}": tensor for name, tensor in lstm.state_dict().items()}
    state["other.scale"] = state["bias_hh_l0"].clone()  # equal numbers, and still another tensor
    torch.save(state, tmp_path / "twice.pt", _use_new_zipfile_serialization=zipped)
    (remark,) = [text for text in open_file(tmp_path / "twice.pt").network.remarks if "not used" in text]
    assert "other.scale" in remark
    assert "again" not in remark


def test_a_vocabulary_and_labels_in_a_checkpoint_are_used(tmp_path: Path) -> None:
    from lstm_tui.formats.importers.torch.file import read_torch

    tensors = read_torch((FILES / "torch_tagger.pt").read_bytes(), "file").tensors
    words = ["<pad>", *(f"w{n}" for n in range(1, 11))]
    labels = {"noun": 0, "verb": 1, "else": 2}
    checkpoint = {"state_dict": tensors, "vocab": {"stoi": {word: n for n, word in enumerate(words)}}, "tags": labels}
    (tmp_path / "all.pkl").write_bytes(pickle.dumps(checkpoint))
    opened = open_file(tmp_path / "all.pkl")
    assert fact(opened, "vocabulary") == ("vocab.stoi", "inferred")
    assert opened.network.classes == tuple(labels)
    for given in ("w3 w1 w4 w1 w5 w9", EXPECTED["ids"]):
        output = lstm_tui.trace(given, opened.network).output
        assert output is not None
        np.testing.assert_allclose(output, EXPECTED["tagger"], atol=CLOSE)
    plain = open_file(tmp_path / "all.pkl", ImportOptions({"vocabulary": "none"})).network
    assert plain.tokens is not None
    assert plain.tokens.are_ids


def test_an_archive_around_a_network_says_what_to_unpack(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "pack.zip", "w") as archive:
        archive.writestr("info.yml", "a: 1")
        archive.writestr("classifier.keras", b"x")
    with pytest.raises(UserError, match=r"it holds classifier\.keras: unpack it, and give that"):
        open_file(tmp_path / "pack.zip")


@pytest.mark.parametrize("wrapped", ["alone", "in a dictionary", "for several devices"])
def test_a_whole_module_is_read_as_before_1_6_too(wrapped: str, tmp_path: Path) -> None:
    """Such a file names every class with its source, in place of the class."""
    torch = pytest.importorskip("torch")
    module = torch.nn.GRU(3, 4, 2, batch_first=True, bidirectional=True)
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    expected = module(torch.from_numpy(x)[None])[0][0].detach().numpy()
    saved = {"alone": module, "in a dictionary": {"model": module, "epoch": 3}}.get(
        wrapped, torch.nn.DataParallel(module)
    )
    for zipped in (True, False):
        torch.save(saved, tmp_path / "m.pt", _use_new_zipfile_serialization=zipped)
        opened = open_file(tmp_path / "m.pt")
        assert fact(opened, "layer0.cell") == ("GRU", "confirmed")
        np.testing.assert_allclose(said(tmp_path / "m.pt", x), expected, atol=CLOSE)


class _Called:
    """An object that a pickle makes by calling a function of a given name."""

    def __init__(self, function: Callable[..., None], *arguments: object) -> None:
        self.function = function
        self.arguments = arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.function, self.arguments


def function_called(where: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that a pickle takes for that of a module."""
    path, _, name = where.rpartition(".")
    made = types.FunctionType((lambda *_: None).__code__, {}, name)
    made.__module__, made.__qualname__ = path, name
    parts = path.split(".")
    for count in range(1, len(parts) + 1):
        module = types.ModuleType(".".join(parts[:count]))
        setattr(module, name, made)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return made


@pytest.mark.parametrize(
    "where", ["jax._src.array._reconstruct_array", "jax._src.device_array.reconstruct_device_array"]
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_arrays_of_jax_in_a_pickle_are_the_arrays_of_numpy_they_hold(
    where: str, protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(3)
    tensors = {"weight_ih_l0": random.normal(size=(12, 3)), "weight_hh_l0": random.normal(size=(12, 4)),
               "bias_ih_l0": random.normal(size=12), "bias_hh_l0": random.normal(size=12)}  # fmt: skip
    plain = {name: one.astype(np.float32) for name, one in tensors.items()}
    made = function_called(where, monkeypatch)
    held = {}
    for key, one in plain.items():
        reduced = one.__reduce__()
        assert isinstance(reduced, tuple)
        function, arguments, state = reduced[:3]
        held[key] = _Called(made, function, arguments, state, {"weak_type": False})
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(held, protocol=protocol))
    savez(tmp_path / "m.npz", plain)
    x = random.normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_array_equal(said(tmp_path / "m.pkl", x), said(tmp_path / "m.npz", x))


@pytest.mark.parametrize("protocol", range(6))
def test_an_object_in_a_pickle_of_every_protocol_is_looked_into(protocol: int, tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    shapes = {"weight_ih_l0": (12, 3), "weight_hh_l0": (12, 4), "bias_ih_l0": (12,), "bias_hh_l0": (12,)}
    model = argparse.Namespace(rnn={name: random.normal(size=size) for name, size in shapes.items()})
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(model, protocol=protocol))
    assert fact(open_file(tmp_path / "m.pkl"), "layer0.cell") == ("GRU", "inferred")


def test_arrays_that_python_2_pickled_as_text_are_read(tmp_path: Path) -> None:
    """Its first protocol, which was the default, keeps the numbers of an array as an escaped text."""
    random = np.random.default_rng(5)
    shapes = {"weight_ih_l0": (12, 3), "weight_hh_l0": (12, 4), "bias_ih_l0": (12,), "bias_hh_l0": (12,)}
    tensors = {name: random.normal(size=size).astype(np.float32) for name, size in shapes.items()}
    text = b"(dp0\n"
    for name, one in tensors.items():
        numbers = "".join(f"\\x{byte:02x}" for byte in one.tobytes()).encode()
        sizes = b"".join(b"I%d\n" % size for size in one.shape)
        text += (
            b"S'" + name.encode() + b"'\ncnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
            b"(I1\n(" + sizes + b"tcnumpy\ndtype\n(S'f4'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'" + numbers
            + b"'\ntbs"
        )  # fmt: skip
    (tmp_path / "m.pkl").write_bytes(text + b".")
    savez(tmp_path / "m.npz", tensors)
    x = random.normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_array_equal(said(tmp_path / "m.pkl", x), said(tmp_path / "m.npz", x))
