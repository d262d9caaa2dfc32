"""A recording made by a program that took the batch for the time: every step then follows that of another sequence.

Of one sequence that is a run in which every token begins with an empty memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.formats.verify.compared_run import INITIAL
from lstm_tui.formats.verify.recorded_run import INPUT, Recording

_MOST_STEPS = 64
"""Steps that are looked at of each sequence, and sequences of which the last step is: each is a run of its own."""
_LAST = "last"


def read_along_the_batch(recorded: Recording, over: str) -> Recording | None:
    """Return what was recorded as sequences along the batch, one for every step; None where it cannot be read so.

    Args:
        recorded: The recording.
        over: What the readout takes of the steps: of a vector, only that of the last step can be told apart.
    """
    given = [_input_of(one) for one in recorded.sequences]
    if not all(array.ndim for one in given for array in one.values()):
        return None
    count = len(given[0][next(iter(given[0]))])
    alike = all(len(array) == count for one in given for array in one.values())
    begun = any(name.startswith(INITIAL) for one in recorded.sequences for name in one)
    if count < 2 or not alike or begun:
        return None
    steps = list(range(min(count, _MOST_STEPS)))
    names = [name for name in recorded.sequences[0] if not name.startswith(INPUT) and name != "result"]
    names = [name for name in names if all(_holds_steps(one.get(name), count) for one in recorded.sequences)]
    made: list[Mapping[str, Array]] = []
    if names:
        made = [_at(recorded.sequences, [*given[0], *names], t) for t in steps]
    if over == _LAST and all("result" in one for one in recorded.sequences):
        for number, one in enumerate(recorded.sequences[:_MOST_STEPS]):
            before = _at(recorded.sequences[: number + 1], list(given[0]), count - 1)
            made.append({**before, "result": one["result"]})
    return replace(recorded, sequences=made) if made else None


def said_of(recorded: Recording) -> str:
    """Return what the program did that made such a recording."""
    if len(recorded.sequences) == 1:
        return "every token begins with an empty memory: the other program took the batch for the time (batch_first)"
    return "the steps are taken along the batch: the other program took the batch for the time (batch_first)"


def _input_of(sequence: Mapping[str, Array]) -> dict[str, Array]:
    return {name: one for name, one in sequence.items() if name.split(".")[0] == INPUT}


def _holds_steps(array: Array | None, count: int) -> bool:
    return array is not None and array.ndim > 0 and len(array) == count


def _at(sequences: Sequence[Mapping[str, Array]], names: Sequence[str], t: int) -> dict[str, Array]:
    """Return one step of every sequence as a sequence."""
    return {name: np.stack([np.asarray(one[name])[t] for one in sequences]) for name in names}
