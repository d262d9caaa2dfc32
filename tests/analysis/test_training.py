"""Training lowers the loss, repeats itself from a seed, can be stopped and keeps the best."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from made_networks import letters_of
from registries import sampled

from lstm_tui.analysis.train.adam import Adam, clip, copied, weights_of
from lstm_tui.analysis.train.loop import Progress, Settings, train
from lstm_tui.analysis.train.loss import (
    NOT_COUNTED,
    Example,
    input_array,
    loss_and_gradients,
    loss_of,
    mean_loss,
    next_rows,
    next_tokens,
)
from lstm_tui.engine.compiler.compile import compile_cell
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.model.network import Network, build_network, spec_of
from lstm_tui.engine.runtime.run import run_arrays

INTERPRETERS = ("numpy", "numba")


def tiny(
    readout: str = "dense", cell: str = "lstm", directions: tuple[str, ...] = ("forward",), **more: Any
) -> Network:
    spec = {
        "name": "tiny",
        "tokens": {"kind": "words", "lowercase": True, "vocabulary": ["<unk>", "a", "b", "c", "d"]},
        "embedding_size": 8,
        "layers": [{"cell": cell, "hidden_size": 8, "directions": list(directions)}],
        "readout": readout,
    }
    return build_network({**spec, **more}, seed=1, dtype=np.float64)


def echoes(count: int = 40) -> list[Example]:
    """Two letters and then the first again: the network has to remember it."""
    random = np.random.default_rng(0)
    return [next_tokens(np.array([a, b, a])) for a, b in random.integers(1, 5, (count, 2))]


def first_letters(count: int = 40) -> list[Example]:
    random = np.random.default_rng(0)
    return [Example(ids, int(ids[0] > 2)) for ids in random.integers(1, 5, (count, 4))]


def falling(count: int = 20) -> list[Example]:
    return [next_rows(np.array([[start * 0.5**n] for n in range(6)])) for start in np.linspace(-1, 1, count)]


def forecaster() -> Network:
    spec = {"name": "tiny", "input_size": 1, "layers": [{"cell": "gru", "hidden_size": 6}], "readout": "linear"}
    return build_network(spec, seed=1, dtype=np.float64)


@pytest.mark.long
@pytest.mark.parametrize(
    ("cell", "interpreter"), sampled([(cell, one) for cell in ("lstm", "gru", "rnn") for one in INTERPRETERS], 3)
)
def test_a_language_model_learns_to_remember(cell: str, interpreter: str) -> None:
    network, examples = tiny(cell=cell), echoes()
    weighted = [next_tokens(np.append(e.read, np.asarray(e.target)[-1]), np.array([0.0, 0, 1])) for e in examples]
    before = mean_loss(network, weighted, interpreter)
    train(network, weighted, Settings(epochs=25, rate=0.03, batch=8, interpreter=interpreter))
    assert mean_loss(network, weighted, interpreter) < 0.2 * before


@pytest.mark.slow
def test_a_classifier_learns_in_both_directions() -> None:
    network = tiny("mean", directions=("forward", "backward"), classes=["low", "high"])
    done = train(network, first_letters(), Settings(epochs=30, rate=0.03, batch=8, interpreter="numpy"))
    assert done.losses[-1] < 0.2 * done.losses[0]


def test_a_forecast_is_learned() -> None:
    network = forecaster()
    done = train(network, falling(), Settings(epochs=30, rate=0.02, batch=4, interpreter="numpy"))
    assert done.losses[-1] < 0.1 * done.losses[0]


@pytest.mark.parametrize("task", ["tokens", "class", "rows"])
def test_gradients_are_those_of_central_differences(task: str) -> None:
    network, example = {
        "tokens": lambda: (tiny(), next_tokens(np.array([1, 2, 1, 3, 3]), np.array([1.0, 1, 2, 0, 1]))),
        "class": lambda: (tiny("mean", directions=("forward", "backward"), classes=["x", "y"]), first_letters(1)[0]),
        "rows": lambda: (forecaster(), falling(3)[0]),
    }[task]()
    loss = loss_and_gradients(network, example, "numpy")
    given = dict(loss.gradients)
    weights = weights_of(network)
    if "embedding" in weights:
        given["embedding"] = np.zeros_like(weights["embedding"])
        np.add.at(given["embedding"], example.read, loss.d_x)
    random = np.random.default_rng(0)
    for name, array in weights.items():
        for place in random.choice(array.size, min(12, array.size), replace=False):
            view, step = array.reshape(-1), 1e-5
            kept = view[place]
            view[place] = kept + step
            more = loss_and_gradients(network, example, "numpy").total
            view[place] = kept - step
            less = loss_and_gradients(network, example, "numpy").total
            view[place] = kept
            assert given[name].reshape(-1)[place] == pytest.approx((more - less) / (2 * step), abs=1e-6)


def test_the_same_seed_gives_the_same_weights() -> None:
    made = []
    for seed in (3, 3, 4):
        network = tiny()
        how = Settings(epochs=2, seed=seed, unknown=0.2, silent=0.2, average=1, interpreter="numpy")
        train(network, echoes(), how)
        made.append(copied(weights_of(network)))
    assert all(np.array_equal(made[0][name], made[1][name]) for name in made[0])
    assert not np.array_equal(made[0]["embedding"], made[2]["embedding"])


def test_it_stops_when_it_is_asked_to_and_tells_how_far_it_is() -> None:
    told: list[Progress] = []
    done = train(
        tiny(),
        echoes(16),
        Settings(epochs=3, batch=4, interpreter="numpy"),
        progress=told.append,
        stop=lambda: len(told) == 6,
    )
    assert done.stopped
    assert len(done.losses) == 1
    assert [(one.step, one.steps, one.epoch) for one in told[-2:]] == [(5, 12, 2), (6, 12, 2)]


def test_the_best_epoch_is_kept() -> None:
    network, seen = tiny(), []

    def score(judged: Network) -> float:
        seen.append(copied(weights_of(judged)))
        return (0.1, 0.9, 0.5)[len(seen) - 1]

    done = train(network, echoes(8), Settings(epochs=3, interpreter="numpy"), score=score)
    assert (done.epoch, done.scores) == (2, (0.1, 0.9, 0.5))
    assert all(np.array_equal(array, seen[1][name]) for name, array in weights_of(network).items())


def test_the_last_epochs_are_averaged() -> None:
    ends = []
    network = tiny()
    train(network, echoes(8), Settings(epochs=3, batch=8, average=2, interpreter="numpy"),
          progress=lambda _: ends.append(copied(weights_of(network))))  # fmt: skip
    for name, array in weights_of(network).items():
        np.testing.assert_allclose(array, (ends[1][name] + ends[2][name]) / 2, atol=1e-12)


def test_examples_may_be_new_in_each_epoch() -> None:
    asked: list[int] = []

    def of_epoch(epoch: int) -> list[Example]:
        asked.append(epoch)
        return echoes(4)

    train(tiny(), of_epoch, Settings(epochs=3, interpreter="numpy"))
    assert asked == [0, 1, 2]


def test_what_is_not_counted_gives_no_gradient() -> None:
    said = np.full((3, 2), 0.5)
    total, counted, d = loss_of(said, Example(np.array([1, 1, 1]), np.array([NOT_COUNTED, 1, NOT_COUNTED])))
    assert counted == 1
    assert total == pytest.approx(np.log(2))
    assert d.tolist() == [[0, 0], [0, -2], [0, 0]]
    rows = np.array([[1.0, np.nan], [np.nan, np.nan], [0.0, 0.0]])
    total, counted, d = loss_of(said, Example(said, rows))
    assert counted == 3
    assert total == pytest.approx(0.375)
    assert d.tolist() == [[-0.5, 0], [0, 0], [0.5, 0.5]]


def test_targets_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="at every token"):
        loss_and_gradients(tiny(), Example(np.array([1, 2]), 1), "numpy")
    with pytest.raises(ValueError, match="every token is wanted"):
        loss_and_gradients(tiny("mean", classes=["x", "y"]), next_tokens(np.array([1, 2, 1])), "numpy")
    with pytest.raises(ValueError, match="no examples"):
        train(tiny(), [])


def test_clipping_keeps_the_direction() -> None:
    gradients = {"a": np.array([3.0, 0.0]), "b": np.array([4.0])}
    assert clip(gradients, 1.0) == pytest.approx(5.0)
    np.testing.assert_allclose(np.concatenate(list(gradients.values())), [0.6, 0, 0.8])
    assert clip(gradients, 2.0) == pytest.approx(1.0)


def test_adam_takes_its_first_step_by_the_rate() -> None:
    weights = {"a": np.zeros(3)}
    Adam(weights).step({"a": np.array([5.0, -0.1, 0.0])}, 0.01)
    np.testing.assert_allclose(weights["a"], [-0.01, 0.01, 0], atol=1e-6)


WITH_CONSTANTS = [name for name in cell_names() if compile_cell(load_cell(name), 4, 4, {"P": 4}).constants]


@pytest.mark.parametrize("cell", sampled(WITH_CONSTANTS, 3))
def test_constants_of_the_equations_are_not_learned(cell: str) -> None:
    spec = {
        "name": "small",
        "tokens": {"kind": "words", "lowercase": True, "vocabulary": ["<unk>", "a", "b"]},
        "embedding_size": 8,
        "layers": [{"cell": cell, "hidden_size": 8, "directions": ["forward"], "sizes": letters_of(load_cell(cell))}],
        "readout": "mean",
        "classes": ["no", "yes"],
    }
    network = build_network(spec, seed=1)
    examples = [Example(np.array([1, 2, 1]), 0), Example(np.array([2, 2, 1, 1]), 1)]
    train(network, examples, Settings(epochs=3, rate=0.1, interpreter="numpy"))
    assert network.passes[0].program.constants
    for offset, numbers in network.passes[0].program.constants:
        held = network.passes[0].flat[offset : offset + len(numbers)]
        np.testing.assert_array_equal(held, numbers.astype(held.dtype))
    again = build_network(spec_of(network), network.tensors())
    ran, reran = (run_arrays(one, input_array(one, examples[1].read), "numpy") for one in (network, again))
    assert ran.readout is not None
    assert reran.readout is not None
    np.testing.assert_array_equal(ran.readout.values["y"], reran.readout.values["y"])
