"""A network beside activations that another runtime recorded: where they part, and which other reading fits."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.open import Imported, ImportOptions, read_once
from lstm_tui.formats.importers.untrained import one_layer
from lstm_tui.formats.verify.alternatives import other_readings
from lstm_tui.formats.verify.batch_as_time import read_along_the_batch, said_of
from lstm_tui.formats.verify.compared_run import (
    INITIAL,
    Deviation,
    by_own_names,
    compare,
    difference,
    recurrent_layers,
    run_recorded,
    values_of,
)
from lstm_tui.formats.verify.expected_pairs import ExpectedPairs
from lstm_tui.formats.verify.recorded_run import INPUT, Recording, read_reference
from lstm_tui.formats.verify.torch_calls import HALF
from lstm_tui.formats.verify.verdict import Verification
from lstm_tui.formats.verify.weights_that_matter import without_effect

CLOSE = 1e-4
MOST_TRIED = 3000
SECONDS = 8.0
"""How long other readings are tried unless told, in processor time, so that a busy machine names what a quiet one does;
those that are simple come first. A verdict says where that ended before all were tried."""
_MOST_FITTING = 3
_MOST_FOLLOWED = 4
_DEEPEST = 2
_ANSWERS = ("output", "result")


def verify(
    path: str | Path,
    reading: ImportOptions,
    reference: str | Path,
    close: float = CLOSE,
    progress: Progress | None = None,
    seconds: float = SECONDS,
) -> tuple[Imported, Verification]:
    """Compare a file with a recording; where they part, try what else the file could have meant.

    Args:
        path: The network's file.
        reading: What the user says of it.
        reference: The recording's file.
        close: By how much numbers may differ that are called the same.
        progress: Told before each other reading that is tried; what it raises ends the work.
        seconds: How long other readings are tried, in seconds of processor time.

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
        compared, first = compare(opened.network, recorded, close)
    except UserError as error:
        return opened, _by_calls(opened.network, recorded, close, error)
    if not compared:
        raise UserError(
            f"{recorded.where}: nothing to compare: the file holds no readout, and the recording no other value"
        )
    unproven += _not_compared(opened.network, compared)
    count = len(recorded.sequences)
    if first is None:
        unproven += _not_tried(_without_effect(opened.network, recorded, compared, close), close)
        verdict = Verification(compared, close, left_out=left_out, unproven=tuple(unproven), sequences=count)
        return opened, verdict
    reasons = [*_reasons(opened, recorded, first, close)]
    search = _Search(read, recorded, close, seconds, progress)
    along = _along_the_batch(opened, recorded, {}, close)
    if not along or list(compared) == ["result"]:  # one vector may be both: from the end, the last step is the first
        search.from_here(opened.report, {}, compared, first)
    if not along and not search.fitting:
        along = _along_the_batch_otherwise(read, opened, recorded, close, progress, seconds / 4)
    reasons += along
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
        reasons += [f"not proven by what fits: {one}" for one in _not_tried(idle, close)]
    reasons = list(dict.fromkeys(reasons))
    fitting, repaired = zip(*proved, strict=True) if proved else ((), ())
    verdict = Verification(
        compared, close, first, fitting, search.tried, left_out, tuple(unproven), tuple(reasons), repaired, count,
        seconds if search.timed_out else None,
    )  # fmt: skip
    return opened, verdict


def _along_the_batch(opened: Imported, recorded: Recording, settings: Mapping[str, str], close: float) -> list[str]:
    """Say whether all that was recorded is a run along the batch of a file that is read with these decisions."""
    turned = _turned(opened, recorded)
    try:
        if turned is None or compare(opened.network, turned, close)[1] is not None:
            return []
    except UserError:
        return []
    said = " ".join(f"--set {visible(key)}={visible(value)}" for key, value in settings.items())
    return [f"as recorded{f', with {said},' if said else ''} is a run in which {said_of(recorded)}"]


def _along_the_batch_otherwise(
    read: Callable[[Mapping[str, str]], Imported],
    opened: Imported,
    recorded: Recording,
    close: float,
    progress: Progress | None,
    seconds: float,
) -> list[str]:
    """Say whether it is a run along the batch with another decision, which is looked for so many seconds."""
    turned = _turned(opened, recorded)
    try:
        compared, first = ({}, None) if turned is None else compare(opened.network, turned, close)
    except UserError:
        return []
    if turned is None or first is None:
        return []
    search = _Search(read, turned, close, seconds, progress)
    search.from_here(opened.report, {}, compared, first)
    return [
        one for settings, _ in search.fitting[:1] for one in _along_the_batch(read(settings), recorded, settings, close)
    ]


