"""The text of a cell with other activations, clipped sums or given first states: a page of equations like any other."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lstm_tui.engine.cell import load_cell
from lstm_tui.formats.activations import activation
from lstm_tui.formats.parts import Recurrent

_LSTM = {"gates": ("sigmoid", "fio"), "candidate": ("tanh", "g"), "output": ("tanh", "h")}
SLOTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "lstm": _LSTM,
    "lstm_peephole": _LSTM,
    "lstm_projected": _LSTM,
    "greff_cifg": _LSTM,
    "gru": {"gates": ("sigmoid", "rz"), "candidate": ("tanh", "n")},
    "gru_reset_before": {"gates": ("sigmoid", "rz"), "candidate": ("tanh", "n")},
    "rnn": {"candidate": ("tanh", "h")},
}
"""Of each cell: its slots, with the function that stands there and the values it makes."""


def cell_text(part: Recurrent) -> str:
    """Return the text of the cell of a layer.

    Raises:
        UserError: The cell or an activation is not known.
    """
    if "\n" in part.cell:
        return part.cell
    text = load_cell(part.cell).text
    changed, macros = [], {}
    for slot, (own, values) in SLOTS.get(part.cell, {}).items():
        wanted = part.functions.get(slot, own)
        bounded = part.bound is not None and slot != "output"
        if wanted == own and not bounded:
            continue
        body = activation(wanted)
        named = wanted.partition("=")[0]
        function = f"{named}_{slot}" if "=" in wanted else named
        if bounded:
            limit = repr(part.bound)
            inner = f"clip(a, -{limit}, {limit})"
            body = f"{function}({inner})" if body is None else re.sub(r"\ba\b", inner, body)
            function = f"{function}_of_clipped"
        if body is not None:
            macros[function] = body
        text = "\n".join(_call(line, own, function) if _value(line) in values else line for line in text.split("\n"))
        if wanted != own:
            changed.append(named if slot == "gates" else f"{slot}_{named}")
    if part.bound is not None:
        changed.append("clipped")
    if part.initial:
        states = sorted({state for given in part.initial.values() for state in given})
        starts = ", ".join(f'{state} = "{state}_0"' for state in states)
        text = _with_key(text, f"initial = {{ {starts} }}")
        changed.append("started")
    if not changed:
        return text
    if macros:
        entries = ", ".join(f'{name} = "{body}"' for name, body in macros.items())
        text = _with_key(text, f"functions = {{ {entries} }}")
    name = "_".join([part.cell, *changed])[:64]
    text = re.sub(r'(?m)^name = ".*"$', f'name = "{name}"', text, count=1)
    return re.sub(r'(?m)^title = "(.*)"$', rf'title = "\1: {", ".join(changed)}"', text, count=1)


def _value(line: str) -> str:
    """Return the one-letter value a line defines; a line of another kind has none."""
    found = re.match(r"([a-z])\s*=", line)
    return found.group(1) if found else "-"


def _call(line: str, old: str, new: str) -> str:
    code, hash_sign, comment = line.partition("#")
    return re.sub(rf"\b{old}\(", f"{new}(", code) + hash_sign + comment


def _with_key(text: str, key: str) -> str:
    """Put a key before the equations."""
    return text.replace("equations = '''", f"{key}\nequations = '''", 1)
