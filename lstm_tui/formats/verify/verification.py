"""A network beside activations that another runtime recorded: where they part, and which other reading fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.open import Imported, ImportOptions, read_once
from lstm_tui.formats.inputs.inputs import Sequences
from lstm_tui.formats.inputs.series import NumericSeries, series_from
from lstm_tui.formats.io.files import label
from lstm_tui.formats.io.npy import read_npz
from lstm_tui.formats.verify.alternatives import other_readings

INPUT = "input"
CLOSE = 1e-4
MOST_TRIED = 300
_SAID = ("output", "result")
_INITIAL = "initial/"


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
    """

    name: str
    t: int
    unit: int
    mine: float
    theirs: float
    largest: float


@dataclass(frozen=True)
class Verification:
    """What came of comparing.

    Attributes:
        compared: The largest difference of every value that was compared.
        first: The first difference that is too large, in the order in which values are computed, or None.
        fitting: Decisions under which nothing differs, where another reading fits.
        tried: How many other readings were tried.
        left_out: What the recording says of the whole model, and the file cannot, since it holds no readout.
    """

    compared: Mapping[str, float]
    first: Deviation | None = None
    fitting: tuple[Mapping[str, str], ...] = ()
    tried: int = 0
    left_out: tuple[str, ...] = ()


@door("a recording")
def read_reference(path: str | Path) -> dict[str, Array]:
    """Return what was recorded: `input` and values by the names a trace has, such as `layer0.forward/h` (T, H).

    Raises:
        UserError: It has no input, or nothing to compare.
    """
    arrays = read_npz(path)
    inputs = [name for name in arrays if name.split(".")[0] == INPUT]
    if not inputs or len(inputs) == len(arrays):
        raise UserError(
            f"{label(path)}: should hold `{INPUT}` (or `{INPUT}.NAME` for each of several) and values to compare, "
            "such as layer0.forward/h"
        )
    return arrays


def verify(
    path: str | Path, reading: ImportOptions, reference: str | Path, close: float = CLOSE
) -> tuple[Imported, Verification]:
    """Compare a file with a recording; where they part, try what else the file could have meant.

    Raises:
        UserError: The file or the recording cannot be read, or they do not belong together.
    """
    recorded = read_reference(reference)
    where = label(reference)
    read = read_once(path, reading)
    opened = read({})
    left_out = () if opened.network.readout else tuple(name for name in _SAID if name in recorded)
    recorded = {name: array for name, array in recorded.items() if name not in left_out}
    compared, first = _compare(opened.network, recorded, where, close)
    if not compared:
        raise UserError(f"{where}: nothing to compare: the file holds no readout, and the recording no other value")
    if first is None:
        return opened, Verification(compared, left_out=left_out)
    fitting: list[Mapping[str, str]] = []
    tried = 0
    for settings in islice(other_readings(opened.report, first.name), MOST_TRIED):
        tried += 1
        try:
            _, wrong = _compare(read(settings).network, recorded, where, close)
        except UserError:
            continue
        if wrong is None and settings not in fitting:
            fitting.append(settings)
            if len(fitting) == 3:
                break
    return opened, Verification(compared, first, tuple(fitting), tried, left_out)


def _compare(
    network: Network, recorded: Mapping[str, Array], where: str, close: float
) -> tuple[dict[str, float], Deviation | None]:
    trace = _run(network, recorded, where)
    computed = _values(trace)
    worst: dict[str, float] = {}
    first: Deviation | None = None
    for name in recorded:
        if name.split(".")[0] != INPUT and not name.startswith(_INITIAL) and name not in computed:
            near = nearest(name, computed)
            hint = f"did you mean {near}?" if near else f"there are {', '.join(computed)}"
            raise UserError(f"{where}: {visible(name)} is no value of {visible(network.name)}; {hint}")
    for name, mine in computed.items():
        if name not in recorded:
            continue
        theirs = np.asarray(recorded[name])
        if theirs.shape != mine.shape:
            shapes = " and is ".join("×".join(map(str, one.shape)) for one in (mine, theirs))
            raise UserError(f"{where}: {visible(name)} should be {shapes}")
        apart = np.abs(mine.astype(np.float64) - theirs)
        apart[np.isnan(apart) & ~(np.isnan(mine) & np.isnan(theirs))] = np.inf
        apart = np.nan_to_num(apart, nan=0.0, posinf=np.inf)
        worst[name] = float(apart.max(initial=0.0))
        if first is None and worst[name] > close:
            t, unit = (int(one) for one in np.argwhere(np.atleast_2d(apart) > close)[0])
            here, there = (float(np.atleast_2d(one)[t, unit]) for one in (mine, theirs))
            first = Deviation(name, t, unit, here, there, worst[name])
    return worst, first


def _run(network: Network, recorded: Mapping[str, Array], where: str) -> Trace:
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
        if name.startswith(_INITIAL):
            one, _, state = name.removeprefix(_INITIAL).rpartition("/")
            initial.setdefault(one, {})[state] = array.reshape(-1).astype(np.float64)
    return run(network, Sequences(source, network)[0], None, None, initial or None)


def _values(trace: Trace) -> dict[str, Array]:
    """Return every value by its name in a trace file, in the order in which they are computed."""
    values: dict[str, Array | None] = {"x": trace.sequence.x}
    values |= {f"{name}/{value}": array for name, passed in trace.items() for value, array in passed.items()}
    values |= {f"readout/{name}": array for name, array in trace.readout.items()}
    values |= {"output": trace.output, "result": trace.result}
    return {name: array for name, array in values.items() if array is not None}
