"""What `record` keeps of models whose run is not one pass of one network, and what `verify` compares of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lstm_tui
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import ImportOptions
from lstm_tui.formats.verify.verdict import Verification
from lstm_tui.formats.verify.verification import verify

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")
import make_torch_files as made

CLOSE = 1e-5
CHANGE = 0.2
"""By how much a planted mistake moves a weight."""


class Around(torch.nn.Module):
    """An LSTM and a dense layer, run as a test says."""

    def __init__(self, run: Any, **parts: Any) -> None:
        super().__init__()
        parts.setdefault("rnn", torch.nn.LSTM(3, 4, batch_first=True))
        for name, part in {**parts, "fc": torch.nn.Linear(4, 2)}.items():
            setattr(self, name, part)
        self.run = run

    def forward(self, *given: Any) -> Any:
        return self.run(self, *given)


def packed(model: Any, x: Any, lengths: Any) -> Any:
    utils = torch.nn.utils.rnn
    series, _ = model.rnn(utils.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
    return model.fc(utils.pad_packed_sequence(series, batch_first=True)[0])


def stepped(model: Any, x: Any) -> Any:
    """A decoder: each step reads what the step before gave."""
    states, said = None, []
    for _ in range(5):
        y, states = model.rnn(x, states)
        x = torch.nn.functional.pad(model.fc(y), (0, 1))
        said.append(x)
    return torch.cat(said, 1)


def encoded(model: Any, x: Any, y: Any) -> Any:
    return model.fc(model.dec(y, model.rnn(x)[1])[0])


def normed(model: Any, x: Any) -> Any:
    h = c = x.new_zeros(len(x), 4)
    for row in x.unbind(1):
        h, c = model.rnn(row, (h, c))
        c = torch.nn.functional.normalize(c)
    return model.fc(h)


def numbers(*shape: int) -> Any:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5))


def compared(model: Any, folder: Path, network: str = "", change: str = "") -> Verification:
    """Compare the recording in a folder with the weights of a model, of which one may be changed."""
    weights = {name: one.clone() for name, one in model.state_dict().items()}
    if change:
        weights[change] += CHANGE
    torch.save(weights, folder / "m.pt")
    return verify(folder / "m.pt", ImportOptions(network=network or None), folder / "ref.npz")[1]


@pytest.mark.slow
def test_what_a_model_does_to_its_input_is_no_part_of_the_recorded_input(tmp_path: Path) -> None:
    model = made.shake(Around(lambda self, x: self.fc(self.rnn(x.mul_(2.0))[0])), 1)
    x = numbers(2, 6, 3)
    before = x.clone()
    recorded = lstm_tui.record(model, x, tmp_path / "ref.npz")
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(recorded["input"], before[0])
    assert compared(model, tmp_path).first is not None, "the file holds no factor of 2"
    array = before.numpy().astype(np.float64)
    np.testing.assert_array_equal(lstm_tui.record(model, array)["input"], array[0])


@pytest.mark.slow
@pytest.mark.parametrize("lengths", [(6, 4, 1), (2, 6, 3), (3, 2, 2)])
@pytest.mark.parametrize("both", [False, True])
def test_packed_sequences_end_where_they_end(lengths: tuple[int, ...], both: bool, tmp_path: Path) -> None:
    rnn = torch.nn.LSTM(3, 2 if both else 4, batch_first=True, bidirectional=both)
    model = made.shake(Around(packed, rnn=rnn), 2)
    recorded = lstm_tui.record(model, (numbers(3, 6, 3), torch.tensor(lengths)), tmp_path / "ref.npz")
    for n, length in enumerate(lengths):
        before = f"batch/{n}/" if n else ""
        shown = recorded[f"{before}layer0.forward/h"]
        answer = recorded.get(f"{before}output", recorded.get(f"{before}result"))
        assert answer is not None
        assert len(recorded[f"{before}input.0"]) == len(shown) == length
        assert answer.size == 2 * length
    if 1 not in lengths:
        told = compared(model, tmp_path)
        assert told.first is None
        assert max(told.compared.values()) < CLOSE
        assert told.compared["output"] < CLOSE
        assert compared(model, tmp_path, change="rnn.weight_hh_l0").first is not None


@pytest.mark.parametrize(
    ("model", "shapes", "weight"),
    [
        (lambda: Around(stepped), [(1, 1, 3)], "rnn.weight_hh_l0"),
        (lambda: Around(normed, rnn=torch.nn.LSTMCell(3, 4)), [(2, 5, 3)], "rnn.weight_ih"),
    ],
)
def test_every_call_is_compared_by_itself_where_the_whole_is_no_run(
    model: Any, shapes: list[tuple[int, ...]], weight: str, tmp_path: Path
) -> None:
    network = made.shake(model(), 3)
    lstm_tui.record(network, tuple(numbers(*one) for one in shapes), tmp_path / "ref.npz")
    told = compared(network, tmp_path)
    assert told.first is None
    assert told.compared
    assert max(told.compared.values()) < CLOSE
    assert any("each call was compared by itself" in one for one in told.unproven)
    wrong = compared(network, tmp_path, change=weight).first
    assert wrong is not None
    assert wrong.name.startswith("call/rnn/")


@pytest.mark.slow
def test_an_encoder_and_its_decoder_are_compared_each_from_its_own_states(tmp_path: Path) -> None:
    model = made.shake(Around(encoded, dec=torch.nn.LSTM(3, 4, batch_first=True)), 4)
    lstm_tui.record(model, (numbers(2, 6, 3), numbers(2, 4, 3)), tmp_path / "ref.npz")
    for network, other in (("rnn", "dec"), ("dec", "rnn")):
        told = compared(model, tmp_path, network)
        assert told.first is None
        assert list(told.compared) == [f"call/{network}/0/y"]
        assert any(one.startswith(f"{other}, of another network") for one in told.unproven)
        assert compared(model, tmp_path, network, change=f"{network}.weight_hh_l0").first is not None


@pytest.mark.parametrize(
    "module", [torch.nn.LSTM(3, 4, 2, batch_first=True), torch.nn.GRU(3, 4, bidirectional=True, batch_first=True)]
)
def test_states_that_a_module_is_called_with_are_recorded(module: Any, tmp_path: Path) -> None:
    model = made.shake(module, 5)
    states = numbers(2, 3, 4)
    given = (states, states + 0.5) if isinstance(model, torch.nn.LSTM) else states
    recorded = lstm_tui.record(model, (numbers(3, 6, 3), given), tmp_path / "ref.npz")
    np.testing.assert_array_equal(recorded["batch/2/initial/layer0.forward/h"], states[0, 2])
    told = compared(model, tmp_path)
    assert told.first is None
    assert not told.unproven


def test_what_a_model_does_not_run_on_is_one_line() -> None:
    model = Around(lambda self, x: self.fc(self.rnn(x)[0])).bfloat16()
    with pytest.raises(UserError, match=r"Around does not run on this: .*bfloat16"):
        lstm_tui.record(model, numbers(2, 6, 3))
    recorded = lstm_tui.record(model, numbers(2, 6, 3).bfloat16().requires_grad_())
    assert recorded["input"].dtype == np.float32


@pytest.mark.slow
@pytest.mark.parametrize(("name", "depth"), [("rnn", 2), ("rnn", 1), ("rnn2", 2)])
def test_first_states_are_the_reason_though_names_begin_alike(name: str, depth: int, tmp_path: Path) -> None:
    """Both modules are called `rnn…`, or one has two layers: each is still compared by what entered it."""

    def run(model: Any, x: Any) -> Any:
        given = {one: (torch.ones(model.deep[one], 1, 4),) * 2 if one == name else None for one in ("rnn", "rnn2")}
        return model.fc(model.rnn2(model.rnn(x, given["rnn"])[0], given["rnn2"])[0])

    sizes = {one: depth if one == name else 1 for one in ("rnn", "rnn2")}
    torch.manual_seed(1)
    parts = {
        "rnn": torch.nn.LSTM(3, 4, sizes["rnn"], batch_first=True),
        "rnn2": torch.nn.LSTM(4, 4, sizes["rnn2"], batch_first=True),
    }
    model = Around(run, **parts)
    model.deep = sizes
    lstm_tui.record(model, torch.randn(1, 5, 3), tmp_path / "R.npz")
    torch.save(model.state_dict(), tmp_path / "m.pt")
    _, verdict = verify(tmp_path / "m.pt", ImportOptions(), tmp_path / "R.npz")
    assert verdict.first is not None
    said = f"{name} by itself is as recorded: the model gives it first states, which are zeros here"
    assert said in verdict.reasons
