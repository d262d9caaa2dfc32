"""A network beside activations that another runtime recorded: where they part, and which other reading fits."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.open import Imported, ImportOptions, read_once
from lstm_tui.formats.importers.untrained import one_layer
from lstm_tui.formats.inputs.inputs import Sequences
from lstm_tui.formats.inputs.numeric_series import NumericSeries, series_from
from lstm_tui.formats.io.files import label
from lstm_tui.formats.io.json import Fields, decode
from lstm_tui.formats.io.npy import read_npz
from lstm_tui.formats.verify.alternatives import other_readings
from lstm_tui.formats.verify.recording import ABOUT, BATCH, CAPTURED
from lstm_tui.formats.verify.torch_calls import HALF
from lstm_tui.formats.verify.weights_that_matter import without_effect

_MOST_SEQUENCES = 999_999  # of one recording
INPUT = "input"
CLOSE = 1e-4
MOST_TRIED = 600
SECONDS, LATEST = 8.0, 24.0
"""How long other readings are tried, in processor time, so that a busy machine names what a quiet one does; and how
long at most, so that an answer is there in time. Those that are simple come first."""
_MOST_FITTING = 3
_MOST_FOLLOWED = 4
_DEEPEST = 2
_ANSWERS = ("output", "result")
_INITIAL = "initial/"
_ASIDE = ("around/", "call/", "answer/", CAPTURED)


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


@dataclass(frozen=True)
class Verification:
    """What came of comparing.

    Attributes:
        compared: The largest difference of every value that was compared.
        first: The first difference that is too large, in the order in which values are computed, or None.
        fitting: Decisions under which nothing differs, where another reading fits.
        tried: How many other readings were tried.
        left_out: What the recording says of the whole model, and the file cannot, since it holds no readout.
        unproven: What was not compared, a sentence each; while there is any, nobody may say that all is the same.
        reasons: What is known of why they part, a sentence each.
        repaired: By the decisions of `fitting`, in their order: the largest difference that remains.
        sequences: How many sequences were compared.
    """

    compared: Mapping[str, float]
    first: Deviation | None = None
    fitting: tuple[Mapping[str, str], ...] = ()
    tried: int = 0
    left_out: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    repaired: tuple[float, ...] = ()
    sequences: int = 1


@dataclass(frozen=True, eq=False)
class Recording:
    """What another runtime computed.

    Attributes:
        where: The file, safe to show.
        sequences: Of each: `input`, and values by the names a trace has, layers counted as recurrent ones.
        calls: Of the first sequence, by path: what each call of a recurrent module read and gave.
        around: What other modules read and gave, by path.
        layers: Paths of the recurrent layers, where they are known.
        unproven: What the recording itself does not hold.
        dtype: What the other runtime computed with, where that has 16 bits: bfloat16 or float16; else empty.
    """

    where: str
    sequences: Sequence[Mapping[str, Array]]
    calls: Mapping[str, Array] = field(default_factory=dict)
    around: Mapping[str, Array] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    dtype: str = ""


@door("a recording")
def read_reference(path: str | Path) -> Recording:
    """Return what was recorded: `input` and values by the names a trace has, such as `layer0.forward/h` (T, H).

    Raises:
        UserError: It has no input, or nothing to compare.
    """
    where = label(path)
    arrays = read_npz(path, kinds="fiubU")
    text = arrays.pop(ABOUT, None)
    strange = next((name for name, one in arrays.items() if one.dtype.kind == "U"), None)
    if strange is not None:
        raise UserError(f"{where}: {visible(strange)} holds text, not numbers")
    about = Fields({} if text is None else decode(str(text).encode(), where), where)
    layers = tuple(about.items("layers", str)) if "layers" in about.content else ()
    unproven = tuple(about.items("unproven", str)) if "unproven" in about.content else ()
    sequences: dict[int, dict[str, Array]] = {0: {}}
    aside: dict[str, Array] = {}
    for name, array in arrays.items():
        if name.startswith(_ASIDE):
            aside[name] = array
            continue
        number, _, rest = (
            name.removeprefix(f"{BATCH}/").partition("/") if name.startswith(f"{BATCH}/") else ("0", "", name)
        )
        if rest.startswith(_ASIDE):
            continue
        which = whole_number(number, most=_MOST_SEQUENCES)
        if which is None:
            raise UserError(f"{where}: {visible(name)} is no name of a recording")
        sequences.setdefault(which, {})[rest] = array
    first = sequences[0]
    inputs = [name for name in first if name.split(".")[0] == INPUT]
    if not inputs or len(inputs) == len(first):
        raise UserError(
            f"{where}: should hold `{INPUT}` (or `{INPUT}.NAME` for each of several) and values to compare, "
            "such as layer0.forward/h"
        )
    calls = {name.removeprefix("call/"): one for name, one in aside.items() if name.startswith("call/")}
    around = {name.removeprefix("around/"): one for name, one in aside.items() if name.startswith("around/")}
    whole = [one for one in sequences.values() if any(name.split(".")[0] == INPUT for name in one)]
    dtype = about.get("dtype", str) if "dtype" in about.content else ""
    told = tuple(visible(one) for one in unproven)
    return Recording(where, whole, calls, around, layers, told, dtype if dtype in HALF else "")


def verify(
    path: str | Path, reading: ImportOptions, reference: str | Path, close: float = CLOSE
) -> tuple[Imported, Verification]:
    """Compare a file with a recording; where they part, try what else the file could have meant.

    Raises:
        UserError: The file or the recording cannot be read, or they do not belong together.
    """
    recorded = read_reference(reference)
    read = read_once(path, reading)
    opened = read({})
    held = recorded.sequences[0]
    left_out = () if opened.network.readout else tuple(name for name in _ANSWERS if name in held)
    kept = [{name: array for name, array in one.items() if name not in left_out} for one in recorded.sequences]
    recorded = replace(recorded, sequences=kept)
    unproven = list(recorded.unproven)
    if opened.network.readout and not any(name in held for name in (*_ANSWERS, "readout")):
        unproven.append("the answer, which the recording does not hold")
    try:
        compared, first = _compare(opened.network, recorded, close)
    except UserError as error:
        return opened, _by_calls(opened.network, recorded, close, error)
    if not compared:
        raise UserError(
            f"{recorded.where}: nothing to compare: the file holds no readout, and the recording no other value"
        )
    unproven += _not_compared(opened.network, compared)
    count = len(recorded.sequences)
    if first is None:
        unproven += _not_tried(_without_effect(opened.network, recorded, compared, close))
        return opened, Verification(compared, left_out=left_out, unproven=tuple(unproven), sequences=count)
    reasons = [*_reasons(opened, recorded, first, close)]
    search = _Search(read, recorded, close)
    search.from_here(opened.report, {}, compared, first)
    proved: list[tuple[Mapping[str, str], float]] = []
    for settings, remains in search.fitting:
        network = read(settings).network
        idle = _without_effect(network, recorded, compared, close)
        dead = _dead(network, idle)
        if dead:
            said = ", ".join(f"{visible(key)}={visible(value)}" for key, value in settings.items())
            reasons.append(
                f"with {said} nothing would differ, and that proves nothing: what was recorded then depends on no "
                f"weight of {', '.join(dead)}"
            )
            continue
        proved.append((settings, remains))
        reasons += [f"not proven by what fits: {one}" for one in _not_tried(idle)]
    reasons = list(dict.fromkeys(reasons))
    fitting, repaired = zip(*proved, strict=True) if proved else ((), ())
    verdict = Verification(
        compared, first, fitting, search.tried, left_out, tuple(unproven), tuple(reasons), repaired, count
    )
    return opened, verdict


def _without_effect(
    network: Network, recorded: Recording, compared: Mapping[str, float], close: float
) -> dict[str, list[str]]:
    """Return the parameters, by their pass, that nothing depends on of what was compared of them or above them."""

    def values(one: Network) -> list[dict[str, Array]]:
        return [_values(_run(one, sequence, recorded.where)) for sequence in recorded.sequences]

    idle = without_effect(network, values, list(compared), close)
    if any(name in compared for name in _ANSWERS):
        return idle
    top = _top_compared(network, compared)
    return {name: own for name, own in idle.items() if name.startswith("layer") and _number_of(name) <= top}


def _not_tried(idle: Mapping[str, Sequence[str]]) -> list[str]:
    return [
        f"{name}: other numbers in {', '.join(parameters)} would change nothing of what was recorded"
        for name, parameters in idle.items()
    ]


def _dead(network: Network, idle: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the passes of recurrent layers none of whose weights matters."""
    layers = recurrent_layers(network)
    own: dict[str, int] = {}
    for name in network.tensors():
        own[name.rpartition("/")[0]] = own.get(name.rpartition("/")[0], 0) + 1
    return [name for name, parameters in idle.items()
            if name.startswith("layer") and _number_of(name) in layers and len(parameters) == own[name]]  # fmt: skip


