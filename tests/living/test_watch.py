"""A training loop that is watched: it learns the same, stops at the planted place, and keeps its last steps."""

from __future__ import annotations

import gc
import html
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lstm_tui
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.rich_display import rich_display
from lstm_tui.formats.verify.torch_calls import ModuleCall
from lstm_tui.living.watch import LoopStopped, LoopWatch

torch: Any = pytest.importorskip("torch")
nn = torch.nn
torch.set_num_threads(1)  # these are small, and threads that wait for each other take long
WORDS = [f"w{n}" for n in range(9)]


class Model(nn.Module):  # type: ignore[misc,name-defined]
    def __init__(self, cell: bool = False) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.embedding, self.head = nn.Embedding(9, 4), nn.Linear(3, 2)
        self.rnn = nn.LSTMCell(4, 3) if cell else nn.LSTM(4, 3, batch_first=True)

    def forward(self, ids: Any) -> Any:
        x = self.embedding(ids)
        if isinstance(self.rnn, nn.LSTM):
            return self.head(self.rnn(x)[0][:, -1])
        state = None
        for t in range(x.shape[1]):
            state = self.rnn(x[:, t], state)
        assert state is not None
        return self.head(state[0])


class Stepping(Model):
    """The same model, which steps by a function and not by its module."""

    def __init__(self) -> None:
        super().__init__(cell=True)

    def forward(self, ids: Any) -> Any:
        x, cell = self.embedding(ids), self.rnn
        state = (x.new_zeros(len(x), 3), x.new_zeros(len(x), 3))
        for t in range(x.shape[1]):
            state = torch.lstm_cell(x[:, t], state, cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh)
        return self.head(state[0])


