"""A run of a network beside a recorded one: value by value, in the order in which they are computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number
from lstm_tui.formats.inputs.inputs import Sequences
from lstm_tui.formats.inputs.numeric_series import NumericSeries, series_from
from lstm_tui.formats.verify.recorded_run import INPUT, Recording

INITIAL = "initial/"


@dataclass(frozen=True)
class Deviation:
    """The first place at which a value is not as it was recorded.

    Attributes:
        name: Such as `layer0.forward/h`, or `output`.
        t: Place on the tape.
        unit: Which component.
        mine: What this program computes.
        theirs: What was recorded.
        largest: The largest difference anywhere in this value.
        batch: Which recorded sequence.
    """

    name: str
    t: int
    unit: int
    mine: float
    theirs: float
    largest: float
    batch: int = 0


def compare(network: Network, recorded: Recording, close: float) -> tuple[dict[str, float], Deviation | None]:
    """Return by name how far values are apart in any sequence, and the first that is farther than `close`.

    Raises:
        UserError: The recording is none of this network.
    """
    worst: dict[str, float] = {}
    first: Deviation | None = None
    for number, one in enumerate(recorded.sequences):
        now, wrong = _compare_one(network, one, recorded.where, close)
        for name, largest in now.items():
            worst[name] = max(worst.get(name, 0.0), largest)
        if first is None and wrong is not None:
            first = replace(wrong, batch=number)
    return worst, first


def _compare_one(
    network: Network, recorded: Mapping[str, Array], where: str, close: float
) -> tuple[dict[str, float], Deviation | None]:
    trace = run_recorded(network, recorded, where)
    computed = values_of(trace)
    theirs = by_own_names(network, recorded, computed)
    worst: dict[str, float] = {}
    first: Deviation | None = None
    for name in theirs:
        if name.split(".")[0] != INPUT and not name.startswith(INITIAL) and name not in computed:
            near = nearest(name, computed)
            hint = f"did you mean {near}?" if near else f"there are {', '.join(computed)}"
            raise UserError(f"{where}: {visible(name)} is no value of {visible(network.name)}; {hint}")
    for name, mine in computed.items():
        if name not in theirs:
            continue
        other = np.asarray(theirs[name])
        if other.shape != mine.shape:
            shapes = " and is ".join("×".join(map(str, one.shape)) or "one number" for one in (mine, other))
            raise UserError(f"{where}: {visible(name)} should be {shapes}")
        apart = difference(mine, other)
        worst[name] = float(apart.max(initial=0.0))
        if first is None and worst[name] > close:
            t, unit = (int(one) for one in np.argwhere(np.atleast_2d(apart) > close)[0])
            here, there = (float(np.atleast_2d(one)[t, unit]) for one in (mine, other))
            first = Deviation(name, t, unit, here, there, worst[name])
    return worst, first


def difference(mine: Array, theirs: Array) -> Array:
    """Return how far two arrays are apart, number by number: NaN beside NaN is no difference, beside a number ∞."""
    with np.errstate(all="ignore"):
        apart = np.abs(mine.astype(np.float64) - theirs)
    apart[np.isnan(apart) & ~(np.isnan(mine) & np.isnan(theirs)) & ~(mine == theirs)] = np.inf
    return np.nan_to_num(apart, nan=0.0, posinf=np.inf)


def recurrent_layers(network: Network) -> list[int]:
    """Return the numbers of the layers that keep something: a file's dense layers below them are layers too."""
    return [n for n, layer in enumerate(network.layers) if not layer.passes[0].cell.name.startswith("steps_")]


def by_own_names(network: Network, recorded: Mapping[str, Array], computed: Mapping[str, Array]) -> dict[str, Array]:
    """Return what was recorded by the names this network has: a recording counts recurrent layers alone."""
    theirs = dict(recorded)
    if "result" in theirs and "output" in computed and "output" not in theirs:  # (T,) of one number a step
        answer = np.asarray(theirs["result"])
        if computed["output"].shape == (*answer.shape, 1) and answer.shape != computed.get("result", answer[:0]).shape:
            theirs["output"] = theirs.pop("result")[:, None]
    own = recurrent_layers(network)
    if own == list(range(len(network.layers))):
        return theirs
    renamed: dict[str, Array] = {}
    for name, array in theirs.items():
        number, dot, rest = name.removeprefix("layer").partition(".")
        layer = whole_number(number) if name.startswith("layer") and dot else None
        if layer is None:
            renamed[name] = array
            continue
        if layer >= len(own):
            return theirs
        renamed[f"layer{own[layer]}.{rest}"] = array
    fits = all(name not in computed or computed[name].shape == np.shape(one) for name, one in renamed.items())
    there = all(name in computed for name in renamed if name.startswith("layer"))
    return renamed if fits and there else theirs


def run_recorded(network: Network, recorded: Mapping[str, Array], where: str) -> Trace:
    """Run a network on what was recorded to enter it, from the states it was recorded to begin with.

    Raises:
        UserError: It does not take that.
    """
    from lstm_tui.engine.runtime.run import run

    inputs = {name.removeprefix(INPUT).removeprefix("."): array for name, array in recorded.items()
              if name.split(".")[0] == INPUT}  # fmt: skip
    if len(inputs) == 1:
        source = series_from(next(iter(inputs.values())), where)
    else:
        rows = tuple(series_from(one, f"{where}: input.{visible(name)}").arrays[0] for name, one in inputs.items())
        source = NumericSeries(where, None, rows, (), tuple(inputs))
    initial: dict[str, dict[str, Array]] = {}
    for name, array in recorded.items():
        if name.startswith(INITIAL):
            one, _, state = name.removeprefix(INITIAL).rpartition("/")
            initial.setdefault(one, {})[state] = array.reshape(-1).astype(np.float64)
    try:
        return run(network, Sequences(source, network)[0], None, None, initial or None)
    except UserError as error:
        if "a batch of" not in str(error):
            raise
        raise UserError(f"{error}: in a recording as input and result, batch/1/input and batch/1/result, …") from None


def values_of(trace: Trace) -> dict[str, Array]:
    """Return every value by its name in a trace file, in the order in which they are computed."""
    values: dict[str, Array | None] = {"x": trace.sequence.x}
    values |= {f"{name}/{value}": array for name, passed in trace.items() for value, array in passed.items()}
    values |= {f"readout/{name}": array for name, array in trace.readout.items()}
    values |= {"output": trace.output, "result": trace.result}
    return {name: array for name, array in values.items() if array is not None}