def _number_of(name: str) -> int:
    return int(name.split(".")[0].removeprefix("layer"))


def _top_compared(network: Network, compared: Mapping[str, float]) -> int:
    """Return the number of the highest layer that was compared, or -1."""
    return max(
        (n for n in range(len(network.layers)) if any(name.startswith(f"layer{n}.") for name in compared)), default=-1
    )


def _by_calls(network: Network, recorded: Recording, close: float, whole: UserError) -> Verification:
    """Compare every call of a module by itself, where the recording as a whole is no run of this network.

    Such is a decoder that is stepped by hand, an encoder beside its decoder, a cell whose state the model changes.

    Raises:
        UserError: `whole`, where no call can be compared either.
    """
    places = dict(zip(recorded.layers, recurrent_layers(network), strict=False))
    named = network.card.get("imported", {}).get("layers", [])
    if len(named) == len(network.layers):
        places = {str(named[n]): n for n in recurrent_layers(network)}
    compared: dict[str, float] = {}
    first: Deviation | None = None
    paths = dict.fromkeys(name.rpartition("/")[0].rpartition("/")[0] for name in recorded.calls)
    for path in paths:
        own = [places[one] for one in recorded.layers if one in places and one in (path, f"{path}.l{places[one]}")]
        count = sum(name.startswith(f"{path}/") and name.endswith("/x") for name in recorded.calls)
        for call in range(count if own else 0):
            mine = _of_a_call(network, recorded, f"{path}/{call}", own)
            theirs = recorded.calls.get(f"{path}/{call}/y")
            if mine is None or theirs is None or mine.shape != theirs.shape:
                raise whole
            apart = difference(mine, theirs)
            name = f"call/{path}/{call}/y"
            compared[name] = float(apart.max(initial=0.0))
            if first is None and compared[name] > close:
                t, unit = (int(one) for one in np.argwhere(apart > close)[0])
                first = Deviation(name, t, unit, float(mine[t, unit]), float(theirs[t, unit]), compared[name])
    if not compared:
        raise whole
    missing = [one for one in recorded.layers if one not in places]
    unproven = [one for one in recorded.unproven if not one.startswith(("calls of ", "first states that "))]
    unproven.append("what stands between the calls, and the answer: each call was compared by itself")
    if missing:
        unproven.append(f"{', '.join(map(visible, missing))}, of another network of the file: --network takes it")
    return Verification(compared, first, unproven=tuple(unproven))


