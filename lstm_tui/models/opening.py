"""What a caller from Python opens: an input, a network and options, as a source of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from logging import getLogger
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from lstm_tui.debugger.edits.language import Edit
from lstm_tui.debugger.source import Source
from lstm_tui.engine.arrays import Rows
from lstm_tui.engine.errors import UserError, kind_of
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.memory_budget import bytes_of, set_memory_budget
from lstm_tui.engine.runtime.run import Initial
from lstm_tui.formats.inputs.framing import MOST_FRAME, PLAIN, Framing
from lstm_tui.formats.inputs.inputs import open_source, with_frames
from lstm_tui.models.bundled import model_for


def source_from(
    source: str | Path | Rows,
    model: str | Path | Network | None,
    line: int | None,
    whole: bool,
    dtype: str | None,
    interpreter: str | None,
    initial: Mapping[str, Mapping[str, ArrayLike]] | None,
    edits: str | Path | Sequence[str] = (),
    carry: bool = False,
    framing: Framing = PLAIN,
    memory: int | str | None = None,
) -> Source:
    """Return what the arguments of `lstm_tui.trace` and `lstm_tui.session` open.

    Raises:
        UserError: The input or the network is missing or wrong, or an option is none.
    """
    if dtype not in (None, "float32", "float64"):
        raise UserError(f"dtype= is float32 or float64, not {str(dtype)[:40]!r}")
    if line is not None and (isinstance(line, bool) or not isinstance(line, int)):
        raise UserError(f"line= is the number of a line, from 1; this is {kind_of(line)}")
    if memory is not None:
        set_memory_budget(_bytes(memory))
    given = with_frames(open_source(source), framing)
    network, note = model_for(given, model)
    more = (*([note] if note else []), *network.remarks_on(getattr(given, "columns", ())))
    found = Source.of_input(told(network, *more), given, whole, line)
    made = replace(found, note=note, dtype=dtype, interpreter=interpreter, initial=_states(initial), carry=carry)
    return replace(made, edit_script=_edits(edits))


def framing_of(frame: int | None, hop: int | None, context: int) -> Framing:
    """Return how samples become steps, as the options of the same names say.

    Raises:
        UserError: One of them is no number of samples.
    """
    for name, one, least in (("frame", frame, 1), ("hop", hop, 1), ("context", context, 0)):
        if one is not None and (isinstance(one, bool) or not isinstance(one, int) or not least <= one <= MOST_FRAME):
            raise UserError(f"{name}= is a number of samples, from {least} to {MOST_FRAME}, not {str(one)[:40]!r}")
    return Framing(frame, hop, context or 0)


def _bytes(memory: int | str) -> int:
    if isinstance(memory, str) or (isinstance(memory, int) and not isinstance(memory, bool)):
        return bytes_of(str(memory))
    raise UserError(f"memory= is a number of bytes, or an amount such as '2G'; this is {kind_of(memory)}")


def _edits(given: str | Path | Sequence[str]) -> tuple[Edit, ...]:
    """Return edits by their lines, or by the file that holds them.

    Raises:
        UserError: A line is no edit, or the file cannot be read.
    """
    from lstm_tui.debugger.edits.edit_reader import parse_edit_script, read_edit_script

    if isinstance(given, str | Path):
        return read_edit_script(given)
    if not all(isinstance(one, str) for one in given):
        raise UserError('edits= takes lines, such as ["remove 3"], or the name of a file of them')
    return parse_edit_script("\n".join(given), "edits=") if given else ()


_SAID: set[tuple[str, str]] = set()
"""Which remarks on which networks were logged; nothing is logged twice."""


def told(network: Network, *more: str) -> Network:
    """Log once what should be known of how a network was read, and more; `network.remarks` tells it again."""
    for remark in (*network.remarks, *more):
        if (network.name, remark) not in _SAID:
            _SAID.add((network.name, remark))
            getLogger("lstm_tui").warning("%s: %s", network.name, remark)
    return network


def _states(given: Mapping[str, Mapping[str, ArrayLike]] | None) -> Initial | None:
    """Return initial states as arrays; None where there are none."""
    if not given:
        return None
    return {
        name: {state: np.asarray(values, dtype=np.float64) for state, values in states.items()}
        for name, states in given.items()
    }
