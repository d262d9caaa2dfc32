"""`record` takes what a model takes, keeps every call and the answer, and leaves the model as it was."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from saved_arrays import savez

import lstm_tui
from lstm_tui.cli import main
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import ImportOptions
from lstm_tui.formats.verify.verification import verify

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")
import make_torch_files as made

CLOSE = 1e-5


class Classifier(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.emb = torch.nn.Embedding(9, 3)
        self.rnn = torch.nn.LSTM(3, 4, bidirectional=True, batch_first=True)
        self.fc = torch.nn.Linear(8, 5)

    def forward(self, ids: Any) -> Any:
        _, (h, _) = self.rnn(self.emb(ids))
        return self.fc(torch.cat([h[-2], h[-1]], dim=-1))


def saved(model: Any, folder: Path) -> Path:
    torch.save(model.state_dict(), folder / "m.pt")
    return folder / "m.pt"


def about(recorded: dict[str, np.ndarray]) -> dict[str, Any]:
    return dict(json.loads(str(recorded["about"])))


@pytest.mark.slow
def test_a_batch_is_recorded_whole_and_the_answer_decides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = made.shake(Classifier(), 1)
    ids = np.array([[3, 1, 4, 1], [5, 8, 2, 6], [0, 0, 7, 7]])
    recorded = lstm_tui.record(model, ids, tmp_path / "ref.npz")
    with torch.no_grad():
        wanted = model(torch.from_numpy(ids)).numpy()
        h = model.rnn(model.emb(torch.from_numpy(ids)))[0].numpy()
    for n in range(3):
        before = f"batch/{n}/" if n else ""
        np.testing.assert_array_equal(recorded[f"{before}input"], ids[n])
        np.testing.assert_allclose(recorded[f"{before}result"], wanted[n], atol=CLOSE)
        np.testing.assert_allclose(recorded[f"{before}layer0.backward/h"], h[n, :, 4:], atol=CLOSE)
    np.testing.assert_allclose(recorded["around/fc/y"], wanted, atol=CLOSE)
    path = saved(model, tmp_path)
    _, verdict = verify(path, ImportOptions(), tmp_path / "ref.npz")
    assert verdict.first is not None
    assert verdict.first.name == "result"
    assert {"readout.over": "final"} in verdict.fitting
    _, verdict = verify(path, ImportOptions({"readout.over": "final"}), tmp_path / "ref.npz")
    assert verdict.first is None
    assert verdict.sequences == 3
    assert not verdict.unproven
    assert main(["verify", str(path), "--reference", str(tmp_path / "ref.npz"), "--set", "readout.over=final"]) == 0
    assert "\nthe same within 0.0001" in capsys.readouterr().out


def test_an_answer_that_was_not_recorded_is_not_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = made.shake(Classifier(), 2)
    recorded = lstm_tui.record(model, np.array([3, 1, 4, 1]))
    recorded.pop("result")
    recorded.pop("about")
    savez(tmp_path / "ref.npz", recorded)
    assert main(["verify", str(saved(model, tmp_path)), "--reference", str(tmp_path / "ref.npz")]) == 0
    output = capsys.readouterr().out
    assert "not proven: the answer" in output
    assert "\nthe same" not in output
    assert "what was compared is the same" in output


class Stateful(torch.nn.Module):
    """Keeps its state between calls, counts them in a buffer and in a list, and draws random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = torch.nn.GRU(3, 4)
        self.state = torch.zeros(1, 4)
        self.seen: list[int] = []
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: Any) -> Any:
        y, self.state = self.rnn(x, self.state)
        self.calls += 1
        self.seen.append(len(x))
        self.last = y
        return y * torch.rand(1)


def test_a_module_that_keeps_its_state_is_not_advanced() -> None:
    model = made.shake(Stateful(), 3)
    model.train()
    x = made.numbers(3)
    model(torch.from_numpy(x))
    state, random = model.state.detach().clone(), torch.get_rng_state()
    before = copy.deepcopy({name: one.detach().clone() for name, one in model.state_dict().items()})
    names = set(model.__dict__)
    first = lstm_tui.record(model, x)
    second = lstm_tui.record(model, x)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
    torch.testing.assert_close(model.state, state, rtol=0, atol=0)
    for name, one in model.state_dict().items():
        torch.testing.assert_close(one, before[name], rtol=0, atol=0)
    assert model.seen == [6]
    assert set(model.__dict__) == names
    assert model.training
    assert torch.equal(torch.get_rng_state(), random)
    assert any("first states" in one for one in about(first)["unproven"])