def _turned(opened: Imported, recorded: Recording) -> Recording | None:
    over = next((fact.value for fact in opened.report.facts if fact.key == "readout.over"), "")
    return read_along_the_batch(recorded, over)


def _without_effect(
    network: Network, recorded: Recording, compared: Mapping[str, float], close: float
) -> dict[str, dict[str, float]]:
    """Return the parameters, by their pass, that nothing depends on of what was compared of them or above them."""

    def values(one: Network) -> list[dict[str, Array]]:
        return [values_of(run_recorded(one, sequence, recorded.where)) for sequence in recorded.sequences]

    idle = without_effect(network, values, list(compared), close)
    if any(name in compared for name in _ANSWERS):
        return idle
    top = _top_compared(network, compared)
    return {name: own for name, own in idle.items() if name.startswith("layer") and _number_of(name) <= top}


def _not_tried(idle: Mapping[str, Mapping[str, float]], close: float) -> Iterator[str]:
    for name, parameters in idle.items():
        nothing = [one for one, most in parameters.items() if not most]
        little = [one for one, most in parameters.items() if most]
        if nothing:
            yield f"{name}: other numbers in {', '.join(nothing)}, tried at random, change nothing of what was recorded"
        if little:
            most = sentence(max(parameters[one] for one in little), 2)
            yield (
                f"{name}: other numbers in {', '.join(little)}, tried at random, change what was recorded "
                f"by {most} at most, below the tolerance of {sentence(close, 2)}"
            )


def _dead(network: Network, idle: Mapping[str, Collection[str]]) -> list[str]:
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
    return Verification(compared, close, first, unproven=tuple(unproven))


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
            given |= {f"{INITIAL}{one.name}/{state}": rows[begun + n] for state, rows in first.items()
                      if begun + n < len(rows)}  # fmt: skip
        try:
            trace = run_recorded(alone, given, recorded.where)
            series = np.concatenate([trace[one.name]["h"] for one in alone.passes], axis=1)
        except (UserError, KeyError):
            return None
        begun += ways
    return series


class _Search:
    """Other readings being tried: one decision, then two; one that repairs the first difference is gone on from."""

    def __init__(
        self,
        read: Callable[[Mapping[str, str]], Imported],
        recorded: Recording,
        close: float,
        seconds: float,
        progress: Progress | None = None,
    ) -> None:
        self.read = read
        self.progress = progress
        self.recorded = recorded
        self.close = close
        self.fitting: list[tuple[Mapping[str, str], float]] = []
        self.tried = 0
        self.timed_out = False
        self._until = time.thread_time() + seconds

    def _over(self) -> bool:
        """Say whether no other reading is to be tried, though there is one."""
        if len(self.fitting) >= _MOST_FITTING:
            return True
        self.timed_out = self.timed_out or time.thread_time() > self._until
        return self.timed_out

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
        pairs = ExpectedPairs(self.read(settings).network, self.recorded)
        for more in islice(other_readings(report, first.name, compared, self.close, pairs.distance), most):
            if self._over():
                break
            if farther and len({(key.rpartition(".")[2], value) for key, value in more.items()}) > 1:
                break  # two at once, where one alone repairs the first difference
            said = {**settings, **more}
            if self.progress is not None:
                self.progress(min(self.tried, MOST_TRIED), MOST_TRIED)
            self.tried += 1
            try:
                opened = self.read(said)
                now, wrong = compare(opened.network, self.recorded, self.close)
                pairs.note(more, opened.network)
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
    values = values_of(run_recorded(network, recorded.sequences[0], recorded.where))
    numbers = np.random.default_rng(0)
    worst = 0.0
    for bits in (np.float16, None):
        other = network.copy()
        for array in other.tensors().values():
            rounded = _to_bfloat16(array) if bits is None else array.astype(bits).astype(array.dtype)
            if recorded.dtype and np.array_equal(rounded, array):
                rounded = array * (1 + HALF[recorded.dtype] / 2 * numbers.uniform(-1, 1, array.shape))
            array[...] = rounded
        changed = values_of(run_recorded(other, recorded.sequences[0], recorded.where))
        theirs = by_own_names(network, recorded.sequences[0], values)
        apart = [float(difference(changed[name], values[name]).max(initial=0.0)) for name in theirs if name in values]
        worst = max([worst, *(one for one in apart if np.isfinite(one))])
    return worst


def _to_bfloat16(array: Array) -> Array:
    bits = array.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).astype(np.uint32).view(np.float32)
