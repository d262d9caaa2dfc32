"""A run that grows has the bits of a run of the whole, wherever it was cut, and never writes what it handed out."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from present import present
from random_networks import layer, numbers, random_network
from registries import DOUBLE_IS_SLOW, sampled

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.language.readout import readout_names
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime import storage
from lstm_tui.engine.runtime.incremental import GrowingRun, most_tokens
from lstm_tui.engine.runtime.overrides import Hold
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace

STEPS = 150  # more than two blocks of hoisted products


FORWARD = [name for name in readout_names() if name != "final"]  # which reads both ways


def of_numbers(cell: str = "lstm", layers: int = 2, readout: str | None = None, dtype: str = "float32") -> Network:
    strict = "x" in load_cell(cell).sizes  # its input is as wide as it is
    sizes = {"P": 3} if any(size.letter == "P" for size in load_cell(cell).sizes.values()) else {}
    spec: dict[str, Any] = {
        "name": "growing", "input_size": 6 if strict else 3, "layers": [layer(cell, 6, sizes=sizes)] * layers,
        "readout": readout, "outputs": 4,
    }  # fmt: skip
    return random_network(spec, dtype=dtype)


def series(network: Network) -> Sequence:
    return numbers(np.random.default_rng(7).normal(0, 1, (STEPS, network.input_size)))


def bits(array: Array) -> bytes:
    array = np.ascontiguousarray(array)
    return np.where(np.isnan(array), array.dtype.type(np.nan), array).tobytes()


def everything(trace: Trace) -> dict[str, bytes]:
    """Return every number a run has, as bits."""
    found = {f"{name}/{value}": bits(numbers) for name, one in trace.items() for value, numbers in one.arrays.items()}
    found |= {f"{name}<{value}": bits(numbers) for name, one in trace.items() for value, numbers in one.inputs.items()}
    found |= {f"readout/{name}": bits(numbers) for name, numbers in trace.readout.items()}
    stored = present(trace.ran).stored
    found |= {f"{name} of the run": bits(one.rows) for name, one in stored.items() if one.rows is not None}
    for name, said in (("output", trace.output), ("result", trace.result)):
        if said is not None:
            found[name] = bits(said)
    return found


def grown(network: Network, sequence: Sequence, cuts: list[int], engine: str, holds: tuple[Hold, ...] = ()) -> Trace:
    places = [0, *sorted({cut for cut in cuts if 0 < cut < len(sequence)}), len(sequence)]
    before = tuple(Hold(h.pass_name, h.value, h.units, (h.steps[0], min(h.steps[1], places[1])), h.verb, h.number)
                   for h in holds)  # fmt: skip
    growing = GrowingRun(run(network, sequence.part(0, places[1]), engine, holds=before))
    handed_out = [(growing.trace, everything(growing.trace))]
    for start, stop in pairwise(places[1:]):
        growing.grow(sequence.part(start, stop), holds)
        handed_out.append((growing.trace, everything(growing.trace)))
    for trace, was in handed_out:
        assert everything(trace) == was
    return growing.trace


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("dtype", DOUBLE_IS_SLOW)
@pytest.mark.parametrize("cell", sampled(cell_names(), 2))
def test_every_cell_grows_to_the_bits_of_the_whole(cell: str, dtype: str, engine: str) -> None:
    network = of_numbers(cell, dtype=dtype)
    sequence = series(network)
    whole = run(network, sequence, engine)
    assert everything(grown(network, sequence, [1, 2, 63, 65, 128, 149], engine)) == everything(whole)


@pytest.mark.long
@pytest.mark.parametrize("readout", sampled(FORWARD, 2))
@settings(max_examples=15, deadline=None)
@given(
    cuts=st.lists(st.integers(1, STEPS - 1), max_size=8),
    layers=st.integers(1, 2),
    engine=st.sampled_from(["numpy", "numba"]),
)
def test_every_readout_grows_wherever_the_text_is_cut(readout: str, cuts: list[int], layers: int, engine: str) -> None:
    network = of_numbers(layers=layers, readout=readout)
    sequence = series(network)
    assert everything(grown(network, sequence, cuts, engine)) == everything(run(network, sequence, engine))


@pytest.mark.parametrize("readout", FORWARD)
def test_what_is_held_stays_held(readout: str) -> None:
    network = of_numbers(readout=readout)
    sequence = series(network)
    holds = (
        Hold("layer0.forward", "c", (1, 3), (2, STEPS), "set", 0.25),
        Hold("layer1.forward", "f", (0, 6), (5, 9), "scale", 0.5),
        Hold("layer0.forward", "x", (0, 1), (0, 70), "set", 2.0),
    )
    whole = run(network, sequence, "numpy", holds=holds)
    assert everything(grown(network, sequence, [10, 64, 66, 100], "numpy", holds)) == everything(whole)


def test_what_is_too_long_to_keep_every_op_keeps_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    network = of_numbers(readout="mean")
    sequence = series(network)
    width = network.passes[0].program.width
    whole = run(network, sequence, "numpy")
    monkeypatch.setattr(storage, "KEEP_ROWS_BYTES", 100 * width * 4)
    for first in (20, 120):
        trace = grown(network, sequence, [first, 90, 130], "numpy")
        assert present(trace["layer0.forward"].stored).rows is None
        both = everything(whole)
        assert {name: both[name] for name in everything(trace)} == everything(trace)
        one, other = (present(ran["layer0.forward"].row(140)) for ran in (trace, whole))
        assert one.tobytes() == other.tobytes()


def test_there_is_an_end_to_what_is_held() -> None:
    network = of_numbers(readout="mean")
    assert most_tokens(network, "float32") == 2 * most_tokens(network, "float64")
    values = sum(slot.size for one in network.passes for slot in one.program.values.values())
    assert most_tokens(network, "float32") * values * 4 < 256 * 2**20
