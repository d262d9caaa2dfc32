"""`save-model` of a session: what it writes, over what, and what it says is not written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from saved_arrays import savez

from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.formats.importers.open import open_file
from lstm_tui.formats.importers.untrained import Untrained, one_layer, untrained
from lstm_tui.formats.inputs.numeric_series import series_from


def weights(folder: Path) -> Path:
    random, path = np.random.default_rng(0), folder / "mine.npz"
    shapes = {"weight_ih": (16, 3), "weight_hh": (16, 4), "bias_ih": (16,), "bias_hh": (16,)}
    named = {f"rnn.{name}_l{n}": shape for n in (0, 1) for name, shape in shapes.items()}
    named["rnn.weight_ih_l1"] = (16, 4)
    savez(path, {name: random.normal(size=shape).astype(np.float32) for name, shape in named.items()})
    return path


def session_of(network: Network) -> Session:
    x = np.random.default_rng(1).normal(size=(5, network.input_size)).astype(np.float32)
    return Session.open(Source.of_input(network, series_from(x)))


def test_edited_weights_are_written_and_what_is_of_the_run_is_said(tmp_path: Path) -> None:
    path = weights(tmp_path)
    session, before = session_of(open_file(path).network), path.read_bytes()
    answer(session, "weight layer1.forward/b_f = 0")
    answer(session, "set h[0] @ 1 = 1")
    said = answer(session, f"save-model {tmp_path / 'fixed.npz'}")
    assert "but for 4 numbers in rnn.bias_ih_l1 (4)" in said[0]
    assert "rnn.bias_ih_l1 took the change" in said[1]
    assert said[-1] == "not written: 1 edit of values, since it belongs to this run and not to the network"
    assert path.read_bytes() == before
    again = open_file(tmp_path / "fixed.npz").network.tensors()
    for name, one in session.edited.network.tensors().items():
        np.testing.assert_array_equal(again[name], one)
    with np.load(path) as old, np.load(tmp_path / "fixed.npz") as new:
        assert list(old) == list(new)
        assert [name for name in old if (old[name] != new[name]).any()] == ["rnn.bias_ih_l1"]


def test_the_own_file_is_written_over_when_it_is_said_and_again_afterwards(tmp_path: Path) -> None:
    path = weights(tmp_path)
    session, before = session_of(open_file(path).network), path.read_bytes()
    answer(session, "weight layer0.forward/W_f[0,0] = 2")
    with pytest.raises(UserError, match=r"is there already; to put this in its place: save-model .* over"):
        answer(session, f"save-model {path}")
    answer(session, f"save-model {path} over")
    answer(session, "weight layer0.forward/W_f[0,1] = 3")
    assert "but for 1 number in" in answer(session, f"save-model {path}")[0]
    assert open_file(path).network.tensors()["layer0.forward/W_f"][0, :2].tolist() == [2, 3]
    answer(session, "undo 2")
    answer(session, f"save-model {path}")
    assert path.read_bytes() == before
    path.write_bytes(before[:-1] + b"\0")
    with pytest.raises(UserError, match="since this session wrote it"):
        answer(session, f"save-model {path}")


def test_one_layer_of_a_file_goes_back_into_all_of_it(tmp_path: Path) -> None:
    path = weights(tmp_path)
    session = session_of(one_layer(open_file(path).network, 1))
    answer(session, "weight layer0.forward/U_o[2,3] = 0.5")
    answer(session, f"save-model {tmp_path / 'fixed.npz'}")
    assert open_file(tmp_path / "fixed.npz").network.tensors()["layer1.forward/U_o"][2, 3] == 0.5


def test_equations_go_into_a_file_that_describes_itself_and_into_no_other(tmp_path: Path) -> None:
    session = session_of(open_file(weights(tmp_path)).network)
    answer(session, "let layer0.forward.f = 1")
    with pytest.raises(UserError, match=r"layer0.forward\): undo them"):
        answer(session, f"save-model {tmp_path / 'a.npz'}")
    with pytest.raises(UserError, match=r"ends in \.npz, or in \.safetensors"):
        answer(session, f"save-model {tmp_path / 'a.pt'}")
    answer(session, f"save-model {tmp_path / 'a.safetensors'}")
    session = session_of(open_file(tmp_path / "a.safetensors").network)
    answer(session, "let layer1.forward.f = 1")
    answer(session, f"save-model {tmp_path / 'b.safetensors'}")  # of its own kind, which holds equations too
    assert all("f = 1" in one.cell.text for one in open_file(tmp_path / "b.safetensors").network.passes)


def test_a_network_without_a_file_describes_itself(tmp_path: Path) -> None:
    session = session_of(untrained(Untrained(hidden=3), None, 2))
    answer(session, "weight layer0.forward/b_f = 0.5")
    answer(session, f"save-model {tmp_path / 'a.safetensors'}")
    assert (open_file(tmp_path / "a.safetensors").network.tensors()["layer0.forward/b_f"] == 0.5).all()
    with pytest.raises(UserError, match=r"ends in \.safetensors"):
        answer(session, f"save-model {tmp_path / 'a.pt'}")
    with pytest.raises(UserError, match="save the network where"):
        answer(session, "save-model")