def _of_a_call(network: Network, recorded: Recording, call: str, layers: Sequence[int]) -> Array | None:
    """Return what layers give for what was recorded to enter a module (T, n), begun with its states; None if not."""
    series = recorded.calls.get(f"{call}/x")
    if series is None:
        return None
    first = {name: recorded.calls[f"{call}/{name}_0"] for name in "hc" if f"{call}/{name}_0" in recorded.calls}
    begun = 0
    for number in layers:
        alone = one_layer(network, number)
        ways = len(alone.passes)
        given: dict[str, Array] = {INPUT: series}
        for n, one in enumerate(alone.passes):
            given |= {f"{_INITIAL}{one.name}/{state}": rows[begun + n] for state, rows in first.items()
                      if begun + n < len(rows)}  # fmt: skip
        try:
            trace = _run(alone, given, recorded.where)
            series = np.concatenate([trace[one.name]["h"] for one in alone.passes], axis=1)
        except (UserError, KeyError):
            return None
        begun += ways
    return series


class _Search:
    """Other readings being tried: one decision, then two; one that repairs the first difference is gone on from."""

    def __init__(self, read: Callable[[Mapping[str, str]], Imported], recorded: Recording, close: float) -> None:
        self.read = read
        self.recorded = recorded
        self.close = close
        self.fitting: list[tuple[Mapping[str, str], float]] = []
        self.tried = 0
        self._until = time.thread_time() + SECONDS
        self._latest = time.monotonic() + LATEST

    def _over(self) -> bool:
        late = time.thread_time() > self._until or time.monotonic() > self._latest
        return late or len(self.fitting) >= _MOST_FITTING

    def from_here(
        self,
        report: ImportReport,
        settings: Mapping[str, str],
        compared: Mapping[str, float],
        first: Deviation,
        depth: int = 0,
    ) -> None:
        """Try every other reading beside `settings`, under which `first` differs."""
        place = list(compared).index(first.name)
        farther: list[tuple[int, Mapping[str, str], Imported, Mapping[str, float], Deviation]] = []
        most = MOST_TRIED // (1 + 2 * depth)
        for more in islice(other_readings(report, first.name, compared, self.close), most):
            if self._over():
                break
            if farther and len(more) > 1 and len({key.rpartition(".")[2] for key in more}) > 1:
                break  # two at once, where one alone repairs the first difference
            said = {**settings, **more}
            self.tried += 1
            try:
                opened = self.read(said)
                now, wrong = _compare(opened.network, self.recorded, self.close)
            except UserError:
                continue
            if wrong is None:
                if not any(one.items() <= said.items() for one, _ in self.fitting):
                    self.fitting.append((said, max(now.values())))
            elif depth < _DEEPEST and len(now) == len(compared) and (there := list(now).index(wrong.name)) > place:
                farther.append((-there, said, opened, now, wrong))  # by place: a reading may add a layer below
        if self.fitting:
            return
        for _, settled, opened, apart, wrong in sorted(farther, key=lambda one: (one[0], len(one[1])))[:_MOST_FOLLOWED]:
            self.from_here(opened.report, settled, apart, wrong, depth + 1)
            if self.fitting:
                return


