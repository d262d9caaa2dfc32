"""A living PyTorch model captured: against PyTorch's own numbers and gradients, and an LSTM written out by hand."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import deque
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
torch.set_num_threads(1)  # these are small, and threads that wait for each other take long

CLOSE = 2e-5
WORDS = [f"w{n}" for n in range(12)]


class Model(nn.Module):  # type: ignore[misc,name-defined]
    """An embedding, something recurrent in the middle, and a head."""

    def __init__(self, middle: Any, width: int, how: str = "") -> None:
        super().__init__()
        self.embedding, self.middle, self.head, self.how = nn.Embedding(12, 5), middle, nn.Linear(width, 3), how
        if how == "start":
            self.start = nn.Parameter(torch.full((2, 1, 4), 0.2))

    def forward(self, ids: Any) -> Any:
        x, how = self.embedding(ids), self.how
        if how == "packed":
            lengths = torch.tensor([3, 7, 5, 1])
            given = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            _, last = self.middle(given)
            return self.head((last[0] if isinstance(last, tuple) else last)[-1])
        if how in ("cell", "cut"):
            state, rows = None, []
            for t in range(x.shape[1]):
                state = self.middle(x[:, t], state)
                rows.append(state[0] if isinstance(state, tuple) else state)
                if how == "cut" and t in (2, 4):
                    state = tuple(one.detach() for one in state)
            return self.head(torch.stack(rows, 1))
        if how in ("pieces", "tbptt"):
            first, state = self.middle(x[:, :4])
            state = tuple(one.detach() for one in state) if how == "tbptt" else state
            return self.head(torch.cat([first, self.middle(x[:, 4:], state)[0]], 1))
        if how == "start":
            states = self.start.repeat(1, len(ids), 1)
            return self.head(self.middle(x, (states, -states))[0].mean(1))
        y, last = self.middle(x if self.middle.batch_first else x.transpose(0, 1))
        if how == "last":  # through the states alone, in place
            last[0][-1].mul_(2)
            return self.head(last[0][-1] + last[1][0])
        y = y if self.middle.batch_first else y.transpose(0, 1)
        return self.head(y)


def _lstm(*given: Any, **more: Any) -> Callable[[], Any]:
    return lambda: nn.LSTM(5, 4, *given, **more)


KINDS: dict[str, tuple[Callable[[], Any], int, str]] = {
    "lstm": (_lstm(batch_first=True), 4, ""),
    "time first": (_lstm(), 4, ""),
    "two both ways": (_lstm(2, bidirectional=True, batch_first=True), 8, ""),
    "last states": (_lstm(2, batch_first=True), 4, "last"),
    "given states": (_lstm(2, batch_first=True), 4, "start"),
    "projected": (_lstm(batch_first=True, proj_size=2), 2, ""),
    "no bias": (_lstm(batch_first=True, bias=False), 4, ""),
    "packed": (_lstm(batch_first=True), 4, "packed"),
    "packed both ways": (lambda: nn.GRU(5, 4, batch_first=True, bidirectional=True), 4, "packed"),
    "gru": (lambda: nn.GRU(5, 4, 2, batch_first=True), 4, ""),
    "rnn": (lambda: nn.RNN(5, 4, batch_first=True), 4, ""),
    "relu": (lambda: nn.RNN(5, 4, nonlinearity="relu", batch_first=True), 4, ""),
    "cell": (lambda: nn.LSTMCell(5, 4), 4, "cell"),
    "cut": (lambda: nn.LSTMCell(5, 4), 4, "cut"),
    "gru cell": (lambda: nn.GRUCell(5, 4), 4, "cell"),
    "relu cell": (lambda: nn.RNNCell(5, 4, nonlinearity="relu"), 4, "cell"),
    "pieces": (_lstm(2, batch_first=True), 4, "pieces"),
    "truncated": (_lstm(2, batch_first=True), 4, "tbptt"),
}


QUICK = ("lstm", "two both ways", "packed", "cut")
EVERY = [pytest.param(kind, marks=[] if kind in QUICK else pytest.mark.slow) for kind in KINDS]


def _model(kind: str, seed: int = 3) -> Any:
    torch.manual_seed(seed)
    make, width, how = KINDS[kind]
    return Model(make(), width, how)


def _batch(seed: int = 4) -> Any:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 12, (4, 7)))


def _loss(output: Any, targets: Any) -> Any:
    return (torch.log_softmax(output, -1).reshape(-1, 3)[:, 1] * targets).sum()


def _captured(kind: str, **more: Any) -> tuple[Any, Any]:
    model = _model(kind)
    rows = model.eval()(_batch()).reshape(-1, 3).shape[0]
    return model, lstm_tui.capture(model, _batch(), torch.linspace(0.5, 2, rows), _loss, WORDS, **more)


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("kind", EVERY)
def test_numbers_and_gradients_are_those_of_pytorch(kind: str) -> None:
    model, run = _captured(kind)
    assert run.difference < CLOSE
    assert run.gradient_difference("middle") < CLOSE
    model.zero_grad()
    output = model(_batch())
    loss = _loss(output, torch.linspace(0.5, 2, output.reshape(-1, 3).shape[0]))
    loss.backward()
    assert run.loss == pytest.approx(float(loss.detach()), rel=1e-6)
    norm = sum(float(one.grad.double().square().sum()) for one in model.parameters() if one.grad is not None) ** 0.5
    assert run.gradient_norm == pytest.approx(norm, rel=1e-5)
    assert run.sequences == 4
    assert all(one.trace["layer0.forward"]["h"].shape[0] == len(one) for one in run.runs)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_reads_back_the_same(kind: str, tmp_path: Path) -> None:
    _, run = _captured(kind, classes=("bad", "fair", "good"))
    run.save(tmp_path / "run.npz")
    again = lstm_tui.open_capture(tmp_path / "run.npz")
    assert repr(again) == repr(run)
    assert again.gradient_difference() == run.gradient_difference()
    assert len(again.runs) == len(run.runs)
    for one, other in zip(run.runs, again.runs, strict=True):
        assert repr(one) == repr(other)
        assert (one.tokens, one.classes, one.ends, one.linked) == (
            other.tokens,
            other.classes,
            other.ends,
            other.linked,
        )
        for name, values in one.gradients.items():
            for value, numbers in values.items():
                np.testing.assert_array_equal(numbers, other.gradients[name][value])
        assert (one.answer is None) == (other.answer is None)


def test_gates_and_their_gradients_are_those_of_an_lstm_written_by_hand() -> None:
    model, run = _captured("lstm")
    lstm, ids = model.middle, _batch()
    targets = torch.linspace(0.5, 2, ids.numel())
    x, h, c = model.embedding(ids), torch.zeros(4, 4), torch.zeros(4, 4)
    kept: list[dict[str, Any]] = []
    for t in range(ids.shape[1]):
        sums = x[:, t] @ lstm.weight_ih_l0.T + lstm.bias_ih_l0 + h @ lstm.weight_hh_l0.T + lstm.bias_hh_l0
        i, f, g, o = sums.chunk(4, 1)
        i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        c = f * c + i * g
        h = o * torch.tanh(c)
        kept.append({"i": i, "f": f, "g": g, "o": o, "c": c, "h": h})
        for one in kept[-1].values():
            one.retain_grad()
    _loss(model.head(torch.stack([one["h"] for one in kept], 1)), targets).backward()
    for batch in range(4):
        one = run["middle", batch]
        for value in "ifgoch":
            wanted = np.stack([step[value].detach().numpy()[batch] for step in kept])
            np.testing.assert_allclose(getattr(one, value), wanted, atol=CLOSE)
            back = np.stack([step[value].grad.numpy()[batch] for step in kept])
            np.testing.assert_allclose(one.gradients["layer0.forward"][value], back, atol=CLOSE, err_msg=value)


def test_the_model_is_left_as_it_was() -> None:
    model = _model("lstm")
    model.train()
    model(_batch()).sum().backward()
    before = {name: (one.detach().clone(), one.grad.clone() if one.grad is not None else None)
              for name, one in model.named_parameters()}  # fmt: skip
    state = torch.get_rng_state()
    lstm_tui.capture(model, _batch(), torch.ones(28), _loss)
    assert model.training
    assert torch.equal(state, torch.get_rng_state())
    for name, one in model.named_parameters():
        value, gradient = before[name]
        assert torch.equal(one, value)
        assert (one.grad is None) == (gradient is None)
        assert gradient is None or torch.equal(one.grad, gradient)
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in model.modules())


def test_tokens_and_answers_stand_beside_the_numbers() -> None:
    model, run = _captured("packed")
    ids = _batch().numpy()
    for batch, length in enumerate((3, 7, 5, 1)):
        one = run["middle", batch]
        assert one.tokens == tuple(f"w{n}" for n in ids[batch, :length])
        np.testing.assert_allclose(one.answer, model(_batch()).detach().numpy()[batch], atol=CLOSE)
        np.testing.assert_array_equal(one.trace.result, one.answer)
    for names in (dict(zip(WORDS, range(12), strict=True)), dict(enumerate(WORDS)), lambda n: f"w{n}"):
        assert lstm_tui.capture(model, _batch(), tokens=names)["middle", 2].tokens == run["middle", 2].tokens
    own = [["a"] * 7, list("abcdefg"), ["b"] * 7, ["c"] * 7]
    assert lstm_tui.capture(model, _batch(), tokens=own)["middle", 1].tokens == tuple("abcdefg")
    assert lstm_tui.capture(model, _batch())["middle", 3].tokens == (str(ids[3, 0]),)


def test_a_module_is_stepped_through_with_its_batch_as_lines() -> None:
    _, run = _captured("given states", classes=("bad", "fair", "good"))
    session = run.session("middle", sequence=2)
    trace = session.frame.trace
    np.testing.assert_array_equal(trace["layer1.forward"]["f"], run["middle", 2]["layer1.forward"]["f"])
    np.testing.assert_allclose(trace["layer0.forward"].initial["h"], 0.2, atol=1e-7)
    np.testing.assert_array_equal(trace.result, run["middle", 2].answer)
    assert trace.classes == ("bad", "fair", "good")
    assert session.execute('print result["good"]').endswith(f"{run['middle', 2].answer[2]:.4g}")
    session.execute("set h[0] = 0")
    assert session.frame.trace.result is None, "nobody knows what the model says of an edited run"
    for asked in ("result", 'result["good"]', "output"):
        with pytest.raises(UserError, match=r"only middle runs again; capture.. the edited text for the answer"):
            session.execute(f"print {asked}")
    assert "no result: only middle runs again; " in session.execute("info frame")
    session.execute("undo")
    assert "no result" not in session.execute("info frame")
    np.testing.assert_array_equal(session.frame.trace.result, run["middle", 2].answer)


def test_what_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    model, run = _captured("lstm")
    for asked, said in (
        (("midle", 0), "did you mean middle"), (("middle", 9), "the batch has 4"), (("middle", 0, 2), "called 1 time"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=said):
            run[asked]
    with pytest.raises(AttributeError, match="no value q"):
        _ = run["middle"].q
    with pytest.raises(UserError, match="without a loss"):
        _ = lstm_tui.capture(model, _batch())["middle"].gradients
    with pytest.raises(UserError, match="one number of PyTorch that depends on what the model gave; give its mean"):
        lstm_tui.capture(model, _batch(), loss=lambda output: output)
    with pytest.raises(UserError, match=r"the loss cannot be taken of what .+ gives: .+; give loss= a function of"):
        lstm_tui.capture(model, _batch(), torch.zeros(5), torch.nn.functional.cross_entropy)
    with pytest.raises(UserError, match=r"the batch given to .* holds no sequence; give it one or more"):
        lstm_tui.capture(model, _batch()[:0])
    with pytest.raises(UserError, match=r"holds no nn\.LSTM"):
        lstm_tui.capture(nn.Linear(3, 3), torch.zeros(2, 3))
    np.savez(tmp_path / "x.npz", input=np.zeros((3, 2)))
    with pytest.raises(UserError, match="is no capture"):
        lstm_tui.open_capture(tmp_path / "x.npz")


def test_a_module_that_does_more_than_its_class_is_said_to_differ() -> None:
    class Louder(nn.LSTM):  # type: ignore[misc,name-defined]
        def forward(self, *given: Any) -> Any:
            y, last = super().forward(*given)
            return y * 1.5, last

    torch.manual_seed(1)
    run = lstm_tui.capture(Model(Louder(5, 4, batch_first=True), 4), _batch())
    one = run["middle", 1]
    assert one.difference == pytest.approx(float(np.abs(one.y / 3).max()), rel=1e-3)
    assert "differs from what PyTorch gave by" in one.said
    assert any("differs" in said for said in run.source().remarks)


def test_a_capture_is_a_recording_too(tmp_path: Path) -> None:
    model, run = _captured("two both ways")
    run.save(tmp_path / "run.npz")
    torch.save(model.state_dict(), tmp_path / "m.pt")
    _, verdict = verify(tmp_path / "m.pt", ImportOptions({"readout.over": "each"}), tmp_path / "run.npz")
    assert verdict.first is None
    assert verdict.sequences == 4


@pytest.mark.slow
def test_a_file_opens_without_pytorch(tmp_path: Path) -> None:
    _, run = _captured("cell")
    run.save(tmp_path / "run.npz")
    program = (
        "import sys; sys.modules['torch'] = None; import lstm_tui; "
        f"run = lstm_tui.open_capture({str(tmp_path / 'run.npz')!r}); "
        "print(run['middle', 3].f.shape, run.gradient_difference() < 1e-4)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said == "(7, 4) True\n"


class Scaled(nn.LSTM):  # type: ignore[misc,name-defined]
    """Takes more than its class does."""

    def forward(self, x: Any, hx: Any = None, scale: float = 1.0, shift: Any = None) -> Any:
        y, last = super().forward(x, hx)
        return y * scale + (0 if shift is None else shift), last


class Bare(nn.LSTM):  # type: ignore[misc,name-defined]
    """Gives no states, and takes how long its sequences are, or nothing more."""

    def forward(self, x: Any, lens: Any = None) -> Any:
        return super().forward(x)[0] if lens is None else super().forward(x)[0] * (lens > 0)[:, None, None]


class Summed(nn.LSTM):  # type: ignore[misc,name-defined]
    """Gives one row of a sequence."""

    def forward(self, x: Any) -> Any:
        return super().forward(x)[0].sum(1)


class BareCell(nn.LSTMCell):  # type: ignore[misc,name-defined]
    """Gives h alone."""

    def forward(self, x: Any) -> Any:
        return super().forward(x)[0]


class Calls(nn.Module):  # type: ignore[misc,name-defined]
    """Calls a module as it is told."""

    def __init__(self, rnn: Any, call: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.rnn, self.call = rnn, call

    def forward(self, x: Any) -> Any:
        return self.call(self.rnn, x)


@pytest.mark.parametrize("loss", [None, lambda output: output.square().sum()])
@pytest.mark.parametrize(
    ("kind", "call", "agrees"),
    [
        (Scaled, lambda rnn, x: rnn(x, None, 3.0)[0], False),
        (Scaled, lambda rnn, x: rnn(x, scale=3.0, shift=torch.ones(4))[0], False),
        (Scaled, lambda rnn, x: rnn(x=x, scale=1.0)[0], True),
        (Bare, lambda rnn, x: rnn(x), True),
        (Bare, lambda rnn, x: rnn(x, torch.tensor([1, 1, 1])), True),
        (Bare, lambda rnn, x: rnn(x, lens=torch.tensor([1, 0, 1])), False),
    ],
)
def test_a_module_is_called_with_everything_it_was_given(
    kind: Any, call: Any, agrees: bool, loss: Any, tmp_path: Path
) -> None:
    torch.manual_seed(2)
    model, x = Calls(kind(5, 4, batch_first=True), call), torch.randn(3, 6, 5)
    run = lstm_tui.capture(model, x, loss=loss)
    wanted = model(x).detach().numpy()
    for one in run.runs:
        np.testing.assert_allclose(one.y, wanted[one.batch], atol=1e-6)
    assert all(one.is_as_given for one in run.runs) == agrees
    assert all("as PyTorch computed it" in one.said for one in run.runs) == agrees
    run.save(tmp_path / "run.npz")
    assert repr(lstm_tui.open_capture(tmp_path / "run.npz")) == repr(run)
    if loss is not None:
        assert run.loss == pytest.approx(float(np.square(wanted).sum()), rel=1e-5)
        assert not agrees or run.gradient_difference() < CLOSE


@pytest.mark.parametrize("loss", [None, lambda output: output.square().sum()])
def test_a_module_of_another_form_is_refused_in_one_line(loss: Any) -> None:
    x = torch.randn(3, 6, 5)
    for call in (lambda rnn, x: rnn(x), lambda rnn, x: rnn(x=x)):
        with pytest.raises(UserError, match=r"takes or gives something else than nn\.LSTM"):
            lstm_tui.capture(Calls(Summed(5, 4, batch_first=True), call), x, loss=loss)
    cell = Calls(BareCell(5, 4), lambda rnn, x: rnn(x[:, 0]))
    assert lstm_tui.capture(cell, x, loss=loss)["rnn"].is_as_given


class Ordered(nn.Module):  # type: ignore[misc,name-defined]
    """Reads its sequences in another order than that in which they are given."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.embedding, self.drop = how, nn.Embedding(12, 5), nn.Dropout(0.5)
        self.rnn, self.head = nn.LSTM(5, 4, batch_first=how != "time first"), nn.Linear(4, 3)

    def forward(self, ids: Any, lens: Any = None) -> Any:
        x = self.embedding(ids)
        if self.how == "sorted":
            sizes, order = lens.sort(descending=True)
            packed = nn.utils.rnn.pack_padded_sequence(self.drop(x)[order], sizes, batch_first=True)
            return self.head(self.rnn(packed)[1][0][-1][order.argsort()])
        turned = {
            "flip": lambda: x.flip(1),
            "roll": lambda: x.roll(1, 1),
            "swap": lambda: x[[2, 0, 3, 1]],
            "turned": lambda: x.transpose(0, 1),
            "scaled": lambda: x[[2, 0, 3, 1]] * 3,
        }
        x = turned[self.how]() if self.how in turned else x
        y = self.rnn(x)[0]
        return self.head(y[-1] if self.how == "time first" else y[:, -1])


