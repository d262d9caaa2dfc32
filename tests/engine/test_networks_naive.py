from __future__ import annotations

from pathlib import Path
from typing import Any

import naive
import numpy as np
import pytest
from present import present
from random_networks import layer, numbers, random_network

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import spec_of
from lstm_tui.engine.runtime.run import run
from lstm_tui.formats.importers.native import load, save

SHAPES = [
    [layer("lstm", 5)],
    [layer("gru", 4)],
    [layer("rnn", 3)],
    [layer("lstm", 4, both=True)],
    [layer("gru", 3), layer("lstm", 4), layer("rnn", 2)],
    *[
        [layer(cell, 3, both=True, merge=merge), layer(cell, 2, both=True, merge=merge)]
        for cell in ("lstm", "gru", "rnn")
        for merge in ("concat", "sum", "average", "mul")
    ],
    [{**layer("gru", 3), "directions": ["backward"]}],
    [layer("lstm", 4, both=True, own={"backward": {"cell": "gru", "hidden_size": 2}}), layer("rnn", 2)],
    [layer("gru", 3, both=True, merge="mul", own={"backward": {"cell": "rnn"}})],
]


@pytest.mark.parametrize("layers", SHAPES)
def test_every_value_is_that_of_the_papers(layers: list[dict[str, Any]]) -> None:
    spec = {"name": "n", "input_size": 3, "layers": layers}
    network = random_network(spec, seed=len(layers))
    x = np.random.default_rng(2).normal(size=(70, 3))
    random = np.random.default_rng(3)
    given = {
        one.name: {state: random.normal(size=one.program.values[state].size) for state in one.cell.state}
        for one in network.passes
    }
    for initial in (None, given):
        trace = run(network, numbers(x), initial=initial)
        passes, top = naive.run_network(spec, network.tensors(), x, initial)
        assert list(trace) == list(passes)
        for name, values in passes.items():
            for value, series in values.items():
                np.testing.assert_allclose(trace[name][value], series, rtol=0, atol=1e-12)
        assert top.shape[1] == network.layers[-1].output_size


def test_a_bidirectional_text_network_with_a_mean_and_a_softmax() -> None:
    spec = {
        "name": "n", "tokens": {"kind": "words", "vocabulary": ["<unk>", "a", "b", "c"], "lowercase": True},
        "embedding_size": 3, "layers": [layer("lstm", 4, both=True)], "readout": "mean", "classes": ["no", "yes"],
    }  # fmt: skip
    network = random_network(spec, seed=5)
    from random_networks import words

    trace = run(network, words(network, "A", "zebra", "c"))
    assert trace.sequence.unknown == (1,)
    tensors = network.tensors()
    x = tensors["embedding"][[1, 0, 3]]
    _, top = naive.run_network(spec, tensors, x)
    verdict = naive.softmax(tensors["readout/V_y"] @ top.mean(axis=0) + tensors["readout/b_y"])
    np.testing.assert_allclose(present(trace.result), verdict, atol=1e-12)
    assert trace.output is None


def test_a_pass_with_a_cell_of_its_own_is_written_and_read(tmp_path: Path) -> None:
    own = {"backward": {"cell": "gru", "hidden_size": 2}}
    spec = {"name": "n", "input_size": 3, "layers": [layer("lstm", 4, both=True, own=own)], "readout": "linear"}
    network = random_network({**spec, "outputs": 2}, seed=3)
    path = tmp_path / "own.safetensors"
    save(network, path)
    again = load(path)
    x = np.random.default_rng(2).normal(size=(6, 3))
    first, second = (present(run(one, numbers(x)).ran).merged[-1] for one in (network, again))
    assert np.array_equal(first, second)
    assert [one.cell.name for one in again.passes] == ["lstm", "gru"]
    assert spec_of(again)["layers"] == spec_of(network)["layers"]


def test_directions_of_different_sizes_are_not_added() -> None:
    own = {"backward": {"hidden_size": 2}}
    with pytest.raises(UserError, match="different sizes, so sum cannot merge"):
        random_network({"name": "n", "input_size": 3, "layers": [layer("gru", 3, True, "sum", own=own)]})