def _data(step: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(step)
    return torch.from_numpy(rng.integers(0, 8, (3, 6))), torch.from_numpy(rng.integers(0, 2, 3))


def _train(model: Any, steps: int, plant: Callable[[int, Any, Any], Any] | None = None) -> None:
    """Learn by plain descent: what `torch.optim` imports takes seconds."""
    for step in range(steps):
        ids, targets = _data(step)
        if plant is not None:
            ids = plant(step, model, ids)
        model.zero_grad()
        nn.functional.cross_entropy(model(ids), targets).backward()
        with torch.no_grad():
            for one in model.parameters():
                one -= 0.1 * one.grad


def _weights(model: Any) -> list[Any]:
    return [one.detach().numpy().copy() for one in model.parameters()]


@pytest.mark.parametrize("cell", [False, True])
def test_a_watched_loop_learns_the_same_bits(cell: bool) -> None:
    alone, watched = Model(cell), Model(cell)
    _train(alone, 8)
    with lstm_tui.watch(watched, "isnan(h) or gradnorm > 1e9", keep=2) as seen:
        _train(watched, 8)
    for one, other in zip(_weights(alone), _weights(watched), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [one.number for one in seen.steps] == [6, 7]
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in watched.modules())


@pytest.mark.parametrize("cell", [False, True])
def test_the_gradients_of_a_step_are_those_of_a_capture(cell: bool) -> None:
    model = Model(cell)
    ids, targets = _data(0)
    wanted = lstm_tui.capture(model, ids, targets, nn.functional.cross_entropy, WORDS)
    with lstm_tui.watch(model, tokens=WORDS) as seen:
        nn.functional.cross_entropy(model(ids), targets).backward()
    (step,) = seen.steps
    assert step.gradient_norm == pytest.approx(wanted.gradient_norm, rel=1e-6)
    for batch in range(3):
        one, other = step["rnn", batch], wanted["rnn", batch]
        assert one.tokens == other.tokens
        for value in one.trace["layer0.forward"]:
            mine, theirs = (run.gradients["layer0.forward"][value] for run in (one, other))
            np.testing.assert_allclose(mine, theirs, atol=1e-7, err_msg=value)


def test_a_loop_that_steps_by_functions_is_watched_as_one_of_modules() -> None:
    alone, watched = Stepping(), Stepping()
    _train(alone, 4)
    with lstm_tui.watch(watched, "isnan(h) or gradnorm > 1e9", keep=2, tokens=WORDS) as seen:
        _train(watched, 4)
    for one, other in zip(_weights(alone), _weights(watched), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in watched.modules())
    assert not torch.overrides._get_current_function_mode_stack()
    assert [list(one.modules) for one in seen.steps] == [["rnn.lstm_cell"]] * 2
    ids, targets = _data(0)
    wanted = lstm_tui.capture(watched, ids, targets, nn.functional.cross_entropy, WORDS)
    with lstm_tui.watch(watched, tokens=WORDS) as seen:
        nn.functional.cross_entropy(watched(ids), targets).backward()
    (step,) = seen.steps
    assert step.gradient_norm == pytest.approx(wanted.gradient_norm, rel=1e-6)
    for batch in range(3):
        one, other = step["rnn.lstm_cell", batch], wanted["rnn.lstm_cell", batch]
        assert one.tokens == other.tokens
        np.testing.assert_array_equal(one.y, other.y)
        for value in one.trace["layer0.forward"]:
            mine, theirs = (run.gradients["layer0.forward"][value] for run in (one, other))
            np.testing.assert_allclose(mine, theirs, atol=1e-7, err_msg=value)


def test_a_step_by_functions_is_stopped_at_its_token() -> None:
    model = Stepping()
    with pytest.raises(LoopStopped) as stopped, lstm_tui.watch(model, "isnan(h)", tokens=WORDS):
        _train(model, 9, _large)
    place = stopped.value.place
    assert (stopped.value.step, place.module, place.sequence, place.t) == (5, "rnn.lstm_cell", 1, 4)
    assert not torch.overrides._get_current_function_mode_stack()


def _large(step: int, model: Any, ids: Any) -> Any:
    """Plant: at step 5 the token w8, which nothing else holds, stands in one sequence, and its vector is no number."""
    if step == 5:
        ids = ids.clone()
        ids[1, 4] = 8
        with torch.no_grad():
            model.embedding.weight[8] = torch.nan
    return ids


def _wild(step: int, model: Any, ids: Any) -> Any:
    """Plant: at step 5 a weight of the candidate is no number."""
    if step == 5:
        with torch.no_grad():
            model.rnn.weight_ih_l0[6, 0] = torch.nan
    return ids


@pytest.mark.parametrize("cell", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("when", [
    "isnan(h) or gradnorm > 1000",
    *(pytest.param(one, marks=pytest.mark.slow) for one in ("isnan(h)", "any(isnan(c))", "max(abs(c)) > 1e6")),
])  # fmt: skip
def test_it_stops_at_the_planted_step_sequence_and_token(when: str, cell: bool) -> None:
    model = Model(cell)
    before: list[Any] = []

    def plant(step: int, model: Any, ids: Any) -> Any:
        before[:] = _weights(model)
        return _large(step, model, ids)

    with pytest.raises(LoopStopped) as stopped, lstm_tui.watch(model, when, tokens=WORDS):
        _train(model, 9, plant)
    place = stopped.value.place
    assert (stopped.value.step, place.module, place.sequence, place.t, place.token) == (5, "rnn", 1, 4, "w8")
    assert "\n" not in str(stopped.value)
    found = lstm_tui.post_mortem(screen=False)
    assert (found.step, found.place) == (5, place)
    assert [one.number for one in found.steps] == [3, 4, 5]
    assert found.run.tokens[4] == "w8"
    for one, other in zip(before[1:], _weights(model)[1:], strict=True):
        np.testing.assert_array_equal(one, other, err_msg="it stops before the optimizer")


def test_the_equation_that_made_the_first_number_that_is_none_is_named() -> None:
    model = Model()
    with pytest.raises(LoopStopped) as stopped, lstm_tui.watch(model, "isnan(c) or isnan(h)", tokens=WORDS):
        _train(model, 9, _wild)
    place = stopped.value.place
    assert (stopped.value.step, place.t) == (5, 0)
    assert place.equation.startswith("g = ")
    assert "g[0] is nan, the first that is not finite" in place.why


def test_weights_that_were_not_finite_before_are_named_and_no_others() -> None:
    model = Model()

    def broken(step: int, model: Any, ids: Any) -> Any:
        if step == 3:
            with torch.no_grad():
                model.rnn.weight_hh_l0[0, 1] = torch.nan
                model.head.bias[0] = torch.inf
        return ids

    with pytest.raises(LoopStopped) as stopped, lstm_tui.watch(model, "isnan(h)", tokens=WORDS):
        _train(model, 9, broken)
    assert stopped.value.step == 3
    bad, count = "rnn.weight_hh_l0, head.bias", len(list(model.parameters()))
    named = [name for name, one in model.named_parameters() if not bool(torch.isfinite(one).all())]
    assert stopped.value.place.why.endswith(f"; 2 of {count} parameters were not finite already: {', '.join(named)}")
    assert sorted(named) == sorted(bad.split(", "))
    with pytest.raises(LoopStopped) as stopped, lstm_tui.watch(_of_numbers(), "isnan(c)") as seen:
        seen._model(_series(0))
    assert "already" not in str(stopped.value), "what entered was no number, and the weights were"


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_where_rounding_grows_the_module_is_not_accused(kind: str) -> None:
    torch.manual_seed(5)
    model = nn.Sequential(getattr(nn, kind)(4, 24, batch_first=True))
    with torch.no_grad():
        model[0].weight_hh_l0.mul_(12)
    one = lstm_tui.capture(model, torch.randn(2, 60, 4))["0", 1]
    assert not one.is_as_given, "the run has to be chaotic, or this shows nothing"
    assert "rounding can do so much here: our own run in float64 differs by" in one.said
    exact = getattr(nn, kind)(4, 24, batch_first=True).double()
    exact.load_state_dict(model[0].double().state_dict())
    with torch.no_grad():
        theirs = exact(torch.from_numpy(one.x[None]).double())[0][0].numpy()
    assert one.grown >= 0.999 * float(np.abs(one.trace["layer0.forward"]["h"] - theirs).max())
    tame = nn.Sequential(getattr(nn, kind)(4, 24, batch_first=True))
    tame[0].register_forward_hook(lambda module, given, output: (output[0] + 0.01, output[1]))
    assert "the module does more than its class" in lstm_tui.capture(tame, torch.randn(2, 60, 4))["0", 1].said


def test_what_a_loop_left_is_forgotten_when_another_watch_is_made() -> None:
    model = Model()
    with lstm_tui.watch(model):
        _train(model, 1)
    assert lstm_tui.post_mortem(screen=False).step == 0
    with pytest.raises(UserError, match="column"):
        lstm_tui.watch(model, "h +")
    with pytest.raises(UserError, match="no step was watched"):
        lstm_tui.post_mortem(screen=False)


def test_a_gradient_is_named_by_token_and_equation() -> None:
    model = Model()
    with pytest.raises(LoopStopped) as stopped, lstm_tui.watch(model, "gradnorm > 1e-9", tokens=WORDS):
        _train(model, 2)
    place, step = stopped.value.place, lstm_tui.post_mortem(screen=False).steps[-1]
    sizes = {(run.batch, value): np.abs(series).max() for run in step.runs
             for value, series in run.gradients["layer0.forward"].items()
             if value in run.trace["layer0.forward"].cell.values}  # fmt: skip
    batch, value = max(sizes, key=lambda one: float(sizes[one]))
    assert (place.sequence, place.equation.partition(" ")[0]) == (batch, value)
    series = np.abs(step["rnn", batch].gradients["layer0.forward"][value]).max(axis=1)
    assert place.t == int(series.argmax())


def test_any_other_exception_leaves_the_last_steps() -> None:
    model = Model()
    with pytest.raises(ZeroDivisionError), lstm_tui.watch(model, keep=2):
        _train(model, 4, lambda step, model, ids: ids[:, : 6 // (3 - step)])
    found = lstm_tui.post_mortem(screen=False)
    assert found.step == 2
    assert [one.number for one in found.steps] == [1, 2]
    page = found._repr_html_()
    assert f"Step 2: {found.place}" in html.unescape(page)
    assert str(rich_display(found.run)) in page
    assert found.source().network is not None
    with lstm_tui.watch(model), torch.no_grad():
        model(_data(0)[0])
    assert lstm_tui.post_mortem(screen=False).place.module == "rnn"


def test_what_is_wrong_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model()
    for when, said in (("isnan(q)", "q"), ("h +", "column"), ("h", "no condition"), ("__import__('os')", "column")):
        with pytest.raises(UserError, match=said) as told, lstm_tui.watch(model, when):
            _train(model, 1)
        assert "\n" not in str(told.value)
    with (
        pytest.raises(UserError, match="of a whole step there are gradnorm and step"),
        lstm_tui.watch(model, "loss > 1"),
    ):
        _train(model, 1)
    with pytest.raises(UserError, match="keep="):
        lstm_tui.watch(model, keep=0)
    plain = nn.Linear(2, 2)
    with pytest.raises(UserError, match=r"holds no nn\.LSTM.* no function such as"), lstm_tui.watch(plain):
        plain(torch.zeros(1, 2))
    assert not plain._forward_hooks
    assert not plain._forward_pre_hooks
    with pytest.raises(UserError, match="did you mean rnn"), lstm_tui.watch(model, "isnan(h)", module="rn"):
        _train(model, 1)
    assert isinstance(lstm_tui.watch(model, "isnan(h)"), LoopWatch)
    monkeypatch.setattr("lstm_tui.living.watch._LAST", [])
    with pytest.raises(UserError, match="no step was watched"):
        lstm_tui.post_mortem(screen=False)


def test_a_condition_of_tokens_and_steps() -> None:
    model = Model()
    with pytest.raises(LoopStopped) as stopped, lstm_tui.watch(model, 'step == 4 and token == "w7"', tokens=WORDS):
        _train(model, 9)
    assert stopped.value.step == 4
    assert stopped.value.place.token == "w7"
    assert ": ;" not in str(stopped.value), "where there is no reason there is no colon"


def _hooks(model: Any) -> list[Any]:
    return [one for one in model.parameters() if one._backward_hooks]


def test_nothing_waits_for_a_backward_pass_behind_the_block() -> None:
    model = Model()
    ids, targets = _data(0)
    with lstm_tui.watch(model, "gradnorm > 1e-9") as seen:
        inside = nn.functional.cross_entropy(model(ids), targets)
        assert _hooks(model)
    assert not _hooks(model)
    inside.backward()
    nn.functional.cross_entropy(model(ids), targets).backward()
    assert seen.stopped is None
    assert [one.gradient_norm for one in seen.steps] == [None]


def test_a_step_that_was_not_differentiated_has_no_norm() -> None:
    model = Model()
    ids, targets = _data(0)
    with lstm_tui.watch(model) as seen:
        model(ids)
        nn.functional.cross_entropy(model(ids), targets).backward()
        model(ids)
    norm = float(sum(one.grad.double().square().sum() for one in model.parameters()) ** 0.5)
    assert [one.gradient_norm for one in seen.steps] == [None, pytest.approx(norm, rel=1e-6), None]
    assert seen.steps[0].runs[0].d_y is None


def test_a_stop_of_an_earlier_step_opens_that_step() -> None:
    model = Model()
    ids = _data(0)[0]

    def late() -> None:
        loss = model(ids).square().sum()
        model(ids[:, :2])
        loss.backward()

    with pytest.raises(LoopStopped) as stopped, lstm_tui.watch(model, "gradnorm > 1e-9"):
        late()
    assert stopped.value.step == 0
    found = lstm_tui.post_mortem(screen=False)
    assert (found.step, len(found.run)) == (0, 6)


def _grad(model: Any, ids: Any) -> Any:
    return torch.autograd.grad(model(ids).sum(), list(model.parameters()))


def _penalty(model: Any, ids: Any) -> Any:
    """Return the gradient of a loss and of the size of its own gradient."""
    model.zero_grad()
    loss = model(ids).square().sum()
    first = torch.autograd.grad(loss, list(model.parameters()), create_graph=True)
    (loss + sum(one.square().sum() for one in first)).backward()
    return [one.grad.clone() for one in model.parameters()]


def _twice(model: Any, ids: Any) -> Any:
    """Return the gradients that two backward passes of one forward pass give together."""
    model.zero_grad()
    loss = model(ids).square().sum()
    loss.backward(retain_graph=True)
    loss.backward()
    return [one.grad.clone() for one in model.parameters()]


@pytest.mark.parametrize("cell", [False, True])
@pytest.mark.parametrize("way", [_grad, _penalty, _twice])
def test_every_way_of_a_backward_pass_goes_as_without_the_watch(way: Callable[..., Any], cell: bool) -> None:
    model = Model(cell)
    ids = _data(0)[0]
    alone = way(model, ids)
    with lstm_tui.watch(model, "gradnorm > 1e9") as seen:
        inside = way(model, ids)
    behind = way(model, ids)
    for one, other, last in zip(alone, inside, behind, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
        np.testing.assert_array_equal(one.numpy(), last.numpy())
    parts = 2 if way is _twice else 1  # each of the two passes gives half
    norm = float(sum(one.double().square().sum() for one in alone) ** 0.5) / parts
    assert seen.steps[-1].gradient_norm == pytest.approx(norm, rel=1e-6)


def _of_numbers(**more: Any) -> Any:
    torch.manual_seed(3)
    return nn.LSTM(4, 3, batch_first=True, **more)


def _series(sequence: int | None = None, t: int = 4) -> Any:
    torch.manual_seed(4)
    x = torch.randn(2, 6, 4)
    if sequence is not None:
        x[sequence, t, 0] = torch.nan
    return x


@pytest.mark.parametrize(("when", "t"), [
    ("t == 1", 1), ("t == 1 or isnan(c)", 1), ("1 / (t - 1) > 9", 1), ("max(abs(c)) > 0", 0), ("h[t-1][0] < 9", 1),
    ("isnan(c)", 4), ("any(isnan(h[t-1]))", 4), ("t == 5 and isnan(c)", 4), ("t == 5 and token != token", None),
    ("c[0] > 1e9", 4), ("t == 5", 5),
])  # fmt: skip
def test_the_place_is_the_first_nan_only_where_the_condition_reads_one(when: str, t: int | None) -> None:
    model = _of_numbers()
    if t is None:
        with lstm_tui.watch(model, when):
            model(_series(0))
        return
    with pytest.raises(LoopStopped) as stopped, lstm_tui.watch(model, when):
        model(_series(0))
    place = stopped.value.place
    assert (place.sequence, place.t, "nan" in place.why) == (0, t, t == 4)


@pytest.mark.parametrize("number", [torch.nan, torch.inf])
@pytest.mark.parametrize(("more", "units"), [({}, 3), ({"bidirectional": True}, 6), ({"num_layers": 2}, 3)])
def test_a_gradient_that_is_not_finite_is_said_to_be_where_it_is_first_met(
    number: float, more: dict[str, Any], units: int
) -> None:
    model = _of_numbers(**more)
    weights = torch.ones(2, 6, units)
    weights[1, 3, 0] = number

    def learn() -> None:
        (model(_series())[0] * weights).sum().backward()

    with pytest.raises(LoopStopped) as stopped, lstm_tui.watch(model, "gradnorm > 1e9"):
        learn()
    place = stopped.value.place
    assert (place.sequence, place.t, place.equation.partition(" ")[0]) == (1, 3, "h")
    assert place.why.endswith(f"the gradient by h is {sentence(number)}, first met here")
    assert "largest" not in place.why


def test_no_largest_gradient_is_named_where_none_arrives() -> None:
    model = Model()

    def learn() -> None:
        (model(_data(0)[0]) * 0 + model.head.bias.sum() * 9).sum().backward()

    with pytest.raises(LoopStopped) as stopped, lstm_tui.watch(model, "gradnorm > 1"):
        learn()
    assert "largest" not in str(stopped.value)
    assert "no gradient arrives" in stopped.value.place.why


def test_a_share_is_told_of_a_memory_that_is_not_named() -> None:
    model = Model()
    ids = torch.tensor([[0, 1, 2], [3, 4, 5]])
    with pytest.raises(LoopStopped) as stopped, lstm_tui.watch(model, 'share("w4") > 0', tokens=WORDS):
        model(ids)
    assert (stopped.value.place.sequence, stopped.value.place.t) == (1, 1)
    with lstm_tui.watch(model, 'share("w8") > 0', tokens=WORDS) as seen:
        model(ids)  # no sequence holds it, which is no mistake
    assert seen.stopped is None


@pytest.mark.parametrize("when", [5, True, b"isnan(h)", ["isnan(h)"], len])
def test_a_condition_that_is_no_text_is_refused_when_the_watch_is_made(when: Any) -> None:
    with pytest.raises(UserError, match="when= is a condition as text"):
        lstm_tui.watch(Model(), when)


def _stopped(model: Any, when: str) -> LoopStopped:
    def learn() -> None:
        torch.manual_seed(5)
        model(_series())[0].sum().backward()

    with pytest.raises(LoopStopped) as stopped, lstm_tui.watch(model, when):
        learn()
    return stopped.value


def test_what_dropout_between_layers_hides_is_not_said_to_hold() -> None:
    model = _of_numbers(num_layers=2, dropout=0.9)
    for when in ("max(abs(c)) > 0", "c[0] > -9", "f > 0.1 and t == 2", "share(tok[0]) > 0"):
        stopped = _stopped(model, when)
        assert f"{when} is not known at" in str(stopped)
        assert "dropout=0.9 of nn.LSTM between its layers" in stopped.place.why
    for when in ("max(abs(h)) > 0", "t == 2", "t == 2 or max(abs(c)) > 1e9", "gradnorm > 1e-9", "step == 0"):
        assert f"{when} holds at" in str(_stopped(model, when)), when
    stopped = _stopped(model, "h[0] > -9")
    torch.manual_seed(5)
    assert sentence(model(_series())[0][0, 0, 0].item()) in stopped.place.why, "h is what PyTorch gave"
    assert "dropout=0.9" in _stopped(model, "gradnorm > 1e-9").place.why
    model.eval()
    assert "max(abs(c)) > 0 holds at" in str(_stopped(model, "max(abs(c)) > 0"))


class _Encoder(Model):
    def encode(self, ids: Any) -> Any:
        return self.rnn(self.embedding(ids))[0]

    def forward(self, ids: Any) -> Any:
        if ids.shape[1] == 1:
            raise ZeroDivisionError
        return self.head(self.encode(ids)[:, -1])


def _alive() -> int:
    """Return how many calls of recurrent modules are held anywhere."""
    gc.collect()
    return sum(isinstance(one, ModuleCall) for one in gc.get_objects())


def test_nothing_is_held_of_what_runs_outside_of_the_model() -> None:
    model, ids = _Encoder(), _data(0)[0]
    with lstm_tui.watch(model, keep=2) as seen:
        before = _alive()  # the watch before this one is held for `post_mortem` no more
        for _ in range(5):
            model.encode(ids).sum().backward()
        assert (_alive() - before, seen.steps) == (0, [])
        for _ in range(3):
            model(ids).sum().backward()
        with pytest.raises(ZeroDivisionError):
            model(ids[:, :1])
        for _ in range(5):
            model.encode(ids).sum().backward()
        assert _alive() - before == 2
    assert [len(one.runs) for one in seen.steps] == [3, 3]
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in model.modules())


def test_a_capture_inside_is_no_step() -> None:
    model = Model()
    ids, targets = _data(0)
    alone = lstm_tui.capture(model, ids, targets, nn.functional.cross_entropy)
    with lstm_tui.watch(model, "step > 0 or gradnorm > 1e9") as seen:
        loss = nn.functional.cross_entropy(model(ids), targets)
        inside = lstm_tui.capture(model, ids, targets, nn.functional.cross_entropy)
        assert [one.gradient_norm for one in seen.steps] == [None]
        loss.backward()
        lstm_tui.capture(model, ids)
    assert inside.gradient_norm == alone.gradient_norm
    np.testing.assert_array_equal(inside["rnn", 1].gradients["layer0.forward"]["c"],
                                  alone["rnn", 1].gradients["layer0.forward"]["c"])  # fmt: skip
    assert [one.number for one in seen.steps] == [0]
    assert seen.steps[0].gradient_norm == pytest.approx(alone.gradient_norm, rel=1e-6)
    assert len(seen.steps[0].runs) == 3
