"""What other runtimes are recorded to compute, and the debugger on a model that is running."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lstm_tui
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import ImportOptions
from lstm_tui.formats.verify.verification import verify

CLOSE = 1e-5


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_a_recorded_pytorch_model_verifies_its_own_file(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    import make_torch_files as made

    for name, build in made.RECURRENT.items():
        module = made.shake(build(), 5)
        if isinstance(module, torch.nn.RNNCellBase):
            continue
        x = made.numbers(module.input_size, 5)
        recorded = lstm_tui.record(module, x, tmp_path / "ref.npz")
        last = [one for key, one in recorded.items() if key.startswith(f"layer{module.num_layers - 1}.")]
        np.testing.assert_allclose(np.concatenate(last, axis=1), made.outputs(module, x), atol=CLOSE, err_msg=name)
        torch.save(module.state_dict(), tmp_path / "m.pt")
        settings = {f"layer{n}.activation": "relu" for n in range(module.num_layers)} if "relu" in name else {}
        _, verdict = verify(tmp_path / "m.pt", ImportOptions(settings), tmp_path / "ref.npz")
        assert verdict.first is None, name
        assert len(verdict.compared) == len(recorded) - 1


def test_a_recorded_model_with_an_embedding_and_a_head(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    import make_torch_files as made

    tagger = made.shake(made.Tagger(), 6)
    recorded = lstm_tui.record(tagger, np.array([3, 1, 4, 1, 5]), tmp_path / "ref.npz")
    assert recorded["output"].shape == (5, 3)
    torch.save(tagger.state_dict(), tmp_path / "m.pt")
    _, verdict = verify(tmp_path / "m.pt", ImportOptions({"readout.over": "each"}), tmp_path / "ref.npz")
    assert verdict.first is None
    assert "output" in verdict.compared


def test_a_recorded_onnx_file_verifies_itself(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    import make_onnx_files as made

    for name in ("lstm_both", "lstm_reverse", "gru"):
        onnx.save(made.single(name, 3), tmp_path / "m.onnx")
        recorded = lstm_tui.record(tmp_path / "m.onnx", made.numbers(3), tmp_path / "ref.npz")
        _, verdict = verify(tmp_path / "m.onnx", ImportOptions(), tmp_path / "ref.npz")
        assert verdict.first is None, name
        assert len(verdict.compared) == len(recorded) - 1


def test_the_answer_of_an_onnx_file_is_recorded_and_compared(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    files = Path(__file__).parent / "files"
    for name, answer in (("last", "result"), ("mean", "result"), ("each", "output")):
        path = files / f"onnx_tagger_{name}.onnx"
        recorded = lstm_tui.record(path, np.array([3, 1, 4, 1, 5]), tmp_path / "ref.npz")
        assert answer in recorded, name
        _, verdict = verify(path, ImportOptions(), tmp_path / "ref.npz")
        assert verdict.first is None, name
        assert answer in verdict.compared, name
        assert not verdict.unproven


def test_debug_returns_what_each_module_read_and_did() -> None:
    torch = pytest.importorskip("torch")
    import make_torch_files as made
    from torch import Tensor, nn

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.below = torch.nn.GRU(3, 4, batch_first=True)
            self.mixed = torch.nn.Linear(4, 5)
            self.top = torch.nn.LSTM(5, 2, bidirectional=True)

        def forward(self, x: Tensor) -> Any:
            series = torch.relu(self.mixed(self.below(x)[0]))[0]
            start = torch.full((2, 2), 0.3), torch.full((2, 2), -0.2)
            return self.top(series, start)[0]

    model = made.shake(Model(), 7)
    model.train()
    x = torch.from_numpy(np.stack([made.numbers(3, 1), made.numbers(3, 2)]))
    traces = lstm_tui.debug(model, x, screen=False)
    assert model.training
    assert list(traces) == ["below", "top"]
    with torch.no_grad():
        below = model.below(x)[0][0].numpy()
        top = model(x).numpy()
    np.testing.assert_allclose(traces["below"]["layer0.forward"]["h"], below, atol=CLOSE)
    both = np.concatenate([traces["top"][f"layer0.{way}"]["h"] for way in ("forward", "backward")], axis=1)
    np.testing.assert_allclose(both, top, atol=CLOSE)
    np.testing.assert_allclose(traces["top"]["layer0.backward"].initial["c"], -0.2, atol=CLOSE)
    both_arguments = lstm_tui.debug(model, (x,), screen=False)
    np.testing.assert_array_equal(both_arguments["top"]["layer0.forward"]["h"], traces["top"]["layer0.forward"]["h"])
    with pytest.raises(UserError, match="did you mean top"):
        lstm_tui.debug(model, x, layer="tops", screen=False)
    with pytest.raises(UserError, match=r"holds no nn\.LSTM"):
        lstm_tui.debug(torch.nn.Linear(3, 3), x, screen=False)


def test_cells_in_a_loop_of_the_model_are_told_as_one_sequence(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    import make_torch_files as made
    from torch import Tensor, nn

    class Loop(nn.Module):
        def __init__(self, kind: str, reset_at: int = 99) -> None:
            super().__init__()
            self.cell = getattr(torch.nn, kind)(3, 4)
            self.reset_at = reset_at

        def forward(self, x: Tensor) -> Any:
            state, rows = None, []
            for t, row in enumerate(x):
                state = self.cell(row, None if t == self.reset_at else state)
                rows.append(state[0] if isinstance(state, tuple) else state)
            return torch.stack(rows)

    x = made.numbers(3, 1)
    for kind in ("LSTMCell", "GRUCell", "RNNCell"):
        model = made.shake(Loop(kind), 8)
        wanted = made.outputs(model.cell, x)
        trace = lstm_tui.debug(model, torch.from_numpy(x), screen=False)["cell"]
        np.testing.assert_allclose(trace["layer0.forward"]["h"], wanted, atol=CLOSE, err_msg=kind)
        recorded = lstm_tui.record(model, x, tmp_path / "ref.npz")
        np.testing.assert_allclose(recorded["layer0.forward/h"], wanted, atol=CLOSE, err_msg=kind)
        torch.save(model.state_dict(), tmp_path / "m.pt")
        assert verify(tmp_path / "m.pt", ImportOptions(), tmp_path / "ref.npz")[1].first is None
    broken = lstm_tui.debug(made.shake(Loop("GRUCell", reset_at=3), 8), torch.from_numpy(x), screen=False)["cell"]
    assert len(broken.sequence) == 3
    assert broken.network is not None
    assert "at step 3 the model gave cell another state than it had" in broken.network.remarks[0]