def _not_compared(network: Network, compared: Mapping[str, float]) -> Iterator[str]:
    """Iterate over the passes whose states nothing was compared with, where nothing above them was either."""
    if any(name in compared for name in _ANSWERS):
        return
    top = _top_compared(network, compared)
    missing = [one.name for one in network.passes if _number_of(one.name) > top]
    if missing:
        yield f"{', '.join(missing)}, which the recording does not hold"


def _compare(network: Network, recorded: Recording, close: float) -> tuple[dict[str, float], Deviation | None]:
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
    trace = _run(network, recorded, where)
    computed = _values(trace)
    theirs = _by_own_names(network, recorded, computed)
    worst: dict[str, float] = {}
    first: Deviation | None = None
    for name in theirs:
        if name.split(".")[0] != INPUT and not name.startswith(_INITIAL) and name not in computed:
            near = nearest(name, computed)
            hint = f"did you mean {near}?" if near else f"there are {', '.join(computed)}"
            raise UserError(f"{where}: {visible(name)} is no value of {visible(network.name)}; {hint}")
    for name, mine in computed.items():
        if name not in theirs:
            continue
        other = np.asarray(theirs[name])
        if other.shape != mine.shape:
            shapes = " and is ".join("×".join(map(str, one.shape)) for one in (mine, other))
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