@pytest.mark.parametrize("how", ["plain", "sorted", "flip", "roll", "swap", "turned", "scaled", "time first"])
@pytest.mark.parametrize("seed", range(3))
def test_a_sequence_stands_beside_its_own_tokens_and_answer_or_none(how: str, seed: int) -> None:
    torch.manual_seed(seed)
    model = Ordered(how).eval()
    ids = torch.randint(0, 12, (4, 4))
    lens = torch.tensor([2, 4, 1, 3])
    given = (ids, lens) if how == "sorted" else ids
    run = lstm_tui.capture(model, given)
    for one in run.runs:
        if one.tokens:
            np.testing.assert_array_equal(model.embedding.weight.detach()[[int(n) for n in one.tokens]], one.x)
        if one.answer is not None:  # it is that of the state which this very sequence left
            wanted = model.head(torch.from_numpy(one.y[-1])).detach().numpy()
            np.testing.assert_allclose(one.answer, wanted, atol=CLOSE)
    assert all(one.tokens for one in run.runs) == (how != "scaled")
    if how == "plain":
        assert all(one.answer is not None for one in run.runs)


@pytest.mark.parametrize("with_targets", [False, True])
@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2)])
@pytest.mark.parametrize(("steps", "classes"), [(4, 6), (4, 4), (4, 2), (3, 3), (3, 6), (6, 3), (6, 2)])
def test_an_answer_at_each_step_is_that_of_the_step_or_none(
    steps: int, classes: int, order: tuple[int, ...], traced: bool, with_targets: bool
) -> None:
    torch.manual_seed(steps * 7 + classes)

    class Tagger(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.head = nn.LSTM(5, 4, batch_first=True), nn.Linear(4, classes)

        def forward(self, x: Any) -> Any:
            y = self.rnn(x)[0]
            return self.head(y if traced else y.tanh()).permute(order)

    model, x = Tagger().eval(), torch.randn(3, steps, 5)
    wanted = model(x).detach().permute(np.argsort(order).tolist()).numpy()
    targets = torch.zeros(3, steps, dtype=torch.long) if with_targets else None
    loss = (lambda output, aims: output.sum()) if with_targets else None
    run = lstm_tui.capture(model, x, targets, loss)
    for one in run.runs:
        assert one.answer is not None or not traced
        if one.answer is not None:
            np.testing.assert_allclose(one.answer, wanted[one.batch], atol=CLOSE)


@pytest.mark.parametrize("shape", [(3, 2, 6), (3, 6, 2), (3, 5, 5), (2, 3, 6), (3, 2, 2, 2)])
def test_an_answer_of_other_steps_is_none(shape: tuple[int, ...]) -> None:
    width = int(np.prod(shape))

    class Decoder(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.head = nn.LSTM(5, 4, batch_first=True), nn.Linear(48, width)

        def forward(self, x: Any) -> Any:
            return self.head(self.rnn(x)[0].reshape(1, -1)).reshape(shape)

    run = lstm_tui.capture(Decoder(), torch.randn(3, 4, 5))
    assert all(one.answer is None for one in run.runs)


class Box:
    """An object that is no module."""

    def __init__(self) -> None:
        self.count, self.seen = 0, {"all": [1]}


class Keeper(nn.Module):  # type: ignore[misc,name-defined]
    """Leaves traces of every run, deep down."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.box, self._own = nn.LSTM(5, 4, 2, batch_first=True), Box(), [1]
        self.log: dict[str, Any] = {"deep": [{"x": [1]}], "set": {1}, "last": deque([1, 2], maxlen=2)}
        self.array, self.state = np.zeros(3), ([torch.zeros(2)],)
        self.generator, self.numpy = torch.Generator().manual_seed(3), np.random.default_rng(3)
        self.register_buffer("calls", torch.tensor([0.0, float("nan")]))

    def forward(self, x: Any) -> Any:
        self.box.count += 1
        self.box.seen["all"].append(2)
        self.box.new = x  # type: ignore[attr-defined]
        self._own.append(2)
        self.log["deep"][0]["x"].append(2)
        self.log["deep"].append(self.log)
        self.log["set"].add(2)
        self.log["last"].append(3)
        self.array += 1
        self.state[0][0].add_(1)
        self.calls.add_(1)
        noise = np.random.rand() + random.random() + torch.rand(1)
        noise = noise + self.numpy.random() + torch.rand(1, generator=self.generator)
        return self.rnn(x)[0] * noise


@pytest.mark.parametrize("way", ["capture", "with a loss", "record"])
def test_what_a_model_keeps_deep_down_and_random_numbers_are_put_back(way: str) -> None:
    def everything() -> str:
        held = (model.box.__dict__, model._own, model.log, model.array, model.state, model.calls, model.training)
        generators = (model.generator.get_state().tolist(), model.numpy.bit_generator.state)
        randoms = (np.random.get_state(), random.getstate(), torch.get_rng_state().tolist())
        return repr((held, generators, randoms, [one._version for one in (model.calls, model.state[0][0])]))

    model, x = Keeper(), torch.randn(3, 6, 5)
    before = everything()
    if way == "record":
        lstm_tui.record(model, x)
    else:
        lstm_tui.capture(model, x, loss=(lambda output: output.sum()) if way == "with a loss" else None)
    assert everything() == before


@pytest.mark.parametrize("counts", [False, True])
def test_a_backward_pass_that_waits_is_still_done(counts: bool) -> None:
    class Normed(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.norm = nn.LSTM(5, 4, batch_first=True), nn.BatchNorm1d(4)
            self.register_buffer("factor", torch.tensor(2.0))

        def forward(self, x: Any) -> Any:
            y = self.norm(self.rnn(x)[0].transpose(1, 2)) * self.factor
            if counts and not self.training:
                self.factor.add_(1)
            return y

    model, x = Normed().train(), torch.randn(3, 6, 5)
    model(x).square().sum().backward()
    wanted = [one.grad.clone() for one in model.parameters()]
    model.zero_grad()
    loss = model(x).square().sum()
    lstm_tui.capture(model, x)
    if not counts:
        lstm_tui.capture(model, x, loss=lambda output: output.sum())
    loss.backward()
    for one, d in zip(model.parameters(), wanted, strict=True):
        torch.testing.assert_close(one.grad, d)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_rounding_to_16_bits_is_no_doing_of_the_module(dtype: Any, tmp_path: Path) -> None:
    torch.manual_seed(3)
    model = nn.Sequential(nn.LSTM(5, 8, 2, batch_first=True)).to(dtype)
    run = lstm_tui.capture(model, torch.randn(2, 30, 5, dtype=dtype))
    run.save(tmp_path / "run.npz")
    for made in (run, lstm_tui.open_capture(tmp_path / "run.npz")):
        for one in made.runs:
            assert not one.is_as_given
            assert str(dtype).removeprefix("torch.") in one.said
            assert "more than its class" not in one.said
    model[0].register_forward_hook(lambda module, given, output: (output[0] + 5, output[1]))
    assert "may do more than its class" in lstm_tui.capture(model, torch.randn(2, 30, 5, dtype=dtype))["0"].said


def test_dropout_between_layers_is_named_where_it_was_on(tmp_path: Path) -> None:
    torch.manual_seed(3)
    model = nn.Sequential(nn.LSTM(5, 8, 2, batch_first=True, dropout=0.5)).train()
    assert lstm_tui.capture(model, torch.randn(2, 6, 5))["0"].is_as_given, "it is in evaluation mode"
    with lstm_tui.watch(model) as seen:
        model(torch.randn(2, 6, 5))
    one = seen.steps[-1]["0", 1]
    assert not one.is_as_given
    assert "dropout of 0.5 between its layers was on" in one.said
    assert "more than its class" not in one.said


@pytest.mark.parametrize("kind", ["lstm", "cell"])
def test_an_empty_batch_is_refused_in_one_line(kind: str) -> None:
    ways: list[Callable[[Any, Any], Any]] = [
        lambda model, ids: lstm_tui.capture(model, ids),
        lambda model, ids: lstm_tui.capture(model, ids, loss=lambda output: output.sum()),
        lambda model, ids: lstm_tui.record(model, ids),
    ]
    for way in ways:
        with pytest.raises(UserError, match="holds no sequence"):
            way(_model(kind), torch.zeros((0, 5), dtype=torch.long))
        with pytest.raises(UserError):
            way(_model(kind), torch.zeros((2, 0), dtype=torch.long))


@pytest.mark.parametrize(
    "asked", [3, (), None, ("middle", 0, "a"), ("middle", "a"), ("middle", 0, 0, 0), ("middle", 1.0), ("middle", True),
              ("middle", slice(0, 1)), (0, "middle"), b"middle", ("middle", None)]
)  # fmt: skip
def test_what_is_asked_in_another_form_is_said_in_one_line(asked: Any) -> None:
    run = lstm_tui.capture(_model("lstm"), _batch())
    with pytest.raises(UserError, match=r"\[MODULE, SEQUENCE, CALL\].*middle"):
        run[asked]
    assert run["middle", np.int64(1)] is run["middle", 1]
    with pytest.raises(UserError, match=r"there are layer0\.forward"):
        run["middle"][3]
