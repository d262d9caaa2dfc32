"""What a capture says of a model by itself: states exchanged, no gradient, an axis taken for the time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lstm_tui
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import ImportOptions
from lstm_tui.formats.verify.verification import verify

torch: Any = pytest.importorskip("torch")
nn = torch.nn
FILES = Path(__file__).parents[1] / "formats" / "files"


class Pair(nn.Module):  # type: ignore[misc,name-defined]
    """An encoder, and a decoder step by step."""

    def __init__(self, exchanged: bool, cut: bool) -> None:
        super().__init__()
        self.exchanged, self.cut = exchanged, cut
        self.encoder, self.cell, self.head = nn.LSTM(5, 4, batch_first=True), nn.LSTMCell(5, 4), nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        _, (h, c) = self.encoder(x)
        h, c = (h[0].detach(), c[0].detach()) if self.cut else (h[0], c[0])
        said = []
        for t in range(4):
            h, c = self.cell(x[:, t], (c, h) if self.exchanged and t else (h, c))
            said.append(self.head(h))
        return torch.stack(said, 1)


@pytest.mark.parametrize("exchanged", [False, True])
@pytest.mark.parametrize("cut", [False, True])
def test_states_exchanged_and_gradients_that_do_not_arrive_are_said(exchanged: bool, cut: bool) -> None:
    torch.manual_seed(0)
    run = lstm_tui.capture(Pair(exchanged, cut), torch.randn(3, 6, 5), targets=torch.randn(3, 4, 3), loss=nn.MSELoss())
    assert ("cell: the h of a call enters the next as c, and its c as h, each time" in repr(run)) == exchanged
    assert ("encoder: no gradient of the loss arrives there" in repr(run)) == cut
    assert "cell: no gradient" not in repr(run)


class Tagger(nn.Module):  # type: ignore[misc,name-defined]
    def __init__(self, batch_first: bool, turned: bool) -> None:
        super().__init__()
        self.embedding, self.rnn = nn.Embedding(9, 5), nn.GRU(5, 4, batch_first=batch_first)
        self.turned = turned

    def forward(self, ids: Any) -> Any:
        x = self.embedding(ids)
        return self.rnn(x.transpose(0, 1) if self.turned else x)[0]


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("turned", [False, True])
def test_a_module_that_takes_the_first_axis_for_the_time_is_said_to(batch_first: bool, turned: bool) -> None:
    run = lstm_tui.capture(Tagger(batch_first, turned), torch.randint(0, 9, (12, 8)))
    said = "rnn takes the first axis of the input, 12, for the time, and the second, 8, for the sequences"
    assert (said in repr(run)) == (not batch_first and not turned)


def test_a_model_of_keras_is_sent_to_its_file() -> None:
    keras = type("Sequential", (nn.Module,), {"__module__": "keras.src.models.sequential"})
    looks: tuple[Callable[[], Any], ...] = (
        lambda: lstm_tui.record(keras(), np.zeros((1, 3), int)),
        lambda: lstm_tui.capture(keras(), np.zeros((1, 3), int)),
        lambda: lstm_tui.watch(keras()).__enter__(),
    )
    for look in looks:
        with pytest.raises(UserError, match=r"is a model of Keras.*lstm_tui\.load\('m\.keras'\)"):
            look()


def test_a_batch_of_ids_in_a_recording_is_said_to_be_one(tmp_path: Path) -> None:
    np.savez(tmp_path / "R.npz", input=np.array([[1, 2, 3], [3, 2, 1]]), result=np.zeros((2, 2)))
    with pytest.raises(UserError, match=r"a batch of 2 sequences of 3 ids .* batch/1/input and batch/1/result") as said:
        verify(FILES / "torch_tagger.pt", ImportOptions(), tmp_path / "R.npz")
    assert "--layer" not in str(said.value)
    with pytest.raises(UserError, match="ids are one column; --layer gives a layer numbers"):
        lstm_tui.trace([[0.5, 1.5]], FILES / "torch_tagger.pt")


def test_a_sequence_of_a_capture_is_asked_as_a_trace_is() -> None:
    run = lstm_tui.capture(Tagger(True, False), torch.randint(0, 9, (2, 4)))["rnn", 1]
    assert run[0] is run.trace[0]
    assert run["layer0"] is run.trace["layer0"]
    for name, column in run.trace.table("h").items():
        np.testing.assert_array_equal(run.table("h")[name], column)
    with pytest.raises(AttributeError, match=r"its \.trace has to_xarray"):
        _ = run.to_xarray


def test_what_a_session_of_a_capture_cannot_do_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = lstm_tui.capture(Pair(False, False), torch.randn(3, 6, 5), classes=["bad", "fair", "good"], tokens=None)
    session = made.session("cell")
    for line, said in (
        (
            'replace 1 "good"',
            "cell is one module, and what enters it is not known to be a row of an embedding: set x instead",
        ),
        ("trace-cause good from line 2", "only cell runs again, not the model around it, which says “good”"),
    ):
        with pytest.raises(UserError, match=said):
            session.execute(line)
    made.save(tmp_path / "run.npz")
    with pytest.raises(UserError, match="is a capture; show it with `lstm-tui open`"):
        lstm_tui.trace(tmp_path / "run.npz", "forecast")
    with pytest.raises(UserError, match=r"written as \.npz: m\.pt has another ending"):
        made.save(tmp_path / "m.pt")
    assert not (tmp_path / "m.pt").exists()
    monkeypatch.setattr("sys.__stderr__", None)
    with pytest.raises(UserError, match=r"no terminal to draw on; \.session\(…\) of a capture"):
        made.debug()


def test_what_stops_a_loop_can_be_caught_by_its_name() -> None:
    assert issubclass(lstm_tui.LoopStopped, UserError)