def _by_own_names(network: Network, recorded: Mapping[str, Array], computed: Mapping[str, Array]) -> dict[str, Array]:
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


def _reasons(opened: Imported, recorded: Recording, first: Deviation, close: float) -> Iterator[str]:
    """Iterate over what is known of why a value differs: what enters a layer, the layer itself, or rounding."""
    network = opened.network
    unused = opened.report.unused
    left = f"; not used of the file: {', '.join(unused[:4])}" if unused else ""
    layers = recurrent_layers(network)
    number = int(first.name.split(".")[0].removeprefix("layer")) if first.name.startswith("layer") else None
    if number in layers and layers.index(number) < len(recorded.layers):
        yield from _of_a_layer(network, recorded, number, layers.index(number), close, left)
    elif number is None and all(f"layer{n}." in " ".join(recorded.sequences[0]) for n in range(len(layers))):
        yield f"every recurrent layer is as recorded: what stands above them differs{left}"
    elif left:
        yield left.removeprefix("; ")
    noise = _rounding(network, recorded, close)
    if 0 < first.largest <= 2 * noise:
        yield f"rounding the weights to half precision differs by as much ({sentence(noise, 2)}): it need be no mistake"


def _of_a_layer(
    network: Network, recorded: Recording, number: int, place: int, close: float, left: str
) -> Iterator[str]:
    """Say whether a layer differs by itself, given what the other runtime gave it, or what enters it differs."""
    path = recorded.layers[place]
    path = path if f"{path}/0/x" in recorded.calls else path.rpartition(".")[0]
    x, y = recorded.calls.get(f"{path}/0/x"), recorded.calls.get(f"{path}/0/y")
    own = [n for n, name in zip(recurrent_layers(network), recorded.layers, strict=False)
           if name == path or re.fullmatch(rf"{re.escape(path)}\.l\d+", name)]  # fmt: skip
    if x is None or y is None or number not in own:
        if left:
            yield left.removeprefix("; ")
        return
    mine = _of_a_call(network, recorded, f"{path}/0", own)
    if mine is None:
        return
    first = [recorded.calls[f"{path}/0/{name}_0"] for name in "hc" if f"{path}/0/{name}_0" in recorded.calls]
    apart = float(difference(mine, y).max(initial=0.0)) if mine.shape == y.shape else np.inf
    if apart > close:
        yield f"{visible(path)} itself differs: given what was recorded to enter it, by {sentence(apart, 2)}{left}"
    elif any(np.any(one) for one in first):
        yield f"{visible(path)} by itself is as recorded: the model gives it first states, which are zeros here"
    else:
        yield f"{visible(path)} by itself is as recorded: what enters it differs already{left}"


def _rounding(network: Network, recorded: Recording, close: float) -> float:
    """Return by how much the network differs from itself with its weights rounded to half precision.

    Weights that are of half precision already are changed by as much as what was computed with them was rounded.
    """
    values = _values(_run(network, recorded.sequences[0], recorded.where))
    numbers = np.random.default_rng(0)
    worst = 0.0
    for bits in (np.float16, None):
        other = network.copy()
        for array in other.tensors().values():
            rounded = _to_bfloat16(array) if bits is None else array.astype(bits).astype(array.dtype)
            if recorded.dtype and np.array_equal(rounded, array):
                rounded = array * (1 + HALF[recorded.dtype] / 2 * numbers.uniform(-1, 1, array.shape))
            array[...] = rounded
        changed = _values(_run(other, recorded.sequences[0], recorded.where))
        theirs = _by_own_names(network, recorded.sequences[0], values)
        apart = [float(difference(changed[name], values[name]).max(initial=0.0)) for name in theirs if name in values]
        worst = max([worst, *(one for one in apart if np.isfinite(one))])
    return worst


def _to_bfloat16(array: Array) -> Array:
    bits = array.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).astype(np.uint32).view(np.float32)


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