class ByHand(torch.nn.Module):
    """A decoder stepped one token at a time through a module, and a cell whose state is normalised between steps."""

    def __init__(self, normalise: bool) -> None:
        super().__init__()
        self.rnn = torch.nn.LSTM(3, 4, batch_first=True)
        self.cell = torch.nn.LSTMCell(4, 4)
        self.normalise = normalise

    def forward(self, x: Any) -> Any:
        state, mine, rows = None, None, []
        for row in x:
            y, state = self.rnn(row[None, None], state)
            mine = self.cell(y[:, 0], mine)
            if self.normalise:
                mine = torch.nn.functional.layer_norm(mine[0], (4,)), mine[1]
            rows.append(mine[0][0])
        return torch.stack(rows)


@pytest.mark.parametrize("normalise", [False, True])
def test_every_call_of_a_module_is_kept(normalise: bool) -> None:
    model = made.shake(ByHand(normalise), 4)
    x = made.numbers(3)
    recorded = lstm_tui.record(model, x)
    with torch.no_grad():
        wanted = model.rnn(torch.from_numpy(x)[None])[0][0].numpy()
    np.testing.assert_allclose(recorded["layer0.forward/h"], wanted, atol=CLOSE)
    np.testing.assert_allclose(recorded["call/rnn/0/y"], wanted, atol=CLOSE)
    calls = [name for name in recorded if name.startswith("call/cell/") and name.endswith("/x")]
    assert len(calls) == (len(x) if normalise else 1)
    np.testing.assert_allclose(np.concatenate([recorded[name] for name in calls]), wanted, atol=CLOSE)
    assert bool(about(recorded)["unproven"]) == normalise


class Twins(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = torch.nn.GRU(3, 4)

    def forward(self, left: Any, right: Any) -> Any:
        return torch.cosine_similarity(self.rnn(left)[0][-1], self.rnn(right)[0][-1], dim=0)


@pytest.mark.parametrize("named", [False, True])
def test_a_pair_is_two_calls_by_place_or_by_keyword(named: bool) -> None:
    model = made.shake(Twins(), 5)
    left, right = made.numbers(3, 1), made.numbers(3, 2)
    recorded = lstm_tui.record(model, {"left": left, "right": right} if named else (left, right))
    for n, x in enumerate((left, right)):
        np.testing.assert_allclose(recorded[f"call/rnn/{n}/y"], made.outputs(model.rnn, x), atol=CLOSE)
    assert "input.left" in recorded if named else "input.0" in recorded
    assert any("calls of rnn" in one for one in about(recorded)["unproven"])


@pytest.mark.slow
@pytest.mark.parametrize("both", [False, True], ids=["of float32", "of bfloat16"])
def test_half_precision_is_told_from_a_mistake(both: bool, tmp_path: Path) -> None:
    model = made.shake(made.Tagger(), 6)
    path = saved(copy.deepcopy(model).bfloat16() if both else model, tmp_path)
    recorded = lstm_tui.record(copy.deepcopy(model).bfloat16(), np.array([3, 1, 4, 1, 5]), tmp_path / "ref.npz")
    assert recorded["output"].dtype == np.float32
    assert about(recorded)["dtype"] == "bfloat16"
    reading = ImportOptions({"readout.over": "each"})
    _, verdict = verify(path, reading, tmp_path / "ref.npz")
    assert verdict.first is not None
    assert any("half precision" in one for one in verdict.reasons)
    _, verdict = verify(path, ImportOptions({"layer0.gate_order": "iofg"}), tmp_path / "ref.npz")
    assert not any("half precision" in one for one in verdict.reasons)


def test_normed_weights_are_recorded_as_they_are_computed_with(tmp_path: Path) -> None:
    for wrap in (torch.nn.utils.parametrizations.weight_norm, torch.nn.utils.parametrizations.spectral_norm):
        model = made.shake(torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.LSTM(3, 4, num_layers=2)), 7)
        wrap(model[1], "weight_hh_l0")
        model.eval()
        x = made.numbers(3)
        lstm_tui.record(torch.nn.Sequential(model[1]), x, tmp_path / "ref.npz")
        path = tmp_path / "m.pt"
        torch.save(model[1].state_dict(), path)
        _, verdict = verify(path, ImportOptions(), tmp_path / "ref.npz")
        assert verdict.first is None, wrap


