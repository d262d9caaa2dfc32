"""A layer that a file runs one step at a time from the beginning: its equations with nothing carried along.

The classic mistake is to give a recurrent layer the batch where it wants the time. Then every token is a sequence of
its own, and begins with an empty memory. The equations say so: where a state of the step before stood, the state
every sequence begins with stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.language.cell import parse_cell
from lstm_tui.formats.importers.plan import Recurrent
from lstm_tui.formats.verify.alternatives import cell_text

_END = "_one_step"
_BLOCK = re.compile(r"(equations = '''\n)(.*?)(''')", re.DOTALL)


def without_memory(part: Recurrent) -> Recurrent:
    """Return a layer in which every step begins as a sequence does."""
    text = cell_text(part)
    states = parse_cell(text, part.name).state
    text = _BLOCK.sub(lambda found: found[1] + _first_steps(found[2], states) + found[3], text)
    name = re.search(r'(?m)^name = "(.*)"$', text)
    assert name is not None
    text = text.replace(name[0], f'name = "{name[1][:54]}{_END}"', 1)
    text = re.sub(r'(?m)^title = "(.*)"$', r'title = "\1: every token begins with an empty memory"', text, count=1)
    text = re.sub(r"(?m)^initial = .*\n", "", text)
    passes = [(direction, _started(given, part, direction, states, text)) for direction, given in part.passes]
    return replace(part, cell=text, passes=passes, functions={}, initial={}, bound=None)


def forgets(part: Recurrent) -> bool:
    """Say whether a layer is one in which every step begins as a sequence does."""
    return bool(re.search(rf'(?m)^name = ".*{_END}"$', part.cell))


def _first_steps(equations: str, states: tuple[str, ...]) -> str:
    """Return equations that read, where they read the step before, what a sequence begins with."""
    made: list[str] = []
    old = set(states)
    for line in equations.split("\n"):
        name, sign, rest = line.partition(" = ")
        code, mark, comment = rest.partition("#")
        for state in old:
            code = re.sub(rf"\bprev\({state}\)|(?<![\w.]){state}\b(?!\s*\()", f"{state}_0", code)
        made.append(name + sign + code + mark + comment)
        old.discard(name.strip())
    return "\n".join(made)


def _started(
    given: Mapping[str, Array], part: Recurrent, direction: str, states: tuple[str, ...], text: str
) -> dict[str, Array]:
    start = part.initial.get(direction, {})
    zeros = {f"{state}_0": start.get(state, np.zeros(part.hidden, np.float32)) for state in states}
    return {**given, **{name: one for name, one in zeros.items() if re.search(rf"\b{name}\b", text)}}
