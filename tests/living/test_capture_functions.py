"""Captures of models that step by functions such as `torch.lstm_cell`: as of the module with the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lstm_tui
from lstm_tui.engine.errors import UserError

torch: Any = pytest.importorskip("torch")
F = torch.nn.functional

CELLS = {"lstm_cell": "LSTMCell", "gru_cell": "GRUCell", "rnn_tanh_cell": "RNNCell", "rnn_relu_cell": "RNNCell"}
LAYERS = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN", "rnn_relu": "RNN"}
IN, HIDDEN, BATCH, STEPS = 5, 7, 3, 6


def made(names: dict[str, str], function: str, **options: Any) -> Any:
    relu = {"nonlinearity": "relu"} if function.startswith("rnn_relu") else {}
    return getattr(torch.nn, names[function])(IN, HIDDEN, **relu, **options)


class Stepped(torch.nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
    """Holds the weights of a cell as its own, and steps by a function, or by a cell of PyTorch."""

    def __init__(self, function: str, bias: bool, by_function: bool) -> None:
        super().__init__()
        torch.manual_seed(4)
        cell = made(CELLS, function, bias=bias)
        self.function, self.by_function = function, by_function
        if by_function:
            self.inner = torch.nn.Module()
            for name, one in cell.named_parameters():
                self.inner.register_parameter(name.replace("weight", "W").replace("bias", "b"), one)
        else:
            self.cell = cell
        self.out = torch.nn.Linear(HIDDEN, 2)

    def forward(self, x: Any) -> Any:
        h: Any = torch.zeros(len(x), HIDDEN)
        state = (h, h) if self.function == "lstm_cell" else h
        for step in x.unbind(1):
            if self.by_function:
                names = ("W_ih", "W_hh", "b_ih", "b_hh")
                weights = [getattr(self.inner, name, None) for name in names]
                state = getattr(torch._VF, self.function)(step, state, *weights)
            else:
                state = self.cell(step, state)
        return self.out(state[0] if isinstance(state, tuple) else state)


def batch() -> tuple[Any, Any]:
    made = torch.Generator().manual_seed(1)
    return torch.randn(BATCH, STEPS, IN, generator=made), torch.randint(0, 2, (BATCH,), generator=made)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("function", CELLS)
def test_steps_by_a_function_are_captured_as_those_of_the_cell(function: str, bias: bool) -> None:
    x, y = batch()
    one, other = (
        lstm_tui.capture(Stepped(function, bias, by_function), x, y, loss=F.cross_entropy)
        for by_function in (True, False)
    )
    assert list(one.modules) == [f"inner.{function}"]
    assert one.unseen == ""
    assert one.difference < 1e-5
    assert one.gradient_difference() < 1e-4
    assert one.loss == pytest.approx(other.loss, abs=1e-6)
    assert len(one.runs) == len(other.runs) == BATCH
    for mine, theirs in zip(one.runs, other.runs, strict=True):
        np.testing.assert_allclose(mine.y, theirs.y, atol=1e-6)
        np.testing.assert_array_equal(mine.x, theirs.x)
        assert mine.d_y is not None
        assert theirs.d_y is not None
        np.testing.assert_allclose(mine.d_ends[0], theirs.d_ends[0], atol=1e-6)


class Packed(torch.nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
    """Gives packed sequences to the function behind a layer, or to the layer."""

    def __init__(self, function: str, by_function: bool, **options: Any) -> None:
        super().__init__()
        torch.manual_seed(6)
        self.layer = made(LAYERS, function, **options)
        self.function, self.by_function = function, by_function
        self.out = torch.nn.Linear(HIDDEN, 2)

    def forward(self, x: Any) -> Any:
        layer, rnn = self.layer, torch.nn.utils.rnn
        packed = rnn.pack_padded_sequence(x, [STEPS, STEPS - 2, 1], batch_first=True)
        if not self.by_function:
            return self.out(layer(packed)[1][0][-1] if self.function == "lstm" else layer(packed)[1][-1])
        h = torch.zeros(layer.num_layers * (1 + layer.bidirectional), len(x), HIDDEN)
        state = (h, h) if self.function == "lstm" else h
        weights = [one * 1 for one in layer._flat_weights]
        call = getattr(torch._VF, self.function)
        given = (packed.data, packed.batch_sizes, state, weights, True, layer.num_layers, 0.0, False)
        return self.out(call(*given, layer.bidirectional)[1][-1])


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}], ids=["one", "two both ways"])
@pytest.mark.parametrize("function", LAYERS)
def test_a_function_that_is_given_packed_sequences_is_captured_as_the_layer(
    function: str, options: dict[str, Any]
) -> None:
    x, y = batch()
    one, other = (
        lstm_tui.capture(Packed(function, by_function, **options), x, y, loss=F.cross_entropy)
        for by_function in (True, False)
    )
    assert (list(one.modules), list(other.modules), one.unseen) == ([function], ["layer"], "")
    assert one.difference < 1e-5
    assert one.loss == pytest.approx(other.loss, abs=1e-6)
    assert [len(run.y) for run in one.runs] == [STEPS, STEPS - 2, 1]
    for mine, theirs in zip(one.runs, other.runs, strict=True):
        np.testing.assert_array_equal(mine.x, theirs.x)
        np.testing.assert_allclose(mine.y, theirs.y, atol=1e-6)
        for ours, ends in zip(mine.d_ends, theirs.d_ends, strict=True):
            np.testing.assert_allclose(ours, ends, atol=1e-6)


class Called(torch.nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
    """Calls the function behind a layer with weights that it has put together itself, or the layer."""

    def __init__(self, function: str, by_function: bool, **options: Any) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.layer = made(LAYERS, function, batch_first=True, **options)
        self.function, self.by_function = function, by_function
        self.out = torch.nn.Linear(self.layer.hidden_size * (1 + self.layer.bidirectional), 2)

    def forward(self, x: Any) -> Any:
        layer = self.layer
        if not self.by_function:
            return self.out(layer(x)[0][:, -1])
        h = torch.zeros(layer.num_layers * (1 + layer.bidirectional), len(x), HIDDEN)
        state = (h, h) if self.function == "lstm" else h
        weights = [one * 1 for one in layer._flat_weights]
        call = getattr(torch._VF, self.function)
        y = call(x, state, weights, True, layer.num_layers, 0.0, False, layer.bidirectional, True)[0]
        return self.out(y[:, -1])


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}], ids=["one", "two both ways"])
@pytest.mark.parametrize("function", LAYERS)
def test_a_function_of_a_layer_is_captured_as_the_layer(function: str, options: dict[str, Any]) -> None:
    x, y = batch()
    one, other = (
        lstm_tui.capture(Called(function, by_function, **options), x, y, loss=F.cross_entropy)
        for by_function in (True, False)
    )
    assert (list(one.modules), list(other.modules)) == ([function], ["layer"])
    assert one.difference < 1e-5
    for mine, theirs in zip(one.runs, other.runs, strict=True):
        np.testing.assert_allclose(mine.y, theirs.y, atol=1e-6)
        assert mine.d_y is not None
        assert theirs.d_y is not None
        np.testing.assert_allclose(mine.d_y, theirs.d_y, atol=1e-6)


def test_forward_of_a_cell_called_past_its_hooks_is_seen_once() -> None:
    class Past(torch.nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.cell = torch.nn.GRUCell(IN, HIDDEN)

        def forward(self, x: Any) -> Any:
            h = None
            for step in x.unbind(1):
                h = self.cell.forward(step, h)
            return h

    run = lstm_tui.capture(Past(), batch()[0])
    assert list(run.modules) == ["cell.gru_cell"]
    assert [len(one) for one in run.runs] == [STEPS] * BATCH


def test_two_sets_of_weights_in_one_module_are_two_and_the_model_is_left_as_it_was() -> None:
    class Two(torch.nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            for name in "ab":
                for leaf, shape in (("ih", (HIDDEN, IN)), ("hh", (HIDDEN, HIDDEN))):
                    self.register_parameter(f"{name}_{leaf}", torch.nn.Parameter(torch.randn(shape) / 3))

        def forward(self, x: Any) -> Any:
            a = b = torch.zeros(len(x), HIDDEN)
            for step in x.unbind(1):
                a = torch.rnn_tanh_cell(step, a, self.a_ih, self.a_hh)
                b = torch.rnn_tanh_cell(step, b, self.b_ih, self.b_hh)
            return a + b

    model = Two()
    before = {name: one.clone() for name, one in model.state_dict().items()}
    run = lstm_tui.capture(model, batch()[0])
    assert list(run.modules) == ["rnn_tanh_cell", "rnn_tanh_cell2"]
    assert run.difference < 1e-5
    assert not model._forward_hooks
    assert not model._forward_pre_hooks
    assert all(torch.equal(one, before[name]) for name, one in model.state_dict().items())


class ByHand(torch.nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
    """A cell of its own, beside an LSTM or without."""

    def __init__(self, with_lstm: bool) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(IN, IN, batch_first=True) if with_lstm else None
        self.cell = torch.nn.Module()
        self.cell.W = torch.nn.Linear(IN, 2 * HIDDEN)
        self.cell.U = torch.nn.Parameter(torch.randn(2 * HIDDEN, HIDDEN) / 3)

    def forward(self, x: Any) -> Any:
        x = x if self.lstm is None else self.lstm(x)[0]
        h, kept = torch.zeros(len(x), HIDDEN), torch.zeros(len(x), STEPS, HIDDEN)
        for t in range(STEPS):
            f, g = (self.cell.W(x[:, t]) + h @ self.cell.U.t()).chunk(2, -1)
            h = torch.sigmoid(f) * h + (1 - torch.sigmoid(f)) * torch.tanh(g)
            kept[:, t] = h
        return self.cell.W(torch.relu(kept)[..., :IN])


def test_a_cell_by_hand_is_named_with_the_way_out() -> None:
    with pytest.raises(UserError) as error:
        lstm_tui.capture(ByHand(with_lstm=False), batch()[0])
    said = str(error.value)
    assert "\n" not in said
    assert "what goes from step to step is cell.U" in said
    assert "a cell file (`lstm-tui help cells`)" in said
    assert "a map (`lstm-tui help mapping`)" in said


def test_what_was_not_captured_beside_a_module_is_said_in_a_line_and_kept(tmp_path: Path) -> None:
    run = lstm_tui.capture(ByHand(with_lstm=True), batch()[0])
    assert list(run.modules) == ["lstm"]
    assert "cell.U" in run.unseen
    assert run.unseen in repr(run)
    run.save(tmp_path / "run.npz")
    assert lstm_tui.open_capture(tmp_path / "run.npz").unseen == run.unseen


def test_a_decoder_that_is_fed_its_own_words_has_nothing_uncaptured() -> None:
    class Decoder(torch.nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.embed = torch.nn.Embedding(9, IN)
            self.cell = torch.nn.LSTMCell(IN + HIDDEN, HIDDEN)
            self.mix = torch.nn.Linear(2 * HIDDEN, HIDDEN)
            self.out = torch.nn.Linear(HIDDEN, 9)

        def forward(self, ids: Any) -> Any:
            h = c = fed = torch.zeros(len(ids), HIDDEN)
            said = []
            for _ in range(STEPS):
                h, c = self.cell(torch.cat([self.embed(ids), fed], -1), (h, c))
                fed = torch.tanh(self.mix(torch.cat([h, c], -1)))
                said.append(self.out(fed))
                ids = said[-1].argmax(-1)
            return torch.stack(said, 1)

    assert lstm_tui.capture(Decoder(), torch.tensor([1, 2])).unseen == ""


@pytest.mark.parametrize(("steps", "told"), [(1, "1 call, 1 step>"), (2, "1 call, 2 steps>")])
def test_steps_are_counted_in_words(steps: int, told: str) -> None:
    run = lstm_tui.capture(Stepped("gru_cell", bias=True, by_function=True), batch()[0][:, :steps])
    assert repr(run).endswith(told)


def test_a_model_without_any_recurrence_is_refused_in_a_line() -> None:
    with pytest.raises(UserError, match=r"Linear holds no nn.LSTM.* and called no function such as torch.lstm_cell$"):
        lstm_tui.capture(torch.nn.Linear(IN, 2), batch()[0])


def test_runs_of_a_capture_are_asserted_as_traces_are() -> None:
    from lstm_tui.testing import assert_holds, assert_remembers, assert_same_run

    words = ["a", "b", "c"]
    model = torch.nn.Sequential(torch.nn.Embedding(3, IN), torch.nn.LSTM(IN, HIDDEN, batch_first=True))
    run = lstm_tui.capture(model, torch.tensor([[0, 1, 2], [0, 2, 1]]), tokens=words)
    one = run["1", 0]
    share = one.trace and lstm_tui.ledger(one.trace, "c").at("a")
    assert share is not None
    for given in (one, one.trace):
        assert_remembers(given, "a", at="c", more_than=0.0)
        assert_remembers(None, given, "a", at="c", more_than=0.0)
        assert_holds(given, "not any(isnan(c))", "max(abs(h)) < 1")
        with pytest.raises(AssertionError):
            assert_remembers(given, "a", at="c", more_than=0.999)
    assert_same_run(one, one.trace)
    with pytest.raises(AssertionError, match="token"):
        assert_same_run(one, run["1", 1])
    for wrong in (run, model):
        with pytest.raises(UserError, match=r"run\[MODULE, SEQUENCE\]"):
            assert_same_run(one, wrong)  # type: ignore[arg-type]