def test_an_answer_of_no_known_form_is_recorded_as_it_is_and_said() -> None:
    class Stranger(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.nn.LSTM(3, 4)

        def forward(self, x: Any) -> Any:
            h, _ = self.inner(x)
            return torch.stack([h[0] + 1, h[1]])

    model, x = Stranger(), np.random.default_rng(2).normal(size=(5, 3)).astype(np.float32)
    recorded = lstm_tui.record(model, x)
    h = recorded["layer0.forward/h"]
    (answer,) = [one for name, one in recorded.items() if name.startswith("answer/")]
    np.testing.assert_allclose(answer, np.stack([h[0] + 1, h[1]]), atol=1e-6)
    assert not {"output", "result"} & recorded.keys()


def test_the_precision_of_a_recorded_model_is_that_of_its_coarsest_weights() -> None:
    class Mixed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.nn.LSTM(3, 4)
            self.head = torch.nn.Linear(4, 2).to(torch.bfloat16)

        def forward(self, x: Any) -> Any:
            h, _ = self.inner(x)
            return self.head(h.to(torch.bfloat16)).float()

    recorded = lstm_tui.record(Mixed(), np.zeros((5, 3), np.float32))
    assert json.loads(str(recorded["about"]))["dtype"] == "bfloat16"


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_what_cannot_be_looked_into_is_one_line() -> None:
    x = made.numbers(3)
    scripted = torch.jit.script(torch.nn.LSTM(3, 4))
    with pytest.raises(UserError, match="is scripted"):
        lstm_tui.record(scripted, x)
    with pytest.raises(UserError, match="does not run on this"):
        lstm_tui.record(made.shake(Classifier(), 1), (np.zeros((2, 2, 2)), x))


@pytest.mark.filterwarnings("ignore")
def test_a_quantised_module_is_one_line() -> None:
    quantised = torch.ao.quantization.quantize_dynamic(
        torch.nn.Sequential(torch.nn.LSTM(3, 4)), {torch.nn.LSTM}, dtype=torch.qint8
    )
    with pytest.raises(UserError, match="quantised LSTM"):
        lstm_tui.record(quantised, made.numbers(3))


class Below(torch.nn.Module):
    """Numbers, a dense layer, a recurrent one: the file counts the dense layer, and the recording does not."""

    def __init__(self) -> None:
        super().__init__()
        self.inp = torch.nn.Linear(3, 4)
        self.rnn = torch.nn.GRU(4, 5)
        self.out = torch.nn.Linear(5, 2)

    def forward(self, x: Any) -> Any:
        return self.out(torch.relu(self.rnn(torch.tanh(self.inp(x)))[0]))


def test_names_of_a_recording_and_of_a_file_are_the_same_and_two_mistakes_are_found(tmp_path: Path) -> None:
    model = made.shake(Below(), 8)
    lstm_tui.record(model, made.numbers(3), tmp_path / "ref.npz")
    path = saved(model, tmp_path)
    _, verdict = verify(path, ImportOptions(), tmp_path / "ref.npz")
    assert verdict.first is not None
    assert verdict.first.name == "layer1.forward/h"
    assert any("rnn by itself is as recorded: what enters it differs already" in one for one in verdict.reasons)
    assert verdict.fitting == ({"input_layers.after_inp": "tanh", "readout.before": "relu"},)
    _, verdict = verify(path, ImportOptions(dict(verdict.fitting[0])), tmp_path / "ref.npz")
    assert verdict.first is None
    assert set(verdict.compared) == {"layer1.forward/h", "output"}
