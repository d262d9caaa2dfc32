from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from saved_arrays import savez

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.model.tokens import Tokens
from lstm_tui.engine.runtime.run import run
from lstm_tui.formats.importers import open as opening
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.native import save
from lstm_tui.formats.importers.open import ImportOptions, open_file, read_tensors
from lstm_tui.formats.importers.untrained import Untrained, initial_states, one_layer, untrained
from lstm_tui.formats.inputs import samples
from lstm_tui.formats.inputs.inputs import Sequences
from lstm_tui.formats.inputs.numeric_series import series_from
from lstm_tui.models import bundled_names
from lstm_tui.models.bundled import find_model, open_model

TOKENS = Tokens("words", ("<unk>", "a", "b"))


def stack() -> Network:
    both = ["forward", "backward"]
    layers = [{"cell": "lstm", "hidden_size": 3, "directions": both}, {"cell": "gru", "hidden_size": 2}]
    return build_network({"name": "stack", "input_size": 2, "layers": layers, "readout": "linear"}, seed=1)


def test_an_untrained_network_is_what_was_described() -> None:
    network = untrained(Untrained("gru", 5, 2, True, "sum", 7, without=["b_r"]), TOKENS)
    assert [one.name for one in network.passes] == [
        "layer0.forward", "layer0.backward", "layer1.forward", "layer1.backward",
    ]  # fmt: skip
    assert network.embedding is not None
    assert network.embedding.shape == (3, 5)
    assert network.layers[0].merge == "sum"
    assert "layer0.forward/b_r" not in network.tensors()
    assert network.readout is None
    assert untrained(Untrained(), None, 4).input_size == 4


def test_the_seed_alone_decides_the_weights() -> None:
    one, same, other = (untrained(Untrained(seed=seed), TOKENS).tensors() for seed in (1, 1, 2))
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["layer0.forward/W_f"], other["layer0.forward/W_f"])


@pytest.mark.parametrize(
    ("how", "says"),
    [
        (Untrained("lstn"), "there is no cell lstn; did you mean lstm?"),
        (Untrained(without=["p_i"]), "p_i"),
        (Untrained("missing.toml"), "missing.toml"),
    ],
)
def test_an_untrained_network_that_cannot_be_is_one_line(how: Untrained, says: str) -> None:
    with pytest.raises(UserError, match=r"lstn|p_i|missing") as error:
        untrained(how, TOKENS)
    assert says in str(error.value)


def test_one_layer_runs_as_it_does_in_the_stack() -> None:
    network = stack()
    x = np.random.default_rng(0).standard_normal((5, 2)).astype(np.float32)
    whole = run(network, Sequences(series_from(x), network)[0])
    below = np.concatenate([whole[f"layer0.{direction}"]["h"] for direction in ("forward", "backward")], axis=1)
    top = one_layer(network, 1)
    alone = run(top, Sequences(series_from(below), top)[0])
    assert np.array_equal(alone["layer0.forward"]["h"], whole["layer1.forward"]["h"])
    with pytest.raises(UserError, match="stack has 2 layers, from 0, so there is no layer 2"):
        one_layer(network, 2)


def test_a_model_is_a_bundled_name_or_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save(stack(), "my.safetensors")
    network = open_model("my.safetensors")
    assert (network.name, network.file) == ("stack", "my.safetensors")
    with pytest.raises(UserError, match="there is no model 'zzz'; "):
        find_model("zzz")
    with pytest.raises(UserError, match=r"gone\.safetensors: cannot be read: no such file"):
        open_model("gone.safetensors")


@pytest.mark.parametrize("name", bundled_names())
def test_a_bundled_model_has_a_name_and_no_file(name: str) -> None:
    network = open_model(name)
    assert network.name == name
    assert network.file is None
    assert network.sha256 is not None
    with pytest.raises(UserError, match=f"did you mean {name}"):
        find_model(name + "x")


def test_initial_states_are_named_by_pass(tmp_path: Path) -> None:
    path = tmp_path / "initial.npz"
    savez(path, {"layer0.backward/c": np.ones((1, 3)), "layer1.forward/h": np.arange(2)})
    states = initial_states(path, stack())
    assert np.array_equal(states["layer0.backward"]["c"], [1, 1, 1])
    assert np.array_equal(states["layer1.forward"]["h"], [0, 1])


@pytest.mark.parametrize(
    ("name", "array", "says"),
    [
        ("layer0.forward/cc", np.ones(3), "'layer0.forward/cc' is no state of stack; did you mean layer0.forward/c?"),
        ("layer0.forward/c", np.ones(4), "layer0.forward/c has the shape 4; it should hold 3 numbers"),
        ("layer0.forward/c", np.float64(1), "layer0.forward/c has the shape one number; it should hold 3 numbers"),
    ],
)
def test_initial_states_that_do_not_fit_are_one_line(tmp_path: Path, name: str, array: np.ndarray, says: str) -> None:
    path = tmp_path / "initial.npz"
    savez(path, {name: array})
    with pytest.raises(UserError) as error:
        initial_states(path, stack())
    assert str(error.value) == f"{path}: {says}"


def test_a_sample_is_found_by_its_bare_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "samples"
    folder.mkdir()
    (folder / "sample.txt").write_text("sample")
    monkeypatch.setattr(samples, "samples_folder", lambda: folder)
    monkeypatch.chdir(tmp_path)
    assert samples.find_input("sample.txt") == folder / "sample.txt"
    with pytest.raises(UserError, match=r"sampel\.txt: no such file; did you mean sample\.txt, which comes"):
        samples.find_input("sampel.txt")
    with pytest.raises(UserError, match="no such file; check the name"):
        samples.find_input("zzz/qqq.md")
    (tmp_path / "sample.txt").write_text("mine")
    assert samples.find_input("sample.txt") == Path("sample.txt")
    assert samples.find_input("-") == Path("-")


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("torch_lstm_both.pt", ["l0", "l1"]),
        ("torch_tagger.pt", ["rnn.l0", "rnn.l1"]),
        ("keras_gru.keras", ["gru", "gru_1"]),
    ],
)
def test_the_card_names_each_layer_as_its_file_does(file: str, names: list[str]) -> None:
    opened = open_file(Path(__file__).parent / "files" / file)
    assert opened.network.card["imported"]["layers"] == names


def test_what_is_said_of_a_file_that_needs_it_not_is_refused(tmp_path: Path) -> None:
    path, native = Path(__file__).parent / "files" / "torch_tagger.pt", tmp_path / "n.safetensors"
    save(open_file(path).network, native)
    itself = "n.safetensors: describes itself, so nothing else can be said of it but --classes"
    for file, given, said in (
        (path, ImportOptions(network="a"), "torch_tagger.pt: holds one network, so --network has nothing to choose"),
        (native, ImportOptions(network="a"), itself),
        (native, ImportOptions({"layer0.cell": "gru"}), itself),
    ):
        with pytest.raises(UserError) as refused:
            open_file(file, given)
        assert said in str(refused.value)


def test_tensors_of_a_file_are_read_by_their_names_where_it_has_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(__file__).parent / "files" / "keras_gru.keras"
    if find_spec("h5py") is not None:
        assert read_tensors(path)
    monkeypatch.setattr(opening, "NETWORK_BYTES", 10)
    with pytest.raises(UserError, match=r"keras_gru\.keras: unpacks to more than is read"):
        opening._named_tensors("keras", path.read_bytes(), path, ImportReport("f"), str(path))
    with pytest.raises(UserError, match="f: keeps no tensors that a mapping file could name"):
        opening._named_tensors("tensorflow", b"", path, ImportReport("f"), "f")
